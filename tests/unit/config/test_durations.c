/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "durations.h"

static void durations_read_and_write(void **unused)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *canonical;
    } good[] = {
        { "0", 0, "0s" },
        { "1", 1000, "1s" },
        { "100ms", 100, "100ms" },
        { "1.5h", 5400000, "1h30m" },
        { "1h30m", 5400000, "1h30m" },
        { "90d", INT64_C(7776000000), "90d" },
        { "0.25", 250, "250ms" },
        { "600s", 600000, "10m" },
    };
    static const char *const bad[] = { "",    "s",  "1x",  "-1",   "+1",  "1 s",          "1h30",
                                       "1.s", ".5", "1e3", "0x10", "inf", "99999999999d", "1M" };
    int64_t ms = 42;

    (void)unused;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct strbuf out = { 0 };
        assert_true(duration_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
        duration_text(ms, &out);
        assert_string_equal(out.at, good[i].canonical);
        strbuf_free(&out);
    }
    ms = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(duration_parse(bad[i], &ms));
        assert_int_equal(ms, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(durations_read_and_write) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
