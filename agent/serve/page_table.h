/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_TABLE_H
#define SERVE_PAGE_TABLE_H

#include "agent/commands/show/query.h"
#include "agent/commands/status/status.h"
#include "site.h"

/* The page of one table, for answer_tables. */
bool answer_table(const struct site *site, const struct status *status, struct query *query,
                  const struct request *request, struct answer *answer, struct strbuf *error);

#endif
