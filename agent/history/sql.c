/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"

#include <sqlite3.h>
#include <stddef.h>

/* One row of SQL_ROW_VALUES, and SQL_ROWS_AT_ONCE of them. */
#define ROW "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define FOUR_TIMES(text) text ", " text ", " text ", " text
#define ROWS FOUR_TIMES(FOUR_TIMES(ROW))

#define PUT_CYCLE(rows_of_values)                                                                                      \
    "INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, tables, succeeded, failed, timed_out, rows)"   \
    " VALUES " rows_of_values                                                                                          \
    " ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,"                \
    " outcome = excluded.outcome, tables = excluded.tables, succeeded = excluded.succeeded,"                           \
    " failed = excluded.failed, timed_out = excluded.timed_out, rows = excluded.rows"
#define PUT_RUN(rows_of_values)                                                                                        \
    "INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error)"   \
    " VALUES " rows_of_values                                                                                          \
    " ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,"                \
    " outcome = excluded.outcome, exit_code = excluded.exit_code, error = excluded.error,"                             \
    " rows = CASE WHEN rows_from = 'log' THEN excluded.rows ELSE rows END"

/*
 * All SQL of the history on one page, but for the tables themselves (schema.c).
 *
 * An update leaves out the columns that never change once a row is there: SQLite would rewrite their index entries. The columns
 * cause and deviations of an incident are written by `agent annotate` only, and the tables silence and acknowledgement by `agent silence`
 * and `agent ack`.
 */
#define LOST_NOTE                                                                                                      \
    " 'the agent lost its state and does not know whether this is over; if it is not, it opens a new incident'"

const char *const sql_texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_PUT_CYCLE] = PUT_CYCLE(ROW),
    [SQL_PUT_RUN] = PUT_RUN(ROW),
    [SQL_PUT_CYCLES] = PUT_CYCLE(ROWS),
    [SQL_PUT_RUNS] = PUT_RUN(ROWS),
    [SQL_PUT_ANSWER] =
        "UPDATE run SET witness = ?2, witnessed_rows = ?3, watermark_at = ?4, ahead_ms = ?5, answered_at = ?6,"
        " rows_from = CASE WHEN ?7 = 'log' THEN rows_from ELSE ?7 END,"
        " rows = CASE WHEN ?7 = 'log' THEN rows ELSE ?3 END WHERE id = ?1",
    [SQL_PUT_INCIDENT] =
        "INSERT INTO incident (id, alert, table_name, tables, severity, state, onset_at, opened_at, critical_at,"
        " resolved_at, verified_at, escalated_at, prometheus_at, likely_cause, scenario, runbook, first_command,"
        " evidence, summary, scenario_title)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
        " ON CONFLICT (id) DO UPDATE SET alert = excluded.alert, tables = excluded.tables,"
        " severity = excluded.severity, state = excluded.state, onset_at = excluded.onset_at,"
        " critical_at = excluded.critical_at, resolved_at = excluded.resolved_at, verified_at = excluded.verified_at,"
        " escalated_at = excluded.escalated_at, prometheus_at = excluded.prometheus_at,"
        " likely_cause = excluded.likely_cause, scenario = excluded.scenario, runbook = excluded.runbook,"
        " first_command = excluded.first_command, evidence = excluded.evidence, summary = excluded.summary,"
        " scenario_title = excluded.scenario_title",
    [SQL_PUT_TIMELINE] =
        "INSERT OR REPLACE INTO timeline (id, incident_id, at, kind, text, log_offset) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_PUT_NOTIFICATION] =
        "INSERT OR REPLACE INTO notification (id, incident_id, sequence, at, status, severity, alert, table_name,"
        " tables, onset_at, opened_at, resolved_at, prometheus_at, summary, likely_cause, scenario, first_command, "
        "evidence,"
        " escalate_to, silenced, runbook, scenario_title)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    [SQL_PUT_OUTBOX] =
        "INSERT OR REPLACE INTO outbox (id, status, attempts, next_attempt_at, delivered_at, last_error, incident_id,"
        " notification_id, webhook, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_PUT_DELIVERY] =
        "UPDATE outbox SET status = ?2, attempts = ?3, next_attempt_at = ?4, delivered_at = ?5, last_error = ?6"
        " WHERE id = ?1",
    [SQL_PUT_STATE] =
        "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [SQL_DROP_STATE] = "DELETE FROM state WHERE key = ?1",
    [SQL_PUT_TABLE] = "INSERT INTO table_state (place, value) VALUES (?1, ?2)"
                      " ON CONFLICT (place) DO UPDATE SET value = excluded.value",
    [SQL_PUT_WINDOWS] = "INSERT INTO table_windows (place, value) VALUES (?1, ?2)"
                        " ON CONFLICT (place) DO UPDATE SET value = excluded.value",
    [SQL_PUT_INCIDENT_STATE] = "INSERT INTO incident_state (incident_id, value) VALUES (?1, ?2)"
                               " ON CONFLICT (incident_id) DO UPDATE SET value = excluded.value",
    [SQL_DROP_TABLE] = "DELETE FROM table_state WHERE place = ?1",
    [SQL_DROP_WINDOWS] = "DELETE FROM table_windows WHERE place = ?1",
    [SQL_DROP_INCIDENT_STATE] = "DELETE FROM incident_state WHERE incident_id = ?1",
    [SQL_PUT_SOURCE] =
        "INSERT OR REPLACE INTO source (id, device, inode, offset, fingerprint, fingerprint_len, begun_at, owner)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_CUT_SOURCES] = "DELETE FROM source WHERE id > ?1",
    [SQL_PUT_WITNESS] =
        "INSERT INTO witness (name, state, words, said_at, since_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (name) DO UPDATE SET state = excluded.state, words = excluded.words, said_at = excluded.said_at,"
        " since_at = excluded.since_at",
    [SQL_CUT_WITNESSES] = "DELETE FROM witness WHERE name NOT IN (SELECT value FROM json_each(?1))",

    [SQL_GET_STATE] = "SELECT value FROM state WHERE key = ?1",
    [SQL_GET_TABLE_STATES] = "SELECT place, value FROM table_state WHERE place >= 0 ORDER BY place",
    [SQL_GET_WINDOWS] = "SELECT place, value FROM table_windows WHERE place >= 0 ORDER BY place",
    [SQL_GET_INCIDENT_STATES] = "SELECT incident_id, value FROM incident_state WHERE incident_id > 0"
                                " ORDER BY incident_id",
    [SQL_GET_SOURCES] =
        "SELECT device, inode, offset, fingerprint, fingerprint_len, begun_at, owner FROM source ORDER BY id",
    [SQL_GET_WITNESS] = "SELECT state, words, said_at, since_at FROM witness WHERE name = ?1",
    [SQL_GET_SEQUENCES] = "SELECT name, seq FROM sqlite_sequence",
    [SQL_GET_PAST] = "SELECT group_concat(device || ' ' || inode || ' ' || offset) || ';' ||"
                     " (SELECT coalesce(group_concat(name || ' ' || seq), '') FROM sqlite_sequence) FROM source",
    [SQL_GET_OUTBOX] = "SELECT id, notification_id, created_at, attempts, next_attempt_at FROM outbox"
                       " WHERE status = 'pending' AND webhook = ?1 AND id > ?2 ORDER BY id",
    [SQL_GET_TOLD] =
        "SELECT max(n.id) FROM incident i JOIN outbox o ON o.incident_id = i.id"
        " JOIN notification n ON n.id = o.notification_id"
        " WHERE (i.state = 'open' OR i.resolved_at > ?2) AND o.webhook = ?1 AND o.status IN ('delivered', 'refused')"
        " GROUP BY i.id, n.alert, n.severity ORDER BY 1",
    [SQL_NEXT_WEBHOOK] = "SELECT min(webhook) FROM outbox WHERE status = 'pending' AND webhook > ?1",
    [SQL_GET_NOTIFICATION] =
        "SELECT incident_id, sequence, at, status, severity, alert, table_name, onset_at, opened_at, resolved_at,"
        " prometheus_at, summary, likely_cause, scenario, first_command, evidence, escalate_to, runbook, scenario_title"
        " FROM notification WHERE id = ?1",
    [SQL_GET_TABLES] = "SELECT value FROM notification, json_each(notification.tables) WHERE notification.id = ?1",
    [SQL_GET_SILENCES] =
        "SELECT id, starts_at, min(ends_at, coalesce(nullif(ended_at, 0), ends_at)) AS until_at, alert_glob,"
        " table_glob, max_severity FROM silence WHERE until_at > ?1 ORDER BY until_at DESC LIMIT ?2",
    [SQL_FIND_OUTBOX] = "SELECT EXISTS (SELECT 1 FROM outbox WHERE incident_id = ?1 AND webhook = ?2"
                        " AND (?3 = 0 OR notification_id = ?3))",
    [SQL_GET_EDITED] = "PRAGMA data_version",
    [SQL_GET_ACKNOWLEDGEMENTS] =
        "SELECT a.id, a.incident_id, a.at, a.by_name, a.note, a.undone_at, a.undone_by FROM incident i"
        " JOIN acknowledgement a ON a.id = (SELECT max(id) FROM acknowledgement WHERE incident_id = i.id)"
        " WHERE i.state = 'open' ORDER BY i.id",
    [SQL_GET_UNSETTLED] = "SELECT EXISTS (SELECT 1 FROM incident WHERE state = 'open')"
                          " OR EXISTS (SELECT 1 FROM outbox WHERE status = 'pending')",

    [SQL_PRUNE_RUNS] =
        "DELETE FROM run WHERE cycle_id IN (SELECT id FROM cycle WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)",
    [SQL_PRUNE_CYCLES] =
        "DELETE FROM cycle WHERE id IN (SELECT id FROM cycle WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)",
    [SQL_PICK_INCIDENT] =
        "SELECT id FROM incident WHERE opened_at < ?1 AND state = 'resolved' AND resolved_at < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE incident_id = incident.id AND status = 'pending') ORDER BY opened_at LIMIT 1",
    [SQL_PRUNE_TIMELINE] = "DELETE FROM timeline WHERE id IN (SELECT id FROM timeline WHERE incident_id = ?1 LIMIT ?2)",
    [SQL_PRUNE_OUTBOX] = "DELETE FROM outbox WHERE incident_id = ?1",
    [SQL_PRUNE_NOTIFICATIONS] = "DELETE FROM notification WHERE incident_id = ?1",
    [SQL_PRUNE_ACKNOWLEDGEMENTS] = "DELETE FROM acknowledgement WHERE incident_id = ?1",
    [SQL_PRUNE_INCIDENT] = "DELETE FROM incident WHERE id = ?1",
    [SQL_PRUNE_SILENCES] = "DELETE FROM silence WHERE ends_at < ?1",

    [SQL_NOTE_LOST] = "INSERT INTO timeline (incident_id, at, kind, text)"
                      " SELECT id, CAST(strftime('%s', 'now') AS INTEGER) * 1000, 'note'," LOST_NOTE
                      " FROM incident WHERE id = ?1 AND state = 'open'",
    [SQL_CLOSE_LOST] =
        "UPDATE incident SET state = 'resolved', resolved_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000"
        " WHERE id = ?1 AND state = 'open'",
};

/*
 * synchronous=NORMAL: only a checkpoint calls fsync (on the WAL before pages are moved, on the database after). A commit then
 * costs 0.02 ms; with FULL it costs 0.5 ms and wakes the disk each time.
 *
 * What a power cut can take is the end of the WAL, as far back as the last checkpoint. Each frame's checksum covers all frames
 * before it, so what is left always ends with a whole transaction, in whatever order the disk wrote: some of the last
 * transactions are gone, never a part of one. Reading positions, their effects, the engine's state and the outbox are written
 * in one transaction, so they go back together: the log is read again from the older position and gives the same incidents
 * with the same ids and times.
 *
 * If a page was sent and the power cut took its outbox row or the row's "delivered", the page is sent a second time under the
 * same key, and the receiver drops it. FULL would not prevent that: a cut between the receiver's answer and the commit after
 * it has the same effect, and an fsync before each page would delay the page by as long as a slow disk takes.
 *
 * journal_size_limit: at most 4 MB of WAL are left behind. cache_size: 1 MB holds the right edge of each tree, which is all that
 * appending needs.
 */
const char sql_set_wal[] = "PRAGMA synchronous = NORMAL;"
                           "PRAGMA foreign_keys = OFF;"
                           "PRAGMA journal_size_limit = 4194304;"
                           "PRAGMA cache_size = -1024;"
                           "PRAGMA temp_store = MEMORY;"
                           "PRAGMA analysis_limit = 200;";

/* A file system without shared memory has no WAL mode. A rollback journal is safe with FULL only. */
const char sql_set_no_wal[] = "PRAGMA synchronous = FULL;";

/* Reads both edges of every tree, which is where the agent writes, and all that the agent starts from: the state and the outbox. */
const char sql_check_edges[] =
    "SELECT (SELECT min(id) FROM cycle), (SELECT max(id) FROM cycle),"
    " (SELECT min(started_at) FROM cycle), (SELECT max(started_at) FROM cycle),"
    " (SELECT min(id) FROM run), (SELECT max(id) FROM run), (SELECT max(cycle_id) FROM run),"
    " (SELECT max(id) FROM incident), (SELECT max(opened_at) FROM incident),"
    " (SELECT max(id) FROM timeline), (SELECT max(id) FROM notification),"
    " (SELECT max(id) FROM outbox), (SELECT max(offset) FROM source), (SELECT sum(length(value)) FROM state),"
    " (SELECT max(place) FROM table_state), (SELECT max(place) FROM table_windows),"
    " (SELECT max(incident_id) FROM incident_state),"
    " (SELECT sum(length(words)) FROM witness), (SELECT max(id) FROM silence),"
    " (SELECT max(id) FROM acknowledgement), (SELECT max(incident_id) FROM acknowledgement),"
    " (SELECT count(notification_id) FROM outbox WHERE status = 'pending')";

/* Writes another value each time, because SQLite does not write a page that stays the same. */
const char sql_count_checkpoint[] = "INSERT INTO state (key, value) VALUES ('checkpoints', '1')"
                                    " ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)";

const char sql_list_schema[] = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'";

const char sql_count_names[] =
    "SELECT count(DISTINCT name) FROM sqlite_schema WHERE name IN ('cycle', 'run', 'incident', 'timeline',"
    " 'notification', 'outbox', 'source', 'silence', 'state', 'witness', 'acknowledgement', 'table_state',"
    " 'table_windows', 'incident_state')";

/*
 * What does something of itself when a table is read or written: views, triggers, virtual tables, and indexes that refuse or calculate.
 * An index on columns alone, which somebody may have made for his own queries, does no harm.
 */
const char sql_find_active[] =
    "SELECT CASE type WHEN 'table' THEN 'virtual table' ELSE type END, name FROM sqlite_schema"
    " WHERE type NOT IN ('table', 'index') OR sql LIKE 'CREATE VIRTUAL%' OR (type = 'index' AND name != "
    "'outbox_pending'"
    " AND (sql LIKE '%UNIQUE%' OR sql LIKE '%WHERE%' OR sql LIKE '%COLLATE%' OR sql LIKE '%(%(%')) LIMIT 1";

const char sql_clear_starts[] = "UPDATE state SET value = '0' WHERE key = 'starts'";

const char sql_list_texts[] = "SELECT key, value FROM state WHERE key NOT LIKE 'aside.%'";

/* What the parts of a new beginning replace. */
const char sql_clear_parts[] = "DELETE FROM table_state WHERE place >= 0; DELETE FROM table_windows WHERE place >= 0;"
                               "DELETE FROM incident_state WHERE incident_id > 0;";

/* An earlier state that was set aside is replaced. Parts that are set aside have numbers below 0: -1 for the first place, and so on. */
const char sql_set_state_aside[] =
    "BEGIN IMMEDIATE;"
    "UPDATE OR REPLACE state SET key = 'aside.' || key WHERE key NOT LIKE 'aside.%' AND key NOT IN ('starts', "
    "'checkpoints', 'clock');"
    "DELETE FROM table_state WHERE place < 0; UPDATE table_state SET place = -1 - place;"
    "DELETE FROM table_windows WHERE place < 0; UPDATE table_windows SET place = -1 - place;"
    "DELETE FROM incident_state WHERE incident_id < 0; UPDATE incident_state SET incident_id = -incident_id;"
    "INSERT INTO timeline (incident_id, at, kind, text)"
    " SELECT id, CAST(strftime('%s', 'now') AS INTEGER) * 1000, 'note'," LOST_NOTE
    " FROM incident WHERE state = 'open';"
    "UPDATE incident SET state = 'resolved', resolved_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000 WHERE state = "
    "'open';"
    "COMMIT;";

int sql_read_number(sqlite3 *db, const char *query, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}
