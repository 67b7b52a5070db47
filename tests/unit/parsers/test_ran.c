/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "parsers/ran.h"

static struct slice name_of(int number, char text[32])
{
    snprintf(text, 32, "bronze_trades_%d_binance", number);
    return slice_of(text);
}

static void names_are_told_apart(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "a",         "b",         "aa",        "abcdefg",          "abcdefgh",        "abcdefgi",
        "abcdefgha", "abcdefghb", "bbcdefgha", "abcdefghabcdefgh", "abcdefghabcdefgi"
    };
    struct ran ran = { 0 };
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        assert_false(ran_has(&ran, slice_of(NAMES[i])));
        ran_add(&ran, slice_of(NAMES[i]));
        assert_true(ran_has(&ran, slice_of(NAMES[i])));
    }
}

static void the_last_ones_are_remembered_also_over_a_restart(void **state)
{
    (void)state;
    struct ran ran = { 0 };
    char text[32];
    for (int i = 0; i < ENDED_TABLES_MAX; i++)
        ran_add(&ran, name_of(i, text));
    for (int i = 0; i < ENDED_TABLES_MAX; i++)
        assert_true(ran_has(&ran, name_of(i, text)));
    for (int more = 0; more < 3; more++) {
        struct strbuf saved = { 0 };
        struct archive archive;
        ran_add(&ran, name_of(ENDED_TABLES_MAX + more, text));
        archive_save_to(&archive, &saved);
        ran_archive(&ran, &archive);
        ran = (struct ran){ 0 };
        archive_load_from(&archive, strbuf_slice(&saved));
        ran_archive(&ran, &archive);
        for (int i = 0; i <= ENDED_TABLES_MAX + more; i++)
            assert_int_equal(ran_has(&ran, name_of(i, text)), i > more);
        strbuf_free(&saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(the_last_ones_are_remembered_also_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
