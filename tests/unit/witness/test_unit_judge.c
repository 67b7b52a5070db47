/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "agent/witness/unit.h"

/* What systemd's properties of a unit come to. 2026-03-03 10:47:00 UTC is when all of it happened. */

static const uint64_t THEN_US = UINT64_C(1772534820) * 1000000;
static const int64_t NOW_MS = INT64_C(1772534880) * 1000;

static struct unit_facts ended(const char *active, const char *sub, const char *result, int code, int status)
{
    struct unit_facts facts = { .exit_code = code, .exit_status = status, .inactive_us = THEN_US, .exit_us = THEN_US };
    snprintf(facts.load_state, sizeof facts.load_state, "loaded");
    snprintf(facts.active_state, sizeof facts.active_state, "%s", active);
    snprintf(facts.sub_state, sizeof facts.sub_state, "%s", sub);
    snprintf(facts.result, sizeof facts.result, "%s", result);
    snprintf(facts.restart, sizeof facts.restart, "on-failure");
    return facts;
}

static void check(struct unit_facts facts, bool is_asked, enum unit_state state, const char *cause, const char *words)
{
    struct unit_judgement judgement = { 0 };
    unit_judge(&facts, is_asked, NOW_MS, &judgement);
    assert_string_equal(strbuf_text(&judgement.words), words);
    assert_int_equal(judgement.state, state);
    assert_string_equal(judgement.cause, cause);
    assert_false(judgement.is_passing);
    strbuf_free(&judgement.words);
}

static void a_crash_that_systemd_mends(void **unused)
{
    (void)unused;
    check(ended("activating", "auto-restart", "exit-code", CLD_EXITED, 1), false, UNIT_RESTARTING, "scheduler-failed",
          "exited with code 1 at 10:47; systemd restarts it");
    check(ended("activating", "auto-restart-queued", "signal", CLD_KILLED, SIGKILL), false, UNIT_RESTARTING,
          "scheduler-failed", "killed by SIGKILL at 10:47; systemd restarts it");
    check(ended("failed", "failed-before-auto-restart", "core-dump", CLD_DUMPED, SIGSEGV), false, UNIT_RESTARTING,
          "scheduler-failed", "killed by SIGSEGV (core dumped) at 10:47; systemd restarts it");
    check(ended("activating", "auto-restart", "oom-kill", CLD_KILLED, SIGKILL), true, UNIT_RESTARTING, "scheduler-oom",
          "killed by SIGKILL (out of memory) at 10:47; systemd restarts it");
    check(ended("activating", "auto-restart", "watchdog", CLD_DUMPED, SIGABRT), false, UNIT_RESTARTING,
          "scheduler-failed", "killed by systemd (its watchdog was not fed) at 10:47; systemd restarts it");
}

static void what_systemd_gives_up(void **unused)
{
    (void)unused;
    struct unit_facts facts = ended("failed", "failed", "start-limit-hit", CLD_EXITED, 1);
    facts.start_limit = 5;
    check(facts, true, UNIT_GIVEN_UP, "scheduler-given-up",
          "systemd has given up after 5 starts; the last one exited with code 1 at 10:47");
    /* systemd 252 leaves the result of the last end. */
    facts = ended("failed", "failed", "exit-code", CLD_EXITED, 1);
    facts.start_limit = facts.restarts = 3;
    check(facts, false, UNIT_GIVEN_UP, "scheduler-given-up",
          "systemd has given up after 3 starts; the last one exited with code 1 at 10:47");
    check(ended("failed", "failed", "exit-code", CLD_EXITED, 203), false, UNIT_GIVEN_UP, "scheduler-failed",
          "exited with code 203 (its program cannot be started) at 10:47; systemd does not restart it "
          "(Restart=on-failure)");
    check(ended("failed", "failed", "oom-kill", CLD_KILLED, SIGKILL), false, UNIT_GIVEN_UP, "scheduler-oom",
          "killed by SIGKILL (out of memory) at 10:47; systemd does not restart it (Restart=on-failure)");
}

static void a_stop_by_hand(void **unused)
{
    (void)unused;
    check(ended("inactive", "dead", "success", CLD_EXITED, 0), true, UNIT_STOPPED, "scheduler-stopped",
          "stopped by hand at 10:47");
    /* A process that ends with an error, or does not end, when it is stopped. */
    check(ended("failed", "failed", "exit-code", CLD_EXITED, 143), true, UNIT_STOPPED, "scheduler-stopped",
          "stopped by hand at 10:47; exited with code 143 at 10:47");
    check(ended("inactive", "dead", "success", CLD_EXITED, 0), false, UNIT_STOPPED, "scheduler-stopped",
          "exited with code 0 at 10:47, which systemd takes for a regular end");
    struct unit_facts facts = ended("deactivating", "stop-sigterm", "success", 0, 0);
    facts.job = 17;
    check(facts, false, UNIT_STOPPING, "", "it is being stopped by hand");
}

static void one_that_runs(void **unused)
{
    (void)unused;
    struct unit_facts facts = ended("active", "running", "success", 0, 0);
    facts.active_us = THEN_US - UINT64_C(3) * 24 * 3600 * 1000000;
    facts.main_pid = 77;
    facts.restarts = 2;
    check(facts, false, UNIT_RUNS, "",
          "it runs, since it was started at 2026-02-28 10:47, as process 77; systemd has restarted it 2 times");
    facts = ended("inactive", "dead", "success", 0, 0);
    facts.inactive_us = 0;
    check(facts, false, UNIT_STOPPED, "", "it was not started since the host booted");
    snprintf(facts.load_state, sizeof facts.load_state, "not-found");
    check(facts, false, UNIT_NOT_KNOWN, "", "there is no such unit");
}

/* What is on its way to something else is not judged: an end whose remains are ended, a start that waits. */
static void what_passes(void **unused)
{
    (void)unused;
    struct unit_judgement judgement = { 0 };
    struct unit_facts facts = ended("deactivating", "stop-sigterm", "exit-code", CLD_EXITED, 1);
    unit_judge(&facts, false, NOW_MS, &judgement);
    assert_true(judgement.is_passing);
    facts = ended("failed", "failed", "exit-code", CLD_EXITED, 1);
    facts.job = 4;
    unit_judge(&facts, false, NOW_MS, &judgement);
    assert_true(judgement.is_passing);
    facts = (struct unit_facts){ 0 };
    unit_judge(&facts, false, NOW_MS, &judgement);
    assert_true(judgement.is_passing);
    strbuf_free(&judgement.words);
}

static void what_is_no_word_of_systemd_is_not_repeated(void **unused)
{
    (void)unused;
    struct unit_facts facts = ended("failed", "failed", "\x1b[31m <script>", 0, 0);
    facts.exit_us = UINT64_MAX;
    facts.restart[0] = '\0';
    check(facts, false, UNIT_GIVEN_UP, "scheduler-failed", "failed: not known; systemd does not restart it");
    facts = ended("failed", "failed", "signal", CLD_KILLED, -5);
    check(facts, false, UNIT_GIVEN_UP, "scheduler-failed",
          "killed by signal -5 at 10:47; systemd does not restart it (Restart=on-failure)");
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_that_systemd_mends),
        cmocka_unit_test(what_systemd_gives_up),
        cmocka_unit_test(a_stop_by_hand),
        cmocka_unit_test(one_that_runs),
        cmocka_unit_test(what_passes),
        cmocka_unit_test(what_is_no_word_of_systemd_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
