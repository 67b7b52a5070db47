/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/strbuf.h"
#include "incident.h"
#include "units.h"

/* A place in a runbook, in words and as a link. What comes from a history may be any text. */

static const struct runbook_facts runbooks[RUNBOOKS] = {
    { 1, "iceberg-offload-failure.md", "Offload Failure", 15 * MINUTE_MS, 30 * MINUTE_MS },
    { 2, "iceberg-offload-lag.md", "High Lag", 15 * MINUTE_MS, 30 * MINUTE_MS },
    { 3, "iceberg-offload-performance.md", "Performance Degradation", 15 * MINUTE_MS, 30 * MINUTE_MS },
    { 4, "iceberg-offload-watermark-recovery.md", "Watermark Recovery", 15 * MINUTE_MS, 60 * MINUTE_MS },
    { 5, "iceberg-scheduler-recovery.md", "Scheduler Recovery", 2 * MINUTE_MS, 5 * MINUTE_MS },
};

const struct runbook_facts *runbook_facts(size_t index)
{
    return index < RUNBOOKS ? &runbooks[index] : NULL;
}

const struct runbook_facts *runbook_find(const char *file)
{
    for (size_t i = 0; i < RUNBOOKS && file; i++)
        if (strcmp(runbooks[i].file, file) == 0)
            return &runbooks[i];
    return NULL;
}

/* The scenario's number, which stands behind the slash of "1/2"; NULL if there is none. */
static const char *scenario_number(const char *scenario)
{
    static const char DIGITS[] = "0123456789";
    const char *slash = scenario ? strchr(scenario, '/') : NULL;
    if (!slash || slash[1] == '\0' || slash[1 + strspn(slash + 1, DIGITS)] != '\0')
        return NULL;
    return strspn(scenario, DIGITS) == (size_t)(slash - scenario) ? slash + 1 : NULL;
}

bool scenario_words(const char *scenario, const char *title, struct strbuf *out)
{
    const char *number = scenario_number(scenario);
    if (number)
        strbuf_printf(out, "scenario %s%s%s", number, title ? ": " : "", title ? title : "");
    return number != NULL;
}

void runbook_words(const char *runbook, const char *scenario, const char *title, struct strbuf *out)
{
    struct strbuf words = { 0 };
    if (!runbook)
        return;
    strbuf_puts(out, runbook);
    if (scenario_words(scenario, title, &words))
        strbuf_printf(out, ", %s", words.at);
    strbuf_free(&words);
}

bool runbook_url(const char *base, const char *runbook, struct strbuf *out)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    if (!base || !*base || !runbook || !*runbook || runbook[strspn(runbook, PLAIN)] != '\0')
        return false;
    strbuf_printf(out, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", runbook);
    return true;
}
