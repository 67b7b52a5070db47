/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_SUMMARY_H
#define CORE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/strbuf.h"
#include "cycle.h"
#include "event.h"

/*
 * The summary of a cycle ("Success: 2, Failed: 0, Timeout: 0") is a second witness of its runs. The scheduler counts them itself, so a
 * difference shows that the agent did not understand the line of a run, or that a line was forged.
 */
struct counted {
    int64_t succeeded, failed, timed_out;
};

struct summary {
    bool due;               /* a cycle that was seen as a whole has completed, and its summary has not come yet */
    bool early;             /* the summary came before the end of the cycle: said is to be compared at that end */
    bool lines_lost;        /* lines of the cycle in progress may be missing, so that nothing is compared */
    int64_t open_ms;        /* when a summary last knew of no failure that the lines had not told; 0: never */
    int64_t missing;        /* how many cycles in a row, each seen as a whole, had no summary */
    int64_t differs_ms;     /* since when they differ in each cycle; 0: they agreed last, or nothing was compared yet */
    struct counted said;    /* by the newest summary */
    struct counted counted; /* the runs of the same cycle */
};

/* How many failures the newest summary knows that no line of a run told. */
int64_t summary_hidden_failures(const struct summary *summary);
/* True if these are time-outs alone. */
bool summary_hides_timeouts_only(const struct summary *summary);
/* Takes what the summary said of the cycle. False if it is not comparable: it came early, or lines of the cycle are missing. */
bool summary_take(struct summary *summary, const struct event *event, const struct cycle *cycle, int64_t now_ms);
/* The cycle has completed. True if its summary came early and is compared now. */
bool summary_cycle_completed(struct summary *summary, const struct cycle *cycle, int64_t now_ms);
/*
 * The next cycle begins. True if the newest summary counts no longer, because none came for some cycles: a scheduler that writes no summaries
 * any more contradicts nobody.
 */
bool summary_cycle_started(struct summary *summary);
/* The counts of a cycle's row, put right where the summary knows of more than the lines told. True if that changed any of them. */
bool summary_correct(const struct summary *summary, struct cycle *cycle);
/* How the two differ, in words; nothing if they agree. */
void summary_describe(const struct summary *summary, struct strbuf *out);
void summary_archive(struct summary *summary, struct archive *archive);

#endif
