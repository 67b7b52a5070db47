/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_ICEBERG_H
#define WITNESS_ICEBERG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * Inside the room: what an Iceberg table's own metadata says. The files are written by Spark into DIR/NAMESPACE/TABLE/metadata: a hint
 * (version-hint.text) names the newest version of a Hadoop table, and else the highest number in a file's name is the newest one.
 * The format is that of https://iceberg.apache.org/spec/ (table metadata, snapshots).
 */

/* A snapshot, as far as it tells of progress. */
struct iceberg_snapshot {
    int64_t id, parent_id; /* -1: none */
    int64_t at_ms;         /* Unix time */
    bool
        moves_rows; /* its operation is append or overwrite; compaction (replace) and expiry (delete) are no progress */
    int64_t added;  /* records; -1: not said */
};

/* A table's metadata, as far as it was read. */
struct iceberg_table {
    struct iceberg_snapshot *snapshots; /* owned */
    size_t count;
    int64_t current_id; /* -1: none */
};

/* What the table says about the time since an instant. */
struct iceberg_answer {
    int64_t added;    /* records that were added since then; -1: more than none, but it is not said how many */
    int64_t moved_ms; /* when rows were added last, whenever that was; 0: never */
};

/*
 * Asks the table NAMESPACE.NAME of the warehouse. False, with the reason in *why, if it cannot tell. It reads files and may take until
 * the deadline (clock_running_ms), so it belongs into a thread.
 */
bool iceberg_ask(const char *warehouse, const char *name, int64_t since_ms, int64_t deadline_ms,
                 struct iceberg_answer *answer, struct strbuf *why);

/*
 * iceberg_files.c: opens the newest metadata file, or with back = 1 the one before it. Links and files of strangers are refused: each
 * belongs to the owner of its directory or to root. Returns a descriptor, or -1 with the reason in *why.
 */
int iceberg_open(const char *warehouse, const char *name, int back, int64_t deadline_ms, struct strbuf *why);
/* The version in a metadata file's name: 12 of v12.metadata.json and of 00012-UUID.gz.metadata.json; -1 if it is no such name. */
int64_t iceberg_version(const char *name);

/* iceberg_scan.c: reads a metadata file, packed or not, and closes it. False with the reason in *why; a half-written file is one. */
bool iceberg_scan(int descriptor, int64_t deadline_ms, struct iceberg_table *table, struct strbuf *why);

#endif
