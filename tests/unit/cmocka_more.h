/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CMOCKA_MORE_H
#define TESTS_CMOCKA_MORE_H

/* The Makefile includes this before each unit test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Skips the test. tests/run.py says why behind its name. */
#define skip_because(why)                                                                                              \
    do {                                                                                                               \
        print_message("# skipped: %s\n", why);                                                                         \
        skip();                                                                                                        \
    } while (0)

/* cmocka 2 warns of assert_in_range, and cmocka 1 has no other name for it. */
#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range(value, least, most) assert_int_in_range(value, least, most)
#endif

#endif
