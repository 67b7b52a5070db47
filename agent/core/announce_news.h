/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_ANNOUNCE_NEWS_H
#define CORE_ANNOUNCE_NEWS_H

#include "announce.h"

/* What there is to tell of an incident. For the files of announce alone. */

enum news {
    NEWS_NONE,
    NEWS_RESOLVED, /* the end of what was told */
    NEWS_URGENT,   /* it is critical, or critical under another name */
    NEWS_ROUTINE,  /* a warning, or more about what was told */
    NEWS_MISSED    /* it began and ended while its warning waited for room */
};

/* Whom something was said to: people alone, or people and the history, which is told under a silence as well. */
enum audience { AUDIENCE_PEOPLE, AUDIENCE_HISTORY };

/* What is true and was not said to them. */
enum news news_since(const struct announcer *announcer, const struct incident_record *record, enum audience audience);
/* What is true and was not told to people. */
enum news news_of(const struct announcer *announcer, const struct incident_record *record);

/* What is said now, as struct said remembers it. */
struct said news_said(const struct incident_record *record);
/* People, or under a silence the history alone, are told of all tables that are not well, and of the cause. */
void news_note_said(struct incident_record *record, enum audience audience);
/* More tables or a better cause wait to be told: sets from when they may be. */
void news_note_growth(const struct announcer *announcer, struct incident_record *record);
/* When an update is due that is none yet; INT64_MAX if there is none. */
int64_t news_update_at(const struct announcer *announcer, const struct incident_record *record);
int64_t announce_later(int64_t a, int64_t b);
/* Until when nothing new is told of the incident, in the engine's time; long ago if no silence covers it now. */
int64_t announce_silenced_until(const struct announcer *announcer, const struct incident_record *record);
bool announce_is_silenced(const struct announcer *announcer, const struct incident_record *record);
/* announce.c: when a routine message may be sent: now, or when the oldest of six is an hour old. */
int64_t announce_room_at(const struct announcer *announcer);
int64_t announce_reminder_at(const struct announcer *announcer, const struct incident_record *record);
int64_t announce_escalation_at(const struct announcer *announcer, const struct incident_record *record);

#endif
