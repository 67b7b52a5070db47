/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "source_position.h"

/*
 * The room agent/follow reads a log that is written while we read it, through rotation, truncation, replacement and packing, each
 * line once. follow.c is its front: reading and the contract below. follow_look.c looks at the path (follow_link.c: which may be a link, or change), follow_generations.c decides which of
 * the files that rotation left beside it are read; listing.c finds those, siblings.c orders them. tail.c reads one file, gzip_text.c the
 * text of a packed one. follow_wait.c and follow_place.c sleep and watch; they use inotify.c (libinotifytools), wake_timer.c (a POSIX timer)
 * and writer_lease.c (does anybody hold the file open?).
 *
 * The room opens files for reading only and writes none. It knows neither the history nor what a line means: lines and notes go
 * out through struct follow_sink, and where reading stands through follow_positions.
 */

enum follow_note {
    FOLLOW_WAITING, /* there is no log at the path */
    FOLLOW_OPENED,
    FOLLOW_TRUNCATED, /* also: the log lost its end, or a packed file cannot be unpacked to its end */
    FOLLOW_ROTATED,
    FOLLOW_STALE_WRITER, /* the log was rotated, but its writer goes on writing into the old file */
    FOLLOW_LONG_LINE,    /* a line was cut, because it is longer than the bound */
    FOLLOW_REFUSED,      /* the log cannot be trusted or read; the text says why */
    FOLLOW_NO_LEASE,     /* who holds the log open cannot be asked here, so the writer's death is not seen */
    FOLLOW_POLLING,      /* inotify does not work here, so the log is looked at every few seconds */
    FOLLOW_DELETED,      /* the log was deleted while its writer lives: still followed, but not after a restart */
    FOLLOW_SKIPPED,      /* files beside the log were not looked at, because they are too many or too large */
    FOLLOW_OVERFLOW      /* the kernel dropped events, so everything was looked at again */
};

/* Where lines and notes go. A line comes without its newline; offset is where it begins in its file. */
struct follow_sink {
    void *ctx;
    void (*line)(void *ctx, const char *line, size_t len, int64_t offset);
    void (*note)(void *ctx, enum follow_note note, const char *text);
};

/*
 * Follows the file at path, and those that rotation put beside it. Only one may be open in a process, because libinotifytools and the
 * wake timer have one state each. positions: what follow_positions gave in an earlier run, oldest file first. owner: the name of
 * the user to whom the log must belong, or NULL for anybody. Returns NULL with the reason in *error.
 */
struct follow;
struct follow *follow_open(const char *path, const char *owner, const struct source_position *positions, size_t count,
                           const struct follow_sink *sink, struct strbuf *error);
void follow_free(struct follow *follow);

/*
 * The path may be a symbolic link of root's, of the agent's own user or of the log's owner, as kubelet makes them in /var/log/containers: the
 * log is what it points to, whose rotated files lie beside that. Where it points to is looked at again every few seconds. Without this
 * call a link is refused.
 */
void follow_allow_link(struct follow *follow);

/*
 * The directory of the log holds the files of this log and no others. Where the file that was read last is gone, all that is there was
 * written after it.
 */
void follow_own_directory(struct follow *follow);

/* From now on the log lies at another path. What was followed is read to its end first. */
void follow_move(struct follow *follow, const char *path);

enum follow_progress { FOLLOW_DRAINED, FOLLOW_MORE };

/*
 * Hands out the lines that are there, about max_bytes of them at most. FOLLOW_MORE: it stopped for that reason, call it again.
 * FOLLOW_DRAINED: all was handed out that had been written before the call, also to a log that came to the path since the call before.
 */
enum follow_progress follow_read(struct follow *follow, size_t max_bytes);

/*
 * Where reading stands now, oldest file first. It fits the lines that were handed out so far, also while one is being handed
 * out. Returns the count, at most room.
 */
size_t follow_positions(const struct follow *follow, struct source_position *positions, size_t room);

enum follow_writer { WRITER_UNKNOWN, WRITER_PRESENT, WRITER_ABSENT };

/* Whether a process holds a followed file open for writing. UNKNOWN where the kernel does not let us ask (writer_lease.h). */
enum follow_writer follow_writer(struct follow *follow);

/* Why the log cannot be trusted or read, as of the last follow_read; NULL if it can, or if there is none. */
const char *follow_refusal(const struct follow *follow);

enum follow_place {
    FOLLOW_THERE,   /* a log is at the path, or was a moment ago, or is written under the name that rotation gave it */
    FOLLOW_MISSING, /* nothing is at the path, and nobody is known to write a log that was there */
    FOLLOW_UNLINKED /* nothing is at the path: the log was deleted, and its writer goes on */
};

/* What is at the path, as of the last follow_read. */
enum follow_place follow_place(const struct follow *follow);

/* When the file that gave the last line was last written to, by its file system's clock (Unix ms); 0 before the first line. */
int64_t follow_written_ms(const struct follow *follow);

/* Bytes between where reading stands and the end of the files. */
int64_t follow_behind(const struct follow *follow);

/*
 * Sleeps until something happened to a followed file or to the path, until follow_wake is called, or until deadline_ms (Unix ms;
 * INT64_MAX: no deadline). The deadline is taken as a span from now on, so that a clock that is set meanwhile does not move it.
 */
void follow_wait(struct follow *follow, int64_t deadline_ms);

/* Ends the follow_wait in progress, or the next one. May be called from any thread and from a signal handler. */
void follow_wake(void);

#endif
