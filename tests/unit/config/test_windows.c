/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_help.h"

/* [silence NAME]. */

static void a_window_has_its_keys_and_their_defaults(void **state)
{
    const struct config *config = load(*state, "[silence night]\nfrom = 22:00\nto = 7:05\n"
                                               "[silence weekend]\ndays = sat, Sunday\nalert = Lag*, SchedulerDown\n"
                                               "table = bronze_*\nmax_severity = critical\n"
                                               "[silence week]\ndays = fri-mon,wed\nto = 24:00\n");
    assert_non_null(config);
    assert_int_equal(config->window_count, 3);
    const struct silence_window *night = &config->windows[0], *weekend = &config->windows[1],
                                *week = &config->windows[2];
    assert_string_equal(night->name, "night");
    assert_int_equal(night->days, 0);
    assert_int_equal(night->from_min, 22 * 60);
    assert_int_equal(night->to_min, 7 * 60 + 5);
    assert_int_equal(night->scope.most, SEVERITY_WARNING);
    assert_int_equal(night->scope.alerts.count + night->scope.tables.count, 0);
    assert_int_equal(weekend->days, 32 | 64);
    assert_int_equal(weekend->from_min, -1);
    assert_int_equal(weekend->to_min, -1);
    assert_int_equal(weekend->scope.alerts.count, 2);
    assert_string_equal(weekend->scope.tables.texts[0], "bronze_*");
    assert_int_equal(weekend->scope.most, SEVERITY_CRITICAL);
    assert_int_equal(week->days, 16 | 32 | 64 | 1 | 4);
    assert_int_equal(week->to_min, DAY_MINUTES);
}

static void every_error_is_said_with_its_line(void **state)
{
    static const char *const days = "needs days, parted by commas, such as mon-fri or sat,sun";
    static const char *const values[] = { "7", "25:00", "24:01", "12:60", "12:5", "1200", "-1:00", "12:00x", "123:00" };
    char expected[256];
    static const char *const unknown[] = { "mo", "sat,son", "mon-", "mon,,tue", "weekend" };
    static const char *const wrong[] = { "mo", "son", "", "", "weekend" };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "[silence x]\ndays = %s\n", unknown[i]);
        snprintf(expected, sizeof expected, "2: silence x.days: unknown day '%s': %s", wrong[i], days);
        refuses_one(*state, text, expected);
    }
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "[silence x]\nfrom = 01:00\nto = %s\n", values[i]);
        snprintf(expected, sizeof expected,
                 "3: silence x.to: '%s' is no time of the day: needs HH:MM from 00:00 to 24:00, such as 07:30",
                 values[i]);
        refuses_one(*state, text, expected);
    }
    refuses_one(*state, "[silence x]\ndays = sat\nmax_severity = never\n",
                "3: silence x.max_severity: bad value 'never': needs warning or critical");
    refuses_one(*state, "[silence x]\ndays = sat\nalert = Nothing*\n",
                "3: silence x.alert: no alert is called 'Nothing*'; agent(1) lists all");
    refuses_one(*state, "[silence]\ndays = sat\n",
                "1: [silence]: needs a name of letters, digits and ._- as in [silence NAME]");
    refuses_one(*state, "[silence x]\ndays = sat\ndays = sun\n", "3: silence x.days: set twice, first in line 2");
    const char *const both[] = {
        "2: silence x.days: unknown day 'foo': needs days, parted by commas, such as mon-fri or "
        "sat,sun",
        "3: silence x.form: unknown key; the nearest is 'from'"
    };
    refuses(*state, "[silence x]\ndays = foo\nform = 22:00\n", both, 2);
}

static void a_window_that_is_always_in_force_is_warned_of(void **state)
{
    struct loaded *loaded = *state;
    assert_non_null(load(loaded, "[silence x]\nfrom = 22:00\n[silence all]\ntable = bronze_*\n"));
    assert_non_null(strstr(strbuf_text(&loaded->warnings),
                           ":3: [silence all] has neither days nor from and to, so it is in force always\n"));
    assert_null(strstr(strbuf_text(&loaded->warnings), "[silence x]"));
    /* Where both ends are written and wrong, it is not said that they are missing. */
    assert_null(load(loaded, "[silence wrong]\nfrom = 25:00\nto = 7\n"));
    assert_null(strstr(strbuf_text(&loaded->warnings), "[silence wrong]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADING(a_window_has_its_keys_and_their_defaults),
        LOADING(every_error_is_said_with_its_line),
        LOADING(a_window_that_is_always_in_force_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
