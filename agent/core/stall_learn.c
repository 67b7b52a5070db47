/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stall.h"

#include "saved.h"

/* What a table's streaks without rows teach, once they are over. */

static const int64_t week_ms = 7 * (int64_t)DAY_MS;
static const double odd_chance = 1e-5; /* an honest streak of so small a chance shows that the table closes */

static void count_streak(struct stall *stall, int64_t streak)
{
    stall->runs += streak;
    stall->zeros += streak;
    stall->longest = streak > stall->longest ? streak : stall->longest;
}

static void learn_streak(struct stall *stall, int64_t streak, const struct season_streak *open, int64_t now_ms)
{
    if (stall_chance(stall->seasons.all_runs, stall->seasons.all_zeros, streak) < odd_chance)
        stall->closed_ms = now_ms;
    count_streak(stall, streak);
    seasons_learn_streak(&stall->seasons, open);
}

/* A closure teaches no rate. */
static void learn_closure(struct stall *stall, const struct moment *moment, int64_t from_ms, int64_t to_ms,
                          int64_t streak)
{
    closures_add(&stall->closures, moment_wall_ms(moment, from_ms), moment_wall_ms(moment, to_ms));
    stall->closed_ms = moment->now_ms;
    count_streak(stall, streak);
}

/* A witness's numbers are not kept one by one: their mean follows the newest ones, as fast as one over so many runs would. */
enum { RUNS_COUNTED = 96 };

void stall_learn_counted(struct stall *stall, int64_t rows)
{
    stall->counted_rows += stall->counted_rows ? rows - stall->counted_rows / RUNS_COUNTED : rows * RUNS_COUNTED;
}

/* What a run that moves rows moves on the average; 0 if that is not known. */
static double usual_rows(const struct table *table)
{
    const struct run_window *window = &table->rows;
    if (table->stall->by_witness)
        return (double)table->stall->counted_rows / (double)RUNS_COUNTED;
    size_t count = run_window_newest(window), moving = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t moved = run_window_value(window, window->count - 1U - i);
        moving += moved > 0;
        sum += (double)moved;
    }
    return moving > 0 ? sum / (double)moving : 0;
}

/* True if the rows are as many as must have gathered during the streak; an ordinary run moves far fewer. */
static bool caught_up(const struct table *table, int64_t streak, int64_t rows)
{
    double usual = usual_rows(table);
    return usual > 0 && (double)rows > usual * (double)(streak + 1) / 2;
}

/* The streak was an incident and ended without catching up. */
static void doubt_streak(struct stall *stall, const struct moment *moment)
{
    int64_t now_ms = moment->now_ms;
    bool again = stall->doubtful && now_ms - stall->doubted_ms < week_ms;
    if (again) {
        learn_closure(stall, moment, stall->doubted_from_ms, stall->doubted_ms, stall->doubtful);
        learn_closure(stall, moment, stall->first_zero_ms, now_ms, stall->streak);
    } else if (stall->zeros > 0) {
        learn_streak(stall, stall->streak, &stall->open, now_ms);
    }
    stall->doubtful = stall->zeros > 0 ? 0 : stall->streak;
    stall->doubted_from_ms = stall->first_zero_ms;
    stall->doubted_ms = now_ms;
}

static void learn_ended(const struct context *context, const struct table *table)
{
    const struct moment *moment = context->moment;
    struct stall *stall = table->stall;
    if (stall->runs == 0)
        stall->open.place = (struct seasonal){ 0 }; /* nobody knows how long the first one was */
    if (closure_is_long(stall->first_zero_ms, moment->now_ms))
        learn_closure(stall, moment, stall->first_zero_ms, moment->now_ms, stall->streak);
    else if (stall->reported)
        doubt_streak(stall, moment);
    else
        learn_streak(stall, stall->streak, &stall->open, moment->now_ms);
}

void stall_end_streak(const struct context *context, const struct table *table, int64_t rows)
{
    struct stall *stall = table->stall;
    if (stall->streak == 0)
        return;
    if (!stall->reported || !caught_up(table, stall->streak, rows))
        learn_ended(context, table);
    stall->streak = 0;
    stall->open = (struct season_streak){ 0 };
    stall->open_zero_ms = 0;
    stall->reported = false;
}

/* --- saved ---------------------------------------------------------------------------------------------------- */

void stall_archive(struct table *table, struct archive *archive)
{
    struct stall *stall = table->stall;
    saved_i64(archive, "stall.runs", &stall->runs);
    saved_i64(archive, "stall.zeros", &stall->zeros);
    seasons_archive(&stall->seasons, archive);
    closures_archive(&stall->closures, archive);
    saved_i64(archive, "stall.longest", &stall->longest);
    saved_i64(archive, "stall.streak", &stall->streak);
    seasonal_archive(&stall->open.zeros, archive, "stall.streak.by");
    seasonal_archive(&stall->open.place, archive, "stall.streak.place");
    saved_i64(archive, "stall.first_zero", &stall->first_zero_ms);
    saved_i64(archive, "stall.open_zero", &stall->open_zero_ms);
    saved_i64(archive, "stall.first_move", &stall->first_move_ms);
    saved_i64(archive, "stall.last_move", &stall->last_move_ms);
    archive_bool(archive, "stall.reported", &stall->reported);
    archive_bool(archive, "stall.by_witness", &stall->by_witness);
    archive_bool(archive, "stall.zero_taken", &stall->zero_taken);
    saved_count(archive, "stall.counted_rows", &stall->counted_rows);
    saved_i64(archive, "stall.doubtful", &stall->doubtful);
    saved_i64(archive, "stall.doubted.from", &stall->doubted_from_ms);
    saved_i64(archive, "stall.doubted", &stall->doubted_ms);
    saved_i64(archive, "stall.closing", &stall->closed_ms);
    /* A state of an older version: one longest streak is known, and not when it was. */
    if (archive_loading(archive) && stall->first_move_ms == 0 && stall->last_move_ms) {
        stall->first_move_ms = table->first_seen_ms;
        stall->open_zero_ms = stall->streak > 0 ? stall->first_zero_ms : 0;
        stall->doubted_from_ms = stall->doubted_ms;
        seasons_set_longest(&stall->seasons, stall->longest);
    }
}
