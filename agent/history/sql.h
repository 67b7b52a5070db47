/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_SQL_H
#define HISTORY_SQL_H

/* Every statement of the history on one page: prepared once, named after what it does. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT_CYCLE,
    SQL_PUT_RUN,
    SQL_PUT_INCIDENT,
    SQL_PUT_TIMELINE,
    SQL_PUT_NOTIFICATION,
    SQL_PUT_OUTBOX,
    SQL_PUT_DELIVERY,
    SQL_PUT_STATE,
    SQL_PUT_SOURCE,
    SQL_CUT_SOURCES,
    SQL_GET_STATE,
    SQL_GET_SOURCES,
    SQL_GET_SEQUENCES,
    SQL_GET_OUTBOX,
    SQL_GET_TOLD,
    SQL_NEXT_WEBHOOK,
    SQL_GET_NOTIFICATION,
    SQL_GET_TABLES,
    SQL_GET_SILENCE,
    SQL_GET_UNSETTLED,
    SQL_PRUNE_RUNS,
    SQL_PRUNE_CYCLES,
    SQL_PICK_INCIDENT,
    SQL_PRUNE_TIMELINE,
    SQL_PRUNE_OUTBOX,
    SQL_PRUNE_NOTIFICATIONS,
    SQL_PRUNE_INCIDENT,
    SQL_PRUNE_SILENCES,
    SQL_STATEMENTS
};

/*
 * An update leaves out what never changes once a row is there: SQLite would rewrite the index entries of those columns. An
 * incident's cause and deviations belong to `agent annotate`.
 */
static const char *const sql_texts[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_PUT_CYCLE] =
        "INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, tables, succeeded, failed, timed_out, rows)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,"
        " outcome = excluded.outcome, tables = excluded.tables, succeeded = excluded.succeeded,"
        " failed = excluded.failed, timed_out = excluded.timed_out, rows = excluded.rows",
    [SQL_PUT_RUN] =
        "INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,"
        " outcome = excluded.outcome, rows = excluded.rows, exit_code = excluded.exit_code, error = excluded.error",
    [SQL_PUT_INCIDENT] =
        "INSERT INTO incident (id, alert, table_name, tables, severity, state, onset_at, opened_at, critical_at,"
        " resolved_at, verified_at, escalated_at, prometheus_at, likely_cause, scenario, runbook, first_command, "
        "evidence,"
        " summary)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
        " ON CONFLICT (id) DO UPDATE SET alert = excluded.alert, tables = excluded.tables,"
        " severity = excluded.severity, state = excluded.state, onset_at = excluded.onset_at,"
        " critical_at = excluded.critical_at, resolved_at = excluded.resolved_at, verified_at = excluded.verified_at,"
        " escalated_at = excluded.escalated_at, prometheus_at = excluded.prometheus_at,"
        " likely_cause = excluded.likely_cause, scenario = excluded.scenario, runbook = excluded.runbook,"
        " first_command = excluded.first_command, evidence = excluded.evidence, summary = excluded.summary",
    [SQL_PUT_TIMELINE] =
        "INSERT OR REPLACE INTO timeline (id, incident_id, at, kind, text, log_offset) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_PUT_NOTIFICATION] =
        "INSERT OR REPLACE INTO notification (id, incident_id, sequence, at, status, severity, alert, table_name, "
        "tables,"
        " onset_at, opened_at, resolved_at, prometheus_at, summary, likely_cause, scenario, first_command, evidence,"
        " escalate_to, silenced)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    [SQL_PUT_OUTBOX] =
        "INSERT OR REPLACE INTO outbox (id, status, attempts, next_attempt_at, delivered_at, last_error, incident_id,"
        " notification_id, webhook, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_PUT_DELIVERY] =
        "UPDATE outbox SET status = ?2, attempts = ?3, next_attempt_at = ?4, delivered_at = ?5, last_error = ?6"
        " WHERE id = ?1",
    [SQL_PUT_STATE] =
        "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [SQL_PUT_SOURCE] =
        "INSERT OR REPLACE INTO source (id, device, inode, offset, fingerprint, fingerprint_len, begun_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SQL_CUT_SOURCES] = "DELETE FROM source WHERE id > ?1",

    [SQL_GET_STATE] = "SELECT value FROM state WHERE key = ?1",
    [SQL_GET_SOURCES] = "SELECT device, inode, offset, fingerprint, fingerprint_len, begun_at FROM source ORDER BY id",
    [SQL_GET_SEQUENCES] = "SELECT name, seq FROM sqlite_sequence",
    [SQL_GET_OUTBOX] = "SELECT id, notification_id, created_at, attempts, next_attempt_at FROM outbox"
                       " WHERE status = 'pending' AND webhook = ?1 AND id > ?2 ORDER BY id",
    [SQL_GET_TOLD] =
        "SELECT max(n.id) FROM incident i JOIN outbox o ON o.incident_id = i.id JOIN notification n ON n.id = "
        "o.notification_id"
        " WHERE (i.state = 'open' OR i.resolved_at > ?2) AND o.webhook = ?1 AND o.status IN ('delivered', 'refused')"
        " GROUP BY i.id, n.alert, n.severity ORDER BY 1",
    [SQL_NEXT_WEBHOOK] = "SELECT min(webhook) FROM outbox WHERE status = 'pending' AND webhook > ?1",
    [SQL_GET_NOTIFICATION] =
        "SELECT incident_id, sequence, at, status, severity, alert, table_name, onset_at, opened_at, resolved_at,"
        " prometheus_at, summary, likely_cause, scenario, first_command, evidence, escalate_to"
        " FROM notification WHERE id = ?1",
    [SQL_GET_TABLES] = "SELECT value FROM notification, json_each(notification.tables) WHERE notification.id = ?1",
    [SQL_GET_SILENCE] = "SELECT max(ends_at) FROM silence WHERE starts_at <= ?1 AND ends_at > ?1"
                        " AND (ended_at IS NULL OR ended_at > ?1)",
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
    [SQL_PRUNE_INCIDENT] = "DELETE FROM incident WHERE id = ?1",
    [SQL_PRUNE_SILENCES] = "DELETE FROM silence WHERE ends_at < ?1",
};

#endif
