/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interval.h"

#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "saved.h"
#include "units.h"

/*
 * Promises that contradict the Schedule line are believed when LONGER_GAPS of them in a row agree, or SHORTER_GAPS where they are shorter:
 * a slot that is nearer than the interval cannot come from a skipped one. These are the fewest that no single restart, pause or
 * change of local time imitates. A gap of less than BURST_MS is a burst of cycles, which the scheduler runs because it woke a second before
 * its slot.
 */
enum { SHORTER_GAPS = 2, LONGER_GAPS = 3, BURST_MS = 5 * SECOND_MS, ALIKE_MS = 2 * SECOND_MS };

static bool are_alike(int64_t one_ms, int64_t other_ms)
{
    return one_ms - other_ms <= ALIKE_MS && other_ms - one_ms <= ALIKE_MS;
}

static void push_gap(int64_t *gaps_ms, size_t *count, size_t room, int64_t gap_ms)
{
    if (*count == room)
        memmove(gaps_ms, gaps_ms + 1, --*count * sizeof *gaps_ms);
    gaps_ms[(*count)++] = gap_ms;
}

static int compare_gaps(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

/* Of an even number of gaps the lower of the two in the middle: skipped slots make gaps longer, nothing makes them shorter for long. */
static int64_t median_gap(const int64_t *gaps_ms, size_t count)
{
    int64_t sorted_ms[INTERVAL_GAPS];
    memcpy(sorted_ms, gaps_ms, count * sizeof *gaps_ms);
    qsort(sorted_ms, count, sizeof *sorted_ms, compare_gaps);
    return sorted_ms[(count - 1) / 2];
}

bool interval_is_observed(const struct interval *interval)
{
    return interval->said_ms == 0 && interval->promised_count == 0 && interval->begun_count >= INTERVAL_GAPS;
}

/* What was seen of beginnings is rounded to the second: a cycle begins up to some seconds early or late. */
static void conclude(struct interval *interval)
{
    interval->learnt_ms = interval->said_ms;
    if (interval->said_ms == 0 && interval->promised_count)
        interval->learnt_ms = median_gap(interval->promised_ms, interval->promised_count);
    else if (interval_is_observed(interval))
        interval->learnt_ms =
            (median_gap(interval->begun_ms + interval->begun_count - INTERVAL_GAPS, INTERVAL_GAPS) + SECOND_MS / 2) /
            SECOND_MS * SECOND_MS;
    /* No log tells of a longer one, but a saved state that somebody changed may, and others multiply it. */
    if (interval->learnt_ms > EVENT_TIME_MAX_MS)
        interval->learnt_ms = EVENT_TIME_MAX_MS;
}

/* --- what the log says --------------------------------------------------------------------------------------- */

void interval_said(struct interval *interval, int64_t interval_ms)
{
    interval->said_ms = interval_ms > 0 ? interval_ms : 0;
    interval->promised_count = interval->begun_count = interval->calm_count = 0;
    interval_break(interval);
    conclude(interval);
}

/* True if the newest `wanted` promised gaps agree with one another. */
static bool newest_agree(const struct interval *interval, size_t wanted)
{
    const int64_t *newest_ms = interval->promised_ms + interval->promised_count - 1;
    if (interval->promised_count < wanted)
        return false;
    for (size_t i = 1; i < wanted; i++)
        if (!are_alike(newest_ms[0], *(newest_ms - i)))
            return false;
    return true;
}

/* The Schedule line is outdated when the promises keep to another interval. */
static void contradict(struct interval *interval, int64_t gap_ms)
{
    bool is_shorter = gap_ms < interval->said_ms;
    if (interval->said_ms && !are_alike(gap_ms, interval->said_ms) &&
        newest_agree(interval, is_shorter ? SHORTER_GAPS : LONGER_GAPS))
        interval->said_ms = gap_ms;
}

void interval_promised(struct interval *interval, int64_t promise_wall_ms, int64_t now_wall_ms)
{
    if (!interval->is_promised)
        interval->before_wall_ms = interval->promise_wall_ms;
    else if (interval->is_gap && interval->promised_count)
        interval->promised_count--;
    interval->promise_wall_ms = promise_wall_ms;
    interval->is_promised = true;
    int64_t gap_ms = interval->before_wall_ms ? promise_wall_ms - interval->before_wall_ms : 0;
    interval->is_gap = gap_ms > 0;
    /* A cycle that took longer than the interval skipped slots. The promise itself is no further away than the Schedule line says. */
    if (interval->said_ms && gap_ms > interval->said_ms &&
        promise_wall_ms - now_wall_ms <= interval->said_ms + ALIKE_MS)
        gap_ms = interval->said_ms;
    if (interval->is_gap) {
        push_gap(interval->promised_ms, &interval->promised_count, INTERVAL_GAPS, gap_ms);
        contradict(interval, gap_ms);
    }
    conclude(interval);
}

void interval_begun(struct interval *interval, int64_t now_ms, bool is_calm)
{
    int64_t gap_ms = now_ms - interval->begin_ms;
    interval->is_promised = false;
    if (interval->begin_ms && gap_ms < BURST_MS)
        return;
    if (interval->begin_ms && !interval->is_broken) {
        push_gap(interval->begun_ms, &interval->begun_count, INTERVAL_WAITS, gap_ms);
        if (is_calm)
            push_gap(interval->calm_ms, &interval->calm_count, INTERVAL_WAITS, gap_ms);
    }
    interval->begin_ms = now_ms;
    interval->is_broken = false;
    conclude(interval);
}

void interval_break(struct interval *interval)
{
    interval->promise_wall_ms = interval->before_wall_ms = 0;
    interval->is_promised = interval->is_gap = false;
    interval->is_broken = true;
}

/* --- questions ----------------------------------------------------------------------------------------------- */

/* The longest but `but` of the gaps that are no longer than most_ms; 0 if there are no more than `but`. */
static int64_t longest_gap(const int64_t *gaps_ms, size_t count, size_t but, int64_t most_ms)
{
    int64_t sorted_ms[INTERVAL_WAITS];
    memcpy(sorted_ms, gaps_ms, count * sizeof *gaps_ms);
    qsort(sorted_ms, count, sizeof *sorted_ms, compare_gaps);
    while (count && sorted_ms[count - 1] > most_ms)
        count--;
    return count > but ? sorted_ms[count - 1 - but] : 0;
}

/*
 * A gap of up to an hour recurs in each hour of a crontab; a longer one counts up to twice the interval, so that a night without a host is
 * not taken for a habit. A small excess is a jitter, of which a dozen gaps have not shown the worst: it counts three times, and up
 * to a third of the interval more. (Beginnings that are uniformly early or late by up to 60 s, intervals of 5, 10, 15, 30 and 60 min,
 * 40 weeks each: 68, 37, 24, 12 and 8 false latenesses where it counts once, 2 and none else where it counts twice, none so. By up to 90 s:
 * 758, 428 and 49 at 5 min, and none at the others so.)
 */
int64_t interval_slack(const struct interval *interval)
{
    int64_t usual_ms = interval->learnt_ms, most_ms = 2 * usual_ms > HOUR_MS ? 2 * usual_ms : HOUR_MS;
    if (!interval_is_observed(interval))
        return 0;
    int64_t calm_ms = longest_gap(interval->calm_ms, interval->calm_count, 0, most_ms);
    int64_t recurring_ms = longest_gap(interval->begun_ms, interval->begun_count, 1, most_ms);
    int64_t longest_ms = calm_ms > recurring_ms ? calm_ms : recurring_ms;
    int64_t excess_ms = longest_ms > usual_ms ? longest_ms - usual_ms : 0;
    if (excess_ms >= usual_ms / 2)
        return excess_ms;
    return 3 * excess_ms < excess_ms + usual_ms / 3 ? 3 * excess_ms : excess_ms + usual_ms / 3;
}

/* --- saved state --------------------------------------------------------------------------------------------- */

void interval_archive(struct interval *interval, struct archive *archive)
{
    saved_i64(archive, "interval", &interval->said_ms);
    saved_i64s(archive, "interval.promised", interval->promised_ms, &interval->promised_count, INTERVAL_GAPS);
    saved_i64s(archive, "interval.begun", interval->begun_ms, &interval->begun_count, INTERVAL_WAITS);
    saved_i64s(archive, "interval.calm", interval->calm_ms, &interval->calm_count, INTERVAL_WAITS);
    saved_i64(archive, "interval.promise", &interval->promise_wall_ms);
    saved_i64(archive, "interval.before", &interval->before_wall_ms);
    archive_bool(archive, "interval.is_promised", &interval->is_promised);
    archive_bool(archive, "interval.is_gap", &interval->is_gap);
    saved_i64(archive, "interval.begin", &interval->begin_ms);
    archive_bool(archive, "interval.is_broken", &interval->is_broken);
    conclude(interval);
}
