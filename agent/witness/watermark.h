/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_WATERMARK_H
#define WITNESS_WATERMARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "config.h"

/*
 * Inside the room: asks the watermark table in PostgreSQL, through the program agent-watermark (agent/watermark). watermark.c starts that
 * program, watermark_answer.c reads what it prints, watermark_judge.c says what that means for a run that has ended.
 */
struct watermark_settings {
    char *program; /* owned, likewise below; NULL: it is not there */
    char *dsn;
    char *service;
    char *passfile;
    char *password_file;
    char *query;
    int64_t timeout_ms;
};

/* NULL where [watermark] is not configured. */
struct watermark_settings *watermark_settings_new(const struct config *config);
void watermark_settings_free(struct watermark_settings *settings); /* NULL is allowed */

/* What the table says of one of the pipeline's tables. */
struct watermark_row {
    char *table;              /* owned, likewise below */
    int64_t watermark_ms;     /* up to when the data were offloaded, Unix ms; 0: not known */
    int64_t rows;             /* of the last offload; -1: not known */
    char *status;             /* "success", "failed", "running"; NULL: not known */
    int64_t failures;         /* since the last success; -1: not known */
    char *error;              /* the text of the last failure, at whatever time that was; NULL: none */
    int64_t updated_age_ms;   /* how long ago the row was written, by the server's clock; -1: not known */
    int64_t succeeded_age_ms; /* likewise the last success */
};

/* How the question went. */
enum watermark_outcome {
    WATERMARK_ANSWERED,
    WATERMARK_TROUBLE, /* PostgreSQL is in trouble, as the pipeline will find too */
    WATERMARK_SILENT   /* it could not be asked, for a reason that may be the agent's own */
};

struct watermark_answer {
    enum watermark_outcome outcome;
    const char *cause;   /* of trouble: the name in the table of causes; else NULL */
    struct strbuf words; /* of trouble and silence: in words, masked */
    struct watermark_row *rows;
    size_t row_count;
};

/*
 * Asks about the tables, at most WATERMARK_TABLES_MAX. It waits for the answer, so it belongs into a thread; it returns early, with silence,
 * when *stopped becomes true.
 */
void watermark_ask(const struct watermark_settings *settings, const char *const *tables, size_t count,
                   const atomic_bool *stopped, struct watermark_answer *answer);
/* Reads what the program printed. cut: it printed more than that; status: as waitpid gives it, -1 if that is not known. */
void watermark_read_answer(struct slice printed, bool cut, int status, struct watermark_answer *answer);
void watermark_answer_free(struct watermark_answer *answer);
/* NULL if the answer has no row for the table. */
const struct watermark_row *watermark_row_of(const struct watermark_answer *answer, const char *table);

/* --- what it means for a run ---------------------------------------------------------------------------------- */

/* What the table said of one of the pipeline's tables at an earlier look. */
struct watermark_look {
    bool is_known;
    int64_t watermark_ms;
    int64_t failures;
};

struct watermark_run {
    int64_t age_ms; /* how long ago it began */
    bool failed;
};

/* The rows that a run moved that has succeeded, as in EVENT_TABLE_WITNESSED. */
int64_t watermark_rows_of_run(const struct watermark_row *row, const struct watermark_look *before,
                              struct watermark_run run);
/* What the run that failed says of its failure; NULL if the text in the table is not known to be of this failure. */
const char *watermark_error_of_run(const struct watermark_row *row, const struct watermark_look *before,
                                   struct watermark_run run);

#endif
