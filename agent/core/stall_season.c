/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stall_season.h"

#include "saved.h"
#include "units.h"

enum {
    SEASON_PRIOR = 8, /* so many runs of the common rate are added to each season's, of which little may be known */
    FEW_ROWS = 2,     /* counts so small are zero now and then */
    STREAK_COUNTED = 100000,
};
static const int32_t COUNT_MOST = INT32_C(1) << 30; /* what is loaded is bounded, so that sums do not overflow */

size_t season_of(int64_t wall_ms)
{
    return hour_of_day(wall_ms) + (day_is_weekend(wall_ms / DAY_MS) ? HOURS : 0);
}

static int64_t seasonal_sum(const struct seasonal *seasonal)
{
    int64_t sum = 0;
    for (size_t i = 0; i < SEASONS; i++)
        sum += seasonal->counts[i];
    return sum;
}

int64_t seasons_zeros(const struct seasons *seasons)
{
    return seasons->all_zeros + seasons->all_few;
}

/* --- learning ------------------------------------------------------------------------------------------------- */

void seasons_learn_rows(struct seasons *seasons, size_t season, int64_t rows)
{
    seasons->runs.counts[season]++;
    seasons->all_runs++;
    seasons->few.counts[season] += rows <= FEW_ROWS;
    seasons->all_few += rows <= FEW_ROWS;
}

void seasons_learn_streak(struct seasons *seasons, const struct season_streak *streak)
{
    for (size_t i = 0; i < SEASONS; i++) {
        int32_t place = streak->place.counts[i];
        int32_t *longest = &seasons->longest.counts[i], *second = &seasons->second.counts[i];
        seasons->runs.counts[i] += streak->zeros.counts[i];
        seasons->zeros.counts[i] += streak->zeros.counts[i];
        seasons->all_runs += streak->zeros.counts[i];
        seasons->all_zeros += streak->zeros.counts[i];
        if (place > *longest) {
            *second = *longest;
            *longest = place;
        } else if (place > *second) {
            *second = place;
        }
    }
}

/* --- seasons that are alike ----------------------------------------------------------------------------------- */

static double common_rate(const struct seasons *seasons)
{
    return ((double)seasons_zeros(seasons) + 0.5) / (double)(seasons->all_runs + 1);
}

static double rate_in(const struct seasons *seasons, size_t season, double common)
{
    double zeros = (double)(seasons->zeros.counts[season] + seasons->few.counts[season]);
    return (zeros + (double)SEASON_PRIOR * common) / (double)(seasons->runs.counts[season] + SEASON_PRIOR);
}

struct seasons_alike seasons_like(const struct seasons *seasons, size_t season)
{
    struct seasons_alike alike;
    double common = common_rate(seasons), most = 2 * rate_in(seasons, season, common) + 0.05;
    for (size_t i = 0; i < SEASONS; i++)
        alike.is[i] = rate_in(seasons, i, common) <= most;
    return alike;
}

int64_t season_streak_length(const struct season_streak *streak, const struct seasons_alike *alike)
{
    int64_t length = 0;
    for (size_t i = 0; i < SEASONS; i++)
        length += alike->is[i] ? streak->zeros.counts[i] : 0;
    return length;
}

void season_streak_add(struct season_streak *streak, size_t season, const struct seasons_alike *alike)
{
    streak->zeros.counts[season]++;
    int64_t length = season_streak_length(streak, alike);
    streak->place.counts[season] = length < COUNT_MOST ? (int32_t)length : COUNT_MOST;
}

int64_t seasons_longest(const struct seasons *seasons, const struct seasons_alike *alike)
{
    enum { FAR = 2 };
    int64_t longest = 0;
    for (size_t i = 0; i < SEASONS; i++) {
        int64_t second = seasons->second.counts[i], habit = seasons->longest.counts[i];
        if (habit > 2 * second && habit > second + FAR)
            habit = second;
        if (alike->is[i] && habit > longest)
            longest = habit;
    }
    return longest;
}

int64_t seasons_longest_ever(const struct seasons *seasons)
{
    int64_t longest = 0;
    for (size_t i = 0; i < SEASONS; i++)
        longest = seasons->longest.counts[i] > longest ? seasons->longest.counts[i] : longest;
    return longest;
}

/*
 * The streak's runs are taken to be of one rate, the mean of their seasons' (which is never below what the product of the single rates
 * comes to), known from as many runs as these seasons have.
 */
double seasons_chance(const struct seasons *seasons, const struct season_streak *streak,
                      const struct seasons_alike *alike)
{
    double common = common_rate(seasons), rates = 0, known = 0, chance = 1;
    int64_t length = season_streak_length(streak, alike);
    for (size_t i = 0; i < SEASONS; i++) {
        if (!alike->is[i] || streak->zeros.counts[i] == 0)
            continue;
        rates += (double)streak->zeros.counts[i] * rate_in(seasons, i, common);
        known += (double)(seasons->runs.counts[i] + SEASON_PRIOR);
    }
    for (int64_t i = 0; i < length && i < STREAK_COUNTED && chance > 0; i++)
        chance *= (rates / (double)length * known + (double)i) / (known + (double)i);
    return chance;
}

/* --- saved ---------------------------------------------------------------------------------------------------- */

void seasons_set_longest(struct seasons *seasons, int64_t longest)
{
    int32_t count = longest < 0 ? 0 : longest < COUNT_MOST ? (int32_t)longest : COUNT_MOST;
    for (size_t i = 0; i < SEASONS; i++)
        seasons->longest.counts[i] = seasons->second.counts[i] = count;
}

/* Most of these counts are 0, so what follows the last other one is left out. */
void seasonal_archive(struct seasonal *seasonal, struct archive *archive, const char *name)
{
    int64_t counts[SEASONS];
    size_t count = archive_loading(archive) ? 0 : SEASONS;
    while (count > 0 && seasonal->counts[count - 1] == 0)
        count--;
    for (size_t i = 0; i < count; i++)
        counts[i] = seasonal->counts[i];
    archive_i64s(archive, name, counts, &count, SEASONS);
    for (size_t i = 0; i < count && archive_loading(archive); i++)
        seasonal->counts[i] = counts[i] < 0 ? 0 : counts[i] < COUNT_MOST ? (int32_t)counts[i] : COUNT_MOST;
}

void seasons_archive(struct seasons *seasons, struct archive *archive)
{
    seasonal_archive(&seasons->runs, archive, "stall.runs.by");
    seasonal_archive(&seasons->zeros, archive, "stall.zeros.by");
    seasonal_archive(&seasons->few, archive, "stall.few.by");
    seasonal_archive(&seasons->longest, archive, "stall.longest.by");
    seasonal_archive(&seasons->second, archive, "stall.second.by");
    seasons->all_runs = seasonal_sum(&seasons->runs);
    seasons->all_zeros = seasonal_sum(&seasons->zeros);
    seasons->all_few = seasonal_sum(&seasons->few);
}
