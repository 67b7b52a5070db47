/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_WATERMARK_WATCH_H
#define WITNESS_WATERMARK_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "witness.h"

/*
 * Inside the room: the watermark table over many questions. It knows what was said before: of the tables, so that it is known what a run has
 * changed, and of PostgreSQL itself, so that it is known what is news. One thread at a time may use it.
 */
struct watermark_watch;

struct watermark_watch *watermark_watch_new(const struct config *config); /* NULL where it is not configured */
void watermark_watch_free(struct watermark_watch *watch);                 /* NULL is allowed */

/* A run that has ended, and what the table says of it. */
struct watermark_run_ended {
    const char *table;
    int64_t started_ms;
    bool failed;
    /* The answer: */
    bool is_answered;
    int64_t rows;         /* as in EVENT_TABLE_WITNESSED */
    int64_t watermark_ms; /* 0: not known */
    char *error;          /* why it failed; owned by the caller; NULL: not known */
};

/* What a question has shown of PostgreSQL itself. The texts are owned. */
struct watermark_news {
    bool is_asked;            /* false: nothing was asked, and all else is to be passed over */
    enum witness_state state; /* in trouble: as the pipeline will find too */
    bool is_new;              /* another state or another trouble than at the question before */
    bool was_trouble;         /* at some question since it was well last */
    bool is_first_well;       /* never before; what an earlier agent said of it may still be believed */
    bool has_no_row; /* PostgreSQL answered, and knows none of the tables: it may be the wrong table or database */
    bool any_failed; /* a run of those that it was asked for */
    char *cause;     /* of trouble: the name in the table of causes */
    char *words;
};

void watermark_watch_ask(struct watermark_watch *watch, struct watermark_run_ended *runs, size_t count,
                         const atomic_bool *stopped, struct watermark_news *news);
void watermark_news_free(struct watermark_news *news);

#endif
