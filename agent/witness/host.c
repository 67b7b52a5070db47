/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/say.h"
#include "witness.h"
#include "worker.h"

/* While something is wrong the host is looked at once a minute, or so often in an interval of the schedule that is shorter. */
enum { LOOKS_PER_INTERVAL = 15, LOOK_MOST_MS = 60 * 1000, LOOK_LEAST_MS = 1000, LOOK_LATE_MS = 10 * 1000 };

enum host_wish { WISH_NOTHING, WISH_COUNT, WISH_LOOK };

struct host_witness {
    char *paths[DISKS]; /* NULL: there is none */
    void (*wake)(void);
    struct worker *worker; /* it and the main thread own all this together, since it may be left behind */
    pthread_mutex_t mutex; /* for what follows, up to answered */
    pthread_cond_t wished;
    enum host_wish wish;
    bool is_stopped, has_looked;
    uint32_t process;
    int64_t oom_before; /* the kills at the newest good cycle; -1: not known */
    struct host_findings answer;

    /* The main thread's own. */
    int64_t look_ms, due_ms, looked_id, begun_ms; /* begun_ms: running, of the look in progress; 0: none */
    bool looked_failing, is_late_said;
    int64_t told_id;
    struct strbuf told; /* what was found when incidents were told last */
};

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void host_free(void *user)
{
    struct host_witness *host = user;
    for (size_t i = 0; i < DISKS; i++)
        free(host->paths[i]);
    host_forget(&host->answer);
    strbuf_free(&host->told);
    pthread_cond_destroy(&host->wished);
    pthread_mutex_destroy(&host->mutex);
    free(host);
}

static void host_do(struct host_witness *host, enum host_wish wish, uint32_t process, int64_t oom_before)
{
    struct host_facts facts;
    struct host_findings found = { .count = 0 };
    if (wish == WISH_COUNT) {
        int64_t kills = host_count_oom_kills();
        pthread_mutex_lock(&host->mutex);
        host->oom_before = kills;
        pthread_mutex_unlock(&host->mutex);
        return;
    }
    host_look((const char *const *)host->paths, process, &facts);
    host_judge(&facts, (const char *const *)host->paths, oom_before, &found);
    pthread_mutex_lock(&host->mutex);
    host_forget(&host->answer);
    host->answer = found;
    host->has_looked = true;
    if (!host->is_stopped)
        host->wake();
    pthread_mutex_unlock(&host->mutex);
}

static void host_watch(void *user)
{
    struct host_witness *host = user;
    pthread_mutex_lock(&host->mutex);
    while (!host->is_stopped) {
        enum host_wish wish = host->wish;
        uint32_t process = host->process;
        int64_t oom_before = host->oom_before;
        if (wish == WISH_NOTHING) {
            pthread_cond_wait(&host->wished, &host->mutex);
            continue;
        }
        host->wish = WISH_NOTHING;
        pthread_mutex_unlock(&host->mutex);
        host_do(host, wish, process, oom_before);
        pthread_mutex_lock(&host->mutex);
    }
    pthread_mutex_unlock(&host->mutex);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static char *host_path(const char *path)
{
    return path ? must_copy(path, strlen(path)) : NULL;
}

struct host_witness *host_open(const struct config *config, void (*wake)(void))
{
    struct host_witness *host = must_alloc(sizeof *host);
    int64_t look_ms = config->settings.schedule.interval_ms / LOOKS_PER_INTERVAL;
    host->paths[DISK_LOG] = host_path(config->log_path);
    host->paths[DISK_HISTORY] = host_path(config->history_db);
    host->paths[DISK_WAREHOUSE] = host_path(config->iceberg_warehouse);
    host->wake = wake;
    host->wish = WISH_COUNT;
    host->oom_before = -1;
    host->due_ms = INT64_MAX;
    host->look_ms = look_ms <= 0 || look_ms > LOOK_MOST_MS ? LOOK_MOST_MS
                    : look_ms < LOOK_LEAST_MS              ? LOOK_LEAST_MS
                                                           : look_ms;
    pthread_mutex_init(&host->mutex, NULL);
    pthread_cond_init(&host->wished, NULL);
    int code = 0;
    host->worker = worker_begin(host_watch, host_free, host, &code);
    if (host->worker)
        return host;
    say_warning("the host's disks and memory are not looked at: %s", worker_trouble(code));
    host_free(host);
    return NULL;
}

void host_close(struct host_witness *host)
{
    if (!host)
        return;
    pthread_mutex_lock(&host->mutex);
    host->is_stopped = true;
    pthread_cond_signal(&host->wished);
    pthread_mutex_unlock(&host->mutex);
    worker_end(host->worker);
}

/* A look is more than a count: it is not given up for one. */
static void host_wish(struct host_witness *host, enum host_wish wish, uint32_t process)
{
    pthread_mutex_lock(&host->mutex);
    if (wish > host->wish)
        host->wish = wish;
    if (wish == WISH_LOOK)
        host->process = process;
    pthread_cond_signal(&host->wished);
    pthread_mutex_unlock(&host->mutex);
}

void host_hear(struct host_witness *host, const struct event *event)
{
    if (host && event->kind == EVENT_CYCLE_COMPLETED)
        host_wish(host, WISH_COUNT, 0);
}

/* --- handing out --------------------------------------------------------------------------------------------------- */

static void host_tell(struct host_witness *host, const struct host_findings *found, int64_t first_id, int64_t now_ms,
                      const struct witness_sink *sink)
{
    for (size_t i = 0; i < found->count; i++)
        sink->event(sink->ctx, &(struct event){ .kind = EVENT_HOST_NOTED,
                                                .time_ms = now_ms,
                                                .offset = -1,
                                                .number = first_id,
                                                .cause = slice_of(found->at[i].kind),
                                                .line = strbuf_slice(&found->at[i].words) });
    host->told_id = first_id;
}

/* What differs from the last look is news for every open incident, the same only for those that opened since. */
static void host_take(struct host_witness *host, const struct host_findings *found, struct witness_need need,
                      int64_t now_ms, const struct witness_sink *sink)
{
    struct strbuf all = { 0 };
    for (size_t i = 0; i < found->count; i++)
        strbuf_printf(&all, "%s%s", i ? "; " : "", strbuf_text(&found->at[i].words));
    bool changed = strcmp(strbuf_text(&all), strbuf_text(&host->told)) != 0;
    const char *well = host_say_well(found);
    sink->word(sink->ctx, &(struct witness_word){ .name = "host",
                                                  .state = found->count ? WITNESS_TROUBLE
                                                           : well       ? WITNESS_WELL
                                                                        : WITNESS_SILENT,
                                                  .words = found->count ? strbuf_text(&all)
                                                           : well       ? well
                                                                        : HOST_NOT_SEEN,
                                                  .at_ms = now_ms });
    if (need.newest_open && (changed || need.newest_open > host->told_id))
        host_tell(host, found, changed ? 0 : host->told_id + 1, now_ms, sink);
    if (need.newest_open > host->told_id)
        host->told_id = need.newest_open;
    strbuf_free(&host->told);
    host->told = all;
}

/* A look that does not come back is a blind spot. */
static void host_say_late(struct host_witness *host, int64_t now_ms, const struct witness_sink *sink)
{
    static const char words[] = "a look at the disks does not come back; a mount that is dead?";
    if (host->is_late_said || !host->begun_ms || clock_running_ms() - host->begun_ms < LOOK_LATE_MS)
        return;
    host->is_late_said = true;
    say_warning("the host: %s", words);
    sink->word(sink->ctx,
               &(struct witness_word){ .name = "host", .state = WITNESS_SILENT, .words = words, .at_ms = now_ms });
}

static bool host_is_due(const struct host_witness *host, struct witness_need need, int64_t now_ms)
{
    if (need.newest_open > host->looked_id || (need.failing && !host->looked_failing))
        return true;
    return need.newest_open && (now_ms >= host->due_ms || host->due_ms - now_ms > host->look_ms);
}

void host_run(struct host_witness *host, struct witness_need need, uint32_t process, int64_t now_ms,
              const struct witness_sink *sink)
{
    struct host_findings found = { .count = 0 };
    if (!host)
        return;
    pthread_mutex_lock(&host->mutex);
    bool has_looked = host->has_looked;
    if (has_looked) {
        found = host->answer;
        host->answer.count = 0;
    }
    host->has_looked = false;
    pthread_mutex_unlock(&host->mutex);
    if (has_looked) {
        host->begun_ms = 0;
        host->is_late_said = false;
        host_take(host, &found, need, now_ms, sink);
        host_forget(&found);
    }
    if (!need.newest_open && !need.failing) {
        host->looked_id = host->told_id = 0;
        host->due_ms = INT64_MAX;
    }
    if (!need.failing)
        host->looked_failing = false;
    if (host->begun_ms) {
        host_say_late(host, now_ms, sink);
    } else if (host_is_due(host, need, now_ms)) {
        host->looked_id = need.newest_open;
        host->looked_failing = need.failing;
        host->begun_ms = clock_running_ms();
        host_wish(host, WISH_LOOK, process);
    } else {
        return;
    }
    host->due_ms = need.newest_open ? now_ms + host->look_ms : INT64_MAX;
}

int64_t host_due_ms(const struct host_witness *host)
{
    return host ? host->due_ms : INT64_MAX;
}
