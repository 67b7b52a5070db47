/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/say.h"
#include "witness.h"
#include "worker.h"

/*
 * The scheduler's unit, as systemd knows it. A thread listens to the bus, so that a change is heard when it happens and nothing wakes up
 * while nothing does. A bus that is not there, does not answer or says nonsense is left and tried again later: that is said once, and
 * nothing else follows from it.
 */

enum {
    RETRY_LEAST_MS = 1000, /* a bus that was restarted is soon back */
    RETRY_MOST_MS = 5 * 60 * 1000,
    LOOK_AGAIN_MS = 10 * 60 * 1000, /* should a signal have been lost */
    ASK_PAUSE_MS = 50,              /* between two questions, however often a unit changes */
    SILENT_TRIES = 2,               /* so many in a row may fail before it is said */
    FAR_MS = 60 * 60 * 1000         /* the longest sleep of the thread */
};

/* What was said, for the main thread. */
struct unit_said {
    enum unit_state state;
    bool is_event; /* false: only a word for those who look */
    bool is_silent;
    int64_t since_ms;
    const char *cause;
    char *words; /* owned */
    uint32_t pid;
};

struct unit_witness {
    char *name;
    bool is_default; /* nobody configured it, so that its absence is no news */
    void (*wake)(void);
    struct worker *worker; /* it and the main thread own all this together, since it may be left behind */
    int doorbell;          /* an eventfd that wakes the thread */
    atomic_bool stopped, asked;
    pthread_mutex_t mutex; /* for what was said */
    struct unit_said said[UNIT_WORDS_MAX];
    size_t said_count;

    /* The thread's own. */
    struct unit_bus *bus;
    int64_t retry_ms, retry_pause_ms; /* running: when to connect again */
    int64_t ask_ms, asked_ms;         /* running: when to ask next, and when that was done last */
    bool wants_answer;
    int failures;
    bool is_told;         /* that it cannot be asked */
    bool absence_is_told; /* that there is no such unit */
    bool stop_is_asked, was_active;
    uint64_t ended_us; /* Unix time; its end as systemd said it, or when that was first seen */
    struct unit_judgement judgement;
    struct unit_said last; /* without words */
    struct strbuf last_words;

    /* The main thread's own. */
    uint32_t pid;
    int64_t needed_id;
    bool needed_failing;
};

/* --- what is said to the main thread ---------------------------------------------------------------------------- */

static void unit_put(struct unit_witness *unit, const struct unit_said *said)
{
    pthread_mutex_lock(&unit->mutex);
    if (unit->said_count == UNIT_WORDS_MAX) {
        free(unit->said[0].words);
        memmove(unit->said, unit->said + 1, --unit->said_count * sizeof *unit->said);
    }
    unit->said[unit->said_count++] = *said;
    if (!atomic_load(&unit->stopped))
        unit->wake();
    pthread_mutex_unlock(&unit->mutex);
}

static bool unit_is_news(const struct unit_witness *unit, const struct unit_said *said, const char *words)
{
    return said->state != unit->last.state || said->is_silent != unit->last.is_silent ||
           said->since_ms != unit->last.since_ms || said->pid != unit->last.pid ||
           strcmp(words, strbuf_text(&unit->last_words)) != 0;
}

/* The thread wakes the main thread only for what is new. */
static void unit_say(struct unit_witness *unit, struct unit_said said, const char *words)
{
    if (!unit_is_news(unit, &said, words))
        return;
    unit->last = said;
    strbuf_clear(&unit->last_words);
    strbuf_puts(&unit->last_words, words);
    said.words = must_copy(words, strlen(words));
    unit_put(unit, &said);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void unit_fails(struct unit_witness *unit, const char *why)
{
    int64_t now_ms = clock_running_ms();
    unit_bus_close(unit->bus);
    unit->bus = NULL;
    unit->retry_pause_ms = unit->retry_pause_ms ? unit->retry_pause_ms * 2 : RETRY_LEAST_MS;
    if (unit->retry_pause_ms > RETRY_MOST_MS)
        unit->retry_pause_ms = RETRY_MOST_MS;
    unit->retry_ms = now_ms + unit->retry_pause_ms;
    if (++unit->failures < SILENT_TRIES)
        return;
    if (!unit->is_told)
        say_warning("systemd cannot be asked about %s: %s; how the scheduler ends is seen in the log alone", unit->name,
                    why);
    unit->is_told = true;
    unit_say(unit, (struct unit_said){ .state = UNIT_NOT_KNOWN, .is_event = true, .is_silent = true, .cause = "" },
             why);
}

static void unit_answers(struct unit_witness *unit)
{
    if (unit->is_told)
        say_info("systemd answers again about %s", unit->name);
    unit->is_told = false;
    unit->failures = 0;
    unit->retry_pause_ms = 0;
}

static void unit_tell(struct unit_witness *unit, uint32_t pid)
{
    const struct unit_judgement *judgement = &unit->judgement;
    struct unit_said said = {
        .state = judgement->state,
        .is_event = !judgement->is_passing,
        .is_silent = judgement->state == UNIT_NOT_KNOWN,
        .since_ms = judgement->since_ms,
        .cause = judgement->cause,
        .pid = pid,
    };
    unit_say(unit, said, strbuf_text(&judgement->words));
}

/* Somebody asked it to stop from the moment on at which a stopping unit has a job, until it runs again. */
static void unit_note_job(struct unit_witness *unit, const struct unit_facts *facts)
{
    if (strcmp(facts->active_state, "deactivating") == 0)
        unit->stop_is_asked = unit->stop_is_asked || facts->job != 0;
    else if (strcmp(facts->active_state, "active") == 0 || strncmp(facts->sub_state, "auto-restart", 12) == 0)
        unit->stop_is_asked = false;
}

/*
 * systemd forgets a unit that is neither enabled nor running, together with when it ended: then it looks like one that was never started. That
 * it did run was seen, so that it has ended now, or when systemd said it has.
 */
static void unit_remember_end(struct unit_witness *unit, struct unit_facts *facts)
{
    bool is_inactive = strcmp(facts->active_state, "inactive") == 0;
    if (!is_inactive)
        unit->ended_us = 0;
    else if (facts->inactive_us)
        unit->ended_us = facts->inactive_us;
    else if (unit->was_active && !unit->ended_us)
        unit->ended_us = (uint64_t)clock_now_ms() * 1000;
    if (is_inactive && !facts->inactive_us)
        facts->inactive_us = unit->ended_us;
    unit->was_active = unit->was_active || !is_inactive;
}

static void unit_on_told(void *ctx, const struct unit_facts *told)
{
    struct unit_witness *unit = ctx;
    struct unit_facts remembered = *told, *facts = &remembered;
    unit_answers(unit);
    unit_note_job(unit, facts);
    unit_remember_end(unit, facts);
    unit_judge(facts, unit->stop_is_asked, clock_now_ms(), &unit->judgement);
    bool is_absent = unit->judgement.state == UNIT_NOT_KNOWN && !unit->judgement.is_passing;
    if (is_absent && !unit->is_default && !unit->absence_is_told)
        say_warning("systemd knows no unit %s: how the scheduler ends is seen in the log alone", unit->name);
    unit->absence_is_told = is_absent;
    unit_tell(unit, facts->main_pid);
}

/*
 * The signal itself is believed only in that the unit is being stopped: this passes so quickly that an answer may come too late for it. All
 * else is asked.
 */
static void unit_on_changed(void *ctx, const struct unit_facts *facts)
{
    struct unit_witness *unit = ctx;
    int64_t now_ms = clock_running_ms(), may_ms = unit->asked_ms + ASK_PAUSE_MS;
    unit_note_job(unit, facts);
    if (strcmp(facts->active_state, "deactivating") == 0 && facts->job) {
        unit_judge(facts, true, clock_now_ms(), &unit->judgement);
        unit_tell(unit, facts->main_pid);
    }
    unit->ask_ms = may_ms > now_ms ? may_ms : now_ms;
}

static void unit_step(struct unit_witness *unit, int64_t now_ms)
{
    struct strbuf why = { 0 };
    if (!unit->bus && now_ms >= unit->retry_ms) {
        struct unit_bus_sink sink = { unit, unit_on_told, unit_on_changed };
        unit->bus = unit_bus_open(unit->name, &sink, &why);
        unit->ask_ms = now_ms + LOOK_AGAIN_MS;
        unit->asked_ms = now_ms;
    } else if (!unit->bus) {
        return;
    }
    bool good = unit->bus && unit_bus_process(unit->bus, &why);
    if (good && (now_ms >= unit->ask_ms || atomic_exchange(&unit->asked, false))) {
        unit->ask_ms = now_ms + LOOK_AGAIN_MS;
        unit->asked_ms = now_ms;
        good = unit_bus_ask(unit->bus, &why) && unit_bus_process(unit->bus, &why);
    }
    if (!good)
        unit_fails(unit, strbuf_text(&why));
    strbuf_free(&why);
}

static int64_t sooner(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

static void unit_wait(struct unit_witness *unit)
{
    struct pollfd waiting[2] = { { .fd = unit->doorbell, .events = POLLIN }, { .fd = -1 } };
    int64_t due_ms = unit->retry_ms;
    uint64_t rung;
    if (unit->bus) {
        waiting[1].fd = unit_bus_descriptor(unit->bus, &waiting[1].events);
        due_ms = sooner(unit_bus_due_ms(unit->bus), unit->ask_ms);
    }
    int64_t wait_ms = due_ms - clock_running_ms();
    poll(waiting, 2, wait_ms < 0 ? 0 : (int)sooner(wait_ms, FAR_MS));
    if (waiting[0].revents && read(unit->doorbell, &rung, sizeof rung) < 0 && errno != EAGAIN)
        atomic_store(&unit->stopped, true); /* it cannot be rung any more */
}

static void unit_free(void *user)
{
    struct unit_witness *unit = user;
    unit_bus_close(unit->bus);
    for (size_t i = 0; i < unit->said_count; i++)
        free(unit->said[i].words);
    strbuf_free(&unit->judgement.words);
    strbuf_free(&unit->last_words);
    if (unit->doorbell >= 0)
        close(unit->doorbell);
    pthread_mutex_destroy(&unit->mutex);
    free(unit->name);
    free(unit);
}

static void unit_listen(void *user)
{
    struct unit_witness *unit = user;
    while (!atomic_load(&unit->stopped)) {
        unit_step(unit, clock_running_ms());
        if (!atomic_load(&unit->stopped))
            unit_wait(unit);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* Where systemd does not run and nobody wants it asked, as in a container, there is nothing to be blind for. */
static bool unit_is_wanted(const struct config *config, bool is_default)
{
    const char *name = config->scheduler_unit;
    return name && *name && (!is_default || access("/run/systemd/system", F_OK) == 0);
}

struct unit_witness *unit_open(const struct config *config, void (*wake)(void))
{
    bool is_default = config->scheduler_unit && strcmp(config->scheduler_unit, UNIT_DEFAULT_NAME) == 0;
    if (!unit_is_wanted(config, is_default))
        return NULL;
    struct unit_witness *unit = must_alloc(sizeof *unit);
    unit->name = must_copy(config->scheduler_unit, strlen(config->scheduler_unit));
    unit->is_default = is_default;
    unit->wake = wake;
    unit->judgement.cause = unit->last.cause = "";
    unit->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&unit->mutex, NULL);
    int code = errno;
    if (unit->doorbell >= 0)
        unit->worker = worker_begin(unit_listen, unit_free, unit, &code);
    if (!unit->worker) {
        say_warning("systemd cannot be asked about %s: %s", unit->name, worker_trouble(code));
        unit_free(unit);
        return NULL;
    }
    return unit;
}

static void unit_ring(struct unit_witness *unit)
{
    uint64_t one = 1;
    if (write(unit->doorbell, &one, sizeof one) < 0 && errno != EAGAIN)
        say_warning("the thread that asks systemd cannot be woken: %s", strerror(errno));
}

void unit_close(struct unit_witness *unit)
{
    if (!unit)
        return;
    atomic_store(&unit->stopped, true);
    unit_ring(unit);
    worker_end(unit->worker);
}

/* --- handing out --------------------------------------------------------------------------------------------------- */

static void unit_hand_out(struct unit_witness *unit, const struct unit_said *said, int64_t now_ms,
                          const struct witness_sink *sink)
{
    static const enum witness_state states[UNIT_STATES] = {
        [UNIT_NOT_KNOWN] = WITNESS_SILENT, [UNIT_RUNS] = WITNESS_WELL,          [UNIT_STOPPING] = WITNESS_TROUBLE,
        [UNIT_STOPPED] = WITNESS_TROUBLE,  [UNIT_RESTARTING] = WITNESS_TROUBLE, [UNIT_GIVEN_UP] = WITNESS_TROUBLE,
    };
    bool no_unit = said->state == UNIT_NOT_KNOWN && unit->is_default && !said->is_silent;
    unit->pid = said->pid;
    if (!no_unit)
        sink->word(sink->ctx, &(struct witness_word){ .name = "unit",
                                                      .state = said->is_silent ? WITNESS_SILENT : states[said->state],
                                                      .words = said->words,
                                                      .at_ms = now_ms });
    if (said->is_event)
        sink->event(sink->ctx, &(struct event){ .kind = EVENT_UNIT_STATE,
                                                .time_ms = now_ms,
                                                .offset = -1,
                                                .number = said->state,
                                                .at_ms = said->since_ms,
                                                .text = slice_of(said->words),
                                                .cause = slice_of(said->cause) });
}

/* Beside listening it is asked at each first failure and each new incident. */
static void unit_heed_need(struct unit_witness *unit, struct witness_need need)
{
    if (need.newest_open > unit->needed_id || (need.failing && !unit->needed_failing)) {
        atomic_store(&unit->asked, true);
        unit_ring(unit);
    }
    unit->needed_id = need.newest_open;
    unit->needed_failing = need.failing;
}

void unit_run(struct unit_witness *unit, struct witness_need need, int64_t now_ms, const struct witness_sink *sink)
{
    struct unit_said said[UNIT_WORDS_MAX];
    if (!unit)
        return;
    unit_heed_need(unit, need);
    pthread_mutex_lock(&unit->mutex);
    size_t count = unit->said_count;
    memcpy(said, unit->said, count * sizeof *said);
    unit->said_count = 0;
    pthread_mutex_unlock(&unit->mutex);
    for (size_t i = 0; i < count; i++) {
        unit_hand_out(unit, &said[i], now_ms, sink);
        free(said[i].words);
    }
}

uint32_t unit_main_pid(const struct unit_witness *unit)
{
    return unit ? unit->pid : 0;
}
