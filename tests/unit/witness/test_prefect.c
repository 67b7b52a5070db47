/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/witness/prefect.h"

static struct prefect_settings settings(void)
{
    static char url[] = "http://agent:quince@127.0.0.1:4200/api", pool[] = "iceberg-offload",
                flow[] = "iceberg-offload-main";
    return (struct prefect_settings){ .url = url, .pool = pool, .flow = flow, .timeout_ms = 3000 };
}

enum { NOW_S = 1771395300 }; /* 2026-02-18 06:15:00 UTC */

/* What is found is "kind: words", a line each; behind that what is well, after "well: ". */
static void assert_judged(const char *deployments, const char *workers, const char *runs, const char *wanted)
{
    const char *texts[PREFECT_QUESTIONS] = { deployments, workers, runs };
    struct prefect_settings asked = settings();
    struct prefect_answer answers[PREFECT_QUESTIONS] = { 0 };
    struct prefect_findings findings = { .count = 0 };
    struct strbuf said = { 0 };
    for (int i = 0; i < PREFECT_QUESTIONS; i++) {
        answers[i].is_good = texts[i] != NULL;
        strbuf_puts(texts[i] ? &answers[i].body : &answers[i].why, texts[i] ? texts[i] : "HTTP 401");
    }
    prefect_judge(&asked, answers, NOW_S * (int64_t)1000, &findings);
    for (size_t i = 0; i < findings.count; i++)
        strbuf_printf(&said, "%s: %s\n", findings.at[i].kind, strbuf_text(&findings.at[i].words));
    strbuf_printf(&said, "%s: %s", findings.is_silent ? "silent" : "well", strbuf_text(&findings.well));
    assert_string_equal(strbuf_text(&said), wanted);
    strbuf_free(&said);
    prefect_forget(&findings);
    prefect_forget_answers(answers);
}

static const char good_deployment[] = "[{\"name\":\"quarterly\",\"paused\":false,\"schedules\":[{\"active\":true}]}]";
static const char good_worker[] = "[{\"name\":\"w\",\"status\":\"ONLINE\"}]";

static void what_is_well_is_said_in_a_line(void **unused)
{
    (void)unused;
    assert_judged(
        good_deployment, good_worker, "[]",
        "well: the deployment is not paused; a worker is online in the pool iceberg-offload; no flow run is late");
}

static void each_trouble_is_found(void **unused)
{
    (void)unused;
    assert_judged(
        "[{\"name\":\"quarterly\",\"paused\":true}]", "[{\"name\":\"w\",\"status\":\"OFFLINE\"}]",
        "[{\"expected_start_time\":\"2026-02-18T05:45:00Z\"},{\"expected_start_time\":\"2026-02-18T06:00:00Z\"}]",
        "deployment-paused: the deployment is paused: iceberg-offload-main/quarterly\n"
        "prefect-worker-offline: no worker of the pool iceberg-offload is online\n"
        "prefect-runs-late: 2 flow runs are late, the oldest was due 30 min ago\nwell: ");
    assert_judged(
        "[{\"name\":\"a\",\"schedules\":[{\"active\":false},{\"active\":false}]}]", good_worker, "[{}]",
        "deployment-paused: the deployment is paused: iceberg-offload-main/a\nprefect-runs-late: 1 flow run is late\n"
        "well: a worker is online in the pool iceberg-offload");
}

static void a_deployment_that_runs_beside_a_paused_one_is_not_paused(void **unused)
{
    (void)unused;
    assert_judged(
        "[{\"paused\":true},{\"paused\":false,\"schedules\":[{\"active\":false},{}]}]", good_worker, "[]",
        "well: the deployment is not paused; a worker is online in the pool iceberg-offload; no flow run is late");
    assert_judged(
        "[]", good_worker, "[]",
        "well: no deployment of iceberg-offload-main is known; a worker is online in the pool iceberg-offload; "
        "no flow run is late");
}

static void what_says_nothing_accuses_nobody(void **unused)
{
    (void)unused;
    assert_judged(
        "{}", NULL, "[1,",
        "silent: Prefect's API says nothing about deployments: its answer is no list; Prefect's API says nothing about "
        "workers: HTTP 401; Prefect's API says nothing about flow runs: its answer is no list");
}

static void a_server_that_is_down_is_all_that_is_said_and_its_secrets_are_not(void **unused)
{
    (void)unused;
    struct prefect_settings asked = settings();
    struct prefect_answer answers[PREFECT_QUESTIONS] = { { .is_down = true } };
    struct prefect_findings findings = { .count = 0 };
    strbuf_puts(&answers[0].why, "Connection refused");
    prefect_judge(&asked, answers, NOW_S * (int64_t)1000, &findings);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.at[0].kind, "prefect-server-down");
    assert_non_null(strstr(strbuf_text(&findings.at[0].words), "): Connection refused"));
    assert_null(strstr(strbuf_text(&findings.at[0].words), "quince"));
    prefect_forget(&findings);
    prefect_forget_answers(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_is_said_in_a_line),
        cmocka_unit_test(each_trouble_is_found),
        cmocka_unit_test(a_deployment_that_runs_beside_a_paused_one_is_not_paused),
        cmocka_unit_test(what_says_nothing_accuses_nobody),
        cmocka_unit_test(a_server_that_is_down_is_all_that_is_said_and_its_secrets_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
