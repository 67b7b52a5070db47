/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "hourly.h"
#include "saved.h"
#include "statistics.h"

/*
 * Throughput: runs that move rows, but far fewer than this table moves at this hour of the day. Volume follows the hour and weekends are
 * quiet, so a run must be low both against the same hour of the last two weeks and against the last day's runs. Three low runs in a row
 * are news.
 */

enum { LOW_RUNS = 3, HOUR_SAMPLES_LEAST = 10 };
static const double low_z = -6;
/* Volume is never taken to be steadier than this, so that only less than about a fifth of the usual is low. */
static const double volume_mad_floor = 0.25;

struct volume {
    struct hourly *hours; /* rows of runs that moved any, by hour of the day; NULL until the table is proven */
    int64_t low_streak;   /* runs in a row far below the usual volume */
    int64_t low_since_ms; /* the first of them */
};

static void throughput_begin_table(struct table *table)
{
    table->volume = must_alloc(sizeof *table->volume);
}

static void throughput_end_table(struct table *table)
{
    free(table->volume->hours);
}

/* Most of what is known of a table is this. A name that a line happened to hold gets none. */
static void learn_rows(struct volume *volume, size_t hour, int64_t at_ms, int64_t rows)
{
    if (!volume->hours)
        volume->hours = must_alloc(sizeof *volume->hours);
    hourly_push(volume->hours, hour, at_ms, rows);
}

static size_t hour_now(const struct context *context)
{
    return hour_of_day(moment_now_wall_ms(context->moment));
}

static bool is_low(const struct context *context, const struct table *table)
{
    const struct window *rows = &table->rows;
    size_t day = window_newest(rows, INT64_MIN, SIZE_MAX), hour;
    if (!table->volume->hours)
        return false;
    const int64_t *samples = hourly_samples(table->volume->hours, hour_now(context), &hour);
    if (hour < HOUR_SAMPLES_LEAST || (int64_t)day < context->settings->detect.min_samples)
        return false;
    return robust_z_log_below(samples, hour, table->moved, volume_mad_floor, low_z) &&
           robust_z_log_below(rows->values + rows->count - day, day, table->moved, volume_mad_floor, low_z);
}

static void raise_low(struct context *context, const struct table *table)
{
    const struct volume *volume = table->volume;
    struct strbuf what = { 0 };
    strbuf_printf(&what,
                  "%" PRId64 " runs in a row with far fewer rows than usual at this hour, %" PRId64 " in the last",
                  volume->low_streak, table->moved);
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_THROUGHPUT,
                                            .severity = SEVERITY_WARNING,
                                            .table = table,
                                            .onset_ms = volume->low_since_ms,
                                            .what = strbuf_text(&what),
                                            .cause = cause_of_kind(context->sources, "throughput"),
                                        });
    strbuf_free(&what);
}

static void throughput_judge(struct context *context, const struct table *table)
{
    struct volume *volume = table->volume;
    if (!is_low(context, table)) {
        volume->low_streak = 0;
        incidents_clear(context->incidents, KIND_THROUGHPUT, table);
        return;
    }
    if (volume->low_streak++ == 0)
        volume->low_since_ms = context->moment->now_ms;
    if (volume->low_streak >= LOW_RUNS)
        raise_low(context, table);
}

static void throughput_fact(struct context *context, const struct fact *fact)
{
    (void)fact;
    for (size_t i = 0; i < context->tables->count; i++) {
        const struct table *table = &context->tables->at[i];
        if (table->last_cycle_id != context->model->cycle.id || table->last_failed || table->moved <= 0)
            continue;
        throughput_judge(context, table);
        if (table->proven)
            learn_rows(table->volume, hour_now(context), context->moment->now_ms, table->moved);
    }
}

const struct detector detect_throughput = {
    .begin_table = throughput_begin_table,
    .end_table = throughput_end_table,
    .hears = HEARS(FACT_CYCLE_COMPLETED),
    .fact = throughput_fact,
};

void throughput_archive(struct table *table, struct archive *archive)
{
    struct volume *volume = table->volume;
    saved_i64(archive, "low_streak", &volume->low_streak);
    saved_i64(archive, "low_since", &volume->low_since_ms);
}

/* Whether anything was learnt is always saved, because a field that is missing takes long to find. An older agent does not say it. */
void throughput_archive_windows(struct table *table, struct archive *archive)
{
    struct volume *volume = table->volume;
    struct strbuf key = { 0 };
    bool learnt = archive_loading(archive) || volume->hours;
    table_key(table, "volume.learnt", &key);
    archive_bool(archive, strbuf_text(&key), &learnt);
    if (learnt) {
        if (!volume->hours)
            volume->hours = must_alloc(sizeof *volume->hours);
        table_key(table, "volume", &key);
        hourly_archive(volume->hours, archive, strbuf_text(&key));
    }
    if (volume->hours && hourly_is_empty(volume->hours)) {
        free(volume->hours);
        volume->hours = NULL;
    }
    strbuf_free(&key);
}
