/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_REPORT_HELP_H
#define TESTS_REPORT_HELP_H

/* What the report's tests share: a history in memory, rows for it, and a report gathered from it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "agent/commands/report/report.h"
#include "agent/history/schema.h"

/* A history in memory. Times are given as slots of 15 minutes after BEGIN. */
static const int64_t SLOT = 900000;
static const int64_t BEGIN = INT64_C(1772496000000);

struct world {
    sqlite3 *db;
    struct config config;
    struct report report;
    int64_t cycles;
};

static inline void execute(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *sql = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    char *error = NULL;
    if (sqlite3_exec(world->db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_free(sql);
}

static inline int64_t at(double slot)
{
    return BEGIN + (int64_t)(slot * (double)SLOT);
}

/* A cycle of 10 s, with one run of table "t" that takes as long. */
static inline void add_cycle(struct world *world, double slot, const char *outcome, int rows)
{
    int64_t id = ++world->cycles, start = at(slot);
    execute(world,
            "INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, rows)"
            " VALUES (%lld, %lld, %lld, 10000, %Q, %d)",
            (long long)id, (long long)start, (long long)start + 10000, outcome, rows);
    execute(world,
            "INSERT INTO run (cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows)"
            " VALUES (%lld, 't', %lld, %lld, 10000, %Q, %d)",
            (long long)id, (long long)start, (long long)start + 10000, outcome, rows);
}

static inline void add_incident(struct world *world, int id, const char *alert, double onset, double opened,
                                double resolved)
{
    execute(world,
            "INSERT INTO incident (id, alert, tables, severity, state, onset_at, opened_at, critical_at, resolved_at)"
            " VALUES (%d, %Q, '[\"t\"]', 'critical', %Q, %lld, %lld, %lld, nullif(%lld, 0))",
            id, alert, resolved > 0 ? "resolved" : "open", (long long)at(onset), (long long)at(opened),
            (long long)at(opened), resolved > 0 ? (long long)at(resolved) : 0LL);
}

static inline void gather(struct world *world, int64_t id, double now)
{
    struct strbuf error = { 0 };
    assert_int_equal(report_gather_incident(&world->report, world->db, &world->config, id, at(now), &error),
                     REPORT_FOUND);
    strbuf_free(&error);
}

static inline void gather_period(struct world *world, double since, double until)
{
    struct strbuf error = { 0 };
    assert_int_equal(
        report_gather_period(&world->report, world->db, &world->config, at(since), at(until), at(until), &error),
        REPORT_FOUND);
    strbuf_free(&error);
}

static inline int begin(void **state)
{
    struct world *world = must_alloc(sizeof *world);
    struct strbuf error = { 0 };
    assert_int_equal(sqlite3_open(":memory:", &world->db), SQLITE_OK);
    assert_int_equal(schema_migrate(world->db, &error), SQLITE_OK);
    settings_default(&world->config.settings);
    strbuf_free(&error);
    *state = world;
    return 0;
}

static inline int end(void **state)
{
    struct world *world = *state;
    report_free(&world->report);
    sqlite3_close(world->db);
    free(world);
    return 0;
}

#endif
