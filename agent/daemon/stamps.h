/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_STAMPS_H
#define DAEMON_STAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/slice.h"

/*
 * Decides whose time stamps are believed. Anybody can append an old log to the live one, and a clock can be wrong for a moment. Such
 * lines must move no clock and run no deadline, and the true lines must be judged as if the others were not there.
 *
 * Where the moment of writing is known (the line was not there a moment ago), a stamp is believed if it lies within a minute of that
 * moment. Where it is not known (a replay, or what is found at the start), the records around it decide: a step back, or a step forward
 * that the schedule does not explain, is believed only if what follows goes on from there.
 *
 * A record that is not believed at once is held with its line, in a chain of records that continue one another. A chain is released,
 * which means that its lines are to be fed after all, when it proves right; it is dropped when a record continues the believed ones.
 * All times are Unix milliseconds, already corrected by the known error of the log's zone.
 */
struct stamps;

struct stamps *stamps_new(void);
void stamps_free(struct stamps *stamps);

/* What is known when a record is judged. 0 means not known. */
struct stamp_moment {
    int64_t clock_ms;   /* the time of the newest believed record */
    int64_t begun_ms;   /* of the first one in this life */
    int64_t believed;   /* how many there were in this life */
    int64_t promise_ms; /* when the scheduler promised its next cycle */
    int64_t now_ms;     /* the host's clock: not known in a replay */
    int64_t since_ms;   /* the line was written after this */
    int64_t jump_ms;    /* by how much the host's clock was set since the last look */
    int64_t running_ms; /* clock_running_ms */
    int64_t raw_ms;     /* the time of the record that is held, as the parser gave it: with it the line is read again */
};

/* Whether nothing is held. Then a record within STAMP_NEAR_MS of the believed ones needs no judge, unless its moment is known. */
enum { STAMP_NEAR_MS = 60 * 1000 };
bool stamps_idle(const struct stamps *stamps);

/* Returns true if the record is believed. Otherwise its line must be given to stamps_hold, and stamps_take_release be asked. */
bool stamps_judge(struct stamps *stamps, const struct stamp_moment *moment, int64_t time_ms);

/* Whether the last judged record is held: then the lines behind it, up to the next record, belong to it and are held as well. */
bool stamps_holding(const struct stamps *stamps);
void stamps_hold(struct stamps *stamps, const struct stamp_moment *moment, struct slice line, int64_t offset);

/* The host's clock was set: what was held because it lay just that far ahead was written before. */
void stamps_notice_jump(struct stamps *stamps, int64_t jump_ms);

/*
 * There is nothing more to read. Where the moment of writing is not known, every chain is released or dropped now. written_ms: when the
 * file was written last; 0: not known.
 */
void stamps_settle(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms);

/* When (clock_running_ms) stamps_settle has something to decide about lines whose moment is known; INT64_MAX: nothing. */
int64_t stamps_due_ms(const struct stamps *stamps);

/* The lines that are to be fed after all, with the error of the log's clock that was learnt from them. */
struct stamp_release {
    int64_t error_ms; /* by which the stamps of these lines are ahead */
    bool lasting;     /* and those of the lines to come as well; false: a clock that was set since */
    size_t next;      /* for stamps_next_line */
    int64_t
        raw_ms; /* of the line that stamps_next_line gave: that of struct stamp_moment; 0: an older version held it */
};

/* Returns true if chains are released. Then take their lines with stamps_next_line until that returns false, which empties everything. */
bool stamps_take_release(struct stamps *stamps, struct stamp_release *release);
bool stamps_next_line(struct stamps *stamps, struct stamp_release *release, struct slice *line, int64_t *offset);

/* A zone's error that explains that a stamp is off_ms ahead: the nearest whole number of half hours, which may be 0; false if none. */
bool stamps_zone_error(int64_t off_ms, int64_t slack_ms, int64_t *error_ms);

/* What was dropped so far. */
struct stamp_strays {
    int64_t lines;
    int64_t first_ms; /* the time of the first one */
};
const struct stamp_strays *stamps_strays(const struct stamps *stamps);

size_t stamps_held_bytes(const struct stamps *stamps);

/* Saves and loads what is held. */
void stamps_archive(struct stamps *stamps, struct archive *archive);

#endif
