/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_PROMETHEUS_H
#define CORE_PROMETHEUS_H

#include <stdint.h>

struct incident_record;

/*
 * When the platform's Prometheus alert would have fired had it worked as meant: the condition of the rule plus its "for". The intervals of
 * scraping and evaluation would add up to a minute more (five for SchedulerDown). They are not counted, so that the lead that the agent
 * reports is never longer than the true one. All times are the engine's.
 */

/* The incident's alert has had its cause since then: a third failure, a last success, a last move of rows, a death. */
void prometheus_note(struct incident_record *record, int64_t since_ms);
/* A cycle has completed; its duration is no metric before. */
void prometheus_note_cycle(struct incident_record *record, int64_t completed_ms, int64_t duration_ms, int64_t slow_ms,
                           int64_t too_slow_ms);
/* The time at which the alert fired, 0 if it had not by now (or by the incident's end). */
int64_t prometheus_time(const struct incident_record *record, int64_t now_ms);

#endif
