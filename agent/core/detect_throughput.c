/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "saved.h"
#include "statistics.h"
#include "stretch.h"
#include "tables_archive.h"

/*
 * Throughput: runs that move rows, but far fewer than this table moves at this hour. What a stretch of the newest runs moved is held
 * against what the same hours moved on the days of the last four weeks (days of the week or of the weekend, where four of the kind are
 * known). It is low if it is
 * 1. less than a quarter of the median day (a stretch of an hour) or a third (of two or three), and less still where few days are known;
 * 2. below the lowest days by more than twice (in logarithms) what those are below the median: where days differ much, more is asked;
 * 3. below the lowest days of either kind, so that a holiday that is like a Sunday is no news;
 * 4. no accident of counting, by the square roots, in which counts have a standard deviation of 1/2 (Anscombe 1948, Biometrika 35);
 * 5. no accident of runs that scatter: five standard deviations of ln(rows) of a run, over the root of the number of runs, below the median.
 * Sums bear noise that single runs do not, so a fifth is found in a few hours; a stretch has four runs at least, so two or three low
 * ones are no news. Runs without rows are the stall's business and belong to no stretch.
 *
 * What is low is no measure while the incident is open; afterwards it is one day among others, so that what recurs on two or three days is
 * known. What lasts longer than a day is the new level: what was before is forgotten, and the incident ends.
 *
 * Chosen on 26 public series of row counts (2.2 series-years): rows / 20 for six hours is told 47 times of 49, rows / 5 35 times, and
 * nothing else is told. (Three runs with a robust z below -6, as before: 20, 5, and one outage of a source.) A fifth is told late or not at
 * all where an hour has fewer than about 50 rows, or where days or runs scatter by a factor of three. On 40 simulated healthy years: none.
 */

enum { RUNS_LEAST = 4, STRETCHES = 3 };
static const double hour_factor = 4, hours_factor = 3;
static const double factor_days = 2;      /* with so many days known, twice the factor is asked */
static const double least_roots = 2.5;    /* five standard deviations of a count */
static const double least_deviations = 5; /* of the mean of so many runs, as they scatter */
static const double back_factor = 2;      /* half the usual rows are back in range */

struct volume {
    struct hour_volumes *hours; /* NULL until the table is proven: a name that a line happened to hold gets none */
    int64_t low_since_ms;       /* the first low run of an incident; 0: there is none */
};

static void throughput_begin_table(struct table *table)
{
    table->volume = must_alloc(sizeof *table->volume);
}

static void throughput_end_table(struct table *table)
{
    hour_volumes_free(table->volume->hours);
}

static struct hour_volumes *hours_of(struct volume *volume)
{
    if (!volume->hours)
        volume->hours = must_alloc(sizeof *volume->hours);
    return volume->hours;
}

/* How many runs an hour has. */
static size_t hour_runs(const struct context *context)
{
    int64_t runs = (HOUR_MS + schedule_interval(context->schedule) - 1) / schedule_interval(context->schedule);
    return runs < RUNS_LEAST ? RUNS_LEAST : (size_t)runs;
}

/* --- the judgement -------------------------------------------------------------------------------------------- */

/* Fewer rows than this are low. */
static double low_limit(const struct usual *usual, double factor)
{
    double share = usual->median / (factor * (1 + factor_days / (double)usual->days));
    double spread = usual->median > 0 ? usual->lowest / usual->median : 0;
    double gap = usual->lowest * spread * spread;
    double limit = share < gap ? share : gap;
    return limit < usual->lowest_of_all ? limit : usual->lowest_of_all;
}

/*
 * By how much a run differs from the next, as the standard deviation of ln(rows): 1.4826 times the median of the differences, over the root
 * of 2, because two runs differ.
 */
static double noise_of(const struct run_window *rows)
{
    size_t count = run_window_newest(rows), found = 0;
    double *steps = must_alloc((count + 1) * sizeof *steps), before = 0;
    for (size_t i = rows->count - count; i < rows->count; i++) {
        double now = (double)run_window_value(rows, i);
        if (now > 0 && before > 0)
            steps[found++] = fabs(log(now / before));
        before = now > 0 ? now : before;
    }
    double noise = 1.4826 / sqrt(2) * median_of(steps, found);
    free(steps);
    return noise;
}

/* True if so few rows in so many runs may be the runs' usual scatter. */
static bool may_be_noise(const struct run_window *rows, size_t runs, double moved, double usual)
{
    return moved > 0 && log(moved / usual) > -least_deviations * noise_of(rows) / sqrt((double)runs);
}

static int64_t first_low_hour(const struct context *context, const struct volume *volume)
{
    return volume->low_since_ms ? moment_wall_ms(context->moment, volume->low_since_ms) / HOUR_MS : INT64_MAX;
}

static void raise_low(struct context *context, const struct table *table, const char *rule)
{
    struct strbuf detail = { 0 };
    strbuf_printf(&detail, "%" PRId64 " in the last run", table_moved(table));
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_THROUGHPUT,
                                            .severity = SEVERITY_WARNING,
                                            .table = table,
                                            .onset_ms = table->volume->low_since_ms,
                                            .detail = strbuf_text(&detail),
                                            .rule = rule,
                                            .cause = cause_of_kind(context->sources, "throughput"),
                                        });
    strbuf_free(&detail);
}

/*
 * True if the scheduler started anew after that. A cycle that its death cut off may have moved rows of which nobody knows, so what gathered
 * until the next run is no measure: a crash loop would look like a source that runs dry.
 */
static bool was_restarted(const struct context *context, int64_t since_ms)
{
    return context->schedule->started_ms > since_ms;
}

static bool stretch_is_low(const struct stretch *stretch, const struct usual *usual, double limit)
{
    return stretch->rows < limit && sqrt(usual->lowest) - sqrt(stretch->rows) > least_roots &&
           !may_be_noise(stretch->window, stretch->runs, stretch->rows, usual->median);
}

/* What the stretch is compared with. False if it cannot be low, and nobody wants to know why. */
static bool take_usual(const struct context *context, const struct volume *volume, const struct stretch *stretch,
                       double factor, struct usual *usual)
{
    bool is_explained = explain_is_wanted(context->explainer), is_open = volume->low_since_ms != 0;
    struct past past;
    /* What is reckoned in advance holds as long as all hours are a measure. */
    if ((!is_explained && !is_open && !stretch_may_be_low(stretch, volume->hours, factor)) ||
        !past_take(&past, volume->hours, stretch, first_low_hour(context, volume),
                   is_explained ? PAST_WHOLE : PAST_IF_LOW))
        return false;
    *usual = past_usual(&past);
    return true;
}

/* True if the stretch is low. */
static bool judge_stretch(struct context *context, const struct table *table, const struct stretch *stretch,
                          double factor)
{
    struct volume *volume = table->volume;
    struct usual usual;
    if (!stretch_is_close(stretch) || was_restarted(context, stretch->since_ms) ||
        !take_usual(context, volume, stretch, factor, &usual))
        return false;
    double limit = usual.days ? low_limit(&usual, factor) : 0;
    bool is_low = stretch_is_low(stretch, &usual, limit);
    if (!is_low && !explain_is_wanted(context->explainer))
        return false;
    struct strbuf rule = { 0 };
    strbuf_printf(&rule,
                  "%zu runs with rows moved %.0f; the same hours of %zu days: median %.0f, lowest %.0f, limit %.0f",
                  stretch->runs, stretch->rows, usual.days, usual.median, usual.lowest, limit);
    explain(context->explainer, KIND_THROUGHPUT, table, is_low ? VERDICT_WARNING : VERDICT_NOTHING, "%s",
            strbuf_text(&rule));
    if (is_low && volume->low_since_ms == 0) {
        volume->low_since_ms = stretch->since_ms;
        tables_touch(context->tables, table, TOUCHED_LIVE);
    }
    if (is_low)
        raise_low(context, table, strbuf_text(&rule));
    strbuf_free(&rule);
    return is_low;
}

/* True if a stretch of one, two or three hours is low. */
static bool judge_stretches(struct context *context, const struct table *table)
{
    size_t an_hour = hour_runs(context);
    struct stretch stretch;
    stretch_begin(&stretch, &table->rows, schedule_interval(context->schedule));
    for (size_t i = 1; i <= STRETCHES; i++) {
        if (!stretch_reach(&stretch, i * an_hour, context->moment))
            return false;
        if (judge_stretch(context, table, &stretch, i == 1 ? hour_factor : hours_factor))
            return true;
    }
    return false;
}

/* For how long the rows of the newest run had gathered. */
static int64_t newest_gathered_ms(const struct context *context, const struct table *table)
{
    return run_gathered_ms(&table->rows, table->rows.count - 1U, schedule_interval(context->schedule));
}

/* The newest run itself moved no more than half of what its hour moved at best in a week. Most runs need no further look. */
static bool may_be_low(const struct context *context, const struct table *table)
{
    double hours = (double)newest_gathered_ms(context, table) / (double)HOUR_MS;
    int64_t hour = moment_now_wall_ms(context->moment) / HOUR_MS;
    return (double)table_moved(table) < hour_volumes_most_of_week(table->volume->hours, hour) * hours / 2;
}

/* The stretch of an hour; false if there is none. */
static bool take_hour(const struct context *context, const struct table *table, struct stretch *stretch)
{
    stretch_begin(stretch, &table->rows, schedule_interval(context->schedule));
    return stretch_reach(stretch, hour_runs(context), context->moment) && stretch_is_close(stretch);
}

static bool is_back(const struct context *context, const struct table *table)
{
    struct stretch stretch;
    struct past past;
    if (!take_hour(context, table, &stretch))
        return false;
    past_take(&past, table->volume->hours, &stretch, first_low_hour(context, table->volume), PAST_WHOLE);
    struct usual usual = past_usual(&past);
    return usual.days == 0 || stretch.rows * back_factor >= usual.median;
}

static void end_low(struct context *context, const struct table *table)
{
    table->volume->low_since_ms = 0;
    tables_touch(context->tables, table, TOUCHED_LIVE);
    incidents_clear(context->incidents, KIND_THROUGHPUT, table);
}

/* What lasts longer than a day is the new level. Behind an outage some runs must show first whether it still lasts. */
static void end_after_a_day(struct context *context, const struct table *table)
{
    struct stretch stretch;
    if (context->moment->now_ms - table->volume->low_since_ms < 7 * (int64_t)DAY_MS &&
        !take_hour(context, table, &stretch))
        return;
    if (!is_back(context, table))
        hour_volumes_forget(table->volume->hours, first_low_hour(context, table->volume));
    end_low(context, table);
}

static void throughput_judge(struct context *context, const struct table *table)
{
    struct volume *volume = table->volume;
    bool is_open = volume->low_since_ms != 0;
    if (!volume->hours)
        return;
    if (is_open && context->moment->now_ms - volume->low_since_ms > DAY_MS) {
        end_after_a_day(context, table);
        return;
    }
    if ((!is_open && !may_be_low(context, table) && !explain_is_wanted(context->explainer)) ||
        stall_rows_are_blind(context, table))
        return;
    if (judge_stretches(context, table))
        return;
    if (is_open && is_back(context, table))
        end_low(context, table);
}

/* The newest run is in the window. */
static void take_run(struct context *context, const struct table *table)
{
    const struct run_window *rows = &table->rows;
    if (table->last_failed || table_moved(table) <= 0 || rows->count == 0)
        return;
    tables_touch(context->tables, table, TOUCHED_WINDOWS);
    throughput_judge(context, table);
    if (table->proven && (rows->count < 2 || !was_restarted(context, run_window_at_ms(rows, rows->count - 2U))))
        hour_volumes_add(hours_of(table->volume), moment_now_wall_ms(context->moment),
                         newest_gathered_ms(context, table), table_moved(table));
}

static void throughput_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind == FACT_ROWS_COUNTED)
        take_run(context, fact->table);
    for (size_t i = 0; fact->kind == FACT_CYCLE_COMPLETED && i < context->tables->count; i++)
        if (context->tables->at[i].last_cycle_id == context->model->cycle.id)
            take_run(context, &context->tables->at[i]);
}

const struct detector detect_throughput = {
    .begin_table = throughput_begin_table,
    .end_table = throughput_end_table,
    .hears = HEARS(FACT_CYCLE_COMPLETED) | HEARS(FACT_ROWS_COUNTED),
    .fact = throughput_fact,
};

void throughput_archive(struct table *table, struct archive *archive)
{
    saved_i64(archive, "low_since", &table->volume->low_since_ms);
}

/* Whether anything was learnt is always saved, because a field that is missing takes long to find. */
void throughput_archive_windows(struct table *table, const char *prefix, struct archive *archive)
{
    struct volume *volume = table->volume;
    struct strbuf key = { 0 };
    bool learnt = volume->hours;
    saved_key(prefix, "volumes.learnt", &key);
    archive_bool(archive, strbuf_text(&key), &learnt);
    if (learnt) {
        saved_key(prefix, "volumes", &key);
        hour_volumes_archive(hours_of(volume), archive, strbuf_text(&key));
    }
    strbuf_free(&key);
}
