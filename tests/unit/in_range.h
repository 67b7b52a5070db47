/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_IN_RANGE_H
#define TESTS_IN_RANGE_H

/* The Makefile includes this before each unit test: cmocka 2 warns of assert_in_range, and cmocka 1 has no other name for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range(value, least, most) assert_int_in_range(value, least, most)
#endif

#endif
