/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefect.h"

#include <curl/curl.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "http_question.h"
#include "secrets.h"

/* An answer is read up to PROBE_ANSWER_MAX_BYTES; a flow run of Prefect 3.6 takes some 2 KB of it. */
enum { ANSWERS_MOST = 12, SERVER_FAILS_FROM = 500 };

static int prefect_go_on(void *user, curl_off_t total, curl_off_t now, curl_off_t sent_total, curl_off_t sent)
{
    const atomic_bool *stopped = user;
    (void)total;
    (void)now;
    (void)sent_total;
    (void)sent;
    return atomic_load(stopped);
}

/* {"any_": [text]} */
static void put_any(struct json_writer *json, const char *key, const char *text)
{
    json_open(json, key, '{');
    json_put_texts(json, "any_", &text, 1);
    json_close(json, '}');
}

void prefect_put_question(const struct prefect_settings *settings, enum prefect_question question, struct strbuf *path,
                          struct strbuf *body)
{
    struct json_writer json = { .out = body };
    char *pool = curl_easy_escape(NULL, settings->pool, 0);
    json_open(&json, NULL, '{');
    if (question == PREFECT_WORKERS) {
        strbuf_printf(path, "/work_pools/%s/workers/filter", pool ? pool : "");
        json_open(&json, "workers", '{');
        put_any(&json, "status", "ONLINE");
    } else {
        strbuf_puts(path, question == PREFECT_DEPLOYMENTS ? "/deployments/filter" : "/flow_runs/filter");
        json_open(&json, "flows", '{');
        put_any(&json, "name", settings->flow);
    }
    json_close(&json, '}');
    if (question == PREFECT_RUNS) {
        json_open(&json, "flow_runs", '{');
        json_open(&json, "state", '{');
        put_any(&json, "name", "Late");
        json_close(&json, '}');
        json_close(&json, '}');
        json_put_text(&json, "sort", "EXPECTED_START_TIME_ASC");
    }
    json_put_int(&json, "limit", ANSWERS_MOST);
    json_close(&json, '}');
    curl_free(pool);
}

/* The file holds a token, or user:password as PREFECT_API_AUTH_STRING has it. False with the reason in *why. */
static bool add_authorization(CURL *easy, const struct prefect_settings *settings, struct curl_slist **headers,
                              struct strbuf *why)
{
    struct strbuf secret = { 0 }, header = { 0 };
    bool good = !settings->token_file || secret_read(settings->token_file, &secret, why);
    if (good && secret.len && strchr(secret.at, ':')) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERPWD, secret.at);
    } else if (good && secret.len) {
        strbuf_printf(&header, "Authorization: Bearer %s", secret.at);
        struct curl_slist *longer = curl_slist_append(*headers, header.at);
        *headers = longer ? longer : *headers;
    }
    strbuf_free(&secret);
    strbuf_free(&header);
    return good;
}

/* libcurl's error buffer is not used, since it may repeat the URL. What may be our own trouble says nothing about the server. */
static void judge_request(CURL *easy, CURLcode code, const struct prefect_settings *settings, bool is_cut,
                          struct prefect_answer *answer)
{
    long status = 0, os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    answer->is_down = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING ||
                      code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || (!is_cut && status >= SERVER_FAILS_FROM);
    answer->is_good = code == CURLE_OK && status == 200 && !is_cut;
    if (is_cut)
        strbuf_puts(&answer->why, "its answer is too long");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        strbuf_printf(&answer->why, "no answer within %.3g s", (double)settings->timeout_ms / 1000);
    else if (code != CURLE_OK)
        strbuf_puts(&answer->why,
                    code == CURLE_COULDNT_CONNECT && os_error ? strerror((int)os_error) : curl_easy_strerror(code));
    else if (status != 200)
        strbuf_printf(&answer->why, "HTTP %ld", status);
}

static void ask_one(const struct prefect_settings *settings, enum prefect_question question, int64_t left_ms,
                    const atomic_bool *stopped, struct prefect_answer *answer)
{
    struct http_answer got = { 0 };
    struct strbuf url = { 0 }, body = { 0 };
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    size_t url_len = strlen(settings->url);
    CURL *easy = curl_easy_init();
    strbuf_add(&url, settings->url, url_len - (url_len > 0 && settings->url[url_len - 1] == '/'));
    prefect_put_question(settings, question, &url, &body);
    if (!easy || !headers) {
        strbuf_puts(&answer->why, "no memory");
    } else if (add_authorization(easy, settings, &headers, &answer->why)) {
        http_question_prepare(easy, strbuf_text(&url), left_ms, &got);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, strbuf_text(&body));
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, prefect_go_on);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, stopped);
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        CURLcode code = curl_easy_perform(easy);
        judge_request(easy, code, settings, got.is_cut, answer);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    answer->body = got.body;
    strbuf_free(&url);
    strbuf_free(&body);
}

void prefect_ask(const struct prefect_settings *settings, const atomic_bool *stopped,
                 struct prefect_answer answers[PREFECT_QUESTIONS])
{
    int64_t end_ms = clock_running_ms() + settings->timeout_ms;
    for (int question = 0; question < PREFECT_QUESTIONS; question++) {
        int64_t left_ms = end_ms - clock_running_ms();
        if (atomic_load(stopped))
            return;
        if (left_ms > 0)
            ask_one(settings, (enum prefect_question)question, left_ms, stopped, &answers[question]);
        else
            strbuf_puts(&answers[question].why, "there was no time left to ask");
        if (answers[question].is_down)
            return; /* the others would only tell it again */
    }
}

void prefect_forget_answers(struct prefect_answer answers[PREFECT_QUESTIONS])
{
    for (int question = 0; question < PREFECT_QUESTIONS; question++) {
        strbuf_free(&answers[question].why);
        strbuf_free(&answers[question].body);
    }
}
