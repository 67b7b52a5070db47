/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mask.h"
#include "base/say.h"
#include "commands.h"
#include "payload.h"
#include "sender.h"

enum {
    GRACE_MS = 2000, /* how long to wait beyond the longest timeout of a webhook */
    PAUSE_MS = 10
};

/* How far the test of one webhook has come. */
struct trial {
    int64_t sent_ms;
    int open; /* deliveries without a result */
    bool failed;
};

struct test {
    const struct config *config;
    struct payload_origin origin;
    struct masker *masker;
    struct sender *sender;
    struct trial *trials;
};

/* Nothing needs to be woken, because the main thread polls for results. */
static void wake_nobody(void)
{
}

static void trial_submit(struct test *test, size_t at, enum notification_status status)
{
    const struct webhook_config *webhook = &test->config->webhooks[at];
    struct trial *trial = &test->trials[at];
    char summary[] = "[TEST] a test notification from `agent test-webhook`: nothing is wrong, nothing is to be done";
    const struct message message = {
        .sequence = 1,
        .time_ms = trial->sent_ms,
        .opened_ms = trial->sent_ms,
        .onset_ms = trial->sent_ms,
        .resolved_ms = status == NOTIFY_RESOLVED ? trial->sent_ms : 0,
        .status = status,
        .severity = webhook->min_severity,
        .alert = ALERT_SCHEDULER_DOWN,
        .summary = summary,
    };
    const struct message *const messages[] = { &message };
    struct strbuf body = { 0 }, key = { 0 };

    payload_render(test->masker, webhook, &test->origin, messages, 1, PAYLOAD_FULL, trial->sent_ms, &body);
    strbuf_printf(&key, "test-%" PRId64 "-%s", trial->sent_ms, notification_status_name(status));
    const struct delivery delivery = {
        .webhook = at, .body = body.at, .body_len = body.len, .idempotency_key = key.at
    };
    sender_submit(test->sender, &delivery);
    trial->open++;
}

/* Appends the name and the URL of the webhook, without what is secret in the URL. */
static void put_webhook_name(const struct webhook_config *webhook, struct strbuf *out)
{
    strbuf_printf(out, "%s (", webhook->name);
    mask_url(webhook->url, out);
    strbuf_puts(out, ")");
}

/*
 * PagerDuty shows the test as open until it is told the end, so the end is sent at once. An Alertmanager that was told the end at once
 * would tell nobody of the test, so there the test ends by itself after PAYLOAD_TEST_MS.
 */
static bool keeps_open(enum payload_format format)
{
    return format == FORMAT_PAGERDUTY;
}

static void trial_begin(struct test *test, size_t at)
{
    const struct webhook_config *webhook = &test->config->webhooks[at];

    test->trials[at].sent_ms = clock_now_ms();
    trial_submit(test, at, NOTIFY_FIRING);
    if (keeps_open(webhook->format))
        trial_submit(test, at, NOTIFY_RESOLVED);
}

/* Says what came of a delivery. If an attempt fails the test of this webhook ends: the agent would try again later, the test does not. */
static void trial_take_result(struct test *test, const struct delivery_result *result)
{
    const struct webhook_config *webhook = &test->config->webhooks[result->webhook];
    struct trial *trial = &test->trials[result->webhook];
    struct strbuf name = { 0 };

    if (trial->open == 0)
        return;
    put_webhook_name(webhook, &name);
    if (result->outcome == DELIVERY_DONE) {
        trial->open--;
        if (trial->open == 0) {
            printf("%s: delivered: HTTP %ld after %" PRId64 " ms\n", name.at, result->http_status,
                   result->at_ms - trial->sent_ms);
        }
    } else {
        trial->open = 0;
        trial->failed = true;
        printf("%s: %s: %s\n", name.at,
               result->outcome == DELIVERY_REFUSED ? "refused" : "failed, would be tried again", result->error);
    }
    strbuf_free(&name);
}

static bool any_trial_open(const struct test *test)
{
    for (size_t i = 0; i < test->config->webhook_count; i++)
        if (test->trials[i].open > 0)
            return true;
    return false;
}

static int64_t longest_wait_ms(const struct config *config)
{
    int64_t longest_ms = 0;

    for (size_t i = 0; i < config->webhook_count; i++) {
        int64_t wait_ms = config->webhooks[i].timeout_ms * (keeps_open(config->webhooks[i].format) ? 2 : 1);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
    }
    return longest_ms + GRACE_MS;
}

/* Tests all webhooks at the same time and prints each result as it comes. Returns false if any failed. */
static bool try_all(struct test *test)
{
    size_t count = test->config->webhook_count;
    int64_t give_up_ms = clock_now_ms() + longest_wait_ms(test->config);
    struct delivery_result result;
    bool good = true;

    for (size_t i = 0; i < count; i++)
        trial_begin(test, i);
    while (any_trial_open(test) && clock_now_ms() < give_up_ms) {
        while (sender_take_result(test->sender, &result))
            trial_take_result(test, &result);
        clock_sleep_ms(PAUSE_MS);
    }
    for (size_t i = 0; i < count; i++) {
        if (test->trials[i].open > 0)
            printf("%s: failed: no answer in time\n", test->config->webhooks[i].name);
        good = good && !test->trials[i].failed && test->trials[i].open == 0;
    }
    return good;
}

static int run_test(const struct config *config)
{
    struct strbuf error = { 0 };
    struct test test = {
        .config = config,
        .origin = { .host = config->host,
                    .log_path = config->log_path,
                    .version = AGENT_VERSION,
                    .links = &config->links },
        .trials = must_alloc((config->webhook_count + 1) * sizeof *test.trials),
    };
    int status = EXIT_FAILED;

    test.masker = masker_open();
    test.sender = sender_open(config, wake_nobody, &error);
    if (!test.sender) {
        say_error("test-webhook: %s", strbuf_text(&error));
        goto cleanup;
    }
    status = try_all(&test) ? EXIT_OK : EXIT_FAILED;
cleanup:
    sender_close(test.sender);
    masker_close(test.masker);
    free(test.trials);
    strbuf_free(&error);
    return status;
}

const struct arguments test_webhook_arguments = { .usage = "" };

int command_test_webhook(struct options *options)
{
    const struct config *config = options_config(options);

    if (!config)
        return EXIT_USAGE;
    if (config->webhook_count > 0)
        return run_test(config);
    say_error("test-webhook: no webhook is configured: notifications go to the standard output of `agent run`");
    return EXIT_FAILED;
}
