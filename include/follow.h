/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "source_position.h"

enum follow_note {
    FOLLOW_WAITING, /* the log is not there (yet) */
    FOLLOW_OPENED,
    FOLLOW_TRUNCATED, /* or it lost its end, or a packed one cannot be unpacked to its end */
    FOLLOW_ROTATED,
    FOLLOW_STALE_WRITER, /* rotated away, but the writer stays with the old file */
    FOLLOW_LONG_LINE,    /* cut: longer than the bound */
    FOLLOW_REFUSED,      /* a log that cannot be trusted or read: text says why */
    FOLLOW_NO_LEASE,     /* the writer's death cannot be seen here */
    FOLLOW_POLLING,      /* no inotify here: looking once in a while */
    FOLLOW_OVERFLOW      /* events were lost: looked again at everything */
};

/* What following tells. line: without its newline, at offset in its file. */
struct follow_sink {
    void *ctx;
    void (*line)(void *ctx, const char *line, size_t len, int64_t offset);
    void (*note)(void *ctx, enum follow_note note, const char *text);
};

/*
 * Follows one path through rotation, truncation and replacement, by inotify (libinotifytools, one instance a process).
 * positions: where an earlier life stood, oldest file first. owner: a user name, or NULL for any.
 */
struct follow;
struct follow *follow_open(const char *path, const char *owner, const struct source_position *positions, size_t count,
                           const struct follow_sink *sink, struct strbuf *error);
void follow_free(struct follow *follow);

enum follow_progress { FOLLOW_DRAINED, FOLLOW_MORE };

/* Reads at most about max_bytes of what is there; FOLLOW_MORE if it stopped for that reason. */
enum follow_progress follow_read(struct follow *follow, size_t max_bytes);

/* Where reading stands now, oldest file first; consistent with the lines handed out so far. Returns the count, at most room. */
size_t follow_positions(const struct follow *follow, struct source_position *positions, size_t room);

enum follow_writer { WRITER_UNKNOWN, WRITER_PRESENT, WRITER_ABSENT };

/* Whether somebody holds a followed file open for writing (a read lease tells; UNKNOWN where it may not be asked). */
enum follow_writer follow_writer(struct follow *follow);

/* Why the log cannot be trusted or read (FOLLOW_REFUSED), as of the last follow_read; NULL if it can, or is not there. */
const char *follow_refusal(const struct follow *follow);

/* When the file that gave the last line was written last, by its file system's clock (Unix ms); 0 before the first. */
int64_t follow_written_ms(const struct follow *follow);

/* Bytes between where reading stands and the end. */
int64_t follow_behind(const struct follow *follow);

/*
 * Sleeps until something happened to a followed file, follow_wake was called, a signal's handler called it, or
 * as much time went by as is left to deadline_ms now (Unix ms; INT64_MAX: no deadline), whatever the clock is set to meanwhile.
 */
void follow_wait(struct follow *follow, int64_t deadline_ms);

/* From any thread or signal handler: ends the follow_wait in progress, or the next one. */
void follow_wake(void);

#endif
