/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "template.h"

#include <string.h>

#include "base/json.h"
#include "nearest.h"

static const char *const template_names[TEMPLATE_NAMES] = {
    [TEMPLATE_FIRST_LINE] = "first_line",
    [TEMPLATE_SUMMARY] = "summary",
    [TEMPLATE_STATUS] = "status",
    [TEMPLATE_SEVERITY] = "severity",
    [TEMPLATE_ALERT] = "alert",
    [TEMPLATE_HOST] = "host",
    [TEMPLATE_LOG] = "log",
    [TEMPLATE_TABLE] = "table",
    [TEMPLATE_TABLES] = "tables",
    [TEMPLATE_INCIDENT] = "incident",
    [TEMPLATE_TIME] = "time",
    [TEMPLATE_STARTED] = "started",
    [TEMPLATE_ENDED] = "ended",
    [TEMPLATE_SINCE] = "since",
    [TEMPLATE_CAUSE] = "cause",
    [TEMPLATE_FIRST_COMMAND] = "first_command",
    [TEMPLATE_EVIDENCE] = "evidence",
    [TEMPLATE_RUNBOOK] = "runbook",
    [TEMPLATE_RUNBOOK_URL] = "runbook_url",
    [TEMPLATE_INCIDENT_URL] = "incident_url",
    [TEMPLATE_DASHBOARD_URL] = "dashboard_url",
    [TEMPLATE_ALERTMANAGER_URL] = "alertmanager_url",
    [TEMPLATE_DESCRIPTION] = "description",
    [TEMPLATE_ESCALATE_TO] = "escalate_to",
    [TEMPLATE_PROMETHEUS_TIME] = "prometheus_time",
    [TEMPLATE_DEDUP_KEY] = "dedup_key",
};

/* Returns the next "${NAME}" in text, with NAME in *name; NULL if there is none. One without an end has the rest as its name. */
static const char *next_placeholder(const char *text, struct slice *name, const char **behind)
{
    const char *at = strstr(text, "${");
    if (!at)
        return NULL;
    *name = (struct slice){ at + 2, strcspn(at + 2, "}\"\n") };
    *behind = name->at + name->len + (name->at[name->len] == '}');
    return at;
}

static int template_find(struct slice name)
{
    for (int i = 0; i < TEMPLATE_NAMES; i++)
        if (strlen(template_names[i]) == name.len && memcmp(template_names[i], name.at, name.len) == 0)
            return i;
    return -1;
}

static void say_unknown(struct slice name, struct strbuf *why)
{
    struct strbuf copy = { 0 };
    struct nearest nearest;
    strbuf_add(&copy, name.at, name.len);
    nearest_begin(&nearest, strbuf_text(&copy));
    for (int i = 0; i < TEMPLATE_NAMES; i++)
        nearest_try(&nearest, template_names[i]);
    strbuf_printf(why, "unknown placeholder ${%s}; ", strbuf_text(&copy));
    if (nearest_found(&nearest))
        strbuf_printf(why, "the nearest is ${%s}", nearest_found(&nearest));
    else
        strbuf_puts(why, "agent.conf(5) lists all");
    strbuf_free(&copy);
}

bool template_check(const char *text, struct strbuf *why)
{
    struct slice name;
    const char *behind;
    if (!json_is_valid(text)) {
        strbuf_puts(why, "the file is no JSON (a placeholder stands within a string: \"${summary}\")");
        return false;
    }
    for (; next_placeholder(text, &name, &behind); text = behind) {
        if (name.at[name.len] != '}') {
            strbuf_printf(why, "the placeholder ${%.*s has no end", (int)name.len, name.at);
            return false;
        }
        if (template_find(name) < 0) {
            say_unknown(name, why);
            return false;
        }
    }
    return true;
}

void template_fill(const char *text, const char *const *values, struct strbuf *out)
{
    struct slice name;
    const char *behind;
    for (const char *at; (at = next_placeholder(text, &name, &behind)) != NULL; text = behind) {
        int place = template_find(name);
        strbuf_add(out, text, (size_t)(at - text));
        if (place >= 0 && values[place])
            json_add_content(out, values[place]);
    }
    strbuf_puts(out, text);
}
