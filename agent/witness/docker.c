/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sqlite3.h>

#include "base/json.h"
#include "probe_private.h"

/* Gives one row, or an error if the answer is not JSON. */
static const char sql_state[] =
    "SELECT json_extract(?1, '$.State.Status'), json_extract(?1, '$.State.Running'),"
    " json_extract(?1, '$.State.Paused'), json_extract(?1, '$.State.Restarting'),"
    " json_extract(?1, '$.State.OOMKilled'), json_extract(?1, '$.State.ExitCode'), json_extract(?1, '$.RestartCount'),"
    " json_extract(?1, '$.State.Health.Status'), json_type(?1, '$.State.Running') IN ('true', 'false')";

enum column { STATUS, RUNNING, PAUSED, RESTARTING, OOM_KILLED, EXIT_CODE, RESTARTS, HEALTH, IS_CONTAINER };

static bool docker_column_is(sqlite3_stmt *row, enum column column, const char *text)
{
    const char *value = (const char *)sqlite3_column_text(row, (int)column);
    return value && strcmp(value, text) == 0;
}

static void docker_describe_running(struct probe_answer *answer, sqlite3_stmt *row)
{
    bool paused = sqlite3_column_int(row, PAUSED), restarting = sqlite3_column_int(row, RESTARTING);
    bool unhealthy = docker_column_is(row, HEALTH, "unhealthy");
    answer->state = paused || restarting || unhealthy ? PROBE_DOWN : PROBE_UP;
    strbuf_puts(&answer->words, paused ? "paused" : restarting ? "restarting" : "running");
    if (unhealthy)
        strbuf_puts(&answer->words, ", unhealthy by its own check");
    if (restarting)
        strbuf_printf(&answer->words, ", exit code %" PRId64, (int64_t)sqlite3_column_int64(row, EXIT_CODE));
}

static void docker_describe_stopped(struct probe_answer *answer, sqlite3_stmt *row)
{
    const char *status = (const char *)sqlite3_column_text(row, STATUS);
    answer->state = PROBE_DOWN;
    strbuf_printf(&answer->words, "%.40s, exit code %" PRId64, status ? status : "not running",
                  (int64_t)sqlite3_column_int64(row, EXIT_CODE));
}

static void docker_describe_container(struct probe_answer *answer, sqlite3_stmt *row)
{
    int64_t restarts = sqlite3_column_int64(row, RESTARTS);
    if (sqlite3_column_int(row, RUNNING))
        docker_describe_running(answer, row);
    else
        docker_describe_stopped(answer, row);
    if (sqlite3_column_int(row, OOM_KILLED))
        strbuf_puts(&answer->words, ", OOM-killed");
    if (restarts > 0)
        strbuf_printf(&answer->words, ", restarted %" PRId64 " time%s", restarts, restarts == 1 ? "" : "s");
}

void docker_judge(struct probe_answer *answer, struct slice json)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    answer->state = PROBE_UNKNOWN;
    bool good = reader && sqlite3_prepare_v2(reader, sql_state, -1, &row, NULL) == SQLITE_OK &&
                sqlite3_bind_text(row, 1, json.at, (int)json.len, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, IS_CONTAINER);
    if (good)
        docker_describe_container(answer, row);
    else
        strbuf_puts(&answer->words, "an answer that is not Docker's");
    sqlite3_finalize(row);
    sqlite3_close(reader);
}
