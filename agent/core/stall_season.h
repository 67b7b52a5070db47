/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_STALL_SEASON_H
#define CORE_STALL_SEASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "calendar.h"

/*
 * How often a table moves no rows, and how long such streaks last, by season: the hours of a weekday, then those of a day of the weekend, in
 * UTC. These are counts and formulas; detect_stall.c judges by them.
 */
enum { SEASONS = 2 * HOURS };

/* 32 bits, because a table has seven of them, and there may be thousands of tables. */
struct seasonal {
    int32_t counts[SEASONS];
};

struct seasons {
    struct seasonal runs;                 /* n, and of them */
    struct seasonal zeros;                /* those without rows, as far as that was honest, and */
    struct seasonal few;                  /* those with one or two rows */
    struct seasonal longest, second;      /* the longest streaks of zeros, by where they stood in that season */
    int64_t all_runs, all_zeros, all_few; /* the sums of the first three */
};

struct season_streak {
    struct seasonal zeros; /* its runs, by season */
    struct seasonal place; /* how long it was when it stood in that season; 0: it did not */
};

/* Seasons in which zeros are at most about as frequent as in a given one. A streak is judged by what lies in these. */
struct seasons_alike {
    bool is[SEASONS];
};

size_t season_of(int64_t wall_ms);
void seasons_learn_rows(struct seasons *seasons, size_t season, int64_t rows);
void seasons_learn_streak(struct seasons *seasons, const struct season_streak *streak);

/* z of all seasons: the runs without rows, and those with so few that having none would be mere chance. */
int64_t seasons_zeros(const struct seasons *seasons);
struct seasons_alike seasons_like(const struct seasons *seasons, size_t season);
void season_streak_add(struct season_streak *streak, size_t season, const struct seasons_alike *alike);
int64_t season_streak_length(const struct season_streak *streak, const struct seasons_alike *alike);
/*
 * The longest honest streak within these seasons. One of more than twice the length of the second longest of its season (an exchange's
 * outage) is no habit.
 */
int64_t seasons_longest(const struct seasons *seasons, const struct seasons_alike *alike);
/* The longest honest streak in any season, be it a habit or not. */
int64_t seasons_longest_ever(const struct seasons *seasons);
/* P(k) of the streak's runs within these seasons, by the rates of the very seasons that it lies in. */
double seasons_chance(const struct seasons *seasons, const struct season_streak *streak,
                      const struct seasons_alike *alike);

/* Saved states that are older than this file know one longest streak, which then holds for every season. */
void seasons_set_longest(struct seasons *seasons, int64_t longest);
void seasonal_archive(struct seasonal *seasonal, struct archive *archive, const char *name);
void seasons_archive(struct seasons *seasons, struct archive *archive);

#endif
