/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "exposition.h"

/* What a request asks for, read from its target ("/incidents/4", "/report?since=7d"). Pure: no file, no clock, no history. */

enum route {
    ROUTE_NONE, /* there is no such page */
    ROUTE_STATUS,
    ROUTE_INCIDENTS,
    ROUTE_INCIDENT,
    ROUTE_REPORT,
    ROUTE_TABLES,
    ROUTE_TABLE,
    ROUTE_CYCLES,
    ROUTE_CYCLE,
    ROUTE_API_STATUS,
    ROUTE_API_INCIDENTS,
    ROUTE_API_INCIDENT,
    ROUTE_API_CYCLES,
    ROUTE_API_TABLES,
    ROUTE_API_DESCRIPTION,
    ROUTE_METRICS,
    ROUTE_HEALTH,
    ROUTE_BADGE,
    ROUTE_STYLE,
    ROUTE_ICON,
    ROUTE_SCRIPT
};

enum parameter {
    PARAMETER_SINCE,
    PARAMETER_UNTIL,
    PARAMETER_TABLE,
    PARAMETER_ALERT,
    PARAMETER_OPEN,
    PARAMETER_SPAN,
    PARAMETER_LIMIT,
    PARAMETER_BEFORE,
    PARAMETER_AFTER,
    PARAMETERS
};

struct request {
    enum route route;
    int64_t id;                      /* of the incident or the cycle that the path names; else 0 */
    char *name;                      /* of the table that the path names, owned; else NULL */
    char *values[PARAMETERS];        /* owned; NULL: not given, or empty */
    enum exposition_dialect dialect; /* of ROUTE_METRICS; what reads the headers fills it in */
};

enum request_read { REQUEST_READ, REQUEST_NO_PAGE, REQUEST_WRONG };

/*
 * Reads a target. A path is compared byte by byte: no escape, no "..", no slash at its end belongs to any. REQUEST_WRONG: the query has a
 * parameter that the page does not take, takes twice, or that is no text; *why says so. Free the request in any case.
 */
enum request_read request_read(const char *target, struct request *request, struct strbuf *why);
void request_free(struct request *request);

/* Appends the name of a table as a part of a path, which request_read gives back: "a/b" is "a%2Fb". */
void request_put_name(const char *name, struct strbuf *out);

/* Appends the target of the same request at this path, but with the parameter set to value: "/cycles?since=7d&before=5". */
void request_put_again(const struct request *request, const char *path, enum parameter parameter, const char *value,
                       struct strbuf *out);

/* Reads a number as ids are written: without a sign, leading zeros or anything behind it. 0 if it is none. */
int64_t request_number(const char *text);

/* The name of a parameter in a query: "since". */
const char *request_parameter_name(enum parameter parameter);

/*
 * Whether a Host header names one of these hosts, in any case and with any port. A page of another site whose name was made to lead here
 * (DNS rebinding) sends its own name. host may be NULL: then it names none.
 */
bool request_host_is_ours(const char *host, const char *const *ours, size_t count);

/* Appends the host of a URL, with the brackets of an IPv6 address; nothing if there is none. */
void request_url_host(const char *url, struct strbuf *host);

/*
 * Whether an Authorization header is "Bearer " and the token. The time that this takes does not depend on how much of the token is right.
 * header may be NULL.
 */
bool request_token_is_right(const char *header, const char *token);

#endif
