/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mask_own_secrets.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* What is shorter is no secret, and would be found everywhere: as a whole value, as a word of one. */
enum { VALUE_MIN = 4, WORD_MIN = 8 };

struct known {
    char **texts;
    size_t count;
};

static void add(struct known *known, const char *at, size_t len)
{
    known->texts = must_grow(known->texts, known->count + 1, sizeof *known->texts);
    known->texts[known->count++] = must_copy(at, len);
}

/* The value, and its words: a receiver may repeat only a part. */
static void add_value(struct known *known, const char *value, const char *separators)
{
    if (strlen(value) >= VALUE_MIN)
        add(known, value, strlen(value));
    while (*value != '\0') {
        size_t len = strcspn(value, separators);
        if (len >= WORD_MIN)
            add(known, value, len);
        value += len;
        value += strspn(value, separators);
    }
}

static void add_url_part(struct known *known, CURLU *url, CURLUPart part, const char *separators)
{
    const unsigned int forms[] = { 0, CURLU_URLDECODE };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char *value = NULL;
        if (curl_url_get(url, part, &value, forms[i]) == CURLUE_OK)
            add_value(known, value, separators);
        curl_free(value);
    }
}

static void add_url(struct known *known, const char *text)
{
    CURLU *url = curl_url();

    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
        add_url_part(known, url, CURLUPART_USER, "");
        add_url_part(known, url, CURLUPART_PASSWORD, "");
        add_url_part(known, url, CURLUPART_PATH, "/");
        add_url_part(known, url, CURLUPART_QUERY, "&=");
    }
    curl_url_cleanup(url);
}

/* The longest first, so that no part of one is left standing. */
static int by_length(const void *a, const void *b)
{
    size_t a_len = strlen(*(char *const *)a), b_len = strlen(*(char *const *)b);

    return (a_len < b_len) - (a_len > b_len);
}

static void gather(struct known *known, const struct webhook_config *webhook, const char *token,
                   const char *routing_key)
{
    add_url(known, webhook->url);
    for (size_t i = 0; i < webhook->header_count; i++) {
        const char *value = webhook->headers[i] + strcspn(webhook->headers[i], ":;");
        add_value(known, value + strspn(value, ":; \t"), " ,;=");
    }
    if (token)
        add_value(known, token, "");
    if (routing_key)
        add_value(known, routing_key, "");
    if (known->count > 0)
        qsort(known->texts, known->count, sizeof *known->texts, by_length);
}

static void add_without(struct strbuf *out, const char *text, const char *secret)
{
    size_t len = strlen(secret);

    for (const char *at; (at = strstr(text, secret)) != NULL; text = at + len) {
        strbuf_add(out, text, (size_t)(at - text));
        strbuf_puts(out, "***");
    }
    strbuf_puts(out, text);
}

void known_mask(const struct webhook_config *webhook, const char *token, const char *routing_key, const char *text,
                struct strbuf *out)
{
    struct known known = { 0 };
    struct strbuf before = { 0 }, after = { 0 };

    gather(&known, webhook, token, routing_key);
    strbuf_puts(&before, text);
    for (size_t i = 0; i < known.count; i++) {
        strbuf_clear(&after);
        add_without(&after, strbuf_text(&before), known.texts[i]);
        struct strbuf spare = before;
        before = after;
        after = spare;
        free(known.texts[i]);
    }
    strbuf_puts(out, strbuf_text(&before));
    free(known.texts);
    strbuf_free(&before);
    strbuf_free(&after);
}
