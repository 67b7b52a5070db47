/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "webhook_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cut.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "mask_own_secrets.h"
#include "payload_private.h"
#include "secrets.h"

enum { ANSWER_MAX_BYTES = 64 * 1024 };

static size_t take_answer(char *bytes, size_t size, size_t count, void *user)
{
    struct lane *lane = user;
    size_t len = size * count;
    size_t room = LANE_KEPT_BYTES - lane->kept_len;
    size_t kept = len < room ? len : room;

    memcpy(lane->kept + lane->kept_len, bytes, kept);
    lane->kept_len += kept;
    lane->received += len;
    lane->cut = lane->received > ANSWER_MAX_BYTES;
    return lane->cut ? 0 : len;
}

bool lane_open(struct lane *lane, enum lane_kind kind, const struct webhook_config *webhook, size_t index)
{
    *lane = (struct lane){ .kind = kind, .webhook = webhook, .index = index, .easy = curl_easy_init() };
    return lane->easy != NULL;
}

void lane_close(struct lane *lane)
{
    curl_easy_cleanup(lane->easy);
    curl_slist_free_all(lane->headers);
    strbuf_free(&lane->token);
    strbuf_free(&lane->routing_key);
    strbuf_free(&lane->body);
}

static bool has_header(const struct webhook_config *webhook, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < webhook->header_count; i++)
        if (strncasecmp(webhook->headers[i], name, len) == 0 && webhook->headers[i][len] == ':')
            return true;
    return false;
}

static void append_header(struct lane *lane, const char *line)
{
    struct curl_slist *grown = curl_slist_append(lane->headers, line);

    if (!grown)
        abort(); /* out of memory, which must_alloc does not survive either */
    lane->headers = grown;
}

static void add_header(struct lane *lane, const char *name, const char *value)
{
    struct strbuf line = { 0 };

    strbuf_printf(&line, "%s: %s", name, value);
    append_header(lane, line.at);
    strbuf_free(&line);
}

static bool build_headers(struct lane *lane, const char *idempotency_key, struct strbuf *error)
{
    const struct webhook_config *webhook = lane->webhook;

    curl_slist_free_all(lane->headers);
    lane->headers = NULL;
    strbuf_clear(&lane->token);
    if (webhook->token_file) {
        if (!secret_read(webhook->token_file, &lane->token, error))
            return false;
        struct strbuf bearer = { 0 };
        strbuf_printf(&bearer, "Bearer %s", lane->token.at);
        add_header(lane, "Authorization", bearer.at);
        strbuf_free(&bearer);
    }
    for (size_t i = 0; i < webhook->header_count; i++)
        append_header(lane, webhook->headers[i]);
    if (lane->kind == LANE_WEBHOOK && !has_header(webhook, "Content-Type"))
        add_header(lane, "Content-Type", "application/json");
    if (idempotency_key)
        add_header(lane, "Idempotency-Key", idempotency_key);
    /* A body over 1 MiB would otherwise wait a second for "100 Continue" from receivers that never say it. */
    append_header(lane, "Expect:");
    return true;
}

/* Here and not where the body was made: a disk that hangs holds up no detection, and a rotated key is used at once. */
static bool add_routing_key(struct lane *lane, const struct delivery *delivery, struct strbuf *error)
{
    struct json_writer json = { .out = &lane->body };
    strbuf_clear(&lane->body);
    strbuf_clear(&lane->routing_key);
    if (!lane->webhook->routing_key_file)
        return true;
    if (!secret_read(lane->webhook->routing_key_file, &lane->routing_key, error))
        return false;
    json_open(&json, NULL, '{');
    json_put_text(&json, "routing_key", strbuf_text(&lane->routing_key));
    strbuf_puts(&lane->body, ",");
    strbuf_puts(&lane->body, delivery->body + 1); /* the rest of the object */
    return true;
}

bool lane_prepare(struct lane *lane, const struct job *job, struct strbuf *error)
{
    CURL *easy = lane->easy;

    lane->curl_error[0] = '\0';
    lane->kept_len = lane->received = 0;
    lane->cut = false;
    if (!build_headers(lane, job->delivery.idempotency_key, error) || !add_routing_key(lane, &job->delivery, error))
        return false;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, lane);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs does not hold up the end */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_URL, lane->webhook->url);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)lane->webhook->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)lane->webhook->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "iceberg-offload-agent/" AGENT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lane->headers);
    if (lane->kind == LANE_WEBHOOK) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, lane->body.len > 0 ? lane->body.at : job->delivery.body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(lane->body.len > 0 ? lane->body.len : job->delivery.body_len));
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, lane);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, lane->curl_error);
    if (lane->webhook->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, lane->webhook->ca_file);
    return true;
}

/* A receiver's words for a log: many repeat the path of the request, which is the secret, or even the token. */
static void add_foreign_text(struct lane *lane, const char *text, size_t len, struct strbuf *out)
{
    struct strbuf visible = { 0 }, unknown = { 0 };

    text_add_visible(&visible, text, len);
    known_mask(lane->webhook, lane->token.at, lane->routing_key.at, strbuf_text(&visible), &unknown);
    mask_secrets(strbuf_text(&unknown), out);
    strbuf_free(&visible);
    strbuf_free(&unknown);
}

static enum delivery_outcome outcome_of(long status)
{
    if (status >= 200 && status < 300)
        return DELIVERY_DONE;
    /* Timeout, too early, too many, and the receiver's own troubles pass; the rest is about the request. */
    bool passing = status == 408 || status == 425 || status == 429 || status >= 500 || status < 300;
    return passing ? DELIVERY_RETRY : DELIVERY_REFUSED;
}

int64_t lane_judge(struct lane *lane, CURLcode code, struct delivery_result *result)
{
    struct strbuf error = { 0 };
    curl_off_t retry_after_s = 0;
    bool answered = code == CURLE_OK || lane->cut;

    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &result->http_status);
    if (!answered) {
        const char *why = lane->curl_error[0] != '\0' ? lane->curl_error : curl_easy_strerror(code);
        result->outcome = DELIVERY_RETRY;
        add_foreign_text(lane, why, strlen(why), &error);
    } else {
        result->outcome = outcome_of(result->http_status);
        curl_easy_getinfo(lane->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    }
    if (answered && result->outcome != DELIVERY_DONE) {
        strbuf_printf(&error, "HTTP %ld", result->http_status);
        if (result->http_status >= 300 && result->http_status < 400)
            strbuf_puts(&error, " (redirects are not followed)");
        if (lane->kept_len > 0) {
            strbuf_puts(&error, ": ");
            add_foreign_text(lane, lane->kept, lane->kept_len, &error);
        }
    }
    cut_copy(strbuf_text(&error), result->error, sizeof result->error);
    strbuf_free(&error);
    return retry_after_s;
}
