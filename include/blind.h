/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLIND_H
#define BLIND_H

/*
 * Why the agent may be blind: it watches nothing, or cannot tell or keep what it sees, and would look well all the same. Each reason is
 * shown by `agent status`, exported as a metric, and keeps the heartbeat from being sent.
 */
enum blind_reason {
    BLIND_MISSING,        /* there is no log at the path */
    BLIND_DELETED,        /* the log's name is gone, although its writer goes on */
    BLIND_NOT_UNDERSTOOD, /* lines come, and none of them is understood */
    BLIND_SUMMARY,        /* the summary of a cycle and the lines of its runs differ */
    BLIND_UNWRITABLE,     /* the history cannot be written */
    BLIND_MUTE,           /* nobody can be told anything */
    BLIND_REFUSED,        /* the log cannot be trusted or read */
    BLIND_REASONS
};

/* "missing", "deleted", "not_understood", "summary", "unwritable", "mute", "refused": the label of the metric. */
const char *blind_reason_name(enum blind_reason reason);

#endif
