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

enum news news_since(const struct announcer *announcer, const struct incident_record *record, const struct said *said);
/* What is true and was not told to people. */
enum news news_of(const struct announcer *announcer, const struct incident_record *record);

int64_t announce_flapping(const struct incident_record *record);
int64_t announce_later(int64_t a, int64_t b);
int64_t announce_silenced_until(const struct announcer *announcer);
bool announce_is_silenced(const struct announcer *announcer);
int64_t announce_reminder_at(const struct announcer *announcer, const struct incident_record *record);
int64_t announce_escalation_at(const struct announcer *announcer, const struct incident_record *record);

#endif
