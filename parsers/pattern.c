/* SPDX-License-Identifier: GPL-2.0-or-later */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <pcre2.h>
#include <stdlib.h>

/*
 * Far above what a sound pattern needs on a line, far below a second of work: a pathological line costs at most
 * this, and the line is counted as given up.
 */
enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KIB = 1024 };

/*
 * Bytes, not UTF-8: with PCRE2_UTF "." would not match a torn character, and a "Stderr:" line that holds one would not
 * be known for what it is. Literal UTF-8 in a pattern is the same bytes in either mode.
 */
static const uint32_t COMPILE_OPTIONS = PCRE2_NEVER_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    PCRE2_SIZE *ovector;
    bool jit;
    uint32_t groups[PATTERN_GROUPS_MAX];   /* by name: the group's number, 0 if the pattern lacks it */
    signed char names[PATTERN_GROUPS_MAX]; /* those that it has */
    size_t name_count;
    char *prefix; /* what every match begins with */
    size_t prefix_len;
    enum pattern_rest { REST_ANY, REST_NONE, REST_REGEX } rest; /* what may follow the prefix */
    bool first[256];
};

static void error_add(struct strbuf *error, int code)
{
    PCRE2_UCHAR message[256];
    pcre2_get_error_message(code, message, sizeof message);
    strbuf_puts(error, (const char *)message);
}

static pcre2_code *code_compile(const char *regex, uint32_t options, struct strbuf *error)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
    if (!compiled) {
        strbuf_printf(error, "bad regular expression at character %zu: ", offset + 1);
        error_add(error, code);
    }
    return compiled;
}

static bool groups_learn(struct pattern *pattern, const char *const *names, size_t name_count, struct strbuf *error)
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
        if (known == name_count || pattern->groups[known] != 0) {
            strbuf_printf(error, known == name_count ? "unknown group \"%s\"" : "group \"%s\" twice", name);
            return false;
        }
        pattern->groups[known] = (uint32_t)(entry[0] << 8 | entry[1]);
        pattern->names[pattern->name_count++] = (signed char)known;
    }
    return true;
}

static void first_add_unit(struct pattern *pattern, uint32_t unit)
{
    pattern->first[unit & 0xff] = true;
    /* PCRE2 does not tell whether the unit is caseless; one letter too many costs a try, one too few an event. */
    if ((unit | 0x20) >= 'a' && (unit | 0x20) <= 'z')
        pattern->first[unit ^ 0x20] = true;
}

/* PCRE2 studies what a match can begin with only for patterns that are not anchored: ask an unanchored twin. */
static bool first_learn(struct pattern *pattern, const char *regex, struct strbuf *error)
{
    pcre2_code *twin = code_compile(regex, COMPILE_OPTIONS, error);
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
        first_add_unit(pattern, unit);
    } else {
        bool known = bitmap && !matches_empty;
        for (size_t i = 0; i < 256; i++)
            pattern->first[i] = !known || (bitmap[i / 8] >> (i % 8) & 1) != 0;
    }
    pcre2_code_free(twin);
    return true;
}

/*
 * The characters before the first one that means something in a regular expression, and without one that a
 * quantifier may take back: comparing them costs less than a match that fails. With an alternation anywhere there are none.
 * Where nothing but the end follows them, the comparison is the match.
 */
static void prefix_learn(struct pattern *pattern, const char *regex)
{
    size_t len = strchr(regex, '|') ? 0 : strcspn(regex, "\\^$.[()?*+{");
    if (len > 0 && regex[len] != '\0' && strchr("?*+{", regex[len]))
        len--;
    pattern->prefix = must_copy(regex, len);
    pattern->prefix_len = len;
    pattern->rest = regex[len] == '\0' ? REST_ANY : strcmp(regex + len, "$") == 0 ? REST_NONE : REST_REGEX;
}

static bool matcher_prepare(struct pattern *pattern, struct strbuf *error)
{
    /* Without JIT (a kernel that forbids writable code, say) the interpreter gives the same answers. */
    pattern->jit = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
    pattern->match = pcre2_match_data_create_from_pattern(pattern->code, NULL);
    pattern->context = pcre2_match_context_create(NULL);
    if (!pattern->match || !pattern->context) {
        strbuf_puts(error, "out of memory");
        return false;
    }
    pcre2_set_match_limit(pattern->context, MATCH_LIMIT);
    pcre2_set_depth_limit(pattern->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(pattern->context, HEAP_LIMIT_KIB);
    pattern->ovector = pcre2_get_ovector_pointer(pattern->match);
    return true;
}

struct pattern *pattern_new(const char *regex, const char *const *names, size_t name_count, struct strbuf *error)
{
    struct pattern *pattern = must_alloc(sizeof *pattern);
    pattern->code = code_compile(regex, COMPILE_OPTIONS | PCRE2_ANCHORED, error);
    if (!pattern->code || !groups_learn(pattern, names, name_count, error) || !first_learn(pattern, regex, error) ||
        !matcher_prepare(pattern, error)) {
        pattern_free(pattern);
        return NULL;
    }
    prefix_learn(pattern, regex);
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

bool pattern_has_group(const struct pattern *pattern, size_t name)
{
    return pattern->groups[name] != 0;
}

bool pattern_may_begin_with(const struct pattern *pattern, unsigned char byte)
{
    return pattern->first[byte];
}

enum pattern_answer pattern_match(struct pattern *pattern, struct slice text)
{
    if (text.len < pattern->prefix_len || memcmp(text.at, pattern->prefix, pattern->prefix_len) != 0)
        return PATTERN_NO;
    if (pattern->rest != REST_REGEX)
        return pattern->rest == REST_ANY || text.len == pattern->prefix_len ? PATTERN_YES : PATTERN_NO;
    /* The direct way into JIT code halves the cost of a match; it skips no check that these options need. */
    int count = (pattern->jit ? pcre2_jit_match : pcre2_match)(pattern->code, (PCRE2_SPTR)text.at, text.len, 0, 0,
                                                               pattern->match, pattern->context);
    if (count >= 0)
        return PATTERN_YES;
    return count == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}

struct slice pattern_group(const struct pattern *pattern, struct slice text, size_t name)
{
    uint32_t group = pattern->groups[name];
    PCRE2_SIZE begin = pattern->ovector[2 * group];
    if (group == 0 || begin == PCRE2_UNSET)
        return (struct slice){ NULL, 0 };
    return (struct slice){ text.at + begin, pattern->ovector[2 * group + 1] - begin };
}

int pattern_name(const struct pattern *pattern, size_t index)
{
    return index < pattern->name_count ? pattern->names[index] : -1;
}
