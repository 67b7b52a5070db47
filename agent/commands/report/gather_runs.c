/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cycles and runs: what ran, which slots were missed, and which data is late. */
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/budgets.h"
#include "base/fnv.h"
#include "base/time_words.h"
#include "base/utf8.h"
#include "gather.h"

static const char others[] = "all other tables";

/* So many missed slots are kept with their times; totals.missed counts all. */
enum { MISSED_LISTED = 200 };

static enum cycle_state state_of(const char *outcome)
{
    if (strcmp(outcome, "success") == 0)
        return CYCLE_GOOD;
    return strcmp(outcome, "running") == 0 ? CYCLE_UNFINISHED : CYCLE_BAD;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long after its slot a cycle may start and still belong to it. */
static int64_t slot_tolerance(const struct report *report)
{
    return smaller(60000, report->interval_ms / 4);
}

static void missed_add(struct report *report, int64_t slot_ms, bool overrun)
{
    if (slot_ms < report->begin_ms - report->interval_ms || slot_ms > report->end_ms)
        return;
    if (report->missed_count < MISSED_LISTED) {
        report->missed = list_room(report->missed, report->missed_count, sizeof *report->missed);
        report->missed[report->missed_count++] = (struct report_missed){ slot_ms, overrun };
    }
    report->totals.missed++;
}

/* Adds the slots between cycle number `index` and to_ms, where the next one started. A cycle may start up to 2 s before its own slot. */
static void missed_between(struct report *report, size_t index, int64_t to_ms)
{
    const struct report_cycle *cycle = &report->cycles[index];
    int64_t interval = report->interval_ms, tolerance = slot_tolerance(report);
    if (report->interval_learnt && to_ms - cycle->started_ms > interval + tolerance)
        interval = gather_interval_around(report, index);
    int64_t early = smaller(2000, tolerance);
    int64_t slot = ((cycle->started_ms + early) / interval + 1) * interval;
    if (slot < report->begin_ms - interval)
        slot = (report->begin_ms / interval) * interval;
    to_ms = smaller(to_ms, report->end_ms + tolerance + 1);
    int64_t listed_to = slot + (MISSED_LISTED + 1) * interval;
    for (; slot + tolerance < to_ms && slot < listed_to; slot += interval)
        missed_add(report, slot, slot < cycle->started_ms + cycle->duration_ms || cycle->state == CYCLE_UNFINISHED);
    if (slot + tolerance < to_ms)
        report->totals.missed += (to_ms - tolerance - slot + interval - 1) / interval;
}

static void missed_gather(struct report *report)
{
    int64_t known_ms = smaller(report->until_ms, report->as_of_ms);
    for (size_t i = 0; i < report->cycle_count; i++) {
        bool last = i + 1 == report->cycle_count;
        missed_between(report, i, last ? known_ms : report->cycles[i + 1].started_ms);
    }
}

void gather_cycles(struct report *report, struct query *query)
{
    int64_t window[] = { report->since_ms, report->until_ms };
    query_ask(query,
              "SELECT started_at, ended_at, duration_ms, rows, outcome FROM cycle"
              " WHERE started_at >= ?1 AND started_at < ?2 ORDER BY started_at, id",
              window, 2);
    while (query_next(query)) {
        report->cycles = list_room(report->cycles, report->cycle_count, sizeof *report->cycles);
        struct report_cycle cycle = { query_time(query, 0), query_time(query, 1), query_count(query, 2),
                                      query_count(query, 3), state_of(query_word(query, 4)) };
        if (cycle.duration_ms == 0 && cycle.ended_ms)
            cycle.duration_ms = elapsed_ms(cycle.started_ms, cycle.ended_ms);
        if (cycle.state == CYCLE_UNFINISHED)
            cycle.duration_ms = elapsed_ms(cycle.started_ms, report->as_of_ms);
        report->cycles[report->cycle_count++] = cycle;
    }
    missed_gather(report);
}

/* Where each table of a report is, by the hash of its name: 1 + its place in the report's tables, 0: nowhere. */
enum { TABLE_SLOTS = 2048 };
_Static_assert(TABLE_SLOTS >= 2 * REPORT_TABLES_MAX, "a search ends soon at an empty slot");
struct table_places {
    uint16_t at[TABLE_SLOTS];
};

/* The last of REPORT_TABLES_MAX stands for all tables that have no place of their own. */
static struct report_table *report_table_named(struct report *report, struct table_places *places, const char *name)
{
    size_t len = strlen(name);
    len = len > TABLE_NAME_MAX_BYTES ? utf8_floor(name, TABLE_NAME_MAX_BYTES) : len;
    size_t slot = fnv_add(FNV_EMPTY, name, len) % TABLE_SLOTS;
    for (; places->at[slot]; slot = (slot + 1) % TABLE_SLOTS) {
        struct report_table *known = &report->tables[places->at[slot] - 1];
        if (strncmp(known->name, name, len) == 0 && known->name[len] == '\0')
            return known;
    }
    if (report->table_count == REPORT_TABLES_MAX)
        return &report->tables[REPORT_TABLES_MAX - 1];
    bool last = report->table_count + 1 == REPORT_TABLES_MAX;
    report->tables = list_room(report->tables, report->table_count, sizeof *report->tables);
    report->tables[report->table_count] =
        (struct report_table){ .name = last ? must_copy(others, strlen(others)) : must_copy(name, len) };
    report->table_count++;
    if (!last)
        places->at[slot] = (uint16_t)report->table_count;
    return &report->tables[report->table_count - 1];
}

struct run_row {
    int64_t started_ms, ended_ms, rows;
    const char *outcome;
    enum rows_from rows_from;
};

static void gap_consider(const struct report *report, struct report_table *table, int64_t from_ms, int64_t to_ms,
                         const struct run_row *run)
{
    int64_t until = to_ms ? to_ms : report->as_of_ms < report->until_ms ? report->as_of_ms : report->until_ms;
    int64_t known =
        table->gap_from_ms ? (table->gap_to_ms ? table->gap_to_ms : report->as_of_ms) - table->gap_from_ms : 0;
    /* A stretch that begins less than an interval before the incident's end does not belong to it. */
    bool touches = until >= report->begin_ms && from_ms + report->interval_ms <= report->end_ms;
    if (!from_ms || !touches || until - from_ms <= report->interval_ms * 3 / 2 || until - from_ms <= known)
        return;
    table->gap_from_ms = from_ms;
    table->gap_to_ms = to_ms;
    table->gap_slots = (until - from_ms + report->interval_ms / 2) / report->interval_ms - (to_ms ? 1 : 0);
    table->catch_up_rows = run ? run->rows : 0;
    table->catch_up_from = run ? 1U << run->rows_from : 0;
}

int64_t report_lag_explained(const struct report *report, const struct report_table *table, int64_t threshold_ms)
{
    enum alert alert = report->incident.alert;
    bool explains = alert == ALERT_CONSECUTIVE_FAILURES || alert == ALERT_CYCLE_SLOW || alert == ALERT_CYCLE_TOO_SLOW ||
                    alert == ALERT_SCHEDULER_DOWN;
    int64_t since_ms = table->gap_from_ms + threshold_ms;
    int64_t until_ms = table->gap_to_ms ? table->gap_to_ms : report->as_of_ms;
    return explains && table->gap_from_ms && since_ms < until_ms && since_ms < report->end_ms ? since_ms : 0;
}

static void run_count(const struct report *report, struct report_table *table, const struct run_row *run, bool moved)
{
    bool was_before =
        run->ended_ms && (run->ended_ms < report->begin_ms || (run->ended_ms == report->begin_ms && moved));
    if (was_before || run->started_ms > report->end_ms)
        return;
    table->runs++;
    gather_add(&table->rows, run->rows > 0 ? run->rows : 0);
    if (run->rows > 0 || run->rows_from != ROWS_FROM_LOG)
        table->rows_from |= 1U << run->rows_from;
    table->ok += strcmp(run->outcome, "success") == 0;
    table->failed += strcmp(run->outcome, "failed") == 0;
    table->timed_out += strcmp(run->outcome, "timeout") == 0;
    table->aborted += strcmp(run->outcome, "aborted") == 0;
}

void gather_tables(struct report *report, struct query *query)
{
    struct table_places places = { 0 };
    bool stall = report->kind == REPORT_INCIDENT && report->incident.alert == ALERT_WATERMARK_STALE;
    int64_t window[] = { report->since_ms, report->until_ms };
    query_ask(query,
              "SELECT r.table_name, r.started_at, r.ended_at, r.rows, r.outcome, r.rows_from"
              " FROM cycle c CROSS JOIN run r ON r.cycle_id = c.id"
              " WHERE c.started_at >= ?1 AND c.started_at < ?2 ORDER BY c.started_at, r.id",
              window, 2);
    while (query_next(query)) {
        struct report_table *table = report_table_named(report, &places, query_word(query, 0));
        struct run_row run = { query_time(query, 1), query_time(query, 2), query_count(query, 3), query_word(query, 4),
                               ROWS_FROM_LOG };
        run.rows_from = rows_from_named(query_word(query, 5));
        bool good = strcmp(run.outcome, "success") == 0;
        bool moved = good && !(stall && run.rows == 0);
        run_count(report, table, &run, moved);
        if (moved) {
            gap_consider(report, table, table->last_moved_ms, run.ended_ms, &run);
            table->last_moved_ms = run.ended_ms;
        }
        if (good)
            table->last_success_ms = run.ended_ms;
    }
    for (size_t i = 0; i < report->table_count; i++)
        gap_consider(report, &report->tables[i], report->tables[i].last_moved_ms, 0, NULL);
}
