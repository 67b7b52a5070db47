/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_ENGINE_PRIVATE_H
#define CORE_ENGINE_PRIVATE_H

#include "announce.h"
#include "detector.h"
#include "engine.h"
#include "outlet.h"

/* The engine's parts, for the engine's own files alone. Each part keeps its state and is reached by its header's functions. */
struct engine {
    struct settings settings;
    struct outlet outlet;
    struct moment moment;
    struct explainer explainer;
    struct tables tables;
    struct cause_sources sources;
    struct schedule schedule;
    struct model model;
    struct incidents incidents;
    struct announcer announcer;
    struct context context;
    uint32_t hearers[FACT_KINDS]; /* the detectors that are told each kind of facts, as bits; most kinds have few */
    uint32_t with_deadlines;      /* those that have any */
    int64_t floor_ms;             /* no deadline lies before this: spares looking for one at every event */
    int64_t asleep_from_ms;       /* when the host last fell asleep, until a line is newer than that sleep; else 0 */
    size_t blind_tables;          /* those whose is_blind is set, */
    size_t failing_tables;        /* and those whose is_failing is */
    bool windows_changed;         /* the durations of cycles, since they were saved */
};

/* engine_report.c: to be called before the marks of what was touched are taken off. */
void engine_note_touched(struct engine *engine);

#endif
