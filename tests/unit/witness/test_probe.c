/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/witness/probe_private.h"
#include "base/budgets.h"

static void answer_free(struct probe_answer *answer)
{
    for (size_t i = 0; i < answer->metric_count; i++)
        free(answer->metrics[i].table);
    free(answer->metrics);
    strbuf_free(&answer->words);
}

static void assert_judged(enum probe_kind kind, struct probe_outcome outcome, enum probe_state state, const char *words)
{
    struct probe_answer answer = { .kind = kind };
    probe_judge(&answer, &outcome);
    assert_string_equal(strbuf_text(&answer.words), words);
    assert_int_equal(answer.state, state);
    answer_free(&answer);
}

static void down_is_what_a_dead_component_does(void **unused)
{
    (void)unused;
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .code = CURLE_COULDNT_CONNECT, .os_error = ECONNREFUSED },
                  PROBE_DOWN, "Connection refused");
    assert_judged(PROBE_TCP, (struct probe_outcome){ .code = CURLE_COULDNT_CONNECT }, PROBE_DOWN, "cannot connect");
    assert_judged(PROBE_TCP, (struct probe_outcome){ .code = CURLE_OPERATION_TIMEDOUT, .timeout_ms = 1500 }, PROBE_DOWN,
                  "no answer within 1.5 s");
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .code = CURLE_GOT_NOTHING }, PROBE_DOWN,
                  "the connection was closed without an answer");
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .http_status = 500 }, PROBE_DOWN, "HTTP 500");
    assert_judged(PROBE_CONTAINER, (struct probe_outcome){ .http_status = 404 }, PROBE_DOWN, "no such container");
}

static void what_may_be_our_own_trouble_confirms_nothing(void **unused)
{
    (void)unused;
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .code = CURLE_COULDNT_RESOLVE_HOST }, PROBE_UNKNOWN,
                  "its name cannot be resolved");
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .code = CURLE_PEER_FAILED_VERIFICATION }, PROBE_UNKNOWN,
                  curl_easy_strerror(CURLE_PEER_FAILED_VERIFICATION));
    assert_judged(PROBE_CONTAINER, (struct probe_outcome){ .code = CURLE_COULDNT_CONNECT, .os_error = EACCES },
                  PROBE_UNKNOWN, "Docker cannot be asked: Permission denied");
    assert_judged(PROBE_CONTAINER, (struct probe_outcome){ .code = CURLE_OPERATION_TIMEDOUT, .timeout_ms = 100 },
                  PROBE_UNKNOWN, "Docker cannot be asked: Timeout was reached");
    assert_judged(PROBE_CONTAINER, (struct probe_outcome){ .code = CURLE_WRITE_ERROR, .cut = true }, PROBE_UNKNOWN,
                  "Docker's answer is too long");
    assert_judged(PROBE_METRICS, (struct probe_outcome){ .http_status = 403 }, PROBE_UNKNOWN, "HTTP 403");
}

static void up_is_what_answers(void **unused)
{
    (void)unused;
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .http_status = 401 }, PROBE_UP, "HTTP 401");
    assert_judged(PROBE_HTTP, (struct probe_outcome){ .code = CURLE_WRITE_ERROR, .cut = true, .http_status = 200 },
                  PROBE_UP, "HTTP 200");
    assert_judged(PROBE_TCP, (struct probe_outcome){ .code = CURLE_OK }, PROBE_UP, "accepts connections");
}

#define HUNDRED "0123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static void assert_container(const char *json, enum probe_state state, const char *words)
{
    assert_judged(PROBE_CONTAINER, (struct probe_outcome){ .http_status = 200, .body = slice_of(json) }, state, words);
}

static void a_container_is_as_docker_says(void **unused)
{
    (void)unused;
    assert_container("{\"State\":{\"Status\":\"running\",\"Running\":true},\"RestartCount\":2}", PROBE_UP,
                     "running, restarted 2 times");
    assert_container("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137}}",
                     PROBE_DOWN, "exited, exit code 137, OOM-killed");
    assert_container("{\"State\":{\"Running\":false}}", PROBE_DOWN, "not running");
    assert_container("{\"State\":{\"Running\":false,\"ExitCode\":3,\"Status\":\"" THOUSAND "\"},\"RestartCount\":[7]}",
                     PROBE_DOWN, "not running, exit code 3");
    assert_container("{\"State\":{\"Running\":false,\"ExitCode\":\"0\",\"Status\":7},\"RestartCount\":-4}", PROBE_DOWN,
                     "not running");
    assert_container("{\"State\":{\"Running\":true,\"OOMKilled\":true}}", PROBE_UP,
                     "running, a process in it was OOM-killed");
    assert_container("{\"State\":{\"Running\":true,\"Paused\":true,\"OOMKilled\":true}}", PROBE_DOWN, "paused");
    assert_container("{\"State\":{\"Running\":true,\"Health\":{\"Status\":\"starting\"}}}", PROBE_UNKNOWN,
                     "running, its own check has not passed yet");
    assert_container("{\"State\":{\"Running\":true,\"Health\":{\"Status\":\"unhealthy\"}}}", PROBE_DOWN,
                     "running, unhealthy by its own check");
    assert_container("{\"State\":{\"Running\":false,\"Status\":\"dead\",\"ExitCode\":9}}", PROBE_DOWN,
                     "dead, exit code 9");
    assert_container("{\"State\":{\"Running\":false,\"Status\":\"created\",\"ExitCode\":0}}", PROBE_DOWN,
                     "created, but never started, exit code 0");
    const char *const garbage[] = { "",        "{", "[]", "null", "{\"State\":1}", "{\"State\":{\"Running\":\"yes\"}}",
                                    "\xff\xfe" };
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
        assert_container(garbage[i], PROBE_UNKNOWN, "an answer that is not Docker's");
}

/* Docker tells why a container could not be started. Its words may be of any length and hold any character. */
static void why_a_container_could_not_start_is_told_in_one_bounded_line(void **unused)
{
    (void)unused;
    assert_container(
        "{\"State\":{\"Running\":false,\"Status\":\"created\",\"ExitCode\":127,\"Error\":\"port is already "
        "allocated\\nsecond line\"}}",
        PROBE_DOWN, "created, but never started, exit code 127: port is already allocated");
    struct probe_answer answer = { .kind = PROBE_CONTAINER };
    docker_judge(&answer,
                 slice_of("{\"State\":{\"Running\":false,\"Error\":\"" HUNDRED "0123456789 123456789 123456789 "
                          "123456789 123456789 12345678é" THOUSAND "\"}}"),
                 0);
    assert_string_equal(strbuf_text(&answer.words),
                        "not running: " HUNDRED "0123456789 123456789 123456789 123456789 123456789 12345678");
    answer_free(&answer);
}

/* 2026-03-03T09:00:00Z */
static const int64_t NINE_MS = INT64_C(1772528400000);

static void assert_restarting(struct probe_answer *answer, int64_t restarts, int64_t now_ms, enum probe_state state,
                              const char *words)
{
    struct strbuf json = { 0 };
    strbuf_printf(
        &json, "{\"State\":{\"Running\":true,\"StartedAt\":\"2026-03-03T09:00:00.000000001Z\"},\"RestartCount\":%lld}",
        (long long)restarts);
    struct probe_outcome outcome = { .http_status = 200, .body = strbuf_slice(&json), .now_ms = now_ms };
    probe_judge(answer, &outcome);
    assert_string_equal(strbuf_text(&answer->words), words);
    assert_int_equal(answer->state, state);
    strbuf_free(&json);
}

/* Between two crashes it runs, and a question that comes just then must not take it for well. */
static void a_container_that_is_restarted_again_and_again_is_down(void **unused)
{
    (void)unused;
    struct probe_answer answer = { .kind = PROBE_CONTAINER };
    assert_restarting(&answer, 0, NINE_MS + 1000, PROBE_UP, "running");
    assert_restarting(&answer, 2, NINE_MS + 60000, PROBE_DOWN, "running, restarted 2 times");
    assert_restarting(&answer, 2, NINE_MS + 9000, PROBE_DOWN, "running for less than 10 s, restarted 2 times");
    assert_restarting(&answer, 2, NINE_MS + 10001, PROBE_UP, "running, restarted 2 times");
    assert_restarting(&answer, 2, NINE_MS - 60000, PROBE_UP, "running, restarted 2 times");
    assert_restarting(&answer, INT64_MAX, NINE_MS + 60000, PROBE_DOWN,
                      "running, restarted 9223372036854775807 times, 9223372036854775805 of them since the last look");
    assert_restarting(&answer, 0, NINE_MS + 1000, PROBE_UP, "running");
    assert_restarting(&answer, INT64_MIN, NINE_MS + 60000, PROBE_UP, "running");
    assert_restarting(&answer, 3, NINE_MS + 60000, PROBE_UP, "running, restarted 3 times");
    answer_free(&answer);
}

static void a_page_gives_lag_and_watermark_by_table(void **unused)
{
    (void)unused;
    struct probe_answer answer = { .kind = PROBE_METRICS };
    const char *page = "# HELP offload_lag_minutes x\n"
                       "offload_lag_minutes{job=\"a\",table=\"one\"} 1.5\n"
                       "watermark_timestamp_seconds{table=\"one\"} 1.772e9 1772000000000\n"
                       "watermark_timestamp_seconds{table_name=\"t\\\"w,o}\"} 1772000000\r\n"
                       "offload_lag_minutes 3";
    assert_int_equal(metrics_page_read(&answer, slice_of(page)), 4);
    assert_int_equal(answer.metric_count, 3);
    assert_string_equal(answer.metrics[0].table, "one");
    assert_int_equal(answer.metrics[0].lag_ms, 90000);
    assert_int_equal(answer.metrics[0].watermark_ms, 1772000000000);
    assert_string_equal(answer.metrics[1].table, "t\"w,o}");
    assert_int_equal(answer.metrics[1].lag_ms, -1);
    assert_string_equal(answer.metrics[2].table, "");
    assert_int_equal(answer.metrics[2].lag_ms, 180000);
    answer_free(&answer);
}

static void a_table_is_known_whatever_stands_beside_it(void **unused)
{
    (void)unused;
    static const char *const labels[] = {
        "subtable=\"x\",table=\"one\"",
        "table=\"one\",subtable=\"x\"",
        "note=\"a, table=\\\"x\\\"\",table=\"one\"",
        "note=\"x, table=\", table = \"one\" , z=\"\"",
        "old_table_name=\"x\",table_name=\"one\",",
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        struct probe_answer answer = { .kind = PROBE_METRICS };
        struct strbuf page = { 0 };
        strbuf_printf(&page, "offload_lag_minutes{%s} 1\n", labels[i]);
        assert_int_equal(metrics_page_read(&answer, strbuf_slice(&page)), 1);
        assert_string_equal(answer.metrics[0].table, "one");
        answer_free(&answer);
        strbuf_free(&page);
    }
}

static void a_page_of_nonsense_gives_nothing(void **unused)
{
    (void)unused;
    const char *const pages[] = { "",
                                  "\n\n",
                                  "# only a comment",
                                  "offload_lag_minutes{table=\"x\"",
                                  "offload_lag_minutes ",
                                  "offload_lag_minutes{a=\"}\" 1",
                                  "{} 1",
                                  "offload_lag_minutes x1",
                                  "name 1 but more\n{",
                                  "offload_lag_minutes{table=\"x\\" };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct probe_answer answer = { 0 };
        metrics_page_read(&answer, slice_of(pages[i]));
        assert_int_equal(answer.metric_count, 0);
    }
    const char *const values[] = { "NaN", "+Inf", "-Inf", "-1", "1e300" };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct probe_answer answer = { 0 };
        struct strbuf page = { 0 };
        strbuf_printf(&page, "watermark_timestamp_seconds{table=\"x\"} %s\n", values[i]);
        assert_int_equal(metrics_page_read(&answer, strbuf_slice(&page)), 1);
        assert_int_equal(answer.metric_count, 0);
        strbuf_free(&page);
    }
}

/* Half of a number is another number. */
static void a_page_that_was_cut_is_read_up_to_its_last_whole_line(void **unused)
{
    (void)unused;
    struct probe_answer answer = { .kind = PROBE_METRICS };
    struct probe_outcome outcome = {
        .code = CURLE_WRITE_ERROR,
        .http_status = 200,
        .cut = true,
        .body = slice_of("offload_lag_minutes{table=\"a\"} 5\noffload_lag_minutes{table=\"b\"} 1"),
    };
    probe_judge(&answer, &outcome);
    assert_int_equal(answer.state, PROBE_UP);
    assert_int_equal(answer.metric_count, 1);
    assert_string_equal(answer.metrics[0].table, "a");
    answer_free(&answer);
}

static void a_page_of_very_many_tables_is_bounded(void **unused)
{
    (void)unused;
    struct probe_answer answer = { 0 };
    struct strbuf page = { 0 };
    for (int i = 0; i < PROBE_TABLES_MAX; i++)
        strbuf_printf(&page, "offload_lag_minutes{table=\"t%d\"} 1\n", i);
    assert_int_equal(metrics_page_read(&answer, strbuf_slice(&page)), PROBE_TABLES_MAX);
    assert_int_equal(answer.metric_count, PROBE_TABLES_MAX);
    assert_int_equal(metrics_page_read(&answer, slice_of("offload_lag_minutes{table=\"one more\"} 1")), 1);
    assert_int_equal(answer.metric_count, PROBE_TABLES_MAX);
    strbuf_free(&page);
    answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(down_is_what_a_dead_component_does),
        cmocka_unit_test(what_may_be_our_own_trouble_confirms_nothing),
        cmocka_unit_test(up_is_what_answers),
        cmocka_unit_test(a_container_is_as_docker_says),
        cmocka_unit_test(why_a_container_could_not_start_is_told_in_one_bounded_line),
        cmocka_unit_test(a_container_that_is_restarted_again_and_again_is_down),
        cmocka_unit_test(a_page_gives_lag_and_watermark_by_table),
        cmocka_unit_test(a_table_is_known_whatever_stands_beside_it),
        cmocka_unit_test(a_page_of_nonsense_gives_nothing),
        cmocka_unit_test(a_page_that_was_cut_is_read_up_to_its_last_whole_line),
        cmocka_unit_test(a_page_of_very_many_tables_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
