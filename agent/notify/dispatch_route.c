/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fnmatch.h>
#include <string.h>

#include "base/say.h"
#include "dispatch_private.h"

/* --- what a webhook is told ---------------------------------------------------------------------------------- */

static bool any_glob_matches_alert(const struct text_list *globs, enum alert alert)
{
    for (size_t i = 0; i < globs->count; i++)
        if (alert_matches(globs->texts[i], alert))
            return true;
    return globs->count == 0;
}

static bool any_glob_matches_table(const struct text_list *globs, const char *table)
{
    for (size_t i = 0; i < globs->count; i++)
        if (fnmatch(globs->texts[i], table, 0) == 0)
            return true;
    return false;
}

static bool any_table_matches(const struct text_list *globs, const struct message *message)
{
    bool any = globs->count == 0 || (message->table && any_glob_matches_table(globs, message->table));
    for (size_t i = 0; i < message->table_count && !any; i++)
        any = any_glob_matches_table(globs, message->tables[i]);
    return any;
}

bool route_takes(const struct webhook_config *webhook, const struct message *message)
{
    return message->severity >= webhook->min_severity && any_glob_matches_alert(&webhook->alerts, message->alert) &&
           any_table_matches(&webhook->tables, message);
}

bool route_is_narrow(const struct webhook_config *webhook)
{
    return webhook->min_severity > SEVERITY_WARNING || webhook->alerts.count > 0 || webhook->tables.count > 0;
}

/* --- what another one has not taken -------------------------------------------------------------------------- */

static struct receiver *fallback_of(const struct dispatch *dispatch, const struct receiver *receiver)
{
    const char *name = receiver->webhook->fallback;
    for (size_t i = 0; i < dispatch->webhook_count && name; i++)
        if (strcmp(dispatch->receivers[i].name, name) == 0)
            return &dispatch->receivers[i];
    return NULL;
}

/*
 * Puts the message into the outbox for the fallback, unless it is there already: by its own route, or because it fell before a restart.
 * So which message fell is known from the outbox alone, and two webhooks that are each other's fallback end here.
 */
static bool fallback_take(struct dispatch *dispatch, struct receiver *fallback, const struct outbox_entry *entry,
                          int64_t now_ms)
{
    int64_t incident_id = entry->message->incident_id;
    if (history_find_outbox(dispatch->history, fallback->name, incident_id, entry->notification_id))
        return false;
    history_put_outbox(dispatch->history, entry->notification_id, incident_id, fallback->name, now_ms);
    fallback->waiting = fallback->fell_now = true;
    return true;
}

static void fallback_say(const struct receiver *receiver, size_t count)
{
    if (count > 0)
        say_warning("webhook %s: %zu notification%s that it has not taken go%s to webhook %s", receiver->name, count,
                    count == 1 ? "" : "s", count == 1 ? "es" : "", receiver->webhook->fallback);
}

int64_t fallback_next_ms(const struct receiver *receiver, int64_t now_ms)
{
    bool waits = receiver->webhook && receiver->webhook->fallback && receiver->count > 0 && receiver->tried;
    if (!waits || receiver->fallen_id >= receiver->entries[0].id)
        return INT64_MAX;
    int64_t due_ms = receiver->entries[0].created_ms + receiver->webhook->fallback_after_ms;
    return due_ms > now_ms ? due_ms : now_ms;
}

/* Returns true while the oldest message that waits is too old, whether or not it fell already. */
static bool fallback_is_due(const struct receiver *receiver, int64_t now_ms)
{
    return receiver->webhook->fallback && receiver->count > 0 && receiver->tried &&
           now_ms - receiver->entries[0].created_ms >= receiver->webhook->fallback_after_ms;
}

void fallback_run(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms)
{
    struct outbox_entry entries[COMBINED_MOST];
    size_t told = 0, count;
    struct receiver *fallback = fallback_of(dispatch, receiver);
    if (!fallback || !fallback_is_due(receiver, now_ms))
        return;
    while ((count = history_get_outbox(dispatch->history, receiver->name, receiver->fallen_id, entries,
                                       COMBINED_MOST)) > 0) {
        for (size_t i = 0; i < count; i++) {
            told += fallback_take(dispatch, fallback, &entries[i], now_ms);
            message_free(entries[i].message);
        }
        receiver->fallen_id = entries[count - 1].id;
    }
    fallback_say(receiver, told);
}

void fallback_refused(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms)
{
    struct receiver *fallback = fallback_of(dispatch, receiver);
    size_t told = 0;
    for (size_t i = 0; i < receiver->count && fallback; i++)
        told += fallback_take(dispatch, fallback, &receiver->entries[i], now_ms);
    fallback_say(receiver, told);
}
