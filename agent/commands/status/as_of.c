/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "base/archive.h"
#include "history.h"
#include "status.h"

/* The last moments that are in a history, besides its agent's last sign of life. */
static const char newest_moments[] =
    "SELECT coalesce((SELECT max(started_at, coalesce(ended_at, 0)) FROM cycle ORDER BY started_at DESC LIMIT 1), 0),"
    " coalesce((SELECT at FROM timeline ORDER BY id DESC LIMIT 1), 0),"
    " coalesce((SELECT CAST(value AS INTEGER) FROM state WHERE key = '" STATE_REPLAY "'), 0)";

/* The agent's last sign of life, or 0; *running tells whether it lives on. */
static int64_t alive_ms(struct query *query, bool *running)
{
    int64_t pid = 0, started_ms = 0, last_ms = 0;
    *running = false;
    query_ask(query, "SELECT value FROM state WHERE key = 'agent'", NULL, 0);
    if (!query_next(query))
        return 0;
    char *text = query_text(query, 0);
    struct archive archive;
    archive_load_from(&archive, slice_of(text ? text : ""));
    archive_i64(&archive, "pid", &pid);
    archive_i64(&archive, "started_ms", &started_ms);
    archive_i64(&archive, "alive_ms", &last_ms);
    free(text);
    query_end(query);
    *running = status_probe_agent(pid, query_bound_time(started_ms)) == AGENT_RUNNING;
    return query_bound_time(last_ms);
}

int64_t status_as_of(struct query *query, int64_t now_ms)
{
    bool running;
    int64_t seen_ms = alive_ms(query, &running);
    if (running)
        return now_ms;
    query_ask(query, newest_moments, NULL, 0);
    if (query_next(query))
        for (int column = 0; column < 3; column++)
            seen_ms = query_time(query, column) > seen_ms ? query_time(query, column) : seen_ms;
    query_end(query);
    return seen_ms && seen_ms < now_ms ? seen_ms : now_ms;
}
