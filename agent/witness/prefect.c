/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefect.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/say.h"
#include "witness.h"
#include "worker.h"

/* While an incident is open: so often in an interval of the schedule, within these bounds, as probes are asked. */
enum { ROUNDS_PER_INTERVAL = 15, ROUND_MOST_MS = 60 * 1000, ROUND_LEAST_MS = 1000 };

/*
 * The thread owns the answers from its start until it sets answered. Everything else belongs to the caller's thread. Each round's thread
 * holds a reference, since it may be left behind.
 */
struct prefect_witness {
    struct prefect_settings settings;
    void (*wake)(void);
    struct prefect_answer answers[PREFECT_QUESTIONS];
    struct worker *worker;
    bool asking;
    atomic_bool answered, closed;
    atomic_int references;
    int64_t round_ms, due_ms; /* of the next round; INT64_MAX: none */
    int64_t asked_id;         /* the newest incident for which a round was made */
    bool asked_failing;       /* a round was made for the failures that go on */
    int64_t told_id;          /* incidents up to this one were told of it */
    struct strbuf told;       /* what was found when incidents were told last */
};

static char *prefect_copy(const char *text)
{
    return text ? must_copy(text, strlen(text)) : NULL;
}

struct prefect_witness *prefect_open(const struct config *config, void (*wake)(void))
{
    if (!config->prefect_url)
        return NULL;
    struct prefect_witness *prefect = must_alloc(sizeof *prefect);
    int64_t round_ms = config->settings.schedule.interval_ms / ROUNDS_PER_INTERVAL;
    *prefect = (struct prefect_witness){
        .settings = { .url = prefect_copy(config->prefect_url),
                      .pool = prefect_copy(config->prefect_pool),
                      .flow = prefect_copy(config->prefect_flow),
                      .token_file = prefect_copy(config->prefect_token_file),
                      .timeout_ms = config->prefect_timeout_ms },
        .wake = wake,
        .references = 1,
        .due_ms = INT64_MAX,
        .round_ms = round_ms <= 0 || round_ms > ROUND_MOST_MS ? ROUND_MOST_MS
                    : round_ms < ROUND_LEAST_MS               ? ROUND_LEAST_MS
                                                              : round_ms,
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return prefect;
}

static void prefect_drop(void *user)
{
    struct prefect_witness *prefect = user;
    if (atomic_fetch_sub(&prefect->references, 1) > 1)
        return;
    prefect_forget_answers(prefect->answers);
    strbuf_free(&prefect->told);
    free(prefect->settings.url);
    free(prefect->settings.pool);
    free(prefect->settings.flow);
    free(prefect->settings.token_file);
    free(prefect);
    curl_global_cleanup();
}

void prefect_close(struct prefect_witness *prefect)
{
    if (!prefect)
        return;
    atomic_store(&prefect->closed, true);
    if (prefect->asking)
        worker_end(prefect->worker);
    prefect_drop(prefect);
}

static void prefect_round(void *user)
{
    struct prefect_witness *prefect = user;
    prefect_ask(&prefect->settings, &prefect->closed, prefect->answers);
    atomic_store(&prefect->answered, true);
    if (!atomic_load(&prefect->closed))
        prefect->wake();
}

static void prefect_begin(struct prefect_witness *prefect, struct witness_need need, int64_t now_ms)
{
    int code = 0;
    prefect->asked_id = need.newest_open;
    prefect->asked_failing = need.failing;
    prefect->due_ms = need.newest_open ? now_ms + prefect->round_ms : INT64_MAX;
    prefect_forget_answers(prefect->answers);
    memset(prefect->answers, 0, sizeof prefect->answers);
    atomic_store(&prefect->answered, false);
    atomic_fetch_add(&prefect->references, 1);
    prefect->worker = worker_begin(prefect_round, prefect_drop, prefect, &code);
    prefect->asking = prefect->worker != NULL;
    if (!prefect->asking) {
        atomic_fetch_sub(&prefect->references, 1);
        say_warning("Prefect's API cannot be asked: %s", worker_trouble(code));
    }
}

static void put_all(const struct prefect_findings *findings, struct strbuf *out)
{
    for (size_t i = 0; i < findings->count; i++)
        strbuf_printf(out, "%s%s", i ? "; " : "", strbuf_text(&findings->at[i].words));
}

static void prefect_say(const struct prefect_findings *findings, const struct strbuf *all, int64_t now_ms,
                        const struct witness_sink *sink)
{
    sink->word(sink->ctx, &(struct witness_word){ .name = "prefect",
                                                  .state = findings->count       ? WITNESS_TROUBLE
                                                           : findings->is_silent ? WITNESS_SILENT
                                                                                 : WITNESS_WELL,
                                                  .words = strbuf_text(findings->count ? all : &findings->well),
                                                  .at_ms = now_ms });
}

/* What differs from the last round is news for every open incident, the same only for those that opened since. */
static void prefect_take(struct prefect_witness *prefect, struct witness_need need, int64_t now_ms,
                         const struct witness_sink *sink)
{
    struct prefect_findings findings = { .count = 0 };
    struct strbuf all = { 0 };
    prefect_judge(&prefect->settings, prefect->answers, clock_now_ms(), &findings);
    put_all(&findings, &all);
    prefect_say(&findings, &all, now_ms, sink);
    bool changed = strcmp(strbuf_text(&all), strbuf_text(&prefect->told)) != 0;
    if (need.newest_open && (changed || need.newest_open > prefect->told_id))
        for (size_t i = 0; i < findings.count; i++)
            sink->event(sink->ctx, &(struct event){ .kind = EVENT_HOST_NOTED,
                                                    .time_ms = now_ms,
                                                    .offset = -1,
                                                    .number = changed ? 0 : prefect->told_id + 1,
                                                    .cause = slice_of(findings.at[i].kind),
                                                    .line = strbuf_slice(&findings.at[i].words) });
    if (need.newest_open > prefect->told_id)
        prefect->told_id = need.newest_open;
    strbuf_free(&prefect->told);
    prefect->told = all;
    prefect_forget(&findings);
}

static bool prefect_is_due(const struct prefect_witness *prefect, struct witness_need need, int64_t now_ms)
{
    if (need.newest_open > prefect->asked_id || (need.failing && !prefect->asked_failing))
        return true;
    return need.newest_open && (now_ms >= prefect->due_ms || prefect->due_ms - now_ms > prefect->round_ms);
}

void prefect_run(struct prefect_witness *prefect, struct witness_need need, int64_t now_ms,
                 const struct witness_sink *sink)
{
    if (!prefect || (prefect->asking && !atomic_load(&prefect->answered)))
        return;
    if (prefect->asking) {
        worker_end(prefect->worker);
        prefect->asking = false;
        prefect_take(prefect, need, now_ms, sink);
    }
    if (!need.newest_open && !need.failing) {
        prefect->asked_id = prefect->told_id = 0;
        prefect->due_ms = INT64_MAX;
        strbuf_clear(&prefect->told);
    }
    if (!need.failing)
        prefect->asked_failing = false;
    if (prefect_is_due(prefect, need, now_ms))
        prefect_begin(prefect, need, now_ms);
}

int64_t prefect_due_ms(const struct prefect_witness *prefect)
{
    return prefect && !prefect->asking ? prefect->due_ms : INT64_MAX;
}

bool prefect_check(const struct config *config, enum witness_state *state, struct strbuf *words)
{
    static const atomic_bool stopped;
    struct prefect_witness *prefect = prefect_open(config, NULL);
    struct prefect_findings findings = { .count = 0 };
    if (!prefect)
        return false;
    prefect_ask(&prefect->settings, &stopped, prefect->answers);
    prefect_judge(&prefect->settings, prefect->answers, clock_now_ms(), &findings);
    *state = findings.count ? WITNESS_TROUBLE : findings.is_silent ? WITNESS_SILENT : WITNESS_WELL;
    put_all(&findings, words);
    if (!findings.count)
        strbuf_puts(words, strbuf_text(&findings.well));
    prefect_forget(&findings);
    prefect_close(prefect);
    return true;
}
