/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * Throughput: runs that move rows, but far fewer than this table moves at this hour of the day. Volume is diurnal and weekends
 * are quiet, so a run must be low both against the same hour of the last two weeks and against the last day's runs; three
 * low runs in a row are news.
 */

enum { LOW_RUNS = 3, HOUR_SAMPLES_LEAST = 10 };
static const double low_z = -6;
static const double volume_mad_floor =
    0.25; /* volume is never steadier than that: a fifth of the usual is low, not less */

static bool is_low(const struct engine *engine, const struct table *table)
{
    const struct window *rows = &table->rows;
    size_t day = window_newest(rows, INT64_MIN, SIZE_MAX), hour;
    const int64_t *samples = hourly_samples(&table->volume, engine->clock_ms, &hour);
    if (hour < HOUR_SAMPLES_LEAST || (int64_t)day < engine->settings.detect.min_samples)
        return false;
    return robust_z_log_below(samples, hour, table->moved, volume_mad_floor, low_z) &&
           robust_z_log_below(rows->values + rows->count - day, day, table->moved, volume_mad_floor, low_z);
}

static void raise_low(struct engine *engine, struct table *table)
{
    struct strbuf what = { 0 };
    strbuf_printf(&what,
                  "%" PRId64 " runs in a row with far fewer rows than usual at this hour, %" PRId64 " in the last",
                  table->low_streak, table->moved);
    pool_raise(engine, &(struct complaint){
                           .family = FAMILY_THROUGHPUT,
                           .severity = SEVERITY_WARNING,
                           .table = table,
                           .onset_ms = table->low_since_ms,
                           .what = strbuf_text(&what),
                           .first_command = "curl -s http://localhost:8000/metrics | grep offload_rows",
                       });
    strbuf_free(&what);
}

static void judge(struct engine *engine, struct table *table)
{
    if (!is_low(engine, table)) {
        table->low_streak = 0;
        pool_clear(engine, FAMILY_THROUGHPUT, table);
        return;
    }
    if (table->low_streak++ == 0)
        table->low_since_ms = engine->clock_ms;
    if (table->low_streak >= LOW_RUNS)
        raise_low(engine, table);
}

static void throughput_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind != FACT_CYCLE_COMPLETED)
        return;
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        if (table->last_cycle_id != engine->model.cycle.id || table->last_failed || table->moved <= 0)
            continue;
        judge(engine, table);
        hourly_push(&table->volume, engine->clock_ms, table->moved);
    }
}

static int64_t throughput_due(const struct engine *engine)
{
    (void)engine;
    return INT64_MAX;
}

static void throughput_expire(struct engine *engine)
{
    (void)engine;
}

const struct detector detect_throughput = { throughput_fact, throughput_due, throughput_expire };
