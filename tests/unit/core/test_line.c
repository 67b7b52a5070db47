/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdlib.h>

#include "agent/core/line.h"
#include "base/utf8.h"

/* Whatever the names, the hosts and the durations are, a first line fits, is text, and begins with what is wrong. */

enum { LINES = 20000, NAME_BYTES = 200 };

static uint64_t random_number(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

static int64_t random_below(uint64_t *seed, int64_t most)
{
    return (int64_t)(random_number(seed) % (uint64_t)most);
}

/* A name of whole characters of one to four bytes, which begins with a letter. */
static void random_name(uint64_t *seed, size_t most_bytes, struct strbuf *out)
{
    static const char *const characters[] = { "a", "_", "9", "ß", "é", "€", "日", "🔥", "\u0301", " ", "{since}", "(" };
    size_t bytes = 1 + (size_t)random_below(seed, (int64_t)most_bytes);
    strbuf_clear(out);
    strbuf_puts(out, "b");
    for (;;) {
        const char *next = characters[random_number(seed) % (sizeof characters / sizeof characters[0])];
        if (out->len + strlen(next) > bytes)
            return;
        strbuf_puts(out, next);
    }
}

/* The words of the head up to its first place must stand at the line's beginning: they say what is wrong. */
static void begins_with_what_is_wrong(const struct line *line, const char *text)
{
    size_t first = strcspn(line->head, "{");
    if (first > 0)
        assert_memory_equal(text, line->head, first);
    else if (strncmp(line->head, "{tables}", 8) == 0 && line->count == 1)
        assert_int_equal(text[0], 'b');
    else if (strncmp(line->head, "{tables}", 8) == 0)
        assert_true(text[0] >= '0' && text[0] <= '9');
}

static void is_a_good_line(const struct line *line, const char *text, size_t most)
{
    size_t chars = utf8_count(slice_of(text));
    if (chars > most || chars < 20)
        fail_msg("%zu characters of %zu: %s", chars, most, text);
    for (const char *at = text; *at;) {
        size_t len = utf8_step((struct slice){ at, strlen(at) });
        if (len == 0 || (unsigned char)*at < ' ')
            fail_msg("no text: %s", text);
        at += len;
    }
    begins_with_what_is_wrong(line, text);
    if (line->note && !strstr(text, "; escalated") && !strstr(text, line->note))
        fail_msg("the escalation is missing: %s", text);
    if (strncmp(line->head, "{still}no new data", 18) == 0)
        assert_non_null(strstr(text, "no new data for "));
}

static void any_line_fits(void **unused)
{
    static const char *const causes[] = { NULL, "ClickHouse unreachable",
                                          "ClickHouse is out of memory (its memory limit is exceeded)", "größer\tals (",
                                          "timed out: too much data, or Spark hangs, or both of them" };
    static const char *const notes[] = { NULL, "Engineering Lead told",
                                         "comes back again and again, Engineering Lead and Data Team told" };
    struct strbuf name = { 0 }, text = { 0 }, lasted = { 0 };
    uint64_t seed = 20260303;
    (void)unused;
    for (int i = 0; i < LINES; i++) {
        const struct kind_facts *facts = kind_facts((enum incident_kind)random_below(&seed, KINDS));
        const char *const heads[] = { facts->wrong, facts->on_and_off, facts->over };
        char onset[CLOCK_WORDS_BYTES];
        int64_t onset_ms = at(0, 0, 0) + random_below(&seed, 400 * (int64_t)DAY_MS),
                lasted_ms = random_below(&seed, 40 * (int64_t)DAY_MS);
        const char *head = heads[random_below(&seed, 3)];
        bool has_tables = strstr(head, "{tables}") != NULL;
        random_name(&seed, NAME_BYTES, &name);
        strbuf_clear(&lasted);
        duration_words(lasted_ms, &lasted);
        clock_words_utc(onset_ms, onset_ms + lasted_ms, onset);
        struct line line = {
            .head = head,
            .cause = causes[random_below(&seed, 5)],
            .detail = causes[random_below(&seed, 5)],
            .asides = { random_below(&seed, 2) ? strbuf_text(&name) : NULL },
            .note = head == facts->over ? NULL : notes[random_below(&seed, 3)],
            .short_note = "escalated",
            .writer = "scheduler",
            .table = strbuf_text(&name),
            .count = has_tables ? 1 + (size_t)random_below(&seed, 3) : 0,
            .known = 12,
            .is_still = random_below(&seed, 2),
            .onset = onset,
            .then = onset,
            .lasted = strbuf_text(&lasted),
            .shows_lasted = random_below(&seed, 2),
        };
        /* What the longest host's name and "12 incidents: " leave, or "RESOLVED " as well, up to all of it. */
        size_t most = (head == facts->over ? 45 : 54) + (size_t)random_below(&seed, 56);
        strbuf_clear(&text);
        line_write(&line, most, &text);
        is_a_good_line(&line, strbuf_text(&text), most);
    }
    strbuf_free(&name);
    strbuf_free(&text);
    strbuf_free(&lasted);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(any_line_fits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
