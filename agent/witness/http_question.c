/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http_question.h"

#include "base/budgets.h"

static size_t http_most(const struct http_answer *answer)
{
    return answer->most_bytes ? answer->most_bytes : PROBE_ANSWER_MAX_BYTES;
}

/* libcurl keeps all headers, so that an answer of nothing else must end as well. */
static size_t http_take_header(const char *bytes, size_t size, size_t count, void *user)
{
    struct http_answer *answer = user;
    (void)bytes;
    answer->head_bytes += size * count;
    answer->is_cut = answer->is_cut || answer->head_bytes > http_most(answer);
    return answer->is_cut ? 0 : size * count;
}

static size_t http_take_body(const char *bytes, size_t size, size_t count, void *user)
{
    struct http_answer *answer = user;
    size_t len = size * count, used = answer->head_bytes + answer->body.len;
    size_t room = used < http_most(answer) ? http_most(answer) - used : 0;
    answer->is_cut = answer->heads_only || len > room;
    if (!answer->heads_only)
        strbuf_add(&answer->body, bytes, len < room ? len : room);
    return answer->is_cut ? 0 : len;
}

void http_question_prepare(CURL *easy, const char *url, int64_t timeout_ms, struct http_answer *answer)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "iceberg-offload-agent/" AGENT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
}
