/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "blind.h"
#include "cycle.h"
#include "event.h"
#include "first_line.h"
#include "incident.h"
#include "settings.h"
#include "silence.h"

/*
 * The core: events and an explicit clock go in, rows and notifications come out. It reads no clock and does no I/O; run and replay drive this
 * same code. An engine is used by one thread at a time. All times in this header are wall times (milliseconds UTC), which may be set
 * back; inside, the engine reckons in a time of its own that never goes back.
 */
struct engine;

/* Where the core's results go. Any member may be NULL. Everything handed over is borrowed for the call. */
struct engine_sink {
    void *ctx;
    void (*cycle)(void *ctx, const struct cycle *cycle);          /* insert or update by id */
    void (*run)(void *ctx, const struct run *run);                /* likewise */
    void (*answer)(void *ctx, const struct run_answer *answer);   /* about a run that was handed over before */
    void (*incident)(void *ctx, const struct incident *incident); /* likewise */
    void (*timeline)(void *ctx, const struct timeline_entry *entry);
    clock_words *clock; /* the reader's time of day; NULL: UTC */
    void *notify_ctx;   /* notify has its own */
    void (*notify)(void *notify_ctx, const struct notification *notification);
    void *explain_ctx;                                                     /* likewise */
    void (*explain)(void *explain_ctx, const struct judgement *judgement); /* slow: leave it NULL where nobody asks */
};

struct engine *engine_new(const struct settings *settings, const struct engine_sink *sink);
void engine_free(struct engine *engine);

/* New thresholds from now on (a reload). */
void engine_configure(struct engine *engine, const struct settings *settings);

/*
 * The table of causes from now on. It is borrowed until it is replaced or the engine is freed. An engine has none at first, and then knows
 * no causes.
 */
struct causes;
void engine_set_causes(struct engine *engine, struct causes *causes);

/*
 * Old news does not page. While the engine catches up, incidents are recorded but not notified, except the end of one that had been
 * notified before. Going live notifies those that are still open. A new engine is live.
 */
void engine_catch_up(struct engine *engine);
void engine_go_live(struct engine *engine);

/*
 * The silences and windows from now on, which are borrowed until they are replaced; NULL: there are none. What fires while one that covers it
 * is in force is handed over as silenced. What is still open at its end is told then, and what is over by then is never told. The end of
 * what was told before is told at once.
 */
void engine_silence(struct engine *engine, const struct silences *silences);

/*
 * The newest acknowledgement of an incident, as often as it is read. While it holds, nobody is reminded of the incident, and it is not
 * escalated. It is told all the same that the incident becomes critical, that it grows, and that it ends. One that is not known, or is over,
 * is left as it is.
 * Returns true if that is news.
 */
bool engine_acknowledge(struct engine *engine, const struct acknowledgement *acknowledgement);

/* Runs the deadlines that lie before the event, then the event. */
void engine_feed(struct engine *engine, const struct event *event);

/*
 * Lines of the log were lost or left out just before the next event. The summary of the cycle in progress is then not compared with its
 * runs, of which some may be missing.
 */
void engine_lose_lines(struct engine *engine);

/*
 * Runs the deadlines up to and including now. A now before the engine's clock (because the log's host is a little fast) does nothing: more
 * lines of that instant may come, and the order in which they and a deadline are taken must not depend on when they are read.
 */
void engine_tick(struct engine *engine, int64_t now_ms);

/* The instant of the next deadline, INT64_MAX if there is none. */
int64_t engine_next_deadline(struct engine *engine);

int64_t engine_clock(const struct engine *engine);

/* Hands over once more the newest cycle and run and every incident that is not verified, for a history that was begun anew. */
void engine_retell(const struct engine *engine);

/* The id of the newest incident that is open, 0 if none is. */
int64_t engine_newest_open(const struct engine *engine);
/* True if a table's newest run failed: then a component that is down would explain it, before any incident is open. */
bool engine_is_failing(struct engine *engine);

/*
 * The saved state, so that what changed is all that is written. Texts belong to the engine as a whole and are few. Parts belong to one thing each,
 * which a number stands for, and only those that changed are handed over.
 */
enum engine_text {
    ENGINE_NOW,         /* the clock, the newest cycle and run: it changes with nearly every event */
    ENGINE_LIFE,        /* the scheduler, the schedule, what was told and when */
    ENGINE_RECURRENCES, /* what began again and again */
    ENGINE_CYCLES,      /* the durations of past cycles */
    ENGINE_TEXTS
};
enum engine_part {
    ENGINE_TABLE,    /* by its place: 0, 1, 2 ... in the order in which the log named the tables */
    ENGINE_WINDOWS,  /* its baselines, by the same number */
    ENGINE_INCIDENT, /* by its id */
    ENGINE_PARTS
};

/* True if the text may have changed since engine_saved. */
bool engine_text_changed(const struct engine *engine, enum engine_text text);
void engine_save_text(struct engine *engine, enum engine_text text, struct archive *archive);

/* Where parts go. Both return 0 or the caller's own code of an error. The text is borrowed for the call. */
struct engine_part_sink {
    void *ctx;
    int (*put)(void *ctx, enum engine_part part, int64_t number, const struct strbuf *text);
    int (*drop)(void *ctx, enum engine_part part, int64_t number); /* it is gone; perhaps it never was there */
};
enum engine_extent { ENGINE_CHANGED, ENGINE_WHOLE };

bool engine_parts_changed(const struct engine *engine); /* since engine_saved */
/* Hands over the parts that changed since engine_saved, or all of them. Returns the first error, after which no more are handed over. */
int engine_save_parts(struct engine *engine, enum engine_extent extent, const struct engine_part_sink *sink);
/* What was handed over last is on the disk, and the texts are. */
void engine_saved(struct engine *engine);

/* What was saved. Both functions may find nothing. */
struct engine_source {
    void *ctx;
    bool (*text)(void *ctx, enum engine_text text, struct strbuf *value);
    /* Calls take for each part of the kind, in ascending order of the numbers. */
    void (*parts)(void *ctx, enum engine_part part,
                  void (*take)(void *take_ctx, enum engine_part part, int64_t number, struct slice text),
                  void *take_ctx);
};
/* To be called once, for a new engine. Returns false, and loads nothing, if there is no text of ENGINE_NOW or it is damaged. */
bool engine_load(struct engine *engine, const struct engine_source *source);

/* The whole state in two texts, as agents saved it up to version 6 of the history. */
void engine_archive_live(struct engine *engine, struct archive *archive);
void engine_archive_windows(struct engine *engine, struct archive *archive);

/*
 * Saves how things stand, for people who ask: next_run_ms, interval_ms, the thresholds in force (lag_warning_ms, lag_critical_ms,
 * cycle_slow_ms, cycle_too_slow_ms), and what the detectors cannot see: blind_count, blind.0, blind.1 ... in words.
 */
void engine_report(struct engine *engine, struct archive *archive);

/* From when on something counts as a trouble, as the settings say it or as it follows from the schedule's interval. */
struct engine_limits {
    int64_t interval_ms, lag_warning_ms, lag_critical_ms, cycle_slow_ms, cycle_too_slow_ms, late_warning_ms,
        late_critical_ms;
};
struct engine_limits engine_limits(const struct engine *engine);

/* How many runs were left out in this life, because the log named too many tables. */
int64_t engine_refused_tables(const struct engine *engine);

/* True if any event of the log was ever taken, in this life or an earlier one. */
bool engine_has_heard(const struct engine *engine);

/*
 * Why the agent is blind for this reason, in words, valid until the next event; NULL if it is not. The engine knows the reasons that lie in
 * the log; the others are never its.
 */
const char *engine_blind_words(const struct engine *engine, enum blind_reason reason);

/* When the next cycle shall start, as the log promised it (Unix ms, UTC); 0 while no promise is known. */
int64_t engine_next_run_ms(const struct engine *engine);

#endif
