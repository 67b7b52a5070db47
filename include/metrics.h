/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "blind.h"
#include "engine.h"
#include "exposition.h"
#include "parser.h"

/*
 * agent/metrics: what the agent counts about itself and the pipeline, and how Prometheus finds it: in a file, and, stored in
 * the history, by way of the web server. The room reads the history once at the start and writes one file. Nothing here is thread-safe.
 */

/* Counters in memory, from the agent's start on. They stand between the engine and the history and pass everything on. */
struct metrics;
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Returns a sink that counts, then calls next, which is copied. It may be used as long as metrics exists. */
struct engine_sink metrics_sink(struct metrics *metrics, const struct engine_sink *next);

/* The witnesses that are configured: the others are counted no more. */
void metrics_expect_witnesses(struct metrics *metrics, const char *const *names, size_t count);
/* What a witness said last: whether all is well with what it watches, or that it could not tell. */
void metrics_note_witness(struct metrics *metrics, const char *name, bool is_well, bool is_silent);

/* Reads the open incidents and the tables' latest runs from the history of an earlier run. Returns false with why in *error. */
bool metrics_take_up(struct metrics *metrics, const char *history_db, struct strbuf *error);

/* Adds how things stand, in a few words: "no incident open; last cycle: success". */
void metrics_summary(const struct metrics *metrics, struct strbuf *out);

/* How many attempts to deliver a notification to one webhook ended how. */
struct metrics_deliveries {
    const char *webhook;
    int64_t delivered, retried, refused;
};

/* A window of the configuration that silences something, and whether it does now. */
struct metrics_window {
    const char *name;
    bool is_in_force;
};

/* What is exposed beyond the counters. Everything is borrowed for the call. */
struct metrics_facts {
    bool up; /* whether the agent runs; in its file false only after an orderly end */
    bool reload_refused;
    const char *log_path;
    int64_t started_ms;
    const struct metrics *metrics;
    const struct metrics_deliveries *deliveries;
    size_t delivery_count;
    const struct parser_counts *parsed;
    int64_t stray_lines;
    int64_t commits, commit_failures;
    int64_t read_bytes;
    int64_t behind_bytes;
    int64_t last_record_ms; /* 0: none yet */
    int64_t next_run_ms;    /* as the scheduler promised it; 0: no promise is known */
    struct engine_limits limits;
    int64_t silences_in_force;
    const struct metrics_window *windows;
    size_t window_count;
    const bool *blind;  /* for each enum blind_reason */
    int writer_present; /* 1: a process holds the log open for writing; 0: none does; -1: not known */
};

/* Appends everything that is exposed. now_ms is when the agent was last known to live. */
void metrics_expose(const struct metrics_facts *facts, int64_t now_ms, enum exposition_dialect dialect,
                    struct strbuf *text);

/*
 * The counters as a text that the history keeps, so that another process can expose them: everything of the facts but what the history
 * tells otherwise, which is whether the agent runs, the silences, the blindness and whether somebody writes the log.
 */
void metrics_store(const struct metrics_facts *facts, struct strbuf *text);

/* Counters that were stored. Their facts belong to them; the members that are not stored are for the caller to fill in. */
struct metrics_stored;
struct metrics_stored *metrics_load(struct slice text); /* what the text lacks is 0 */
struct metrics_facts *metrics_stored_facts(struct metrics_stored *stored);
void metrics_stored_free(struct metrics_stored *stored);

/* The file for node_exporter's textfile collector: when it was written last, and how that went. Zero-initialise. */
struct textfile {
    int64_t written_ms; /* the last attempt; 0: none yet */
    bool stale;         /* set by the owner: something has changed since */
    bool failed;        /* the last attempt failed, and that was said */
};

/* When to write next. News waits a little, so that a busy log costs little; without news the file still shows that the agent lives. */
int64_t textfile_due_ms(const struct textfile *textfile);

/*
 * Writes the file under another name in its directory and renames it, so that a reader sees the old one or the new one, never a part.
 * A failure is said once, until writing works again.
 */
void textfile_write(struct textfile *textfile, const char *path, const struct metrics_facts *facts, int64_t now_ms);

#endif
