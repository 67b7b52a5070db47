/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "causes_private.h"

#include <string.h>

/*
 * The questions to the table of causes. A cause's rank is made of how much its sign tells and of its place in the table: a text tells more
 * than an exit code or a time-out, and these tell more than a hint.
 */
enum { RANK_TEXT = 1 << 20, RANK_CODE = 2 << 20, RANK_HINT = 3 << 20 };

static bool cause_is_better(const struct causes_answer *answer, int64_t rank)
{
    return !answer->cause || rank < answer->rank;
}

/* A pattern that is built in and cannot be compiled, for want of memory, matches nothing. */
static enum pattern_answer causes_try_pattern(struct causes_pattern *asked, struct slice line)
{
    struct strbuf why = { 0 };
    if (!asked->pattern)
        asked->pattern = causes_compile(asked->regex, &why);
    strbuf_free(&why);
    return asked->pattern ? pattern_match(asked->pattern, line) : PATTERN_NO;
}

static bool causes_ask_pattern(struct causes *causes, struct causes_pattern *asked, struct slice line)
{
    if (asked->asked_at == causes->lines)
        return asked->matches;
    asked->asked_at = causes->lines;
    asked->what = (struct slice){ NULL, 0 };
    /* The line costs too much already, so that it is left with what was found. */
    if (causes->given_up >= PATTERN_LIMITS_PER_LINE) {
        asked->matches = false;
        return false;
    }
    enum pattern_answer found = causes_try_pattern(asked, line);
    causes->given_up += found == PATTERN_LIMIT;
    asked->matches = found == PATTERN_YES;
    for (size_t group = 0; asked->matches && group < WHAT_GROUPS && !asked->what.at; group++)
        if (pattern_has_group(asked->pattern, group))
            asked->what = pattern_group(asked->pattern, line, group);
    return asked->matches;
}

static bool sign_holds(struct causes *causes, const struct sign *sign, struct slice line, struct slice *what)
{
    *what = (struct slice){ NULL, 0 };
    for (size_t i = 0; i < sign->condition_count; i++) {
        struct causes_pattern *asked = &causes->patterns[sign->conditions[i].pattern];
        if (causes_ask_pattern(causes, asked, line) == sign->conditions[i].negated)
            return false;
        if (!what->at)
            *what = asked->what;
    }
    return true;
}

static struct slice causes_begin_line(struct causes *causes, struct slice line)
{
    causes->lines++;
    causes->given_up = 0;
    if (line.len > CAUSE_TEXT_MAX_BYTES)
        line.len = CAUSE_TEXT_MAX_BYTES;
    return line;
}

/* The rows stand in the order of their ranks. */
void causes_read_line(struct causes *causes, struct slice line, struct causes_answer *answer)
{
    line = causes_begin_line(causes, line);
    for (size_t i = 0; i < causes->sign_count && causes->signs[i].kind <= SIGN_HINT; i++) {
        const struct sign *sign = &causes->signs[i];
        struct slice what;
        int64_t rank = (sign->kind == SIGN_TEXT ? RANK_TEXT : RANK_HINT) + (int64_t)i;
        if (!cause_is_better(answer, rank))
            return;
        if (sign_holds(causes, sign, line, &what)) {
            *answer = (struct causes_answer){ &causes->sections[sign->cause].known, rank, what };
            return;
        }
    }
}

static void causes_take_code(const struct causes *causes, size_t section, struct causes_answer *answer)
{
    int64_t rank = RANK_CODE + (int64_t)section;
    if (cause_is_better(answer, rank))
        *answer = (struct causes_answer){ &causes->sections[section].known, rank, { NULL, 0 } };
}

void causes_read_exit_code(const struct causes *causes, int64_t exit_code, struct causes_answer *answer)
{
    for (size_t i = 0; i < causes->exit_count; i++)
        if (causes->exits[i].code == exit_code)
            causes_take_code(causes, causes->exits[i].cause, answer);
}

void causes_read_timeout(const struct causes *causes, struct causes_answer *answer)
{
    for (size_t i = 0; i < causes->section_count; i++)
        if (causes->sections[i].timed_out && !causes->sections[i].dropped)
            causes_take_code(causes, i, answer);
}

static const struct known_cause *causes_first(struct causes *causes, enum sign_kind kind, struct slice text)
{
    text = causes_begin_line(causes, text);
    for (size_t i = 0; i < causes->sign_count; i++) {
        struct slice what;
        if (causes->signs[i].kind == kind && sign_holds(causes, &causes->signs[i], text, &what))
            return &causes->sections[causes->signs[i].cause].known;
    }
    return NULL;
}

bool causes_is_banner(struct causes *causes, struct slice line)
{
    return causes_first(causes, SIGN_BANNER, line) != NULL;
}

const struct known_cause *causes_of_banner(const struct causes *causes)
{
    for (size_t i = 0; i < causes->sign_count; i++)
        if (causes->signs[i].kind == SIGN_BANNER)
            return &causes->sections[causes->signs[i].cause].known;
    return NULL;
}

bool causes_is_guess(const struct causes_answer *answer)
{
    return !answer->cause || answer->rank >= RANK_CODE;
}

const struct known_cause *causes_of_probe(struct causes *causes, struct slice name)
{
    return causes_first(causes, SIGN_PROBE, name);
}

const struct known_cause *causes_named(const struct causes *causes, struct slice name)
{
    for (size_t i = 0; i < causes->section_count; i++)
        if (!causes->sections[i].dropped && slice_equals(name, causes->sections[i].known.name))
            return &causes->sections[i].known;
    return NULL;
}

const struct known_cause *causes_of_kind(const struct causes *causes, const char *kind)
{
    for (size_t i = causes->section_count; i-- > 0;) {
        const struct cause_section *section = &causes->sections[i];
        if (!section->dropped && section->kind && strcmp(section->kind, kind) == 0)
            return &section->known;
    }
    return NULL;
}
