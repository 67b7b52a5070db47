/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_REVIEW_H
#define COMMANDS_REPORT_REVIEW_H

#include "report.h"

/* What the monthly and quarterly review of the runbooks asks for, told by the incidents of a report. */

enum { REVIEW_ROWS = RUNBOOKS + 1 };

/* Of one runbook; the last row is of incidents that have none. */
struct review_row {
    const struct runbook_facts *runbook; /* NULL: none */
    int64_t incidents, critical, escalated, resolved, kept /* of the resolved ones, within the promise */;
    int64_t median_ms, longest_ms; /* of the times to recover; 0 if none is resolved */
    int64_t without_cause, without_scenario, with_deviations;
};

void review_make(const struct report *report, struct review_row rows[REVIEW_ROWS]);
/* The row that an incident counts in. The agent's own troubles have no runbook. */
size_t review_row_of(const struct report_incident *incident);

#endif
