/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/budgets.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "base/utf8.h"
#include "watermark.h"

/* The answer of agent-watermark: a JSON object a line. It may hold anything, since others write the table. */

enum { SECOND = 1000, MINUTE = 60 * SECOND, WORDS_KEPT_BYTES = 300, ROWS_DIGITS = 15 };
static const int64_t HOUR = 60 * MINUTE, DAY = 24 * 60 * (int64_t)MINUTE;
/* A watermark may lie ahead by so much, since clocks differ. Beyond it, as with the year 9999, it says nothing. */
static const int64_t AHEAD_MAX_MS = 24 * 60 * (int64_t)MINUTE;

/* Gives no row if the line is not JSON. */
static const char sql_line[] =
    "SELECT json_extract(?1, '$.error'), json_extract(?1, '$.sqlstate'), json_extract(?1, '$.words'),"
    " json_extract(?1, '$.done'), json_extract(?1, '$.server_ms'), json_extract(?1, '$.table_name'),"
    " json_extract(?1, '$.last_offload_timestamp'), json_extract(?1, '$.last_offload_row_count'),"
    " json_extract(?1, '$.status'), json_extract(?1, '$.last_successful_run'), json_extract(?1, '$.failure_count'),"
    " json_extract(?1, '$.last_error_message'), json_extract(?1, '$.updated_at')"
    " WHERE json_valid(?1) AND json_type(?1) = 'object'";

enum line_column {
    LINE_ERROR,
    LINE_SQLSTATE,
    LINE_WORDS,
    LINE_DONE,
    LINE_SERVER_MS,
    LINE_TABLE,
    LINE_WATERMARK,
    LINE_ROWS,
    LINE_STATUS,
    LINE_SUCCEEDED,
    LINE_FAILURES,
    LINE_MESSAGE,
    LINE_UPDATED
};

/* --- numbers and times ---------------------------------------------------------------------------------------- */

/* A whole number that is not negative; -1 if the text is something else. */
static int64_t read_number(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;
    return digits > 0 && digits <= ROWS_DIGITS && text[digits] == '\0' ? strtoll(text, NULL, 10) : -1;
}

/* Exactly so many digits at *at, which moves behind them and the character that must follow; -1 if something else stands there. */
static int64_t take_digits(const char **at, size_t count, const char *follows)
{
    int64_t number = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return -1;
        number = number * 10 + (**at - '0');
    }
    if (*follows && !strchr(follows, **at))
        return -1;
    *at += *follows && **at ? 1 : 0;
    return number;
}

/* Days since 1970 in the Gregorian calendar: the years begin in March, so that the day that is not always there is the last one. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* "+00", "-03:30": in ms; a zone that is not said is UTC, which is what the session is set to. */
static int64_t read_zone(const char *at)
{
    if (*at != '+' && *at != '-')
        return 0;
    int64_t sign = *at++ == '-' ? -1 : 1;
    int64_t hours = take_digits(&at, 2, ""), minutes = 0;
    if (*at == ':')
        at++, minutes = take_digits(&at, 2, "");
    return hours < 0 || minutes < 0 ? 0 : sign * (hours * HOUR + minutes * MINUTE);
}

/*
 * What PostgreSQL writes for a timestamp with DateStyle ISO: "2026-02-12 19:34:58.462+00". Also a number, as milliseconds since 1970. Unix ms;
 * 0 for everything else, such as "infinity" and years before Christ.
 */
static int64_t read_time(const char *text)
{
    int64_t number = read_number(text), fraction = 0;
    if (!text || number >= 0)
        return number > 0 ? number : 0;
    const char *at = text;
    int64_t year = take_digits(&at, 4, "-"), month = take_digits(&at, 2, "-"), day = take_digits(&at, 2, " T");
    int64_t hour = take_digits(&at, 2, ":"), minute = take_digits(&at, 2, ":"), second = take_digits(&at, 2, "");
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 24 || minute < 0 ||
        minute > 59 || second < 0 || second > 60 || strstr(text, "BC"))
        return 0;
    at += *at == '.';
    for (int64_t scale = 100; isdigit((unsigned char)*at); at++, scale /= 10)
        fraction += (*at - '0') * scale;
    return days_since_1970(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction -
           read_zone(at);
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

static const char *line_text(sqlite3_stmt *line, enum line_column column)
{
    return (const char *)sqlite3_column_text(line, (int)column);
}

/* An owned copy that is valid UTF-8; NULL for no text and an empty one. */
static char *text_or_null(const char *text, size_t most)
{
    struct strbuf copy = { 0 };
    if (!text || !*text)
        return NULL;
    text_add_valid(&copy, text, strlen(text) > most ? utf8_floor(text, most) : strlen(text));
    return copy.at;
}

static int64_t age_of(const char *text, int64_t server_ms)
{
    int64_t at_ms = read_time(text);
    if (at_ms == 0 || server_ms <= 0)
        return -1;
    return at_ms < server_ms ? server_ms - at_ms : 0;
}

static void take_row(sqlite3_stmt *line, struct watermark_answer *answer)
{
    struct strbuf masked = { 0 };
    const char *message = line_text(line, LINE_MESSAGE);
    int64_t server_ms = read_number(line_text(line, LINE_SERVER_MS));
    int64_t watermark_ms = read_time(line_text(line, LINE_WATERMARK));
    if (message)
        mask_secrets(message, &masked);
    answer->rows = list_room(answer->rows, answer->row_count, sizeof *answer->rows);
    answer->rows[answer->row_count++] = (struct watermark_row){
        .table = text_or_null(line_text(line, LINE_TABLE), TABLE_NAME_MAX_BYTES),
        .watermark_ms = server_ms > 0 && watermark_ms > server_ms + AHEAD_MAX_MS ? 0 : watermark_ms,
        .rows = read_number(line_text(line, LINE_ROWS)),
        .status = text_or_null(line_text(line, LINE_STATUS), CAUSE_NAME_MAX_BYTES),
        .failures = read_number(line_text(line, LINE_FAILURES)),
        .error = text_or_null(masked.at, WATERMARK_TEXT_MAX_BYTES),
        .updated_age_ms = age_of(line_text(line, LINE_UPDATED), server_ms),
        .succeeded_age_ms = age_of(line_text(line, LINE_SUCCEEDED), server_ms),
    };
    strbuf_free(&masked);
}

const struct watermark_row *watermark_row_of(const struct watermark_answer *answer, const char *table)
{
    for (size_t i = 0; i < answer->row_count; i++)
        if (answer->rows[i].table && strcmp(answer->rows[i].table, table) == 0)
            return &answer->rows[i];
    return NULL;
}

void watermark_answer_free(struct watermark_answer *answer)
{
    for (size_t i = 0; i < answer->row_count; i++) {
        free(answer->rows[i].table);
        free(answer->rows[i].status);
        free(answer->rows[i].error);
    }
    free(answer->rows);
    strbuf_free(&answer->words);
    *answer = (struct watermark_answer){ 0 };
}

/* --- errors --------------------------------------------------------------------------------------------------- */

/*
 * What the errors of PostgreSQL say about itself (https://www.postgresql.org/docs/current/errcodes-appendix.html). All others, such as
 * a password that is wrong or a database that is not there, may be the agent's own settings and say nothing about the pipeline.
 */
static const struct sign {
    const char *sqlstate; /* or the beginning of it */
    const char *cause;
} signs[] = {
    { "53300", "postgres-connections" },    /* too_many_connections */
    { "53100", "postgres-disk" },           /* disk_full */
    { "53200", "postgres-memory" },         /* out_of_memory */
    { "42P01", "watermark-table-missing" }, /* undefined_table */
    { "57014", "postgres-locks" },          /* query_canceled: statement_timeout */
    { "55P03", "postgres-locks" },          /* lock_not_available */
    { "40", "postgres-locks" },             /* deadlock_detected, serialization_failure */
    { "57P03", "postgres-starting" },       /* cannot_connect_now */
    { "57P0", "postgres-unreachable" },     /* admin_shutdown, crash_shutdown */
    { "XX001", "watermark-corrupt" },       /* data_corrupted */
    { "XX002", "watermark-corrupt" },       /* index_corrupted */
};

/*
 * What libpq says of a server that cannot be reached, in English since the program sets no locale. What else keeps a connection from being
 * made, such as a certificate or a socket that the agent may not use, is the agent's own trouble.
 */
static const char *const unreachable[] = { "Connection refused",     "timeout expired",
                                           "Connection timed out",   "Connection reset",
                                           "No route to host",       "Network is unreachable",
                                           "could not receive data", "server closed the connection" };

static bool is_unreachable(const char *words)
{
    for (size_t i = 0; i < sizeof unreachable / sizeof unreachable[0]; i++)
        if (strstr(words, unreachable[i]))
            return true;
    return strstr(words, "on socket") && strstr(words, "No such file or directory");
}

static const char *cause_of_error(const char *error, const char *sqlstate, const char *words)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (*sqlstate && strncmp(sqlstate, signs[i].sqlstate, strlen(signs[i].sqlstate)) == 0)
            return signs[i].cause;
    bool is_late = strcmp(error, "connect timeout") == 0 || strcmp(error, "query timeout") == 0;
    bool is_down = is_late || (strcmp(error, "connect") == 0 && !*sqlstate && is_unreachable(words));
    return is_down ? "postgres-unreachable" : NULL;
}

static void say(struct watermark_answer *answer, enum watermark_outcome outcome, const char *cause, const char *words)
{
    struct strbuf masked = { 0 };
    answer->outcome = outcome;
    answer->cause = cause;
    mask_secrets(words, &masked);
    strbuf_clear(&answer->words);
    text_add_visible(&answer->words, strbuf_text(&masked),
                     masked.len > WORDS_KEPT_BYTES ? utf8_floor(masked.at, WORDS_KEPT_BYTES) : masked.len);
    strbuf_free(&masked);
}

static void take_error(sqlite3_stmt *line, struct watermark_answer *answer)
{
    const char *sqlstate = line_text(line, LINE_SQLSTATE), *words = line_text(line, LINE_WORDS);
    words = words ? words : "";
    const char *cause = cause_of_error(line_text(line, LINE_ERROR), sqlstate ? sqlstate : "", words);
    say(answer, cause ? WATERMARK_TROUBLE : WATERMARK_SILENT, cause, words);
}

/* --- the whole answer ----------------------------------------------------------------------------------------- */

/* Returns false if the line is none of the program's. */
static bool take_line(sqlite3_stmt *line, struct watermark_answer *answer, bool *is_done)
{
    bool is_object = sqlite3_step(line) == SQLITE_ROW;
    bool is_error = is_object && line_text(line, LINE_ERROR), is_row = is_object && line_text(line, LINE_TABLE);
    if (is_error)
        take_error(line, answer);
    else if (is_row && answer->row_count < WATERMARK_TABLES_MAX)
        take_row(line, answer);
    *is_done = *is_done || is_error || (is_object && sqlite3_column_int(line, LINE_DONE));
    return is_object;
}

static void say_end_of_answer(int status, bool cut, const char *stray, struct watermark_answer *answer)
{
    struct strbuf words = { 0 };
    strbuf_puts(&words, "agent-watermark gave no whole answer");
    if (cut)
        strbuf_puts(&words, ": it is too long");
    else if (status != -1 && WIFSIGNALED(status))
        strbuf_printf(&words, ": it was ended by signal %d", WTERMSIG(status));
    else if (*stray)
        strbuf_printf(&words, ": %s", stray);
    say(answer, WATERMARK_SILENT, NULL, strbuf_text(&words));
    strbuf_free(&words);
}

void watermark_read_answer(struct slice printed, bool cut, int status, struct watermark_answer *answer)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *line = NULL;
    bool is_done = false;
    char *stray = NULL;
    if (!reader || sqlite3_prepare_v2(reader, sql_line, -1, &line, NULL) != SQLITE_OK)
        cut = true;
    while (line && !is_done && printed.len > 0) {
        const char *end = memchr(printed.at, '\n', printed.len);
        size_t len = end ? (size_t)(end - printed.at) : printed.len;
        sqlite3_reset(line);
        sqlite3_bind_text(line, 1, printed.at, (int)len, SQLITE_STATIC);
        if (!take_line(line, answer, &is_done) && !stray && len > 0)
            stray = must_copy(printed.at, len);
        printed.at += len + (end != NULL);
        printed.len -= len + (end != NULL);
    }
    if (!is_done || (answer->outcome == WATERMARK_ANSWERED && status != 0 && status != -1))
        say_end_of_answer(status, cut, stray ? stray : "", answer);
    free(stray);
    sqlite3_finalize(line);
    sqlite3_close(reader);
}
