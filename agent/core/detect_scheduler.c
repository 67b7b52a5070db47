/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include "saved.h"
#include "stops.h"

/*
 * The scheduler's life: stopped, dead, late or hung. Its promises and the bounds that it keeps (a time-out a table) are deadlines, and each
 * sign of life moves them. Crash loops: detect_crash_loop.c.
 */

struct scheduler {
    int64_t dead_ms;       /* it crashed, or the writer is gone, and it is not back; 0 otherwise */
    bool writer_seen;      /* somebody holds the log open: late is not dead */
    int64_t stop_grace_ms; /* of the newest stop that was asked for */
    struct stops stops;
};

static void scheduler_begin(struct context *context)
{
    context->scheduler = must_alloc(sizeof *context->scheduler);
}

/* Its kind and cause are added to the finding. */
static struct incident_record *raise_down(struct context *context, struct finding finding)
{
    bool is_new = !incidents_find(context->incidents, KIND_DOWN, NULL);
    finding.kind = KIND_DOWN;
    finding.cause = unit_cause(context);
    struct incident_record *record = incidents_raise(context->incidents, &finding);
    if (is_new)
        unit_note_in(context, record);
    return record;
}

/* "<what> for 61 s; <key> is 60 s" */
static void say_rule(struct strbuf *out, const char *what, int64_t for_ms, const char *key, int64_t least_ms)
{
    strbuf_printf(out, "%s ", what);
    duration_words(for_ms, out);
    strbuf_printf(out, "; %s is ", key);
    duration_words(least_ms, out);
}

/* What a deadline was spared: a judgement that found nothing. */
static void explain_spared(const struct context *context, const char *what, int64_t for_ms, const char *key,
                           int64_t least_ms)
{
    struct strbuf rule = { 0 };
    if (!explain_is_wanted(context->explainer))
        return;
    say_rule(&rule, what, for_ms, key, least_ms);
    explain(context->explainer, KIND_DOWN, NULL, VERDICT_NOTHING, "%s", strbuf_text(&rule));
    strbuf_free(&rule);
}

static bool stop_is_known(const struct context *context)
{
    return context->scheduler->stop_grace_ms > context->settings->schedule.stop_grace_ms;
}

static int64_t stop_grace(const struct context *context)
{
    return stop_is_known(context) ? context->scheduler->stop_grace_ms : context->settings->schedule.stop_grace_ms;
}

static const char *stop_grace_name(const struct context *context)
{
    return stop_is_known(context) ? "what is known of stops at this time of day" : "schedule.stop_grace";
}

/* --- what the log and the host say --------------------------------------------------------------------------- */

/* Until the log says it. */
static void expect_next(struct schedule *schedule)
{
    schedule->promise_ms = schedule_expected(schedule);
}

void scheduler_has_died(struct context *context, const char *what, const char *detail)
{
    struct scheduler *scheduler = context->scheduler;
    int64_t now_ms = context->moment->now_ms;
    if (scheduler->dead_ms || context->schedule->stopped_ms)
        return; /* a crash closes the log as well; so does a stop */
    scheduler->dead_ms = now_ms;
    context->schedule->stopping_ms = 0;
    context->schedule->hung_cycle_id = 0;
    /* One more death of a crash loop is no news, unless the scheduler stays dead. */
    if (!incidents_find(context->incidents, KIND_CRASH_LOOP, NULL))
        prometheus_note(
            raise_down(
                context,
                (struct finding){ .severity = SEVERITY_WARNING, .onset_ms = now_ms, .what = what, .detail = detail }),
            now_ms);
}

/*
 * A restart by hand is no news: a stop is told when the scheduler is not back in time. A stop that is known at this time of day may last as
 * long as it does.
 */
static void on_stopped(struct context *context, int64_t at_ms)
{
    struct schedule *schedule = context->schedule;
    struct scheduler *scheduler = context->scheduler;
    schedule->stopped_ms = at_ms;
    scheduler->stop_grace_ms = stops_known(&scheduler->stops, schedule->stopped_ms);
    interval_break(&schedule->interval);
    if (!schedule->promise_ms)
        expect_next(schedule);
}

/* What was told as a death is told as a stop then, and only stays away for too long if it stays stopped for too long. */
static void take_back_death(struct context *context)
{
    struct incident_record *down = incidents_find(context->incidents, KIND_DOWN, NULL);
    bool was_dead = context->scheduler->dead_ms != 0;
    context->scheduler->dead_ms = 0;
    if (was_dead && down)
        raise_down(context, (struct finding){ .severity = down->incident.severity,
                                              .onset_ms = context->schedule->stopped_ms,
                                              .what = "{writer} {still}stopped {since}" });
}

void scheduler_was_stopped(struct context *context, int64_t at_ms)
{
    int64_t now_ms = context->moment->now_ms;
    if (context->schedule->stopped_ms)
        return;
    on_stopped(context, at_ms < now_ms ? at_ms : now_ms);
    take_back_death(context);
}

bool scheduler_holds_log(const struct context *context)
{
    return context->scheduler->writer_seen;
}

static void on_writer_gone(struct context *context)
{
    context->scheduler->writer_seen = false;
    if (!context->schedule->stopped_ms && schedule_stop_is_planned(context->schedule))
        on_stopped(context, context->moment->now_ms); /* killed because it took too long to stop */
    else
        scheduler_has_died(context, "{writer} died {at}", "no process has its log open");
}

static void begin_anew(struct context *context)
{
    struct schedule *schedule = context->schedule;
    int64_t now_ms = context->moment->now_ms;
    if (schedule->stopped_ms) {
        explain_spared(context, "back after a stop, within", now_ms - schedule->stopped_ms, stop_grace_name(context),
                       stop_grace(context));
        stops_note(&context->scheduler->stops, schedule->stopped_ms, now_ms - schedule->stopped_ms);
    }
    schedule->started_ms = now_ms;
    schedule->is_starting = true;
    schedule->stopped_ms = schedule->stopping_ms = context->scheduler->dead_ms = 0;
    interval_break(&schedule->interval);
}

static void on_started(struct context *context)
{
    begin_anew(context);
    context->schedule->promise_ms = context->moment->now_ms; /* it runs a cycle at once */
}

/* Its next cycle comes at the usual time. One that was due while it was away begins now. */
static void on_worker_started(struct context *context)
{
    struct schedule *schedule = context->schedule;
    begin_anew(context);
    if (!schedule->promise_ms)
        expect_next(schedule);
    else if (schedule->promise_ms < context->moment->now_ms)
        schedule->promise_ms = context->moment->now_ms;
}

static void scheduler_on_cycle(struct context *context)
{
    struct schedule *schedule = context->schedule;
    int64_t now_ms = context->moment->now_ms;
    if (schedule->promise_ms)
        explain_spared(context, "a cycle began, later than promised by", now_ms - schedule->promise_ms,
                       "schedule.late_warning", context->settings->schedule.late_warning_ms);
    schedule->promise_ms = schedule->stopped_ms = schedule->stopping_ms = context->scheduler->dead_ms = 0;
    interval_begun(&schedule->interval, now_ms, !incidents_find(context->incidents, KIND_DOWN, NULL));
}

/* A log that tells of runs and not of cycles: the runs of its first table stand for them. */
static void on_lone_run(struct context *context)
{
    if (context->model->run_table == 0)
        interval_begun(&context->schedule->interval, context->moment->now_ms, true);
}

static void on_promise(struct context *context, int64_t at_ms)
{
    struct schedule *schedule = context->schedule;
    const struct moment *moment = context->moment;
    schedule->promise_ms = at_ms;
    schedule->slot_wall_ms = moment_wall_ms(moment, at_ms);
    schedule->stopping_ms = 0; /* it goes on */
    interval_promised(&schedule->interval, schedule->slot_wall_ms, moment_now_wall_ms(moment));
}

static void on_completed(struct context *context)
{
    struct schedule *schedule = context->schedule;
    context->scheduler->dead_ms = 0;
    schedule->is_starting = false;
    expect_next(schedule);
    if (schedule->hung_cycle_id != context->model->cycle.id)
        incidents_clear(context->incidents, KIND_DOWN, NULL);
}

static void on_aborted(struct schedule *schedule)
{
    if (!schedule->promise_ms)
        expect_next(schedule);
}

/* The scheduler waits in seconds of its own: a host that slept makes it late by just that. */
static void scheduler_on_slept(struct context *context, int64_t slept_ms)
{
    int64_t *const since[] = { &context->schedule->promise_ms, &context->schedule->stopped_ms,
                               &context->scheduler->dead_ms };
    for (size_t i = 0; i < sizeof since / sizeof since[0]; i++)
        if (*since[i])
            *since[i] = time_sum(*since[i], slept_ms);
    interval_break(&context->schedule->interval);
}

static void on_writer_back(struct scheduler *scheduler)
{
    scheduler->writer_seen = true;
    scheduler->dead_ms = 0;
}

static void scheduler_fact(struct context *context, const struct fact *fact)
{
    struct schedule *schedule = context->schedule;
    switch (fact->kind) {
    case FACT_SCHEDULER_STARTED: on_started(context); break;
    case FACT_WORKER_STARTED: on_worker_started(context); break;
    case FACT_SCHEDULER_STOPPING: schedule->stopping_ms = context->moment->now_ms; break;
    case FACT_SCHEDULER_STOPPED: on_stopped(context, context->moment->now_ms); break;
    case FACT_SCHEDULER_CRASHED: scheduler_has_died(context, "{writer} crashed {at}", NULL); break;
    case FACT_WRITER_GONE: on_writer_gone(context); break;
    case FACT_EVENT:
        if (context->moment->event->kind == EVENT_WRITER_BACK)
            on_writer_back(context->scheduler);
        break;
    case FACT_HOST_SLEPT: scheduler_on_slept(context, fact->duration_ms); break;
    case FACT_SET_BACK: interval_break(&schedule->interval); break;
    case FACT_SCHEDULE: interval_said(&schedule->interval, fact->duration_ms); break;
    case FACT_PROMISE: on_promise(context, fact->at_ms); break;
    case FACT_CYCLE_STARTED: scheduler_on_cycle(context); break;
    case FACT_LONE_RUN_STARTED: on_lone_run(context); break;
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

/* A promise that is broken is a warning, then critical. A scheduler that was stopped has the time to come back in any case. */
static int64_t late_due(const struct context *context)
{
    const struct schedule *schedule = context->schedule;
    enum severity severity = down_severity(context);
    if (!schedule->promise_ms || model_cycle_running(context->model) || severity == SEVERITY_CRITICAL)
        return INT64_MAX;
    int64_t due_ms = schedule->promise_ms + (severity == SEVERITY_NONE ? context->settings->schedule.late_warning_ms
                                                                       : context->settings->schedule.late_critical_ms);
    int64_t back_ms = schedule->stopped_ms ? schedule->stopped_ms + stop_grace(context) : INT64_MIN;
    return due_ms > back_ms ? due_ms : back_ms;
}

static int64_t stop_due(const struct context *context)
{
    if (!context->schedule->stopped_ms || down_severity(context) != SEVERITY_NONE)
        return INT64_MAX;
    return context->schedule->stopped_ms + stop_grace(context);
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

static int64_t scheduler_due(const struct context *context)
{
    int64_t times[] = { stop_due(context), late_due(context), dead_due(context), hung_due(context) };
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        best = times[i] < best ? times[i] : best;
    return best;
}

static void expire_stop(struct context *context)
{
    int64_t stopped_ms = context->schedule->stopped_ms;
    struct strbuf rule = { 0 };
    say_rule(&rule, "stopped for", context->moment->now_ms - stopped_ms, stop_grace_name(context), stop_grace(context));
    prometheus_note(raise_down(context, (struct finding){ .severity = SEVERITY_WARNING,
                                                          .onset_ms = stopped_ms,
                                                          .what = "{writer} {still}stopped {since}",
                                                          .rule = strbuf_text(&rule) }),
                    stopped_ms);
    strbuf_free(&rule);
}

/* A scheduler that was stopped is also late, and one that is dead. */
static const char *late_words(const struct context *context)
{
    if (context->schedule->stopped_ms)
        return "{writer} {still}stopped {since}, its run of {then} is due";
    if (context->scheduler->dead_ms)
        return "{writer} {still}dead {since}, its run of {then} is due";
    return "{writer} {still}late {since}";
}

static void expire_late(struct context *context)
{
    const struct schedule *schedule = context->schedule;
    int64_t late_ms = context->moment->now_ms - schedule->promise_ms;
    bool is_first = down_severity(context) == SEVERITY_NONE;
    struct strbuf rule = { 0 };
    say_rule(&rule, "late for", late_ms, is_first ? "schedule.late_warning" : "schedule.late_critical",
             is_first ? context->settings->schedule.late_warning_ms : context->settings->schedule.late_critical_ms);
    struct incident_record *record =
        raise_down(context, (struct finding){
                                .severity = is_first ? SEVERITY_WARNING : SEVERITY_CRITICAL,
                                .onset_ms = schedule->promise_ms,
                                .then_ms = schedule->promise_ms,
                                .what = late_words(context),
                                .detail = schedule->stopped_ms || context->scheduler->dead_ms ? NULL
                                          : schedule_is_observed(schedule) ? "no run at its usual time"
                                                                           : "the promised run has not begun",
                                .rule = strbuf_text(&rule),
                            });
    /* If it died, nobody saw when, but not before its last sign of life. If it lives, Prometheus sees nothing wrong. */
    if (!context->scheduler->writer_seen)
        prometheus_note(record, context->model->sign_ms);
    strbuf_free(&rule);
}

static void expire_dead(struct context *context)
{
    int64_t dead_ms = context->scheduler->dead_ms, dead_for_ms = context->moment->now_ms - dead_ms;
    struct strbuf rule = { 0 };
    say_rule(&rule, "dead for", dead_for_ms, "schedule.restart_grace", context->settings->schedule.restart_grace_ms);
    prometheus_note(raise_down(context, (struct finding){ .severity = SEVERITY_CRITICAL,
                                                          .onset_ms = dead_ms,
                                                          .what = "{writer} {still}dead {since}",
                                                          .detail = "not started again",
                                                          .rule = strbuf_text(&rule) }),
                    dead_ms);
    strbuf_free(&rule);
}

/* A slow cycle that turns out to hang is the same incident with another runbook, never a second page. */
static void expire_hung(struct context *context)
{
    const struct model *model = context->model;
    struct strbuf detail = { 0 }, rule = { 0 };
    context->schedule->hung_cycle_id = model->cycle.id;
    strbuf_printf(&detail, "%s%s says nothing", model->run_open ? "the run of " : "its cycle",
                  model->run_open ? model->run.table : "");
    say_rule(&rule, "silent for", context->moment->now_ms - model->sign_ms,
             "schedule.table_timeout + schedule.hang_grace",
             context->settings->schedule.table_timeout_ms + context->settings->schedule.hang_grace_ms);
    struct finding finding = {
        .kind = KIND_DOWN,
        .severity = SEVERITY_CRITICAL,
        .onset_ms = model->sign_ms,
        .what = "{writer} {still}hangs {since}",
        .detail = strbuf_text(&detail),
        .rule = strbuf_text(&rule),
        .cause = cause_of_kind(context->sources, "scheduler-hung"),
    };
    struct incident_record *slow = incidents_find(context->incidents, KIND_SLOW, NULL);
    if (slow && !incidents_find(context->incidents, KIND_DOWN, NULL))
        incidents_turn_into(context->incidents, slow, &finding);
    else
        incidents_raise(context->incidents, &finding);
    strbuf_free(&detail);
    strbuf_free(&rule);
}

static void scheduler_expire(struct context *context)
{
    int64_t now_ms = context->moment->now_ms;
    if (stop_due(context) <= now_ms)
        expire_stop(context);
    else if (dead_due(context) <= now_ms)
        expire_dead(context);
    else if (late_due(context) <= now_ms)
        expire_late(context);
    else if (hung_due(context) <= now_ms)
        expire_hung(context);
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
    saved_i64(archive, "dead", &scheduler->dead_ms);
    archive_bool(archive, "writer", &scheduler->writer_seen);
    saved_i64(archive, "stop_grace", &scheduler->stop_grace_ms);
    stops_archive(&scheduler->stops, archive);
}
