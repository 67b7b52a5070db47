/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposition.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/text.h"

#define PREFIX "iceberg_offload_agent_"

static bool family_ends_with(struct slice text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

/* In OpenMetrics the samples of a counter and of an info have a suffix that their family has not, and a unit is the end of a name. */
static void family_in_openmetrics(const struct exposition *exposition, const char *name, const char *type,
                                  const char *help)
{
    static const char *const units[] = { "seconds", "bytes" };
    struct slice family = slice_of(name);
    if (strcmp(type, "counter") == 0 && family_ends_with(family, "_total"))
        family.len -= sizeof "_total" - 1;
    else if (strcmp(type, "info") == 0 && family_ends_with(family, "_info"))
        family.len -= sizeof "_info" - 1;
    strbuf_printf(exposition->out, "# TYPE " PREFIX "%.*s %s\n", (int)family.len, family.at, type);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (family_ends_with(family, units[i]))
            strbuf_printf(exposition->out, "# UNIT " PREFIX "%.*s %s\n", (int)family.len, family.at, units[i]);
    strbuf_printf(exposition->out, "# HELP " PREFIX "%.*s %s\n", (int)family.len, family.at, help);
}

void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help)
{
    if (exposition->dialect == EXPOSITION_OPENMETRICS) {
        family_in_openmetrics(exposition, name, type, help);
        return;
    }
    strbuf_printf(exposition->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name,
                  strcmp(type, "info") == 0 ? "gauge" : type);
}

void exposition_end(const struct exposition *exposition)
{
    if (exposition->dialect == EXPOSITION_OPENMETRICS)
        strbuf_puts(exposition->out, "# EOF\n");
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
