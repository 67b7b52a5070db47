/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mask_patterns.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/budgets.h"

/* An option whose argument is a secret. */
#define OPTION "--(?:password|passwd|token|secret|api-key|access-key|secret-key)"

/*
 * The value of a key. In quotes (that may be escaped) it ends with the same quotes; if those are missing because the text was cut, it
 * ends with the line. Without quotes it ends with a blank or a separator, and is not the next option.
 */
#define VALUE                                                                                                          \
    "(?:\\\\\"[^\"\\\\]*+(?:\\\\\")?+"                                                                                 \
    "|\"(?:[^\"\\\\]++|\\\\.)*+\"|\"[^\\r\\n]*+"                                                                       \
    "|'(?:[^'\\\\]++|\\\\.)*+'|'[^\\r\\n]*+"                                                                           \
    "|(?!" OPTION "\\s)[^\\s,;&\"'(){}\\[\\]]++)"

/*
 * A match is replaced by its first group, if it has one, and the text in `instead`. So that the time stays in proportion to the length
 * of the text, every repeat is possessive (++, *+: PCRE2 never gives back what it has matched) or bounded by a small number, and
 * what a repeat runs over cannot contain the beginning of another match of the same pattern.
 */
static const struct mask_pattern {
    const char *pattern;
    const char *instead;
} table[] = {
    /* a private key, to its end or to the end of the text */
    { "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]++|-(?!----END [A-Z0-9 ]{0,40}PRIVATE KEY-----))*+"
      "(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?+",
      "***" },
    /* user:password@ in a URL; then the same for a password with a slash in it; then a URL that was cut in the password */
    { "(://)(?:[^\\s/?#\"'@]*+@)++", "***@" },
    { "(://)[^\\s/:@\"']{1,200}+:[^\\s@\"':]{1,200}+@", "***@" },
    { "(://)[^\\s/?#\"'@:\\[]++:(?![0-9]{0,5}[.,;:)\\]>]*+\\z)[^\\s/?#\"'@]*+\\z", "***" },
    /* the path of a Slack webhook and the like */
    { "(?i)(://hooks\\.[\\w.\\-]++/)[^\\s\"']++", "***" },
    { "(?i)(authorization[\\\\\"']*+\\s*+[:=]\\s*+[\\\\\"']*+)[^\\r\\n\"'\\\\]++", "***" },
    /* "basic authentication failed" has no secret in it: a token has a digit or ends with = */
    { "(?i)(\\b(?:bearer|basic)\\s++)(?=[^\\s\"'0-9=]*+[0-9=])[\\w.~+/=\\-]{6,}+", "***" },
    { "(?i)((?:pass(?:word|wd|phrase)|pwd|secret|token|credentials?"
      "|(?:api|access|private|routing|account|shared)[._\\-]?key|x-amz-(?:signature|credential)|\\bsig)"
      "[\\w.\\-]{0,40}+[\\\\\"']*+\\s*+(?:=>|[:=])\\s*+)" VALUE,
      "***" },
    { "(?i)(" OPTION "\\s++)" VALUE, "***" },
    /* tokens that are recognised by themselves: AWS, Slack, GitHub, GitLab */
    { "\\b(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{16}\\b", "***" },
    { "\\b(?:xox[a-z]-[\\w\\-]{10,}+|gh[pousr]_\\w{20,}+|glpat-[\\w\\-]{10,}+)", "***" },
    /*
     * A JSON web token: three words with dots between them, the first of which begins with eyJ or holds it after a hyphen. The match
     * begins where the word begins, since in "-eyJ-eyJ-eyJ" it would otherwise be tried again from each eyJ.
     */
    { "(?<![\\w\\-])(?:(?!\\beyJ)[\\w\\-])*+eyJ[\\w\\-]{5,}+(?:\\.[\\w\\-]++\\.[\\w\\-]*+|(?:\\.[\\w\\-]*+)?+\\z)",
      "***" },
};
enum { PATTERNS = sizeof table / sizeof table[0] };

struct mask_patterns {
    pcre2_code *codes[PATTERNS];
    bool jit_waits; /* the JIT code is made before the first match, since most logs have no text that is masked */
    pcre2_match_data *match;
    pcre2_match_context *context;
};

static void must_have(const void *memory)
{
    if (!memory) {
        fputs("agent: out of memory in PCRE2\n", stderr);
        abort();
    }
}

struct mask_patterns *mask_patterns_open(enum mask_speed speed)
{
    struct mask_patterns *patterns = must_alloc(sizeof *patterns);
    int code;
    PCRE2_SIZE at;

    for (size_t i = 0; i < PATTERNS; i++) {
        patterns->codes[i] = pcre2_compile((PCRE2_SPTR)table[i].pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
        must_have(patterns->codes[i]);
    }
    patterns->jit_waits = speed == MASK_JIT;
    patterns->match = pcre2_match_data_create(2, NULL); /* the match and its first group */
    patterns->context = pcre2_match_context_create(NULL);
    must_have(patterns->match);
    must_have(patterns->context);
    pcre2_set_match_limit(patterns->context, MASK_MATCH_LIMIT);
    pcre2_set_depth_limit(patterns->context, MASK_MATCH_LIMIT);
    pcre2_set_heap_limit(patterns->context, MASK_HEAP_MAX_KIB);
    return patterns;
}

void mask_patterns_close(struct mask_patterns *patterns)
{
    if (!patterns)
        return;
    for (size_t i = 0; i < PATTERNS; i++)
        pcre2_code_free(patterns->codes[i]);
    pcre2_match_data_free(patterns->match);
    pcre2_match_context_free(patterns->context);
    free(patterns);
}

size_t mask_patterns_count(void)
{
    return PATTERNS;
}

static void compile_jit(struct mask_patterns *patterns)
{
    for (size_t i = 0; i < PATTERNS; i++)
        pcre2_jit_compile(patterns->codes[i], PCRE2_JIT_COMPLETE);
    patterns->jit_waits = false;
}

enum mask_found mask_patterns_apply(struct mask_patterns *patterns, size_t index, struct slice text, struct strbuf *out)
{
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(patterns->match);
    size_t done = 0;
    int groups;

    if (patterns->jit_waits)
        compile_jit(patterns);
    while ((groups = pcre2_match(patterns->codes[index], (PCRE2_SPTR)text.at, text.len, done, PCRE2_NOTEMPTY,
                                 patterns->match, patterns->context)) > 0) {
        size_t kept = groups > 1 ? span[3] : span[0]; /* the first group stands at the beginning of the match */
        strbuf_add(out, text.at + done, kept - done);
        strbuf_puts(out, table[index].instead);
        done = span[1];
    }
    if (groups != PCRE2_ERROR_NOMATCH)
        return MASK_GAVE_UP;
    if (done == 0)
        return MASK_NOTHING;
    strbuf_add(out, text.at + done, text.len - done);
    return MASK_FOUND;
}
