/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/mask.h"

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
    strbuf_printf(out, "%s://%s%s%s", scheme, host, port != NULL ? ":" : "", port != NULL ? port : "");
    if (query != NULL || user != NULL || (path != NULL && strcmp(path, "/") != 0)) {
        strbuf_puts(out, "/***");
    }
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

/* text with every match replaced, appended to *out; false if the matcher gave up. */
static bool substitute(const struct secret *secret, struct slice text, struct strbuf *out)
{
    int code_error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)secret->pattern, PCRE2_ZERO_TERMINATED, 0, &code_error, &at, NULL);
    uint32_t options = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY;
    /* No match becomes longer by more than the three of "***", nor is one empty: this is always enough. */
    PCRE2_SIZE room = 4 * text.len + 64;
    char *result = must_alloc(room);
    int count = code == NULL
                    ? -1
                    : pcre2_substitute(code, (PCRE2_SPTR)text.at, text.len, 0, options, NULL, NULL,
                                       (PCRE2_SPTR)secret->kept, PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)result, &room);

    if (count >= 0) {
        strbuf_add(out, result, room);
    }
    free(result);
    pcre2_code_free(code);
    return count >= 0;
}

void mask_secrets(const char *text, struct strbuf *out)
{
    struct strbuf before = { 0 }, after = { 0 };
    bool good = true;

    strbuf_puts(&before, text);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0] && good; i++) {
        strbuf_clear(&after);
        good = substitute(&secrets[i], strbuf_slice(&before), &after);
        struct strbuf spare = before;
        before = after;
        after = spare;
    }
    /* Rather no evidence than a leaked password. */
    strbuf_puts(out, good ? strbuf_text(&before) : "(withheld: could not be searched for secrets)");
    strbuf_free(&before);
    strbuf_free(&after);
}
