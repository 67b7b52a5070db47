/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_NAMED_STREAMS_H
#define TESTS_NAMED_STREAMS_H

#include "random_streams.h"

/*
 * Random streams of a log whose runs, cycles and layers have names: up to three cycles are open at once, each with two runs at most. What
 * each of them says next is mostly what it can say next, and sometimes anything.
 */
enum { NAMED_CYCLES = 3, NAMED_RUNS = 6, NAMED_LAYERS = 3 };

static const char *const cycle_names[] = { "tacky-mongoose", "brave-otter", "icy urchin" };
static const char *const layer_names[] = { "loud-lynx", "brave-otter", "odd\\name" };
static const char *const run_names[] = { "load-9a1", "load-c3e", "load-000", "load-77f", "load-b0b", "load-9a1" };

struct named_scene {
    bool cycle_open[NAMED_CYCLES], run_open[NAMED_RUNS];
    int64_t table[NAMED_RUNS];
};

static inline struct slice some_text(struct stream *stream)
{
    return slice_of(texts[random_below(stream, TEXTS)]);
}

static inline void push_of_run(struct stream *stream, const struct named_scene *scene, int64_t run, struct event event)
{
    event.run = slice_of(run_names[run]);
    event.table = slice_of(tables[scene->table[run]]);
    push(stream, event);
}

static inline void push_attempt(struct stream *stream, struct named_scene *scene, int64_t run)
{
    if (!scene->run_open[run])
        scene->table[run] = random_below(stream, TABLES);
    scene->run_open[run] = true;
    push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_STARTED });
}

static inline void push_success(struct stream *stream, struct named_scene *scene, int64_t run)
{
    bool is_whole = chance(stream, 10);
    push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_COMPLETED, .number = is_whole ? 7 : -1 });
    stream->now_ms += chance(stream, 10) ? random_below(stream, 20000) : 0;
    if (chance(stream, 80))
        push_of_run(stream, scene, run,
                    (struct event){ .kind = EVENT_RUN_DURATION, .duration_ms = random_below(stream, 90000) });
    if (chance(stream, 80))
        push_of_run(stream, scene, run,
                    (struct event){ .kind = EVENT_RUN_ROWS, .number = random_below(stream, 100000) });
    if (chance(stream, 80)) {
        push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_ENDED });
        scene->run_open[run] = false;
    }
}

static inline void push_attempt_failure(struct stream *stream, struct named_scene *scene, int64_t run)
{
    push_of_run(stream, scene, run,
                (struct event){ .kind = chance(stream, 20) ? EVENT_ATTEMPT_TIMEOUT : EVENT_ATTEMPT_FAILED });
    push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_EXIT_CODE, .number = 1 });
    for (int64_t lines = random_below(stream, 3); lines > 0; lines--)
        push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_STDERR, .text = some_text(stream) });
    if (chance(stream, 50)) {
        push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_RETRY, .text = some_text(stream) });
        return;
    }
    push_of_run(
        stream, scene, run,
        (struct event){ .kind = chance(stream, 80) ? EVENT_RUN_FAILED : EVENT_RUN_CRASHED, .text = some_text(stream) });
    if (chance(stream, 80)) {
        push_of_run(stream, scene, run, (struct event){ .kind = EVENT_RUN_ENDED, .text = slice_of("Failed(x)") });
        scene->run_open[run] = false;
    }
}

static inline void push_of_cycle(struct stream *stream, struct named_scene *scene, int64_t cycle)
{
    struct slice name = slice_of(cycle_names[cycle]);
    if (!scene->cycle_open[cycle] || chance(stream, 3)) {
        scene->cycle_open[cycle] = true;
        push(stream, (struct event){ .kind = EVENT_CYCLE_STARTED, .cycle = name });
        return;
    }
    scene->cycle_open[cycle] = false;
    push(stream, (struct event){ .kind = chance(stream, 80) ? EVENT_CYCLE_COMPLETED : EVENT_CYCLE_CRASHED,
                                 .cycle = name,
                                 .text = chance(stream, 60) ? slice_of("") : some_text(stream) });
}

static inline void push_of_layer(struct stream *stream)
{
    static const enum event_kind kinds[] = { EVENT_LAYER_STARTED, EVENT_LAYER_STARTED, EVENT_LAYER_RETRY,
                                             EVENT_LAYER_COMPLETED };
    push(stream, (struct event){ .kind = kinds[random_below(stream, 4)],
                                 .cycle = slice_of(layer_names[random_below(stream, NAMED_LAYERS)]),
                                 .text = some_text(stream) });
}

static inline void push_anything_named(struct stream *stream, const struct named_scene *scene)
{
    struct event event = { .kind = (enum event_kind)random_below(stream, EVENT_TEXT_FOLLOWS + 1),
                           .number = random_below(stream, 200) - 50,
                           .duration_ms = random_below(stream, hours(2)),
                           .text = some_text(stream) };
    if (chance(stream, 50))
        push_of_run(stream, scene, random_below(stream, NAMED_RUNS), event);
    event.cycle = slice_of(cycle_names[random_below(stream, NAMED_CYCLES)]);
    push(stream, event);
}

/* Of one run or one cycle, whatever is open. */
static inline void push_named(struct stream *stream, struct named_scene *scene, int64_t fails)
{
    int64_t run = random_below(stream, NAMED_RUNS);
    int64_t what = random_below(stream, 100);
    stream->now_ms += chance(stream, 5) ? random_below(stream, minutes(12)) : random_below(stream, 15000);
    if (what < 12)
        push_of_cycle(stream, scene, random_below(stream, NAMED_CYCLES));
    else if (what < 20)
        push_of_layer(stream);
    else if (what < 23)
        push_anything_named(stream, scene);
    else if (!scene->run_open[run])
        push_attempt(stream, scene, run);
    else if (chance(stream, fails))
        push_attempt_failure(stream, scene, run);
    else if (chance(stream, 90))
        push_success(stream, scene, run);
    else
        push_attempt(stream, scene, run);
}

static inline void make_named(struct stream *stream, size_t length)
{
    struct named_scene scene = { 0 };
    while (stream->count < length) {
        int64_t fails = chance(stream, 40) ? 90 : random_below(stream, 40);
        for (int64_t i = 5 + random_below(stream, 60); i > 0 && stream->count < length; i--)
            push_named(stream, &scene, fails);
        if (chance(stream, 40))
            push_interlude(stream);
        if (chance(stream, 10))
            push_cycle(stream, &(struct mood){ 30, 10, 5, 5, 20 }, 2); /* lines without names in between */
        stream->now_ms += chance(stream, 50) ? random_below(stream, minutes(30)) : 0;
    }
}

#endif
