/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "question.h"

/*
 * Everything is asked without blocking, so that the time holds whatever the server does. Only the look-up of a host's name may take
 * longer: the agent then ends this program.
 */

/* So much of the time is left for the answer's way back. */
enum { TIME_USED_PERCENT = 90 };
/* OID of the type text[] (PostgreSQL, catalog/pg_type.dat). */
enum { TYPE_TEXT_ARRAY = 1009 };
enum { SQLSTATE_LEN = 5 };

/* The columns that are looked for in the answer. Each but the first may be missing. */
static const char *const columns[] = {
    "table_name",          "last_offload_timestamp", "last_offload_row_count", "status",
    "last_successful_run", "failure_count",          "last_error_message",     "updated_at"
};
enum { COLUMNS = sizeof columns / sizeof columns[0], TABLE_COLUMN = 0 };

struct asking {
    const struct question *question;
    PGconn *conn;
    int64_t deadline_ms; /* clock_running_ms */
    struct strbuf out;   /* one line */
    size_t printed;
    char server_ms[24]; /* the server's own time, Unix ms */
};

/* --- printing ------------------------------------------------------------------------------------------------- */

static bool print_line(struct asking *asking)
{
    strbuf_puts(&asking->out, "\n");
    bool fits = asking->printed + asking->out.len <= WATERMARK_ANSWER_MAX_BYTES;
    if (fits)
        fwrite(asking->out.at, 1, asking->out.len, stdout);
    asking->printed += fits ? asking->out.len : 0;
    strbuf_clear(&asking->out);
    return fits;
}

/* A text, shortened. Control characters but line ends become blanks, since escaped they would take six times their room. */
static void put_text(struct json_writer *json, const char *key, const char *text, size_t most)
{
    struct strbuf clean = { 0 };
    size_t len = strlen(text);
    strbuf_add(&clean, text, len > most ? utf8_floor(text, most) : len);
    for (size_t i = 0; i < clean.len; i++)
        if (iscntrl((unsigned char)clean.at[i]) && clean.at[i] != '\n')
            clean.at[i] = ' ';
    json_put_slice(json, key, strbuf_slice(&clean));
    strbuf_free(&clean);
}

/* What failed ("connect", "query", ...), PostgreSQL's code for it ("53300", "" where it has none), and in words. Always false. */
static bool print_error(struct asking *asking, const char *what, const char *sqlstate, const char *words)
{
    struct json_writer json = { .out = &asking->out };
    size_t len = strcspn(words, "\n");
    char *line = must_copy(words, len);
    json_open(&json, NULL, '{');
    json_put_text(&json, "error", what);
    json_put_text(&json, "sqlstate", sqlstate);
    put_text(&json, "words", line, WATERMARK_TEXT_MAX_BYTES);
    json_close(&json, '}');
    print_line(asking);
    free(line);
    return false;
}

/* --- waiting -------------------------------------------------------------------------------------------------- */

/* False when the time is over. */
static bool wait_for_socket(const struct asking *asking, short events)
{
    int64_t left_ms = asking->deadline_ms - clock_running_ms();
    struct pollfd poll_fd = { .fd = PQsocket(asking->conn), .events = events };
    return left_ms > 0 && poll_fd.fd >= 0 && poll(&poll_fd, 1, (int)left_ms) > 0;
}

/* --- connecting ----------------------------------------------------------------------------------------------- */

/*
 * PQerrorMessage in its verbose form: "connection to server at "db", port 5432 failed: FATAL:  53300: sorry, too many clients already". Before
 * version 18 libpq tells the code nowhere else. The word before it is in the server's language.
 */
static const char *find_sqlstate(const char *message)
{
    for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *code = at + strlen(":  ");
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_LEN &&
            strncmp(code + SQLSTATE_LEN, ": ", 2) == 0)
            return code;
    }
    return NULL;
}

/* A host may have several addresses. What the server at one of them said is worth more than that another one is not there. */
static const char *find_best_line(const char *message, const char *code)
{
    const char *best = message;
    for (const char *at = message; (at = strstr(at, "connection to server")) != NULL && (!code || at < code); at++)
        best = at;
    return best;
}

static bool print_connect_error(struct asking *asking)
{
    static const char unknown_name[] = "could not translate host name";
    const char *message = PQerrorMessage(asking->conn), *code = find_sqlstate(message);
    const char *line = find_best_line(message, code);
    char sqlstate[SQLSTATE_LEN + 1] = "";
    struct strbuf words = { 0 };
    strbuf_add(&words, line, code ? (size_t)(code - line) : strlen(line));
    if (code) {
        memcpy(sqlstate, code, SQLSTATE_LEN);
        strbuf_puts(&words, code + SQLSTATE_LEN + strlen(": "));
    }
    print_error(asking, strncmp(line, unknown_name, strlen(unknown_name)) == 0 ? "name" : "connect", sqlstate,
                strbuf_text(&words));
    strbuf_free(&words);
    return false;
}

static bool connect_to_server(struct asking *asking)
{
    const struct question *question = asking->question;
    const char *keywords[8] = { NULL }, *values[8] = { NULL };
    int count = 0;
    /* The later of two wins. A dsn is taken apart where it stands as the name of the database. */
    const struct {
        const char *keyword, *value;
    } parameters[] = { { "dbname", question->dsn },
                       { "service", question->service },
                       { "passfile", question->passfile },
                       { "password", question->password },
                       { "fallback_application_name", "iceberg-offload-agent" },
                       { "client_encoding", "UTF8" } };
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (!parameters[i].value)
            continue;
        keywords[count] = parameters[i].keyword;
        values[count++] = parameters[i].value;
    }
    asking->conn = PQconnectStartParams(keywords, values, 1);
    if (!asking->conn)
        return print_error(asking, "memory", "", "no memory");
    if (PQstatus(asking->conn) == CONNECTION_BAD)
        return print_connect_error(asking);
    PQsetErrorVerbosity(asking->conn, PQERRORS_VERBOSE);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        if (!wait_for_socket(asking, state == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return print_error(asking, "connect timeout", "", "no connection in time");
        state = PQconnectPoll(asking->conn);
    }
    return state == PGRES_POLLING_OK || print_connect_error(asking);
}

/* --- asking --------------------------------------------------------------------------------------------------- */

static bool send_all(const struct asking *asking)
{
    int left;
    while ((left = PQflush(asking->conn)) > 0)
        if (!wait_for_socket(asking, POLLIN | POLLOUT) || !PQconsumeInput(asking->conn))
            return false;
    return left == 0;
}

/* The next result; NULL behind the last one, or when the time is over, which is then said in *is_late. */
static PGresult *next_result(const struct asking *asking, bool *is_late)
{
    while (PQisBusy(asking->conn)) {
        *is_late = !wait_for_socket(asking, POLLIN);
        if (*is_late || !PQconsumeInput(asking->conn))
            break; /* a connection that is lost gives a result that says so */
    }
    return *is_late ? NULL : PQgetResult(asking->conn);
}

static bool print_result_error(struct asking *asking, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return print_error(asking, sqlstate ? "query" : "connect", sqlstate ? sqlstate : "",
                       words ? words : PQresultErrorMessage(result));
}

static bool print_too_late(struct asking *asking)
{
    return print_error(asking, "query timeout", "", "connected, but no answer in time");
}

/* Nothing can be changed in the transaction, and the server gives up a little earlier than we do. */
static bool begin_transaction(struct asking *asking)
{
    struct strbuf sql = { 0 };
    int64_t left_ms = (asking->deadline_ms - clock_running_ms()) * TIME_USED_PERCENT / 100;
    strbuf_printf(&sql,
                  "BEGIN READ ONLY; SET LOCAL statement_timeout = %" PRId64 "; SET LOCAL TimeZone = 'UTC';"
                  " SET LOCAL DateStyle = 'ISO, YMD'; SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                  left_ms > 1 ? left_ms : 1);
    bool good = PQsendQuery(asking->conn, strbuf_text(&sql)) && send_all(asking), is_late = false;
    PGresult *result;
    strbuf_free(&sql);
    if (!good)
        return print_connect_error(asking);
    while ((result = next_result(asking, &is_late)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK && PQntuples(result) == 1)
            snprintf(asking->server_ms, sizeof asking->server_ms, "%s", PQgetvalue(result, 0, 0));
        else if (good && status != PGRES_COMMAND_OK)
            good = print_result_error(asking, result);
        PQclear(result);
    }
    return is_late ? print_too_late(asking) : good;
}

/* The names as a literal of the type text[]: {"a","b"}. */
static void put_array(const struct question *question, struct strbuf *out)
{
    for (size_t i = 0; i < question->table_count; i++) {
        strbuf_puts(out, i ? ",\"" : "{\"");
        for (const char *at = question->tables[i]; *at; at++) {
            if (*at == '"' || *at == '\\')
                strbuf_puts(out, "\\");
            strbuf_add(out, at, 1);
        }
        strbuf_puts(out, "\"");
    }
    strbuf_puts(out, "}");
}

static bool is_asked_about(const struct question *question, const char *table)
{
    for (size_t i = 0; i < question->table_count; i++)
        if (strcmp(table, question->tables[i]) == 0)
            return true;
    return false;
}

/* False if the answer is full. A row about another table is passed over. */
static bool print_row(struct asking *asking, const PGresult *result)
{
    struct json_writer json = { .out = &asking->out };
    int table = PQfnumber(result, columns[TABLE_COLUMN]);
    if (table < 0 || !is_asked_about(asking->question, PQgetvalue(result, 0, table)))
        return true;
    json_open(&json, NULL, '{');
    json_put_text(&json, "server_ms", asking->server_ms);
    for (int i = 0; i < COLUMNS; i++) {
        int field = PQfnumber(result, columns[i]);
        if (field >= 0 && !PQgetisnull(result, 0, field))
            put_text(&json, columns[i], PQgetvalue(result, 0, field),
                     i == TABLE_COLUMN ? TABLE_NAME_MAX_BYTES : WATERMARK_TEXT_MAX_BYTES);
    }
    json_close(&json, '}');
    return print_line(asking);
}

static bool send_query(struct asking *asking)
{
    const struct question *question = asking->question;
    bool takes_names = strstr(question->query, "$1") != NULL;
    struct strbuf names = { 0 };
    put_array(question, &names);
    bool good = PQsendQueryParams(asking->conn, question->query, takes_names, (Oid[]){ TYPE_TEXT_ARRAY },
                                  (const char *[]){ strbuf_text(&names) }, NULL, NULL, 0) &&
                PQsetSingleRowMode(asking->conn) && send_all(asking);
    strbuf_free(&names);
    return good || print_connect_error(asking);
}

static bool take_all_rows(struct asking *asking)
{
    bool good = true, full = false, is_late = false;
    PGresult *result;
    while (good && !full && (result = next_result(asking, &is_late)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (PQnfields(result) > 0 && PQfnumber(result, columns[TABLE_COLUMN]) < 0)
            good = print_error(asking, "settings", "", "the query's answer has no column table_name");
        else if (status == PGRES_SINGLE_TUPLE)
            full = !print_row(asking, result);
        else if (status != PGRES_TUPLES_OK)
            good = print_result_error(asking, result);
        PQclear(result);
    }
    return is_late ? print_too_late(asking) : good;
}

bool question_ask(const struct question *question)
{
    struct asking asking = {
        .question = question,
        .deadline_ms = clock_running_ms() + question->timeout_ms * TIME_USED_PERCENT / 100,
    };
    bool good = connect_to_server(&asking) && PQsetnonblocking(asking.conn, 1) == 0 && begin_transaction(&asking) &&
                send_query(&asking) && take_all_rows(&asking);
    if (good) {
        struct json_writer json = { .out = &asking.out };
        json_open(&json, NULL, '{');
        json_put_bool(&json, "done", true);
        json_close(&json, '}');
        print_line(&asking);
    }
    PQfinish(asking.conn);
    strbuf_free(&asking.out);
    return good;
}
