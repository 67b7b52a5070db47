/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/zone.h"
#include "daemon_private.h"

/* What people ask for with `agent silence` and `agent ack` reaches a running agent through the history. */

enum {
    ASKED_LOOK_MS = 1000
}; /* while an incident is open or a silence in force: a person may ask for something at any time */

static void take_acknowledgement(void *ctx, const struct acknowledgement *acknowledgement)
{
    struct daemon *daemon = ctx;
    if (engine_acknowledge(daemon->ingest.engine, acknowledgement))
        daemon->touched = daemon->urgent = true;
}

void daemon_forget_silences(struct daemon *daemon)
{
    struct silence_list *list = &daemon->silences;
    for (size_t i = 0; i < list->count; i++)
        silence_free(&list->at[i]);
    free(list->at);
    *list = (struct silence_list){ 0 };
}

static void take_silence(void *ctx, const struct silence *silence)
{
    struct silence_list *list = ctx;
    list->at = list_room(list->at, list->count, sizeof *list->at);
    list->at[list->count++] = silence_copy(silence);
}

void daemon_take_silences(struct daemon *daemon)
{
    struct silence_list *list = &daemon->silences;
    list->known = (struct silences){
        .at = list->at,
        .count = list->count,
        .windows = daemon->config->windows,
        .window_count = daemon->config->window_count,
        .offset = zone_offset_ms,
    };
    engine_silence(daemon->ingest.engine, &list->known);
    daemon->textfile.stale = true;
}

void daemon_notice_asked(struct daemon *daemon)
{
    if (history_was_edited(daemon->history)) {
        history_get_acknowledgements(daemon->history, take_acknowledgement, daemon);
        daemon_forget_silences(daemon);
        history_get_silences(daemon->history, daemon->now_ms, take_silence, &daemon->silences);
        daemon_take_silences(daemon);
    }
    bool may_ask = daemon->silences.count || engine_newest_open(daemon->ingest.engine);
    daemon->asked_look_ms = may_ask ? daemon->running_ms + ASKED_LOOK_MS : INT64_MAX;
}
