/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_DETECTOR_H
#define CORE_DETECTOR_H

#include "blind.h"
#include "describe.h"
#include "explain.h"
#include "fact.h"
#include "incidents.h"
#include "model.h"
#include "moment.h"
#include "prometheus.h"
#include "schedule.h"
#include "settings.h"
#include "tables.h"
#include "units.h"

/*
 * A detector is a file that judges the facts: it raises incidents and clears them. It sees what the context holds, and its own state, which
 * no other file knows.
 */
struct context {
    const struct settings *settings;
    const struct moment *moment;
    const struct model *model;
    struct tables *tables;
    struct cause_sources *sources;
    struct schedule *schedule;
    struct incidents *incidents;
    const struct explainer *explainer;

    /* The detectors' own state, as far as it is not a table's. Only a detector's own file knows what is in it. */
    struct lag *lag;
    struct scheduler *scheduler;
    struct crash_loop *crash_loop;
    struct slow *slow;
    struct blindness *blindness;
    struct unit *unit;
};

#define HEARS(kind) (1U << (kind))

struct detector {
    void (*begin)(struct context *context); /* allocates its state; NULL: it has none, likewise below */
    void (*end)(struct context *context);
    void (*begin_table)(struct table *table); /* allocates its state of a new table, with one malloc */
    void (*end_table)(struct table *table);   /* frees what belongs to that state, but not the state itself */
    unsigned hears;                           /* the kinds of facts that it is told, each as HEARS(kind) */
    void (*fact)(struct context *context, const struct fact *fact);
    int64_t (*due)(const struct context
                       *context); /* its next deadline, INT64_MAX if there is none now; NULL: it has no deadlines */
    void (*expire)(struct context *context); /* called when the clock stands at what due said */
};

extern const struct detector detect_crash_loop, detect_scheduler, detect_slow, detect_failures, detect_stall,
    detect_witnessed, detect_success_rate, detect_throughput, detect_gone, detect_lag, detect_blind, detect_agent,
    detect_unit, detect_host;

/* The detectors' part of the saved state. What belongs to a table is saved with the table. */
void crash_loop_archive(struct context *context, struct archive *archive);
void scheduler_archive(struct context *context, struct archive *archive);
void slow_archive(struct context *context, struct archive *archive);
void slow_archive_windows(struct context *context, struct archive *archive);
void failures_archive(struct table *table, struct archive *archive);
void success_rate_archive(struct table *table, struct archive *archive);
void stall_archive(struct table *table, struct archive *archive);
void throughput_archive(struct table *table, struct archive *archive);
void witnessed_archive(struct table *table, struct archive *archive);
void throughput_archive_windows(struct table *table, const char *prefix, struct archive *archive);
void blind_archive(struct context *context, struct archive *archive);
void unit_archive(struct context *context, struct archive *archive);

/* What else they know. */
/*
 * True if a witness tells how many rows each run of the table adds, so that the log's own number need not be judged. It is true while the
 * last answer that had a number is at most a few runs old.
 */
bool witness_counts_rows(const struct context *context, const struct table *table);
/* True while a witness is certain of a stall of the table: then no rows that the log tells of end it. */
bool witness_is_certain(const struct context *context, const struct table *table);
/* True once, when a witness was certain of a stall of the table and no witness has counted its rows for a day. */
bool witness_lost_stall(const struct context *context, const struct table *table);
/*
 * True if the table's row counts in the log say nothing about stalls, because most of its runs move no rows, or because a witness counted
 * rows where the log tells none.
 */
bool stall_is_blind(const struct table *table);
/* Likewise, but where a witness counts them they do say something. */
bool stall_rows_are_blind(const struct context *context, const struct table *table);
bool stall_counts_are_blind(int64_t runs, int64_t zeros, int64_t streak);
/* P(k): the chance of `streak` more runs without rows after `runs` runs of which `zeros` had none, all runs alike. */
double stall_chance(int64_t runs, int64_t zeros, int64_t streak);
/* The chance of so many failures or more in so many runs, after so many failures in so many runs before. */
double success_rate_chance(int64_t failures, int64_t runs, int64_t past_failures, int64_t past_runs);
/* How many times as well a rate near 20 % explains so many failures in so many runs as the runs before do (a Bayes factor; > 0). */
double success_rate_factor(int64_t failures, int64_t runs, int64_t past_failures, int64_t past_runs);
/* How many good cycles are known, of the detect.min_samples that it takes to tell an unusual one. */
int64_t slow_known_cycles(const struct context *context);
/* True while an incident of slow cycles is open that went beyond the fixed threshold: only such cycles are so slow that a table lags. */
bool slow_explains_lag(const struct context *context);
/* When the first failure of the newest failures in a row was, and the newest one that counted; 0: not known. */
void failures_in_a_row(const struct table *table, int64_t *first_ms, int64_t *counted_ms);
/* The table begins anew, if it is ever run again. */
void failures_forget(struct table *table);
/* Adds why the newest cycle is slow, if that can be told, and returns the kind (causes.h): "slow-volume". (slow_cause.c) */
const char *slow_cause(const struct context *context, struct strbuf *words);
/* detect_scheduler.c: somebody holds the log open, as far as is known. */
bool scheduler_holds_log(const struct context *context);
/* It died, or was stopped as it was asked to; nothing happens where that is known already. what and detail: see struct finding. */
void scheduler_has_died(struct context *context, const char *what, const char *detail);
void scheduler_was_stopped(struct context *context, int64_t at_ms);
/* detect_unit.c: why the scheduler is down, as systemd says it; where it says nothing, what is to be done in any case. */
struct cause unit_cause(const struct context *context);
/* What systemd says now goes into the incident's timeline. */
void unit_note_in(const struct context *context, const struct incident_record *record);
/* Why the log tells nothing, in words; NULL if the agent is not blind for this reason. */
const char *blind_words(const struct context *context, enum blind_reason reason);

#endif
