/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_FOLLOW_STATE_H
#define FOLLOW_FOLLOW_STATE_H

#include "follow.h"
#include "tail.h"

/*
 * The inside of struct follow, shared by the files that implement it: follow.c (reading and its contract), follow_look.c
 * (which files are to be followed) and follow_place.c (what inotify watches),
 * and follow_wait.c (sleeping, and what events mean).
 */

/* One file that is read. */
struct followed {
    struct tail *tail;
    enum follow_writer writer; /* the last answer */
    bool writer_stale;         /* it must be asked again */
    bool closed;               /* a writer closed it after it was rotated away: all there is where leases are refused */
    bool watched;
    bool drained;       /* it was read to its end after it had been replaced */
    int64_t written_ms; /* when a line came in spite of that (monotonic); 0: not yet */
    bool blamed;        /* FOLLOW_STALE_WRITER was said of it */
};

struct follow {
    char *path, *directory, *base;
    int64_t owner;       /* as configured, or LOG_ANY_OWNER */
    int64_t known_owner; /* of the file at path last; LOG_ANY_OWNER: none was seen yet */
    struct follow_sink sink;
    char *buffer;
    int64_t written_ms; /* when the file that gave the last line was written last */

    struct source_position *remembered; /* from an earlier life, until the files are found */
    size_t remembered_count;

    struct followed *files; /* oldest first; the last is the one at path if current */
    size_t count;
    bool current;
    enum follow_writer writer; /* of all of them, as answered last */
    struct {                   /* the youngest that is followed no longer: what came behind it is news */
        struct source_position position;
        int64_t born_ns; /* 0: there was none */
        uid_t owner;
    } left;

    bool look; /* what is at path must be looked at again */
    bool news; /* a file was opened, of which the owner may want to ask: no sleep before that */
    bool have_inotify;
    bool polling;                       /* inotify does not tell everything */
    uint64_t place_device, place_inode; /* the watched directory: the log's, or the nearest above it that exists */
    bool place_watched, place_is_directory;
    int64_t slow_ms;       /* when to look without being told (monotonic) */
    int64_t recheck_ms;    /* a writer closed: ask again after so long; 0: no need */
    int64_t recheck_at_ms; /* that is, then (monotonic) */

    struct strbuf trouble; /* what keeps path from being followed, as said last; empty: nothing */
    bool refused;          /* it is there, but cannot be trusted or read */
    struct strbuf
        unreadable;    /* why a file that is open could not be read at the last attempt, as said; empty: it could */
    bool retry;        /* no event may tell when the trouble ends */
    int64_t absent_ms; /* since when nothing is at path (monotonic); 0: something is */
    bool said_polling, said_no_lease;
};

enum { FOLLOW_SLOW_MS = 2000 };

__attribute__((format(printf, 3, 4))) void follow_note(const struct follow *follow, enum follow_note note,
                                                       const char *format, ...);

/* Says what keeps path from being followed, unless that was said last. */
void follow_trouble(struct follow *follow, enum follow_note note, const char *why);
void follow_trouble_over(struct follow *follow);

/* follow_look.c */
void follow_look(struct follow *follow);
/* The file at index lost what was read: its copy is found (copytruncate), to be finished first; then it is read from 0. */
void follow_recover(struct follow *follow, size_t index);
void follow_drop(struct follow *follow, size_t index);

/* follow_place.c */
void follow_watch(struct follow *follow);
void follow_watch_file(struct follow *follow, struct followed *file);

#endif
