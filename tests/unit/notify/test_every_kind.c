/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../core/stories.c"

#include "base/json.h"
#include "base/mask.h"
#include "base/zone.h"
#include "payload.h"

/*
 * What each format makes of the first notification of each alert and status. With BODIES in the environment the bodies are written into the
 * file that it names: tests/e2e/test_formats_golden.py holds them to their receivers' rules and compares them with the recorded ones.
 */

struct bodies {
    FILE *out; /* or NULL */
    struct masker *masker;
    bool seen[ALERTS][NOTIFY_RESOLVED + 1];
    int count;
};

static const struct links links = {
    .runbook_base = "https://wiki.example.com/runbooks",
    .dashboard = "https://grafana.example.com/d/offload",
    .alertmanager = "https://alertmanager.example.com",
    .serve = "https://agent.example.com",
};
static const struct payload_origin origin = { "offload-scheduler-01", "/tmp/iceberg-offload-scheduler.log", "1.0",
                                              &links };

static struct webhook_config webhook_of(enum payload_format format)
{
    static char from[] = "Offload Agent <agent@example.com>", to[] = "oncall@example.com", topic[] = "offload",
                chat[] = "-100123";
    static char template_text[] = "{\"message\": \"${first_line}\", \"level\": \"${severity} ${status}\", "
                                  "\"details\": {\"do first\": \"${first_command}\", \"runbook\": \"${runbook_url}\", "
                                  "\"since\": \"${started} to ${ended}\", \"key\": \"${dedup_key}\"}}";
    static char *recipients[] = { to };
    return (struct webhook_config){ .format = format,
                                    .evidence = true,
                                    .from = from,
                                    .to = { recipients, 1 },
                                    .topic = topic,
                                    .chat = chat,
                                    .template_text = template_text };
}

/* A line: "FORMAT\tALERT\tSTATUS\tSEVERITY\tBODY", the body as a JSON string. */
static void write_body(const struct bodies *bodies, enum payload_format format, const struct message *message,
                       const struct strbuf *body)
{
    struct strbuf quoted = { 0 };
    struct json_writer json = { .out = &quoted };
    json_open(&json, NULL, '[');
    json_put_text(&json, NULL, strbuf_text(body));
    json_close(&json, ']');
    fprintf(bodies->out, "%s\t%s\t%s\t%s\t%s\n", config_format_name(format), alert_name(message->alert),
            notification_status_name(message->status), severity_name(message->severity), quoted.at);
    strbuf_free(&quoted);
}

static void render_all(void *ctx, const char *story, const struct notification *notification)
{
    struct bodies *bodies = ctx;
    (void)story;
    if (bodies->seen[notification->alert][notification->status])
        return;
    bodies->seen[notification->alert][notification->status] = true;
    bodies->count++;
    struct message *message = message_from(notification);
    const struct message *const messages[] = { message };
    for (int format = 0; format < PAYLOAD_FORMATS; format++) {
        const struct webhook_config webhook = webhook_of((enum payload_format)format);
        struct strbuf body = { 0 };
        payload_render(bodies->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, message->time_ms + 1000, &body);
        assert_true(body.len > 100);
        if (bodies->out)
            write_body(bodies, (enum payload_format)format, message, &body);
        strbuf_free(&body);
    }
    message_free(message);
}

static void each_alert_is_rendered_in_each_format(void **unused)
{
    const char *path = getenv("BODIES");
    struct bodies bodies = { .out = path ? fopen(path, "we") : NULL, .masker = masker_open() };
    (void)unused;
    assert_true(zone_set("UTC") && bodies.masker && (!path || bodies.out));
    tell_stories(render_all, &bodies);
    for (int alert = 0; alert < ALERTS; alert++)
        if (!bodies.seen[alert][NOTIFY_FIRING])
            fail_msg("%s is not told", alert_name((enum alert)alert));
    masker_close(bodies.masker);
    if (bodies.out)
        assert_int_equal(fclose(bodies.out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_alert_is_rendered_in_each_format) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
