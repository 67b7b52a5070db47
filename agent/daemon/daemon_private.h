/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DAEMON_PRIVATE_H
#define DAEMON_DAEMON_PRIVATE_H

#include "base/clock.h"
#include "daemon.h"
#include "follow.h"
#include "history.h"
#include "ingest.h"
#include "metrics.h"
#include "notify.h"
#include "witness.h"

/*
 * The inside of the daemon: daemon.c is its loop, daemon_open.c its beginning and end, daemon_commit.c what it keeps,
 * daemon_clock.c what clocks do, daemon_reload.c how it changes.
 */

enum {
    FRESH_MS = 60 * 1000, /* backlog younger than that is news: a restart of the agent swallows none */
    RETRY_MS = 1000,      /* after a commit that failed */
    SOURCES_MOST = 16,
};

enum log_told { LOG_UNTOLD, LOG_TOLD_READABLE, LOG_TOLD_REFUSED }; /* what the core knows of the log */

struct daemon {
    struct config *config;
    const struct daemon_source *source;
    struct history *history;
    struct dispatch *dispatch;
    struct witnesses *witnesses; /* NULL: nothing to ask */
    struct follow *follow;
    struct metrics *metrics;
    struct textfile textfile;
    struct ingest ingest;
    struct clock_watch clock;
    struct history_trouble trouble; /* since when commits fail; empty when the last one did not */
    struct strbuf status;           /* what the service manager shows */
    enum follow_writer writer;
    int64_t absent_ms;  /* since when the log has no writer; 0: it has one, or nobody knows */
    int64_t refused_ms; /* since when the log is refused; 0: it is not */
    enum log_told log_told;
    bool catching_up;
    bool drained;        /* all that was there had been read before this turn */
    bool touched;        /* lines or deadlines changed the core since the last commit */
    bool limits_said;    /* that a pattern was given up */
    bool ready;          /* the service manager was told */
    bool reload_refused; /* the configuration was to be read again, and was bad */
    int64_t started_ms;
    int64_t now_ms;         /* this turn of the loop, by the wall clock */
    int64_t running_ms;     /* the same by a clock that nobody sets: the agent's own deadlines are on it */
    int64_t zone_said_ms;   /* of which error of the zone people were told */
    int64_t records_judged; /* the records when the zone was looked at last */
    int64_t read_bytes;     /* of the log, since the start */
    int64_t commit_failures;
    int64_t held_told_bytes; /* of the WAL, as last complained of; 0: no complaint */
    int64_t retry_ms;        /* when to commit again; 0: at once */
    int64_t housekeeping_ms;
    int64_t watchdog_ms;       /* when to tell the service manager next; INT64_MAX: it does not ask */
    int64_t silenced_until_ms; /* what the core was told last */
    int64_t silence_look_ms;   /* when to ask again whether somebody ended the silence; INT64_MAX: there is none */
    int64_t beat_ms;           /* when the next heartbeat is due; INT64_MAX: none is wanted */
};

/* False with why in *error; daemon_close in any case. */
bool daemon_open(struct daemon *daemon, struct strbuf *error);
void daemon_close(struct daemon *daemon);

/* One transaction, unless the last one failed a moment ago; then the next one takes all. */
void daemon_commit(struct daemon *daemon);
void daemon_write_textfile(struct daemon *daemon, bool up);

/* Once a turn: now_ms and running_ms. */
void daemon_look_at_clocks(struct daemon *daemon);

/* kind, text and duration_ms are the caller's; it happened now. */
void daemon_feed_host(struct daemon *daemon, const struct event *what);

/* Before the log is read: what is read afterwards may have been written after the host woke up. */
void daemon_notice_jump(struct daemon *daemon);
/* When it was read to its end, before any deadline is looked at. */
void daemon_notice_zone(struct daemon *daemon);
void daemon_leave_future(struct daemon *daemon);
/* In words what keeps the log from being understood; nothing if all is well. */
void daemon_log_trouble(const struct daemon *daemon, struct strbuf *out);

/* Takes a changed configuration over, all of it or nothing, and says which. */
void daemon_reload(struct daemon *daemon);

#endif
