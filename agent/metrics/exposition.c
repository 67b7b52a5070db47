/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposition.h"

#include <inttypes.h>

#include "base/text.h"

#define PREFIX "iceberg_offload_agent_"

void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help)
{
    strbuf_printf(exposition->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void exposition_put_value(struct strbuf *out, const char *text)
{
    struct strbuf valid = { 0 };
    text_add_valid(&valid, text, strlen(text));
    for (const char *at = strbuf_text(&valid); *at; at++)
        if (*at == '\n')
            strbuf_puts(out, "\\n");
        else if (*at == '"' || *at == '\\')
            strbuf_printf(out, "\\%c", *at);
        else
            strbuf_add(out, at, 1);
    strbuf_free(&valid);
}

static void exposition_put_series(const struct exposition *exposition, const char *name,
                                  const struct metric_label *labels)
{
    strbuf_printf(exposition->out, PREFIX "%s{log=\"", name);
    exposition_put_value(exposition->out, exposition->log_path);
    for (; labels && labels->name; labels++) {
        strbuf_printf(exposition->out, "\",%s=\"", labels->name);
        exposition_put_value(exposition->out, labels->value);
    }
    strbuf_puts(exposition->out, "\"} ");
}

void exposition_number(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                       int64_t value)
{
    exposition_put_series(exposition, name, labels);
    strbuf_printf(exposition->out, "%" PRId64 "\n", value);
}

void exposition_seconds(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                        int64_t value_ms)
{
    exposition_put_series(exposition, name, labels);
    strbuf_printf(exposition->out, "%" PRId64 ".%03d\n", value_ms / 1000, (int)(value_ms % 1000));
}
