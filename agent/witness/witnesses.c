/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "witness.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "durations.h"
#include "worker.h"

/* While an incident is open: so often in an interval of the schedule, within these bounds. */
enum { ROUNDS_PER_INTERVAL = 15, ROUND_MOST_MS = 60 * 1000, ROUND_LEAST_MS = 1000 };

/*
 * The thread owns the probes from its start until it sets answered. Everything else belongs to the caller's thread. Each round's thread
 * holds a reference, since it may be left behind.
 */
struct witnesses {
    struct probes *probes;
    void (*wake)(void);
    int64_t round_ms;
    struct worker *worker;
    bool asking;
    atomic_bool answered, closed;
    atomic_int references;
    int64_t due_ms;     /* of the next round; INT64_MAX: none */
    int64_t rounds_id;  /* the newest incident for which a whole round was made */
    bool asked_failing; /* a round was made for the failures that go on */
    int64_t asked_id;   /* the newest incident for which the round in progress is made */
    struct told {
        enum probe_state state; /* PROBE_UNKNOWN: nothing yet */
        int64_t id;             /* incidents up to this one were told of it */
    } * told;                   /* one for each probe */
};

struct witnesses *witnesses_open(const struct config *config, void (*wake)(void))
{
    struct probes *probes = probes_open(config);
    if (!probes)
        return NULL;
    struct witnesses *witnesses = must_alloc(sizeof *witnesses);
    int64_t round_ms = config->settings.schedule.interval_ms / ROUNDS_PER_INTERVAL;
    *witnesses = (struct witnesses){
        .probes = probes,
        .wake = wake,
        .round_ms = round_ms <= 0 || round_ms > ROUND_MOST_MS ? ROUND_MOST_MS
                    : round_ms < ROUND_LEAST_MS               ? ROUND_LEAST_MS
                                                              : round_ms,
        .due_ms = INT64_MAX,
        .references = 1,
        .told = must_alloc(probes_count(probes) * sizeof *witnesses->told),
    };
    return witnesses;
}

static void witnesses_drop(void *user)
{
    struct witnesses *witnesses = user;
    if (atomic_fetch_sub(&witnesses->references, 1) > 1)
        return;
    probes_close(witnesses->probes);
    free(witnesses->told);
    free(witnesses);
}

void witnesses_close(struct witnesses *witnesses)
{
    if (!witnesses)
        return;
    atomic_store(&witnesses->closed, true);
    if (witnesses->asking) {
        probes_stop(witnesses->probes);
        worker_end(witnesses->worker);
    }
    witnesses_drop(witnesses);
}

static void round_ask(void *user)
{
    struct witnesses *witnesses = user;
    probes_ask(witnesses->probes);
    atomic_store(&witnesses->answered, true);
    if (!atomic_load(&witnesses->closed))
        witnesses->wake();
}

static void round_begin(struct witnesses *witnesses, int64_t newest_open, int64_t now_ms)
{
    witnesses->asked_id = newest_open;
    witnesses->due_ms = now_ms + witnesses->round_ms;
    atomic_store(&witnesses->answered, false);
    int code = 0;
    atomic_fetch_add(&witnesses->references, 1);
    witnesses->worker = worker_begin(round_ask, witnesses_drop, witnesses, &code);
    witnesses->asking = witnesses->worker != NULL;
    if (!witnesses->asking) {
        atomic_fetch_sub(&witnesses->references, 1);
        say_warning("the probes cannot be asked: %s", worker_trouble(code));
    }
}

/* "the metrics page is up: HTTP 200; bronze_trades_kraken: lag 25m" */
static void answer_describe(const struct probe_answer *answer, struct strbuf *out)
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

static void answer_tell(struct witnesses *witnesses, size_t index, int64_t first_id, int64_t now_ms,
                        const struct witness_sink *sink)
{
    const struct probe_answer *answer = probes_answer(witnesses->probes, index);
    struct strbuf words = { 0 };
    bool down = answer->state == PROBE_DOWN && answer->kind != PROBE_METRICS;
    answer_describe(answer, &words);
    sink->event(sink->ctx, &(struct event){
                               .kind = down ? EVENT_PROBE_DOWN : EVENT_PROBE_NOTED,
                               .time_ms = now_ms,
                               .offset = -1,
                               .number = first_id,
                               .text = slice_of(answer->name),
                               .cause = slice_of(answer->cause ? answer->cause : ""),
                               .line = strbuf_slice(&words),
                           });
    strbuf_free(&words);
}

static void answer_say(const struct probe_answer *answer, int64_t now_ms, const struct witness_sink *sink)
{
    static const enum witness_state states[] = {
        [PROBE_UNKNOWN] = WITNESS_SILENT, [PROBE_UP] = WITNESS_WELL, [PROBE_DOWN] = WITNESS_TROUBLE
    };
    sink->word(sink->ctx, &(struct witness_word){ .name = answer->name,
                                                  .state = states[answer->state],
                                                  .words = strbuf_text(&answer->words),
                                                  .at_ms = now_ms });
}

/*
 * An answer that differs from the last one is news for every open incident, the same answer only for incidents that opened
 * since. A component that could not be asked tells nothing.
 */
static void round_take(struct witnesses *witnesses, int64_t newest_open, int64_t now_ms,
                       const struct witness_sink *sink)
{
    for (size_t i = 0; i < probes_count(witnesses->probes); i++) {
        struct told *told = &witnesses->told[i];
        enum probe_state state = probes_answer(witnesses->probes, i)->state;
        bool changed = state != told->state;
        answer_say(probes_answer(witnesses->probes, i), now_ms, sink);
        if (state == PROBE_UNKNOWN || (!changed && witnesses->asked_id <= told->id))
            continue;
        answer_tell(witnesses, i, changed ? 0 : told->id + 1, now_ms, sink);
        /* News went to all that are open now, also to one that opened after the question. */
        int64_t told_id = changed && newest_open > witnesses->asked_id ? newest_open : witnesses->asked_id;
        *told = (struct told){ state, told_id > told->id ? told_id : told->id };
    }
    if (witnesses->asked_id > witnesses->rounds_id)
        witnesses->rounds_id = witnesses->asked_id;
}

static void witnesses_rest(struct witnesses *witnesses)
{
    witnesses->due_ms = INT64_MAX;
    witnesses->rounds_id = 0;
    memset(witnesses->told, 0, probes_count(witnesses->probes) * sizeof *witnesses->told);
}

/* While a table fails and no incident is open, one round is made: the component that explains a first failure opens the incident. */
static bool round_is_due(const struct witnesses *witnesses, struct witness_need need, int64_t now_ms)
{
    if (need.newest_open > witnesses->rounds_id || (need.failing && !witnesses->asked_failing))
        return true;
    if (need.newest_open == 0)
        return false;
    return now_ms >= witnesses->due_ms || witnesses->due_ms - now_ms > witnesses->round_ms;
}

void witnesses_run(struct witnesses *witnesses, struct witness_need need, int64_t now_ms,
                   const struct witness_sink *sink)
{
    bool needed = need.newest_open > 0 || need.failing;
    if (witnesses->asking && !atomic_load(&witnesses->answered))
        return;
    if (witnesses->asking) {
        worker_end(witnesses->worker);
        witnesses->asking = false;
        if (needed)
            round_take(witnesses, need.newest_open, now_ms, sink);
    }
    if (!need.failing)
        witnesses->asked_failing = false;
    if (!needed) {
        witnesses_rest(witnesses);
    } else if (round_is_due(witnesses, need, now_ms)) {
        witnesses->asked_failing = need.failing;
        round_begin(witnesses, need.newest_open, now_ms);
        if (need.newest_open == 0)
            witnesses->due_ms = INT64_MAX;
    }
}

int64_t witnesses_due_ms(const struct witnesses *witnesses)
{
    return witnesses && !witnesses->asking ? witnesses->due_ms : INT64_MAX;
}
