/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_private.h"

/*
 * A POST to Alertmanager's /api/v2/alerts. It identifies an alert by its labels (the incident's number is one, so that two
 * incidents never resolve one another) and ends it by itself unless it is told again in time.
 *
 * How far ahead shall that end lie? Prometheus says four minutes, since a rule that was deleted would otherwise fire for
 * ever. But then a Prometheus that dies resolves all its alerts, and whoever was paged reads that all is well. Our ends come
 * through the outbox and are not forgotten by a restart, so the end by itself is only the broom behind an agent that
 * never came back: longer than a weekend, for a page that nobody ends is a nuisance, and one that ends falsely a danger.
 */
static const int64_t END_MARGIN_MS = INT64_C(3) * 24 * 60 * 60 * 1000;

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A clock that was set back must not end an alert before it began: Alertmanager would refuse the whole push. */
static int64_t end_of(const struct message *message, int64_t now_ms)
{
    if (message->status == NOTIFY_RESOLVED)
        return later(message->resolved_ms != 0 ? message->resolved_ms : message->time_ms, message->opened_ms);
    /* A test lives long enough to pass through a route's group_wait to a person, and is over by itself. */
    return now_ms + (message->incident_id != 0 ? END_MARGIN_MS : PAYLOAD_TEST_MS);
}

static void put_alert(const struct payload_job *job, const struct facts *facts, struct json_writer *json)
{
    json_open(json, NULL, '{');
    payload_labels(json, "labels", job->origin, facts);
    payload_annotations(json, "annotations", facts, job->shortest);
    json_put_text(json, "startsAt", facts->started);
    json_put_time(json, "endsAt", end_of(facts->message, job->now_ms));
    json_close(json, '}');
}

void payload_alertmanager(const struct payload_job *job, struct json_writer *json)
{
    json_open(json, NULL, '[');
    for (size_t i = 0; i < job->count; i++)
        put_alert(job, &job->facts[i], json);
    json_close(json, ']');
}
