/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "fuzz.h"
#include "parsers/pattern.h"
#include "parsers/vocabulary.h"

/*
 * The first line is a regular expression, the rest a message: the short cuts by first byte and by prefix must agree with a
 * pattern that offers neither, groups lie within the message, and so does what the built-in vocabulary takes out of it. What a
 * match costs is measured of the built-in patterns only: PCRE2's limits bound the others, but not to so little.
 */
enum { REGEX_MOST = 100, GROUPS_ASKED = 3 };

static void pattern_check(const char *regex, struct slice message)
{
    static const char *const names[GROUPS_ASKED] = { "table", "rows", "at" };
    struct strbuf error = { 0 };
    struct strbuf plain = { 0 };
    strbuf_printf(&plain, "(?:%s)|(?!)", regex);
    struct pattern *pattern = pattern_new(regex, names, GROUPS_ASKED, &error);
    struct pattern *slow = pattern ? pattern_new(plain.at, names, GROUPS_ASKED, &error) : NULL;
    must(pattern || error.len > 0);
    if (slow && message.len > 0) {
        enum pattern_answer quick = pattern_match(pattern, message);
        enum pattern_answer sure = pattern_match(slow, message);
        must(quick == sure || quick == PATTERN_LIMIT || sure == PATTERN_LIMIT);
        must(sure != PATTERN_YES || pattern_may_begin_with(pattern, (unsigned char)message.at[0]));
        for (size_t i = 0; quick == PATTERN_YES && i < GROUPS_ASKED; i++)
            must(lies_within(pattern_group(pattern, message, i), message));
    }
    pattern_free(slow);
    pattern_free(pattern);
    strbuf_free(&plain);
    strbuf_free(&error);
}

static struct vocabulary *builtin_new(void)
{
    struct strbuf error = { 0 };
    struct vocabulary *vocabulary = vocabulary_new();
    must(vocabulary_add_builtin(vocabulary, &error));
    return vocabulary;
}

static struct vocabulary *builtin;

static void ask_builtin(struct slice message)
{
    struct record record = { .form = RECORD_FULL, .own = true, .message = message };
    struct event event;
    vocabulary_match(builtin, &record, &event);
}

static void builtin_check(struct slice message)
{
    struct event event;
    struct record record = { .form = RECORD_FULL, .own = true, .message = message };
    builtin = builtin ? builtin : builtin_new();
    fuzz_cost(ask_builtin, message);
    enum vocabulary_answer answer = vocabulary_match(builtin, &record, &event);
    must(answer != VOCABULARY_LIMIT);
    if (answer == VOCABULARY_EVENT) {
        must(event.kind < EVENT_WRITER_GONE);
        must(event.table.len <= TABLE_NAME_MAX_BYTES && lies_within(event.text, message));
        must(event.succeeded >= 0 && event.failed >= 0 && event.timed_out >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = { (const char *)data, size };
    struct slice line = cut_off(&message, "\n");
    char *regex = must_copy(line.at, line.len < REGEX_MOST ? line.len : REGEX_MOST);
    builtin_check(message);
    pattern_check(regex, message);
    free(regex);
    return 0;
}
