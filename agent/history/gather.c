/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "history_private.h"

static void gather_cycle(void *ctx, const struct cycle *cycle)
{
    struct history *history = ctx;
    batch_put_cycle(&history->batch, cycle);
}

static void gather_run(void *ctx, const struct run *run)
{
    struct history *history = ctx;
    batch_put_run(&history->batch, run);
}

static void gather_answer(void *ctx, const struct run_answer *answer)
{
    struct history *history = ctx;
    batch_put_answer(&history->batch, answer);
}

static void gather_incident(void *ctx, const struct incident *incident)
{
    struct history *history = ctx;
    batch_put_incident(&history->batch, incident);
}

static void gather_fact(void *ctx, const struct timeline_entry *entry)
{
    struct history *history = ctx;
    batch_put_fact(&history->batch, ++history->last_fact, entry);
}

struct engine_sink history_sink(struct history *history)
{
    return (struct engine_sink){
        .ctx = history,
        .cycle = gather_cycle,
        .run = gather_run,
        .answer = gather_answer,
        .incident = gather_incident,
        .timeline = gather_fact,
    };
}

int64_t history_put_message(struct history *history, const struct message *message, bool silenced)
{
    batch_put_message(&history->batch, ++history->last_message, message, silenced);
    return history->last_message;
}

int64_t history_put_outbox(struct history *history, int64_t notification_id, int64_t incident_id, const char *webhook,
                           int64_t created_ms)
{
    struct batch_outbox entry = {
        .delivery.outbox_id = ++history->last_outbox,
        .incident_id = incident_id,
        .notification_id = notification_id,
        .created_ms = created_ms,
    };
    batch_put_outbox(&history->batch, &entry, webhook);
    return history->last_outbox;
}

void history_put_delivery(struct history *history, int64_t outbox_id, const char *status, int64_t attempts,
                          int64_t next_attempt_ms, int64_t delivered_ms, const char *last_error)
{
    struct batch_delivery delivery = {
        .outbox_id = outbox_id,
        .attempts = attempts,
        .next_attempt_ms = next_attempt_ms,
        .delivered_ms = delivered_ms,
    };
    batch_put_delivery(&history->batch, &delivery, status, last_error);
}

struct history_state *history_find_state(struct history *history, const char *key)
{
    for (size_t i = 0; i < history->state_count; i++)
        if (strcmp(history->states[i].key, key) == 0)
            return &history->states[i];
    return NULL;
}

struct history_state *history_add_state(struct history *history, const char *key, struct slice value)
{
    history->states = must_grow(history->states, history->state_count + 1, sizeof *history->states);
    struct history_state *state = &history->states[history->state_count++];
    *state = (struct history_state){ .key = must_copy(key, strlen(key)) };
    strbuf_add(&state->value, value.at, value.len);
    return state;
}

void history_put_state(struct history *history, const char *key, struct slice value)
{
    struct history_state *state = history_find_state(history, key);
    if (!state) {
        history_add_state(history, key, value)->dirty = true;
    } else if (state->gone || state->value.len != value.len ||
               memcmp(strbuf_text(&state->value), value.at, value.len) != 0) {
        strbuf_clear(&state->value);
        strbuf_add(&state->value, value.at, value.len);
        state->dirty = true;
        state->gone = false;
    }
}

void history_drop_state(struct history *history, const char *key)
{
    struct history_state *state = history_find_state(history, key);
    if (!state || state->gone)
        return;
    strbuf_free(&state->value);
    state->gone = state->dirty = true;
}

static bool positions_equal(const struct source_position *a, const struct source_position *b)
{
    return a->device == b->device && a->inode == b->inode && a->offset == b->offset &&
           a->fingerprint == b->fingerprint && a->fingerprint_len == b->fingerprint_len && a->begun_ms == b->begun_ms &&
           a->owner == b->owner;
}

void history_put_sources(struct history *history, const struct source_position *positions, size_t count)
{
    bool same = history->source_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = positions_equal(&history->sources[i], &positions[i]);
    if (same)
        return;
    if (count > history->source_count)
        history->sources = must_grow(history->sources, count, sizeof *history->sources);
    if (count > 0)
        memcpy(history->sources, positions, count * sizeof *positions);
    history->source_count = count;
    history->sources_dirty = true;
}

static bool states_are_dirty(const struct history *history)
{
    bool dirty = history->sources_dirty || history->corrupt || history_witnesses_dirty(history);
    for (size_t i = 0; !dirty && i < history->state_count; i++)
        dirty = history->states[i].dirty;
    return dirty;
}

bool history_may_wait(const struct history *history)
{
    enum { WAITING_MOST_BYTES = 256 << 10 };
    const struct batch *batch = &history->batch;
    return batch_rows(batch) == batch->cycles.count + batch->runs.count && batch_bytes(batch) < WAITING_MOST_BYTES &&
           !history->engine && !states_are_dirty(history);
}

bool history_dirty(const struct history *history)
{
    return batch_rows(&history->batch) > 0 || states_are_dirty(history) || history_parts_dirty(history);
}

size_t history_pending_bytes(const struct history *history)
{
    return batch_bytes(&history->batch);
}
