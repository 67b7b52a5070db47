/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source.h"

#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "http_question.h"
#include "secrets.h"

enum { NUMBER_MAX_BYTES = 24 };
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
    (void)total;
    (void)now;
    (void)sent_total;
    (void)sent;
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
    bool good = !settings->password_file || secret_read(settings->password_file, &password, why);
    if (good && settings->password_file)
        add_header(headers, "X-ClickHouse-Key", strbuf_text(&password));
    strbuf_free(&password);
    return good;
}

/* The URL with the question in it. The server is asked to give up after limit_s; 0: it is not. */
static void add_url(const struct source_settings *settings, const char *table, int64_t limit_s, CURL *easy,
                    struct strbuf *url)
{
    struct strbuf query = { 0 };
    source_query(settings->query, table, &query);
    char *escaped = curl_easy_escape(easy, strbuf_text(&query), (int)query.len);
    strbuf_printf(url, "%s%s", settings->url, strchr(settings->url, '?') ? "&" : "?");
    if (limit_s)
        strbuf_printf(url, "max_execution_time=%" PRId64 "&", limit_s);
    strbuf_printf(url, "query=%s", escaped ? escaped : "");
    curl_free(escaped);
    strbuf_free(&query);
}

/* The error buffer of libcurl is not used, since it may repeat the URL. */
static void say_no_answer(CURLcode code, int64_t timeout_ms, long os_error, struct strbuf *why)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        strbuf_printf(why, "ClickHouse does not answer within %.3g s", (double)timeout_ms / 1000);
    else
        strbuf_printf(why, "ClickHouse cannot be asked: %s",
                      code == CURLE_COULDNT_CONNECT && os_error ? strerror((int)os_error) : curl_easy_strerror(code));
}

static bool source_judge(CURL *easy, CURLcode code, int64_t timeout_ms, const struct http_answer *answer,
                         int64_t *newest_ms, struct strbuf *why)
{
    long status = 0, os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (answer->is_cut)
        strbuf_puts(why, "ClickHouse's answer is too long");
    else if (code != CURLE_OK)
        say_no_answer(code, timeout_ms, os_error, why);
    else if (status != 200 || (!source_read_answer(strbuf_slice(&answer->body), newest_ms) &&
                               source_error_code(strbuf_slice(&answer->body))))
        source_describe_error(status, strbuf_slice(&answer->body), why);
    else if (!source_read_answer(strbuf_slice(&answer->body), newest_ms))
        strbuf_puts(why, "ClickHouse's answer is not one number");
    else if (*newest_ms > clock_now_ms() + WITNESS_AHEAD_MAX_MS)
        strbuf_puts(why, "ClickHouse has rows from the future, so that it is not known which is the newest");
    else
        return true;
    return false;
}

/* One question. The error's code goes to *refusal. */
static bool source_ask_once(const struct source_settings *settings, const char *table, int64_t limit_s,
                            const atomic_bool *stopped, int64_t *newest_ms, int64_t *refusal, struct strbuf *why)
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
        add_url(settings, table, limit_s, easy, &url);
        http_question_prepare(easy, strbuf_text(&url), settings->timeout_ms, &answer);
        source_prepare(easy, headers, stopped);
        good = source_judge(easy, curl_easy_perform(easy), settings->timeout_ms, &answer, newest_ms, why);
        *refusal = good ? 0 : source_error_code(strbuf_slice(&answer.body));
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    strbuf_free(&url);
    strbuf_free(&answer.body);
    return good;
}

/* A user with readonly = 1 may change no setting, so that he is asked again without the limit. */
bool source_ask(const struct source_settings *settings, const char *table, const atomic_bool *stopped,
                int64_t *newest_ms, struct strbuf *why)
{
    int64_t limit_s = (settings->timeout_ms + 999) / 1000, refusal = 0;
    bool good = source_ask_once(settings, table, limit_s, stopped, newest_ms, &refusal, why);
    if (good || refusal != SOURCE_READONLY || atomic_load(stopped))
        return good;
    strbuf_clear(why);
    return source_ask_once(settings, table, 0, stopped, newest_ms, &refusal, why);
}
