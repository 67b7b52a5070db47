/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prober.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "base/thread.h"
#include "durations.h"
#include "witness.h"

enum { EVERY_MOST_MS = 60 * 1000, EVERY_LEAST_MS = 1000, ROUNDS_AN_INTERVAL = 15 };

/* The thread owns the probes from its start until it sets answered; all else belongs to the caller's thread. */
struct prober {
    struct probes *probes;
    void (*wake)(void);
    int64_t every_ms;
    pthread_t thread;
    bool asking;
    atomic_bool answered;
    int64_t due_ms;    /* of the next round; INT64_MAX: none */
    int64_t rounds_id; /* the newest incident that a whole round was for */
    int64_t asked_id;  /* the newest incident that the round in progress is for */
    struct told {
        enum probe_state state; /* PROBE_UNKNOWN: nothing yet */
        int64_t id;             /* incidents up to this one know it */
    } * told;                   /* one for each probe */
};

struct prober *prober_open(const struct config *config, void (*wake)(void))
{
    struct probes *probes = probes_open(config);
    if (!probes)
        return NULL;
    struct prober *prober = must_alloc(sizeof *prober);
    int64_t every_ms = config->settings.schedule.interval_ms / ROUNDS_AN_INTERVAL;
    *prober = (struct prober){
        .probes = probes,
        .wake = wake,
        .every_ms = every_ms <= 0 || every_ms > EVERY_MOST_MS ? EVERY_MOST_MS
                    : every_ms < EVERY_LEAST_MS               ? EVERY_LEAST_MS
                                                              : every_ms,
        .due_ms = INT64_MAX,
        .told = must_alloc(probes_count(probes) * sizeof *prober->told),
    };
    return prober;
}

void prober_close(struct prober *prober)
{
    if (!prober)
        return;
    if (prober->asking) {
        probes_stop(prober->probes);
        pthread_join(prober->thread, NULL);
    }
    probes_close(prober->probes);
    free(prober->told);
    free(prober);
}

static void *ask(void *user)
{
    struct prober *prober = user;
    probes_ask(prober->probes);
    atomic_store(&prober->answered, true);
    prober->wake();
    return NULL;
}

static void begin(struct prober *prober, int64_t newest_open, int64_t now_ms)
{
    prober->asked_id = newest_open;
    prober->due_ms = now_ms + prober->every_ms;
    atomic_store(&prober->answered, false);
    int code = thread_begin(&prober->thread, ask, prober);
    prober->asking = code == 0;
    if (code != 0)
        say_warning("probes: cannot be asked: %s", strerror(code));
}

/* "the metrics page is up: HTTP 200; bronze_trades_kraken: lag 25m" */
static void describe(const struct probe_answer *answer, struct strbuf *out)
{
    if (answer->kind == PROBE_METRICS)
        strbuf_puts(out, "the ");
    strbuf_printf(out, "%s is %s: %s", answer->name, probe_state_name(answer->state), strbuf_text(&answer->words));
    for (size_t i = 0; i < answer->metric_count; i++) {
        if (answer->metrics[i].lag_ms < 0)
            continue;
        strbuf_printf(out, "; %s: lag ", answer->metrics[i].table);
        duration_text(answer->metrics[i].lag_ms / 1000 * 1000, out);
    }
}

static void tell(struct prober *prober, size_t index, int64_t first_id, int64_t now_ms, const struct prober_sink *sink)
{
    const struct probe_answer *answer = probes_answer(prober->probes, index);
    struct strbuf words = { 0 };
    bool down = answer->state == PROBE_DOWN && answer->kind != PROBE_METRICS;
    describe(answer, &words);
    sink->event(sink->ctx, &(struct event){
                               .kind = down ? EVENT_PROBE_DOWN : EVENT_PROBE_NOTED,
                               .time_ms = now_ms,
                               .offset = -1,
                               .number = first_id,
                               .text = slice_of(answer->name),
                               .line = strbuf_slice(&words),
                           });
    strbuf_free(&words);
}

/* A change is news to every open incident, the rest to those that opened since. What could not be asked tells nothing. */
static void take_answers(struct prober *prober, int64_t now_ms, const struct prober_sink *sink)
{
    for (size_t i = 0; i < probes_count(prober->probes); i++) {
        struct told *told = &prober->told[i];
        enum probe_state state = probes_answer(prober->probes, i)->state;
        bool changed = state != told->state;
        if (state == PROBE_UNKNOWN || (!changed && prober->asked_id <= told->id))
            continue;
        tell(prober, i, changed ? 0 : told->id + 1, now_ms, sink);
        *told = (struct told){ state, prober->asked_id > told->id ? prober->asked_id : told->id };
    }
    if (prober->asked_id > prober->rounds_id)
        prober->rounds_id = prober->asked_id;
}

static void rest(struct prober *prober)
{
    prober->due_ms = INT64_MAX;
    prober->rounds_id = 0;
    memset(prober->told, 0, probes_count(prober->probes) * sizeof *prober->told);
}

void prober_run(struct prober *prober, int64_t newest_open, int64_t now_ms, const struct prober_sink *sink)
{
    if (prober->asking && !atomic_load(&prober->answered))
        return;
    if (prober->asking) {
        pthread_join(prober->thread, NULL);
        prober->asking = false;
        if (newest_open > 0)
            take_answers(prober, now_ms, sink);
    }
    if (newest_open == 0)
        rest(prober);
    else if (newest_open > prober->rounds_id || now_ms >= prober->due_ms || prober->due_ms - now_ms > prober->every_ms)
        begin(prober, newest_open, now_ms);
}

int64_t prober_due_ms(const struct prober *prober)
{
    return prober && !prober->asking ? prober->due_ms : INT64_MAX;
}
