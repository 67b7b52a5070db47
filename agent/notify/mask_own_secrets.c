/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mask_own_secrets.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* In bytes. A shorter value, or a shorter word of a value, is no secret; it would be masked in the middle of other words. */
enum { VALUE_MIN = 4, WORD_MIN = 8 };

struct own_secrets {
    char **texts; /* owned */
    size_t count;
};

static void own_secrets_add(struct own_secrets *secrets, const char *at, size_t len)
{
    secrets->texts = must_grow(secrets->texts, secrets->count + 1, sizeof *secrets->texts);
    secrets->texts[secrets->count++] = must_copy(at, len);
}

/* Adds the value, and the words of it too, because a receiver may repeat only a part. */
static void own_secrets_add_value(struct own_secrets *secrets, const char *value, const char *separators)
{
    if (strlen(value) >= VALUE_MIN)
        own_secrets_add(secrets, value, strlen(value));
    while (*value != '\0') {
        size_t len = strcspn(value, separators);
        if (len >= WORD_MIN)
            own_secrets_add(secrets, value, len);
        value += len;
        value += strspn(value, separators);
    }
}

static void own_secrets_add_url_part(struct own_secrets *secrets, CURLU *url, CURLUPart part, const char *separators)
{
    const unsigned int forms[] = { 0, CURLU_URLDECODE };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char *value = NULL;
        if (curl_url_get(url, part, &value, forms[i]) == CURLUE_OK)
            own_secrets_add_value(secrets, value, separators);
        curl_free(value);
    }
}

static void own_secrets_add_url(struct own_secrets *secrets, const char *text)
{
    CURLU *url = curl_url();
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
        own_secrets_add_url_part(secrets, url, CURLUPART_USER, "");
        own_secrets_add_url_part(secrets, url, CURLUPART_PASSWORD, "");
        own_secrets_add_url_part(secrets, url, CURLUPART_PATH, "/");
        own_secrets_add_url_part(secrets, url, CURLUPART_QUERY, "&=");
    }
    curl_url_cleanup(url);
}

/* Puts the longest first: if "abcd" were masked before "abcdefgh", "***efgh" would be left of the longer secret. */
static int compare_longest_first(const void *a, const void *b)
{
    size_t a_len = strlen(*(char *const *)a), b_len = strlen(*(char *const *)b);
    return (a_len < b_len) - (a_len > b_len);
}

static void own_secrets_gather(struct own_secrets *secrets, const struct webhook_config *webhook, const char *token,
                               const char *routing_key)
{
    own_secrets_add_url(secrets, webhook->url);
    for (size_t i = 0; i < webhook->header_count; i++) {
        const char *value = webhook->headers[i] + strcspn(webhook->headers[i], ":;");
        own_secrets_add_value(secrets, value + strspn(value, ":; \t"), " ,;=");
    }
    if (token)
        own_secrets_add_value(secrets, token, "");
    if (routing_key)
        own_secrets_add_value(secrets, routing_key, "");
    if (secrets->count > 0)
        qsort(secrets->texts, secrets->count, sizeof *secrets->texts, compare_longest_first);
}

static void add_without_secret(struct strbuf *out, const char *text, const char *secret)
{
    size_t len = strlen(secret);
    for (const char *at; (at = strstr(text, secret)) != NULL; text = at + len) {
        strbuf_add(out, text, (size_t)(at - text));
        strbuf_puts(out, "***");
    }
    strbuf_puts(out, text);
}

void mask_own_secrets(const struct webhook_config *webhook, const char *token, const char *routing_key,
                      const char *text, struct strbuf *out)
{
    struct own_secrets secrets = { 0 };
    struct strbuf before = { 0 }, after = { 0 };

    own_secrets_gather(&secrets, webhook, token, routing_key);
    strbuf_puts(&before, text);
    for (size_t i = 0; i < secrets.count; i++) {
        strbuf_clear(&after);
        add_without_secret(&after, strbuf_text(&before), secrets.texts[i]);
        struct strbuf spare = before;
        before = after;
        after = spare;
        free(secrets.texts[i]);
    }
    strbuf_puts(out, strbuf_text(&before));
    free(secrets.texts);
    strbuf_free(&before);
    strbuf_free(&after);
}
