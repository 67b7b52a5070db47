/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "settings.h"

static void defaults_are_the_documented_ones(void **unused)
{
    (void)unused;
    struct settings settings;
    memset(&settings, 0xa5, sizeof settings);
    settings_default(&settings);

    assert_int_equal(settings.schedule.interval_ms, 0);
    assert_int_equal(settings.schedule.table_timeout_ms, 600000);
    assert_int_equal(settings.schedule.late_warning_ms, 60000);
    assert_int_equal(settings.schedule.late_critical_ms, 120000);
    assert_int_equal(settings.schedule.restart_grace_ms, 90000);
    assert_int_equal(settings.schedule.stop_grace_ms, 60000);
    assert_int_equal(settings.schedule.hang_grace_ms, 60000);

    assert_int_equal(settings.detect.failures_warning, 2);
    assert_int_equal(settings.detect.failures_critical, 3);
    assert_int_equal(settings.detect.cycle_slow_ms, 300000);
    assert_int_equal(settings.detect.cycle_too_slow_ms, 600000);
    assert_int_equal(settings.detect.lag_warning_ms, 0);
    assert_int_equal(settings.detect.lag_critical_ms, 0);
    assert_int_equal(settings.detect.stall_warning_runs, 2);
    /* The cast rounds the constant to a double; 32-bit x86 compares with more digits otherwise. */
    assert_true(settings.detect.stall_warning_p == (double)1e-4);
    assert_int_equal(settings.detect.stall_critical_runs, 3);
    assert_true(settings.detect.stall_critical_p == (double)1e-6);
    assert_int_equal(settings.detect.slow_floor_ms, 60000);
    assert_true(settings.detect.slow_z == 6);
    assert_int_equal(settings.detect.min_samples, 20);
    assert_int_equal(settings.detect.flapping_per_day, 3);
    assert_int_equal(settings.detect.burst_ms, 0);
    assert_int_equal(settings.detect.relapse_ms, 4 * 3600000);

    assert_int_equal(settings.notify.reminder_ms, 4 * 3600000);
    assert_int_equal(settings.notify.escalation_ms, 1800000);
    assert_true(settings.notify.resolved);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(defaults_are_the_documented_ones) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
