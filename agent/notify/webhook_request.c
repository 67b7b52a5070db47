/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "webhook_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/budgets.h"
#include "base/cut.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "mail_request.h"
#include "mask_own_secrets.h"
#include "secrets.h"
#include "webhook_answer.h"

/* Counts what the receiver sends. Returns false, which ends the request, once it is more than an answer may be. */
static bool webhook_request_has_room(struct webhook_request *request, size_t len)
{
    request->received += len;
    request->cut = request->cut || request->received > ANSWER_MAX_BYTES;
    return !request->cut;
}

static size_t webhook_request_take_header(const char *line, size_t size, size_t count, void *user)
{
    struct webhook_request *request = user;
    (void)line;
    request->header_count++;
    request->head_cut = request->head_cut || request->header_count > ANSWER_HEADERS_MAX ||
                        !webhook_request_has_room(request, size * count);
    return request->head_cut ? 0 : size * count;
}

static size_t webhook_request_take_answer(char *bytes, size_t size, size_t count, void *user)
{
    struct webhook_request *request = user;
    size_t len = size * count;
    size_t room = sizeof request->answer - request->answer_len;
    size_t kept = len < room ? len : room;

    memcpy(request->answer + request->answer_len, bytes, kept);
    request->answer_len += kept;
    return webhook_request_has_room(request, len) ? len : 0;
}

bool webhook_request_open(struct webhook_request *request, enum webhook_request_kind kind,
                          const struct webhook_config *webhook, size_t index)
{
    *request = (struct webhook_request){ .kind = kind, .webhook = webhook, .index = index, .easy = curl_easy_init() };
    return request->easy != NULL;
}

void webhook_request_close(struct webhook_request *request)
{
    curl_easy_cleanup(request->easy);
    curl_slist_free_all(request->headers);
    strbuf_free(&request->token);
    strbuf_free(&request->routing_key);
    strbuf_free(&request->keyed_body);
    strbuf_free(&request->url);
    curl_slist_free_all(request->recipients);
    free(request->settled);
    free(request->codes);
}

static bool has_header(const struct webhook_config *webhook, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < webhook->header_count; i++)
        if (strncasecmp(webhook->headers[i], name, len) == 0 && webhook->headers[i][len] == ':')
            return true;
    return false;
}

static void request_append_header(struct webhook_request *request, const char *line)
{
    struct curl_slist *grown = curl_slist_append(request->headers, line);

    if (!grown)
        abort(); /* out of memory, which must_alloc does not survive either */
    request->headers = grown;
}

static void request_add_header(struct webhook_request *request, const char *name, const char *value)
{
    struct strbuf line = { 0 };

    strbuf_printf(&line, "%s: %s", name, value);
    request_append_header(request, line.at);
    strbuf_free(&line);
}

/* A bot of Telegram is addressed by its token. */
static void request_put_bot_url(struct webhook_request *request)
{
    const char *base = request->webhook->url;
    size_t len = strlen(base);
    strbuf_printf(&request->url, "%.*s/bot%s/sendMessage", (int)(len - (base[len - 1] == '/')), base,
                  strbuf_text(&request->token));
}

static bool request_build_headers(struct webhook_request *request, const char *idempotency_key, struct strbuf *error)
{
    const struct webhook_config *webhook = request->webhook;

    curl_slist_free_all(request->headers);
    request->headers = NULL;
    strbuf_clear(&request->token);
    strbuf_clear(&request->url);
    if (webhook->token_file && !secret_read(webhook->token_file, &request->token, error))
        return false;
    if (webhook->format == FORMAT_TELEGRAM) {
        request_put_bot_url(request);
    } else if (webhook->token_file) {
        struct strbuf bearer = { 0 };
        strbuf_printf(&bearer, "Bearer %s", request->token.at);
        request_add_header(request, "Authorization", bearer.at);
        strbuf_free(&bearer);
    }
    for (size_t i = 0; i < webhook->header_count; i++)
        request_append_header(request, webhook->headers[i]);
    if (request->kind == REQUEST_WEBHOOK && !has_header(webhook, "Content-Type"))
        request_add_header(request, "Content-Type", "application/json");
    if (idempotency_key)
        request_add_header(request, "Idempotency-Key", idempotency_key);
    /* Without this, libcurl sends a body over 1 MiB only after waiting a second for "100 Continue", which few receivers send. */
    request_append_header(request, "Expect:");
    return true;
}

/*
 * The routing key is read here, in the sender's thread, and not where the body is made: a disk that hangs then holds up no detection,
 * and a key that was replaced is used at once.
 */
static bool request_add_routing_key(struct webhook_request *request, const struct delivery *delivery,
                                    struct strbuf *error)
{
    struct json_writer json = { .out = &request->keyed_body };
    strbuf_clear(&request->keyed_body);
    strbuf_clear(&request->routing_key);
    if (!request->webhook->routing_key_file)
        return true;
    if (!secret_read(request->webhook->routing_key_file, &request->routing_key, error))
        return false;
    json_open(&json, NULL, '{');
    json_put_text(&json, "routing_key", strbuf_text(&request->routing_key));
    strbuf_puts(&request->keyed_body, ",");
    strbuf_puts(&request->keyed_body, delivery->body + 1); /* the rest of the object */
    return true;
}

static const char *request_url(const struct webhook_request *request)
{
    const struct webhook_config *webhook = request->webhook;
    if (request->url.len > 0)
        return request->url.at;
    return webhook->server_url ? webhook->server_url : webhook->url;
}

static bool request_prepare_http(struct webhook_request *request, const struct delivery *delivery, struct strbuf *error)
{
    CURL *easy = request->easy;
    if (!request_build_headers(request, delivery->idempotency_key, error) ||
        !request_add_routing_key(request, delivery, error))
        return false;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_URL, request_url(request));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "iceberg-offload-agent/" AGENT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    if (request->kind == REQUEST_WEBHOOK) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->keyed_body.len > 0 ? request->keyed_body.at : delivery->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(request->keyed_body.len > 0 ? request->keyed_body.len : delivery->body_len));
    }
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, webhook_request_take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    return true;
}

bool webhook_request_prepare(struct webhook_request *request, const struct delivery *delivery, struct strbuf *error)
{
    CURL *easy = request->easy;

    request->curl_error[0] = '\0';
    request->answer_len = request->received = request->header_count = 0;
    request->cut = request->head_cut = false;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs does not hold up the end */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->webhook->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->webhook->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, webhook_request_take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_error);
    if (request->webhook->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->webhook->ca_file);
    return request->webhook->format == FORMAT_EMAIL ? mail_request_prepare(request, delivery, error)
                                                    : request_prepare_http(request, delivery, error);
}

void webhook_request_add_answer(struct webhook_request *request, const char *text, size_t len, struct strbuf *out)
{
    struct strbuf visible = { 0 }, unknown = { 0 };

    text_add_visible(&visible, text, len);
    mask_own_secrets(request->webhook, request->token.at, request->routing_key.at, strbuf_text(&visible), &unknown);
    mask_secrets(strbuf_text(&unknown), out);
    strbuf_free(&visible);
    strbuf_free(&unknown);
}

static enum delivery_outcome outcome_of_status(long status)
{
    if (status >= 200 && status < 300)
        return DELIVERY_DONE;
    /* A timeout, too many requests and the receiver's own troubles pass with time. Anything else is about the request itself. */
    bool passes = status == 408 || status == 425 || status == 429 || status >= 500 || status < 300;
    return passes ? DELIVERY_RETRY : DELIVERY_REFUSED;
}

/* Says what the receiver answered instead of taking the message; why may be empty. */
static void request_say_answer(struct webhook_request *request, long status, const struct strbuf *why,
                               struct strbuf *error)
{
    strbuf_printf(error, "HTTP %ld", status);
    if (status >= 300 && status < 400)
        strbuf_puts(error, " (redirects are not followed)");
    if (why->len > 0)
        strbuf_printf(error, ", but %s", why->at);
    if (request->answer_len > 0) {
        strbuf_puts(error, ": ");
        webhook_request_add_answer(request, request->answer, request->answer_len, error);
    }
}

int64_t webhook_request_judge(struct webhook_request *request, CURLcode code, struct delivery_result *result)
{
    struct strbuf error = { 0 }, why = { 0 };
    curl_off_t retry_after_s = 0;
    bool answered = (code == CURLE_OK || request->cut) && !request->head_cut;

    if (request->webhook->format == FORMAT_EMAIL) {
        mail_request_judge(request, code, result);
        return 0;
    }

    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &result->http_status);
    if (answered) {
        result->outcome = outcome_of_status(result->http_status);
        if (result->outcome == DELIVERY_DONE)
            result->outcome = webhook_answer_judge(request->webhook->format,
                                                   (struct slice){ request->answer, request->answer_len }, &why);
        if (result->outcome != DELIVERY_DONE)
            request_say_answer(request, result->http_status, &why, &error);
        curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    } else {
        const char *said = request->curl_error[0] != '\0' ? request->curl_error : curl_easy_strerror(code);
        const char *words = request->head_cut ? "the headers of the answer do not end" : said;
        result->outcome = DELIVERY_RETRY;
        webhook_request_add_answer(request, words, strlen(words), &error);
    }
    cut_copy(strbuf_text(&error), result->error, sizeof result->error);
    strbuf_free(&error);
    strbuf_free(&why);
    return retry_after_s;
}
