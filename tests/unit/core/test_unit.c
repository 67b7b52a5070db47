/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What systemd says of the scheduler's unit, and what the host says while something is wrong. */

static void systemd_says(struct driver *driver, int64_t at_ms, enum unit_state state, int64_t since_ms,
                         const char *words, const char *cause)
{
    driver_feed(driver, (struct event){ .kind = EVENT_UNIT_STATE,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .number = state,
                                        .at_ms = since_ms,
                                        .text = slice_of(words),
                                        .cause = slice_of(cause) });
}

static void host_says(struct driver *driver, int64_t at_ms, const char *cause, const char *words)
{
    driver_feed(driver, (struct event){ .kind = EVENT_HOST_NOTED,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .number = 1,
                                        .cause = slice_of(cause),
                                        .line = slice_of(words) });
}

/* A healthy scheduler whose log somebody holds open. */
static struct driver *driver_of_a_held_log(void)
{
    struct driver *driver = driver_new_healthy();
    driver_say(driver, EVENT_WRITER_BACK, at(0, 0, 30));
    systemd_says(driver, at(0, 0, 31), UNIT_RUNS, at(-1, 0, 0), "runs, PID 77", "");
    return driver;
}

static void a_unit_that_is_given_up_is_critical_at_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    systemd_says(driver, at(0, 5, 1), UNIT_GIVEN_UP, at(0, 5, 0), "given up after 5 starts", "scheduler-given-up");
    assert_told(driver, "00:05:01 firing critical SchedulerDown #1\n");
    assert_string_equal(driver_incident(driver, 1)->cause.words, "given up after 5 starts");
    assert_non_null(strstr(driver_incident(driver, 1)->cause.first_command, "reset-failed"));
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "5/5");
    driver_tick(driver, at(0, 14, 0));
    assert_quiet(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(5), "a=5000");
    assert_told(driver, "00:15:05 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

/* Whichever comes first: the unit's word waits until nobody holds the log open. */
static void the_word_may_come_before_the_writer_is_missed(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_GIVEN_UP, at(0, 5, 0), "exited with code 1", "scheduler-failed");
    assert_quiet(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1));
    assert_told(driver, "00:05:01 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_crash_has_its_cause_in_the_first_page(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_RESTARTING, at(0, 5, 0), "killed by SIGKILL (out of memory)",
                 "scheduler-oom");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    assert_string_equal(driver->last_summary,
                        "scheduler died 00:05, no process has its log open, killed by SIGKILL (out of memory)");
    systemd_says(driver, at(0, 5, 30), UNIT_RUNS, at(0, 5, 30), "runs, PID 78", "");
    driver_restart(driver);
    systemd_says(driver, at(0, 5, 31), UNIT_RUNS, at(0, 5, 30), "runs, PID 78", "");
    driver_start(driver, at(0, 5, 32));
    driver_cycle(driver, at(0, 5, 33), seconds(5), "a=5000");
    assert_told(driver, "00:05:38 resolved warning SchedulerDown #1\n");
    const char *noted = strstr(driver->story.at, "systemd says: runs, PID 78");
    assert_non_null(noted);
    assert_null(strstr(noted + strlen("systemd says: runs, PID 78"), "PID 78"));
    driver_free(driver);
}

/* Where nobody can be asked who holds the log, the unit's word is the only one. */
static void where_the_writer_is_not_known_the_unit_says_that_it_died(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    systemd_says(driver, at(0, 5, 0), UNIT_RESTARTING, at(0, 5, 0), "killed by SIGSEGV", "scheduler-failed");
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 6, 30));
    assert_told(driver, "00:06:30 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_stop_by_hand_has_its_grace(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_STOPPING, at(0, 5, 0), "is being stopped", "");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1)); /* the log has no word of it */
    systemd_says(driver, at(0, 5, 2), UNIT_STOPPED, at(0, 5, 1), "stopped by hand", "scheduler-stopped");
    driver_restart(driver);
    driver_start(driver, at(0, 5, 50));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_stop_that_lasts_names_who_stopped_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_STOPPING, at(0, 5, 0), "is being stopped", "");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1));
    systemd_says(driver, at(0, 5, 2), UNIT_STOPPED, at(0, 5, 1), "stopped by hand", "scheduler-stopped");
    driver_tick(driver, at(0, 6, 1));
    assert_told(driver, "00:06:01 firing warning SchedulerDown #1\n");
    assert_string_equal(driver->last_summary, "scheduler stopped since 00:05 (60 s), stopped by hand");
    driver_free(driver);
}

/* systemd's word may come after the writer was missed and was taken for dead. */
static void a_stop_that_is_known_late_is_a_stop_all_the_same(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    assert_string_equal(driver->last_summary, "scheduler died 00:05, no process has its log open");
    systemd_says(driver, at(0, 5, 2), UNIT_STOPPING, at(0, 5, 0), "is being stopped", "");
    systemd_says(driver, at(0, 5, 2), UNIT_STOPPED, at(0, 5, 0), "stopped by hand", "scheduler-stopped");
    assert_quiet(driver);
    driver_restart(driver);
    driver_tick(driver, at(0, 6, 2));
    assert_told(driver, "00:06:02 firing warning SchedulerDown #1\n");
    assert_string_equal(driver->last_summary, "scheduler stopped since 00:05 (62 s), stopped by hand");
    driver_tick(driver, at(0, 14, 0));
    assert_quiet(driver); /* it is not dead for longer than a restart takes */
    driver_start(driver, at(0, 14, 30));
    driver_cycle(driver, at(0, 14, 31), seconds(5), "a=5000");
    assert_told(driver, "00:14:36 resolved warning SchedulerDown #1\n");
    driver_free(driver);
}

/* Who asked for the end is seen only while it happens. An agent that is started later sees a unit that has failed. */
static void a_stop_that_is_known_stays_one(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_STOPPING, at(0, 5, 0), "is being stopped", "");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1));
    systemd_says(driver, at(0, 5, 2), UNIT_STOPPED, at(0, 5, 1), "stopped by hand", "scheduler-stopped");
    driver_restart(driver);
    systemd_says(driver, at(0, 5, 3), UNIT_NOT_KNOWN, 0, "no answer", "");
    systemd_says(driver, at(0, 5, 4), UNIT_GIVEN_UP, at(0, 5, 1), "exited with code 1", "scheduler-failed");
    assert_quiet(driver);
    driver_tick(driver, at(0, 6, 1));
    assert_told(driver, "00:06:01 firing warning SchedulerDown #1\n");
    assert_string_equal(driver->last_summary, "scheduler stopped since 00:05 (60 s), stopped by hand");
    assert_null(strstr(driver->story.at, "exited with code 1"));
    /* A start that is refused does not change since when the unit has not been running. */
    systemd_says(driver, at(0, 6, 5), UNIT_GIVEN_UP, at(0, 5, 1), "given up after 5 starts", "scheduler-given-up");
    assert_told(driver, "00:06:05 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

/* A process that exits with an error when it is stopped leaves a failed unit, and has not crashed. */
static void a_failed_end_of_a_stop_is_a_stop(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 5, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1));
    systemd_says(driver, at(0, 5, 1), UNIT_GIVEN_UP, at(0, 5, 1), "exited with code 143", "scheduler-failed");
    assert_quiet(driver);
    /* But the sixth restart within ten seconds is refused. */
    systemd_says(driver, at(0, 5, 2), UNIT_GIVEN_UP, at(0, 5, 2), "given up after 5 starts", "scheduler-given-up");
    driver_tick(driver, at(0, 5, 3));
    assert_told(driver, "00:05:02 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

/* A unit of that name which failed before the log's newest line, or while somebody writes it, is another one. */
static void a_unit_that_contradicts_the_log_pages_nobody(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    systemd_says(driver, at(0, 1, 0), UNIT_GIVEN_UP, at(-30, 0, 0), "exited with code 1", "scheduler-failed");
    systemd_says(driver, at(0, 2, 0), UNIT_STOPPED, 0, "was never started", "");
    driver_tick(driver, at(0, 14, 0));
    assert_quiet(driver);
    driver_free(driver);
    driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), UNIT_GIVEN_UP, at(0, 5, 0), "exited with code 1", "scheduler-failed");
    driver_cycle(driver, at(0, 15, 0), seconds(5), "a=5000");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 16, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    assert_null(driver_incident(driver, 1)->cause.words);
    driver_free(driver);
}

/* A clock that was set back leaves systemd's times in the future: the end is then no later than now, and it is told once. */
static void an_end_in_the_future_is_one_of_now(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 4, 59), UNIT_GIVEN_UP, at(3, 0, 0), "given up after 5 starts", "scheduler-given-up");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    assert_told(driver, "00:05:00 firing critical SchedulerDown #1\n");
    assert_true(driver_incident(driver, 1)->onset_ms <= at(0, 5, 0));
    systemd_says(driver, at(0, 6, 0), UNIT_GIVEN_UP, at(3, 0, 0), "given up after 5 starts", "scheduler-given-up");
    const char *noted = strstr(driver->story.at, "note systemd says: given up");
    assert_non_null(noted);
    assert_null(strstr(noted + 1, "note systemd says: given up"));
    /* It explains no later death. */
    driver_say(driver, EVENT_WRITER_BACK, at(0, 7, 0));
    systemd_says(driver, at(0, 7, 0), UNIT_RUNS, at(0, 7, 0), "runs, PID 78", "");
    driver_cycle(driver, at(0, 15, 0), seconds(5), "a=5000");
    driver_cycle(driver, at(0, 30, 0), seconds(5), "a=5000");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 40, 0));
    assert_null(strstr(driver->last_summary, "given up"));
    driver_free(driver);
}

/* Before any line was read, a unit that was never started is nothing that has ended. */
static void a_unit_that_never_ran_has_not_ended(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    systemd_says(driver, at(0, 1, 0), UNIT_GIVEN_UP, 0, "its program cannot be started", "scheduler-failed");
    systemd_says(driver, at(0, 2, 0), UNIT_STOPPED, 0, "not started since the host booted", "scheduler-stopped");
    driver_tick(driver, at(2, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void long_words_are_news_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    char words[2000];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    for (int minute = 5; minute < 8; minute++)
        systemd_says(driver, at(0, minute, 1), UNIT_GIVEN_UP, at(0, 5, 0), words, "scheduler-given-up");
    const char *noted = strstr(driver->story.at, "note systemd says: ww");
    assert_non_null(noted);
    assert_null(strstr(noted + 1, "note systemd says: ww"));
    driver_free(driver);
}

static void absurd_words_do_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_held_log();
    systemd_says(driver, at(0, 5, 0), (enum unit_state)UNIT_STATES, at(0, 5, 0), "?", "?");
    systemd_says(driver, at(0, 5, 0), UNIT_STOPPED, INT64_MAX, "\x1b[2J", "no such kind");
    systemd_says(driver, at(0, 5, 0), UNIT_RUNS, INT64_MIN, "", "");
    driver_restart(driver);
    driver_tick(driver, at(0, 14, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_full_disk_is_why_the_log_is_silent(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_tick(driver, at(0, 16, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    host_says(driver, at(0, 16, 1), "log-disk-full", "the log's disk is full");
    driver_tick(driver, at(0, 17, 0));
    driver_tick(driver, at(0, 17, 5));
    assert_string_equal(driver_incident(driver, 1)->cause.words, "the log's disk is full");
    assert_string_equal(driver_incident(driver, 1)->cause.first_command, "df -h; df -i");
    assert_non_null(strstr(driver->told.at, "00:17:00 firing critical SchedulerDown #1"));
    driver_free(driver);
}

static void what_is_known_is_not_replaced_by_what_the_host_says(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    systemd_says(driver, at(0, 5, 0), UNIT_RESTARTING, at(0, 5, 0), "killed by SIGKILL (out of memory)",
                 "scheduler-oom");
    host_says(driver, at(0, 5, 1), "log-disk-full", "the log's disk is full");
    host_says(driver, at(0, 5, 1), "", "memory is short");
    assert_string_equal(driver_incident(driver, 1)->cause.words, "killed by SIGKILL (out of memory)");
    assert_non_null(strstr(driver->story.at, "probe memory is short"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_that_is_given_up_is_critical_at_once),
        cmocka_unit_test(the_word_may_come_before_the_writer_is_missed),
        cmocka_unit_test(a_crash_has_its_cause_in_the_first_page),
        cmocka_unit_test(where_the_writer_is_not_known_the_unit_says_that_it_died),
        cmocka_unit_test(a_stop_by_hand_has_its_grace),
        cmocka_unit_test(a_stop_that_lasts_names_who_stopped_it),
        cmocka_unit_test(a_stop_that_is_known_late_is_a_stop_all_the_same),
        cmocka_unit_test(a_stop_that_is_known_stays_one),
        cmocka_unit_test(a_failed_end_of_a_stop_is_a_stop),
        cmocka_unit_test(a_unit_that_contradicts_the_log_pages_nobody),
        cmocka_unit_test(an_end_in_the_future_is_one_of_now),
        cmocka_unit_test(a_unit_that_never_ran_has_not_ended),
        cmocka_unit_test(long_words_are_news_once),
        cmocka_unit_test(absurd_words_do_nothing),
        cmocka_unit_test(a_full_disk_is_why_the_log_is_silent),
        cmocka_unit_test(what_is_known_is_not_replaced_by_what_the_host_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
