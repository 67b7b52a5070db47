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
 * Inside the room: daemon.c is the loop, open.c begins and ends it, notice.c learns what the lines do not say, contained.c how the container is
 * whose log is followed, asked.c what people ask for, words.c keeps what witnesses say, blind.c what keeps the agent from seeing or telling,
 * clock.c handles clocks and zones that are wrong, commit.c stores, upkeep.c does what is due once in a while, greet.c tells a person at a
 * terminal what is watched, reload.c takes over a new configuration.
 */

enum {
    FRESH_MS = 60 * 1000,       /* backlog younger than this is news, so that a restart of the agent swallows none */
    RETRY_MS = 1000,            /* after a commit that failed */
    REOPEN_MOST_MS = 30 * 1000, /* the same while the history cannot be opened: the pauses grow up to this one */
    SOURCES_MOST = 16,          /* files whose reading positions are stored */
};

/* What the engine was told about the log's file, and about its lines. */
enum log_told { LOG_UNTOLD, LOG_TOLD_READABLE, LOG_TOLD_REFUSED, LOG_TOLD_MISSING, LOG_TOLD_DELETED };
enum lines_told {
    LINES_UNTOLD,
    LINES_KNOWN,
    LINES_NONE, /* no line ever came */
    LINES_UNKNOWN_FEW,
    LINES_UNKNOWN_SOME,
    LINES_UNKNOWN_MANY
};

/* What the history says of silences, beside the configuration's windows, for the engine. Zero-initialise. */
struct silence_list {
    struct silence *at; /* owned, and so are their globs */
    size_t count;
    struct silences known; /* these and the windows, as the engine was told */
};

/* Members called _ms hold Unix time, or time of clock_running_ms where the comment says "running". */
struct daemon {
    struct config *config;
    const struct daemon_source *source;
    struct history *history;
    struct dispatch *dispatch;
    struct witnesses *witnesses; /* NULL: nothing is configured to be asked, likewise the next */
    struct table_witnesses *table_witnesses;
    struct unit_witness *unit;
    struct host_witness *host;
    struct prefect_witness *prefect;
    struct container_watch *container; /* whose log is followed; NULL: the log is a file */
    struct container_told contained;   /* what is known of it */
    bool unseen_said;                  /* that it cannot be seen, as of this state: */
    enum container_state unseen_state;
    int64_t deaths_known; /* how many deaths of it were noticed */
    bool died;            /* it died since its writer was asked for last */
    struct follow *follow;
    struct metrics *metrics;
    struct textfile textfile;
    struct ingest ingest;
    struct clock_watch clock;
    struct history_trouble trouble; /* the failures of commits; no failures when the last one succeeded */
    struct strbuf status;           /* the line that the service manager shows */
    enum follow_writer writer;
    int64_t absent_ms;  /* running: since when no writer has the log open; 0: one has, or it is not known */
    int64_t refused_ms; /* running: since when the log is refused; 0: it is not */
    enum log_told log_told;
    enum lines_told lines_told;
    int64_t lines_told_events; /* how many events there were then */
    bool blind_known[BLIND_REASONS];
    bool catching_up;
    bool drained;        /* everything that was in the log had been read before this turn */
    bool touched;        /* the engine or the parser changed since the last commit */
    bool urgent;         /* and not by lines and deadlines alone, which a restart would find again in the log */
    bool limits_said;    /* that a pattern was given up at PCRE2's limits */
    bool tables_said;    /* that names of tables are not taken */
    bool cuts_said;      /* that lines are cut */
    bool frames_said;    /* that lines are not of the format of [log] format */
    bool ready;          /* the service manager was told READY=1 */
    bool confined;       /* by an earlier life in this process */
    bool begin_again;    /* the history holds what this life does not know: close everything, and begin again from it */
    bool reload_refused; /* the configuration, when read again last, was bad */
    int64_t started_ms;
    int64_t now_ms;         /* the wall clock in this turn of the loop */
    int64_t running_ms;     /* running: in this turn */
    int64_t looked_ms;      /* when the log was last read to its end; 0: never */
    int64_t strays_said;    /* how many lines with a wrong time there were when people were told */
    int64_t strays_said_ms; /* running: when that was */
    int64_t zone_said_ms;   /* the error of the zone that was said last */
    int64_t records_judged; /* how many records there were when the zone was checked last */
    int64_t read_bytes;     /* of the log, since the start, likewise the next */
    int64_t read_lines;
    size_t read_bytes_next; /* how much of it to read in the next turn */
    int64_t commits, commit_failures;
    bool counters_stale;     /* something was counted since the counters were stored */
    int64_t counters_ms;     /* running: when they may be stored again */
    uint64_t counters_hash;  /* of what was stored last */
    int64_t held_told_bytes; /* the size of the held write-ahead log that was said last; 0: none */
    int64_t retry_ms;        /* running: when to commit again; 0: at once */
    int64_t commit_ms;       /* running: when what nobody waits for is committed at the latest; 0: there is nothing */
    int64_t commit_wait_ms;  /* how long such a commit waited last */
    int64_t waited_ms;       /* running: when such a commit was made last; 0: never */
    int64_t reopen_pause_ms; /* the last pause before the history was tried again; 0: it is on the disk */
    int64_t housekeeping_ms; /* running: when it is due */
    int64_t watchdog_ms;     /* running: when to tell the service manager next; INT64_MAX: it does not ask */
    struct silence_list silences;
    int64_t asked_look_ms; /* running: when to look again what people ask for; INT64_MAX: not by itself */
    int64_t beat_ms;       /* running: when the next heartbeat is due; INT64_MAX: none is configured */
};

/* open.c. daemon_open returns false with why in *error. daemon_close must be called in either case. */
bool daemon_open(struct daemon *daemon, struct strbuf *error);
void daemon_close(struct daemon *daemon);

/* commit.c. Commits everything in one transaction, unless the last try failed a moment ago; then the next call takes it along. */
void daemon_commit(struct daemon *daemon);

/*
 * asked.c. What people ask for with `agent silence` and `agent ack`. Before lines are read: whoever begins a silence and then stops the
 * scheduler is not paged.
 */
void daemon_notice_asked(struct daemon *daemon);
/*
 * The engine is told of the silences and the configuration's windows: at the start, whether or not the history can be read, and after a
 * reload, before the old configuration goes.
 */
void daemon_take_silences(struct daemon *daemon);
/* At the end. */
void daemon_forget_silences(struct daemon *daemon);

/* notice.c. Feeds an event of the host to the engine: kind, text and duration_ms are the caller's, the time is now. */
void daemon_feed_host(struct daemon *daemon, const struct event *what);
/* When the log was read to its end, before anything is judged by the clock: decides about lines that are held. */
void daemon_settle_log(struct daemon *daemon);
/* When the log was read to its end; writer is the answer that follow_writer gave before. */
void daemon_notice_log(struct daemon *daemon, enum follow_writer writer);
/* Probes' answers and stuck webhooks; only when the log was read to its end. */
void daemon_notice_world(struct daemon *daemon);
/* The witnesses of the tables are told what the log says, unless it is a backlog: they know only how things stand now. */
void daemon_hear(void *ctx, const struct event *event);
/* running: when the notices above want to be asked again; INT64_MAX: not by themselves. */
int64_t daemon_notice_again_ms(const struct daemon *daemon);

/* contained.c. Whether the log has a writer: a process, or the container whose log it is. */
enum follow_writer daemon_ask_writer(struct daemon *daemon);
/* When the log was read to its end: the container died, whether or not it runs again. */
void daemon_notice_death(struct daemon *daemon);
/* True, with why in words, if the log is a container's, and Docker does not say where it lies or whether it lives. */
bool daemon_container_is_away(const struct daemon *daemon, struct strbuf *words);

/* words.c. At the start and when the configuration was read again: the witnesses that are configured. */
void daemon_expect_witnesses(struct daemon *daemon);
/* Takes what a witness said. ctx is a struct daemon, so that the function can be the word member of a sink. */
void daemon_take_word(void *ctx, const struct witness_word *word);
/* What the log says of the maintenance is shown as a witness's word. No configuration expects it, so it is shown once it was said. */
void daemon_take_maintenance(struct daemon *daemon, const struct event *event);

/* blind.c. When the log was read to its end. */
void daemon_notice_blindness(struct daemon *daemon);
/* running: when that wants to be asked again; INT64_MAX: not by itself. */
int64_t daemon_blindness_again_ms(const struct daemon *daemon);
/* Whether the agent is blind for this reason. Adds why, in words, unless words is NULL. */
bool daemon_is_blind(const struct daemon *daemon, enum blind_reason reason, struct strbuf *words);
bool daemon_is_blind_at_all(const struct daemon *daemon);

/* clock.c. Once a turn: sets now_ms and running_ms. */
void daemon_look_at_clocks(struct daemon *daemon);
/* Before the log is read, since what is read afterwards may have been written after the host woke up. */
void daemon_notice_jump(struct daemon *daemon);
/* When the log was read to its end, before any deadline is looked at. */
void daemon_notice_zone(struct daemon *daemon);
void daemon_leave_future(struct daemon *daemon);
/* Adds what keeps the log from being understood, in words; nothing if all is well. */
void daemon_log_trouble(const struct daemon *daemon, struct strbuf *out);

/* upkeep.c. Status and watchdog for the service manager, pruning, heartbeat, metrics file: whatever of it is due. */
void daemon_keep_house(struct daemon *daemon);
void daemon_beat(struct daemon *daemon);
int64_t daemon_textfile_due_ms(const struct daemon *daemon); /* INT64_MAX: none is configured */
void daemon_write_textfile(struct daemon *daemon, bool up);
/*
 * The counters go into the history with the next commit, if they are due. They are at most every COUNTERS_MS, and only after something has
 * changed: an agent that has nothing to do is not woken for them. INT64_MAX: they are not due by themselves.
 */
int64_t daemon_counters_due_ms(const struct daemon *daemon); /* running */
void daemon_store_counters(struct daemon *daemon);

/* greet.c. For a person at a terminal: before the log is read, and when it was read to its end for the first time. */
void daemon_greet_before_reading(const struct daemon *daemon);
void daemon_greet(const struct daemon *daemon);

/* reload.c. Reads the configuration again and takes it over, all of it or nothing, and says which. */
void daemon_reload(struct daemon *daemon);

static inline int64_t daemon_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
