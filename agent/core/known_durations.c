/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "known_durations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/strbuf.h"
#include "saved.h"
#include "units.h"

enum { SLOT_MS = 30 * MINUTE_MS, STEPS = 93 };
static const double shortest_ms = 1000;
static const double log_step = 0.0769610411361284; /* ln 1.08 */

static uint8_t step_of(double duration_ms)
{
    if (duration_ms <= shortest_ms)
        return 1;
    double step = 1.5 + log(duration_ms / shortest_ms) / log_step;
    return (uint8_t)(step > (double)STEPS ? (double)STEPS : step);
}

static int64_t step_ms(uint8_t step)
{
    return (int64_t)(shortest_ms * exp((step - 1) * log_step));
}

static int64_t slot_number(int64_t wall_ms)
{
    return wall_ms < 0 ? 0 : wall_ms / SLOT_MS;
}

static const struct duration_slot *slot_at(const struct known_durations *known, int64_t number)
{
    static const struct duration_slot none;
    bool is_kept = number >= 0 && number <= known->newest && number > known->newest - KNOWN_SLOTS;
    return is_kept ? &known->slots[number % KNOWN_SLOTS] : &none;
}

/*
 * Makes the slot of this half hour the newest. A clock that was set back by less than two weeks writes into older slots again; one that
 * was further ahead was wrong, and so are all its half hours.
 */
static void move_on(struct known_durations *known, int64_t number)
{
    if (number >= known->newest + KNOWN_SLOTS || number <= known->newest - KNOWN_SLOTS) {
        memset(known->slots, 0, sizeof known->slots);
        known->newest = number;
    }
    while (known->newest < number)
        known->slots[++known->newest % KNOWN_SLOTS] = (struct duration_slot){ 0 };
}

void known_durations_add(struct known_durations *known, int64_t wall_ms, int64_t duration_ms)
{
    int64_t number = slot_number(wall_ms);
    move_on(known, number);
    struct duration_slot *slot = &known->slots[number % KNOWN_SLOTS];
    uint8_t step = step_of((double)duration_ms), pair = 0;
    if (known->previous_ms)
        pair = known->previous_ms < duration_ms ? step_of((double)known->previous_ms) : step;
    slot->first = slot->first ? slot->first : step;
    slot->longest = step > slot->longest ? step : slot->longest;
    slot->pair = pair > slot->pair ? pair : slot->pair;
    known->previous_ms = duration_ms;
}

int64_t known_durations_span_ms(const struct known_durations *known, int64_t wall_ms)
{
    int64_t oldest = known->newest < KNOWN_SLOTS ? 0 : known->newest - KNOWN_SLOTS + 1;
    size_t at = (size_t)(oldest % KNOWN_SLOTS);
    for (int64_t number = oldest; number <= known->newest; number++, at = at + 1 < KNOWN_SLOTS ? at + 1 : 0)
        if (known->slots[at].first)
            return wall_ms - number * SLOT_MS;
    return 0;
}

bool known_durations_any(const struct known_durations *known, int64_t before_ms, double duration_ms)
{
    int64_t end = slot_number(before_ms) <= known->newest ? slot_number(before_ms) : known->newest + 1;
    uint8_t least = step_of(duration_ms);
    for (int64_t number = known->newest - KNOWN_SLOTS + 1; number < end; number++)
        if (slot_at(known, number)->longest >= least)
            return true;
    return false;
}

int known_durations_days_at_hour(const struct known_durations *known, int64_t wall_ms, double duration_ms)
{
    int64_t now = slot_number(wall_ms);
    uint8_t least = step_of(duration_ms);
    int days = 0;
    for (int64_t day = 1; day <= KNOWN_DAYS; day++) {
        bool is_seen = false;
        for (int64_t off = -SLOTS_AROUND; off <= SLOTS_AROUND; off++)
            is_seen |= slot_at(known, now - day * SLOTS_A_DAY + off)->longest >= least;
        days += is_seen;
    }
    return days;
}

/* The day that ends half a day after this time of day, so many days ago. */
static bool day_reaches(const struct known_durations *known, int64_t middle, uint8_t least,
                        bool (*reaches)(const struct duration_slot *, uint8_t))
{
    for (int64_t off = -SLOTS_A_DAY / 2 + 1; off < SLOTS_A_DAY / 2; off++)
        if (reaches(slot_at(known, middle + off), least))
            return true;
    return false;
}

static bool longest_reaches(const struct duration_slot *slot, uint8_t least)
{
    return slot->longest >= least;
}

static bool pair_reaches(const struct duration_slot *slot, uint8_t least)
{
    return slot->pair >= least;
}

static int days_that_reach(const struct known_durations *known, int64_t wall_ms, double duration_ms,
                           bool (*reaches)(const struct duration_slot *, uint8_t))
{
    int days = 0;
    for (int64_t day = 1; day <= KNOWN_DAYS; day++)
        days += day_reaches(known, slot_number(wall_ms) - day * SLOTS_A_DAY, step_of(duration_ms), reaches);
    return days;
}

int known_durations_days(const struct known_durations *known, int64_t wall_ms, double duration_ms)
{
    return days_that_reach(known, wall_ms, duration_ms, longest_reaches);
}

int known_durations_days_in_a_row(const struct known_durations *known, int64_t wall_ms, double duration_ms)
{
    return days_that_reach(known, wall_ms, duration_ms, pair_reaches);
}

size_t known_durations_count(const struct known_durations *known, int64_t wall_ms, int64_t oldest_ms, int64_t newest_ms,
                             double duration_ms, size_t *count)
{
    int64_t now = slot_number(wall_ms), begin = now - oldest_ms / SLOT_MS, end = now - newest_ms / SLOT_MS;
    uint8_t least = step_of(duration_ms);
    size_t as_long = 0;
    begin = begin <= known->newest - KNOWN_SLOTS ? known->newest - KNOWN_SLOTS + 1 : begin;
    begin = begin < 0 ? 0 : begin;
    end = end > known->newest ? known->newest : end;
    *count = 0;
    /* Asked for many a cycle, so the ring is walked without a division a slot. */
    for (size_t at = (size_t)(begin % KNOWN_SLOTS); begin <= end; begin++, at = at + 1 < KNOWN_SLOTS ? at + 1 : 0) {
        uint8_t first = known->slots[at].first;
        *count += first > 0;
        as_long += first >= least;
    }
    return as_long;
}

size_t known_durations_at_hour(const struct known_durations *known, int64_t wall_ms, int64_t *values)
{
    int64_t now = slot_number(wall_ms);
    size_t count = 0;
    for (int64_t day = 1; day <= KNOWN_DAYS; day++)
        for (int64_t off = -SLOTS_AROUND; off <= SLOTS_AROUND; off++) {
            uint8_t first = slot_at(known, now - day * SLOTS_A_DAY + off)->first;
            if (first)
                values[count++] = step_ms(first);
        }
    return count;
}

/* Adds up the first cycles of the slots around a number, and how many of them reach the least. Asked for nearly each cycle, and so in one go. */
static void count_around(const struct known_durations *known, int64_t number, uint8_t least, size_t *count,
                         size_t *as_long)
{
    int64_t begin = number - SLOTS_AROUND, end = number + SLOTS_AROUND;
    bool are_kept = begin >= 0 && end <= known->newest && begin > known->newest - KNOWN_SLOTS;
    size_t at = are_kept ? (size_t)(begin % KNOWN_SLOTS) : 0;
    for (; begin <= end; begin++) {
        uint8_t first = are_kept ? known->slots[at].first : slot_at(known, begin)->first;
        at = at + 1 < KNOWN_SLOTS ? at + 1 : 0;
        *count += first > 0;
        *as_long += first >= least;
    }
}

int known_durations_hour_days(const struct known_durations *known, int64_t wall_ms, double duration_ms, size_t *count,
                              size_t *as_long)
{
    int64_t now = slot_number(wall_ms);
    uint8_t least = step_of(duration_ms);
    int days = 0;
    *count = *as_long = 0;
    for (int64_t day = 1; day <= KNOWN_DAYS; day++) {
        size_t before = *count;
        count_around(known, now - day * SLOTS_A_DAY, least, count, as_long);
        days += *count > before;
    }
    return days;
}

/* --- the saved state: a character a slot ---------------------------------------------------------------------- */

static const char NO_STEP = ' ';

static uint8_t *part_of(struct duration_slot *slot, int part)
{
    return part == 0 ? &slot->longest : part == 1 ? &slot->pair : &slot->first;
}

static void slots_archive(struct known_durations *known, struct archive *archive, const char *name, int part)
{
    char *text = NULL;
    if (!archive_loading(archive)) {
        text = must_alloc(KNOWN_SLOTS + 1);
        for (size_t i = 0; i < KNOWN_SLOTS; i++)
            text[i] = (char)(NO_STEP + *part_of(&known->slots[i], part));
    }
    archive_text(archive, name, &text);
    for (size_t i = 0; archive_loading(archive) && text && i < KNOWN_SLOTS && text[i]; i++) {
        int step = text[i] - NO_STEP;
        *part_of(&known->slots[i], part) = (uint8_t)(step >= 0 && step <= STEPS ? step : 0);
    }
    free(text);
}

void known_durations_archive(struct known_durations *known, struct archive *archive)
{
    saved_count(archive, "known.newest", &known->newest);
    if (known->newest > slot_number(EVENT_TIME_MAX_MS))
        known->newest = slot_number(EVENT_TIME_MAX_MS); /* so that its time can be reckoned */
    saved_count(archive, "known.previous", &known->previous_ms);
    slots_archive(known, archive, "known.longest", 0);
    slots_archive(known, archive, "known.pair", 1);
    slots_archive(known, archive, "known.first", 2);
}
