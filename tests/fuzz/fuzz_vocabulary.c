/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "parsers/pattern.h"
#include "parsers/vocabulary.h"

/*
 * The first line is a regular expression, the rest a message: the short cuts by first byte and by prefix must agree with a
 * pattern that offers neither, and the built-in vocabulary must survive the message.
 */
static void pattern_check(const char *regex, struct slice message)
{
    struct strbuf error = { 0 };
    struct strbuf plain = { 0 };
    strbuf_printf(&plain, "(?:%s)|(?!)", regex);
    struct pattern *pattern = pattern_new(regex, NULL, 0, &error);
    struct pattern *slow = pattern ? pattern_new(plain.at, NULL, 0, &error) : NULL;
    if (pattern && slow && message.len > 0) {
        enum pattern_answer quick = pattern_match(pattern, message);
        enum pattern_answer sure = pattern_match(slow, message);
        if (sure == PATTERN_YES &&
            (quick == PATTERN_NO || !pattern_may_begin_with(pattern, (unsigned char)message.at[0]))) {
            abort();
        }
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
    size_t count;
    const struct vocabulary_entry *entries = vocabulary_builtin(&count);
    for (size_t i = 0; i < count; i++) {
        if (!vocabulary_add(vocabulary, entries[i].kind, entries[i].pattern, &error)) {
            abort();
        }
    }
    return vocabulary;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vocabulary *builtin;
    builtin = builtin ? builtin : builtin_new();
    const uint8_t *end = memchr(data, '\n', size);
    size_t regex_len = end ? (size_t)(end - data) : 0;
    struct slice message = { (const char *)data + (end ? regex_len + 1 : 0), size - (end ? regex_len + 1 : 0) };
    struct event event;
    struct vocabulary_extra extra;
    if (vocabulary_match(builtin, message, &event, &extra) == VOCABULARY_LIMIT) {
        abort();
    }
    char *regex = must_copy((const char *)data, regex_len < 100 ? regex_len : 100);
    pattern_check(regex, message);
    free(regex);
    return 0;
}
