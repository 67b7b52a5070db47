/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters as a text in the history, and from it again. Anybody may have written what is in a history. */
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "metrics_private.h"

struct metrics_stored {
    struct metrics_facts facts;
    struct metrics *metrics;
    struct parser_counts parsed;
    struct metrics_deliveries *deliveries; /* their names are owned */
    char *log_path;
};

/* --- The fields, for both directions ------------------------------------------------------------------------------ */

static void archive_scalars(struct archive *archive, struct metrics_facts *facts, struct parser_counts *parsed)
{
    archive_bool(archive, "reload_refused", &facts->reload_refused);
    archive_i64(archive, "started_ms", &facts->started_ms);
    archive_i64(archive, "lines", &parsed->lines);
    archive_i64(archive, "events", &parsed->events);
    archive_i64(archive, "misses", &parsed->misses);
    archive_i64(archive, "limit_hits", &parsed->limit_hits);
    archive_i64(archive, "stray_lines", &facts->stray_lines);
    archive_i64(archive, "commits", &facts->commits);
    archive_i64(archive, "commit_failures", &facts->commit_failures);
    archive_i64(archive, "read_bytes", &facts->read_bytes);
    archive_i64(archive, "behind_bytes", &facts->behind_bytes);
    archive_i64(archive, "last_record_ms", &facts->last_record_ms);
    archive_i64(archive, "next_run_ms", &facts->next_run_ms);
    archive_i64(archive, "interval_ms", &facts->limits.interval_ms);
    archive_i64(archive, "lag_warning_ms", &facts->limits.lag_warning_ms);
    archive_i64(archive, "lag_critical_ms", &facts->limits.lag_critical_ms);
    archive_i64(archive, "cycle_slow_ms", &facts->limits.cycle_slow_ms);
    archive_i64(archive, "cycle_too_slow_ms", &facts->limits.cycle_too_slow_ms);
    archive_i64(archive, "late_warning_ms", &facts->limits.late_warning_ms);
    archive_i64(archive, "late_critical_ms", &facts->limits.late_critical_ms);
}

static void archive_cycles(struct archive *archive, struct metrics *metrics)
{
    int outcome = (int)metrics->last_outcome;
    size_t count = CYCLE_OUTCOMES, ends = METRICS_BUCKETS + 1;
    archive_i64s(archive, "cycles", metrics->cycles, &count, CYCLE_OUTCOMES);
    archive_enum(archive, "last_outcome", &outcome, CYCLE_OUTCOMES);
    archive_i64s(archive, "durations", metrics->durations, &ends, METRICS_BUCKETS + 1);
    archive_i64(archive, "duration_sum_ms", &metrics->duration_sum_ms);
    archive_i64(archive, "last_duration_ms", &metrics->last_duration_ms);
    archive_i64(archive, "running_since_ms", &metrics->running_since_ms);
    metrics->last_outcome = (enum cycle_outcome)outcome;
}

/* A table's numbers stand in one line, since there may be thousands of tables. */
enum { TABLE_NUMBERS = RUN_OUTCOMES + 5 };

static void table_pack(const struct table_metrics *table, int64_t numbers[TABLE_NUMBERS])
{
    const int64_t rest[] = { table->rows, table->success_duration_ms, table->success_ms, table->rows_ms,
                             table->watermark_ms };
    memcpy(numbers, table->runs, sizeof table->runs);
    memcpy(numbers + RUN_OUTCOMES, rest, sizeof rest);
}

static void table_unpack(struct table_metrics *table, const int64_t numbers[TABLE_NUMBERS])
{
    memcpy(table->runs, numbers, sizeof table->runs);
    numbers += RUN_OUTCOMES;
    table->rows = numbers[0];
    table->success_duration_ms = numbers[1];
    table->success_ms = numbers[2];
    table->rows_ms = numbers[3];
    table->watermark_ms = numbers[4];
}

/* --- Storing ------------------------------------------------------------------------------------------------------ */

static void stored_put_name(struct archive *archive, const char *name)
{
    char *copy = must_copy(name, strlen(name));
    archive_text(archive, "name", &copy);
    free(copy);
}

static void stored_put_numbers(struct archive *archive, int64_t *numbers, size_t count)
{
    archive_i64s(archive, "numbers", numbers, &count, count);
}

static void stored_put_count(struct archive *archive, const char *name, size_t count)
{
    int64_t number = (int64_t)count;
    archive_i64(archive, name, &number);
}

static void store_lists(struct archive *archive, const struct metrics_facts *facts)
{
    const struct metrics *metrics = facts->metrics;
    stored_put_count(archive, "tables", metrics->table_count);
    for (size_t i = 0; i < metrics->table_count; i++) {
        int64_t numbers[TABLE_NUMBERS];
        table_pack(&metrics->tables[i], numbers);
        stored_put_name(archive, metrics->tables[i].name);
        stored_put_numbers(archive, numbers, TABLE_NUMBERS);
    }
    stored_put_count(archive, "incidents", metrics->incident_count);
    for (size_t i = 0; i < metrics->incident_count; i++) {
        const struct open_incident *incident = &metrics->incidents[i];
        stored_put_name(archive, alert_name(incident->alert));
        stored_put_numbers(archive, (int64_t[]){ incident->severity, incident->acknowledged }, 2);
    }
    stored_put_count(archive, "witnesses", metrics->witness_count);
    for (size_t i = 0; i < metrics->witness_count; i++) {
        const struct witness_metrics *witness = &metrics->witnesses[i];
        stored_put_name(archive, witness->name);
        stored_put_numbers(archive, (int64_t[]){ witness->is_well, witness->is_silent }, 2);
    }
    stored_put_count(archive, "deliveries", facts->delivery_count);
    for (size_t i = 0; i < facts->delivery_count; i++) {
        const struct metrics_deliveries *to = &facts->deliveries[i];
        stored_put_name(archive, to->webhook);
        stored_put_numbers(archive, (int64_t[]){ to->delivered, to->retried, to->refused }, 3);
    }
}

void metrics_store(const struct metrics_facts *facts, struct strbuf *text)
{
    struct metrics_facts scalars = *facts;
    struct parser_counts parsed = *facts->parsed;
    struct metrics cycles = *facts->metrics;
    char *log_path = must_copy(facts->log_path, strlen(facts->log_path));
    struct archive archive;
    archive_save_to(&archive, text);
    archive_text(&archive, "log_path", &log_path);
    archive_scalars(&archive, &scalars, &parsed);
    archive_cycles(&archive, &cycles);
    store_lists(&archive, facts);
    free(log_path);
}

/* --- Loading ------------------------------------------------------------------------------------------------------ */

/* What no agent counts becomes 0, and what is added up does not overflow. */
static int64_t number_bound(int64_t number)
{
    return number < 0 || number > HISTORY_NUMBER_MAX ? 0 : number;
}

/*
 * The next element of a list; false at its end, where the text says that there are more than there are, and where names are longer than
 * METRICS_NAMES_MAX_BYTES together.
 */
static bool take_element(struct archive *archive, char **name, int64_t *numbers, size_t count, size_t *names_bytes)
{
    size_t before = archive->cursor, found = count;
    *name = NULL;
    memset(numbers, 0, count * sizeof *numbers);
    archive_text(archive, "name", name);
    if (*name && archive->cursor > before)
        archive_i64s(archive, "numbers", numbers, &found, count);
    *names_bytes += *name ? strlen(*name) : 0;
    bool good = *name && archive->cursor > before && found == count && *names_bytes <= METRICS_NAMES_MAX_BYTES;
    for (size_t i = 0; good && i < count; i++)
        numbers[i] = number_bound(numbers[i]);
    if (!good) {
        free(*name);
        *name = NULL;
    }
    return good;
}

/* How many elements a list has; it is looked for from the beginning no second time. */
static int64_t take_count(struct archive *archive, const char *name)
{
    size_t before = archive->cursor;
    int64_t count = 0;
    archive_i64(archive, name, &count);
    return archive->cursor > before ? count : 0;
}

static void load_tables(struct archive *archive, struct metrics *metrics, size_t *names_bytes)
{
    int64_t numbers[TABLE_NUMBERS];
    char *name;
    for (int64_t left = take_count(archive, "tables");
         left > 0 && metrics->table_count < TABLES_MAX &&
         take_element(archive, &name, numbers, TABLE_NUMBERS, names_bytes);
         left--) {
        metrics->tables = list_room(metrics->tables, metrics->table_count, sizeof *metrics->tables);
        struct table_metrics *table = &metrics->tables[metrics->table_count++];
        *table = (struct table_metrics){ .name = name };
        table_unpack(table, numbers);
    }
}

static void load_incidents(struct archive *archive, struct metrics *metrics, size_t *names_bytes)
{
    int64_t numbers[2];
    char *name;
    for (int64_t left = take_count(archive, "incidents");
         left > 0 && take_element(archive, &name, numbers, 2, names_bytes); left--) {
        enum alert alert = alert_from_name(name);
        free(name);
        if (alert == ALERTS || numbers[0] >= SEVERITIES)
            continue;
        metrics->incidents = list_room(metrics->incidents, metrics->incident_count, sizeof *metrics->incidents);
        metrics->incidents[metrics->incident_count++] =
            (struct open_incident){ 0, alert, (enum severity)numbers[0], numbers[1] != 0 };
    }
}

static void load_witnesses(struct archive *archive, struct metrics *metrics, size_t *names_bytes)
{
    int64_t numbers[2];
    char *name;
    for (int64_t left = take_count(archive, "witnesses");
         left > 0 && take_element(archive, &name, numbers, 2, names_bytes); left--) {
        metrics_note_witness(metrics, name, numbers[0] != 0, numbers[1] != 0);
        free(name);
    }
}

static void load_deliveries(struct archive *archive, struct metrics_stored *stored, size_t *names_bytes)
{
    int64_t numbers[3];
    char *name;
    for (int64_t left = take_count(archive, "deliveries");
         left > 0 && stored->facts.delivery_count < STATUS_WEBHOOKS_MAX &&
         take_element(archive, &name, numbers, 3, names_bytes);
         left--) {
        stored->deliveries = list_room(stored->deliveries, stored->facts.delivery_count, sizeof *stored->deliveries);
        stored->deliveries[stored->facts.delivery_count++] =
            (struct metrics_deliveries){ name, numbers[0], numbers[1], numbers[2] };
    }
}

static void bound_all(struct metrics_stored *stored)
{
    struct metrics_facts *facts = &stored->facts;
    struct metrics *metrics = stored->metrics;
    int64_t *const numbers[] = {
        &facts->started_ms,
        &stored->parsed.lines,
        &stored->parsed.events,
        &stored->parsed.misses,
        &stored->parsed.limit_hits,
        &facts->stray_lines,
        &facts->commits,
        &facts->commit_failures,
        &facts->read_bytes,
        &facts->behind_bytes,
        &facts->last_record_ms,
        &facts->next_run_ms,
        &facts->limits.interval_ms,
        &facts->limits.lag_warning_ms,
        &facts->limits.lag_critical_ms,
        &facts->limits.cycle_slow_ms,
        &facts->limits.cycle_too_slow_ms,
        &facts->limits.late_warning_ms,
        &facts->limits.late_critical_ms,
        &metrics->duration_sum_ms,
        &metrics->running_since_ms,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = number_bound(*numbers[i]);
    for (size_t i = 0; i < CYCLE_OUTCOMES; i++)
        metrics->cycles[i] = number_bound(metrics->cycles[i]);
    for (size_t i = 0; i <= METRICS_BUCKETS; i++)
        metrics->durations[i] = number_bound(metrics->durations[i]);
    if (metrics->last_duration_ms != number_bound(metrics->last_duration_ms))
        metrics->last_duration_ms = -1;
}

struct metrics_stored *metrics_load(struct slice text)
{
    struct metrics_stored *stored = must_alloc(sizeof *stored);
    size_t names_bytes = 0;
    struct archive archive;
    stored->metrics = metrics_new();
    archive_load_from(&archive, text);
    archive_text(&archive, "log_path", &stored->log_path);
    archive_scalars(&archive, &stored->facts, &stored->parsed);
    archive_cycles(&archive, stored->metrics);
    load_tables(&archive, stored->metrics, &names_bytes);
    load_incidents(&archive, stored->metrics, &names_bytes);
    load_witnesses(&archive, stored->metrics, &names_bytes);
    load_deliveries(&archive, stored, &names_bytes);
    bound_all(stored);
    stored->facts.log_path = stored->log_path ? stored->log_path : "";
    stored->facts.parsed = &stored->parsed;
    stored->facts.metrics = stored->metrics;
    stored->facts.deliveries = stored->deliveries;
    return stored;
}

struct metrics_facts *metrics_stored_facts(struct metrics_stored *stored)
{
    return &stored->facts;
}

void metrics_stored_free(struct metrics_stored *stored)
{
    for (size_t i = 0; i < stored->facts.delivery_count; i++)
        free((char *)stored->deliveries[i].webhook);
    free(stored->deliveries);
    metrics_free(stored->metrics);
    free(stored->log_path);
    free(stored);
}
