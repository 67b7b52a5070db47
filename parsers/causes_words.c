/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "causes_private.h"

#include <stdlib.h>

/* The rows of the table of causes: conditions, which are patterns, in which %{NAME} stands for a word of the table. */

static const char *const WHAT_NAMES[WHAT_GROUPS] = { "what", "what2", "what3" };
static const char AND[] = " && ";

static const char *causes_word(const struct causes *causes, struct slice name)
{
    /* The newest first, so that a team's own word takes the place of a built-in one. */
    for (size_t i = causes->word_count; i-- > 0;)
        if (slice_equals(name, causes->words[i].name))
            return causes->words[i].text;
    return NULL;
}

bool causes_expand(const struct causes *causes, const char *value, struct strbuf *out, struct strbuf *why)
{
    const char *begin;
    while ((begin = strstr(value, "%{"))) {
        size_t len = strcspn(begin + 2, "}");
        const char *word = causes_word(causes, (struct slice){ begin + 2, len });
        if (!word || begin[2 + len] == '\0') {
            strbuf_printf(why, "there is no word '%.*s'", (int)len, begin + 2);
            return false;
        }
        strbuf_add(out, value, (size_t)(begin - value));
        strbuf_puts(out, "(?:");
        strbuf_puts(out, word);
        strbuf_puts(out, ")");
        value = begin + 2 + len + 1;
        if (out->len > CAUSE_PATTERN_MAX_BYTES)
            break;
    }
    strbuf_puts(out, value);
    if (out->len <= CAUSE_PATTERN_MAX_BYTES)
        return true;
    strbuf_printf(why, "the pattern is longer than %d bytes", CAUSE_PATTERN_MAX_BYTES);
    return false;
}

struct pattern *causes_compile(const char *regex, struct strbuf *why)
{
    return pattern_new_search(regex, CAUSE_MAX_STEPS, WHAT_NAMES, WHAT_GROUPS, why);
}

/* The index of the pattern, which is compiled if no row has had it yet. */
static bool causes_find_pattern(struct causes *causes, const char *regex, size_t *index, struct strbuf *why)
{
    for (*index = 0; *index < causes->pattern_count; ++*index)
        if (strcmp(causes->patterns[*index].regex, regex) == 0)
            return true;
    if (causes->pattern_count == CAUSE_PATTERNS_MAX) {
        strbuf_printf(why, "there are more than %d patterns", CAUSE_PATTERNS_MAX);
        return false;
    }
    /* Those that are built in are known to be right, and most of them are never asked. */
    struct pattern *pattern = NULL;
    if (causes->origin == CAUSES_OWN && !(pattern = causes_compile(regex, why)))
        return false;
    causes->patterns = list_room(causes->patterns, causes->pattern_count, sizeof *causes->patterns);
    causes->patterns[causes->pattern_count++] =
        (struct causes_pattern){ .regex = must_copy(regex, strlen(regex)), .pattern = pattern };
    return true;
}

/* Takes the first condition off *rest; a "!" before it forbids what it matches. */
static bool sign_take_condition(struct causes *causes, struct sign *sign, const char **rest, struct strbuf *why)
{
    const char *end = strstr(*rest, AND);
    size_t len = end ? (size_t)(end - *rest) : strlen(*rest);
    bool negated = len > 0 && **rest == '!';
    char *value = must_copy(*rest + negated, len - negated);
    struct strbuf regex = { 0 };
    bool fine = false;
    if (sign->condition_count == CONDITIONS_MAX)
        strbuf_printf(why, "more than %d conditions", CONDITIONS_MAX);
    else if (*value == '\0')
        strbuf_puts(why, "an empty condition");
    else if (causes_expand(causes, value, &regex, why))
        fine = causes_find_pattern(causes, strbuf_text(&regex), &sign->conditions[sign->condition_count].pattern, why);
    if (fine)
        sign->conditions[sign->condition_count++].negated = negated;
    *rest = end ? end + strlen(AND) : NULL;
    free(value);
    strbuf_free(&regex);
    return fine;
}

bool causes_add_sign(struct causes *causes, enum sign_kind kind, const char *value, struct strbuf *why)
{
    struct sign sign = { .kind = kind, .cause = causes->section_count - 1 };
    bool asks = false;
    while (value) {
        if (!sign_take_condition(causes, &sign, &value, why))
            return false;
        asks = asks || !sign.conditions[sign.condition_count - 1].negated;
    }
    if (!asks) {
        strbuf_puts(why, "it only says what must not be there");
        return false;
    }
    causes->signs = list_room(causes->signs, causes->sign_count, sizeof *causes->signs);
    causes->signs[causes->sign_count++] = sign;
    return true;
}
