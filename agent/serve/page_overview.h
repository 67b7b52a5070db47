/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_OVERVIEW_H
#define SERVE_PAGE_OVERVIEW_H

#include "agent/commands/status/status.h"
#include "site.h"

/* The first page: the worst thing first, then what is open, the lag of the tables, the cycles of the last day, and the rest of the status. */
bool page_overview(const struct site *site, const struct status *status, struct sqlite3 *db, struct strbuf *out,
                   struct strbuf *error);

/* A number that is another one when the worst thing is, which may change while the history does not: the agent may have died. */
uint64_t page_overview_differs_by(const struct status *status);

#endif
