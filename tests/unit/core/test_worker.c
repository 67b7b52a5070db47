/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "named_driver.h"

/* What runs the cycles is replaced, as a container is: the cycle that was open is broken off, and the next one comes at its usual time. */

static void of_worker(struct driver *driver, int64_t at_ms)
{
    driver_say(driver, EVENT_WORKER_STARTED, at_ms);
    assert_string_equal(cycle_outcome_name(newest_cycle(driver)->outcome), "aborted");
    assert_int_equal(newest_run(driver)->facts.outcome, RUN_ABORTED);
}

/* Whether it was stopped in good order or not, the next cycle comes at the usual time, and nobody waits for it before. */
static void a_worker_that_is_replaced_is_no_news(void **unused)
{
    (void)unused;
    for (int is_stopped = 0; is_stopped < 2; is_stopped++) {
        struct driver *driver = driver_of_names();
        of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
        begins(driver, quarter(KNOWN, 1), "r1", "a");
        if (is_stopped)
            driver_say(driver, EVENT_SCHEDULER_STOPPED, quarter(KNOWN, 3));
        of_worker(driver, quarter(KNOWN, 40));
        good_cycle(driver, KNOWN + 1);
        good_cycle(driver, KNOWN + 2);
        driver_say(driver, EVENT_SCHEDULER_STOPPED, quarter(KNOWN + 2, 200));
        driver_say(driver, EVENT_WORKER_STARTED, quarter(KNOWN + 2, 230));
        good_cycle(driver, KNOWN + 3);
        assert_told(driver, "");
        driver_free(driver);
    }
}

static void a_cycle_that_is_due_while_the_worker_is_replaced_begins_late(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, quarter(KNOWN, -10));
    driver_say(driver, EVENT_WORKER_STARTED, quarter(KNOWN, 50));
    of_cycle(driver, quarter(KNOWN, 75), EVENT_CYCLE_STARTED, "late", "");
    begins(driver, quarter(KNOWN, 76), "r1", "a");
    succeeds(driver, quarter(KNOWN, 80), "r1", "a", 100);
    begins(driver, quarter(KNOWN, 80), "r2", "b");
    succeeds(driver, quarter(KNOWN, 85), "r2", "b", 100);
    of_cycle(driver, quarter(KNOWN, 86), EVENT_CYCLE_COMPLETED, "late", "");
    good_cycle(driver, KNOWN + 1);
    assert_told(driver, "");
    driver_free(driver);
}

static void a_new_worker_that_runs_no_cycle_is_late(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    of_worker(driver, quarter(KNOWN, 40));
    driver_tick(driver, quarter(KNOWN + 1, 0));
    assert_told(driver, "");
    driver_tick(driver, quarter(KNOWN + 1, 300));
    assert_non_null(strstr(driver_told(driver), "firing critical SchedulerDown"));
    driver_free(driver);
}

static void a_worker_that_dies_again_and_again_is_a_crash_loop(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    for (int i = 0; i < 3; i++)
        driver_say(driver, EVENT_WORKER_STARTED, quarter(KNOWN - 1, 100 + 60 * i));
    assert_told(driver, "01:33:40 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

/* Neither its failure nor its end hides a cycle that hangs. */
static void the_maintenance_is_no_sign_of_life(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    driver_say(driver, EVENT_MAINTENANCE_FAILED, quarter(KNOWN, 500));
    driver_say(driver, EVENT_MAINTENANCE_COMPLETED, quarter(KNOWN, 600));
    assert_null(strstr(driver_told(driver), "SchedulerDown"));
    driver_tick(driver, quarter(KNOWN, 670));
    assert_non_null(strstr(driver_told(driver), "SchedulerDown"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_is_replaced_is_no_news),
        cmocka_unit_test(a_cycle_that_is_due_while_the_worker_is_replaced_begins_late),
        cmocka_unit_test(a_new_worker_that_runs_no_cycle_is_late),
        cmocka_unit_test(a_worker_that_dies_again_and_again_is_a_crash_loop),
        cmocka_unit_test(the_maintenance_is_no_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
