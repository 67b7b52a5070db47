/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * The scheduler's life: stopped, dead, late, hung, or restarting again and again. Its promises and the bounds that it
 * keeps (a time-out a table) are deadlines; each known sign of life moves them.
 */

enum { RESTARTS_BAD = 3 };

#define FIRST_COMMAND "systemctl status iceberg-offload-scheduler"

static void raise_down(struct engine *engine, enum severity severity, int64_t onset_ms, const char *what)
{
    pool_raise(engine, &(struct complaint){
                           .family = FAMILY_DOWN,
                           .severity = severity,
                           .onset_ms = onset_ms,
                           .what = what,
                           .scenario = "5",
                           .first_command = FIRST_COMMAND,
                       });
}

static void on_dead(struct engine *engine, const char *what)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    if (scheduler->dead_ms || scheduler->stopped_ms)
        return; /* a crash closes the log as well; so does a stop */
    scheduler->dead_ms = engine->clock_ms;
    scheduler->hung_cycle_id = 0;
    if (pool_find(engine, FAMILY_CRASH_LOOP, NULL))
        return; /* one more death of a crash loop is no news, unless it stays dead */
    raise_down(engine, SEVERITY_WARNING, engine->clock_ms, what);
    prometheus_down(pool_find(engine, FAMILY_DOWN, NULL), engine->clock_ms);
}

static void on_stopped(struct engine *engine)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    scheduler->stopped_ms = engine->clock_ms;
    if (!scheduler->promise_ms)
        scheduler->promise_ms = engine_next_slot(engine);
    raise_down(engine, SEVERITY_WARNING, engine->clock_ms, "the scheduler was stopped");
    prometheus_down(pool_find(engine, FAMILY_DOWN, NULL), engine->clock_ms);
}

static void count_restart(struct scheduler_state *scheduler, int64_t at_ms)
{
    if (scheduler->restart_count == RESTARTS_KEPT)
        memmove(scheduler->restarts, scheduler->restarts + 1, --scheduler->restart_count * sizeof *scheduler->restarts);
    scheduler->restarts[scheduler->restart_count++] = at_ms;
}

static size_t restarts_within_a_day(const struct engine *engine)
{
    const struct scheduler_state *scheduler = &engine->scheduler;
    size_t recent = 0;
    for (size_t i = 0; i < scheduler->restart_count; i++)
        recent += engine->clock_ms - scheduler->restarts[i] < DAY_MS;
    return recent;
}

static void judge_restarts(struct engine *engine)
{
    size_t recent = restarts_within_a_day(engine);
    if (recent < RESTARTS_BAD)
        return;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%zu restarts without a graceful stop within a day", recent);
    struct tracked *tracked =
        pool_raise(engine, &(struct complaint){
                               .family = FAMILY_CRASH_LOOP,
                               .severity = SEVERITY_WARNING,
                               .onset_ms = engine->scheduler.restarts[engine->scheduler.restart_count - recent],
                               .what = strbuf_text(&what),
                               .scenario = "5",
                               .first_command = "journalctl -u iceberg-offload-scheduler -n 50",
                           });
    strbuf_free(&what);
    if (recent > RESTARTS_BAD && !tracked->facts.escalated_ms)
        tracked->escalation_due = true;
}

static void on_started(struct engine *engine)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    bool graceful = scheduler->stopped_ms != 0, first = scheduler->started_ms == 0;
    scheduler->started_ms = engine->clock_ms;
    scheduler->stopped_ms = scheduler->dead_ms = 0;
    scheduler->promise_ms = engine->clock_ms; /* it runs a cycle at once */
    if (!first && !graceful) {
        count_restart(scheduler, engine->clock_ms);
        judge_restarts(engine);
    }
}

static void on_completed(struct engine *engine)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    scheduler->dead_ms = 0;
    scheduler->promise_ms = engine_next_slot(engine); /* until it says so itself */
    if (scheduler->hung_cycle_id != engine->model.cycle.id)
        pool_clear(engine, FAMILY_DOWN, NULL);
}

static void on_resumed(struct scheduler_state *scheduler, int64_t slept_ms)
{
    /* It sleeps in seconds of its own: a host that slept makes it late by just that. */
    if (scheduler->promise_ms)
        scheduler->promise_ms += slept_ms;
    if (scheduler->dead_ms)
        scheduler->dead_ms += slept_ms;
    if (slept_ms >= 0)
        return;
    /* Set back: what happened a while ago happened as long ago by the clock as it is now. */
    if (scheduler->started_ms)
        scheduler->started_ms += slept_ms;
    for (size_t i = 0; i < scheduler->restart_count; i++)
        scheduler->restarts[i] += slept_ms;
}

static void scheduler_fact(struct engine *engine, const struct fact *fact)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    switch (fact->kind) {
    case FACT_SCHEDULER_STARTED: on_started(engine); break;
    case FACT_SCHEDULER_STOPPED: on_stopped(engine); break;
    case FACT_SCHEDULER_CRASHED: on_dead(engine, "the scheduler crashed"); break;
    case FACT_WRITER_GONE:
        scheduler->writer_seen = false;
        on_dead(engine, "the scheduler died: nobody holds its log open any more");
        break;
    case FACT_WRITER_BACK:
        scheduler->writer_seen = true;
        scheduler->dead_ms = 0;
        break;
    case FACT_HOST_RESUMED: on_resumed(scheduler, fact->duration_ms); break;
    case FACT_PROMISE: scheduler->promise_ms = scheduler->slot_ms = fact->at_ms; break;
    case FACT_CYCLE_STARTED: scheduler->promise_ms = scheduler->dead_ms = scheduler->stopped_ms = 0; break;
    case FACT_CYCLE_COMPLETED: on_completed(engine); break;
    case FACT_CYCLE_ABORTED:
        if (!scheduler->promise_ms)
            scheduler->promise_ms = engine_next_slot(engine);
        break;
    default: break;
    }
}

/* --- deadlines --------------------------------------------------------------------------------------------- */

static enum severity down_severity(const struct engine *engine)
{
    const struct tracked *tracked = pool_find(engine, FAMILY_DOWN, NULL);
    return tracked ? tracked->facts.severity : SEVERITY_NONE;
}

/* A promise broken: a warning, then critical. A stop was a warning already. */
static int64_t late_due(const struct engine *engine)
{
    const struct scheduler_state *scheduler = &engine->scheduler;
    if (!scheduler->promise_ms || model_cycle_running(engine))
        return INT64_MAX;
    switch (down_severity(engine)) {
    case SEVERITY_NONE: return scheduler->promise_ms + engine->settings.schedule.late_warning_ms;
    case SEVERITY_WARNING: return scheduler->promise_ms + engine->settings.schedule.late_critical_ms;
    default: return INT64_MAX;
    }
}

static int64_t dead_due(const struct engine *engine)
{
    if (!engine->scheduler.dead_ms || down_severity(engine) == SEVERITY_CRITICAL)
        return INT64_MAX;
    return engine->scheduler.dead_ms + engine->settings.schedule.restart_grace_ms;
}

static int64_t hung_due(const struct engine *engine)
{
    if (!model_cycle_running(engine) || engine->scheduler.hung_cycle_id == engine->model.cycle.id)
        return INT64_MAX;
    return engine->model.sign_ms + engine->settings.schedule.table_timeout_ms + engine->settings.schedule.hang_grace_ms;
}

static int64_t loop_over_due(const struct engine *engine)
{
    const struct scheduler_state *scheduler = &engine->scheduler;
    if (!pool_find(engine, FAMILY_CRASH_LOOP, NULL) || scheduler->restart_count < RESTARTS_BAD)
        return INT64_MAX;
    return scheduler->restarts[scheduler->restart_count - RESTARTS_BAD] + DAY_MS;
}

static int64_t scheduler_due(const struct engine *engine)
{
    int64_t times[] = { late_due(engine), dead_due(engine), hung_due(engine), loop_over_due(engine) };
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        best = times[i] < best ? times[i] : best;
    return best;
}

static void expire_late(struct engine *engine)
{
    const struct scheduler_state *scheduler = &engine->scheduler;
    enum severity was = down_severity(engine);
    struct strbuf what = { 0 };
    strbuf_puts(&what,
                scheduler->stopped_ms ? "the scheduler was stopped, and the promised run is " : "the promised run is ");
    describe_duration(engine->clock_ms - scheduler->promise_ms, &what);
    strbuf_puts(&what, " late");
    raise_down(engine, was == SEVERITY_NONE ? SEVERITY_WARNING : SEVERITY_CRITICAL, scheduler->promise_ms,
               strbuf_text(&what));
    /* If it died, nobody saw when: no earlier than its last sign of life. If it lives, Prometheus sees nothing wrong. */
    if (!scheduler->writer_seen)
        prometheus_down(pool_find(engine, FAMILY_DOWN, NULL), engine->model.sign_ms);
    strbuf_free(&what);
}

static void expire_dead(struct engine *engine)
{
    struct strbuf what = { 0 };
    strbuf_puts(&what, "the scheduler is dead and did not come back within ");
    describe_duration(engine->clock_ms - engine->scheduler.dead_ms, &what);
    raise_down(engine, SEVERITY_CRITICAL, engine->scheduler.dead_ms, strbuf_text(&what));
    prometheus_down(pool_find(engine, FAMILY_DOWN, NULL), engine->scheduler.dead_ms);
    strbuf_free(&what);
}

/* A slow cycle that turns out to be hung is the same incident with another runbook, never a second page. */
static void expire_hung(struct engine *engine)
{
    const struct model *model = &engine->model;
    struct strbuf what = { 0 };
    engine->scheduler.hung_cycle_id = model->cycle.id;
    strbuf_printf(&what, "the scheduler hangs: %s%s said nothing for ", model->run_open ? "the run of " : "a cycle",
                  model->run_open ? model->run.table : "");
    describe_duration(engine->clock_ms - model->sign_ms, &what);
    struct complaint complaint = {
        .family = FAMILY_DOWN,
        .severity = SEVERITY_CRITICAL,
        .onset_ms = model->sign_ms,
        .what = strbuf_text(&what),
        .scenario = "5",
        .first_command = "sudo systemctl kill -s SIGKILL iceberg-offload-scheduler && sudo systemctl start "
                         "iceberg-offload-scheduler",
    };
    struct tracked *slow = pool_find(engine, FAMILY_SLOW, NULL);
    if (slow && !pool_find(engine, FAMILY_DOWN, NULL))
        pool_turn_into(engine, slow, &complaint);
    else
        pool_raise(engine, &complaint);
    strbuf_free(&what);
}

static void scheduler_expire(struct engine *engine)
{
    int64_t now = engine->clock_ms;
    if (dead_due(engine) <= now)
        expire_dead(engine);
    else if (late_due(engine) <= now)
        expire_late(engine);
    else if (hung_due(engine) <= now)
        expire_hung(engine);
    else if (loop_over_due(engine) <= now)
        pool_clear(engine, FAMILY_CRASH_LOOP, NULL);
}

const struct detector detect_scheduler = { scheduler_fact, scheduler_due, scheduler_expire };

void scheduler_archive(struct engine *engine, struct archive *archive)
{
    struct scheduler_state *scheduler = &engine->scheduler;
    archive_i64(archive, "interval", &scheduler->interval_ms);
    archive_i64(archive, "promise", &scheduler->promise_ms);
    archive_i64(archive, "slot", &scheduler->slot_ms);
    archive_i64(archive, "stopped", &scheduler->stopped_ms);
    archive_i64(archive, "dead", &scheduler->dead_ms);
    archive_i64(archive, "hung", &scheduler->hung_cycle_id);
    archive_bool(archive, "writer", &scheduler->writer_seen);
    archive_i64(archive, "started", &scheduler->started_ms);
    archive_i64s(archive, "restarts", scheduler->restarts, &scheduler->restart_count, RESTARTS_KEPT);
}
