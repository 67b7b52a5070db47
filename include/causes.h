/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAUSES_H
#define CAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * The table of causes: what failures say, and what then is to be done. It is data (fixtures/causes/k2.conf, and the file that a team
 * writes for itself), read by agent/config; agent.conf(5) describes the form. The table is filled once. To ask it is a function of the
 * text alone, whatever it was asked before. One thread at a time may ask.
 */
struct causes;

/* What the table says of a cause. A text is NULL where the table says nothing. */
struct known_cause {
    const char *name;          /* of its section: "clickhouse-unreachable" */
    const char *trouble;       /* the name that the causes of one trouble share; else its own */
    const char *words;         /* "ClickHouse unreachable"; it may hold ${what} and ${exit_code} */
    const char *runbook;       /* the file: "iceberg-offload-failure.md" */
    const char *scenario;      /* runbook and scenario as numbers: "1/2", or "1" without a scenario */
    const char *title;         /* of the scenario: "ClickHouse connectivity failure" */
    const char *first_command; /* the whole command */
    const char *escalate_to;   /* whom to tell, if not those whom the incident's kind names */
    bool names_component; /* its hints name the component that fails for certain, although not what is wrong with it */
    bool vague;           /* it says that nothing is known: any other cause is better */
};

/* --- Filling it: sections and entries as they stand in the files, the built-in file first --- */

/* In the order in which one takes the place of another. CAUSES_PIPELINE: what the configured pipeline adds to the built-in table. */
enum causes_origin { CAUSES_BUILTIN, CAUSES_PIPELINE, CAUSES_OWN };

struct causes_errors {
    void *ctx;
    void (*say)(void *ctx, int line, const char *why);
};

struct causes *causes_new(void);
void causes_free(struct causes *causes);
void causes_take_section(struct causes *causes, enum causes_origin origin, const char *section, int line,
                         const struct causes_errors *errors);
void causes_take_entry(struct causes *causes, const char *key, const char *value, int line,
                       const struct causes_errors *errors);
/* Must be called once, after the last entry and before the first question. What no single entry shows is checked here. */
void causes_finish(struct causes *causes, const struct causes_errors *errors);

/* --- Asking it --- */

/* The best cause that was found so far. All zero: none. */
struct causes_answer {
    const struct known_cause *cause;
    int64_t rank;      /* the lower, the more special; no two rows of the table have the same */
    struct slice what; /* the part of the text that fills in ${what}; it points into the text that was read */
};

/* Each of these puts a better cause into *answer if the sign tells one. A text is read by its beginning, CAUSE_TEXT_MAX_BYTES of it. */
void causes_read_line(struct causes *causes, struct slice line, struct causes_answer *answer);
void causes_read_exit_code(const struct causes *causes, int64_t exit_code, struct causes_answer *answer);
void causes_read_timeout(const struct causes *causes, struct causes_answer *answer);

/* True if the line is the job's own log, which says nothing about why it failed. */
bool causes_is_banner(struct causes *causes, struct slice line);
/* The cause of a failure of which nothing but such lines is known; NULL if the table has none. */
const struct known_cause *causes_of_banner(const struct causes *causes);

/* True if the answer is only a guess from words. */
bool causes_is_guess(const struct causes_answer *answer);

/* These return NULL if there is none. */
const struct known_cause *causes_named(const struct causes *causes, struct slice name);
const struct known_cause *causes_of_probe(struct causes *causes, struct slice name);
const struct known_cause *causes_of_kind(const struct causes *causes, const char *kind);

#endif
