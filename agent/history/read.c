/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/text.h"
#include "defend.h"
#include "history_private.h"
#include "reader.h"

sqlite3_stmt *history_read_begin(struct history *history, enum sql sql)
{
    defend_limit_cpu(history->db, HISTORY_QUESTION_CPU_MS);
    return history->statements[sql];
}

void history_read_end(struct history *history, sqlite3_stmt *statement, int code)
{
    if (history_note_result(history, code) == SQLITE_INTERRUPT)
        history->corrupt = "a question to it needs too much time";
    sqlite3_reset(statement);
}

bool history_get_state(struct history *history, const char *key, struct strbuf *value)
{
    struct history_state *state = history_find_state(history, key);
    if (!state && history->db) {
        sqlite3_stmt *statement = history_read_begin(history, SQL_GET_STATE);
        sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
        int code = sqlite3_step(statement);
        struct slice text;
        if (code == SQLITE_ROW && history_read_text(history_column(statement, 0), &text))
            state = history_add_state(history, key, text);
        history_read_end(history, statement, code);
    }
    bool found = state && !state->gone;
    strbuf_clear(value);
    if (found)
        strbuf_add(value, strbuf_text(&state->value), state->value.len);
    return found;
}

static int64_t read_size(sqlite3_stmt *statement, int column)
{
    int64_t size = reader_number(statement, column);
    return size < 0 ? 0 : size;
}

static struct source_position read_position(sqlite3_stmt *statement)
{
    return (struct source_position){
        .device = (uint64_t)sqlite3_column_int64(statement, 0),
        .inode = (uint64_t)sqlite3_column_int64(statement, 1),
        .offset = read_size(statement, 2),
        .fingerprint = strtoull(reader_text(statement, 3), NULL, 16),
        .fingerprint_len = read_size(statement, 4),
        .begun_ms = read_size(statement, 5),
        .owner = reader_number(statement, 6),
    };
}

static void load_sources(struct history *history)
{
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_SOURCES);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        history->sources = must_grow(history->sources, history->source_count + 1, sizeof *history->sources);
        history->sources[history->source_count++] = read_position(statement);
    }
    history_read_end(history, statement, code);
}

size_t history_get_sources(struct history *history, struct source_position *positions, size_t room)
{
    if (history->source_count == 0 && !history->sources_dirty && history->db)
        load_sources(history);
    size_t count = history->source_count < room ? history->source_count : room;
    if (count > 0)
        memcpy(positions, history->sources, count * sizeof *positions);
    return count;
}

/* These find the value of a name; false for a name that this agent does not know. */
static bool find_status(const char *name, enum notification_status *status)
{
    for (int i = 0; i <= NOTIFY_RESOLVED; i++) {
        *status = (enum notification_status)i;
        if (strcmp(name, notification_status_name(*status)) == 0)
            return true;
    }
    return false;
}

static bool find_severity(const char *name, enum severity *severity)
{
    for (int i = 0; i <= SEVERITY_CRITICAL; i++) {
        *severity = (enum severity)i;
        if (strcmp(name, severity_name(*severity)) == 0)
            return true;
    }
    return false;
}

/* Other programs may write to the file, so its text may be any bytes; the limits of receivers are in characters and need UTF-8. */
static char *column_copy(sqlite3_stmt *statement, int column)
{
    return text_copy_valid((const char *)sqlite3_column_text(statement, column));
}

/* NULL if the row has a name that this agent does not know. */
static struct message *read_message(sqlite3_stmt *statement)
{
    struct message *message = must_alloc(sizeof *message);
    message->alert = alert_from_name(reader_text(statement, 5));
    if (message->alert == ALERTS || !find_status(reader_text(statement, 3), &message->status) ||
        !find_severity(reader_text(statement, 4), &message->severity)) {
        message_free(message);
        return NULL;
    }
    message->incident_id = reader_number(statement, 0);
    message->sequence = reader_number(statement, 1);
    message->time_ms = reader_number(statement, 2);
    message->table = column_copy(statement, 6);
    message->onset_ms = reader_number(statement, 7);
    message->opened_ms = reader_number(statement, 8);
    message->resolved_ms = reader_number(statement, 9);
    message->prometheus_ms = reader_number(statement, 10);
    message->summary = text_copy_valid(reader_text(statement, 11));
    message->cause = column_copy(statement, 12);
    message->scenario = column_copy(statement, 13);
    message->first_command = column_copy(statement, 14);
    message->evidence = column_copy(statement, 15);
    message->escalate_to = column_copy(statement, 16);
    message->runbook = column_copy(statement, 17);
    message->title = column_copy(statement, 18);
    if (!message->runbook) /* an older agent did not store it */
        message->runbook = text_copy_valid(alert_runbook(message->alert));
    return message;
}

static void read_tables(struct history *history, int64_t id, struct message *message)
{
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_TABLES);
    sqlite3_bind_int64(statement, 1, id);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && message->table_count < MESSAGE_TABLES_MAX) {
        char *table = column_copy(statement, 0);
        if (!table)
            continue;
        message->tables = must_grow(message->tables, message->table_count + 1, sizeof *message->tables);
        message->tables[message->table_count++] = table;
    }
    history_read_end(history, statement, code);
}

/* The caller's own copy, or NULL if there is no such notification. */
static struct message *load_message(struct history *history, int64_t id)
{
    const struct message *gathered = batch_find_message(&history->batch, id);
    if (gathered)
        return message_copy(gathered);
    if (!history->db)
        return NULL;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_NOTIFICATION);
    sqlite3_bind_int64(statement, 1, id);
    int code = sqlite3_step(statement);
    struct message *message = code == SQLITE_ROW ? read_message(statement) : NULL;
    history_read_end(history, statement, code);
    if (message)
        read_tables(history, id, message);
    return message;
}

/* What was gathered about an entry is newer than its row in the database. False if the entry need not be sent any more. */
static bool apply_delivery(const struct history *history, const struct batch_delivery *delivery,
                           struct outbox_entry *entry)
{
    if (!delivery)
        return true;
    entry->attempts = delivery->attempts;
    entry->next_attempt_ms = delivery->next_attempt_ms;
    return strcmp(batch_text(&history->batch, delivery->status), "pending") == 0;
}

static size_t read_committed(struct history *history, const char *webhook, int64_t after, struct outbox_entry *entries,
                             size_t room)
{
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_OUTBOX);
    size_t count = 0;
    int code = SQLITE_DONE;
    sqlite3_bind_text(statement, 1, webhook, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, after);
    while (count < room && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct outbox_entry entry = {
            .id = reader_number(statement, 0),
            .notification_id = reader_number(statement, 1),
            .created_ms = reader_number(statement, 2),
            .attempts = reader_number(statement, 3),
            .next_attempt_ms = reader_number(statement, 4),
        };
        if (!apply_delivery(history, batch_find_delivery(&history->batch, entry.id), &entry))
            continue;
        entry.message = load_message(history, entry.notification_id);
        if (entry.message)
            entries[count++] = entry;
    }
    history_read_end(history, statement, code);
    return count;
}

static size_t read_gathered(struct history *history, const char *webhook, int64_t after, struct outbox_entry *entries,
                            size_t room)
{
    const struct batch_outbox *rows = history->batch.outbox.rows;
    size_t count = 0;
    for (size_t i = 0; i < history->batch.outbox.count && count < room; i++) {
        struct outbox_entry entry = { .id = rows[i].delivery.outbox_id,
                                      .notification_id = rows[i].notification_id,
                                      .created_ms = rows[i].created_ms };
        if (entry.id <= after || strcmp(batch_text(&history->batch, rows[i].webhook), webhook) != 0 ||
            !apply_delivery(history, &rows[i].delivery, &entry))
            continue;
        entry.message = load_message(history, entry.notification_id);
        if (entry.message)
            entries[count++] = entry;
    }
    return count;
}

/* Gathered entries have higher ids than committed ones, so they come after them. */
size_t history_get_outbox(struct history *history, const char *webhook, int64_t after, struct outbox_entry *entries,
                          size_t room)
{
    size_t count = history->db ? read_committed(history, webhook, after, entries, room) : 0;
    return count + read_gathered(history, webhook, after, entries + count, room - count);
}

static bool find_gathered_outbox(const struct history *history, const char *webhook, int64_t incident_id,
                                 int64_t notification_id)
{
    const struct batch_outbox *rows = history->batch.outbox.rows;
    for (size_t i = 0; i < history->batch.outbox.count; i++)
        if (rows[i].incident_id == incident_id &&
            (notification_id == 0 || rows[i].notification_id == notification_id) &&
            strcmp(batch_text(&history->batch, rows[i].webhook), webhook) == 0)
            return true;
    return false;
}

bool history_find_outbox(struct history *history, const char *webhook, int64_t incident_id, int64_t notification_id)
{
    if (find_gathered_outbox(history, webhook, incident_id, notification_id))
        return true;
    if (!history->db)
        return false;
    sqlite3_stmt *statement = history_read_begin(history, SQL_FIND_OUTBOX);
    sqlite3_bind_int64(statement, 1, incident_id);
    sqlite3_bind_text(statement, 2, webhook, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, notification_id);
    int code = sqlite3_step(statement);
    bool found = code == SQLITE_ROW && sqlite3_column_int(statement, 0) != 0;
    history_read_end(history, statement, code);
    return found;
}

/* If the database cannot be asked, the answer is false. */
bool history_settled(struct history *history)
{
    if (!history->db)
        return false;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_UNSETTLED);
    int code = sqlite3_step(statement);
    bool settled = code == SQLITE_ROW && sqlite3_column_int(statement, 0) == 0;
    history_read_end(history, statement, code);
    return settled;
}

size_t history_get_told(struct history *history, const char *webhook, int64_t since_ms, struct message **messages,
                        size_t room)
{
    if (!history->db)
        return 0;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_TOLD);
    size_t count = 0;
    int code = SQLITE_DONE;
    sqlite3_bind_text(statement, 1, webhook, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, since_ms);
    while (count < room && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        messages[count] = load_message(history, reader_number(statement, 0));
        count += messages[count] != NULL;
    }
    history_read_end(history, statement, code);
    return count;
}

bool history_next_webhook(struct history *history, const char *after, struct strbuf *name)
{
    if (!history->db)
        return false;
    sqlite3_stmt *statement = history_read_begin(history, SQL_NEXT_WEBHOOK);
    struct strbuf found = { 0 };
    sqlite3_bind_text(statement, 1, after, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    bool any = text != NULL;
    strbuf_puts(&found, any ? text : "");
    history_read_end(history, statement, code);
    strbuf_clear(name); /* not before: the argument after may be its text */
    strbuf_puts(name, strbuf_text(&found));
    strbuf_free(&found);
    return any;
}
