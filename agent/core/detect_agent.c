/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

/*
 * The agent's own troubles, which the daemon reports: a log that it may not or cannot read, webhooks that take nothing. Either leaves
 * people without news, so it is an incident like any other. The daemon says when it begins and when it ends.
 */

static void raise_own(struct context *context, enum incident_kind kind, const char *in_short, const char *first_command)
{
    struct slice why = context->moment->event->text;
    struct strbuf what = { 0 };
    strbuf_puts(&what, why.len ? "" : in_short);
    strbuf_add(&what, why.at, why.len);
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = kind,
                                            .severity = SEVERITY_WARNING,
                                            .onset_ms = context->moment->now_ms,
                                            .what = strbuf_text(&what),
                                            .cause.first_command = first_command,
                                        });
    strbuf_free(&what);
}

static void agent_fact(struct context *context, const struct fact *fact)
{
    (void)fact;
    switch (context->moment->event->kind) {
    case EVENT_LOG_REFUSED: raise_own(context, KIND_LOG, "the log cannot be read", "agent status"); break;
    case EVENT_LOG_READABLE: incidents_clear(context->incidents, KIND_LOG, NULL); break;
    case EVENT_WEBHOOK_STUCK: raise_own(context, KIND_DELIVERY, "a webhook takes nothing", "agent test-webhook"); break;
    case EVENT_WEBHOOK_WELL: incidents_clear(context->incidents, KIND_DELIVERY, NULL); break;
    default: break;
    }
}

const struct detector detect_agent = { .hears = HEARS(FACT_EVENT), .fact = agent_fact };
