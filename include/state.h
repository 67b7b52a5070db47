/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>

#include "follow.h"
#include "history.h"
#include "ingest.h"

enum state_extent { STATE_CHANGED, STATE_ALL }; /* the windows only if they changed, or in any case */

void state_save_parser(struct history *history, struct ingest *ingest);
void state_save_engine(struct history *history, struct engine *engine, enum state_extent extent);
void state_load(struct history *history, struct ingest *ingest);

/* What only the running agent knows, for those who ask how it is. */
struct agent_facts {
    int64_t started_ms, alive_ms;
    enum follow_writer writer;
    int64_t behind_bytes;
    int64_t commit_failures;
    const char *log_path;
    const char *log_trouble; /* in words; NULL: none */
};
void state_save_agent(struct history *history, const struct ingest *ingest, const struct agent_facts *facts);

#endif
