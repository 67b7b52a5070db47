/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/serve/accept.h"

#define OPENMETRICS "application/openmetrics-text"

static void openmetrics_is_sent_to_who_asks_for_it(void **state)
{
    static const char *const asks[] = {
        OPENMETRICS,
        " Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8",
        /* Prometheus 2.42, and 3 with fewer versions */
        OPENMETRICS
        ";version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        OPENMETRICS ";version=\"1.0.0\";q=0.6,text/plain;q=0.5",
        "text/plain;q=0.5," OPENMETRICS ";q=0.5",
        "*/*;q=0.1,text/*;q=0.2, " OPENMETRICS ";q=0.201",
        OPENMETRICS ";q=1.000,*/*",
    };
    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++)
        if (!accept_openmetrics(asks[i]))
            fail_msg("%s", asks[i]);
}

static void the_text_format_is_sent_to_others(void **state)
{
    static const char *const others[] = {
        NULL,
        "",
        ",,;;=",
        "*/*",
        "application/*",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        OPENMETRICS ";q=0",
        OPENMETRICS ";q=0.000",
        OPENMETRICS ";q=2",
        OPENMETRICS ";q=1.5",
        OPENMETRICS ";q=x",
        OPENMETRICS ";q=",
        OPENMETRICS ";q=0.5555",
        OPENMETRICS ";version=0.0.1",
        OPENMETRICS "x",
        OPENMETRICS ";q=0.4,text/plain;q=0.5",
        OPENMETRICS ";q=0.4,text/*",
        OPENMETRICS ";q=0.4,*/*",
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (accept_openmetrics(others[i]))
            fail_msg("%s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openmetrics_is_sent_to_who_asks_for_it),
        cmocka_unit_test(the_text_format_is_sent_to_others),
    };
    return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
