/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEXTFILE_H
#define TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"
#include "parser.h"

/* What became of the notifications to one webhook. */
struct textfile_deliveries {
    const char *webhook;
    int64_t delivered, retried, refused;
};

/* What the file tells of the agent beyond what it counted; borrowed for the call. */
struct textfile_facts {
    bool up; /* false in the last one, after an orderly end */
    bool reload_refused;
    const char *log_path;
    int64_t started_ms;
    const struct metrics *metrics;
    const struct textfile_deliveries *deliveries;
    size_t delivery_count;
    const struct parser_counts *parsed;
    int64_t commit_failures;
    int64_t read_bytes;
    int64_t behind_bytes;
    int64_t last_record_ms; /* 0: none yet */
    int64_t next_run_ms;    /* as promised; 0: nothing was */
    int writer_present;     /* 1: a process holds the log open for writing; 0: none does; -1: not known */
};

/* The agent's metrics for node_exporter's textfile collector. Zero-initialise. */
struct textfile {
    int64_t written_ms; /* the last try; 0: none yet */
    bool stale;         /* set by the owner: there is news since */
    bool failed;        /* and that was said */
};

/* When to write next: news wait a little, so that a busy log costs little; without any, the file's age still tells of life. */
int64_t textfile_due_ms(const struct textfile *textfile);

/*
 * Writes the file. A reader sees the old one or the new one, whole: it is renamed into place, within its directory. What fails
 * is said once, until it works again.
 */
void textfile_write(struct textfile *textfile, const char *path, const struct textfile_facts *facts, int64_t now_ms);

#endif
