/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "http_question.h"
#include "secrets.h"

enum { NUMBER_MAX_BYTES = 24, ERROR_KEPT_BYTES = 160 };
/* The newest row is no younger than the end of the year 9999. */
static const int64_t SOURCE_MAX_MS = 253402300799000;

static bool needs_no_quotes(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            return false;
    return isalpha((unsigned char)name[0]) || name[0] == '_';
}

/* https://clickhouse.com/docs/sql-reference/syntax#identifiers: in backquotes, with backslashes as in strings. */
static void add_identifier(const char *name, struct strbuf *out)
{
    bool is_plain = needs_no_quotes(name);
    strbuf_puts(out, is_plain ? "" : "`");
    for (const char *at = name; *at; at++) {
        if (*at == '`' || *at == '\\')
            strbuf_puts(out, "\\");
        strbuf_add(out, at, 1);
    }
    strbuf_puts(out, is_plain ? "" : "`");
}

void source_query(const char *query, const char *table, struct strbuf *out)
{
    static const char place[] = "{source}";
    const char *at;
    while ((at = strstr(query, place)) != NULL) {
        strbuf_add(out, query, (size_t)(at - query));
        add_identifier(table, out);
        query = at + strlen(place);
    }
    strbuf_puts(out, query);
}

bool source_read_answer(struct slice answer, int64_t *newest_ms)
{
    char text[NUMBER_MAX_BYTES + 1], *end;
    while (answer.len > 0 && isspace((unsigned char)answer.at[answer.len - 1]))
        answer.len--;
    if (answer.len == 0 || answer.len > NUMBER_MAX_BYTES)
        return false;
    memcpy(text, answer.at, answer.len);
    text[answer.len] = '\0';
    *newest_ms = strtoll(text, &end, 10);
    return *end == '\0' && isdigit((unsigned char)text[0]) && *newest_ms <= SOURCE_MAX_MS;
}

/* --- the request ---------------------------------------------------------------------------------------------- */

static int source_go_on(void *user, curl_off_t total, curl_off_t now, curl_off_t sent_total, curl_off_t sent)
{
    const atomic_bool *stopped = user;
    (void)total, (void)now, (void)sent_total, (void)sent;
    return atomic_load(stopped);
}

static void source_prepare(CURL *easy, struct curl_slist *headers, const atomic_bool *stopped)
{
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, source_go_on);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, stopped);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
    struct strbuf header = { 0 };
    strbuf_printf(&header, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*headers, strbuf_text(&header));
    *headers = longer ? longer : *headers;
    strbuf_free(&header);
}

/* False, with the reason in *why, if the password cannot be read. */
static bool add_login(const struct source_settings *settings, struct curl_slist **headers, struct strbuf *why)
{
    struct strbuf password = { 0 };
    if (settings->user)
        add_header(headers, "X-ClickHouse-User", settings->user);
    if (settings->password_file) {
        if (!secret_read(settings->password_file, &password, why))
            return false;
        add_header(headers, "X-ClickHouse-Key", strbuf_text(&password));
    }
    strbuf_free(&password);
    return true;
}

/* The URL with the question in it. The server is asked to give up no later than we do. */
static void add_url(const struct source_settings *settings, const char *table, CURL *easy, struct strbuf *url)
{
    struct strbuf query = { 0 };
    source_query(settings->query, table, &query);
    char *escaped = curl_easy_escape(easy, strbuf_text(&query), (int)query.len);
    strbuf_printf(url, "%s%smax_execution_time=%lld&query=%s", settings->url, strchr(settings->url, '?') ? "&" : "?",
                  (long long)(settings->timeout_ms + 999) / 1000, escaped ? escaped : "");
    curl_free(escaped);
    strbuf_free(&query);
}

/* The first line of ClickHouse's error: "Code: 60, e.displayText() = DB::Exception: Table k2.trades doesn't exist". */
static void say_error_body(const struct http_answer *answer, long status, struct strbuf *why)
{
    const char *body = strbuf_text(&answer->body);
    size_t len = strcspn(body, "\r\n");
    strbuf_printf(why, "ClickHouse answers HTTP %ld: ", status);
    strbuf_add(why, body, len < ERROR_KEPT_BYTES ? len : ERROR_KEPT_BYTES);
}

static bool source_judge(CURL *easy, CURLcode code, const struct http_answer *answer, int64_t *newest_ms,
                         struct strbuf *why)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (answer->is_cut)
        strbuf_puts(why, "ClickHouse's answer is too long");
    else if (code != CURLE_OK)
        strbuf_printf(why, "ClickHouse cannot be asked: %s", curl_easy_strerror(code));
    else if (status != 200)
        say_error_body(answer, status, why);
    else if (!source_read_answer(strbuf_slice(&answer->body), newest_ms))
        strbuf_puts(why, "ClickHouse's answer is not one number");
    else
        return true;
    return false;
}

bool source_ask(const struct source_settings *settings, const char *table, const atomic_bool *stopped,
                int64_t *newest_ms, struct strbuf *why)
{
    struct http_answer answer = { 0 };
    struct curl_slist *headers = NULL;
    struct strbuf url = { 0 };
    bool good = false;
    CURL *easy = curl_easy_init();
    if (!easy) {
        strbuf_puts(why, "no memory");
        return false;
    }
    if (add_login(settings, &headers, why)) {
        add_url(settings, table, easy, &url);
        http_question_prepare(easy, strbuf_text(&url), settings->timeout_ms, &answer);
        source_prepare(easy, headers, stopped);
        good = source_judge(easy, curl_easy_perform(easy), &answer, newest_ms, why);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    strbuf_free(&url);
    strbuf_free(&answer.body);
    return good;
}
