/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_OUTLET_H
#define CORE_OUTLET_H

#include "engine.h"
#include "moment.h"

/*
 * The way out of the core: each function hands a result over to the engine's sink, with wall times instead of the engine's. ctx is a struct
 * outlet.
 */
struct outlet {
    struct engine_sink sink;
    const struct moment *moment;
};

void outlet_cycle(void *ctx, const struct cycle *cycle);
void outlet_run(void *ctx, const struct run *run);
void outlet_answer(void *ctx, const struct run_answer *answer);
void outlet_incident(void *ctx, const struct incident *incident);
void outlet_timeline(void *ctx, const struct timeline_entry *entry);
void outlet_notify(void *ctx, const struct notification *notification);
void outlet_explain(void *ctx, const struct judgement *judgement);

#endif
