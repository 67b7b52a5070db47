/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "follow.h"
#include "history.h"
#include "ingest.h"

/*
 * Saves what the agent must know after a restart in the history, and loads it again: the parser's place in the log with the zone's error and
 * the masking (STATE_PARSER), and the engine's texts and parts (engine.h). Saving gathers them for the history's next commit.
 */
void state_save_parser(struct history *history, struct ingest *ingest);
/* The engine may not change before that commit. */
void state_save_engine(struct history *history, struct engine *engine);

/* What is missing in the history, because nothing or an older version was saved, keeps its initial value. */
void state_load(struct history *history, struct ingest *ingest);

/* The path of the log that the earlier run followed, which the caller frees; NULL if there was none. */
char *state_load_log_path(struct history *history);

/* In STATE_AGENT, with a reason's name behind it: why the agent is blind for that reason. */
#define STATE_BLIND "blind_"

/* What only the running agent knows, for `agent status` (STATE_AGENT). Borrowed for the call. */
struct agent_facts {
    int64_t started_ms, alive_ms;
    enum follow_writer writer;
    int64_t behind_bytes;
    int64_t commit_failures;
    const char *log_path;
    const char *const *blind; /* for each enum blind_reason: why, in words; NULL: it is not blind for that reason */
    const char *log_trouble;  /* what keeps the log from being understood; NULL: nothing */
};
void state_save_agent(struct history *history, const struct ingest *ingest, const struct agent_facts *facts);

#endif
