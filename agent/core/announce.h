/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_ANNOUNCE_H
#define CORE_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "incidents.h"
#include "model.h"
#include "settings.h"
#include "silence.h"

/* Warnings, updates and reminders: more of them within an hour are told together in one message. */
enum { ROUTINE_AN_HOUR = 6 };

/* Of what flaps, no routine message is told while people were told so many of its kind within a day. */
enum { TOLD_A_DAY = 12 };

/* Who is told of the incidents, what, and when. */
struct announcer {
    const struct settings *settings;
    const struct moment *moment;
    const struct schedule *schedule;
    struct incidents *incidents;
    const struct model *model;
    const struct explainer *explainer;
    void *ctx;
    void (*notify)(void *ctx, const struct notification *notification); /* times are the engine's */
    bool is_gathering;                                                  /* a step is being taken */
    struct timetable {
        int64_t interval_ms, offset_ms;
        bool is_observed;
    } timetable;                      /* what the deadlines were reckoned with: all may be earlier where it changes */
    bool catching_up;                 /* old news: only ends of what was told before are told */
    const struct silences *silences;  /* NULL: none */
    int64_t sent_ms[ROUTINE_AN_HOUR]; /* the newest routine messages, oldest first */
    size_t sent_count;
    int64_t escalated_ms[KINDS];        /* the newest escalation of each kind; 0: none */
    int64_t updated_ms[KINDS];          /* likewise the newest update or reminder of an incident that flaps */
    int64_t told_ms[KINDS][TOLD_A_DAY]; /* the newest messages of each kind, oldest first; 0: none */
};

/*
 * An event, or a deadline, is one step: what changes during it is told when it has been taken, so that tables that fail at one instant are
 * told of at once.
 */
void announce_step_begins(struct announcer *announcer);
void announce_step_ends(struct announcer *announcer);
/* Tells what has changed in an incident since it was last told of, if it may be told now. Fits struct incidents_sink. */
void announce_change(void *ctx, struct incident_record *record);
/* True while something about the incident is still to be told. Fits likewise. */
bool announce_is_unsaid(void *announcer, const struct incident_record *record);
/* A cycle has ended: what has joined incidents during it is told. */
void announce_cycle_ended(struct announcer *announcer);
/* Tells all that may be told now. */
void announce_all(struct announcer *announcer);
/* The instant of the next deadline, INT64_MAX if there is none. When the clock stands there, call announce_all. */
int64_t announce_due(struct announcer *announcer);
/* The settings, the silences or all the incidents are others than they were. */
void announce_all_may_be_due(struct announcer *announcer);
/* For announce_due and its test: the next deadline of this incident. */
int64_t announce_due_of(const struct announcer *announcer, const struct incident_record *record);
void announce_archive(struct announcer *announcer, struct archive *archive);

#endif
