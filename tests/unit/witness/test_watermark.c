/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/witness/table_question.h"
#include "agent/witness/watermark.h"
#include "base/budgets.h"
#include "event.h"

/* What agent-watermark prints, read as the agent reads it, and what a row means for a run. */

#define DONE "{\"done\":true}\n"
/* 2026-02-12 19:35:00 UTC */
#define SERVER "\"server_ms\":\"1770924900000\""

static struct watermark_answer answer_to(const char *printed)
{
    struct watermark_answer answer = { .outcome = WATERMARK_ANSWERED };
    watermark_read_answer(slice_of(printed), false, 0, &answer);
    return answer;
}

static void a_row_is_read(void **unused)
{
    (void)unused;
    struct watermark_answer answer =
        answer_to("{" SERVER ",\"table_name\":\"a\",\"last_offload_timestamp\":\"2026-02-12 19:34:58.462817+00\","
                  "\"last_offload_row_count\":\"1200\",\"status\":\"failed\",\"last_successful_run\":\"2026-02-12 "
                  "19:20:00+00\",\"failure_count\":\"2\",\"last_error_message\":\"No space left\\non device\","
                  "\"updated_at\":\"2026-02-13 01:04:50+05:30\"}\n" DONE);
    const struct watermark_row *row = watermark_row_of(&answer, "a");
    assert_int_equal(answer.outcome, WATERMARK_ANSWERED);
    assert_non_null(row);
    assert_null(watermark_row_of(&answer, "b"));
    assert_int_equal(row->watermark_ms, 1770924898462);
    assert_int_equal(row->rows, 1200);
    assert_string_equal(row->status, "failed");
    assert_int_equal(row->succeeded_age_ms, 15 * 60 * 1000);
    assert_int_equal(row->failures, 2);
    assert_string_equal(row->error, "No space left\non device");
    assert_int_equal(row->updated_age_ms, 10 * 1000);
    watermark_answer_free(&answer);
}

static void assert_watermark(const char *written, int64_t wanted_ms)
{
    struct strbuf line = { 0 };
    strbuf_printf(&line, "{" SERVER ",\"table_name\":\"a\",\"last_offload_timestamp\":\"%s\"}\n" DONE, written);
    struct watermark_answer answer = answer_to(strbuf_text(&line));
    assert_int_equal(answer.row_count, 1);
    assert_int_equal(answer.rows[0].watermark_ms, wanted_ms);
    watermark_answer_free(&answer);
    strbuf_free(&line);
}

static void times_are_read_as_postgresql_writes_them(void **unused)
{
    (void)unused;
    assert_watermark("1970-01-01 00:00:01", 1000);
    assert_watermark("2000-02-29 12:00:00-03:30", 951838200000);
    assert_watermark("2024-03-01 00:00:00.5+00", 1709251200500);
    assert_watermark("1770924898462", 1770924898462);
    assert_watermark("2026-02-13 19:35:00+00", 1771011300000); /* a day ahead at most */
    assert_watermark("2026-02-13 19:35:00.001+00", 0);
    assert_watermark("9999-12-31 23:59:59+00", 0);
    assert_watermark("10000-01-01 00:00:00+00", 0);
    assert_watermark("0044-03-15 00:00:00+00 BC", 0);
    assert_watermark("infinity", 0);
    assert_watermark("-infinity", 0);
    assert_watermark("", 0);
    assert_watermark("2026-02-12", 0);
    assert_watermark("2026-13-12 00:00:00", 0);
    assert_watermark("-5", 0);
    assert_watermark("99999999999999999999999", 0);
}

static void numbers_that_cannot_be_are_not_known(void **unused)
{
    (void)unused;
    struct watermark_answer answer =
        answer_to("{" SERVER ",\"table_name\":\"a\",\"last_offload_row_count\":\"-5\",\"failure_count\":\"1e9\"}\n"
                  "{" SERVER ",\"table_name\":\"b\",\"last_offload_row_count\":\"9999999999999999\"}\n"
                  "{\"table_name\":\"c\",\"server_ms\":\"x\",\"updated_at\":\"2026-02-12 19:34:58+00\"}\n" DONE);
    assert_int_equal(answer.row_count, 3);
    assert_int_equal(answer.rows[0].rows, -1);
    assert_int_equal(answer.rows[0].failures, -1);
    assert_int_equal(answer.rows[1].rows, -1);
    assert_int_equal(answer.rows[2].updated_age_ms, -1);
    watermark_answer_free(&answer);
}

static void secrets_in_a_text_are_masked(void **unused)
{
    (void)unused;
    struct watermark_answer answer =
        answer_to("{\"table_name\":\"a\",\"last_error_message\":\"jdbc:x://h/?password=quincequince failed\"}\n" DONE);
    assert_null(strstr(answer.rows[0].error, "quincequince"));
    watermark_answer_free(&answer);
}

/* --- errors --------------------------------------------------------------------------------------------------- */

static void assert_error(const char *error, const char *sqlstate, const char *words, const char *cause)
{
    struct strbuf line = { 0 };
    strbuf_printf(&line, "{\"error\":\"%s\",\"sqlstate\":\"%s\",\"words\":\"%s\"}\n", error, sqlstate, words);
    struct watermark_answer answer = { .outcome = WATERMARK_ANSWERED };
    watermark_read_answer(strbuf_slice(&line), false, 256, &answer);
    assert_int_equal(answer.outcome, cause ? WATERMARK_TROUBLE : WATERMARK_SILENT);
    if (cause)
        assert_string_equal(answer.cause, cause);
    assert_string_equal(strbuf_text(&answer.words), words);
    watermark_answer_free(&answer);
    strbuf_free(&line);
}

static void what_the_pipeline_will_find_too_is_trouble(void **unused)
{
    (void)unused;
    assert_error("connect", "", "port 5432 failed: Connection refused", "postgres-unreachable");
    assert_error("connect", "", "connection to server on socket x failed: No such file or directory",
                 "postgres-unreachable");
    assert_error("connect timeout", "", "no connection in time", "postgres-unreachable");
    assert_error("query timeout", "", "connected, but no answer in time", "postgres-unreachable");
    assert_error("connect", "53300", "FATAL:  sorry, too many clients already", "postgres-connections");
    assert_error("connect", "57P03", "FATAL:  the database system is starting up", "postgres-starting");
    assert_error("query", "57P01", "terminating connection", "postgres-unreachable");
    assert_error("query", "57014", "canceling statement", "postgres-locks");
    assert_error("query", "42P01", "relation does not exist", "watermark-table-missing");
}

static void what_may_be_the_agents_own_fault_is_silence(void **unused)
{
    (void)unused;
    assert_error("connect", "28P01", "FATAL:  password authentication failed", NULL);
    assert_error("connect", "3D000", "FATAL:  database x does not exist", NULL);
    assert_error("connect", "", "connection on socket x failed: Permission denied", NULL);
    assert_error("connect", "", "SSL error: certificate verify failed", NULL);
    assert_error("name", "", "could not translate host name", NULL);
    assert_error("query", "42501", "permission denied for table offload_watermarks", NULL);
    assert_error("query", "42703", "column x does not exist", NULL);
    assert_error("settings", "", "invalid connection option", NULL);
}

static void assert_silent(const char *printed, bool cut, int status, const char *words)
{
    struct watermark_answer answer = { .outcome = WATERMARK_ANSWERED };
    watermark_read_answer(slice_of(printed), cut, status, &answer);
    assert_int_equal(answer.outcome, WATERMARK_SILENT);
    assert_string_equal(strbuf_text(&answer.words), words);
    watermark_answer_free(&answer);
}

static void an_answer_that_is_not_whole_is_silence(void **unused)
{
    (void)unused;
    assert_silent("", false, 0, "agent-watermark gave no whole answer");
    assert_silent("{\"table_name\":\"a\"}\n", false, -1, "agent-watermark gave no whole answer");
    assert_silent("{\"table_name\":\"a\"}\n", true, 9, "agent-watermark gave no whole answer: it is too long");
    assert_silent("", false, 9, "agent-watermark gave no whole answer: it was ended by signal 9");
    assert_silent("libpq.so.5: no such\x1b[2J file\n{}\n", false, 127 << 8,
                  "agent-watermark gave no whole answer: libpq.so.5: no such\\x1b[2J file");
    assert_silent(DONE, false, 3 << 8, "agent-watermark gave no whole answer");
    assert_silent("[1,2\n{\"done\":false}\n", false, 0, "agent-watermark gave no whole answer: [1,2");
}

static void more_rows_than_were_asked_for_are_passed_over(void **unused)
{
    (void)unused;
    struct strbuf printed = { 0 };
    for (int i = 0; i < WATERMARK_TABLES_MAX + 1; i++)
        strbuf_puts(&printed, "{\"table_name\":\"a\"}\n");
    strbuf_puts(&printed, DONE);
    struct watermark_answer answer = answer_to(strbuf_text(&printed));
    assert_int_equal(answer.outcome, WATERMARK_ANSWERED);
    assert_int_equal(answer.row_count, WATERMARK_TABLES_MAX);
    watermark_answer_free(&answer);
    strbuf_free(&printed);
}

/* --- what a row means for a run ------------------------------------------------------------------------------- */

static const struct watermark_look nothing_before;

static struct watermark_row row_of(const char *status, int64_t updated_age_ms)
{
    return (struct watermark_row){ .table = (char *)(uintptr_t) "a",
                                   .status = (char *)(uintptr_t)status,
                                   .error = (char *)(uintptr_t) "why",
                                   .rows = 7,
                                   .failures = 1,
                                   .watermark_ms = 1000,
                                   .updated_age_ms = updated_age_ms,
                                   .succeeded_age_ms = -1 };
}

static const char *error_of(struct watermark_row row, struct watermark_look before)
{
    return watermark_error_of_run(&row, &before, (struct watermark_run){ .age_ms = 5000, .failed = true });
}

static void a_text_counts_if_it_was_written_since_the_run_began(void **unused)
{
    (void)unused;
    assert_string_equal(error_of(row_of("failed", 0), nothing_before), "why");
    assert_string_equal(error_of(row_of("failed", 6000), nothing_before), "why"); /* a second for the log's rounding */
    assert_null(error_of(row_of("failed", 6001), nothing_before));
    assert_null(error_of(row_of("success", 10), nothing_before));
    assert_null(error_of(row_of("running", 10), nothing_before));
    assert_string_equal(error_of(row_of(NULL, 10), nothing_before), "why");
}

static void without_that_time_a_higher_count_tells_it(void **unused)
{
    (void)unused;
    assert_null(error_of(row_of("failed", -1), nothing_before));
    assert_null(error_of(row_of("failed", -1), (struct watermark_look){ true, 1000, 1 }));
    assert_string_equal(error_of(row_of("failed", -1), (struct watermark_look){ true, 1000, 0 }), "why");
    assert_null(error_of(row_of("failed", -1), (struct watermark_look){ true, 1000, -1 }));
    /* A time that says otherwise is better than a count. */
    assert_null(error_of(row_of("failed", 9000), (struct watermark_look){ true, 1000, 0 }));
}

static int64_t rows_of(struct watermark_row row, struct watermark_look before, bool failed)
{
    return watermark_rows_of_run(&row, &before, (struct watermark_run){ .age_ms = 5000, .failed = failed });
}

static void rows_count_if_they_are_of_this_run(void **unused)
{
    (void)unused;
    assert_int_equal(rows_of(row_of("success", 10), nothing_before, false), 7);
    assert_int_equal(rows_of(row_of("success", 10), nothing_before, true), ROWS_NOT_KNOWN);
    assert_int_equal(rows_of(row_of("success", 9000), nothing_before, false), ROWS_NOT_KNOWN);
    assert_int_equal(rows_of(row_of("running", 10), nothing_before, false), ROWS_NOT_KNOWN);
    struct watermark_row row = row_of("running", 9000);
    row.succeeded_age_ms = 10;
    assert_int_equal(rows_of(row, nothing_before, false), 7);
}

static void else_it_is_seen_whether_the_watermark_has_moved(void **unused)
{
    (void)unused;
    assert_int_equal(rows_of(row_of("running", 10), (struct watermark_look){ true, 1000, 0 }, false), 0);
    assert_int_equal(rows_of(row_of("running", 10), (struct watermark_look){ true, 999, 0 }, false),
                     ROWS_WITHOUT_NUMBER);
    assert_int_equal(rows_of(row_of("running", 10), (struct watermark_look){ true, 0, 0 }, false), ROWS_NOT_KNOWN);
    struct watermark_row row = row_of("success", 10);
    row.rows = -1;
    assert_int_equal(rows_of(row, (struct watermark_look){ true, 999, 0 }, false), ROWS_WITHOUT_NUMBER);
}

/* --- what is told of PostgreSQL itself ------------------------------------------------------------------------ */

static void keep_event(void *ctx, const struct event *event)
{
    struct strbuf *told = ctx;
    if (event->kind == EVENT_PROBE_DOWN || event->kind == EVENT_PROBE_NOTED)
        strbuf_printf(told, "%s %s; ", event->kind == EVENT_PROBE_DOWN ? "down" : "up",
                      event->number == 0 ? "in stories" : "in none");
}

static void keep_no_word(void *ctx, const struct witness_word *word)
{
    (void)ctx;
    (void)word;
}

static void assert_told_of_server(struct watermark_news news, const char *wanted)
{
    struct strbuf told = { 0 };
    char words[] = "words";
    news.is_asked = true;
    news.words = words;
    struct question question = { .failed = true, .server = news };
    question_tell(&question, 0, &(struct witness_sink){ &told, keep_event, keep_no_word });
    assert_string_equal(strbuf_text(&told), wanted);
    strbuf_free(&told);
}

static void what_may_be_taken_for_down_is_told_to_be_up(void **unused)
{
    (void)unused;
    assert_told_of_server((struct watermark_news){ .state = WITNESS_TROUBLE, .is_new = true }, "down in stories; ");
    assert_told_of_server((struct watermark_news){ .state = WITNESS_TROUBLE, .any_failed = true }, "down in none; ");
    assert_told_of_server((struct watermark_news){ .state = WITNESS_TROUBLE }, "");
    assert_told_of_server((struct watermark_news){ .state = WITNESS_SILENT, .was_trouble = true }, "");
    assert_told_of_server((struct watermark_news){ .state = WITNESS_WELL, .was_trouble = true }, "up in stories; ");
    /* The agent may have been started or configured anew since it was told to be down. */
    assert_told_of_server((struct watermark_news){ .state = WITNESS_WELL, .is_first_well = true }, "up in none; ");
    assert_told_of_server((struct watermark_news){ .state = WITNESS_WELL }, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_read),
        cmocka_unit_test(what_may_be_taken_for_down_is_told_to_be_up),
        cmocka_unit_test(times_are_read_as_postgresql_writes_them),
        cmocka_unit_test(numbers_that_cannot_be_are_not_known),
        cmocka_unit_test(secrets_in_a_text_are_masked),
        cmocka_unit_test(what_the_pipeline_will_find_too_is_trouble),
        cmocka_unit_test(what_may_be_the_agents_own_fault_is_silence),
        cmocka_unit_test(an_answer_that_is_not_whole_is_silence),
        cmocka_unit_test(more_rows_than_were_asked_for_are_passed_over),
        cmocka_unit_test(a_text_counts_if_it_was_written_since_the_run_began),
        cmocka_unit_test(without_that_time_a_higher_count_tells_it),
        cmocka_unit_test(rows_count_if_they_are_of_this_run),
        cmocka_unit_test(else_it_is_seen_whether_the_watermark_has_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
