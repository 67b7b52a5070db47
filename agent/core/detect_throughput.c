/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "hour_volumes.h"
#include "saved.h"
#include "statistics.h"

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

enum { RUNS_LEAST = 4, STRETCHES = 3, DAYS_LEAST = 4, DAYS_OF_LOWEST = 10, LATE_RUNS = 3 };
static const double hour_factor = 4, hours_factor = 3;
static const double factor_days = 2;      /* with so many days known, twice the factor is asked */
static const double least_roots = 2.5;    /* five standard deviations of a count */
static const double least_deviations = 5; /* of the mean of so many runs, as they scatter */
static const double back_factor = 2;      /* half the usual rows are back in range */

struct volume {
    struct hour_volumes *hours; /* NULL until the table is proven: a name that a line happened to hold gets none */
    int64_t low_since_ms;       /* the first low run of an incident; 0: there is none */
};

/* The newest runs that moved rows. */
struct stretch {
    double rows;
    int64_t since_ms;      /* the first of them */
    int64_t hours[HOURS];  /* since 1970, the newest first: the hours that they lie in, */
    double covered[HOURS]; /* and how much of each they cover, in hours */
    size_t hour_count;
};

/* What the same hours moved on earlier days. */
struct usual {
    size_t days;
    double median, lowest, lowest_of_all;
};

static void throughput_begin_table(struct table *table)
{
    table->volume = must_alloc(sizeof *table->volume);
}

static void throughput_end_table(struct table *table)
{
    free(table->volume->hours);
}

static struct hour_volumes *hours_of(struct volume *volume)
{
    if (!volume->hours)
        volume->hours = must_alloc(sizeof *volume->hours);
    return volume->hours;
}

/* --- the newest runs ------------------------------------------------------------------------------------------ */

/* How many runs an hour has. */
static size_t hour_runs(const struct context *context)
{
    int64_t runs = (HOUR_MS + schedule_interval(context->schedule) - 1) / schedule_interval(context->schedule);
    return runs < RUNS_LEAST ? RUNS_LEAST : (size_t)runs;
}

/* For how long a run's rows had gathered. After a long pause nobody knows. */
static int64_t gathered_ms(const struct context *context, const struct window *runs, size_t i)
{
    int64_t interval_ms = schedule_interval(context->schedule);
    int64_t gap_ms = i > 0 ? runs->at_ms[i] - runs->at_ms[i - 1] : interval_ms;
    return gap_ms > LATE_RUNS * interval_ms ? interval_ms : gap_ms;
}

static bool stretch_add(struct stretch *stretch, int64_t hour, double covered)
{
    bool is_new = stretch->hour_count == 0 || stretch->hours[stretch->hour_count - 1] != hour;
    if (is_new && stretch->hour_count == HOURS)
        return false;
    if (is_new) {
        stretch->hours[stretch->hour_count] = hour;
        stretch->covered[stretch->hour_count++] = 0;
    }
    stretch->covered[stretch->hour_count - 1] += covered;
    return true;
}

/* False if there are too few of them, or if they lie too far apart. */
static bool stretch_take(const struct context *context, const struct table *table, size_t runs, struct stretch *stretch)
{
    const struct window *rows = &table->rows;
    int64_t reach_ms = ((int64_t)runs + LATE_RUNS) * schedule_interval(context->schedule);
    *stretch = (struct stretch){ 0 };
    for (size_t i = rows->count, newest = i - 1; i-- > 0 && runs > 0;) {
        if (rows->values[i] == 0)
            continue;
        int64_t wall_ms = moment_wall_ms(context->moment, rows->at_ms[i]);
        if (wall_ms < 0 || rows->at_ms[newest] - rows->at_ms[i] > reach_ms ||
            !stretch_add(stretch, wall_ms / HOUR_MS, (double)gathered_ms(context, rows, i) / HOUR_MS))
            return false;
        stretch->rows += (double)rows->values[i];
        stretch->since_ms = rows->at_ms[i];
        runs--;
    }
    return runs == 0;
}

/* --- the days before ------------------------------------------------------------------------------------------ */

/* The fewest rows of that hour, the one before and the one after: a market that opens an hour later is no anomaly. */
static double least_rate(const struct hour_volumes *volumes, int64_t hour, int64_t before_hour)
{
    double least = -1;
    for (int64_t near = hour - 1; near <= hour + 1; near++) {
        double rate = near < before_hour ? hour_volumes_rate(volumes, near) : -1;
        if (rate >= 0 && (least < 0 || rate < least))
            least = rate;
    }
    return least;
}

/* What the stretch would have moved so many days ago, below 0 if that is not known. */
static double moved_then(const struct hour_volumes *volumes, const struct stretch *stretch, int64_t days_ago,
                         int64_t before_hour)
{
    double rows = 0;
    for (size_t i = 0; i < stretch->hour_count; i++) {
        double rate = least_rate(volumes, stretch->hours[i] - HOURS * days_ago, before_hour);
        if (rate < 0)
            return -1;
        rows += stretch->covered[i] * rate;
    }
    return rows;
}

static bool is_weekend(int64_t day)
{
    return (day + 3) % 7 >= 5; /* 1970 began on a Thursday */
}

/* Hours from before_hour on are what is being judged, and no measure. */
static struct usual usual_of(const struct hour_volumes *volumes, const struct stretch *stretch, int64_t before_hour)
{
    double all[VOLUME_DAYS], alike[VOLUME_DAYS];
    size_t all_count = 0, alike_count = 0;
    int64_t newest = stretch->hours[0] / HOURS, oldest = stretch->hours[stretch->hour_count - 1] / HOURS;
    for (int64_t ago = 1; ago < VOLUME_DAYS; ago++) {
        double rows = moved_then(volumes, stretch, ago, before_hour);
        if (rows < 0)
            continue;
        all[all_count++] = rows;
        if (is_weekend(newest - ago) == is_weekend(newest) && is_weekend(oldest - ago) == is_weekend(oldest))
            alike[alike_count++] = rows;
    }
    if (all_count < DAYS_LEAST || alike_count == 0) /* the first weekend may be quiet */
        return (struct usual){ 0 };
    sort_values(all, all_count);
    sort_values(alike, alike_count);
    if (alike_count < DAYS_LEAST)
        return (struct usual){ all_count, all[all_count / 2], all[0], all[0] };
    return (struct usual){
        .days = alike_count,
        .median = alike[alike_count / 2],
        .lowest = alike[alike_count / DAYS_OF_LOWEST], /* with ten days known, one of them may be an accident */
        .lowest_of_all = all[all_count / DAYS_OF_LOWEST],
    };
}

/* True if more days were lower than the lowest ones that count: then the stretch is not low, and nothing needs to be sorted. */
static bool is_common(const struct hour_volumes *volumes, const struct stretch *stretch, int64_t before_hour)
{
    int lower = 0;
    for (int64_t ago = 1; ago < VOLUME_DAYS && lower <= VOLUME_DAYS / DAYS_OF_LOWEST; ago++) {
        double rows = moved_then(volumes, stretch, ago, before_hour);
        lower += rows >= 0 && rows <= stretch->rows;
    }
    return lower > VOLUME_DAYS / DAYS_OF_LOWEST;
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
static double noise_of(const struct window *rows)
{
    size_t count = window_newest(rows, INT64_MIN, SIZE_MAX), found = 0;
    double *steps = must_alloc((count + 1) * sizeof *steps), before = 0;
    for (size_t i = rows->count - count; i < rows->count; i++) {
        double now = (double)rows->values[i];
        if (now > 0 && before > 0)
            steps[found++] = fabs(log(now / before));
        before = now > 0 ? now : before;
    }
    double noise = 1.4826 / sqrt(2) * median_of(steps, found);
    free(steps);
    return noise;
}

/* True if so few rows in so many runs may be the runs' usual scatter. */
static bool may_be_noise(const struct window *rows, size_t runs, double moved, double usual)
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

/* True if the stretch is low. */
static bool judge_stretch(struct context *context, const struct table *table, size_t runs, double factor)
{
    struct volume *volume = table->volume;
    struct stretch stretch;
    int64_t before_hour = first_low_hour(context, volume);
    if (!stretch_take(context, table, runs, &stretch) || was_restarted(context, stretch.since_ms) ||
        (!explain_is_wanted(context->explainer) && is_common(volume->hours, &stretch, before_hour)))
        return false;
    struct usual usual = usual_of(volume->hours, &stretch, before_hour);
    double limit = usual.days ? low_limit(&usual, factor) : 0;
    bool is_low = stretch.rows < limit && sqrt(usual.lowest) - sqrt(stretch.rows) > least_roots &&
                  !may_be_noise(&table->rows, runs, stretch.rows, usual.median);
    if (!is_low && !explain_is_wanted(context->explainer))
        return false;
    struct strbuf rule = { 0 };
    strbuf_printf(&rule,
                  "%zu runs with rows moved %.0f; the same hours of %zu days: median %.0f, lowest %.0f, limit %.0f",
                  runs, stretch.rows, usual.days, usual.median, usual.lowest, limit);
    explain(context->explainer, KIND_THROUGHPUT, table, is_low ? VERDICT_WARNING : VERDICT_NOTHING, "%s",
            strbuf_text(&rule));
    if (is_low && volume->low_since_ms == 0)
        volume->low_since_ms = stretch.since_ms;
    if (is_low)
        raise_low(context, table, strbuf_text(&rule));
    strbuf_free(&rule);
    return is_low;
}

/* The newest run itself moved no more than half of what its hour moved at best in a week. Most runs need no further look. */
static bool may_be_low(const struct context *context, const struct table *table)
{
    const struct window *rows = &table->rows;
    double most = 0, hours = (double)gathered_ms(context, rows, rows->count - 1) / HOUR_MS;
    int64_t hour = moment_now_wall_ms(context->moment) / HOUR_MS;
    for (int64_t ago = 1; ago <= 7; ago++) {
        double rate = hour_volumes_rate(table->volume->hours, hour - HOURS * ago);
        most = rate > most ? rate : most;
    }
    return (double)table_moved(table) < most * hours / 2;
}

static bool is_back(const struct context *context, const struct table *table)
{
    struct stretch stretch;
    if (!stretch_take(context, table, hour_runs(context), &stretch))
        return false;
    struct usual usual = usual_of(table->volume->hours, &stretch, first_low_hour(context, table->volume));
    return usual.days == 0 || stretch.rows * back_factor >= usual.median;
}

static void end_low(struct context *context, const struct table *table)
{
    table->volume->low_since_ms = 0;
    incidents_clear(context->incidents, KIND_THROUGHPUT, table);
}

/* What lasts longer than a day is the new level. Behind an outage some runs must show first whether it still lasts. */
static void end_after_a_day(struct context *context, const struct table *table)
{
    struct stretch stretch;
    if (context->moment->now_ms - table->volume->low_since_ms < 7 * (int64_t)DAY_MS &&
        !stretch_take(context, table, hour_runs(context), &stretch))
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
    for (size_t i = 1; i <= STRETCHES; i++)
        if (judge_stretch(context, table, i * hour_runs(context), i == 1 ? hour_factor : hours_factor))
            return;
    if (is_open && is_back(context, table))
        end_low(context, table);
}

/* The newest run is in the window. */
static void take_run(struct context *context, const struct table *table)
{
    const struct window *rows = &table->rows;
    if (table->last_failed || table_moved(table) <= 0 || rows->count == 0)
        return;
    throughput_judge(context, table);
    if (table->proven && (rows->count < 2 || !was_restarted(context, rows->at_ms[rows->count - 2])))
        hour_volumes_add(hours_of(table->volume), moment_now_wall_ms(context->moment),
                         gathered_ms(context, rows, rows->count - 1), table_moved(table));
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
void throughput_archive_windows(struct table *table, struct archive *archive)
{
    struct volume *volume = table->volume;
    struct strbuf key = { 0 };
    bool learnt = volume->hours;
    table_key(table, "volumes.learnt", &key);
    archive_bool(archive, strbuf_text(&key), &learnt);
    if (learnt) {
        table_key(table, "volumes", &key);
        hour_volumes_archive(hours_of(volume), archive, strbuf_text(&key));
    }
    strbuf_free(&key);
}
