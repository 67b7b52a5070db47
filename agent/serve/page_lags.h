/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_LAGS_H
#define SERVE_PAGE_LAGS_H

#include "table_history.h"

/* The tables of a status with their lag, a sparkline of the last day and what ran in it: those that are furthest behind first, `most` of them. */
void page_lags(const struct status *status, const struct table_day *days, size_t most, struct strbuf *out);

#endif
