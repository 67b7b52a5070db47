/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saved.h"

/* A low success rate: a table fails now and then, but never often enough in a row to be an incident of consecutive failures. */

enum { FLAPS_KEPT = 32 }; /* bounds detect.flapping_per_day */

struct flaps {
    int64_t at_ms[FLAPS_KEPT]; /* failures of the last day outside any incident of consecutive failures, oldest first */
    size_t count;
};

static void success_rate_begin_table(struct table *table)
{
    table->flaps = must_alloc(sizeof *table->flaps);
}

static size_t flaps_since(const struct flaps *flaps, int64_t since_ms)
{
    size_t count = 0;
    while (count < flaps->count && flaps->at_ms[flaps->count - 1 - count] > since_ms)
        count++;
    return count;
}

static void success_rate_on_failed(struct context *context, struct table *table)
{
    struct flaps *flaps = table->flaps;
    int64_t now_ms = context->moment->now_ms, first_ms, counted_ms;
    bool known = flaps->count && flaps->at_ms[flaps->count - 1] == now_ms;
    failures_in_a_row(table, &first_ms, &counted_ms);
    if (counted_ms != now_ms || known)
        return; /* part of a burst */
    if (incidents_find(context->incidents, KIND_FAILURES, table)) {
        flaps->count -= flaps_since(flaps, first_ms - 1); /* they are told as consecutive failures */
        return;
    }
    if (flaps->count == FLAPS_KEPT)
        memmove(flaps->at_ms, flaps->at_ms + 1, --flaps->count * sizeof *flaps->at_ms);
    flaps->at_ms[flaps->count++] = now_ms;

    size_t recent = flaps_since(flaps, now_ms - DAY_MS);
    if ((int64_t)recent <= context->settings->detect.flapping_per_day)
        return;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%zu failures within a day, never in a row", recent);
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_SUCCESS_RATE,
                                            .severity = SEVERITY_WARNING,
                                            .table = table,
                                            .onset_ms = flaps->at_ms[flaps->count - recent],
                                            .what = strbuf_text(&what),
                                            .cause = table_cause(table),
                                        });
    strbuf_free(&what);
}

static void success_rate_fact(struct context *context, const struct fact *fact)
{
    success_rate_on_failed(context, fact->table);
}

/* It is over when at most one failure lies within a day: when the last but one becomes a day old. */
static int64_t success_rate_table_due(const struct context *context, const struct table *table)
{
    const struct flaps *flaps = table->flaps;
    if (!incidents_find(context->incidents, KIND_SUCCESS_RATE, table))
        return INT64_MAX;
    return flaps->count < 2 ? context->moment->now_ms : flaps->at_ms[flaps->count - 2] + DAY_MS;
}

static int64_t success_rate_due(const struct context *context)
{
    int64_t best = INT64_MAX;
    if (!incidents_find(context->incidents, KIND_SUCCESS_RATE, NULL))
        return best;
    for (size_t i = 0; i < context->tables->count; i++) {
        int64_t due = success_rate_table_due(context, &context->tables->at[i]);
        best = due < best ? due : best;
    }
    return best;
}

static void success_rate_expire(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++)
        if (success_rate_table_due(context, &context->tables->at[i]) <= context->moment->now_ms)
            incidents_clear(context->incidents, KIND_SUCCESS_RATE, &context->tables->at[i]);
}

const struct detector detect_success_rate = {
    .begin_table = success_rate_begin_table,
    .hears = HEARS(FACT_RUN_FAILED),
    .fact = success_rate_fact,
    .due = success_rate_due,
    .expire = success_rate_expire,
};

void success_rate_archive(struct table *table, struct archive *archive)
{
    struct flaps *flaps = table->flaps;
    saved_i64s(archive, "fail.flaps", flaps->at_ms, &flaps->count, FLAPS_KEPT);
}
