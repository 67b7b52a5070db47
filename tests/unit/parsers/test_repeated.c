/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "parsers/repeated.h"

enum { MESSAGES = 700, TEXT_BYTES = 200 }; /* more messages than there are places */

/* Message number n: some begin alike, some end alike, some differ in their length alone. */
static struct slice message_of(int n, char *text)
{
    int len = snprintf(text, TEXT_BYTES, "%.*s%d%.*s", n % 9, "Starting ", n, n % 23, ": a word at the end of it");
    return (struct slice){ text, (size_t)len };
}

static void keep(struct repeated *repeated, int n)
{
    char text[TEXT_BYTES];
    struct slice message = message_of(n, text);
    struct event event = { .kind = EVENT_RUN_STARTED, .number = n, .table = { message.at + n % 9, 1 } };
    repeated_keep(repeated, message, &event);
}

static bool is_found(struct repeated *repeated, int n)
{
    static char text[TEXT_BYTES]; /* elsewhere than the one that was kept */
    struct slice message = message_of(n, text);
    struct event event;
    if (!repeated_find(repeated, message, &event))
        return false;
    assert_int_equal(event.kind, EVENT_RUN_STARTED);
    assert_int_equal(event.number, n);
    assert_ptr_equal(event.table.at,
                     message.at + n % 9); /* of the text that was asked for, not of the one that was kept */
    return true;
}

/* Whatever the order, and whichever message took another one's place. */
static void a_message_is_never_taken_for_another(void **state)
{
    (void)state;
    struct repeated *repeated = repeated_new();
    unsigned random = 1;
    int found = 0, asked = 0;
    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245 + 12345;
        int n = (int)(random >> 16) % (i < 10000 ? MESSAGES : 20);
        if (i >= 10000)
            asked++;
        if (is_found(repeated, n))
            found += i >= 10000;
        else
            keep(repeated, n);
    }
    assert_true(found > asked / 2);
    repeated_free(repeated);
}

static void a_cycle_that_says_the_same_is_known_in_any_order(void **state)
{
    (void)state;
    struct repeated *repeated = repeated_new();
    for (int n = 10; n < 16; n++) {
        assert_false(is_found(repeated, n));
        keep(repeated, n);
        assert_true(is_found(repeated, n));
    }
    for (int cycle = 0; cycle < 50; cycle++)
        for (int n = 10; n < 16; n++)
            assert_true(is_found(repeated, cycle % 3 == 0 ? 25 - n : n));
    repeated_free(repeated);
}

static void a_long_message_is_not_kept(void **state)
{
    (void)state;
    static const char text[161] = "x";
    struct repeated *repeated = repeated_new();
    struct event event = { .kind = EVENT_RUN_STARTED };
    repeated_keep(repeated, (struct slice){ text, 161 }, &event);
    assert_false(repeated_find(repeated, (struct slice){ text, 161 }, &event));
    repeated_keep(repeated, (struct slice){ text, 160 }, &event);
    assert_true(repeated_find(repeated, (struct slice){ text, 160 }, &event));
    assert_false(repeated_find(repeated, (struct slice){ text, 159 }, &event));
    repeated_free(repeated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_never_taken_for_another),
        cmocka_unit_test(a_cycle_that_says_the_same_is_known_in_any_order),
        cmocka_unit_test(a_long_message_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
