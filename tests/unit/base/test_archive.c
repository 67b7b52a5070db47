/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/archive.h"

enum { KINDS = 3 };

struct sample {
    int kind;
    int small;
    int64_t large;
    bool yes;
    char *text;
    int64_t values[4];
    size_t count;
};

static void sample_archive(struct sample *sample, struct archive *archive)
{
    archive_enum(archive, "kind", &sample->kind, KINDS);
    archive_int(archive, "small", &sample->small);
    archive_i64(archive, "large", &sample->large);
    archive_bool(archive, "yes", &sample->yes);
    archive_text(archive, "text", &sample->text);
    archive_i64s(archive, "values", sample->values, &sample->count, 4);
}

static void sample_load(struct sample *sample, const char *text)
{
    struct archive archive;
    archive_load_from(&archive, slice_of(text));
    assert_true(archive_loading(&archive));
    sample_archive(sample, &archive);
}

static void sample_round(const struct sample *from, struct sample *to)
{
    struct sample copy = *from;
    struct strbuf text = { 0 };
    struct archive archive;
    archive_save_to(&archive, &text);
    assert_false(archive_loading(&archive));
    sample_archive(&copy, &archive);
    sample_load(to, text.at);
    strbuf_free(&text);
}

static void what_was_saved_is_loaded(void **state)
{
    (void)state;
    char tricky[] = "two\nlines \\n and \\ = - end\\";
    struct sample from = { 2, -5, INT64_MIN, true, tricky, { INT64_MAX, INT64_MIN, 0, -1 }, 4 };
    struct sample to = { 0 };
    sample_round(&from, &to);
    assert_int_equal(to.kind, 2);
    assert_int_equal(to.small, -5);
    assert_true(to.large == INT64_MIN);
    assert_true(to.yes);
    assert_string_equal(to.text, tricky);
    assert_int_equal(to.count, 4);
    assert_memory_equal(to.values, from.values, sizeof from.values);
    free(to.text);
}

static void no_text_and_empty_text_differ(void **state)
{
    (void)state;
    char empty[] = "";
    char dash[] = "-";
    struct sample to = { .text = must_copy("old", 3) };
    sample_round(&(struct sample){ .text = NULL }, &to);
    assert_null(to.text);
    sample_round(&(struct sample){ .text = empty }, &to);
    assert_string_equal(to.text, "");
    sample_round(&(struct sample){ .text = dash }, &to);
    assert_string_equal(to.text, "-");
    free(to.text);
}

static void a_missing_field_keeps_its_value(void **state)
{
    (void)state;
    struct sample sample = { .small = 7, .large = 8, .count = 1, .values = { 9 } };
    sample_load(&sample, "");
    sample_load(&sample, "newer 12\nlarge 80\n");
    assert_int_equal(sample.small, 7);
    assert_int_equal(sample.large, 80);
    assert_int_equal(sample.count, 1);
    assert_int_equal(sample.values[0], 9);
}

static void order_does_not_matter_nor_a_last_line_without_end(void **state)
{
    (void)state;
    struct sample sample = { 0 };
    sample_load(&sample, "values 1 2\nyes 1\nlarger 3\nlarge 4\nsmall 5");
    assert_int_equal(sample.small, 5);
    assert_int_equal(sample.large, 4);
    assert_true(sample.yes);
    assert_int_equal(sample.count, 2);
    assert_int_equal(sample.values[1], 2);
}

static void rubbish_is_passed_over(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "small\n",     "small \n",  "small x\n",           "small 1x\n",
        "small 1 2\n", "small -\n", "small 99999999999\n", "small 99999999999999999999\n",
        "\n\n\n",      "\\\n"
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct sample sample = { .small = 7 };
        sample_load(&sample, TEXTS[i]);
        assert_int_equal(sample.small, 7);
    }
    struct sample sample = { .text = must_copy("old", 3) };
    sample_load(&sample, "text nomark\n");
    assert_string_equal(sample.text, "old");
    free(sample.text);
}

static void a_value_that_its_enum_lacks_is_not_loaded(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "kind 3\n", "kind -1\n", "kind 4294967296\n" };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct sample sample = { .kind = 1 };
        sample_load(&sample, TEXTS[i]);
        assert_int_equal(sample.kind, 1);
    }
}

static void an_array_loads_no_more_than_there_is_room(void **state)
{
    (void)state;
    struct sample sample = { .count = 3 };
    sample_load(&sample, "values 1 2 3 4 5 6\n");
    assert_int_equal(sample.count, 4);
    assert_int_equal(sample.values[3], 4);
    sample_load(&sample, "values \n");
    assert_int_equal(sample.count, 0);
}

static void equal_names_load_in_their_order(void **state)
{
    (void)state;
    struct archive archive;
    archive_load_from(&archive, slice_of("n 1\nn 2\nn 3\n"));
    int values[3] = { 0 };
    for (size_t i = 0; i < 3; i++)
        archive_int(&archive, "n", &values[i]);
    assert_int_equal(values[0] * 100 + values[1] * 10 + values[2], 123);
}

/* --- brief texts --------------------------------------------------------------------------------------------- */

static void sample_save_brief(const struct sample *from, struct strbuf *text)
{
    struct sample copy = *from;
    struct archive archive;
    archive_save_brief(&archive, text);
    sample_archive(&copy, &archive);
}

static void a_brief_text_leaves_out_what_is_nothing(void **state)
{
    (void)state;
    struct strbuf text = { 0 };
    struct sample from = { .large = 7 }, to = { 1, 5, 6, true, strdup("old"), { 9 }, 1 };
    sample_save_brief(&from, &text);
    assert_string_equal(text.at, "brief 1\nlarge 7\n");
    assert_true(archive_is_brief(strbuf_slice(&text)));
    sample_load(&to, text.at);
    assert_int_equal(to.kind, 0);
    assert_int_equal(to.small, 0);
    assert_int_equal(to.large, 7);
    assert_false(to.yes);
    assert_null(to.text);
    assert_int_equal(to.count, 0);
    strbuf_free(&text);
}

static void a_brief_text_holds_what_is_something(void **state)
{
    (void)state;
    char words[] = "two\nlines";
    struct strbuf text = { 0 };
    struct sample from = { 2, -5, INT64_MIN, true, words, { 3, 3, 3, -1 }, 4 }, to = { 0 };
    sample_save_brief(&from, &text);
    assert_non_null(strstr(text.at, "values 3*3 -1\n"));
    sample_load(&to, text.at);
    assert_int_equal(to.kind, 2);
    assert_int_equal(to.small, -5);
    assert_true(to.large == INT64_MIN);
    assert_true(to.yes);
    assert_string_equal(to.text, words);
    assert_int_equal(to.count, 4);
    assert_memory_equal(to.values, from.values, sizeof to.values);
    free(to.text);
    strbuf_free(&text);
}

static void rising_archive(int64_t *values, size_t *count, struct archive *archive)
{
    archive_rising(archive, "at", values, count, 5);
}

static void assert_rises(const int64_t *values, size_t count, const char *expected)
{
    int64_t copy[5] = { 0 }, loaded[5] = { 0 };
    size_t copies = count, loads = 0;
    struct strbuf text = { 0 };
    struct archive archive;
    if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    archive_save_brief(&archive, &text);
    rising_archive(copy, &copies, &archive);
    assert_string_equal(text.at, expected);
    archive_load_from(&archive, strbuf_slice(&text));
    rising_archive(loaded, &loads, &archive);
    assert_int_equal(loads, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(loaded[i], values[i]);
    strbuf_free(&text);
}

static void values_that_rise_are_saved_by_their_steps(void **state)
{
    (void)state;
    assert_rises((int64_t[]){ 1000, 1010, 1020, 1030, 1031 }, 5, "brief 1\nat 1000 10*3 1\n");
    assert_rises((int64_t[]){ 5, 3 }, 2, "brief 1\nat 5 -2\n");
    assert_rises((int64_t[]){ INT64_MIN, INT64_MAX, INT64_MIN }, 3, "brief 1\nat -9223372036854775808 -1 1\n");
    assert_rises(NULL, 0, "brief 1\n");
}

static void a_repetition_fills_the_room_and_no_more(void **state)
{
    (void)state;
    struct sample to = { 0 };
    sample_load(&to, "brief 1\nvalues 8*9999999999999999999 7\n");
    assert_int_equal(to.count, 4);
    assert_int_equal(to.values[3], 8);
    sample_load(&to, "brief 1\nvalues 1 2*x 3\n");
    assert_int_equal(to.count, 1);
}

/* Each line is looked at once: whoever may write to the history may leave megabytes of them. */
static void lines_without_a_name_cost_their_length(void **state)
{
    (void)state;
    enum { LINES = 1500000 };
    struct strbuf text = { 0 };
    struct archive archive;
    strbuf_puts(&text, "brief 1\n");
    for (int i = 0; i < LINES; i++)
        strbuf_puts(&text, "\n");
    strbuf_puts(&text, "small 3\n");
    clock_t begun = clock();
    archive_load_from(&archive, strbuf_slice(&text));
    int small = 0;
    archive_int(&archive, "small", &small);
    assert_int_equal(small, 3);
    assert_true((clock() - begun) / CLOCKS_PER_SEC < 5);
    strbuf_free(&text);
}

struct pair {
    int64_t name, value;
};

static void pairs_archive(struct pair *pairs, struct archive *archive)
{
    bool is_brief = archive_set_brief(archive, false);
    for (int i = 0; i < 2; i++) {
        archive_i64(archive, "name", &pairs[i].name);
        archive_i64(archive, "value", &pairs[i].value);
    }
    archive_set_brief(archive, is_brief);
}

static void equal_names_in_a_brief_text_are_kept_apart(void **state)
{
    (void)state;
    struct pair from[2] = { { 1, 0 }, { 0, 5 } }, to[2] = { 0 };
    struct strbuf text = { 0 };
    struct archive archive;
    archive_save_brief(&archive, &text);
    pairs_archive(from, &archive);
    archive_load_from(&archive, strbuf_slice(&text));
    pairs_archive(to, &archive);
    assert_memory_equal(from, to, sizeof from);
    strbuf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_loaded),
        cmocka_unit_test(no_text_and_empty_text_differ),
        cmocka_unit_test(a_missing_field_keeps_its_value),
        cmocka_unit_test(order_does_not_matter_nor_a_last_line_without_end),
        cmocka_unit_test(rubbish_is_passed_over),
        cmocka_unit_test(a_value_that_its_enum_lacks_is_not_loaded),
        cmocka_unit_test(an_array_loads_no_more_than_there_is_room),
        cmocka_unit_test(equal_names_load_in_their_order),
        cmocka_unit_test(a_brief_text_leaves_out_what_is_nothing),
        cmocka_unit_test(a_brief_text_holds_what_is_something),
        cmocka_unit_test(values_that_rise_are_saved_by_their_steps),
        cmocka_unit_test(a_repetition_fills_the_room_and_no_more),
        cmocka_unit_test(lines_without_a_name_cost_their_length),
        cmocka_unit_test(equal_names_in_a_brief_text_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
