/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outlet.h"

/* An instant that has not come is 0 inside and outside. */
static int64_t wall(const struct outlet *outlet, int64_t engine_ms)
{
    return engine_ms ? moment_wall_ms(outlet->moment, engine_ms) : 0;
}

/* If the clock was set back in between, an end would stand before its beginning: readers of the history do not expect that. */
static int64_t wall_end(int64_t ended_wall_ms, int64_t started_wall_ms)
{
    return ended_wall_ms && ended_wall_ms < started_wall_ms ? started_wall_ms : ended_wall_ms;
}

void outlet_cycle(void *ctx, const struct cycle *cycle)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.cycle)
        return;
    struct cycle told = *cycle;
    told.started_ms = wall(outlet, cycle->started_ms);
    told.ended_ms = wall_end(wall(outlet, cycle->ended_ms), told.started_ms);
    outlet->sink.cycle(outlet->sink.ctx, &told);
}

void outlet_run(void *ctx, const struct run *run)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.run)
        return;
    struct run told = *run;
    told.started_ms = wall(outlet, run->started_ms);
    told.ended_ms = wall_end(wall(outlet, run->ended_ms), told.started_ms);
    outlet->sink.run(outlet->sink.ctx, &told);
}

void outlet_answer(void *ctx, const struct run_answer *answer)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.answer)
        return;
    struct run_answer told = *answer;
    told.at_ms = wall(outlet, answer->at_ms);
    outlet->sink.answer(outlet->sink.ctx, &told);
}

static struct incident wall_incident(const struct outlet *outlet, const struct incident *incident)
{
    struct incident told = *incident;
    told.onset_ms = wall(outlet, incident->onset_ms);
    told.opened_ms = wall(outlet, incident->opened_ms);
    told.critical_ms = wall(outlet, incident->critical_ms);
    told.resolved_ms = wall(outlet, incident->resolved_ms);
    told.verified_ms = wall(outlet, incident->verified_ms);
    told.escalated_ms = wall(outlet, incident->escalated_ms);
    told.acknowledged_ms = wall(outlet, incident->acknowledged_ms);
    told.prometheus_ms = wall(outlet, incident->prometheus_ms);
    return told;
}

void outlet_incident(void *ctx, const struct incident *incident)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.incident)
        return;
    struct incident told = wall_incident(outlet, incident);
    outlet->sink.incident(outlet->sink.ctx, &told);
}

void outlet_timeline(void *ctx, const struct timeline_entry *entry)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.timeline)
        return;
    struct timeline_entry told = *entry;
    told.at_ms = wall(outlet, entry->at_ms);
    outlet->sink.timeline(outlet->sink.ctx, &told);
}

void outlet_notify(void *ctx, const struct notification *notification)
{
    const struct outlet *outlet = ctx;
    if (!outlet->sink.notify)
        return;
    struct incident incident = wall_incident(outlet, notification->incident);
    struct notification told = *notification;
    told.time_ms = wall(outlet, notification->time_ms);
    told.incident = &incident;
    outlet->sink.notify(outlet->sink.notify_ctx, &told);
}

void outlet_explain(void *ctx, const struct judgement *judgement)
{
    const struct outlet *outlet = ctx;
    struct judgement told = *judgement;
    told.time_ms = wall(outlet, judgement->time_ms);
    outlet->sink.explain(outlet->sink.explain_ctx, &told);
}
