/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain.h"

#include <stdarg.h>

#include "base/strbuf.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICTS] = {
        [VERDICT_NOTHING] = "nothing", [VERDICT_WARNING] = "warning", [VERDICT_CRITICAL] = "critical",
        [VERDICT_OPENED] = "opened",   [VERDICT_JOINED] = "joined",   [VERDICT_APART] = "apart",
        [VERDICT_HELD] = "held",       [VERDICT_ENDED] = "ended",
    };
    return names[verdict];
}

void explain(const struct explainer *explainer, enum incident_kind kind, const struct table *table,
             enum verdict verdict, const char *format, ...)
{
    if (!explain_is_wanted(explainer))
        return;
    struct strbuf text = { 0 };
    va_list arguments;
    va_start(arguments, format);
    strbuf_vprintf(&text, format, arguments);
    va_end(arguments);
    explainer->explain(explainer->ctx, &(struct judgement){
                                           .time_ms = explainer->moment->now_ms,
                                           .rule = kind_facts(kind)->rule,
                                           .table = table ? table->name : NULL,
                                           .verdict = verdict,
                                           .text = strbuf_text(&text),
                                       });
    strbuf_free(&text);
}
