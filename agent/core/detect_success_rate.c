/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saved.h"

/*
 * A low success rate: a table fails now and then, but never often enough in a row to be an incident of consecutive failures.
 *
 * Failures within 24 h are a warning if they are too many for this table. A table that fails once in a hundred runs has four of them in a
 * day every other month, and nobody can do anything about that. Two questions are asked of the newest 3, 4, 5 ... failures of the day, each
 * over the runs since the first of them, so that a sudden change shows after a few hours:
 *
 * - Does a higher rate explain them much better than the table's past? The Bayes factor (Kass and Raftery, Bayes Factors, Journal of the
 *   American Statistical Association 90, 1995) compares the chance of just these outcomes under a beta-binomial law with the parameters 2
 *   and 8 (a rate near 20 %) with that under the law of the past: with z failures among the n runs before that day its parameters are
 *   z + 1/2 and n - z + 1/2 (Jeffreys' prior). A short past is cautious by itself. The past's mean counts as 1 % at least, so that a table
 *   that never failed may have three failures a day. Asked from detect.flapping_per_day failures on.
 * - Are so many unlikely? The chance of k or more failures in m runs under the law of the past. This finds a rate that rose from nothing to
 *   a few in a hundred. Asked of more than detect.flapping_per_day failures.
 *
 * With less than RUNS_LEAST runs of history only the number counts: more than detect.flapping_per_day.
 *
 * The bounds are a trade, measured on a simulation of this rule: 600 years of a table at 15 minutes that always fails at one rate, no two
 * failures in a row, and 20000 rises of a rate from 1 % to 20 % after ten days, told within six hours by this rule or as failures in a row:
 *
 *     least factor, least rate of the past   told a year at 0.1 %, 0.5 %, 1 %, 2 %   of the rises
 *     (the chance alone, below 5e-4)         0.00   0.6   1.5   3.2                  79 %
 *     300, 0.5 %                             0.01   1.0   2.4   3.9                  84 %
 *     150, 1 %                               0.01   0.6   3.2   6.9                  86 %
 *     100, 0.5 %                             0.01   1.6   4.7   9.4                  88 %
 *
 * A table that fails in 1 % of its runs fails twice in a row 3.5 times a year and is told of then anyway. "More than three in a day" alone
 * told it 6 times a year. Not many more of the rises can be told: six hours are 24 runs, and in 11 % of the rises at most two of them fail,
 * not in a row. A Shiryaev-Roberts statistic over six hours and a CUSUM (Page, Continuous Inspection Schemes, Biometrika 41, 1954) that
 * know both rates beforehand tell 83 % at 1.6 false warnings a year, 87 % at 2.9, and 92 % at 16.
 */

enum {
    FLAPS_KEPT = 32,     /* bounds detect.flapping_per_day */
    FAILURES_LEAST = 3,  /* fewer tell nothing of a rate */
    RUNS_LEAST = 200,    /* two days at 15 minutes */
    RUNS_JUDGED = 20000, /* more are not looked at, however short the interval is */
    RUNS_LEARNT = 2688,  /* four weeks at 15 minutes */
    DAYS_LEARNT = 4,     /* or the runs of so many days, if they are more: a day is judged by what was before it */
};
static const double rare = 1e-4, usual = 0.05;
static const double telling_factor = 150, least_past_rate = 0.01, higher_failed = 2, higher_good = 8;

struct flaps {
    /*
     * Failures of the last day outside any incident of consecutive failures, oldest first, and the run that each of them was, as run_count
     * counted then. Both have FLAPS_KEPT places in one piece of memory, which at_ms owns, and are NULL before the first failure.
     */
    int64_t *at_ms, *number;
    size_t count;
    int64_t run_count, failed_count; /* learnt: runs, and failures like those above among them */
    int64_t number_now;              /* how many runs there were in all */
};

/* The newest `failures`, which lie in `runs` runs, beside what is learnt. */
struct surplus {
    size_t failures;
    int64_t runs;
    double chance; /* 1 where there is too little history to tell */
    double factor; /* likewise 0, and also where the rate is not higher than before */
    int64_t past_runs, past_failures;
};

static void success_rate_begin_table(struct table *table)
{
    table->flaps = must_alloc(sizeof *table->flaps);
}

static void success_rate_end_table(struct table *table)
{
    free(table->flaps->at_ms);
}

/* Most of thousands of tables never fail. */
static void give_room(struct flaps *flaps)
{
    if (flaps->at_ms)
        return;
    flaps->at_ms = must_alloc(2 * FLAPS_KEPT * sizeof *flaps->at_ms);
    flaps->number = flaps->at_ms + FLAPS_KEPT;
}

static size_t flaps_since(const struct flaps *flaps, int64_t since_ms)
{
    size_t count = 0;
    while (count < flaps->count && flaps->at_ms[flaps->count - 1 - count] > since_ms)
        count++;
    return count;
}

/* Outcomes of runs, in any order, and what the past's law says of them. */
struct tally {
    double past_a, past_b;      /* the parameters of the past's law */
    double least_a, least_b;    /* the same, where its mean is the least that counts */
    double failures, successes; /* so far */
    double none;                /* the chance of no failure in so many runs */
    double factor;              /* how many times as well a rate near 20 % explains them */
};

static struct tally tally_begin(int64_t past_failures, int64_t past_runs)
{
    double a = (double)past_failures + 0.5, total = (double)past_runs + 1;
    double least_a = a > least_past_rate * total ? a : least_past_rate * total;
    return (struct tally){
        .past_a = a, .past_b = total - a, .least_a = least_a, .least_b = total - least_a, .none = 1, .factor = 1
    };
}

static void tally_run(struct tally *tally, bool is_failure)
{
    double seen = tally->failures + tally->successes, total = tally->past_a + tally->past_b;
    double *count = is_failure ? &tally->failures : &tally->successes;
    double higher = (is_failure ? higher_failed : higher_good) + *count;
    double past = (is_failure ? tally->least_a : tally->least_b) + *count;
    tally->factor *= higher / (higher_failed + higher_good + seen) * (total + seen) / past;
    tally->none *= (tally->past_b + seen) / (total + seen);
    ++*count;
}

/* Goes on until there are so many failures and runs. */
static void tally_reach(struct tally *tally, int64_t failures, int64_t runs)
{
    while (tally->failures < (double)failures)
        tally_run(tally, true);
    while (tally->failures + tally->successes < (double)(runs < RUNS_JUDGED ? runs : RUNS_JUDGED))
        tally_run(tally, false);
}

/* The chance of so many failures or more in so many runs under the past's law. */
static double tally_chance(const struct tally *tally)
{
    double runs = tally->failures + tally->successes, term = tally->none, fewer = 0;
    for (int64_t i = 0; i < (int64_t)tally->failures; i++) {
        double k = (double)i;
        fewer += term;
        term *= (runs - k) * (tally->past_a + k) / ((k + 1) * (tally->past_b + runs - k - 1));
    }
    return fewer < 1 ? 1 - fewer : 0;
}

/*
 * Whether they are more than two standard deviations of a binomial law above its mean. What is not has a chance of one in a hundred or more:
 * nothing rare, so that the chance need not be computed.
 */
static bool tally_may_be_rare(const struct tally *tally)
{
    double runs = tally->failures + tally->successes, rate = tally->past_a / (tally->past_a + tally->past_b);
    double above = tally->failures - runs * rate;
    return above > 0 && above * above > 4 * runs * rate * (1 - rate);
}

/* A rate near 20 % may explain few failures better than a past with many, or than 1 %. That is no news: there are fewer than before. */
static bool tally_is_above_least(const struct tally *tally)
{
    double runs = tally->failures + tally->successes;
    return tally->failures * (tally->least_a + tally->least_b) > runs * tally->least_a;
}

double success_rate_chance(int64_t failures, int64_t runs, int64_t past_failures, int64_t past_runs)
{
    struct tally tally = tally_begin(past_failures, past_runs);
    tally_reach(&tally, failures, runs);
    return tally_chance(&tally);
}

double success_rate_factor(int64_t failures, int64_t runs, int64_t past_failures, int64_t past_runs)
{
    struct tally tally = tally_begin(past_failures, past_runs);
    tally_reach(&tally, failures, runs);
    return tally.factor;
}

static int64_t runs_of_a_day(const struct context *context)
{
    return DAY_MS / schedule_interval(context->schedule);
}

/* When enough is learnt all counts are halved, so that a rate that changes is learnt anew. */
static void count_run(const struct context *context, struct flaps *flaps, bool is_failure)
{
    flaps->number_now++;
    flaps->run_count++;
    flaps->failed_count += is_failure;
    if (flaps->run_count >= RUNS_LEARNT && flaps->run_count >= DAYS_LEARNT * runs_of_a_day(context)) {
        flaps->run_count /= 2;
        flaps->failed_count /= 2;
    }
}

static void add_flap(struct flaps *flaps, int64_t now_ms)
{
    give_room(flaps);
    if (flaps->count == FLAPS_KEPT) {
        flaps->count--;
        memmove(flaps->at_ms, flaps->at_ms + 1, flaps->count * sizeof *flaps->at_ms);
        memmove(flaps->number, flaps->number + 1, flaps->count * sizeof *flaps->number);
    }
    flaps->at_ms[flaps->count] = now_ms;
    flaps->number[flaps->count++] = flaps->number_now;
}

/* The last failures are told as consecutive failures, and count no longer here. */
static void drop_flaps(struct flaps *flaps, size_t count)
{
    flaps->count -= count;
    flaps->failed_count -= (int64_t)count < flaps->failed_count ? (int64_t)count : flaps->failed_count;
}

/* What is learnt without the day that is judged. */
static struct surplus past_of(const struct context *context, const struct flaps *flaps, size_t recent)
{
    int64_t day_runs = runs_of_a_day(context);
    int64_t runs = flaps->run_count > day_runs ? flaps->run_count - day_runs : 0;
    int64_t failures = flaps->failed_count > (int64_t)recent ? flaps->failed_count - (int64_t)recent : 0;
    return (struct surplus){
        .failures = recent, .chance = 1, .past_runs = runs, .past_failures = failures < runs ? failures : runs
    };
}

static bool is_news(const struct context *context, const struct surplus *surplus)
{
    int64_t failures = (int64_t)surplus->failures, most = context->settings->detect.flapping_per_day;
    if (surplus->past_runs < RUNS_LEAST)
        return failures > most;
    return (failures > most && surplus->chance < rare) || (failures >= most && surplus->factor >= telling_factor);
}

/* The day's most telling surplus: one that is news if there is one, else the one with the highest factor. */
static struct surplus find_surplus(const struct context *context, const struct flaps *flaps)
{
    size_t recent = flaps_since(flaps, context->moment->now_ms - DAY_MS);
    const struct surplus past = past_of(context, flaps, recent);
    struct surplus best = past;
    if (past.past_runs < RUNS_LEAST)
        return past;
    struct tally tally = tally_begin(past.past_failures, past.past_runs);
    for (size_t failures = FAILURES_LEAST; failures <= recent; failures++) {
        struct surplus surplus = past;
        surplus.failures = failures;
        tally_reach(&tally, (int64_t)failures, flaps->number_now - flaps->number[flaps->count - failures] + 1);
        surplus.runs = (int64_t)(tally.failures + tally.successes);
        if (tally_may_be_rare(&tally))
            surplus.chance = tally_chance(&tally);
        surplus.factor = tally_is_above_least(&tally) ? tally.factor : 0;
        bool news = is_news(context, &surplus), best_is_news = is_news(context, &best);
        if (news > best_is_news || (news == best_is_news && surplus.factor > best.factor))
            best = surplus;
    }
    return best;
}

static void raise_rate(struct context *context, struct table *table, const struct surplus *surplus, const char *rule)
{
    const struct flaps *flaps = table->flaps;
    size_t recent = flaps_since(flaps, context->moment->now_ms - DAY_MS);
    struct strbuf detail = { 0 };
    strbuf_printf(&detail, "%zu in a day, never two in a row", recent);
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_SUCCESS_RATE,
                                            .severity = SEVERITY_WARNING,
                                            .table = table,
                                            .onset_ms = flaps->at_ms[flaps->count - surplus->failures],
                                            .detail = strbuf_text(&detail),
                                            .rule = rule,
                                            .cause = table_cause(table),
                                        });
    strbuf_free(&detail);
}

static void write_rule(const struct context *context, const struct surplus *surplus, struct strbuf *rule)
{
    strbuf_printf(rule, "failures within a day: %zu; detect.flapping_per_day is %" PRId64, surplus->failures,
                  context->settings->detect.flapping_per_day);
    if (surplus->past_runs >= RUNS_LEAST)
        strbuf_printf(rule, "; before, %" PRId64 " of %" PRId64 " runs failed", surplus->past_failures,
                      surplus->past_runs);
    if (surplus->runs)
        strbuf_printf(
            rule, "; the chance of so many in %" PRId64 " runs is %.1e, rare is below %.0e", surplus->runs,
            success_rate_chance((int64_t)surplus->failures, surplus->runs, surplus->past_failures, surplus->past_runs),
            rare);
    if (surplus->factor > 0)
        strbuf_printf(rule, "; a rate near 20 %% explains them %.3g times as well, telling is %.0f or more",
                      surplus->factor, telling_factor);
    else if (surplus->runs)
        strbuf_printf(rule, "; the rate is not higher than before, which counts as %.0f %% at least",
                      100 * least_past_rate);
}

static void judge_rate(struct context *context, struct table *table)
{
    struct surplus surplus = find_surplus(context, table->flaps);
    bool news = is_news(context, &surplus);
    struct strbuf rule = { 0 };
    if (!news && !explain_is_wanted(context->explainer))
        return;
    write_rule(context, &surplus, &rule);
    explain(context->explainer, KIND_SUCCESS_RATE, table, news ? VERDICT_WARNING : VERDICT_NOTHING, "%s",
            strbuf_text(&rule));
    if (news)
        raise_rate(context, table, &surplus, strbuf_text(&rule));
    strbuf_free(&rule);
}

static void success_rate_on_failed(struct context *context, struct table *table)
{
    struct flaps *flaps = table->flaps;
    int64_t now_ms = context->moment->now_ms, first_ms, counted_ms;
    bool known = flaps->count && flaps->at_ms[flaps->count - 1] == now_ms;
    failures_in_a_row(table, &first_ms, &counted_ms);
    if (counted_ms != now_ms || known)
        return; /* part of a burst */
    bool is_in_a_row = incidents_find(context->incidents, KIND_FAILURES, table) != NULL;
    count_run(context, flaps, !is_in_a_row);
    if (is_in_a_row) {
        drop_flaps(flaps, flaps_since(flaps, first_ms - 1));
        deadlines_mark(&context->tables->deadlines[DEADLINES_SUCCESS_RATE], table->index);
        return;
    }
    add_flap(flaps, now_ms);
    judge_rate(context, table);
}

/* What has become usual for the table is over: the day as a whole, and every part of it. */
static void end_usual(struct context *context, struct table *table)
{
    const struct flaps *flaps = table->flaps;
    if (!incidents_find(context->incidents, KIND_SUCCESS_RATE, table))
        return;
    size_t recent = flaps_since(flaps, context->moment->now_ms - DAY_MS);
    struct surplus past = past_of(context, flaps, recent);
    if (past.past_runs >= RUNS_LEAST &&
        success_rate_chance((int64_t)recent, runs_of_a_day(context), past.past_failures, past.past_runs) > usual &&
        find_surplus(context, flaps).factor < 1)
        incidents_clear(context->incidents, KIND_SUCCESS_RATE, table);
}

static void success_rate_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind == FACT_RUN_FAILED) {
        success_rate_on_failed(context, fact->table);
        return;
    }
    count_run(context, fact->table->flaps, false);
    end_usual(context, fact->table);
}

/* It is over at the latest when at most one failure lies within a day: when the last but one becomes a day old. */
static int64_t success_rate_table_due(const struct context *context, const struct table *table)
{
    const struct flaps *flaps = table->flaps;
    if (!incidents_find(context->incidents, KIND_SUCCESS_RATE, table))
        return INT64_MAX;
    return flaps->count < 2 ? context->moment->now_ms : flaps->at_ms[flaps->count - 2] + DAY_MS;
}

static int64_t success_rate_due_of_table(const void *ctx, size_t index)
{
    const struct context *context = ctx;
    return index < context->tables->count ? success_rate_table_due(context, &context->tables->at[index]) : INT64_MAX;
}

static int64_t success_rate_due(const struct context *context)
{
    if (context->incidents->open[KIND_SUCCESS_RATE].count == 0)
        return INT64_MAX;
    return deadlines_first(&context->tables->deadlines[DEADLINES_SUCCESS_RATE], success_rate_due_of_table, context);
}

static void success_rate_expire(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++)
        if (success_rate_table_due(context, &context->tables->at[i]) <= context->moment->now_ms)
            incidents_clear(context->incidents, KIND_SUCCESS_RATE, &context->tables->at[i]);
}

const struct detector detect_success_rate = {
    .begin_table = success_rate_begin_table,
    .end_table = success_rate_end_table,
    .hears = HEARS(FACT_RUN_FAILED) | HEARS(FACT_RUN_SUCCEEDED),
    .fact = success_rate_fact,
    .due = success_rate_due,
    .expire = success_rate_expire,
};

void success_rate_archive(struct table *table, struct archive *archive)
{
    struct flaps *flaps = table->flaps;
    struct flaps loaded = { 0 };
    struct flaps *room = archive_loading(archive) ? &loaded : flaps;
    size_t numbers = flaps->count;
    if (archive_loading(archive))
        give_room(&loaded);
    saved_i64s(archive, "fail.flaps", room->at_ms, &flaps->count, FLAPS_KEPT);
    saved_i64s(archive, "fail.numbers", room->number, &numbers, FLAPS_KEPT); /* an older agent saved none of these */
    if (archive_loading(archive) && flaps->count > 0) {
        free(flaps->at_ms);
        flaps->at_ms = loaded.at_ms;
        flaps->number = loaded.number;
    } else {
        free(loaded.at_ms);
    }
    saved_count(archive, "fail.runs", &flaps->run_count);
    saved_count(archive, "fail.failed", &flaps->failed_count);
    saved_count(archive, "fail.number", &flaps->number_now);
}
