/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sqlite3.h>

#include "base/json.h"
#include "base/utf8.h"
#include "probe_private.h"

/* Docker's own bound: a container that ran for 10 s after a restart has started well (docs.docker.com, "restart policies"). */
enum { STARTED_WELL_MS = 10 * 1000 };
enum { ERROR_MAX_BYTES = 160 };

/*
 * Gives one row, or an error if the answer is not JSON. The fields are those of Docker's API from 1.21 on (2015), which Podman has as well; an
 * older engine has no State.Status. A number that is none becomes NULL.
 */
static const char sql_state[] =
    "WITH given(json) AS (SELECT ?1)"
    " SELECT json_extract(json, '$.State.Status'), json_extract(json, '$.State.Running'),"
    " json_extract(json, '$.State.Paused'), json_extract(json, '$.State.Restarting'),"
    " json_extract(json, '$.State.OOMKilled'),"
    " CASE json_type(json, '$.State.ExitCode') WHEN 'integer' THEN json_extract(json, '$.State.ExitCode') END,"
    " CASE json_type(json, '$.RestartCount') WHEN 'integer' THEN json_extract(json, '$.RestartCount') END,"
    " json_extract(json, '$.State.Health.Status'), json_type(json, '$.State.Running') IN ('true', 'false'),"
    " json_extract(json, '$.State.Error'),"
    " CAST((julianday(json_extract(json, '$.State.StartedAt')) - 2440587.5) * 86400000 AS INTEGER) FROM given";

enum column {
    STATUS,
    RUNNING,
    PAUSED,
    RESTARTING,
    OOM_KILLED,
    EXIT_CODE,
    RESTARTS,
    HEALTH,
    IS_CONTAINER,
    START_ERROR,
    STARTED_MS
};

static bool docker_column_is(sqlite3_stmt *row, enum column column, const char *text)
{
    const char *value = (const char *)sqlite3_column_text(row, (int)column);
    return value && strcmp(value, text) == 0;
}

static void docker_add_exit_code(struct strbuf *words, sqlite3_stmt *row)
{
    if (sqlite3_column_type(row, EXIT_CODE) == SQLITE_INTEGER)
        strbuf_printf(words, ", exit code %" PRId64, (int64_t)sqlite3_column_int64(row, EXIT_CODE));
}

static void docker_add_times(struct strbuf *words, int64_t count)
{
    strbuf_printf(words, "%" PRId64 " time%s", count, count == 1 ? "" : "s");
}

/* Whether it was started again, by Docker and not by a person, so shortly ago that it is not known whether it stays. */
static bool restarted_just_now(sqlite3_stmt *row, int64_t now_ms)
{
    int64_t age_ms = now_ms - sqlite3_column_int64(row, STARTED_MS);
    return sqlite3_column_int64(row, RESTARTS) > 0 && sqlite3_column_int64(row, STARTED_MS) > 0 && age_ms >= 0 &&
           age_ms < STARTED_WELL_MS;
}

/* How often it was started again since the last question; 0 if that is not known. A start by a person sets Docker's count to 0. */
static int64_t restarts_since(const struct probe_answer *answer, sqlite3_stmt *row)
{
    int64_t now = sqlite3_column_int64(row, RESTARTS), before = answer->restarts;
    return answer->restarts_known && before >= 0 && now > before ? now - before : 0;
}

/*
 * A container that runs may still be of no use. One whose own check has not passed yet is neither up nor down: it has just started, and a
 * check that failed would say so.
 */
static void docker_describe_running(struct probe_answer *answer, sqlite3_stmt *row, int64_t now_ms)
{
    bool just_now = restarted_just_now(row, now_ms);
    bool unhealthy = docker_column_is(row, HEALTH, "unhealthy"), starting = docker_column_is(row, HEALTH, "starting");
    answer->state = unhealthy || just_now || restarts_since(answer, row) > 0 ? PROBE_DOWN
                    : starting                                               ? PROBE_UNKNOWN
                                                                             : PROBE_UP;
    strbuf_puts(&answer->words, just_now ? "running for less than 10 s" : "running");
    if (unhealthy)
        strbuf_puts(&answer->words, ", unhealthy by its own check");
    else if (starting)
        strbuf_puts(&answer->words, ", its own check has not passed yet");
    if (sqlite3_column_int(row, OOM_KILLED))
        strbuf_puts(&answer->words, ", a process in it was OOM-killed");
}

static void docker_add_start_error(struct strbuf *words, sqlite3_stmt *row)
{
    const char *error = (const char *)sqlite3_column_text(row, START_ERROR);
    size_t len = error ? strcspn(error, "\r\n") : 0;
    if (len == 0)
        return;
    strbuf_puts(words, ": ");
    strbuf_add(words, error, utf8_floor(error, len < ERROR_MAX_BYTES ? len : ERROR_MAX_BYTES));
}

static void docker_describe_stopped(struct probe_answer *answer, sqlite3_stmt *row)
{
    static const char *const known[] = { "exited", "dead", "removing" };
    const char *words = "not running";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        words = docker_column_is(row, STATUS, known[i]) ? known[i] : words;
    answer->state = PROBE_DOWN;
    strbuf_puts(&answer->words, docker_column_is(row, STATUS, "created") ? "created, but never started" : words);
    docker_add_exit_code(&answer->words, row);
    if (sqlite3_column_int(row, OOM_KILLED))
        strbuf_puts(&answer->words, ", OOM-killed");
    docker_add_start_error(&answer->words, row);
}

static void docker_describe_held(struct probe_answer *answer, sqlite3_stmt *row)
{
    answer->state = PROBE_DOWN;
    strbuf_puts(&answer->words, sqlite3_column_int(row, PAUSED) ? "paused" : "restarting");
    if (sqlite3_column_int(row, RESTARTING)) {
        docker_add_exit_code(&answer->words, row);
        if (sqlite3_column_int(row, OOM_KILLED))
            strbuf_puts(&answer->words, ", OOM-killed");
    }
}

/* Docker says of a container that is paused, or that waits for its next start, that it is running as well. */
static void docker_describe_container(struct probe_answer *answer, sqlite3_stmt *row, int64_t now_ms)
{
    int64_t restarts = sqlite3_column_int64(row, RESTARTS), again = restarts_since(answer, row);
    if (sqlite3_column_int(row, PAUSED) || sqlite3_column_int(row, RESTARTING))
        docker_describe_held(answer, row);
    else if (sqlite3_column_int(row, RUNNING))
        docker_describe_running(answer, row, now_ms);
    else
        docker_describe_stopped(answer, row);
    if (restarts > 0) {
        strbuf_puts(&answer->words, ", restarted ");
        docker_add_times(&answer->words, restarts);
    }
    if (again > 0 && again < restarts)
        strbuf_printf(&answer->words, ", %" PRId64 " of them since the last look", again);
    answer->restarts = restarts;
    answer->restarts_known = sqlite3_column_type(row, RESTARTS) == SQLITE_INTEGER;
}

void docker_judge(struct probe_answer *answer, struct slice json, int64_t now_ms)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    answer->state = PROBE_UNKNOWN;
    bool good = reader && sqlite3_prepare_v2(reader, sql_state, -1, &row, NULL) == SQLITE_OK &&
                sqlite3_bind_text(row, 1, json.at, (int)json.len, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, IS_CONTAINER);
    if (good)
        docker_describe_container(answer, row, now_ms);
    else
        strbuf_puts(&answer->words, "an answer that is not Docker's");
    sqlite3_finalize(row);
    sqlite3_close(reader);
}
