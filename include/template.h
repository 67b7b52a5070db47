/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdbool.h>

#include "base/strbuf.h"

/*
 * A template is JSON with placeholders in its strings: "text": "${summary} on ${host}". A placeholder is replaced by its value, written as
 * the content of a JSON string, so whatever a value holds the result is JSON again. A dollar sign that is none of a placeholder's can
 * be written \u0024.
 */
enum template_name {
    TEMPLATE_FIRST_LINE,
    TEMPLATE_SUMMARY,
    TEMPLATE_STATUS,
    TEMPLATE_SEVERITY,
    TEMPLATE_ALERT,
    TEMPLATE_HOST,
    TEMPLATE_LOG,
    TEMPLATE_TABLE,
    TEMPLATE_TABLES,
    TEMPLATE_INCIDENT,
    TEMPLATE_TIME,
    TEMPLATE_STARTED,
    TEMPLATE_ENDED,
    TEMPLATE_SINCE,
    TEMPLATE_CAUSE,
    TEMPLATE_FIRST_COMMAND,
    TEMPLATE_EVIDENCE,
    TEMPLATE_RUNBOOK,
    TEMPLATE_RUNBOOK_URL,
    TEMPLATE_INCIDENT_URL,
    TEMPLATE_DASHBOARD_URL,
    TEMPLATE_ALERTMANAGER_URL,
    TEMPLATE_DESCRIPTION,
    TEMPLATE_ESCALATE_TO,
    TEMPLATE_PROMETHEUS_TIME,
    TEMPLATE_DEDUP_KEY,
    TEMPLATE_NAMES
};

/* Returns false, with the reason in *why, for what is no JSON and for a placeholder that is not known. */
bool template_check(const char *text, struct strbuf *why);

/* Appends the template with the values of its placeholders. values has TEMPLATE_NAMES texts; NULL stands for "". */
void template_fill(const char *text, const char *const *values, struct strbuf *out);

#endif
