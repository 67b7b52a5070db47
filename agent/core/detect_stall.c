/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "hourly.h"
#include "saved.h"

/*
 * The silent watermark stall: runs succeed and move nothing. Only the table's own past can tell a stall from an honest zero. With z
 * zero-row runs among n, Jeffreys' prior makes the chance of k more in a row beta-binomial,
 *     P(k) = product over i < k of (z + 1/2 + i) / (n + 1 + i),
 * which stays large while little is known. Zeros cluster (nights, weekends), so two more things are asked. 1. k must exceed the longest
 * honest streak: by two, and by an eighth of it (critical: a quarter) where it is long. 2. The same chance must be small by the rates of
 * the very hours that the streak lies in. The rate of an hour of which little is known leans towards that of all runs (SEASON_PRIOR).
 *
 * A stall that was mended brings all the rows that had gathered; a quiet night that is over brings the rows of one run. So a streak that
 * became an incident and ended without catching up is doubtful: for a week the next one is no more than a warning. A table that has
 * honest zeros learns such a streak at once; a table that had none learns it when a second one ends the same way within that week.
 */

enum {
    RUNS_LEAST = 8,
    MARGIN_LEAST = 2,
    WARNING_SHARE = 8,
    CRITICAL_SHARE = 4,
    SEASON_PRIOR = 28,
    STREAK_COUNTED = 100000
};
static const int64_t week_ms = 7 * (int64_t)DAY_MS;

enum { SEASONS = 2 * HOURS }; /* the hours of a weekday, then those of a day of the weekend, UTC */

struct seasonal {
    int64_t counts[SEASONS];
};

struct stall {
    int64_t runs, zeros; /* n and z: earlier runs, and those without rows */
    struct seasonal season_runs, season_zeros;
    int64_t longest; /* honest streak of zeros */
    int64_t streak;  /* k: the one in progress */
    struct seasonal season_streak;
    int64_t first_zero_ms;
    int64_t last_move_ms; /* the last run with rows */
    bool reported;        /* the streak in progress became an incident */
    int64_t doubtful; /* length of a reported streak that ended like a quiet time does and is not learnt yet; 0: none */
    struct seasonal season_doubtful;
    int64_t doubted_ms; /* when the newest such streak ended; 0: never */
};

static void stall_begin_table(struct table *table)
{
    table->stall = must_alloc(sizeof *table->stall);
}

static size_t season_now(const struct moment *moment)
{
    int64_t wall_ms = moment_now_wall_ms(moment);
    bool weekend = (wall_ms / DAY_MS + 3) % 7 >= 5; /* 1970 began on a Thursday */
    return hour_of_day(wall_ms) + (weekend ? HOURS : 0);
}

static void seasonal_add(struct seasonal *to, const struct seasonal *from)
{
    for (size_t i = 0; i < SEASONS; i++)
        to->counts[i] += from->counts[i];
}

double stall_chance(int64_t runs, int64_t zeros, int64_t streak)
{
    double chance = 1;
    for (int64_t i = 0; i < streak && i < STREAK_COUNTED && chance > 0; i++)
        chance *= ((double)(zeros + i) + 0.5) / (double)(runs + 1 + i);
    return chance;
}

bool stall_counts_are_blind(int64_t runs, int64_t zeros, int64_t streak)
{
    return runs == 0 ? streak >= RUNS_LEAST : ((double)zeros + 0.5) / (double)(runs + 1) > 0.5;
}

bool stall_is_blind(const struct table *table)
{
    const struct stall *stall = table->stall;
    return stall_counts_are_blind(stall->runs, stall->zeros, stall->streak);
}

/* The same chance by each hour's own rate. */
static double seasonal_chance(const struct stall *stall)
{
    double chance = 1, rate = ((double)stall->zeros + 0.5) / (double)(stall->runs + 1);
    int64_t i = 0;
    for (size_t season = 0; season < SEASONS; season++) {
        double zeros = (double)stall->season_zeros.counts[season] + SEASON_PRIOR * rate;
        double runs = (double)stall->season_runs.counts[season] + SEASON_PRIOR;
        for (int64_t n = 0; n < stall->season_streak.counts[season] && i < STREAK_COUNTED; n++, i++)
            chance *= (zeros + (double)i) / (runs + (double)i);
    }
    return chance;
}

static double chance_of(const struct stall *stall)
{
    double alike = stall_chance(stall->runs, stall->zeros, stall->streak);
    if (stall->zeros == 0)
        return alike;
    double seasonal = seasonal_chance(stall);
    return seasonal > alike ? seasonal : alike;
}

static int64_t margin(const struct stall *stall, int64_t share)
{
    return stall->longest / share > MARGIN_LEAST ? stall->longest / share : MARGIN_LEAST;
}

/* True if enough of the table is known (a day and a night, or a whole week where zeros occur) and no recent streak is in doubt. */
static bool may_be_critical(const struct context *context, const struct table *table)
{
    const struct stall *stall = table->stall;
    bool in_doubt = stall->doubted_ms && context->moment->now_ms - stall->doubted_ms < week_ms;
    bool longer = stall->zeros == 0 || stall->streak >= stall->longest + margin(stall, CRITICAL_SHARE);
    return longer && !in_doubt && stall->first_zero_ms - table->first_seen_ms >= (stall->zeros ? week_ms : DAY_MS);
}

/* Until a table with zeros has shown a weekend, it takes the chance of a critical stall to warn. */
static double warning_p(const struct context *context, const struct table *table)
{
    const struct stall *stall = table->stall;
    bool young = stall->zeros && stall->first_zero_ms - table->first_seen_ms < week_ms;
    return young ? context->settings->detect.stall_critical_p : context->settings->detect.stall_warning_p;
}

static enum severity stall_severity(const struct context *context, const struct table *table)
{
    const struct stall *stall = table->stall;
    if (stall->runs < RUNS_LEAST || stall_is_blind(table))
        return SEVERITY_NONE;
    if (stall->zeros > 0 && stall->streak < stall->longest + margin(stall, WARNING_SHARE))
        return SEVERITY_NONE;
    double chance = chance_of(stall);
    if (stall->streak >= context->settings->detect.stall_critical_runs &&
        chance < context->settings->detect.stall_critical_p && may_be_critical(context, table))
        return SEVERITY_CRITICAL;
    if (stall->streak >= context->settings->detect.stall_warning_runs && chance < warning_p(context, table))
        return SEVERITY_WARNING;
    return SEVERITY_NONE;
}

/* True if several tables stopped moving rows at a restart: then it is more likely that the scheduler no longer reads their row counts. */
static bool counts_may_be_lost(const struct context *context)
{
    size_t stalled = 0;
    int64_t started = context->schedule->started_ms;
    for (size_t i = 0; i < context->tables->count; i++) {
        const struct stall *stall = context->tables->at[i].stall;
        stalled += started && stall->streak > 0 && stall->last_move_ms < started && stall->first_zero_ms >= started;
    }
    return stalled > 1;
}

static void raise_stall(struct context *context, struct table *table, enum severity severity)
{
    struct stall *stall = table->stall;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%" PRId64 " successes in a row with 0 rows", stall->streak);
    strbuf_puts(&what, ", last rows ");
    describe_duration(context->moment->now_ms - stall->last_move_ms, &what);
    strbuf_puts(&what, " ago");
    struct cause cause = cause_of_kind(context->sources, "stall");
    cause.words = counts_may_be_lost(context)
                      ? "since a restart: the scheduler may have lost the row counts, or nothing moves"
                      : "the watermark does not advance";
    struct incident_record *record = incidents_raise(context->incidents, &(struct finding){
                                                                             .kind = KIND_STALL,
                                                                             .severity = severity,
                                                                             .table = table,
                                                                             .onset_ms = stall->first_zero_ms,
                                                                             .what = strbuf_text(&what),
                                                                             .cause = cause,
                                                                         });
    strbuf_free(&what);
    stall->reported = true;
    prometheus_note(record, stall->last_move_ms);
}

static void learn_streak(struct stall *stall, int64_t streak, const struct seasonal *seasons)
{
    stall->runs += streak;
    stall->zeros += streak;
    seasonal_add(&stall->season_runs, seasons);
    seasonal_add(&stall->season_zeros, seasons);
    if (streak > stall->longest)
        stall->longest = streak;
}

/* True if the rows are as many as must have gathered during the streak; an ordinary run moves far fewer. */
static bool caught_up(const struct table *table, int64_t streak, int64_t rows)
{
    const struct window *window = &table->rows;
    size_t count = window_newest(window, INT64_MIN, SIZE_MAX), moving = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t moved = window->values[window->count - 1 - i];
        moving += moved > 0;
        sum += (double)moved;
    }
    return moving > 0 && (double)rows > sum / (double)moving * (double)(streak + 1) / 2;
}

/* The streak was an incident and ended without catching up. */
static void doubt_streak(struct stall *stall, int64_t now_ms)
{
    bool again = stall->doubtful && now_ms - stall->doubted_ms < week_ms;
    bool honest = again || stall->zeros > 0;
    if (again)
        learn_streak(stall, stall->doubtful, &stall->season_doubtful);
    if (honest)
        learn_streak(stall, stall->streak, &stall->season_streak);
    stall->doubtful = honest ? 0 : stall->streak;
    stall->season_doubtful = stall->season_streak;
    stall->doubted_ms = now_ms;
}

static void end_streak(struct context *context, struct table *table, int64_t rows)
{
    struct stall *stall = table->stall;
    if (stall->streak == 0)
        return;
    if (!stall->reported)
        learn_streak(stall, stall->streak, &stall->season_streak);
    else if (!caught_up(table, stall->streak, rows))
        doubt_streak(stall, context->moment->now_ms);
    stall->streak = 0;
    stall->season_streak = (struct seasonal){ 0 };
    stall->reported = false;
}

static void stall_fact(struct context *context, const struct fact *fact)
{
    if (fact->rows < 0)
        return;
    struct table *table = fact->table;
    struct stall *stall = table->stall;
    if (fact->rows > 0) {
        end_streak(context, table, fact->rows);
        stall->runs++;
        stall->season_runs.counts[season_now(context->moment)]++;
        stall->last_move_ms = context->moment->now_ms;
        incidents_clear(context->incidents, KIND_STALL, table);
        return;
    }
    /* A second run within a moment after a success has nothing left to move. */
    if (table->last_success_ms && context->moment->now_ms - table->last_success_ms < schedule_burst(context->schedule))
        return;
    if (stall->streak++ == 0)
        stall->first_zero_ms = context->moment->now_ms;
    stall->season_streak.counts[season_now(context->moment)]++;
    enum severity severity = stall_severity(context, table);
    if (severity != SEVERITY_NONE)
        raise_stall(context, table, severity);
}

const struct detector detect_stall = { .begin_table = stall_begin_table,
                                       .hears = HEARS(FACT_RUN_SUCCEEDED),
                                       .fact = stall_fact };

static void seasonal_archive(struct seasonal *seasonal, struct archive *archive, const char *name)
{
    size_t count = SEASONS;
    saved_i64s(archive, name, seasonal->counts, &count, SEASONS);
}

void stall_archive(struct table *table, struct archive *archive)
{
    struct stall *stall = table->stall;
    saved_i64(archive, "stall.runs", &stall->runs);
    saved_i64(archive, "stall.zeros", &stall->zeros);
    seasonal_archive(&stall->season_runs, archive, "stall.runs.by");
    seasonal_archive(&stall->season_zeros, archive, "stall.zeros.by");
    saved_i64(archive, "stall.longest", &stall->longest);
    saved_i64(archive, "stall.streak", &stall->streak);
    seasonal_archive(&stall->season_streak, archive, "stall.streak.by");
    saved_i64(archive, "stall.first_zero", &stall->first_zero_ms);
    saved_i64(archive, "stall.last_move", &stall->last_move_ms);
    archive_bool(archive, "stall.reported", &stall->reported);
    saved_i64(archive, "stall.doubtful", &stall->doubtful);
    seasonal_archive(&stall->season_doubtful, archive, "stall.doubtful.by");
    saved_i64(archive, "stall.doubted", &stall->doubted_ms);
}
