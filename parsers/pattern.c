/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/budgets.h"

/*
 * Bytes, not UTF-8: with PCRE2_UTF "." would not match half a character, and a "Stderr:" line that was cut within one would not match
 * its pattern. Literal UTF-8 in a pattern is the same bytes in either mode.
 */
static const uint32_t COMPILE_OPTIONS = PCRE2_NEVER_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    PCRE2_SIZE *ovector;
    bool jit;
    bool jit_waits;                          /* the JIT code is made before the first match */
    uint32_t numbers[PATTERN_GROUPS_MAX];    /* of each group in PCRE2, 0 if the expression lacks it */
    signed char present[PATTERN_GROUPS_MAX]; /* the groups that it has */
    size_t present_count;
    char *prefix; /* the literal text that every match begins with, which may be empty */
    size_t prefix_len;
    enum pattern_rest { REST_ANY, REST_NONE, REST_REGEX } rest; /* what may follow the prefix */
    bool may_begin_with[256];
};

static void pattern_error_add(struct strbuf *error, int code)
{
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(code, message, sizeof message);
    strbuf_puts(error, (const char *)message);
}

static pcre2_code *pattern_compile(const char *regex, uint32_t options, struct strbuf *error)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
    if (!compiled) {
        strbuf_printf(error, "bad regular expression at character %zu: ", offset + 1);
        pattern_error_add(error, code);
    }
    return compiled;
}

static bool pattern_learn_groups(struct pattern *pattern, const char *const *names, size_t name_count,
                                 struct strbuf *error)
{
    uint32_t count = 0;
    uint32_t entry_size = 0;
    PCRE2_SPTR entry = NULL;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &entry);
    for (; count > 0; count--, entry += entry_size) {
        const char *name = (const char *)entry + 2;
        size_t known = 0;
        while (known < name_count && strcmp(names[known], name) != 0)
            known++;
        if (known == name_count || pattern->numbers[known] != 0) {
            strbuf_printf(error, known == name_count ? "unknown group \"%s\"" : "group \"%s\" twice", name);
            return false;
        }
        pattern->numbers[known] = (uint32_t)(entry[0] << 8 | entry[1]);
        pattern->present[pattern->present_count++] = (signed char)known;
    }
    return true;
}

/* An expression may begin with "(*LIMIT_MATCH=1)" and the like, which lowers the limits, so that it would match nothing. */
static bool pattern_sets_no_limits(const struct pattern *pattern, struct strbuf *error)
{
    static const uint32_t LIMITS[] = { PCRE2_INFO_MATCHLIMIT, PCRE2_INFO_DEPTHLIMIT, PCRE2_INFO_HEAPLIMIT };
    uint32_t limit;
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        if (pcre2_pattern_info(pattern->code, LIMITS[i], &limit) == 0) {
            strbuf_puts(error, "it may not set limits of its own, such as \"(*LIMIT_MATCH=1)\"");
            return false;
        }
    }
    return true;
}

static void pattern_add_beginning(struct pattern *pattern, uint32_t unit)
{
    pattern->may_begin_with[unit & 0xff] = true;
    /* PCRE2 does not tell whether the letter is caseless. One letter too many costs an attempt, one too few an event. */
    if ((unit | 0x20) >= 'a' && (unit | 0x20) <= 'z')
        pattern->may_begin_with[unit ^ 0x20] = true;
}

/* PCRE2 finds out what a match can begin with only for expressions that are not anchored, so an unanchored twin is asked. */
static bool pattern_learn_beginnings(struct pattern *pattern, const char *regex, struct strbuf *error)
{
    pcre2_code *twin = pattern_compile(regex, COMPILE_OPTIONS, error);
    if (!twin)
        return false;
    uint32_t type = 0;
    uint32_t unit = 0;
    uint32_t matches_empty = 0;
    const uint8_t *bitmap = NULL;
    pcre2_pattern_info(twin, PCRE2_INFO_FIRSTCODETYPE, &type);
    pcre2_pattern_info(twin, PCRE2_INFO_FIRSTCODEUNIT, &unit);
    pcre2_pattern_info(twin, PCRE2_INFO_FIRSTBITMAP, &bitmap);
    pcre2_pattern_info(twin, PCRE2_INFO_MATCHEMPTY, &matches_empty);
    if (type == 1 && !matches_empty) {
        pattern_add_beginning(pattern, unit);
    } else {
        bool known = bitmap && !matches_empty;
        for (size_t i = 0; i < 256; i++)
            pattern->may_begin_with[i] = !known || (bitmap[i / 8] >> (i % 8) & 1) != 0;
    }
    pcre2_code_free(twin);
    return true;
}

/*
 * The prefix is the characters before the first one that means something in a regular expression, without a last one that a quantifier
 * may make optional. To compare it costs less than a match that fails. An expression with an alternation has no prefix. Where nothing
 * but the text's end may follow the prefix, the comparison is the match.
 */
static void pattern_learn_prefix(struct pattern *pattern, const char *regex)
{
    size_t len = strchr(regex, '|') ? 0 : strcspn(regex, "\\^$.[()?*+{");
    if (len > 0 && regex[len] != '\0' && strchr("?*+{", regex[len]))
        len--;
    pattern->prefix = must_copy(regex, len);
    pattern->prefix_len = len;
    pattern->rest = regex[len] == '\0' ? REST_ANY : strcmp(regex + len, "$") == 0 ? REST_NONE : REST_REGEX;
}

/*
 * Without JIT code (a kernel that forbids writable code, or an expression that begins with "(*NO_JIT)") the interpreter gives the same
 * answers. Only the size of the code tells whether there is any: with "(*NO_JIT)" the compilation succeeds and makes none.
 */
static void pattern_compile_jit(struct pattern *pattern)
{
    size_t jit_bytes = 0;
    pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
    pcre2_pattern_info(pattern->code, PCRE2_INFO_JITSIZE, &jit_bytes);
    pattern->jit = jit_bytes > 0;
    pattern->jit_waits = false;
}

static bool pattern_prepare_matching(struct pattern *pattern, uint32_t most_steps, struct strbuf *error)
{
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->context = pcre2_match_context_create(NULL);
    if (!pattern->match || !pattern->context) {
        strbuf_puts(error, "out of memory");
        return false;
    }
    pcre2_set_match_limit(pattern->context, most_steps);
    pcre2_set_heap_limit(pattern->context, PATTERN_MAX_KIB);
    pattern->ovector = pcre2_get_ovector_pointer(pattern->match);
    return true;
}

struct pattern *pattern_new(const char *regex, const char *const *names, size_t name_count, struct strbuf *error)
{
    struct pattern *pattern = must_alloc(sizeof *pattern);
    pattern->code = pattern_compile(regex, COMPILE_OPTIONS | PCRE2_ANCHORED, error);
    if (!pattern->code || !pattern_sets_no_limits(pattern, error) ||
        !pattern_learn_groups(pattern, names, name_count, error) || !pattern_learn_beginnings(pattern, regex, error) ||
        !pattern_prepare_matching(pattern, PATTERN_MAX_STEPS, error)) {
        pattern_free(pattern);
        return NULL;
    }
    pattern->jit_waits = true; /* a log holds few of the things that the scheduler may say */
    pattern_learn_prefix(pattern, regex);
    return pattern;
}

struct pattern *pattern_new_search(const char *regex, uint32_t most_steps, const char *const *names, size_t name_count,
                                   struct strbuf *error)
{
    struct pattern *pattern = must_alloc(sizeof *pattern);
    pattern->code = pattern_compile(regex, COMPILE_OPTIONS | PCRE2_CASELESS, error);
    if (!pattern->code || !pattern_sets_no_limits(pattern, error) ||
        !pattern_learn_groups(pattern, names, name_count, error) ||
        !pattern_prepare_matching(pattern, most_steps, error)) {
        pattern_free(pattern);
        return NULL;
    }
    pattern->prefix = must_copy("", 0);
    pattern->rest = REST_REGEX;
    pattern->jit_waits = true;
    memset(pattern->may_begin_with, true, sizeof pattern->may_begin_with);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern) {
        pcre2_match_context_free(pattern->context);
        pcre2_match_data_free(pattern->match);
        pcre2_code_free(pattern->code);
        free(pattern->prefix);
        free(pattern);
    }
}

bool pattern_has_group(const struct pattern *pattern, size_t group)
{
    return pattern->numbers[group] != 0;
}

bool pattern_may_begin_with(const struct pattern *pattern, unsigned char byte)
{
    return pattern->may_begin_with[byte];
}

enum pattern_answer pattern_match(struct pattern *pattern, struct slice text)
{
    if (text.len < pattern->prefix_len || memcmp(text.at, pattern->prefix, pattern->prefix_len) != 0)
        return PATTERN_NO;
    if (pattern->rest != REST_REGEX)
        return pattern->rest == REST_ANY || text.len == pattern->prefix_len ? PATTERN_YES : PATTERN_NO;
    if (pattern->jit_waits)
        pattern_compile_jit(pattern);
    /* To enter the JIT's code directly halves the cost of a match, and skips no check that these options need. */
    int count = (pattern->jit ? pcre2_jit_match : pcre2_match)(pattern->code, (PCRE2_SPTR)text.at, text.len, 0, 0,
                                                               pattern->match, pattern->context);
    if (count >= 0)
        return PATTERN_YES;
    return count == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}

struct slice pattern_group(const struct pattern *pattern, struct slice text, size_t group)
{
    uint32_t number = pattern->numbers[group];
    PCRE2_SIZE begin = pattern->ovector[2 * number];
    if (number == 0 || begin == PCRE2_UNSET)
        return (struct slice){ NULL, 0 };
    return (struct slice){ text.at + begin, pattern->ovector[2 * number + 1] - begin };
}

int pattern_group_at(const struct pattern *pattern, size_t index)
{
    return index < pattern->present_count ? pattern->present[index] : -1;
}
