/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/commands.h"
#include "base/strbuf.h"
#include "fuzz.h"
#include "history.h"

/*
 * A history file that anybody made. The first byte says who opens it: one of the commands in one of its forms, or the agent. The others
 * change a sound history step by step: values of all kinds in every column (NULL where none may be, too), views, triggers, indexes and
 * tables under the agent's names, a state, and bytes of the file itself. Whatever comes of it must be an answer or an error.
 */
static char directory[64], path[96];

struct bytes {
    const uint8_t *at;
    size_t left;
};

static unsigned next_byte(struct bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->at++;
}

/* --- the file --- */

static const char *const tables[] = {
    "cycle",  "run",     "incident", "timeline", "notification",    "outbox",
    "source", "silence", "state",    "witness",  "acknowledgement", "sqlite_sequence"
};
static const char *const values[] = {
    "NULL",
    "0",
    "1",
    "-1",
    "7",
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "1e308 * 10",
    "-1e308 * 10",
    "0.5",
    "''",
    "'x'",
    "x'00ff80'",
    "zeroblob(5000)",
    "'\xff\xfe'",
    "char(27, 91, 50, 74)",
    "'[\"a\", \"b\"]'",
    "'[1, null, {}]'",
    "'[\"'",
    "'open'",
    "'resolved'",
    "'pending'",
    "'delivered'",
    "'refused'",
    "'success'",
    "'failed'",
    "'timeout'",
    "'critical'",
    "'warning'",
    "'firing'",
    "'notified'",
    "'opened'",
    "'evidence'",
    "'IcebergOffloadLagCritical'",
    "'IcebergOffloadWatermarkStale'",
    "'IcebergOffloadConsecutiveFailures'",
    "1772496000000",
    "1772496900000",
    "1772582400000",
    "253402300800000",
    "-62135596800001",
    "'1/2'",
    "'99999999999/-1'",
    "'agent'",
    "'engine.live'",
    "'agent.parser'",
    "'refresh.x'",
    "'a'",
    "replace(hex(zeroblob(300)), '0', 'w ')",
    "char(112, 105, 100, 32, 49, 10) || 'alive_ms 9223372036854775807'",
    "'started_ms -9223372036854775808'",
    "'interval_ms -1'",
    "'lag_warning_ms 9223372036854775807'",
    "'blind_count 9223372036854775807'",
};
static const char many_tables[] =
    "PRAGMA writable_schema = ON; WITH n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 8000)"
    " INSERT INTO sqlite_schema SELECT 'table', 'x' || i, 'x' || i, 2, 'CREATE TABLE x' || i || ' (a INTEGER)' FROM n";
static const char *const schemas[] = {
    "DROP TABLE cycle; CREATE VIEW cycle AS WITH n(id) AS (VALUES (1) UNION ALL SELECT id FROM n) SELECT * FROM n",
    "CREATE VIEW other AS SELECT * FROM run",
    "CREATE TRIGGER t AFTER INSERT ON state BEGIN DELETE FROM cycle; END",
    "CREATE UNIQUE INDEX u ON run (outcome)",
    "CREATE INDEX e ON run (hex(zeroblob(1000)))",
    "CREATE INDEX harmless ON run (ended_at)",
    "DROP TABLE outbox",
    "DROP TABLE state; CREATE VIRTUAL TABLE state USING fts5 (key, value)",
    "ALTER TABLE run ADD COLUMN more GENERATED ALWAYS AS (hex(error)) VIRTUAL",
    "ALTER TABLE cycle RENAME TO bicycle",
    "CREATE TABLE sqlitex (a, b)",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA user_version = 0",
    "PRAGMA application_id = 1",
    "PRAGMA journal_mode = DELETE",
    "DELETE FROM sqlite_sequence",
    "DROP INDEX run_cycle",
    many_tables,
};

#define pick(list, bytes) list[next_byte(bytes) % (sizeof list / sizeof *list)]

/* INSERT of a row, or UPDATE of a column, with values out of the list. */
static void put_step(sqlite3 *db, struct bytes *bytes, struct strbuf *sql)
{
    sqlite3_stmt *columns = NULL;
    const char *table = pick(tables, bytes);
    unsigned how = next_byte(bytes), wanted = how / 2;
    strbuf_clear(sql);
    strbuf_printf(sql, "SELECT name, count(*) OVER () FROM pragma_table_info('%s')", table);
    if (sqlite3_prepare_v2(db, sql->at, -1, &columns, NULL) != SQLITE_OK)
        return;
    strbuf_clear(sql);
    strbuf_printf(sql, how % 2 ? "INSERT OR REPLACE INTO %s VALUES (" : "UPDATE %s SET ", table);
    for (unsigned i = 0; sqlite3_step(columns) == SQLITE_ROW; i++)
        if (how % 2)
            strbuf_printf(sql, "%s%s", i ? ", " : "", pick(values, bytes));
        else if (i == wanted % (unsigned)sqlite3_column_int(columns, 1))
            strbuf_printf(sql, "%s = %s", (const char *)sqlite3_column_text(columns, 0), pick(values, bytes));
    strbuf_puts(sql, how % 2 ? ")" : "");
    sqlite3_finalize(columns);
    sqlite3_exec(db, sql->at, NULL, NULL, NULL);
}

/* A sound history with a little of everything, of which the tables take NULL everywhere until an input is made of it. */
static const char rows[] =
    "INSERT INTO cycle VALUES (1, 1772496000000, 1772496060000, 60000, 'success', 2, 2, 0, 0, 10),"
    " (2, 1772496900000, 1772496960000, 60000, 'partial', 2, 1, 1, 0, 5), (3, 1772497800000, NULL, NULL, 'running', 2, "
    "0, 0, 0, 0);"
    "INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error)"
    " SELECT 2 * id, id, 'a', started_at, ended_at, 1000, outcome, 5, 1, 'Connection refused' FROM "
    "cycle;"
    "INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error)"
    " SELECT 2 * id + 1, id, 'b', started_at, ended_at, 1000, 'success', 5, 0, NULL FROM cycle;"
    "INSERT INTO incident (id, alert, table_name, tables, severity, state, onset_at, opened_at, critical_at, "
    "resolved_at, summary)"
    " VALUES (1, 'IcebergOffloadConsecutiveFailures', 'a', '[\"a\"]', 'critical', 'resolved', 1772496900000, "
    "1772496960000, 1772497000000,"
    " 1772497860000, 'a failed'), (2, 'IcebergOffloadLagElevated', 'b', '[\"b\"]', 'warning', 'open', 1772496900000, "
    "1772496960000, NULL, NULL, 'b');"
    "INSERT INTO timeline (incident_id, at, kind, text) SELECT id, opened_at, 'opened', 'it began' FROM incident;"
    "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, tables, summary)"
    " SELECT id, 1, opened_at, 'firing', severity, alert, tables, summary FROM incident;"
    "INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at) SELECT id, id, 'w', 'pending', "
    "opened_at FROM incident;"
    "INSERT INTO silence VALUES (1, 1772496000000, 1772497000000, 'work', NULL, 'Iceberg*', 'bronze_*', 'warning');"
    "INSERT INTO acknowledgement (incident_id, at, by_name, note) SELECT id, opened_at, 'ann', 'looking' FROM incident;"
    "INSERT INTO source (id, device, inode, offset, fingerprint, fingerprint_len) VALUES (1, 2, 3, 4, 'ff', 5);"
    "INSERT INTO state VALUES ('agent', 'pid 1' || char(10) || 'alive_ms 1772497860000' || char(10));";

enum { TABLES_MOST = 16 };
static struct {
    char *name, *sql;
} schema[TABLES_MOST];
static size_t schema_count;
static char *sound;
static long sound_bytes;

static sqlite3 *open_plainly(void)
{
    sqlite3 *db = NULL;
    must(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY", NULL, NULL, NULL);
    return db;
}

static int keep_schema(void *unused, int count, char **columns, char **names)
{
    (void)unused, (void)count, (void)names;
    must(schema_count < TABLES_MOST);
    schema[schema_count].name = strdup(columns[0]);
    schema[schema_count++].sql = strdup(columns[1]);
    return 0;
}

static void keep_sound_file(void)
{
    FILE *file = fopen(path, "rb");
    must(file && fseek(file, 0, SEEK_END) == 0);
    sound_bytes = ftell(file);
    sound = malloc((size_t)sound_bytes);
    rewind(file);
    must(fread(sound, 1, (size_t)sound_bytes, file) == (size_t)sound_bytes);
    fclose(file);
}

static void make_sound_file(void)
{
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(path, &notice, &error);
    must(history && notice.len == 0);
    history_close(history);
    sqlite3 *db = open_plainly();
    must(sqlite3_exec(db, rows, NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_exec(db, "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%NOT NULL%'",
                      keep_schema, NULL, NULL) == SQLITE_OK);
    must(sqlite3_exec(db,
                      "PRAGMA journal_mode = DELETE; PRAGMA writable_schema = ON;"
                      "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'",
                      NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    keep_sound_file();
}

static void scribble(struct bytes *bytes)
{
    FILE *file = fopen(path, "r+b");
    must(file != NULL);
    fseek(file, (long)(next_byte(bytes) << 8 | next_byte(bytes)) * 4, SEEK_SET);
    for (unsigned count = next_byte(bytes) % 64; count > 0; count--)
        fputc((int)next_byte(bytes), file);
    fclose(file);
}

/* After the steps the tables say again that they take no NULL. */
static void tighten(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_exec(db, "PRAGMA writable_schema = ON", NULL, NULL, NULL);
    if (sqlite3_prepare_v2(
            db, "UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1 AND type = 'table' AND sql LIKE 'CREATE TABLE%'", -1,
            &statement, NULL) != SQLITE_OK)
        return;
    for (size_t i = 0; i < schema_count; i++) {
        sqlite3_bind_text(statement, 1, schema[i].name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, schema[i].sql, -1, SQLITE_STATIC);
        sqlite3_step(statement);
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
}

static void make_file(struct bytes *bytes)
{
    static struct strbuf sql;
    bool scribbled = false;
    FILE *file = fopen(path, "wb");
    must(file && fwrite(sound, 1, (size_t)sound_bytes, file) == (size_t)sound_bytes);
    fclose(file);
    sqlite3 *db = open_plainly();
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    while (bytes->left > 0 && !scribbled) {
        unsigned step = next_byte(bytes) % 16;
        scribbled = step == 1;
        if (step == 0)
            sqlite3_exec(db, pick(schemas, bytes), NULL, NULL, NULL);
        else if (!scribbled)
            put_step(db, bytes, &sql);
    }
    tighten(db);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    if (scribbled)
        scribble(bytes);
}

/* --- who opens it --- */

static char db_setting[128];
static const struct face {
    int (*run)(struct options *options);
    const struct arguments *arguments;
    const char *argv[6];
} faces[] = {
    { command_status, &status_arguments, { "status" } },
    { command_status, &status_arguments, { "status", "--format", "json" } },
    { command_incidents, &incidents_arguments, { "incidents" } },
    { command_incidents, &incidents_arguments, { "incidents", "--format", "json" } },
    { command_report, &report_arguments, { "report" } },
    { command_report, &report_arguments, { "report", "--format", "html" } },
    { command_report, &report_arguments, { "report", "--format", "json" } },
    { command_report, &report_arguments, { "report", "--format", "markdown", "--incident", "2" } },
    { command_report, &report_arguments, { "report", "--since", "1970-01-01" } },
    { command_report, &report_arguments, { "report", "--since", "1970-01-01", "--format", "html" } },
    { command_report, &report_arguments, { "report", "--since", "1970-01-01", "--format", "json" } },
    { command_silence, &silence_arguments, { "silence", "--list" } },
    { command_silence, &silence_arguments, { "silence", "1h", "--reason", "x" } },
    { command_annotate, &annotate_arguments, { "annotate", "1", "--cause", "x" } },
    { command_silence, &silence_arguments, { "silence", "--end", "1" } },
    { command_ack, &ack_arguments, { "ack", "1", "--by", "x", "--note", "y" } },
    { command_ack, &ack_arguments, { "ack", "2", "--undo" } },
};
enum { FACES = sizeof faces / sizeof *faces };

static void show(struct slice input)
{
    const struct face *face = &faces[(unsigned char)input.at[0] % FACES];
    char *argv[10];
    int argc = 0;
    for (size_t i = 0; i < 6 && face->argv[i]; i++)
        argv[argc++] = (char *)face->argv[i];
    argv[argc++] = (char *)"--set";
    argv[argc++] = db_setting;
    argv[argc] = NULL;
    struct options options = { 0 };
    must(options_parse(&options, face->arguments, argc, argv) == OPTIONS_READ);
    int code = face->run(&options);
    must(code >= 0 && code <= 3);
    options_free(&options);
}

static void take_silence(void *ctx, const struct silence *silence)
{
    struct silence copy = silence_copy(silence);
    *(int64_t *)ctx += copy.ends_ms - copy.starts_ms;
    silence_free(&copy);
}

static void take_acknowledgement(void *ctx, const struct acknowledgement *acknowledgement)
{
    *(int64_t *)ctx += (int64_t)strlen(acknowledgement->by) + (int64_t)strlen(acknowledgement->undone_by);
}

/* As a start, a first commit and some housekeeping. */
static void run_agent(void)
{
    struct strbuf notice = { 0 }, error = { 0 }, text = { 0 };
    struct source_position positions[16];
    struct outbox_entry entries[4];
    struct message *told[4];
    int64_t asked = 0;
    struct history *history = history_open(path, &notice, &error);
    if (history) {
        history_begin_start(history, &notice);
        history_get_state(history, STATE_ENGINE, &text);
        history_get_sources(history, positions, 16);
        size_t count = history_get_outbox(history, "w", 0, entries, 4);
        for (size_t i = 0; i < count; i++)
            message_free(entries[i].message);
        count = history_get_told(history, "w", 0, told, 4);
        for (size_t i = 0; i < count; i++)
            message_free(told[i]);
        history_next_webhook(history, "", &text);
        history_was_edited(history);
        history_get_silences(history, 1772496000000, take_silence, &asked);
        history_get_acknowledgements(history, take_acknowledgement, &asked);
        history_settled(history);
        struct cycle cycle = { .id = 9, .started_ms = 1772496000000 };
        struct engine_sink sink = history_sink(history);
        sink.cycle(sink.ctx, &cycle);
        strbuf_clear(&error);
        must(history_commit(history, &error) == HISTORY_OK);
        history_prune(history, history_retention_start_ms(history, 1000, 1772497860000, 7200000));
        history_idle(history);
        history_close(history);
    }
    strbuf_free(&notice);
    strbuf_free(&error);
    strbuf_free(&text);
}

static void clean_up(void)
{
    DIR *all = opendir(directory);
    must(all != NULL);
    for (struct dirent *entry; (entry = readdir(all));)
        unlinkat(dirfd(all), entry->d_name, 0);
    closedir(all);
}

static void remove_directory(void)
{
    clean_up();
    rmdir(directory);
}

static void prepare(void)
{
    snprintf(directory, sizeof directory, "%s/fuzz-history.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    must(mkdtemp(directory) != NULL);
    atexit(remove_directory);
    snprintf(path, sizeof path, "%s/h.db", directory);
    snprintf(db_setting, sizeof db_setting, "history.db=%s", path);
    make_sound_file();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    FILE *output = stdout, *errors = stderr;
    if (!nowhere) {
        prepare();
        nowhere = fopen("/dev/null", "w");
    }
    if (size < 1)
        return 0;
    struct bytes bytes = { data + 1, size - 1 };
    make_file(&bytes);
    stdout = stderr = nowhere; /* what the commands print */
    if (data[0] % 4 == 3)
        run_agent();
    else
        fuzz_cost(show, (struct slice){ (const char *)data, 1 });
    stdout = output;
    stderr = errors;
    clean_up();
    return 0;
}
