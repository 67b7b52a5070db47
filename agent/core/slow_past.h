/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_SLOW_PAST_H
#define CORE_SLOW_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "known_durations.h"
#include "moment.h"
#include "settings.h"
#include "window.h"

/*
 * What the cycles' durations were like, and how one compares with them: whether it is unusual, known, unlike anything, or rising. Incidents
 * are made of the answers elsewhere (detect_slow.c).
 *
 * The rules' constants were chosen on 83 logs made of real series (cloud machines, services, traffic; tests/bench/life_series.py) and on
 * generated everyday situations. All of the series were looked at while they were chosen, so none is left that would show how the rules
 * do on logs that nobody has seen. The bare rule (twice the median and six deviations, two in a row;
 * rising) told 64 false warnings a series-year there and hit 64 labelled windows more than chance would. These rules tell 2.7 and hit 68.
 * What each part does is written at it, as the false warnings a year and the hits above chance without it.
 */
struct slow_past {
    struct window good;   /* durations of the newest unremarkable good cycles with their times, ms */
    struct window recent; /* durations of the newest good cycles */
    struct known_durations known;
};

/* One moment's question. */
struct slow_question {
    const struct settings *settings;
    int64_t now_ms, wall_ms;
    int64_t duration_ms;  /* of the cycle */
    int64_t level_ms;     /* the median of the cycle and the two before it that were unusual too */
    int64_t run_began_ms; /* when the first unusual cycle of the run began, wall time */
};

void slow_past_init(struct slow_past *past);
void slow_past_free(struct slow_past *past);

double slow_past_usual_ms(const struct slow_past *past);
/* How many robust deviations the duration lies above the usual. */
double slow_past_z(const struct slow_past *past, int64_t duration_ms);

/* Whether it is unusual: against the newest cycles or this time of day, and it is not known. */
bool slow_past_is_unusual(const struct slow_past *past, const struct slow_question *question);
/* Whether nothing was ever nearly as long: then two cycles in a row are enough to be told. */
bool slow_past_is_unheard_of(const struct slow_past *past, const struct slow_question *question);
bool slow_past_is_rising(const struct slow_past *past, const struct slow_question *question);

/* The numbers that are compared, for people. */
void slow_past_describe(const struct slow_past *past, const struct slow_question *question, struct strbuf *text);

void slow_past_archive(struct slow_past *past, struct archive *archive, const struct moment *moment);

#endif
