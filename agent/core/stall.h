/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_STALL_H
#define CORE_STALL_H

#include "closures.h"
#include "detector.h"
#include "stall_season.h"

/* What detect_stall.c judges by, and stall_learn.c keeps. */
struct stall {
    int64_t runs, zeros; /* earlier runs, and those without rows, closures and all */
    struct seasons seasons;
    struct closures closures;
    int64_t longest;           /* honest streak of zeros, closures and all */
    int64_t streak;            /* the one in progress */
    struct season_streak open; /* its runs at hours at which the table is not closed by habit */
    int64_t first_zero_ms;
    int64_t open_zero_ms;  /* the first of its runs at such an hour; 0: none yet */
    int64_t first_move_ms; /* the first run with rows; 0: none yet */
    int64_t last_move_ms;
    bool reported;   /* the streak in progress became an incident */
    bool by_witness; /* a witness counted rows where the log told none: its zeros say nothing until it tells some */
    bool zero_taken; /* the newest run counts as one without rows, as its log says */
    int64_t counted_rows; /* what a run that moves rows moves, as a witness counts, times RUNS_COUNTED; 0: not known */
    int64_t doubtful; /* length of a reported streak that ended like a quiet time does and is not learnt yet; 0: none */
    int64_t doubted_from_ms, doubted_ms; /* when the newest such streak began and ended; 0: never */
    int64_t closed_ms;                   /* when the table was last seen to close, and opened again; 0: never */
};

/* A run moved so many rows: the streak in progress, if there is one, is over, and learnt if it was honest. */
void stall_end_streak(const struct context *context, const struct table *table, int64_t rows);
/* A witness counted so many rows of a run. */
void stall_learn_counted(struct stall *stall, int64_t rows);

#endif
