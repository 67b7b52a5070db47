/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/budgets.h"
#include "stamps_private.h"

enum {
    NEAR_MS = STAMP_NEAR_MS,     /* clocks and the order of lines differ by less than that */
    SILENCE_MS = 17 * 60 * 1000, /* a running scheduler says something: its timeout is 10 min, its cadence 15 min */
    PROMISE_MOST_MS = 26 * 60 * 60 * 1000, /* no schedule waits longer than a day */

    ALONE_MOST_MS = 3 * 60 * 60 * 1000, /* a single record is no surprise so soon */
    SPARSE_LEAST = 4,

    COMPARED_MOST = 16, /* chains of which each is compared with each other one */

    ZONE_STEP_MS = 30 * 60 * 1000,
    ZONE_MOST_MS = 23 * 60 * 60 * 1000, /* zones are further apart, but a whole day is rather another day */
    ZONE_TIGHT_MS = 5 * 1000,           /* a line is read that soon after it was written */
    ZONE_AFTER_MS = 250,                /* two writes so far apart are not one paste */
    ZONE_QUIET_MS = 2000,               /* nor are some records that no true one follows for so long */
    ZONE_RECORDS = 3,
    STEADY_MS = 2 * 1000,            /* another clock, if its error stays that constant */
    STEADY_AFTER_MS = 5 * 1000,      /* for so long, */
    DIFFERENT_AFTER_MS = 120 * 1000, /* or within a minute for so long */
};

bool stamps_zone_error(int64_t off_ms, int64_t slack_ms, int64_t *error_ms)
{
    int64_t half = off_ms < 0 ? -ZONE_STEP_MS / 2 : ZONE_STEP_MS / 2;
    int64_t nearest_ms = (off_ms + half) / ZONE_STEP_MS * ZONE_STEP_MS;
    if (llabs(off_ms - nearest_ms) > slack_ms || llabs(nearest_ms) > ZONE_MOST_MS)
        return false;
    *error_ms = nearest_ms;
    return true;
}

static bool is_natural_step(int64_t from_ms, int64_t to_ms)
{
    return to_ms >= from_ms - NEAR_MS && to_ms <= from_ms + SILENCE_MS;
}

static void chain_release(struct stamps *stamps, int chain, int64_t error_ms, bool lasting)
{
    stamps->chains[chain].released = 1;
    release_begin(stamps, error_ms, lasting);
}

static void chain_append(struct stamps *stamps, int chain, const struct stamp_moment *moment, int64_t time_ms)
{
    if (chain == CHAIN_NONE) {
        stamps->chains = list_room(stamps->chains, (size_t)stamps->chain_count, sizeof *stamps->chains);
        chain = stamps->chain_count++;
        stamps->chains[chain] = (struct chain){
            .first_line = (int64_t)stamps->line_count,
            .first_ms = time_ms,
            .first_off_ms = time_ms - moment->now_ms,
            .first_running_ms = moment->running_ms,
            .pause = moment->clock_ms && is_natural_step(moment->clock_ms, time_ms),
        };
    }
    struct chain *at = &stamps->chains[chain];
    at->last_ms = time_ms;
    at->last_off_ms = time_ms - moment->now_ms;
    at->last_running_ms = moment->running_ms;
    at->last_line = (int64_t)stamps->line_count;
    at->records++;
    stamps->last_chain = chain;
}

/* --- by the host's clock ----------------------------------------------------------------------------------- */

/* The error of the zone that explains all of the chain. */
static bool chain_zone_error(const struct chain *chain, int64_t *error_ms)
{
    int64_t last_ms = 0;
    return stamps_zone_error(chain->first_off_ms, ZONE_TIGHT_MS, error_ms) && *error_ms != 0 &&
           stamps_zone_error(chain->last_off_ms, ZONE_TIGHT_MS, &last_ms) && last_ms == *error_ms;
}

/* The error of the clock that wrote the chain, once that is certain: not a paste, but somebody who writes as time goes by. */
static bool chain_error(const struct chain *chain, int64_t *error_ms)
{
    int64_t lasted_ms = chain->last_running_ms - chain->first_running_ms, zone_ms = 0;
    bool steady = llabs(chain->last_off_ms - chain->first_off_ms) <= STEADY_MS && lasted_ms >= STEADY_AFTER_MS;
    bool zone = chain_zone_error(chain, error_ms) && lasted_ms >= ZONE_AFTER_MS;
    if (!zone && (steady || lasted_ms >= DIFFERENT_AFTER_MS))
        *error_ms = stamps_zone_error(chain->last_off_ms, NEAR_MS, &zone_ms) && zone_ms ? zone_ms : chain->last_off_ms;
    return zone || steady || lasted_ms >= DIFFERENT_AFTER_MS;
}

static bool judge_by_clock(struct stamps *stamps, const struct stamp_moment *moment, int64_t time_ms)
{
    int64_t off_ms = time_ms - moment->now_ms, error_ms;
    int found = CHAIN_NONE;
    int64_t since_ms = moment->since_ms < moment->now_ms ? moment->since_ms : moment->now_ms;
    if (time_ms >= since_ms - NEAR_MS && off_ms <= NEAR_MS)
        return true;
    for (int i = 0; i < stamps->chain_count; i++)
        if (llabs(off_ms - stamps->chains[i].first_off_ms) <= NEAR_MS)
            found = i;
    chain_append(stamps, found, moment, time_ms);
    if (chain_error(&stamps->chains[stamps->last_chain], &error_ms))
        chain_release(stamps, stamps->last_chain, error_ms, true);
    else if (moment->jump_ms)
        stamps_notice_jump(stamps, moment->jump_ms);
    return false;
}

/*
 * 1. The scheduler writes a line. 2. The clock is set back. 3. The line is read: it seems to come from the future, by as much as the
 * clock was set back, before or after that jump was noticed.
 */
void stamps_notice_jump(struct stamps *stamps, int64_t jump_ms)
{
    for (int i = 0; i < stamps->chain_count; i++)
        if (llabs(stamps->chains[i].last_off_ms + jump_ms) <= NEAR_MS)
            chain_release(stamps, i, -jump_ms, false);
}

/* --- by the records around it ------------------------------------------------------------------------------ */

/* A search for the way that the log's time took through the chains. */
struct path {
    const struct stamp_moment *moment;
    int64_t written_ms; /* when the file was written last; 0: not known */
    bool sparse;
    int end;         /* the last chain, if that is known */
    int64_t *weight; /* of each chain: the most records on a way that ends with it; 0: there is none */
};

static bool is_at_promise(const struct stamp_moment *moment, int64_t time_ms)
{
    int64_t promise_ms = moment->promise_ms;
    return promise_ms > moment->clock_ms && promise_ms - moment->clock_ms <= PROMISE_MOST_MS &&
           llabs(time_ms - promise_ms) <= NEAR_MS;
}

/* The chain that the record continues by a natural step, the nearest one; CHAIN_NONE if there is none. */
static int chain_continued(const struct stamps *stamps, int64_t time_ms)
{
    int found = CHAIN_NONE;
    for (int i = stamps->chain_count - 1; i >= 0; i--)
        if (is_natural_step(stamps->chains[i].last_ms, time_ms) &&
            (found == CHAIN_NONE ||
             llabs(time_ms - stamps->chains[i].last_ms) < llabs(time_ms - stamps->chains[found].last_ms)))
            found = i;
    return found;
}

/* Whether the second chain can continue the first one: in the order of the file and of time, with a pause in between. */
static bool is_in_order(const struct chain *first, const struct chain *second)
{
    return first->last_line < second->first_line && first->last_ms <= second->first_ms;
}

/* Whether most records stand alone: a scheduler that says one thing at a time, and seldom. */
static bool is_sparse(const struct stamps *stamps, const struct stamp_moment *moment)
{
    int64_t chains = 0, records = 0;
    for (int i = 0; i < stamps->chain_count; i++) {
        chains += stamps->chains[i].first_ms > moment->clock_ms ? 1 : 0;
        records += stamps->chains[i].first_ms > moment->clock_ms ? stamps->chains[i].records : 0;
    }
    return chains >= SPARSE_LEAST && records < 2 * chains;
}

/* Whether a chain that goes forward is confirmed: by a second record, or because it is no surprise after the time from_ms (0: none). */
static bool is_confirmed(const struct path *path, const struct chain *chain, int64_t from_ms)
{
    const struct stamp_moment *moment = path->moment;
    /* Nothing is written in the future; but if the believed records lie there, the host's clock is the one that is wrong. */
    bool future =
        moment->now_ms && chain->last_ms > moment->now_ms + NEAR_MS && moment->clock_ms <= moment->now_ms + NEAR_MS;
    if (chain->first_ms <= moment->clock_ms || future)
        return false;
    return chain->records >= 2 || chain->pause || path->sparse ||
           (from_ms && chain->first_ms - from_ms <= ALONE_MOST_MS) ||
           (path->written_ms && llabs(path->written_ms - chain->last_ms) <= NEAR_MS);
}

/* Counts the lines of a chain from one held line to another. */
static int count_lines(const struct stamps *stamps, int chain, int64_t from, int64_t to)
{
    int count = 0;
    for (int64_t i = from; i < to && count < 2; i++)
        count += stamps->lines[i].chain == chain ? 1 : 0;
    return count;
}

/* Whether a chain stands in the middle of another one, which goes on behind it: then it was pasted in. */
static bool is_interruption(const struct stamps *stamps, int chain)
{
    const struct chain *inner = &stamps->chains[chain];
    for (int i = 0; i < stamps->chain_count && stamps->chain_count <= COMPARED_MOST; i++) {
        const struct chain *outer = &stamps->chains[i];
        if (outer->first_line < inner->first_line && outer->last_line > inner->last_line &&
            count_lines(stamps, i, outer->first_line, inner->first_line) >= 2 &&
            count_lines(stamps, i, inner->last_line + 1, (int64_t)stamps->line_count) >= 2)
            return true;
    }
    return false;
}

/* The best predecessor of a chain on the path: the believed records (CHAIN_NONE) or an earlier chain. Returns the weight with it. */
static int64_t path_weigh(const struct path *path, const struct stamps *stamps, int chain, int *before)
{
    const struct chain *at = &stamps->chains[chain];
    int64_t best = chain == path->end || is_confirmed(path, at, path->moment->clock_ms) ? at->records : 0;
    *before = CHAIN_NONE;
    for (int i = 0; i < chain; i++) {
        const struct chain *earlier = &stamps->chains[i];
        if (path->weight[i] > 0 && is_in_order(earlier, at) && path->weight[i] + at->records > best &&
            (chain == path->end || is_confirmed(path, at, earlier->last_ms))) {
            best = path->weight[i] + at->records;
            *before = i;
        }
    }
    return best;
}

/*
 * Finds the chains that go on from the believed records, and from one another, with the most records; the last one is end, unless that
 * is CHAIN_NONE.
 */
static bool release_path(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms, int end)
{
    int count = stamps->chain_count, best = end;
    struct path path = { moment, written_ms, is_sparse(stamps, moment), end, NULL };
    int *before = must_alloc((size_t)count * sizeof *before);
    path.weight = must_alloc((size_t)count * sizeof *path.weight);
    for (int i = 0; i < count; i++) {
        if (i == end || !is_interruption(stamps, i))
            path.weight[i] = path_weigh(&path, stamps, i, &before[i]);
        if (end == CHAIN_NONE && path.weight[i] > (best == CHAIN_NONE ? 0 : path.weight[best]))
            best = i;
    }
    for (int i = best; i != CHAIN_NONE; i = before[i])
        stamps->chains[i].released = 1;
    free(path.weight);
    free(before);
    if (best != CHAIN_NONE)
        release_begin(stamps, 0, true);
    return best != CHAIN_NONE;
}

/*
 * A clock that was set back comes to the old time again after it has lived through the difference. Old lines, pasted in, do not: the
 * next true line is far from them. Half of the difference is enough, since a schedule is silent for part of the time.
 */
static bool has_caught_up(const struct chain *chain, int64_t clock_ms)
{
    return 2 * (chain->last_ms - chain->first_ms) >= clock_ms - chain->first_ms;
}

/* Whether a held chain lies later in time: a record that goes on from the believed ones after it contradicts it. */
static bool has_chain_behind(const struct stamps *stamps, int64_t time_ms)
{
    for (int i = 0; i < stamps->chain_count; i++)
        if (stamps->chains[i].first_ms > time_ms + NEAR_MS)
            return true;
    return false;
}

/* Whether held records lie between the believed ones and this one, in the order of time: the scheduler was stopped for a while, say. */
static bool has_chain_between(const struct stamps *stamps, const struct stamp_moment *moment, int64_t time_ms)
{
    for (int i = 0; i < stamps->chain_count; i++)
        if (stamps->chains[i].records >= 2 && stamps->chains[i].first_ms > moment->clock_ms &&
            stamps->chains[i].last_ms <= time_ms)
            return true;
    return false;
}

static bool judge_by_neighbours(struct stamps *stamps, const struct stamp_moment *moment, int64_t time_ms)
{
    int64_t clock_ms = moment->clock_ms;
    bool young = moment->now_ms && llabs(time_ms - moment->now_ms) <= NEAR_MS;
    bool near = clock_ms && llabs(time_ms - clock_ms) <= NEAR_MS, promised = clock_ms && is_at_promise(moment, time_ms);
    if ((young || near || promised) && stamps->chain_count == 0)
        return true;
    int found = chain_continued(stamps, time_ms);
    const struct chain *chain = found == CHAIN_NONE ? NULL : &stamps->chains[found];
    bool natural = chain && is_natural_step(chain->last_ms, time_ms);
    bool set_back = natural && clock_ms && chain->first_ms < clock_ms && time_ms >= clock_ms - NEAR_MS &&
                    has_caught_up(chain, clock_ms);
    bool returns = !natural && clock_ms && is_natural_step(clock_ms, time_ms) && has_chain_behind(stamps, time_ms);
    bool certain = (young || promised) && !natural;
    bool between = certain && clock_ms && has_chain_between(stamps, moment, time_ms);
    if ((near && !set_back) || (certain && !between) || returns)
        return true;
    chain_append(stamps, found, moment, time_ms);
    if (set_back || between || (natural && (young || !clock_ms || stamps->chains[found].pause)))
        release_path(stamps, moment, 0, stamps->last_chain);
    return false;
}

bool stamps_judge(struct stamps *stamps, const struct stamp_moment *moment, int64_t time_ms)
{
    stamps->loaded = false;
    bool believed =
        moment->since_ms ? judge_by_clock(stamps, moment, time_ms) : judge_by_neighbours(stamps, moment, time_ms);
    if (believed) {
        if (stamps->chain_count > 0)
            chains_clear(stamps);
        stamps->last_chain = CHAIN_NONE;
    }
    return believed;
}

/* Whether the clock was set back, and the chain is what was written since. */
static bool was_set_back(const struct stamps *stamps, const struct stamp_moment *moment, const struct chain *chain)
{
    if (moment->clock_ms && chain->first_ms > moment->clock_ms)
        return false;
    if (moment->now_ms)
        return chain->last_ms <= moment->now_ms + NEAR_MS && moment->clock_ms > moment->now_ms + NEAR_MS;
    /* A host that booted with a clock that was ahead: what came before it was set right is little. Or nothing came back for long. */
    return (moment->clock_ms - moment->begun_ms < SILENCE_MS && chain->records > moment->believed) ||
           stamps_held_bytes(stamps) > HELD_REPLAY_BYTES;
}

int64_t stamps_due_ms(const struct stamps *stamps)
{
    int64_t error_ms;
    const struct chain *chain = &stamps->chains[0];
    if (stamps->chain_count != 1 || chain->records < ZONE_RECORDS || !chain_zone_error(chain, &error_ms))
        return INT64_MAX;
    return chain->last_running_ms + ZONE_QUIET_MS;
}

static void settle_by_clock(struct stamps *stamps, const struct stamp_moment *moment)
{
    int64_t error_ms;
    if (stamps_due_ms(stamps) <= moment->running_ms && chain_zone_error(&stamps->chains[0], &error_ms))
        chain_release(stamps, 0, error_ms, true);
}

void release_best(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms)
{
    int whole = CHAIN_NONE;
    if (release_path(stamps, moment, written_ms, CHAIN_NONE))
        return;
    /* A log of one record, or one in another zone, which seems to come from the future; or one whose clock was set back. */
    for (int i = 0; i < stamps->chain_count; i++)
        if ((!moment->clock_ms || was_set_back(stamps, moment, &stamps->chains[i])) &&
            (whole == CHAIN_NONE || stamps->chains[i].records > stamps->chains[whole].records))
            whole = i;
    if (whole != CHAIN_NONE)
        chain_release(stamps, whole, 0, true);
    else
        chains_clear(stamps);
}

static void settle_by_neighbours(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms)
{
    int64_t error_ms;
    int last = stamps->last_chain;
    if (written_ms && last != CHAIN_NONE && moment->clock_ms && stamps->chains[last].records >= ZONE_RECORDS &&
        stamps_zone_error(stamps->chains[last].last_ms - written_ms, ZONE_TIGHT_MS, &error_ms) && error_ms != 0)
        chain_release(stamps, last, error_ms, true);
    else
        release_best(stamps, moment, written_ms);
}

void stamps_settle(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms)
{
    if (stamps->chain_count == 0 || stamps->releasing)
        return;
    if (moment->since_ms)
        settle_by_clock(stamps, moment);
    else if (!stamps->loaded)
        settle_by_neighbours(stamps, moment, written_ms);
}
