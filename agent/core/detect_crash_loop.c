/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include "saved.h"

/*
 * A scheduler that restarts again and again: three starts without a graceful stop before them, within 24 hours, are a warning, which ends
 * when fewer than three lie within 24 hours. A start counts where anything of an earlier life was seen, so also the first one in a log that
 * begins in mid-life.
 *
 * When meanwhile no cycle has completed for two intervals and 120 s, nothing is offloaded any more, and that is critical. Neither starts
 * nor deaths move that deadline. It is the critical of the dead scheduler, which ends with the next completed cycle: the loop itself would
 * stay critical for a day behind the repair.
 */

enum { RESTARTS_BAD = 3, RESTARTS_KEPT = 8, IDLE_GRACE_MS = 120 * SECOND_MS };

struct crash_loop {
    int64_t restarts[RESTARTS_KEPT]; /* without a graceful stop before, oldest first */
    size_t restart_count;
    int64_t idle_since_ms; /* the newest completed cycle, or the first sign of life; 0: none of either */
};

static void crash_loop_begin(struct context *context)
{
    context->crash_loop = must_alloc(sizeof *context->crash_loop);
}

static void count_restart(struct crash_loop *loop, int64_t at_ms)
{
    if (loop->restart_count == RESTARTS_KEPT)
        memmove(loop->restarts, loop->restarts + 1, --loop->restart_count * sizeof *loop->restarts);
    loop->restarts[loop->restart_count++] = at_ms;
}

static size_t restarts_within_a_day(const struct context *context)
{
    const struct crash_loop *loop = context->crash_loop;
    size_t recent = 0;
    for (size_t i = 0; i < loop->restart_count; i++)
        recent += context->moment->now_ms - loop->restarts[i] < DAY_MS;
    return recent;
}

static void say_restarts(size_t recent, struct strbuf *out)
{
    strbuf_printf(out, "%s%zu restarts without a graceful stop", recent == RESTARTS_KEPT ? "at least " : "", recent);
}

static void judge_restarts(struct context *context)
{
    const struct crash_loop *loop = context->crash_loop;
    size_t recent = restarts_within_a_day(context);
    struct strbuf what = { 0 }, rule = { 0 };
    strbuf_puts(&what, "{writer} {still}keeps dying, ");
    say_restarts(recent, &what);
    strbuf_puts(&what, " {since}");
    say_restarts(recent, &rule);
    strbuf_printf(&rule, " within a day; %d are a crash loop", RESTARTS_BAD);
    explain(context->explainer, KIND_CRASH_LOOP, NULL, recent < RESTARTS_BAD ? VERDICT_NOTHING : VERDICT_WARNING, "%s",
            strbuf_text(&rule));
    if (recent >= RESTARTS_BAD) {
        struct incident_record *record =
            incidents_raise(context->incidents, &(struct finding){
                                                    .kind = KIND_CRASH_LOOP,
                                                    .severity = SEVERITY_WARNING,
                                                    .onset_ms = loop->restarts[loop->restart_count - recent],
                                                    .what = strbuf_text(&what),
                                                    .rule = strbuf_text(&rule),
                                                    .cause = cause_of_kind(context->sources, "crash-loop"),
                                                });
        if (recent > RESTARTS_BAD && !record->incident.escalated_ms)
            incidents_escalate(record);
    }
    strbuf_free(&what);
    strbuf_free(&rule);
}

/* It hears of a start before detect_scheduler.c does, so that the stop before it is still known. */
static void loop_on_started(struct context *context, int64_t seen_before_ms)
{
    if (schedule_stop_is_planned(context->schedule)) {
        explain(context->explainer, KIND_CRASH_LOOP, NULL, VERDICT_NOTHING, "a start after a stop that was asked for");
    } else if (seen_before_ms) {
        count_restart(context->crash_loop, context->moment->now_ms);
        judge_restarts(context);
    }
}

static void crash_loop_fact(struct context *context, const struct fact *fact)
{
    struct crash_loop *loop = context->crash_loop;
    if (fact->kind == FACT_CYCLE_COMPLETED || !loop->idle_since_ms)
        loop->idle_since_ms = context->moment->now_ms;
    else if (fact->kind == FACT_HOST_SLEPT)
        loop->idle_since_ms = time_sum(loop->idle_since_ms, fact->duration_ms);
    if (fact->kind == FACT_SCHEDULER_STARTED || fact->kind == FACT_WORKER_STARTED)
        loop_on_started(context, fact->at_ms);
}

/* --- deadlines --------------------------------------------------------------------------------------------- */

static int64_t loop_over_due(const struct context *context)
{
    const struct crash_loop *loop = context->crash_loop;
    return loop->restart_count < RESTARTS_BAD ? INT64_MAX : loop->restarts[loop->restart_count - RESTARTS_BAD] + DAY_MS;
}

/* Only while restarts go on: a slow cycle hours after the loop is something else. */
static int64_t idle_due(const struct context *context)
{
    const struct crash_loop *loop = context->crash_loop;
    const struct incident_record *down = incidents_find(context->incidents, KIND_DOWN, NULL);
    if (loop->restart_count == 0 || loop->restarts[loop->restart_count - 1] < loop->idle_since_ms ||
        context->schedule->stopped_ms || (down && down->incident.severity == SEVERITY_CRITICAL))
        return INT64_MAX;
    return time_sum(loop->idle_since_ms, 2 * schedule_interval(context->schedule) + IDLE_GRACE_MS);
}

static int64_t crash_loop_due(const struct context *context)
{
    if (!incidents_find(context->incidents, KIND_CRASH_LOOP, NULL))
        return INT64_MAX;
    int64_t over_ms = loop_over_due(context), idle_ms = idle_due(context);
    return over_ms < idle_ms ? over_ms : idle_ms;
}

static void expire_idle(struct context *context)
{
    const struct crash_loop *loop = context->crash_loop;
    struct strbuf what = { 0 }, rule = { 0 };
    strbuf_puts(&what, "no cycle completed since {then}, {writer} {still}keeps dying, ");
    say_restarts(restarts_within_a_day(context), &what);
    strbuf_puts(&rule, "no cycle completed for ");
    duration_words(context->moment->now_ms - loop->idle_since_ms, &rule);
    strbuf_puts(&rule, " in a crash loop; critical after two intervals of ");
    duration_words(schedule_interval(context->schedule), &rule);
    strbuf_puts(&rule, " and 120 s");
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_DOWN,
                                            .severity = SEVERITY_CRITICAL,
                                            .onset_ms = loop->idle_since_ms,
                                            .then_ms = loop->idle_since_ms,
                                            .what = strbuf_text(&what),
                                            .rule = strbuf_text(&rule),
                                            .cause = cause_of_kind(context->sources, "crash-loop"),
                                        });
    strbuf_free(&what);
    strbuf_free(&rule);
}

static void crash_loop_expire(struct context *context)
{
    if (loop_over_due(context) <= context->moment->now_ms)
        incidents_clear(context->incidents, KIND_CRASH_LOOP, NULL);
    else
        expire_idle(context);
}

const struct detector detect_crash_loop = {
    .begin = crash_loop_begin,
    .hears = HEARS(FACT_SCHEDULER_STARTED) | HEARS(FACT_WORKER_STARTED) | HEARS(FACT_SCHEDULER_STOPPED) |
             HEARS(FACT_SCHEDULER_CRASHED) | HEARS(FACT_SCHEDULE) | HEARS(FACT_PROMISE) | HEARS(FACT_CYCLE_STARTED) |
             HEARS(FACT_CYCLE_COMPLETED) | HEARS(FACT_CYCLE_ABORTED) | HEARS(FACT_HOST_SLEPT),
    .fact = crash_loop_fact,
    .due = crash_loop_due,
    .expire = crash_loop_expire,
};

void crash_loop_archive(struct context *context, struct archive *archive)
{
    struct crash_loop *loop = context->crash_loop;
    saved_i64s(archive, "restarts", loop->restarts, &loop->restart_count, RESTARTS_KEPT);
    saved_i64(archive, "idle", &loop->idle_since_ms);
}
