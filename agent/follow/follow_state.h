/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_FOLLOW_STATE_H
#define FOLLOW_FOLLOW_STATE_H

#include "follow.h"
#include "tail.h"

/*
 * The inside of struct follow, shared by the files that implement it: follow.c (reading, and the contract of follow.h),
 * follow_look.c (what lies at the path), follow_generations.c (what rotation left beside it), follow_place.c (what inotify watches)
 * and follow_wait.c (sleeping, and what events mean).
 */

/* One file that is read. */
struct followed {
    struct tail *tail;
    enum follow_writer writer; /* the last answer */
    bool ask_again;            /* a close event arrived since that answer */
    bool closed;  /* somebody closed it for writing after it was rotated away: the only sign where leases are refused */
    bool watched; /* by inotify */
    bool drained; /* it was read to its end after another file had taken its place */
    int64_t written_ms; /* when a line came in spite of that (monotonic); 0: none came */
    bool blamed;        /* FOLLOW_STALE_WRITER was said of it */
    bool said_deleted;  /* FOLLOW_DELETED was said of it */
};

/* The youngest of the files that are no longer followed: what began after it has not been read yet. */
struct left_behind {
    struct source_position position;
    int64_t born_ns; /* 0: there is none */
};

struct follow {
    char *path, *directory, *base; /* base is the path's last part */
    char *link;                    /* as configured, where it may be a symbolic link to the log; else NULL */
    bool is_linked;                /* it is one, and may point elsewhere at any time */
    bool owns_directory;           /* follow_own_directory */
    bool has_moved;                /* to a directory of its own, and no file at the new path was followed yet */
    int64_t owner;                 /* the owner that the configuration demands, or LOG_ANY_OWNER */
    int64_t known_owner;           /* of the log, as it was found first; LOG_ANY_OWNER: none was found yet */
    struct follow_sink sink;
    char *buffer;       /* TAIL_BUFFER_BYTES, for every tail_read */
    int64_t written_ms; /* when the file that gave the last line was last written to (Unix ms) */

    struct source_position *remembered; /* from an earlier run, until the files are found */
    size_t remembered_count;

    struct followed *files; /* oldest first */
    size_t count;
    bool current;              /* the last of the files is the one at path */
    enum follow_writer writer; /* the last answer for all files together */
    struct left_behind left;

    struct listing *listing;              /* the look through the directory that is in progress, or NULL */
    uint64_t listed_device, listed_inode; /* for which file it is; 0: there is none at path */
    int listed_fd;         /* keeps that file's inode from being given to another one meanwhile; -1: there is none */
    int64_t list_again_ms; /* without a log, the next one begins no earlier (monotonic) */
    bool said_crowded, said_too_large;

    bool look; /* what lies at path must be looked at again */
    bool news; /* a file was opened: the caller may want to ask for its writer before it sleeps */
    bool have_inotify;
    bool polling;                       /* inotify does not tell everything here */
    uint64_t place_device, place_inode; /* the watched directory: the log's own, or the nearest above it that exists */
    bool place_watched, place_is_directory;
    int64_t slow_ms;       /* when to look although no event came (monotonic) */
    int64_t recheck_ms;    /* a writer closed its descriptor: ask for the writer again after this span; 0: not needed */
    int64_t recheck_at_ms; /* the moment of that (monotonic) */

    struct strbuf trouble; /* what keeps path from being followed, as it was said last; empty: nothing */
    bool refused;          /* the file at path cannot be trusted or read */
    struct strbuf
        unreadable; /* why a file that is open could not be read at the last attempt, as it was said; empty: it could */
    bool retry;     /* the trouble may end without an event */
    int64_t overflow_said_ms; /* when FOLLOW_OVERFLOW was said last (monotonic); 0: never */
    int64_t absent_ms;        /* since when nothing is at path (monotonic); 0: something is */
    bool said_polling, said_no_lease;
};

enum { FOLLOW_SLOW_MS = 2000 }; /* between two looks where no event tells */

__attribute__((format(printf, 3, 4))) void follow_note(const struct follow *follow, enum follow_note note,
                                                       const char *format, ...);

/* Says what keeps path from being followed, unless the same was said last. */
void follow_trouble(struct follow *follow, enum follow_note note, const char *why);
void follow_trouble_over(struct follow *follow);

/* Asks for the writer of one file, if the last answer may be outdated. */
enum follow_writer follow_ask_writer(struct follow *follow, struct followed *file);

/* follow_look.c */
void follow_look(struct follow *follow);
/* Follows one more file; takes the tail over. */
void follow_insert(struct follow *follow, size_t index, struct tail *tail);
void follow_drop(struct follow *follow, size_t index);
bool follow_has(const struct follow *follow, const struct tail *tail);

/* follow_link.c */
void follow_set_path(struct follow *follow, const char *path);
/* If the link points elsewhere by now, that is where the log lies. */
void follow_resolve_link(struct follow *follow);

/* follow_generations.c */

/* Ends the look through the directory that is in progress, if there is one. */
void follow_end_listing(struct follow *follow);

/* The owner whose files are read: a user id, or LOG_ANY_OWNER as long as no log was seen. */
int64_t follow_owner(const struct follow *follow);

/*
 * Follows the files beside the log that were not read to their end, and come before the file at path (NULL: there is none). Returns
 * FOLLOW_MORE, and is to be called again, while the directory is being looked through.
 */
enum follow_progress follow_take_up(struct follow *follow, struct tail *at_path);

/*
 * The file at index was truncated. If copytruncate left a copy of what it held, the unread rest of that is followed first. Returns
 * FOLLOW_MORE as above.
 */
enum follow_progress follow_recover(struct follow *follow, size_t index);

/* follow_wait.c: plans a look if another file is at path, of which no event was taken yet. */
void follow_notice_path(struct follow *follow);

/* follow_place.c */
void follow_watch(struct follow *follow);
void follow_watch_file(struct follow *follow, struct followed *file);

#endif
