/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/notify/webhook_answer.h"
#include "base/budgets.h"

static const char PAGE[] = "<!DOCTYPE html><html><title>Welcome</title></html>";
static const char LOGIN[] = "\xef\xbb\xbf\n <HTML><form>User <input>, Password <input type=password></form>";

static enum delivery_outcome judge(enum payload_format format, const char *answer)
{
    struct strbuf why = { 0 };
    enum delivery_outcome outcome = webhook_answer_judge(format, slice_of(answer), &why);
    assert_int_equal(outcome == DELIVERY_DONE, why.len == 0);
    strbuf_free(&why);
    return outcome;
}

static void for_every_format(const char *answer, enum delivery_outcome expected)
{
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++)
        assert_int_equal(judge((enum payload_format)format, answer), expected);
}

static void what_receivers_usually_answer_is_a_delivery(void **state)
{
    (void)state;
    for_every_format("", DELIVERY_DONE);
    for_every_format("ok", DELIVERY_DONE);
    for_every_format("ok\n", DELIVERY_DONE);
    for_every_format("{}", DELIVERY_DONE);
    for_every_format("{\"ok\": true}", DELIVERY_DONE);
    for_every_format("{\"success\": true}", DELIVERY_DONE);
    for_every_format("{\"status\":\"success\",\"message\":\"Event processed\",\"dedup_key\":\"k\"}", DELIVERY_DONE);
    for_every_format("1", DELIVERY_DONE);
    for_every_format("{\"ok\": nonsense", DELIVERY_DONE);
    for_every_format("[false]", DELIVERY_DONE);
    assert_int_equal(judge(FORMAT_GENERIC, "{\"status\":\"queued\",\"ok\":\"false alarm\"}"), DELIVERY_DONE);
    assert_int_equal(judge(FORMAT_GENERIC, PAGE), DELIVERY_DONE);
    assert_int_equal(judge(FORMAT_GENERIC, "channel_not_found"), DELIVERY_DONE);
}

static void json_that_says_no_is_a_refusal(void **state)
{
    (void)state;
    for_every_format("{\"ok\":false,\"error\":\"channel_not_found\"}", DELIVERY_REFUSED);
    for_every_format(" \n{ \"error\" : \"x\", \"ok\" : false }\n", DELIVERY_REFUSED);
    for_every_format("{\"success\": false}", DELIVERY_REFUSED);
    for_every_format("{\"status\": \"error\"}", DELIVERY_REFUSED);
    for_every_format("{\"status\": \"FAILED\"}", DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_PAGERDUTY, "{\"status\":\"invalid event\",\"message\":\"m\"}"), DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_PAGERDUTY, "{\"status\":\"throttled\"}"), DELIVERY_REFUSED);
}

static void each_format_has_its_own_no(void **state)
{
    static const struct {
        enum payload_format format;
        const char *answer;
        enum delivery_outcome outcome;
    } cases[] = {
        { FORMAT_TELEGRAM, "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: chat not found\"}",
          DELIVERY_REFUSED },
        { FORMAT_TELEGRAM, "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 5\"}",
          DELIVERY_RETRY },
        { FORMAT_TELEGRAM, "{\"ok\":true,\"result\":{\"message_id\":1}}", DELIVERY_DONE },
        { FORMAT_NTFY, "{\"code\":40009,\"http\":400,\"error\":\"invalid request: topic invalid\"}", DELIVERY_REFUSED },
        { FORMAT_NTFY, "{\"id\":\"x\",\"time\":1,\"event\":\"message\",\"topic\":\"t\"}", DELIVERY_DONE },
        { FORMAT_DISCORD, "{\"message\":\"Unknown Webhook\",\"code\":10015}", DELIVERY_REFUSED },
        { FORMAT_DISCORD, "{\"id\":\"1\",\"type\":0,\"content\":\"\",\"embeds\":[]}", DELIVERY_DONE },
        { FORMAT_TEAMS,
          "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with",
          DELIVERY_REFUSED },
        { FORMAT_TEAMS,
          "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with",
          DELIVERY_RETRY },
        { FORMAT_TEMPLATE, "{\"error\":{\"code\":\"x\"}}", DELIVERY_REFUSED },
        { FORMAT_TEMPLATE, "{\"error\":null,\"errors\":[]}", DELIVERY_DONE },
        { FORMAT_GENERIC, "{\"errors\":[\"x\"]}", DELIVERY_REFUSED },
        { FORMAT_GENERIC, "{\"error\":\"\",\"errors\":{}}", DELIVERY_DONE },
        { FORMAT_GENERIC, "{\"code\":200}", DELIVERY_DONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (judge(cases[i].format, cases[i].answer) != cases[i].outcome)
            fail_msg("%s", cases[i].answer);
}

static void slack_s_errors_are_words_too(void **state)
{
    (void)state;
    assert_int_equal(judge(FORMAT_SLACK, "channel_not_found"), DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_SLACK, "invalid_payload\n"), DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_SLACK, "channel_not_found and more"), DELIVERY_DONE);
}

static void a_page_is_no_answer_of_a_receiver(void **state)
{
    (void)state;
    for_every_format(LOGIN, DELIVERY_REFUSED);
    for_every_format("<!doctype html><title>Sign in</title>", DELIVERY_REFUSED);
    for_every_format("<html><body>Please log on to use this network</body></html>", DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_SLACK, PAGE), DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_PAGERDUTY, PAGE), DELIVERY_REFUSED);
    assert_int_equal(judge(FORMAT_ALERTMANAGER, PAGE), DELIVERY_REFUSED);
}

static void a_trouble_of_the_receiver_s_own_is_tried_again(void **state)
{
    (void)state;
    for_every_format("{\"ok\":false,\"error\":\"ratelimited\"}", DELIVERY_RETRY);
    assert_int_equal(judge(FORMAT_SLACK, "internal_error"), DELIVERY_RETRY);
}

/* As much as is kept of an answer, of the worst kinds. */
static void any_answer_is_judged(void **state)
{
    static const char *const pieces[] = { "{", "[", "{\"a\":", "{\"ok\":", "<", "<html", "passwor", "a_", "\xff" };
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct strbuf answer = { 0 };
        while (answer.len < ANSWER_KEPT_BYTES)
            strbuf_puts(&answer, pieces[i]);
        for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++)
            judge((enum payload_format)format, answer.at);
        strbuf_free(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_receivers_usually_answer_is_a_delivery),
        cmocka_unit_test(json_that_says_no_is_a_refusal),
        cmocka_unit_test(each_format_has_its_own_no),
        cmocka_unit_test(slack_s_errors_are_words_too),
        cmocka_unit_test(a_page_is_no_answer_of_a_receiver),
        cmocka_unit_test(a_trouble_of_the_receiver_s_own_is_tried_again),
        cmocka_unit_test(any_answer_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
