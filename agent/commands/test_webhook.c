/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/show/terminal.h"
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

/* Appends what a webhook gets as a test: a message with everything that needs no incident. */
static void render_test(struct masker *masker, const struct webhook_config *webhook,
                        const struct payload_origin *origin, int64_t now_ms, enum notification_status status,
                        struct strbuf *body)
{
    char summary[] = "[TEST] a test notification from `agent test-webhook`: nothing is wrong, nothing is to be done";
    char command[] = "agent status";
    bool never = webhook->min_severity > SEVERITY_CRITICAL;
    const struct message message = {
        .sequence = status == NOTIFY_RESOLVED ? 2 : 1,
        .time_ms = now_ms,
        .opened_ms = now_ms,
        .onset_ms = now_ms,
        .resolved_ms = status == NOTIFY_RESOLVED ? now_ms : 0,
        .status = status,
        .severity = never ? SEVERITY_CRITICAL : webhook->min_severity,
        .alert = ALERT_SCHEDULER_DOWN,
        .summary = summary,
        .first_command = command,
    };
    const struct message *const messages[] = { &message };
    payload_render(masker, webhook, origin, messages, 1, PAYLOAD_FULL, now_ms, body);
}

static void trial_submit(struct test *test, size_t at, enum notification_status status)
{
    const struct webhook_config *webhook = &test->config->webhooks[at];
    struct trial *trial = &test->trials[at];
    struct strbuf body = { 0 }, key = { 0 };

    render_test(test->masker, webhook, &test->origin, trial->sent_ms, status, &body);
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
            printf("%s: delivered: %s %ld after %" PRId64 " ms%s%s\n", name.at,
                   webhook->format == FORMAT_EMAIL ? "SMTP" : "HTTP", result->http_status,
                   result->at_ms - trial->sent_ms, result->error[0] != '\0' ? ", but " : "", result->error);
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

static struct payload_origin origin_of(const struct config *config)
{
    return (struct payload_origin){
        .host = config->host, .log_path = config->log_path, .version = AGENT_VERSION, .links = &config->links
    };
}

/* Prints what each webhook would get, under a line that says who it is. Secrets are not part of it: the sender adds them. */
static int dry_run(const struct config *config)
{
    const struct payload_origin origin = origin_of(config);
    struct masker *masker = masker_open();
    struct strbuf text = { 0 };

    for (size_t i = 0; i < config->webhook_count; i++) {
        const struct webhook_config *webhook = &config->webhooks[i];
        strbuf_puts(&text, i > 0 ? "\n# " : "# ");
        put_webhook_name(webhook, &text);
        strbuf_printf(&text, ", format %s\n", config_format_name(webhook->format));
        render_test(masker, webhook, &origin, clock_now_ms(), NOTIFY_FIRING, &text);
        strbuf_puts(&text, "\n");
    }
    bool printed = terminal_print(&text);
    strbuf_free(&text);
    masker_close(masker);
    return printed ? EXIT_OK : EXIT_FAILED;
}

static int run_test(const struct config *config)
{
    struct strbuf error = { 0 };
    struct test test = {
        .config = config,
        .origin = origin_of(config),
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

enum test_webhook_option { OPTION_DRY_RUN, TEST_WEBHOOK_OPTIONS };
static const struct option_spec test_webhook_specs[] = {
    [OPTION_DRY_RUN] = { "dry-run", NULL, "print what each webhook would get, and send nothing" },
};
const struct arguments test_webhook_arguments = { .usage = "[--dry-run]",
                                                  .specs = test_webhook_specs,
                                                  .spec_count = TEST_WEBHOOK_OPTIONS };

int command_test_webhook(struct options *options)
{
    const struct config *config = options_config(options);

    if (!config)
        return EXIT_USAGE;
    if (config->webhook_count > 0)
        return options->values[OPTION_DRY_RUN] ? dry_run(config) : run_test(config);
    say_error("test-webhook: no webhook is configured: notifications go to the standard output of `agent run`");
    return EXIT_FAILED;
}
