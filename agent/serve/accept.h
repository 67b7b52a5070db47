/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_ACCEPT_H
#define SERVE_ACCEPT_H

#include <stdbool.h>

/*
 * Whether an Accept header asks for OpenMetrics 1.0 rather than for Prometheus's text format (RFC 9110, 12.5.1): it names it, and its
 * quality is not below that of text/plain. NULL: there is no such header. Pure.
 */
bool accept_openmetrics(const char *accept);

#endif
