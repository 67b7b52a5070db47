/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

/*
 * When the platform's Prometheus alerts would have fired had they worked as meant: the condition plus the rule's "for". Scrape and
 * evaluation intervals add up to a minute more (five for SchedulerDown); the model counts none of that, so
 * that the lead it shows is never flattered.
 */
enum {
    FOR_FAILURES = 5 * MINUTE_MS,      /* after the third failure */
    FOR_LAG_ELEVATED = 30 * MINUTE_MS, /* lag > 20 min for 10 min */
    FOR_LAG_CRITICAL = 35 * MINUTE_MS, /* lag > 30 min for 5 min */
    FOR_CYCLE_SLOW = 10 * MINUTE_MS,   /* after completion: the metric is not there before */
    FOR_CYCLE_TOO_SLOW = 2 * MINUTE_MS,
    FOR_STALE = 65 * MINUTE_MS, /* unmoved for an hour, for 5 min */
    FOR_DOWN = 5 * MINUTE_MS,   /* two minutes, but evaluated every five */
};

static void due_at(struct tracked *tracked, int64_t at_ms)
{
    if (!tracked->prometheus_due_ms || at_ms < tracked->prometheus_due_ms)
        tracked->prometheus_due_ms = at_ms;
}

void prometheus_failure(struct tracked *tracked, int64_t third_failure_ms)
{
    due_at(tracked, third_failure_ms + FOR_FAILURES);
}

void prometheus_lag(struct tracked *tracked, int64_t last_success_ms)
{
    tracked->prometheus_due_ms =
        last_success_ms + (tracked->facts.alert == ALERT_LAG_CRITICAL ? FOR_LAG_CRITICAL : FOR_LAG_ELEVATED);
}

void prometheus_slow(struct tracked *tracked, int64_t completed_ms, int64_t duration_ms, int64_t slow_ms,
                     int64_t too_slow_ms)
{
    if (duration_ms > too_slow_ms)
        due_at(tracked, completed_ms + FOR_CYCLE_TOO_SLOW);
    else if (duration_ms > slow_ms)
        due_at(tracked, completed_ms + FOR_CYCLE_SLOW);
}

void prometheus_stale(struct tracked *tracked, int64_t last_move_ms)
{
    due_at(tracked, last_move_ms + FOR_STALE);
}

void prometheus_down(struct tracked *tracked, int64_t death_ms)
{
    due_at(tracked, death_ms + FOR_DOWN);
}

int64_t prometheus_time(const struct tracked *tracked, int64_t by_ms)
{
    return tracked->prometheus_due_ms && tracked->prometheus_due_ms <= by_ms ? tracked->prometheus_due_ms : 0;
}
