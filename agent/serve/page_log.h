/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_LOG_H
#define SERVE_PAGE_LOG_H

#include "agent/commands/report/incidents.h"
#include "site.h"

struct log_period {
    int64_t from_ms, to_ms; /* both ends belong to it; INT64_MAX: it has no end */
};

/* The section that shows what the log says of a time and, where it says nothing any more, the lines that the incidents of the time kept. */
void page_log(const struct site *site, struct query *query, const struct log_period *period,
              const struct report_incidents *incidents, struct strbuf *out);

#endif
