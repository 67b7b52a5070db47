/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_WATCH_H
#define TESTS_FUZZ_WATCH_H

#include "agent/core/engine_private.h"
#include "fuzz.h"

/* What fuzz_engine.c holds an engine to: everything that comes out of it, and its incidents and deadlines after each step. */
enum { TOLD_KEPT = 256 };

struct watch {
    struct engine *engine;
    bool set_back; /* the clock ran backwards: times compare no more */
    bool crowded;  /* an interval below a minute was in force: an hour is shorter then */
    int64_t silenced_until_ms;
    int64_t sent_ms[ROUTINE_AN_HOUR];
    size_t sent;
    int64_t sequence[TOLD_KEPT];
    bool fired[TOLD_KEPT], resolved[TOLD_KEPT], escalated[TOLD_KEPT];
    enum severity severity[TOLD_KEPT]; /* as it was last told */
    enum alert alert[TOLD_KEPT];
    int64_t last_cycle_id, last_run_id;
    uint64_t said; /* a hash of all that came out */
};

/* --- what comes out ------------------------------------------------------------------------------------------ */

static void say_number(struct watch *watch, int64_t number)
{
    watch->said = (watch->said ^ (uint64_t)number) * UINT64_C(0x9e3779b97f4a7c15);
    watch->said ^= watch->said >> 32;
}

static void say_numbers(struct watch *watch, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say_number(watch, numbers[i]);
}

static void say_text(struct watch *watch, const char *text)
{
    for (; text && *text; text++)
        watch->said = (watch->said ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    say_number(watch, text != NULL);
}

/* Numbers are given one after the other. Those that have names may be told of in any order after that, since several are open at once. */
static void must_be_next_or_known(int64_t id, int64_t *last)
{
    must(id >= 1 && id <= *last + 1);
    *last = id > *last ? id : *last;
}

static void hear_cycle(void *ctx, const struct cycle *cycle)
{
    struct watch *watch = ctx;
    must_be_next_or_known(cycle->id, &watch->last_cycle_id);
    must((cycle->outcome == CYCLE_RUNNING) == (cycle->ended_ms == 0) && cycle->duration_ms >= 0);
    must(cycle->succeeded >= 0 && cycle->failed >= 0 && cycle->timed_out >= 0);
    say_numbers(watch, (int64_t[]){ cycle->started_ms, cycle->duration_ms, cycle->outcome, cycle->rows }, 4);
}

static void hear_run(void *ctx, const struct run *run)
{
    struct watch *watch = ctx;
    must(run->table != NULL);
    must_be_next_or_known(run->id, &watch->last_run_id);
    must(run->outcome == RUN_RUNNING || run->ended_ms >= run->started_ms);
    say_numbers(watch, (int64_t[]){ run->started_ms, run->duration_ms, run->outcome, run->rows }, 4);
    say_text(watch, run->error);
}

static void hear_incident(void *ctx, const struct incident *incident)
{
    struct watch *watch = ctx;
    must(incident->summary && incident->summary[0] && incident->id >= 1 &&
         incident->id <= watch->engine->incidents.last_id);
    must(incident->open == (incident->resolved_ms == 0));
    must((incident->severity == SEVERITY_CRITICAL) == (incident->critical_ms != 0));
    must(watch->set_back || incident->open || incident->resolved_ms >= incident->opened_ms);
    must(watch->set_back || incident->verified_ms == 0 || incident->verified_ms >= incident->resolved_ms);
    must(!incident->table || incident->table_count > 0);
    say_numbers(watch,
                (int64_t[]){ incident->id, incident->alert, incident->opened_ms, incident->resolved_ms,
                             incident->verified_ms, incident->prometheus_ms },
                6);
    say_text(watch, incident->summary);
    say_text(watch, incident->cause.words);
    say_text(watch, incident->evidence);
}

static void hear_story(void *ctx, const struct timeline_entry *entry)
{
    struct watch *watch = ctx;
    must(entry->kind && entry->text && entry->incident_id >= 1 &&
         entry->incident_id <= watch->engine->incidents.last_id);
    say_numbers(watch, (int64_t[]){ entry->at_ms, entry->incident_id, entry->offset }, 3);
    say_text(watch, entry->text);
}

/* A reminder, a warning, or more about a critical that was told already. */
static bool is_routine(const struct watch *watch, const struct notification *notification)
{
    size_t id = (size_t)notification->incident->id;
    bool told =
        id < TOLD_KEPT && watch->severity[id] == notification->severity && watch->alert[id] == notification->alert;
    if (notification->hearing == HEARD_AS_COMBINED || notification->status == NOTIFY_REMINDER)
        return true;
    return notification->hearing == HEARD_BY_ALL && notification->status == NOTIFY_FIRING && id < TOLD_KEPT &&
           (notification->severity != SEVERITY_CRITICAL || told);
}

/* At most six routine messages within any hour. */
static void count_sent(struct watch *watch, const struct notification *notification)
{
    if (!is_routine(watch, notification) || notification->hearing == HEARD_IN_COMBINED)
        return;
    int64_t *oldest = &watch->sent_ms[watch->sent++ % ROUTINE_AN_HOUR];
    must(watch->set_back || watch->crowded || watch->sent <= ROUTINE_AN_HOUR ||
         notification->time_ms - *oldest >= HOUR_MS);
    must(watch->set_back || notification->status == NOTIFY_RESOLVED ||
         notification->time_ms >= watch->silenced_until_ms);
    *oldest = notification->time_ms;
}

static void check_order(struct watch *watch, const struct notification *notification, size_t id)
{
    must(notification->sequence == watch->sequence[id] + 1);
    watch->sequence[id] = notification->sequence;
    if (notification->hearing == HEARD_AS_COMBINED)
        return;
    must(notification->status == NOTIFY_FIRING || watch->fired[id]);
    must(!watch->resolved[id] || notification->hearing == HEARD_BY_NONE || notification->status == NOTIFY_RESOLVED);
    /* What began and ended while it waited for room is told as firing and resolved at once. */
    must((notification->status == NOTIFY_RESOLVED) == !notification->incident->open ||
         (notification->status == NOTIFY_FIRING && !watch->fired[id]));
    must(notification->status != NOTIFY_REMINDER || notification->severity == SEVERITY_CRITICAL);
    must(notification->status != NOTIFY_ESCALATED || (!watch->escalated[id] && notification->escalate_to));
    watch->fired[id] = true;
    if (notification->hearing != HEARD_BY_NONE) {
        watch->severity[id] = notification->severity;
        watch->alert[id] = notification->alert;
    }
    watch->resolved[id] = watch->resolved[id] || notification->status == NOTIFY_RESOLVED;
    watch->escalated[id] = watch->escalated[id] || notification->status == NOTIFY_ESCALATED;
}

static void hear(void *ctx, const struct notification *notification)
{
    struct watch *watch = ctx;
    must(notification->summary && notification->summary[0] && notification->severity != SEVERITY_NONE);
    must(notification->time_ms == engine_clock(watch->engine));
    count_sent(watch, notification);
    if ((size_t)notification->incident->id < TOLD_KEPT)
        check_order(watch, notification, (size_t)notification->incident->id);
    say_numbers(watch,
                (int64_t[]){ notification->time_ms, notification->status, notification->alert, notification->hearing },
                4);
    say_text(watch, notification->summary);
}

/* --- what is inside ------------------------------------------------------------------------------------------ */

static bool share_a_table(const struct incident_record *one, const struct incident_record *other)
{
    for (size_t i = 0; i < one->member_count; i++) {
        for (size_t j = 0; j < other->member_count; j++)
            if (one->members[i].table == other->members[j].table)
                return true;
    }
    return one->member_count == 0 || other->member_count == 0;
}

static void check_incidents(const struct watch *watch)
{
    const struct incidents *incidents = &watch->engine->incidents;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_record *one = incidents->records[i];
        for (size_t j = i + 1; j < incidents->count; j++) {
            const struct incident_record *other = incidents->records[j];
            must(other->incident.id > one->incident.id);
            must(!one->incident.open || !other->incident.open || one->kind != other->kind ||
                 !share_a_table(one, other));
        }
    }
}

/* No deadline lies before the instant from which the engine looks for one, unless it is about to be looked for. */
static void check_deadlines(const struct watch *watch)
{
    struct engine *engine = watch->engine;
    int64_t looked_for_from_ms = engine->floor_ms;
    int64_t next_ms = engine_next_deadline(engine);
    must(engine->floor_ms >= looked_for_from_ms || looked_for_from_ms <= engine->moment.now_ms);
    must(next_ms >= engine_clock(engine));
}

#endif
