/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_private.h"

/*
 * The body of a POST to Alertmanager's /api/v2/alerts. An Alertmanager tells alerts apart by their labels; the incident's number is one
 * of them, so that the end of one incident never ends another. It ends an alert by itself at the time that "endsAt" names, unless it
 * is told the alert again with a later one.
 *
 * How far ahead should that time be? Prometheus chooses four minutes, because a rule that was deleted would otherwise fire for ever.
 * But when a Prometheus dies, all its alerts end, and people read that all is well. The agent tells each end through its outbox, which
 * survives a restart. So "endsAt" only matters if the agent never comes back, and it lies further ahead than a weekend: an alert that
 * nobody ends is a nuisance, but one that ends falsely is a danger.
 */
static const int64_t END_MARGIN_MS = INT64_C(3) * 24 * 60 * 60 * 1000;

static int64_t alert_end_ms(const struct payload_texts *texts, int64_t now_ms)
{
    if (texts->ended_ms != 0)
        return texts->ended_ms;
    /* A test lasts long enough to get through a route's group_wait to a person, and ends by itself. */
    return now_ms + (texts->message->incident_id != 0 ? END_MARGIN_MS : PAYLOAD_TEST_MS);
}

static void alertmanager_put_alert(const struct payload_input *input, const struct payload_texts *texts,
                                   struct json_writer *json)
{
    json_open(json, NULL, '{');
    payload_put_labels(json, "labels", input->origin, texts);
    json_open(json, "annotations", '{');
    payload_put_annotations(json, texts, input->length);
    json_close(json, '}');
    json_put_text(json, "startsAt", texts->started);
    json_put_time(json, "endsAt", alert_end_ms(texts, input->now_ms));
    json_put_given(json, "generatorURL", payload_best_page(texts));
    json_close(json, '}');
}

void format_alertmanager(const struct payload_input *input, struct json_writer *json)
{
    json_open(json, NULL, '[');
    for (size_t i = 0; i < input->count; i++)
        alertmanager_put_alert(input, &input->texts[i], json);
    json_close(json, ']');
}
