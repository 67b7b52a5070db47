/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mask.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/utf8.h"
#include "mask_patterns.h"

void mask_url(const char *text, struct strbuf *out)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL, *user = NULL;

    if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        strbuf_puts(out, "***");
        goto cleanup;
    }
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    curl_url_get(url, CURLUPART_USER, &user, 0);
    strbuf_printf(out, "%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "");
    if (query || user || (path && strcmp(path, "/") != 0))
        strbuf_puts(out, "/***");
cleanup:
    curl_free(user);
    curl_free(query);
    curl_free(path);
    curl_free(port);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(url);
}

struct masker {
    struct mask_patterns *patterns;
    struct strbuf before, after; /* the text on its way through the patterns */
};

struct masker *masker_open(void)
{
    struct masker *masker = must_alloc(sizeof *masker);
    masker->patterns = mask_patterns_open(MASK_JIT);
    return masker;
}

void masker_close(struct masker *masker)
{
    if (!masker)
        return;
    mask_patterns_close(masker->patterns);
    strbuf_free(&masker->before);
    strbuf_free(&masker->after);
    free(masker);
}

void masker_text(struct masker *masker, struct slice text, struct strbuf *out)
{
    size_t kept = text.len > MASKED_TEXT_MAX_BYTES ? utf8_floor(text.at, MASKED_TEXT_MAX_BYTES) : text.len;
    struct slice rest = { text.at, kept };
    for (size_t i = 0; i < mask_patterns_count() && rest.len > 0; i++) {
        strbuf_clear(&masker->after);
        enum mask_found found = mask_patterns_apply(masker->patterns, i, rest, &masker->after);
        if (found == MASK_GAVE_UP) { /* better no evidence than a leaked password */
            strbuf_puts(out, "(withheld: could not be searched for secrets)");
            return;
        }
        if (found == MASK_NOTHING)
            continue;
        struct strbuf spare = masker->before;
        masker->before = masker->after;
        masker->after = spare;
        rest = strbuf_slice(&masker->before);
    }
    strbuf_add(out, rest.at, rest.len);
    if (kept < text.len)
        strbuf_printf(out, "\xe2\x80\xa6 (%zu more bytes are left out)", text.len - kept);
}

void mask_secrets(const char *text, struct strbuf *out)
{
    struct masker *masker = masker_open();

    masker_text(masker, slice_of(text), out);
    masker_close(masker);
}
