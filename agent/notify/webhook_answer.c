/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "webhook_answer.h"

#include <ctype.h>
#include <sqlite3.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

static struct slice answer_trim(struct slice text)
{
    static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark that some servers put first */
    if (text.len >= strlen(mark) && memcmp(text.at, mark, strlen(mark)) == 0)
        text = (struct slice){ text.at + strlen(mark), text.len - strlen(mark) };
    while (text.len > 0 && isspace((unsigned char)text.at[0]))
        text = (struct slice){ text.at + 1, text.len - 1 };
    while (text.len > 0 && isspace((unsigned char)text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Returns true if the text holds one of the words, in upper or lower case. The list ends with NULL. */
static bool answer_holds(struct slice text, const char *const *words)
{
    for (; *words; words++)
        for (size_t i = 0; i + strlen(*words) <= text.len; i++)
            if (strncasecmp(text.at + i, *words, strlen(*words)) == 0)
                return true;
    return false;
}

/* Returns true for a web page where the format is answered with JSON or a word. Others may answer with a page, but not with a login. */
static bool answer_is_page(enum payload_format format, struct slice text)
{
    static const char *const page[] = { "<html", "<!doctype html", NULL };
    static const char *const login[] = { "password", "login",  "log in",      "logon", "log on",
                                         "sign in",  "signin", "authenticat", NULL };
    bool markup = text.len > 0 && text.at[0] == '<';
    return markup && ((format != FORMAT_GENERIC && format != FORMAT_TEMPLATE) ||
                      (answer_holds(text, page) && answer_holds(text, login)));
}

/* Slack names its errors by a word such as "channel_not_found", and answers "ok" otherwise. */
static bool answer_is_slack_error(struct slice text)
{
    bool underscore = false;
    for (size_t i = 0; i < text.len; i++) {
        if (!islower((unsigned char)text.at[i]) && text.at[i] != '_')
            return false;
        underscore = underscore || text.at[i] == '_';
    }
    return underscore;
}

/* Teams says by a sentence that its channel did not take what its webhook took. */
static bool answer_is_teams_error(struct slice text)
{
    static const char *const words[] = { "delivery failed", "returned HTTP error", "error", NULL };
    return text.len > 0 && text.at[0] != '{' && answer_holds(text, words);
}

/*
 * Returns true for JSON that says "ok": false, "success": false, a "status" that is an error, or an "error" or "errors" that is not
 * empty. ntfy and Discord name an error by a number above 0 as its "code".
 */
static bool answer_says_no(enum payload_format format, struct slice text)
{
    static const char ask[] =
        "SELECT json_type(?1, '$.ok') IS 'false' OR json_type(?1, '$.success') IS 'false'"
        " OR lower(json_extract(?1, '$.status')) IN ('error', 'fail', 'failed', 'failure')"
        " OR (?2 AND json_extract(?1, '$.status') <> 'success')"
        " OR (json_type(?1, '$.error') IN ('text', 'object') AND json_extract(?1, '$.error') <> '')"
        " OR json_type(?1, '$.errors[0]') IS NOT NULL"
        " OR (json_type(?1, '$.errors') = 'object' AND json_extract(?1, '$.errors') <> '{}')"
        " OR (?3 AND json_type(?1, '$.code') = 'integer' AND json_extract(?1, '$.code') > 0)";
    sqlite3 *reader = text.len > 0 && text.at[0] == '{' ? json_reader_open() : NULL;
    sqlite3_stmt *row = NULL;
    bool no = reader && sqlite3_prepare_v2(reader, ask, -1, &row, NULL) == SQLITE_OK &&
              sqlite3_bind_text(row, 1, text.at, (int)text.len, SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_bind_int(row, 2, format == FORMAT_PAGERDUTY) == SQLITE_OK &&
              sqlite3_bind_int(row, 3, format == FORMAT_NTFY || format == FORMAT_DISCORD) == SQLITE_OK &&
              sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) != 0;
    sqlite3_finalize(row);
    sqlite3_close(reader);
    return no;
}

/* Returns true for a trouble of the receiver's own, which passes with time. */
static bool answer_will_pass(struct slice text)
{
    static const char *const words[] = { "ratelimited",         "rate_limited",      "internal_error",
                                         "service_unavailable", "request_timeout",   "HTTP error 429",
                                         "HTTP error 5",        "Too Many Requests", NULL };
    return answer_holds(text, words);
}

enum delivery_outcome webhook_answer_judge(enum payload_format format, struct slice answer, struct strbuf *why)
{
    struct slice text = answer_trim(answer);
    if (answer_is_page(format, text))
        strbuf_puts(why, "the answer is a web page, perhaps a login, and not the receiver's");
    else if ((format == FORMAT_SLACK && answer_is_slack_error(text)) ||
             (format == FORMAT_TEAMS && answer_is_teams_error(text)) || answer_says_no(format, text))
        strbuf_puts(why, "the receiver says that it did not take the message");
    else
        return DELIVERY_DONE;
    return answer_will_pass(text) ? DELIVERY_RETRY : DELIVERY_REFUSED;
}
