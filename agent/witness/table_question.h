/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_TABLE_QUESTION_H
#define WITNESS_TABLE_QUESTION_H

#include "watermark_watch.h"
#include "witness.h"

/* Inside the room: what table_witnesses.c asks about a run that has ended, and how its answer is told. */

/* Who is asked about a run that succeeded, with words for each table. What the watermark table says is in watermark_news. */
enum asked { ASKED_ICEBERG, ASKED_SOURCE, ASKED };

/* What one of them said to a question. */
struct said {
    bool is_said; /* it was asked */
    bool is_well;
    struct strbuf words;
};

/* A run that has ended, and what was answered about it. Of one that failed only the watermark table is asked. */
struct question {
    struct question *next;
    char *table;
    char *target; /* what the log says that it is written to */
    int64_t since_ms;
    bool failed;
    char *error;                  /* what the watermark table says of the failure; NULL: nothing */
    struct watermark_news server; /* of PostgreSQL; in the first of the questions that it was asked for together */
    int64_t rows;                 /* as in EVENT_TABLE_WITNESSED */
    int64_t watermark_ms;         /* 0: not known */
    enum rows_from rows_from;     /* who counted the rows */
    int64_t ahead_ms;             /* by how much the source is ahead of that; -1: not known */
    const char *who[3];           /* who answered */
    size_t who_count;
    struct said said[ASKED];
};

/* Questions or answers, oldest first. */
struct queue {
    struct question *first, **end;
    size_t count;
};

void queue_put(struct queue *queue, struct question *question);
struct question *queue_take(struct queue *queue); /* NULL: there is none */
void question_free(struct question *question);
/* Takes what a witness said: that it does not answer, and why; or what it answered. */
void question_say(struct question *question, enum asked asked, bool good, const char *why);
void question_say_iceberg(struct question *question, int64_t added); /* below 0: it does not say how many */
void question_say_source(struct question *question);                 /* by ahead_ms */
/* Hands out what the question's answers say. */
void question_tell(const struct question *question, int64_t now_ms, const struct witness_sink *sink);

#endif
