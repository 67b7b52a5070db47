/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/* What people ask the engine. A detector that cannot fire looks like peace, so what the detectors cannot see is said. */

static void add(struct archive *archive, int64_t *count, struct strbuf *text)
{
    struct strbuf name = { 0 };
    strbuf_printf(&name, "blind.%" PRId64, (*count)++);
    archive_text(archive, strbuf_text(&name), &text->at);
    strbuf_free(&name);
    strbuf_free(text);
}

static void number(struct archive *archive, const char *name, int64_t value)
{
    archive_i64(archive, name, &value);
}

static void report_table(const struct engine *engine, const struct table *table, struct archive *archive,
                         int64_t *count)
{
    struct strbuf text = { 0 };
    if (table->retired || !stall_is_blind(table) || witness_counts_rows(&engine->context, table))
        return;
    strbuf_printf(&text,
                  "%s: row counts are blind here (most runs report 0 rows), so a stall cannot be seen in them; "
                  "a witness would help ([iceberg] warehouse, [source] url)",
                  table->name);
    add(archive, count, &text);
}

static void report_baseline(const struct engine *engine, struct archive *archive, int64_t *count)
{
    struct strbuf text = { 0 };
    int64_t good = slow_known_cycles(&engine->context), wanted = engine->settings.detect.min_samples;
    if (good >= wanted)
        return;
    strbuf_printf(
        &text, "cycle durations: %" PRId64 " good cycles known, %" PRId64 " wanted; until then only fixed thresholds",
        good, wanted);
    add(archive, count, &text);
}

static void report_interval(const struct engine *engine, struct archive *archive, int64_t *count)
{
    struct strbuf text = { 0 };
    if (schedule_is_known(&engine->schedule))
        return;
    strbuf_puts(&text, "the interval between cycles is not known yet, so neither lag nor lateness is judged; the agent "
                       "learns it from the scheduler's start banner, from two promised runs or from six cycles, "
                       "or set schedule.interval");
    add(archive, count, &text);
}

static void report_refused(const struct engine *engine, struct archive *archive, int64_t *count)
{
    struct strbuf text = { 0 };
    if (engine->tables.refused == 0)
        return;
    strbuf_printf(&text, "%" PRId64 " lines of runs were left out, because the log named too many new tables at once",
                  engine->tables.refused);
    add(archive, count, &text);
}

struct engine_limits engine_limits(const struct engine *engine)
{
    const struct settings *settings = &engine->settings;
    return (struct engine_limits){
        .interval_ms = schedule_interval(&engine->schedule),
        .lag_warning_ms = schedule_lag_warning(&engine->schedule),
        .lag_critical_ms = schedule_lag_critical(&engine->schedule),
        .cycle_slow_ms = settings->detect.cycle_slow_ms,
        .cycle_too_slow_ms = settings->detect.cycle_too_slow_ms,
        .late_warning_ms = settings->schedule.late_warning_ms,
        .late_critical_ms = settings->schedule.late_critical_ms,
    };
}

/* These are asked for with each commit, and as a rule no table is blind or fails: so they are counted as they change. */
void engine_note_touched(struct engine *engine)
{
    struct tables *tables = &engine->tables;
    for (size_t i = 0; i < tables->touched_count; i++) {
        struct table *table = &tables->at[tables->touched[i]];
        bool is_blind = !table->retired && stall_is_blind(table), is_failing = !table->retired && table->last_failed;
        engine->blind_tables += (size_t)is_blind - (size_t)table->is_blind;
        engine->failing_tables += (size_t)is_failing - (size_t)table->is_failing;
        table->is_blind = is_blind;
        table->is_failing = is_failing;
    }
}

bool engine_is_failing(struct engine *engine)
{
    engine_note_touched(engine);
    return engine->failing_tables > 0;
}

void engine_report(struct engine *engine, struct archive *archive)
{
    const struct engine_limits limits = engine_limits(engine);
    int64_t count = 0;
    number(archive, "next_run_ms", engine_next_run_ms(engine));
    number(archive, "interval_ms", limits.interval_ms);
    number(archive, "lag_warning_ms", limits.lag_warning_ms);
    number(archive, "lag_critical_ms", limits.lag_critical_ms);
    number(archive, "cycle_slow_ms", limits.cycle_slow_ms);
    number(archive, "cycle_too_slow_ms", limits.cycle_too_slow_ms);
    engine_note_touched(engine);
    for (size_t i = 0; i < engine->tables.count && engine->blind_tables > 0; i++)
        report_table(engine, &engine->tables.at[i], archive, &count);
    report_interval(engine, archive, &count);
    report_baseline(engine, archive, &count);
    report_refused(engine, archive, &count);
    archive_i64(archive, "blind_count", &count);
}
