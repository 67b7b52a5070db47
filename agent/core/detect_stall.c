/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stall.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * The silent watermark stall: runs succeed and move nothing. Only the table's own past can tell a stall from an honest zero. With z
 * zero-row runs among n, Jeffreys' prior makes the chance of k more in a row beta-binomial,
 *     P(k) = product over i < k of (z + 1/2 + i) / (n + 1 + i),
 * which stays large while little is known. But zeros are no dice: there are nights, lunch breaks, weekends and holidays. So
 * 1. k counts only runs at hours in which zeros are at most about as frequent as now (rate <= 2 r + 0.05): a night that is over does not
 *    count by day. P is that by the rates of those hours, too (for two weeks the larger of the two holds).
 * 2. Where zeros occur, k must exceed the longest honest streak of such hours, by two and by an eighth (critical: a quarter), and for two
 *    weeks by its double; and P must be ten times as small (critical: three times). One far longer streak that was seen once is no habit.
 * 3. A streak of 20 hours or more is a closure. It is kept by its hours of the week, and teaches no rate: a closed weekend does not blind a
 *    Tuesday. Hours at which the table is closed by habit (closures.h) do not count at all.
 * 4. Nothing is critical before six and a half days are known, so that a weekend that is seen for the first time is one warning. A table
 *    that is known to close is critical only after 52 hours, two holidays in a row, because nothing in the log tells a holiday from a stall.
 * 5. Runs of one or two rows count as zeros. A table that has many of them has zeros by mere chance, so nothing is news in its first week.
 *
 * A stall that was mended brings all the rows that had gathered; a quiet night that is over brings the rows of one run. So a streak that
 * became an incident and ended without catching up is doubtful: for a week the next one is no more than a warning. A table that has
 * honest zeros learns such a streak at once. A table that had none learns it when a second one ends the same way within that week: both are
 * closures then, and if they lay at the same hours of the day, a third is no news.
 *
 * Chosen on 26 public series of row counts (2.2 series-years, all of which were looked at while choosing): three
 * warnings and two criticals, all for one
 * outage of the source itself (before: 11 and 4); 47 of 49 stalls of six hours are told (44). 40 simulated healthy years of tables with up
 * to 45 % of honest zeros and quiet nights: 9 warnings, at most two in a year (41), no critical. Nine patterns of weekly closures: one
 * warning, at the first, and a stall on the Tuesday after any of them is told within an hour; 54.5 hours were needed before.
 */

enum {
    RUNS_LEAST = 8,
    MARGIN_LEAST = 2,
    WARNING_SHARE = 8,
    CRITICAL_SHARE = 4,
    YOUNG_TIMES = 2,
    FEW_SHARE = 50, /* more than one run in so many has one or two rows: the table's counts are small */
    OPEN_SHARE = 4, /* less than one run in so many lies outside of closures: too little to judge by */
};
static const int64_t week_ms = 7 * (int64_t)DAY_MS;
static const int64_t critical_known_ms = 156 * (int64_t)HOUR_MS;
static const int64_t holidays_ms = 52 * (int64_t)HOUR_MS;
static const int64_t closing_kept_ms = 28 * (int64_t)DAY_MS;
/* What becomes of the chances that are configured, where zeros occur, and for small counts. */
static const double zeros_warning_share = 0.1, zeros_critical_share = 0.3, few_critical_share = 0.01;

static void stall_begin_table(struct table *table)
{
    table->stall = must_alloc(sizeof *table->stall);
}

/* --- what is known -------------------------------------------------------------------------------------------- */

double stall_chance(int64_t runs, int64_t zeros, int64_t streak)
{
    enum { COUNTED = 100000 };
    double chance = 1;
    for (int64_t i = 0; i < streak && i < COUNTED && chance > 0; i++)
        chance *= ((double)(zeros + i) + 0.5) / (double)(runs + 1 + i);
    return chance;
}

bool stall_counts_are_blind(int64_t runs, int64_t zeros, int64_t streak)
{
    return runs == 0 ? streak >= RUNS_LEAST : ((double)zeros + 0.5) / (double)(runs + 1) > 0.5;
}

static bool knowledge_is_blind(const struct stall *stall)
{
    int64_t runs = stall->seasons.all_runs, zeros = stall->seasons.all_zeros;
    return stall_counts_are_blind(runs, zeros, stall->streak) ||
           (double)runs * (double)OPEN_SHARE < (double)stall->runs;
}

bool stall_is_blind(const struct table *table)
{
    return table->stall->by_witness || knowledge_is_blind(table->stall);
}

bool stall_rows_are_blind(const struct context *context, const struct table *table)
{
    bool silent = table->stall->by_witness && !witness_counts_rows(context, table);
    return silent || knowledge_is_blind(table->stall);
}

/* For how long the table was known when its streak began. */
static int64_t known_ms(const struct table *table)
{
    return table->stall->open_zero_ms - table->first_seen_ms;
}

static bool counts_are_small(const struct stall *stall)
{
    return stall->seasons.all_few * FEW_SHARE > stall->seasons.all_runs;
}

static bool has_zeros(const struct stall *stall)
{
    return stall->zeros > 0 || counts_are_small(stall);
}

/* --- the judgement -------------------------------------------------------------------------------------------- */

/* A streak and the past that it is held against. */
struct weighed {
    int64_t length, longest;
    double chance;
    double warning_p, critical_p;
};

static struct weighed weigh_streak(const struct context *context, const struct table *table,
                                   const struct seasons_alike *alike)
{
    const struct stall *stall = table->stall;
    const struct seasons *seasons = &stall->seasons;
    struct weighed weighed = {
        .length = season_streak_length(&stall->open, alike),
        .longest = seasons_longest(seasons, alike),
        .warning_p = context->settings->detect.stall_warning_p,
        .critical_p = context->settings->detect.stall_critical_p,
    };
    if (has_zeros(stall)) {
        weighed.warning_p *= zeros_warning_share;
        weighed.critical_p *= counts_are_small(stall) ? few_critical_share : zeros_critical_share;
    }
    int64_t zeros = seasons_zeros(seasons);
    double common = stall_chance(seasons->all_runs, zeros, weighed.length);
    double seasonal = zeros ? seasons_chance(seasons, &stall->open, alike) : common;
    weighed.chance = seasonal > common || known_ms(table) >= 2 * week_ms ? seasonal : common;
    return weighed;
}

static int64_t margin(int64_t longest, int64_t share)
{
    return longest / share > MARGIN_LEAST ? longest / share : MARGIN_LEAST;
}

/* How long a streak must be as long as little is known: the first night may have begun before the log did. */
static int64_t least_while_young(const struct table *table)
{
    const struct stall *stall = table->stall;
    if (known_ms(table) < 2 * (int64_t)DAY_MS)
        return YOUNG_TIMES * stall->longest;
    return known_ms(table) < 2 * week_ms ? YOUNG_TIMES * seasons_longest_ever(&stall->seasons) : 0;
}

/* True if a streak so long is not what the table is used to. */
static bool is_beyond_habit(const struct table *table, const struct weighed *weighed)
{
    if (!has_zeros(table->stall))
        return true;
    return weighed->length >= weighed->longest + margin(weighed->longest, WARNING_SHARE) &&
           weighed->length >= least_while_young(table);
}

static bool may_be_critical(const struct context *context, const struct table *table, const struct weighed *weighed)
{
    const struct stall *stall = table->stall;
    int64_t now_ms = context->moment->now_ms;
    bool in_doubt = stall->doubted_ms && now_ms - stall->doubted_ms < week_ms;
    bool closes = stall->closed_ms && now_ms - stall->closed_ms < closing_kept_ms;
    if (in_doubt || known_ms(table) < critical_known_ms || (closes && now_ms - stall->open_zero_ms < holidays_ms))
        return false;
    return stall->zeros == 0 || weighed->length >= stall->longest + margin(stall->longest, CRITICAL_SHARE);
}

static enum severity stall_severity(const struct context *context, const struct table *table,
                                    const struct weighed *weighed)
{
    const struct stall *stall = table->stall;
    if (stall->runs < RUNS_LEAST || knowledge_is_blind(stall) || !is_beyond_habit(table, weighed) ||
        (counts_are_small(stall) && known_ms(table) < week_ms))
        return SEVERITY_NONE;
    if (weighed->length >= context->settings->detect.stall_critical_runs && weighed->chance < weighed->critical_p &&
        may_be_critical(context, table, weighed))
        return SEVERITY_CRITICAL;
    if (weighed->length >= context->settings->detect.stall_warning_runs && weighed->chance < weighed->warning_p)
        return SEVERITY_WARNING;
    return SEVERITY_NONE;
}

/* True if several tables stopped moving rows at a restart: then it is more likely that the scheduler no longer reads their row counts. */
static bool counts_may_be_lost(const struct context *context)
{
    size_t stalled = 0;
    int64_t started = context->schedule->started_ms;
    for (size_t i = 0; started && i < context->tables->count && stalled < 2; i++) {
        const struct stall *stall = context->tables->at[i].stall;
        stalled += stall->streak > 0 && stall->last_move_ms < started && stall->first_zero_ms >= started;
    }
    return stalled > 1;
}

static void raise_stall(struct context *context, struct table *table, enum severity severity, const char *rule)
{
    static const char lost[] = "a restart may have lost the row counts";
    struct stall *stall = table->stall;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "{tables} {still}stalled, %" PRId64 " runs moved 0 rows {since}", stall->streak);
    struct cause cause = cause_of_kind(context->sources, "stall");
    bool may_be_lost = counts_may_be_lost(context);
    cause.words = may_be_lost ? "since a restart: the scheduler may have lost the row counts, or nothing moves"
                              : "the watermark does not advance";
    struct incident_record *record = incidents_raise(context->incidents, &(struct finding){
                                                                             .kind = KIND_STALL,
                                                                             .severity = severity,
                                                                             .table = table,
                                                                             .onset_ms = stall->open_zero_ms,
                                                                             .what = strbuf_text(&what),
                                                                             .detail = may_be_lost ? lost : NULL,
                                                                             .rule = rule,
                                                                             .cause = cause,
                                                                         });
    strbuf_free(&what);
    stall->reported = true;
    prometheus_note(record, stall->last_move_ms);
}

static void judge_streak(struct context *context, struct table *table, const struct seasons_alike *alike)
{
    const struct stall *stall = table->stall;
    struct weighed weighed = weigh_streak(context, table, alike);
    enum severity severity = stall_severity(context, table, &weighed);
    if (severity == SEVERITY_NONE && !explain_is_wanted(context->explainer))
        return;
    struct strbuf rule = { 0 };
    strbuf_printf(&rule,
                  "%" PRId64 " runs without rows at hours like this one, the longest honest streak there %" PRId64
                  "; of %" PRId64 " runs %" PRId64 " had none; chance %.1e, warning below %.0e, critical below %.0e",
                  weighed.length, weighed.longest, stall->seasons.all_runs, seasons_zeros(&stall->seasons),
                  weighed.chance, weighed.warning_p, weighed.critical_p);
    static const enum verdict verdicts[] = {
        [SEVERITY_NONE] = VERDICT_NOTHING,
        [SEVERITY_WARNING] = VERDICT_WARNING,
        [SEVERITY_CRITICAL] = VERDICT_CRITICAL,
    };
    explain(context->explainer, KIND_STALL, table, verdicts[severity], "%s", strbuf_text(&rule));
    if (severity != SEVERITY_NONE)
        raise_stall(context, table, severity, strbuf_text(&rule));
    strbuf_free(&rule);
}

/* --- facts ---------------------------------------------------------------------------------------------------- */

static void take_rows(struct context *context, struct table *table, int64_t rows)
{
    struct stall *stall = table->stall;
    stall_end_streak(context, table, rows);
    stall->runs++;
    seasons_learn_rows(&stall->seasons, season_of(moment_now_wall_ms(context->moment)), rows);
    stall->last_move_ms = context->moment->now_ms;
    if (stall->first_move_ms == 0)
        stall->first_move_ms = stall->last_move_ms;
    if (!witness_is_certain(context, table))
        incidents_clear(context->incidents, KIND_STALL, table);
}

static void take_zero(struct context *context, struct table *table)
{
    const struct moment *moment = context->moment;
    struct stall *stall = table->stall;
    int64_t wall_ms = moment_now_wall_ms(moment);
    if (stall->streak++ == 0)
        stall->first_zero_ms = moment->now_ms;
    if (stall->first_move_ms &&
        closures_are_weekly(&stall->closures, moment_wall_ms(moment, stall->first_move_ms), wall_ms)) {
        explain(context->explainer, KIND_STALL, table, VERDICT_NOTHING, "closed by habit at this hour of the week");
        return;
    }
    if (stall->open_zero_ms == 0)
        stall->open_zero_ms = moment->now_ms;
    struct seasons_alike alike = seasons_like(&stall->seasons, season_of(wall_ms));
    season_streak_add(&stall->open, season_of(wall_ms), &alike);
    if (closures_are_daily(&stall->closures, wall_ms))
        explain(context->explainer, KIND_STALL, table, VERDICT_NOTHING, "closed by habit at this hour of the day");
    else
        judge_streak(context, table, &alike);
}

/*
 * What a witness counted stands for the number that the log does not tell. Where the source was asked as well, no chance is needed
 * (detect_witnessed.c): a run without rows is then certain to be a stall, or honest.
 */
static void stall_on_witnessed(struct context *context)
{
    const struct event *event = context->moment->event;
    struct table *table = event->kind == EVENT_TABLE_WITNESSED ? tables_find(context->tables, event->table) : NULL;
    if (!table || table->last_failed || table->moved > 0)
        return;
    tables_touch(context->tables, table, TOUCHED_LIVE);
    if (event->number > 0 && table->stall->first_move_ms == 0)
        *table->stall = (struct stall){ 0 }; /* the log never told any rows: its zeros say nothing */
    if (event->number > 0) {
        table->stall->by_witness = true;
        take_rows(context, table, event->number);
        stall_learn_counted(table->stall, event->number);
    } else if (event->number == 0 && event->duration_ms < 0 && !table->stall->zero_taken) {
        take_zero(context, table);
    }
}

/*
 * Nobody confirms a certain stall any more, because the witnesses were taken out of the configuration or are gone for good. A log that
 * always says 0 rows would never end it.
 */
static void end_unconfirmed(struct context *context, const struct table *table)
{
    struct incident_record *record = incidents_find(context->incidents, KIND_STALL, table);
    if (!witness_lost_stall(context, table) || !record || table->stall->reported)
        return;
    incidents_note(context->incidents, record, "note",
                   "no witness has said anything about its rows for a day, so nobody knows whether this lasts");
    incidents_clear(context->incidents, KIND_STALL, table);
}

static void stall_on_success(struct context *context, const struct fact *fact)
{
    struct table *table = fact->table;
    struct stall *stall = table->stall;
    /* A second run within a moment after a success has nothing left to move. */
    bool is_burst =
        table->last_success_ms && context->moment->now_ms - table->last_success_ms < schedule_burst(context->schedule);
    stall->zero_taken = fact->rows == 0 && !stall->by_witness && !witness_counts_rows(context, table) && !is_burst;
    if (fact->rows > 0) {
        stall->by_witness = false;
        take_rows(context, table, fact->rows);
    } else if (stall->zero_taken) {
        take_zero(context, table);
    }
    end_unconfirmed(context, table);
}

static void stall_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind == FACT_EVENT)
        stall_on_witnessed(context);
    else
        stall_on_success(context, fact);
}

const struct detector detect_stall = { .begin_table = stall_begin_table,
                                       .hears = HEARS(FACT_RUN_SUCCEEDED) | HEARS(FACT_EVENT),
                                       .fact = stall_fact };
