/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_private.h"

/*
 * The envelope of Alertmanager's own webhook notifications, version 4, so that whatever receives those can receive ours. Each message
 * is an alert. Its annotations are the keys that `agent replay --format json` prints, as strings, and some more.
 */

static const char NOT_ENDED[] =
    "0001-01-01T00:00:00Z"; /* Go's zero time, by which Alertmanager says that an alert has not ended */

static const char *generic_status(const struct message *message)
{
    return message->status == NOTIFY_RESOLVED ? "resolved" : "firing";
}

static void generic_put_alert(const struct payload_input *input, const struct payload_texts *texts,
                              struct json_writer *json)
{
    char fingerprint[17];
    payload_hash(texts->dedup_key.at, fingerprint);
    json_open(json, NULL, '{');
    json_put_text(json, "status", generic_status(texts->message));
    payload_put_labels(json, "labels", input->origin, texts);
    json_open(json, "annotations", '{');
    payload_put_annotations(json, texts, input->length);
    json_close(json, '}');
    json_put_text(json, "startsAt", texts->started);
    json_put_text(json, "endsAt", texts->ended[0] != '\0' ? texts->ended : NOT_ENDED);
    const char *page = payload_best_page(texts);
    json_put_text(json, "generatorURL", page ? page : "");
    json_put_text(json, "fingerprint", fingerprint);
    json_close(json, '}');
}

/* A single alert has all its labels in common with itself. Several alerts have in common who sends them. */
static void generic_put_common_labels(const struct payload_input *input, const char *key, struct json_writer *json)
{
    if (input->count == 1) {
        payload_put_labels(json, key, input->origin, &input->texts[0]);
        return;
    }
    json_open(json, key, '{');
    json_put_text(json, "host", input->origin->host);
    json_put_text(json, "log", input->origin->log_path);
    json_put_text(json, "job", "iceberg-offload-agent");
    json_close(json, '}');
}

/* Receivers tell groups of alerts apart by this key. Each incident is a group; combined messages are one of their own. */
static void generic_put_group_key(const struct payload_input *input, struct json_writer *json)
{
    struct strbuf key = { 0 };
    if (input->count == 1)
        strbuf_printf(&key, "{}:%s", input->texts[0].dedup_key.at);
    else
        strbuf_printf(&key, "{}:%s%s", input->origin->host, input->origin->log_path);
    json_put_text(json, "groupKey", key.at);
    strbuf_free(&key);
}

static const char *generic_status_of_all(const struct payload_input *input)
{
    for (size_t i = 0; i < input->count; i++)
        if (input->texts[i].message->status != NOTIFY_RESOLVED)
            return "firing";
    return "resolved";
}

void format_generic(const struct payload_input *input, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "version", "4");
    generic_put_group_key(input, json);
    json_put_int(json, "truncatedAlerts", 0);
    json_put_text(json, "status", generic_status_of_all(input));
    json_put_text(json, "receiver", "iceberg-offload-agent");
    generic_put_common_labels(input, "groupLabels", json);
    generic_put_common_labels(input, "commonLabels", json);
    json_open(json, "commonAnnotations", '{');
    if (input->count == 1)
        payload_put_annotations(json, &input->texts[0], PAYLOAD_SHORTEST);
    json_close(json, '}');
    const struct links *links = input->origin->links;
    json_put_text(json, "externalURL", links && links->alertmanager ? links->alertmanager : "");
    json_open(json, "alerts", '[');
    for (size_t i = 0; i < input->count; i++)
        generic_put_alert(input, &input->texts[i], json);
    json_close(json, ']');
    json_close(json, '}');
}
