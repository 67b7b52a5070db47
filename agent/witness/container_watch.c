/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/say.h"
#include "container_ask.h"
#include "probe_private.h"
#include "worker.h"

enum {
    PAUSE_LEAST_MS = 250, /* before Docker is tried again; doubled up to ... */
    PAUSE_MOST_MS = 30 * 1000,
    LOGS_PAUSE_MS = 500, /* before a stream that ended is asked for again */
    LAST_WORDS_MS = 400, /* how long a death waits for the end of the log stream, which comes on another connection */
    POLL_MOST_MS = 60 * 1000,
    LOOK_TWICE_MS = 500,      /* after the stream of events began */
    LOOK_MOST_MS = 60 * 1000, /* between two looks, whatever the events say */
};

/* A request that lasts. */
struct lasting {
    CURL *easy; /* NULL: it is not open */
    struct strbuf url;
    int64_t again_ms; /* running: when it may be opened */
    int64_t pause_ms; /* the last pause before that */
};

/* The thread owns all but `told` and `closed`. */
struct container_watch {
    char *name, *socket, *spool_path;
    void (*wake)(void);
    struct worker *worker;
    CURLM *multi;
    atomic_bool closed;

    pthread_mutex_t mutex; /* for the next two */
    struct container_told told;
    bool is_news;

    struct lasting events, logs;
    struct strbuf event; /* of which the end has not come yet */
    bool event_is_cut;
    bool is_events_new; /* the stream has just begun */
    bool look;          /* Docker is to be asked how the container is */
    int64_t look_again_ms, look_pause_ms;
    struct container_facts facts; /* as of the last look */
    char *id;                     /* of the container whose log is followed; NULL: none yet */
    bool is_own_file, logs_wanted;
    struct container_stream stream;
    struct container_spool *spool;
    int64_t deaths;
    int64_t hold_ms; /* running: a death is told then at the latest; 0: none waits */
    bool spool_said, is_spool_bad;
};

/* --- what is told ------------------------------------------------------------------------------------------------ */

static void watch_tell(struct container_watch *watch)
{
    const char *path = watch->is_own_file ? watch->spool_path : watch->facts.log_path;
    bool is_chosen = watch->facts.id && watch->id && strcmp(watch->facts.id, watch->id) == 0;
    pthread_mutex_lock(&watch->mutex);
    struct container_told *told = &watch->told;
    told->state = watch->facts.state;
    told->deaths = watch->deaths;
    told->is_own_file = watch->is_own_file;
    strbuf_clear(&told->words);
    strbuf_puts(&told->words, strbuf_text(&watch->facts.words));
    if (is_chosen) { /* else the last path stays */
        strbuf_clear(&told->path);
        strbuf_puts(&told->path, path);
    }
    watch->is_news = true;
    pthread_mutex_unlock(&watch->mutex);
    if (!atomic_load(&watch->closed))
        watch->wake();
}

/* The last lines before a death come over another connection than the news of it: they are waited for, but not for long. */
static void watch_tell_in_order(struct container_watch *watch, bool died)
{
    bool is_end = died || watch->facts.state == CONTAINER_STOPPED;
    if (is_end && watch->is_own_file && watch->logs.easy) {
        if (watch->hold_ms == 0)
            watch->hold_ms = clock_running_ms() + LAST_WORDS_MS;
        return;
    }
    watch->hold_ms = 0;
    watch_tell(watch);
}

bool container_take(struct container_watch *watch, struct container_told *told)
{
    pthread_mutex_lock(&watch->mutex);
    bool is_news = watch->is_news;
    if (is_news) {
        told->state = watch->told.state;
        told->deaths = watch->told.deaths;
        told->is_own_file = watch->told.is_own_file;
        strbuf_clear(&told->words);
        strbuf_puts(&told->words, strbuf_text(&watch->told.words));
        strbuf_clear(&told->path);
        strbuf_puts(&told->path, strbuf_text(&watch->told.path));
    }
    watch->is_news = false;
    pthread_mutex_unlock(&watch->mutex);
    return is_news;
}

/* --- requests that last ------------------------------------------------------------------------------------------ */

static void lasting_close(struct container_watch *watch, struct lasting *lasting)
{
    if (!lasting->easy)
        return;
    curl_multi_remove_handle(watch->multi, lasting->easy);
    curl_easy_cleanup(lasting->easy);
    lasting->easy = NULL;
}

static void lasting_wait(struct lasting *lasting, int64_t least_ms)
{
    lasting->pause_ms = lasting->pause_ms == 0 ? least_ms : lasting->pause_ms * 2;
    if (lasting->pause_ms > PAUSE_MOST_MS)
        lasting->pause_ms = PAUSE_MOST_MS;
    lasting->again_ms = clock_running_ms() + lasting->pause_ms;
}

static bool lasting_open(struct container_watch *watch, struct lasting *lasting,
                         size_t (*take)(char *bytes, size_t size, size_t count, void *user))
{
    lasting->easy = container_request(watch->socket, strbuf_text(&lasting->url), take, watch);
    if (lasting->easy && curl_multi_add_handle(watch->multi, lasting->easy) != CURLM_OK) {
        curl_easy_cleanup(lasting->easy);
        lasting->easy = NULL;
    }
    return lasting->easy != NULL;
}

/* --- Docker's events --------------------------------------------------------------------------------------------- */

static bool event_is_death(struct slice json)
{
    static const char sql[] = "SELECT coalesce(json_extract(?1, '$.Action'), json_extract(?1, '$.status')) = 'die'";
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    bool died = reader && sqlite3_prepare_v2(reader, sql, -1, &row, NULL) == SQLITE_OK &&
                sqlite3_bind_text(row, 1, json.at, (int)json.len, SQLITE_STATIC) == SQLITE_OK &&
                sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(reader);
    return died;
}

static void take_event(struct container_watch *watch)
{
    bool died = !watch->event_is_cut && event_is_death(strbuf_slice(&watch->event));
    strbuf_clear(&watch->event);
    watch->event_is_cut = false;
    watch->look = true;
    watch->look_again_ms = 0;
    watch->deaths += died ? 1 : 0;
}

/* Events are objects, one a line. Of what is no event only the end is looked for. */
static size_t take_events(char *bytes, size_t size, size_t count, void *user)
{
    struct container_watch *watch = user;
    size_t len = size * count;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n')
            take_event(watch);
        else if (watch->event.len < CONTAINER_EVENT_MAX_BYTES)
            strbuf_add(&watch->event, &bytes[i], 1);
        else
            watch->event_is_cut = true;
    return len;
}

/*
 * Docker answers: the stream is open before it is asked how the container is, so that nothing happens between the two unseen. It sends its
 * headers a moment before it listens itself, so it is asked once more.
 */
static size_t take_events_header(const char *bytes, size_t size, size_t count, void *user)
{
    struct container_watch *watch = user;
    (void)bytes;
    watch->look = true;
    watch->is_events_new = true;
    return size * count;
}

static void keep_events(struct container_watch *watch)
{
    if (watch->events.easy || clock_running_ms() < watch->events.again_ms)
        return;
    strbuf_clear(&watch->event);
    if (!lasting_open(watch, &watch->events, take_events)) {
        lasting_wait(&watch->events, PAUSE_LEAST_MS);
        return;
    }
    curl_easy_setopt(watch->events.easy, CURLOPT_HEADERFUNCTION, take_events_header);
    curl_easy_setopt(watch->events.easy, CURLOPT_HEADERDATA, watch);
}

/* --- the log stream ---------------------------------------------------------------------------------------------- */

static void watch_take_line(void *ctx, const struct container_line *line)
{
    struct container_watch *watch = ctx;
    if (container_spool_add(watch->spool, line))
        return;
    watch->is_spool_bad = true;
    if (!watch->spool_said)
        say_warning("%s: cannot be written: %s; trying again", watch->spool_path, strerror(errno));
    watch->spool_said = true;
}

static size_t take_logs(char *bytes, size_t size, size_t count, void *user)
{
    struct container_watch *watch = user;
    container_stream_take(&watch->stream, bytes, size * count);
    return watch->is_spool_bad || watch->stream.is_broken ? 0 : size * count;
}

static bool open_spool(struct container_watch *watch)
{
    struct strbuf error = { 0 };
    if (!watch->spool)
        watch->spool = container_spool_open(watch->spool_path, &error);
    if (!watch->spool && !watch->spool_said) {
        say_warning("the container's log cannot be kept: %s; trying again", strbuf_text(&error));
        watch->spool_said = true;
    }
    strbuf_free(&error);
    return watch->spool != NULL;
}

static void keep_logs(struct container_watch *watch)
{
    struct strbuf since = { 0 };
    if (!watch->is_own_file || !watch->logs_wanted || watch->logs.easy || clock_running_ms() < watch->logs.again_ms)
        return;
    container_stream_free(&watch->stream);
    watch->stream =
        (struct container_stream){ .is_raw = watch->facts.has_terminal, .line = watch_take_line, .ctx = watch };
    watch->is_spool_bad = false;
    if (open_spool(watch)) {
        container_spool_take_up(watch->spool, watch->id, &since);
        strbuf_clear(&watch->logs.url);
        container_logs_url(watch->id, strbuf_text(&since), &watch->logs.url);
        lasting_open(watch, &watch->logs, take_logs);
    }
    if (!watch->logs.easy)
        lasting_wait(&watch->logs, LOGS_PAUSE_MS);
    strbuf_free(&since);
}

/* It ends with the container's life, or because the file cannot be written, or with Docker itself. */
static void end_logs(struct container_watch *watch, bool was_good)
{
    lasting_close(watch, &watch->logs);
    if (was_good)
        watch->logs.pause_ms = 0;
    lasting_wait(&watch->logs, LOGS_PAUSE_MS);
    if (was_good && watch->facts.state != CONTAINER_RUNS)
        watch->logs_wanted = false;
    if (watch->hold_ms)
        watch_tell_in_order(watch, false);
}

/* --- how the container is ---------------------------------------------------------------------------------------- */

/* A file that is not there yet, in a directory that is, will be. */
static bool is_readable(const char *path)
{
    int fd = *path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || !*path || errno != ENOENT)
        return fd >= 0;
    char *directory = must_copy(path, strlen(path));
    *strrchr(directory, '/') = '\0';
    bool is_there = access(directory, X_OK) == 0;
    free(directory);
    return is_there;
}

/*
 * Where the log of a container comes from is decided once for each container: a change would have lines read twice. What the agent's own file
 * began stays there, also if Docker's file can be read by now.
 */
static void choose_source(struct container_watch *watch)
{
    bool is_new = !watch->id || strcmp(watch->id, watch->facts.id) != 0;
    if (!is_new || !watch->facts.was_started)
        return;
    free(watch->id);
    watch->id = must_copy(watch->facts.id, strlen(watch->facts.id));
    lasting_close(watch, &watch->logs);
    watch->logs.again_ms = watch->logs.pause_ms = 0;
    bool has_begun =
        access(watch->spool_path, F_OK) == 0 && open_spool(watch) && container_spool_is_of(watch->spool, watch->id);
    watch->is_own_file = has_begun || !is_readable(watch->facts.log_path);
    watch->logs_wanted = watch->is_own_file;
}

static void look_at_container(struct container_watch *watch)
{
    int64_t deaths = watch->told.deaths; /* only this thread writes it */
    container_facts_free(&watch->facts);
    container_look(watch->socket, watch->name, &watch->facts);
    watch->look = false;
    watch->look_again_ms = clock_running_ms() + (watch->is_events_new ? LOOK_TWICE_MS : LOOK_MOST_MS);
    watch->is_events_new = false;
    if (watch->facts.state == CONTAINER_UNKNOWN) {
        watch->look_pause_ms = watch->look_pause_ms ? watch->look_pause_ms * 2 : PAUSE_LEAST_MS;
        watch->look_pause_ms = watch->look_pause_ms < PAUSE_MOST_MS ? watch->look_pause_ms : PAUSE_MOST_MS;
        watch->look_again_ms = clock_running_ms() + watch->look_pause_ms;
    } else {
        watch->look_pause_ms = watch->events.pause_ms = 0;
    }
    if (watch->facts.state >= CONTAINER_STOPPED)
        choose_source(watch);
    if (watch->facts.state == CONTAINER_RUNS && watch->is_own_file)
        watch->logs_wanted = true;
    watch_tell_in_order(watch, watch->deaths != deaths);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void take_ends(struct container_watch *watch)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(watch->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        if (message->easy_handle == watch->logs.easy) {
            end_logs(watch, message->data.result == CURLE_OK);
        } else if (message->easy_handle == watch->events.easy) {
            lasting_close(watch, &watch->events);
            lasting_wait(&watch->events, PAUSE_LEAST_MS);
            watch->look = true;
        }
    }
}

static int64_t watch_sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int poll_ms(const struct container_watch *watch)
{
    int64_t now_ms = clock_running_ms(), until_ms = now_ms + POLL_MOST_MS;
    if (!watch->events.easy)
        until_ms = watch_sooner(until_ms, watch->events.again_ms);
    if (watch->logs_wanted && !watch->logs.easy)
        until_ms = watch_sooner(until_ms, watch->logs.again_ms);
    if (watch->hold_ms)
        until_ms = watch_sooner(until_ms, watch->hold_ms);
    until_ms = watch_sooner(until_ms, watch->look_again_ms);
    return watch->look || until_ms <= now_ms ? 0 : (int)(until_ms - now_ms);
}

static void watch_run(void *user)
{
    struct container_watch *watch = user;
    int running;
    while (!atomic_load(&watch->closed)) {
        keep_events(watch);
        curl_multi_perform(watch->multi, &running);
        take_ends(watch);
        if (watch->look || clock_running_ms() >= watch->look_again_ms)
            look_at_container(watch);
        keep_logs(watch);
        if (watch->hold_ms && clock_running_ms() >= watch->hold_ms) {
            watch->hold_ms = 0;
            watch_tell(watch);
        }
        curl_multi_poll(watch->multi, NULL, 0, poll_ms(watch), NULL);
    }
    lasting_close(watch, &watch->events);
    lasting_close(watch, &watch->logs);
}

static void watch_free(void *user)
{
    struct container_watch *watch = user;
    container_spool_close(watch->spool);
    container_stream_free(&watch->stream);
    container_facts_free(&watch->facts);
    container_told_free(&watch->told);
    curl_multi_cleanup(watch->multi);
    pthread_mutex_destroy(&watch->mutex);
    strbuf_free(&watch->events.url);
    strbuf_free(&watch->logs.url);
    strbuf_free(&watch->event);
    free(watch->spool_path);
    free(watch->socket);
    free(watch->name);
    free(watch->id);
    free(watch);
}

struct container_watch *container_open(const struct config *config, void (*wake)(void))
{
    int code = 0;
    if (!config->log_container)
        return NULL;
    struct container_watch *watch = must_alloc(sizeof *watch);
    watch->name = must_copy(config->log_container, strlen(config->log_container));
    watch->socket = docker_socket_path();
    watch->spool_path = container_spool_path(config);
    watch->wake = wake;
    watch->look_again_ms = INT64_MAX;
    watch->multi = curl_multi_init();
    pthread_mutex_init(&watch->mutex, NULL);
    container_events_url(watch->name, &watch->events.url);
    if (watch->socket && watch->multi)
        watch->worker = worker_begin(watch_run, watch_free, watch, &code);
    if (!watch->worker) {
        say_warning("the container %s cannot be watched: %s", watch->name,
                    watch->socket ? worker_trouble(code) : "DOCKER_HOST is not a Unix socket");
        watch_free(watch);
        return NULL;
    }
    return watch;
}

void container_close(struct container_watch *watch)
{
    if (!watch)
        return;
    atomic_store(&watch->closed, true);
    curl_multi_wakeup(watch->multi);
    worker_end(watch->worker);
}
