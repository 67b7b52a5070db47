/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_CYCLE_H
#define SERVE_PAGE_CYCLE_H

#include "site.h"

/* The page of one cycle, for answer_cycles. */
bool answer_cycle(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                  struct strbuf *error);

/* Of a cycle's or a run's outcome. */
enum tone cycle_outcome_tone(const char *outcome);

#endif
