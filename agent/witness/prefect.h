/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_PREFECT_H
#define WITNESS_PREFECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * Inside the room: prefect.c asks Prefect's API in a thread while something is wrong, prefect_ask.c makes the requests, prefect_judge.c reads the
 * answers. The API is that of Prefect 3 (https://docs.prefect.io/v3/api-ref/rest-api): three filters, which read and change nothing.
 */
struct prefect_settings {
    char *url; /* of the API: "http://localhost:4200/api"; owned, likewise below */
    char *pool, *flow;
    char *token_file; /* NULL: none; read for each round of questions */
    int64_t timeout_ms;
};

enum prefect_question { PREFECT_DEPLOYMENTS, PREFECT_WORKERS, PREFECT_RUNS, PREFECT_QUESTIONS };

/* How one question went. */
struct prefect_answer {
    bool is_down;      /* the server refuses the connection, does not answer, or says 5xx */
    bool is_good;      /* HTTP 200, and the body is whole */
    struct strbuf why; /* where it is not good */
    struct strbuf body;
};

struct prefect_findings {
    struct {
        const char *kind; /* of the trouble, as in the table of causes */
        struct strbuf words;
    } at[PREFECT_QUESTIONS + 1];
    size_t count;
    bool is_silent;     /* it cannot be told whether something is wrong */
    struct strbuf well; /* what is well, or why nothing is known */
};

/* The path below the API's URL, and the JSON text of the question. */
void prefect_put_question(const struct prefect_settings *settings, enum prefect_question question, struct strbuf *path,
                          struct strbuf *body);

/* Asks all, one after the other; all together take timeout_ms. It returns early when *stopped becomes true. Zero-initialise the answers. */
void prefect_ask(const struct prefect_settings *settings, const atomic_bool *stopped,
                 struct prefect_answer answers[PREFECT_QUESTIONS]);
void prefect_forget_answers(struct prefect_answer answers[PREFECT_QUESTIONS]);

/* What is wrong, the most telling first. now_ms: the wall clock, from which lateness is counted. */
void prefect_judge(const struct prefect_settings *settings, const struct prefect_answer answers[PREFECT_QUESTIONS],
                   int64_t now_ms, struct prefect_findings *findings);
void prefect_forget(struct prefect_findings *findings);

#endif
