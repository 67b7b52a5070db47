/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include "saved.h"

/*
 * The scheduler's life: stopped, dead, late, hung, or restarting again and again. Its promises and the bounds that it keeps (a time-out a
 * table) are deadlines, and each sign of life moves them.
 */

enum { RESTARTS_BAD = 3, RESTARTS_KEPT = 8 };

struct scheduler {
    int64_t stopped_ms;              /* a graceful stop that no start has followed yet; 0 otherwise, likewise below */
    int64_t dead_ms;                 /* it crashed, or the writer is gone, and it is not back */
    bool writer_seen;                /* somebody holds the log open: late is not dead */
    int64_t restarts[RESTARTS_KEPT]; /* without a graceful stop before, oldest first */
    size_t restart_count;
};

static void scheduler_begin(struct context *context)
{
    context->scheduler = must_alloc(sizeof *context->scheduler);
}

static const struct cause look_at_it = { .scenario = "5",
                                         .first_command = "systemctl status iceberg-offload-scheduler" };
static const struct cause ask_why = { .scenario = "5",
                                      .first_command = "journalctl -u iceberg-offload-scheduler -n 50" };
static const struct cause kill_it = {
    .scenario = "5",
    .first_command = "sudo systemctl kill -s SIGKILL iceberg-offload-scheduler && sudo systemctl start "
                     "iceberg-offload-scheduler"
};

static struct incident_record *raise_down(struct context *context, enum severity severity, int64_t onset_ms,
                                          const char *what)
{
    return incidents_raise(context->incidents, &(struct finding){
                                                   .kind = KIND_DOWN,
                                                   .severity = severity,
                                                   .onset_ms = onset_ms,
                                                   .what = what,
                                                   .cause = look_at_it,
                                               });
}

static void on_dead(struct context *context, const char *what)
{
    struct scheduler *scheduler = context->scheduler;
    int64_t now_ms = context->moment->now_ms;
    if (scheduler->dead_ms || scheduler->stopped_ms)
        return; /* a crash closes the log as well; so does a stop */
    scheduler->dead_ms = now_ms;
    context->schedule->hung_cycle_id = 0;
    /* One more death of a crash loop is no news, unless the scheduler stays dead. */
    if (!incidents_find(context->incidents, KIND_CRASH_LOOP, NULL))
        prometheus_note(raise_down(context, SEVERITY_WARNING, now_ms, what), now_ms);
}

static void on_stopped(struct context *context)
{
    struct schedule *schedule = context->schedule;
    int64_t now_ms = context->moment->now_ms;
    context->scheduler->stopped_ms = now_ms;
    if (!schedule->promise_ms)
        schedule->promise_ms = schedule_next_slot(schedule);
    prometheus_note(raise_down(context, SEVERITY_WARNING, now_ms, "the scheduler was stopped"), now_ms);
}

static void count_restart(struct scheduler *scheduler, int64_t at_ms)
{
    if (scheduler->restart_count == RESTARTS_KEPT)
        memmove(scheduler->restarts, scheduler->restarts + 1, --scheduler->restart_count * sizeof *scheduler->restarts);
    scheduler->restarts[scheduler->restart_count++] = at_ms;
}

static size_t restarts_within_a_day(const struct context *context)
{
    const struct scheduler *scheduler = context->scheduler;
    size_t recent = 0;
    for (size_t i = 0; i < scheduler->restart_count; i++)
        recent += context->moment->now_ms - scheduler->restarts[i] < DAY_MS;
    return recent;
}

static void judge_restarts(struct context *context)
{
    size_t recent = restarts_within_a_day(context);
    if (recent < RESTARTS_BAD)
        return;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%zu restarts without a graceful stop within a day", recent);
    const struct scheduler *scheduler = context->scheduler;
    struct incident_record *record =
        incidents_raise(context->incidents, &(struct finding){
                                                .kind = KIND_CRASH_LOOP,
                                                .severity = SEVERITY_WARNING,
                                                .onset_ms = scheduler->restarts[scheduler->restart_count - recent],
                                                .what = strbuf_text(&what),
                                                .cause = ask_why,
                                            });
    strbuf_free(&what);
    if (recent > RESTARTS_BAD && !record->incident.escalated_ms)
        incidents_escalate(record);
}

static void on_started(struct context *context)
{
    struct scheduler *scheduler = context->scheduler;
    struct schedule *schedule = context->schedule;
    bool graceful = scheduler->stopped_ms != 0, first = schedule->started_ms == 0;
    schedule->started_ms = context->moment->now_ms;
    schedule->is_starting = true;
    scheduler->stopped_ms = scheduler->dead_ms = 0;
    schedule->promise_ms = context->moment->now_ms; /* it runs a cycle at once */
    if (!first && !graceful) {
        count_restart(scheduler, context->moment->now_ms);
        judge_restarts(context);
    }
}

static void on_completed(struct context *context)
{
    struct schedule *schedule = context->schedule;
    context->scheduler->dead_ms = 0;
    schedule->is_starting = false;
    schedule->promise_ms = schedule_next_slot(schedule); /* until the log says it */
    if (schedule->hung_cycle_id != context->model->cycle.id)
        incidents_clear(context->incidents, KIND_DOWN, NULL);
}

static void on_aborted(struct schedule *schedule)
{
    if (!schedule->promise_ms)
        schedule->promise_ms = schedule_next_slot(schedule);
}

/* The scheduler waits in seconds of its own: a host that slept makes it late by just that. */
static void scheduler_on_slept(struct context *context, int64_t slept_ms)
{
    if (context->schedule->promise_ms)
        context->schedule->promise_ms = time_sum(context->schedule->promise_ms, slept_ms);
    if (context->scheduler->dead_ms)
        context->scheduler->dead_ms = time_sum(context->scheduler->dead_ms, slept_ms);
}

static void on_writer_back(struct scheduler *scheduler)
{
    scheduler->writer_seen = true;
    scheduler->dead_ms = 0;
}

static void scheduler_fact(struct context *context, const struct fact *fact)
{
    struct scheduler *scheduler = context->scheduler;
    struct schedule *schedule = context->schedule;
    switch (fact->kind) {
    case FACT_SCHEDULER_STARTED: on_started(context); break;
    case FACT_SCHEDULER_STOPPED: on_stopped(context); break;
    case FACT_SCHEDULER_CRASHED: on_dead(context, "the scheduler crashed"); break;
    case FACT_WRITER_GONE:
        scheduler->writer_seen = false;
        on_dead(context, "the scheduler died: nobody holds its log open any more");
        break;
    case FACT_EVENT:
        if (context->moment->event->kind == EVENT_WRITER_BACK)
            on_writer_back(scheduler);
        break;
    case FACT_HOST_SLEPT: scheduler_on_slept(context, fact->duration_ms); break;
    case FACT_SCHEDULE: schedule->interval_ms = fact->duration_ms; break;
    case FACT_PROMISE:
        schedule->promise_ms = fact->at_ms;
        schedule->slot_wall_ms = moment_wall_ms(context->moment, fact->at_ms);
        break;
    case FACT_CYCLE_STARTED: schedule->promise_ms = scheduler->dead_ms = scheduler->stopped_ms = 0; break;
    case FACT_CYCLE_COMPLETED: on_completed(context); break;
    case FACT_CYCLE_ABORTED: on_aborted(schedule); break;
    default: break;
    }
}

/* --- deadlines --------------------------------------------------------------------------------------------- */

static enum severity down_severity(const struct context *context)
{
    const struct incident_record *record = incidents_find(context->incidents, KIND_DOWN, NULL);
    return record ? record->incident.severity : SEVERITY_NONE;
}

/* A promise that is broken is a warning, then critical. A stop was a warning already. */
static int64_t late_due(const struct context *context)
{
    int64_t promise_ms = context->schedule->promise_ms;
    if (!promise_ms || model_cycle_running(context->model))
        return INT64_MAX;
    switch (down_severity(context)) {
    case SEVERITY_NONE: return promise_ms + context->settings->schedule.late_warning_ms;
    case SEVERITY_WARNING: return promise_ms + context->settings->schedule.late_critical_ms;
    default: return INT64_MAX;
    }
}

static int64_t dead_due(const struct context *context)
{
    if (!context->scheduler->dead_ms || down_severity(context) == SEVERITY_CRITICAL)
        return INT64_MAX;
    return context->scheduler->dead_ms + context->settings->schedule.restart_grace_ms;
}

static int64_t hung_due(const struct context *context)
{
    if (!model_cycle_running(context->model) || context->schedule->hung_cycle_id == context->model->cycle.id)
        return INT64_MAX;
    return context->model->sign_ms + context->settings->schedule.table_timeout_ms +
           context->settings->schedule.hang_grace_ms;
}

static int64_t loop_over_due(const struct context *context)
{
    const struct scheduler *scheduler = context->scheduler;
    if (!incidents_find(context->incidents, KIND_CRASH_LOOP, NULL) || scheduler->restart_count < RESTARTS_BAD)
        return INT64_MAX;
    return scheduler->restarts[scheduler->restart_count - RESTARTS_BAD] + DAY_MS;
}

static int64_t scheduler_due(const struct context *context)
{
    int64_t times[] = { late_due(context), dead_due(context), hung_due(context), loop_over_due(context) };
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        best = times[i] < best ? times[i] : best;
    return best;
}

static void expire_late(struct context *context)
{
    int64_t promise_ms = context->schedule->promise_ms;
    enum severity severity = down_severity(context) == SEVERITY_NONE ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    struct strbuf what = { 0 };
    strbuf_puts(&what, context->scheduler->stopped_ms ? "the scheduler was stopped, and the promised run is "
                                                      : "the promised run is ");
    describe_duration(context->moment->now_ms - promise_ms, &what);
    strbuf_puts(&what, " late");
    struct incident_record *record = raise_down(context, severity, promise_ms, strbuf_text(&what));
    /* If it died, nobody saw when, but not before its last sign of life. If it lives, Prometheus sees nothing wrong. */
    if (!context->scheduler->writer_seen)
        prometheus_note(record, context->model->sign_ms);
    strbuf_free(&what);
}

static void expire_dead(struct context *context)
{
    int64_t dead_ms = context->scheduler->dead_ms;
    struct strbuf what = { 0 };
    strbuf_puts(&what, "the scheduler is dead and did not come back within ");
    describe_duration(context->moment->now_ms - dead_ms, &what);
    prometheus_note(raise_down(context, SEVERITY_CRITICAL, dead_ms, strbuf_text(&what)), dead_ms);
    strbuf_free(&what);
}

/* A slow cycle that turns out to hang is the same incident with another runbook, never a second page. */
static void expire_hung(struct context *context)
{
    const struct model *model = context->model;
    struct strbuf what = { 0 };
    context->schedule->hung_cycle_id = model->cycle.id;
    strbuf_printf(&what, "the scheduler hangs: %s%s said nothing for ", model->run_open ? "the run of " : "a cycle",
                  model->run_open ? model->run.table : "");
    describe_duration(context->moment->now_ms - model->sign_ms, &what);
    struct finding finding = {
        .kind = KIND_DOWN,
        .severity = SEVERITY_CRITICAL,
        .onset_ms = model->sign_ms,
        .what = strbuf_text(&what),
        .cause = kill_it,
    };
    struct incident_record *slow = incidents_find(context->incidents, KIND_SLOW, NULL);
    if (slow && !incidents_find(context->incidents, KIND_DOWN, NULL))
        incidents_turn_into(context->incidents, slow, &finding);
    else
        incidents_raise(context->incidents, &finding);
    strbuf_free(&what);
}

static void scheduler_expire(struct context *context)
{
    int64_t now_ms = context->moment->now_ms;
    if (dead_due(context) <= now_ms)
        expire_dead(context);
    else if (late_due(context) <= now_ms)
        expire_late(context);
    else if (hung_due(context) <= now_ms)
        expire_hung(context);
    else if (loop_over_due(context) <= now_ms)
        incidents_clear(context->incidents, KIND_CRASH_LOOP, NULL);
}

const struct detector detect_scheduler = {
    .begin = scheduler_begin,
    .hears = ~(HEARS(FACT_RUN_SUCCEEDED) | HEARS(FACT_RUN_FAILED) | HEARS(FACT_RUN_EVIDENCE)),
    .fact = scheduler_fact,
    .due = scheduler_due,
    .expire = scheduler_expire,
};

void scheduler_archive(struct context *context, struct archive *archive)
{
    struct scheduler *scheduler = context->scheduler;
    saved_i64(archive, "stopped", &scheduler->stopped_ms);
    saved_i64(archive, "dead", &scheduler->dead_ms);
    archive_bool(archive, "writer", &scheduler->writer_seen);
    saved_i64s(archive, "restarts", scheduler->restarts, &scheduler->restart_count, RESTARTS_KEPT);
}
