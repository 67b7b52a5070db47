/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mask.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <curl/curl.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

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

/* What a secret looks like, and what stays of it. Applied in this order to what the one before left. */
static const struct secret {
    const char *pattern;
    const char *kept;
} secrets[] = {
    { "-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\\z)", "***" },
    /* user:password@ in any URL; the second form is for passwords with a slash in them */
    { "(?i)([a-z][a-z0-9+.\\-]{0,30}://)[^\\s/?#\"'@]*+(?:@[^\\s/?#\"'@]*+)*@", "$1***@" },
    { "(?i)([a-z][a-z0-9+.\\-]{0,30}://)[^\\s/:@\"']{1,200}:[^\\s@\"':]{1,200}@", "$1***@" },
    { "(?i)(https?://hooks\\.[\\w.\\-]+/)[^\\s\"']+", "$1***" },
    { "(?i)(authorization[\\\\\"']*\\s*[:=]\\s*[\\\\\"']*)[^\\r\\n\"'\\\\]+", "$1***" },
    { "(?i)\\b(bearer|basic)\\s+(?=[^\\s\"']*[0-9=])[\\w.~+/=\\-]{6,}", "$1 ***" },
    { "(?i)((?:pass(?:word|wd|phrase)|pwd|secret|token|credentials?|(?:api|access|private|routing|account|shared)"
      "[._\\-]?key|"
      "x-amz-(?:signature|credential)|\\bsig)[\\w.\\-]{0,40}[\\\\\"']*\\s*(?:=>|[:=])\\s*)"
      "(?:\\\\?\"[^\"\\\\]*+\\\\?\"|'[^']*+'|[^\\s,;&\"'(){}\\[\\]]+)",
      "$1***" },
    { "(?i)(--(?:password|passwd|token|secret|api-key|access-key|secret-key)\\s+)(?:\"[^\"]*+\"|'[^']*+'|\\S+)",
      "$1***" },
    { "\\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16}\\b", "***" },
    { "\\b(?:xox[a-z]-[\\w\\-]{10,}|gh[pousr]_\\w{20,}|glpat-[\\w\\-]{10,}|eyJ[\\w\\-]{5,}\\.[\\w\\-]+\\.[\\w\\-]*)",
      "***" },
};

enum { SECRETS = sizeof secrets / sizeof secrets[0] };

struct masker {
    pcre2_code *codes[SECRETS];
    struct strbuf before, after; /* scratch: the text on its way through the patterns */
};

struct masker *masker_open(void)
{
    struct masker *masker = must_alloc(sizeof *masker);
    int code;
    PCRE2_SIZE at;

    for (size_t i = 0; i < SECRETS; i++)
        masker->codes[i] = pcre2_compile((PCRE2_SPTR)secrets[i].pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    return masker;
}

void masker_close(struct masker *masker)
{
    if (!masker)
        return;
    for (size_t i = 0; i < SECRETS; i++)
        pcre2_code_free(masker->codes[i]);
    strbuf_free(&masker->before);
    strbuf_free(&masker->after);
    free(masker);
}

/* before with every match replaced becomes after; false if the matcher gave up. */
static bool substitute(struct masker *masker, size_t secret)
{
    const pcre2_code *code = masker->codes[secret];
    struct slice text = strbuf_slice(&masker->before);
    uint32_t options = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY;
    /* No match becomes longer by more than the three of "***", nor is one empty: this is always enough. */
    PCRE2_SIZE room = 4 * text.len + 64;
    char *result = must_alloc(room);
    int count =
        !code ? -1
              : pcre2_substitute(code, (PCRE2_SPTR)text.at, text.len, 0, options, NULL, NULL,
                                 (PCRE2_SPTR)secrets[secret].kept, PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)result, &room);

    strbuf_clear(&masker->after);
    if (count >= 0)
        strbuf_add(&masker->after, result, room);
    free(result);
    return count >= 0;
}

void masker_text(struct masker *masker, struct slice text, struct strbuf *out)
{
    bool good = true;

    strbuf_clear(&masker->before);
    strbuf_add(&masker->before, text.at, text.len);
    for (size_t i = 0; i < SECRETS && good; i++) {
        good = substitute(masker, i);
        struct strbuf spare = masker->before;
        masker->before = masker->after;
        masker->after = spare;
    }
    /* Rather no evidence than a leaked password. */
    if (good)
        strbuf_add(out, strbuf_text(&masker->before), masker->before.len);
    else
        strbuf_puts(out, "(withheld: could not be searched for secrets)");
}

void mask_secrets(const char *text, struct strbuf *out)
{
    struct masker *masker = masker_open();

    masker_text(masker, slice_of(text), out);
    masker_close(masker);
}
