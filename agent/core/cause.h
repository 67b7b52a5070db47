/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CAUSE_H
#define CORE_CAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "causes.h"
#include "incident.h"

struct table;

/* True if it says which trouble it is. A guess that names none, and no cause at all, may be any trouble. */
bool cause_is_known(const struct cause *cause);
/* True if both are known and they are different troubles, so that failures of the one are not failures of the other. */
bool cause_differs(const struct cause *a, const struct cause *b);
/* A cause as a number above 0, which is compared and saved more simply than its text; 0 if it is not known. */
int64_t cause_mark(const struct cause *cause);
/* True if the found one says at least as much as the known one, so that it may take its place. */
bool cause_may_replace(const struct cause *known, const struct cause *found);

/*
 * What tells why tables fail, beside their own texts: the table of causes (NULL: none), and the components that probes see down now. The
 * latter matter while something is wrong, since only then are probes asked.
 */
enum { COMPONENTS_DOWN_MOST = 32 };
struct cause_sources {
    struct causes *causes;
    struct component {
        char *name;  /* the probe's */
        char *cause; /* the name of the cause that the probe is configured to explain, or "" */
    } down[COMPONENTS_DOWN_MOST];
    size_t down_count;
};

/*
 * What is to be done about a kind of trouble that a detector found by itself: "lag", "slow-volume" (agent.conf(5), kind). Its texts are those
 * of the table of causes. All is NULL where that has no such row.
 */
struct cause cause_of_kind(const struct cause_sources *sources, const char *kind);

/* A text, as far as it was read. All zero: nothing was read. */
struct text_reading {
    size_t read_bytes; /* this much of the text was read */
    struct causes_answer best;
    char *what;               /* owned: what best.what was when it was read */
    bool any_line, any_other; /* whether there was a line, and one that is not the job's own log */
};

/* What the texts of a table's failures point at. It follows from these texts, so it is not saved. */
struct cause_reading {
    struct text_reading said, told;  /* by the log, and by others (EVENT_FAILURE_TOLD) */
    const struct known_cause *about; /* names the component that fails for certain; NULL: none does */
    struct strbuf words, id;         /* the newest answer's */
};

/* A text is another one than that which was read. */
void cause_read_anew(struct cause_reading *reading);
void cause_reading_free(struct cause_reading *reading);

/*
 * Why the table fails, of all that is known: what its failures say, how they ended, and which components are down. The most special of all
 * that wins. The texts are valid until the next question about the table.
 */
struct cause table_cause(const struct table *table);

/* --- components that probes ask (components.c) --- */

void components_note_down(struct cause_sources *sources, struct slice name, struct slice cause);
void components_note_other(struct cause_sources *sources, struct slice name); /* it is not down, as far as is known */
void components_forget(struct cause_sources *sources);
void components_archive(struct cause_sources *sources, struct archive *archive);

/*
 * True if it explains the table's failures that this component is down: it is one that can, and the failures say nothing, let one guess
 * only, or speak of the same scenario. What is seen to be down now is more than a guess from words; but failures that name another
 * component are not explained.
 */
bool component_explains(const struct table *table, struct slice name, struct slice cause);
/* The newest component that explains the table's failures; NULL if none does. */
const struct known_cause *components_find_cause(const struct table *table);

/* For these two files: the cause of the text and the exit code of its failures alone, and whether that is no more than a guess. */
struct cause cause_of_failures(const struct table *table, bool *is_guess);
/* What the table of causes says, as the cause of an incident. */
struct cause cause_from(const struct known_cause *known);

#endif
