/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "statistics.h"
#include "engine.h"
#include "incidents.h"

/*
 * The inside of the engine, for the files of this room only. Events become facts (model.c), facts go to every detector in
 * turn (engine.c), detectors raise and clear incidents (pool.c), and incidents are told (announce.c). Each file touches its own part
 * of the state and asks the others by function.
 */

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    FLAPS_KEPT = 32, /* failures remembered for flapping: bounds detect.flapping_per_day */
    RESTARTS_KEPT = 8,
    TABLES_MOST = 256 /* a log that names more is lying */
};

enum { SEASONS = 48 }; /* the hours of a weekday, then those of a weekend's day, UTC */

/* Runs by season: zeros cluster by night and at weekends. */
struct seasonal {
    int64_t counts[SEASONS];
};

struct stall_state {
    int64_t runs, zeros; /* n and z: earlier runs, and those with no rows */
    struct seasonal season_runs, season_zeros;
    int64_t longest; /* honest streak of zeros */
    int64_t streak;  /* k: the one in progress */
    struct seasonal season_streak;
    int64_t first_zero_ms;
    int64_t last_move_ms; /* the last run with rows */
    bool reported;        /* the streak in progress became an incident */
    int64_t doubtful;     /* length of a reported streak that ended like a quiet time does, not learnt yet; 0: none */
    struct seasonal season_doubtful;
    int64_t doubted_ms; /* when the newest such streak ended; 0: never */
};

struct failure_state {
    int64_t streak;            /* failures in a row, a burst counted once */
    int64_t first_ms;          /* of the streak */
    int64_t counted_ms;        /* the newest that was counted */
    int64_t flaps[FLAPS_KEPT]; /* failures of the last day outside any consecutive-failures incident, oldest first */
    size_t flap_count;
};

struct table {
    char *name;
    int64_t first_seen_ms;
    int64_t last_success_ms; /* 0: none yet */
    int64_t suspended_ms;    /* time that the host slept since then: not the table's fault */
    int64_t last_cycle_id;   /* the last cycle that reached it */
    int64_t cycles_without;  /* completed cycles since then that did not */
    bool last_failed;        /* how its last run ended */
    bool retired;            /* no longer offloaded */
    char *error;             /* what the newest failure said, or NULL */
    char *failure_line;      /* the newest failure's own line, or NULL */
    int64_t exit_code;       /* -1 if not said */
    bool timed_out;
    int64_t spent_ms; /* the newest run: how long it took ... */
    int64_t moved;    /* ... and its rows, -1 if not said */
    struct failure_state failures;
    struct stall_state stall;
    struct window durations; /* of good runs, ms */
    struct window rows;      /* of the same runs */
    struct hourly volume;    /* of runs with rows, by hour of the day */
    int64_t low_streak;      /* runs in a row far below the usual volume */
    int64_t low_since_ms;
};

struct model {
    struct cycle cycle; /* the newest; running while outcome is CYCLE_RUNNING and id is not 0 */
    struct run run;     /* the newest */
    int64_t run_table;  /* index of its table, -1 before the first */
    int64_t last_cycle_id, last_run_id;
    int64_t sign_ms;      /* the newest sign of life in the cycle */
    int64_t suspended_ms; /* slept while the cycle was running */
    struct strbuf run_error;
    bool run_open; /* started and not ended */
};

struct slow_state {
    enum severity level; /* of the cycle in progress */
    int64_t unusual_streak;
    struct window good;   /* durations of unremarkable good cycles with their times, ms */
    struct window recent; /* durations of all successful cycles */
    bool windows_changed;
};

struct scheduler_state {
    int64_t interval_ms; /* learnt; 0 if not yet */
    int64_t promise_ms;  /* when the next cycle shall start; 0: not known */
    int64_t slot_ms;     /* the newest promise that the log made: tells where slots lie */
    int64_t stopped_ms;  /* a graceful stop, not yet followed by a start; 0 otherwise, likewise below */
    int64_t dead_ms;     /* crashed, or the writer gone, and not back */
    int64_t hung_cycle_id;
    bool writer_seen;                /* somebody holds the log open: late is not dead */
    int64_t started_ms;              /* the newest start; 0: none seen */
    int64_t restarts[RESTARTS_KEPT]; /* without a graceful stop before, oldest first */
    size_t restart_count;
};

struct engine {
    struct settings settings;
    struct engine_sink sink;
    int64_t clock_ms;
    int64_t floor_ms;          /* no deadline lies before this: spares looking for one at every event */
    int64_t silenced_until_ms; /* people are told of nothing new before */
    int64_t asleep_from_ms;    /* when the host last fell asleep, until a line is newer than that sleep; else 0 */
    bool catching_up;
    const struct event *event; /* while one is fed: the evidence */
    struct table *tables;
    size_t table_count, table_room;
    struct model model;
    struct slow_state slow;
    struct scheduler_state scheduler;
    struct pool pool;
};

/* What the model makes of the events. */
enum fact_kind {
    FACT_SCHEDULER_STARTED,
    FACT_SCHEDULER_STOPPED,
    FACT_SCHEDULER_CRASHED,
    FACT_WRITER_GONE,
    FACT_WRITER_BACK,
    FACT_HOST_RESUMED,
    FACT_PROBE_DOWN,
    FACT_LOG_REFUSED, /* why: the event's text */
    FACT_LOG_READABLE,
    FACT_WEBHOOK_STUCK, /* likewise */
    FACT_WEBHOOK_WELL,
    FACT_PROMISE, /* at_ms */
    FACT_CYCLE_STARTED,
    FACT_CYCLE_COMPLETED,
    FACT_CYCLE_ABORTED,
    FACT_RUN_SUCCEEDED, /* table, rows */
    FACT_RUN_FAILED,    /* table */
    FACT_RUN_EVIDENCE   /* table: more was said about its failure */
};

struct fact {
    enum fact_kind kind;
    struct table *table;
    int64_t at_ms;
    int64_t rows;
    int64_t duration_ms;
};

struct detector {
    void (*fact)(struct engine *engine, const struct fact *fact);
    int64_t (*due)(const struct engine *engine); /* its next deadline, INT64_MAX if none */
    void (*expire)(struct engine *engine);       /* called when the clock stands at what due said */
};

extern const struct detector detect_scheduler, detect_slow, detect_failures, detect_stall, detect_flapping,
    detect_throughput, detect_lag, detect_agent, announcer;

/* engine.c */
void engine_fact(struct engine *engine, const struct fact *fact);
int64_t engine_interval(const struct engine *engine);
int64_t engine_burst(const struct engine *engine);
int64_t engine_lag_warning(const struct engine *engine);
int64_t engine_lag_critical(const struct engine *engine);
/* The first slot that a next attempt can be meant for: one more than a moment away, since a cycle may start early. */
int64_t engine_next_slot(const struct engine *engine);

/* tables.c */
struct table *table_named(struct engine *engine, struct slice name); /* NULL: too many tables */
size_t table_index(const struct engine *engine, const struct table *table);
/* Since when a table waits for a success, sleep of the host not counted. */
int64_t table_waits_since(const struct table *table);
/*
 * The clock was set back: what happened a while ago happened as long ago by the clock as it is now. by_ms is negative. What a
 * trouble in progress began with stays, to be compared with the incidents that were told of it.
 */
void table_set_back(struct table *table, int64_t by_ms);
void tables_archive_live(struct engine *engine, struct archive *archive);
void tables_archive_windows(struct engine *engine, struct archive *archive);
void tables_free(struct engine *engine);

/* model.c */
void model_event(struct engine *engine, const struct event *event);
bool model_cycle_running(const struct engine *engine);
void model_retell(const struct engine *engine);
void model_archive(struct engine *engine, struct archive *archive);

/* slow_cause.c: which table is slow, or all, and whether the rows rose with it. Adds the words to cause, returns the scenario. */
const char *slow_cause(const struct engine *engine, struct strbuf *cause);
/* The runs of the cycle that just completed join their tables' windows. */
void slow_learn_runs(struct engine *engine);

/* witness.c: a probe's words go into the story of every incident that they are news to. */
void witness_note(struct engine *engine, const struct event *event);
/* Whether a component that is down can explain failures of this scenario. */
bool witness_explains(struct slice component, const char *scenario);

/* detectors' own state */
void slow_archive_live(struct engine *engine, struct archive *archive);
void slow_archive_windows(struct engine *engine, struct archive *archive);
void scheduler_archive(struct engine *engine, struct archive *archive);
/* Whether zeros say nothing about the table: most of its runs have none. */
bool stall_blind(const struct table *table);
/* P(k): the chance of so long a streak of zeros, by all runs alike. */
double stall_chance(int64_t runs, int64_t zeros, int64_t streak);

#endif
