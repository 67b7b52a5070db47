/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "agent/shell/hostclock.h"
#include "shell/dispatch.h"
#include "shell/follow.h"
#include "shell/history.h"
#include "shell/ingest.h"
#include "shell/notify_systemd.h"
#include "shell/say.h"
#include "shell/reader.h"
#include "shell/state.h"
#include "shell/textfile.h"

enum {
    READ_BYTES = 1 << 20,                /* lines of one commit while catching up */
    FRESH_MS = 60 * 1000,                /* backlog younger than that is news: a restart of the agent swallows none */
    HOUSEKEEPING_MS = 60 * 60 * 1000,
    RETRY_MS = 1000,                     /* after a commit that failed */
    PENDING_BYTES_MOST = 4 << 20,        /* gathered while the disk is full: beyond it, the log waits unread */
    SOURCES_MOST = 16,
};

struct daemon {
    struct config *config;
    const struct daemon_source *source;
    struct history *history;
    struct dispatch *dispatch;
    struct follow *follow;
    struct metrics *metrics;
    struct textfile textfile;
    struct ingest ingest;
    struct hostclock clock;
    struct strbuf trouble;               /* why the last commit failed; "" when it did not */
    enum follow_writer writer;
    bool catching_up;
    bool touched;                        /* lines or deadlines changed the core since the last commit */
    bool ready;                          /* the service manager was told */
    int64_t started_ms;
    int64_t commit_failures;
    int64_t retry_ms;                    /* when to commit again; 0: at once */
    int64_t housekeeping_ms;
    int64_t watchdog_ms;                 /* when to tell the service manager next; INT64_MAX: it does not ask */
    int64_t beat_ms;                     /* when the next heartbeat is due; INT64_MAX: none is wanted */
};

/* Signals come at any moment: these two are all that their handler touches. */
static volatile sig_atomic_t stop_asked, reload_asked;

static void on_signal(int number)
{
    if (number == SIGHUP)
        reload_asked = 1;
    else
        stop_asked = 1;
    follow_wake();
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- what the core and the log tell ------------------------------------------------------------------------ */

static void on_notify(void *ctx, const struct notification *notification)
{
    struct daemon *daemon = ctx;
    struct message *message = message_from(notification);
    dispatch_put(daemon->dispatch, message, history_silenced(daemon->history, message->time_ms));
    message_free(message);
}

static void on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct daemon *daemon = ctx;
    daemon->touched = true;
    ingest_line(&daemon->ingest, line, len, offset);
}

static void on_note(void *ctx, enum follow_note note, const char *text)
{
    (void)ctx;
    if (note == FOLLOW_OPENED || note == FOLLOW_WAITING)
        say_info("%s", text);
    else
        say_warning("%s", text);
}

static void feed_host_event(struct daemon *daemon, enum event_kind kind, int64_t now_ms, int64_t duration_ms)
{
    struct event event = { .kind = kind, .time_ms = now_ms, .offset = -1, .duration_ms = duration_ms };
    engine_feed(daemon->ingest.engine, &event);
    daemon->touched = true;
}

/* --- committing -------------------------------------------------------------------------------------------- */

static void put_everything(struct daemon *daemon, int64_t now_ms)
{
    struct source_position positions[SOURCES_MOST];
    size_t count = follow_positions(daemon->follow, positions, SOURCES_MOST);
    history_put_sources(daemon->history, positions, count);
    state_save_parser(daemon->history, daemon->ingest.parser);
    state_save_engine(daemon->history, daemon->ingest.engine, STATE_CHANGED);
    state_save_agent(daemon->history, &daemon->ingest, &(struct agent_facts){
        .started_ms = daemon->started_ms,
        .alive_ms = now_ms,
        .writer = daemon->writer,
        .behind_bytes = follow_behind(daemon->follow),
        .commit_failures = daemon->commit_failures,
        .log_path = daemon->config->log_path,
    });
    daemon->touched = false;
}

static void commit_failed(struct daemon *daemon, const char *why, int64_t now_ms)
{
    daemon->commit_failures++;
    daemon->retry_ms = now_ms + RETRY_MS;
    if (strcmp(strbuf_text(&daemon->trouble), why) == 0)
        return;
    strbuf_clear(&daemon->trouble);
    strbuf_puts(&daemon->trouble, why);
    say_error("history: %s; going on from memory", why);
}

static void commit(struct daemon *daemon, int64_t now_ms)
{
    struct strbuf error = { 0 };
    if (daemon->touched)
        put_everything(daemon, now_ms);
    if (!history_dirty(daemon->history) || now_ms < daemon->retry_ms)
        return;
    if (history_commit(daemon->history, &error) != HISTORY_OK) {
        commit_failed(daemon, strbuf_text(&error), now_ms);
    } else {
        if (error.len)
            say_warning("history: %s", strbuf_text(&error));
        if (daemon->trouble.len)
            say_warning("history: writing again");
        strbuf_clear(&daemon->trouble);
        daemon->textfile.stale = true;
        daemon->retry_ms = 0;
    }
    strbuf_free(&error);
}

/* --- the loop ---------------------------------------------------------------------------------------------- */

/*
 * The writer is asked before the log is read, and believed after: what it wrote before it died is read first, and its death
 * comes last.
 */
static void notice_writer(struct daemon *daemon, enum follow_writer writer, int64_t now_ms)
{
    enum follow_writer was = daemon->writer;
    daemon->writer = writer;
    if (writer == was || writer == WRITER_UNKNOWN || parser_clock(daemon->ingest.parser) == 0)
        return;
    if (writer == WRITER_ABSENT)
        feed_host_event(daemon, EVENT_WRITER_GONE, now_ms, 0);
    else
        feed_host_event(daemon, EVENT_WRITER_BACK, now_ms, 0);
}

static void notice_jump(struct daemon *daemon, int64_t now_ms)
{
    int64_t jump_ms = hostclock_jump_ms(&daemon->clock);
    if (jump_ms == 0)
        return;
    daemon->textfile.written_ms = 0;
    say_warning("the clock jumped by %" PRId64 " s: the host slept, or its clock was set", jump_ms / 1000);
    feed_host_event(daemon, EVENT_HOST_RESUMED, now_ms, jump_ms);
}

static void caught_up(struct daemon *daemon)
{
    if (daemon->catching_up)
        engine_go_live(daemon->ingest.engine);
    daemon->catching_up = false;
    daemon->ingest.live_from_ms = INT64_MIN;
    if (!daemon->ready)
        systemd_tell(SYSTEMD_READY);
    daemon->ready = true;
}

static void tick(struct daemon *daemon, int64_t now_ms)
{
    if (engine_next_deadline(daemon->ingest.engine) <= now_ms)
        daemon->touched = true;
    engine_tick(daemon->ingest.engine, now_ms);
}

static void keep_house(struct daemon *daemon, int64_t now_ms)
{
    if (now_ms >= daemon->watchdog_ms) {
        systemd_tell(SYSTEMD_WATCHDOG);
        daemon->watchdog_ms = now_ms + systemd_watchdog_ms();
    }
    if (now_ms < daemon->housekeeping_ms)
        return;
    bool more = history_prune(daemon->history, now_ms - daemon->config->retention_ms);
    history_idle(daemon->history);
    daemon->housekeeping_ms = more ? now_ms + RETRY_MS : now_ms + HOUSEKEEPING_MS;
}

/* Reading, deciding and storing all go on; that the loop runs shows in the question being asked. */
static bool is_well(const struct daemon *daemon)
{
    return daemon->ready && daemon->trouble.len == 0 && !follow_unreadable(daemon->follow);
}

/* From the loop and nowhere else: an agent that hangs falls silent. One that is not well does so too, and is asked again. */
static void beat(struct daemon *daemon, int64_t now_ms)
{
    int64_t every_ms = daemon->config->heartbeat_every_ms;
    if (!daemon->config->heartbeat_url) {
        daemon->beat_ms = INT64_MAX;
        return;
    }
    /* Further ahead than that, it was set before the clock was set back or the configuration was read again. */
    if (daemon->beat_ms > now_ms && daemon->beat_ms - now_ms <= every_ms)
        return;
    bool well = is_well(daemon);
    if (well)
        dispatch_beat(daemon->dispatch);
    daemon->beat_ms = now_ms + (well ? every_ms : earliest(every_ms, RETRY_MS));
}

static void write_textfile(struct daemon *daemon, bool up, int64_t now_ms)
{
    textfile_write(&daemon->textfile, daemon->config->metrics_textfile, &(struct textfile_facts){
        .up = up,
        .metrics = daemon->metrics,
        .dispatch = daemon->dispatch,
        .parsed = parser_counts(daemon->ingest.parser),
        .commit_failures = daemon->commit_failures,
        .behind_bytes = follow_behind(daemon->follow),
        .writer = daemon->writer,
    }, now_ms);
}

static int64_t textfile_next_ms(const struct daemon *daemon)
{
    return daemon->config->metrics_textfile ? textfile_due_ms(&daemon->textfile) : INT64_MAX;
}

static void reload(struct daemon *daemon)
{
    reload_asked = 0;
    systemd_tell(SYSTEMD_RELOADING);
    struct config *fresh = daemon->source->reload(daemon->source->ctx);
    if (fresh) {
        struct strbuf error = { 0 };
        struct dispatch *dispatch = dispatch_open(fresh, daemon->history, follow_wake, &error);
        if (dispatch) {
            dispatch_close(daemon->dispatch);
            daemon->dispatch = dispatch;
            config_free(daemon->config);
            daemon->config = fresh;
            engine_configure(daemon->ingest.engine, &fresh->settings);
            say_warning("configuration read again");
        } else {
            say_error("%s; the old configuration stays", strbuf_text(&error));
            config_free(fresh);
        }
        strbuf_free(&error);
    }
    systemd_tell(SYSTEMD_READY);
}

static int64_t next_wake_ms(struct daemon *daemon)
{
    int64_t wake_ms = earliest(engine_next_deadline(daemon->ingest.engine), daemon->housekeeping_ms);
    wake_ms = earliest(wake_ms, earliest(daemon->watchdog_ms, daemon->beat_ms));
    wake_ms = earliest(wake_ms, textfile_next_ms(daemon));
    return daemon->retry_ms ? earliest(wake_ms, daemon->retry_ms) : wake_ms;
}

/* What sending brought back is committed before sleeping; not again and again while the disk refuses. */
static bool settled(const struct daemon *daemon)
{
    return !history_dirty(daemon->history) || daemon->retry_ms;
}

/* Read, feed, tick, commit, send; sleep until the next deadline or the next line. */
static void loop(struct daemon *daemon)
{
    while (!stop_asked) {
        int64_t now_ms = hostclock_now_ms();
        bool full = history_pending_bytes(daemon->history) > PENDING_BYTES_MOST;
        notice_jump(daemon, now_ms);
        enum follow_writer writer = follow_writer(daemon->follow);
        enum follow_progress progress = full ? FOLLOW_DRAINED : follow_read(daemon->follow, READ_BYTES);
        if (progress == FOLLOW_DRAINED) {
            tick(daemon, now_ms);
            notice_writer(daemon, writer, now_ms);
            caught_up(daemon);
        }
        commit(daemon, now_ms);
        dispatch_run(daemon->dispatch, now_ms);
        keep_house(daemon, now_ms);
        if (reload_asked)
            reload(daemon);
        beat(daemon, now_ms);
        if (textfile_next_ms(daemon) <= now_ms)
            write_textfile(daemon, true, now_ms);
        if (progress == FOLLOW_DRAINED && !stop_asked && settled(daemon))
            follow_wait(daemon->follow, next_wake_ms(daemon));
    }
}

/* --- beginning and end ------------------------------------------------------------------------------------- */

static bool open_history(struct daemon *daemon, struct strbuf *error)
{
    struct strbuf notice = { 0 };
    daemon->history = history_open(daemon->config->history_db, &notice, error);
    if (notice.len)
        say_warning("%s", strbuf_text(&notice));
    strbuf_free(&notice);
    return daemon->history != NULL;
}

/* What an earlier life left; without it the counts just begin anew. */
static void open_metrics(struct daemon *daemon)
{
    struct strbuf error = { 0 };
    daemon->metrics = metrics_new();
    if (daemon->config->metrics_textfile && !metrics_take_up(daemon->metrics, daemon->config->history_db, &error))
        say_warning("metrics: %s", strbuf_text(&error));
    strbuf_free(&error);
}

static bool open_core(struct daemon *daemon, struct strbuf *error)
{
    struct engine_sink stored = history_sink(daemon->history);
    struct engine_sink sink = metrics_sink(daemon->metrics, &stored);
    sink.notify_ctx = daemon;
    sink.notify = on_notify;
    daemon->ingest.parser = parser_open(daemon->config->log_patterns, error);
    if (!daemon->ingest.parser)
        return false;
    daemon->ingest.engine = engine_new(&daemon->config->settings, &sink);
    daemon->ingest.live_from_ms = daemon->started_ms - FRESH_MS;
    state_load(daemon->history, &daemon->ingest);
    engine_catch_up(daemon->ingest.engine);
    daemon->catching_up = true;
    return true;
}

static bool open_follow(struct daemon *daemon, struct strbuf *error)
{
    struct source_position positions[SOURCES_MOST];
    size_t count = history_get_sources(daemon->history, positions, SOURCES_MOST);
    struct follow_sink sink = { daemon, on_line, on_note };
    daemon->follow = follow_open(daemon->config->log_path, daemon->config->log_owner, positions, count, &sink, error);
    return daemon->follow != NULL;
}

static bool open_all(struct daemon *daemon, struct strbuf *error)
{
    if (!open_history(daemon, error))
        return false;
    open_metrics(daemon);
    if (!open_core(daemon, error))
        return false;
    daemon->dispatch = dispatch_open(daemon->config, daemon->history, follow_wake, error);
    return daemon->dispatch && open_follow(daemon, error);
}

static void close_all(struct daemon *daemon)
{
    int64_t now_ms = hostclock_now_ms();
    systemd_tell(SYSTEMD_STOPPING);
    if (daemon->dispatch)
        dispatch_stop(daemon->dispatch);
    daemon->retry_ms = 0;
    if (daemon->history && daemon->follow) {
        commit(daemon, now_ms);
        if (daemon->config->metrics_textfile)
            write_textfile(daemon, false, now_ms);
    }
    dispatch_close(daemon->dispatch);
    follow_free(daemon->follow);
    engine_free(daemon->ingest.engine);
    metrics_free(daemon->metrics);
    parser_free(daemon->ingest.parser);
    if (daemon->history)
        history_close(daemon->history);
    strbuf_free(&daemon->trouble);
    config_free(daemon->config);
}

int daemon_run(struct config *config, const struct daemon_source *source)
{
    struct strbuf error = { 0 };
    struct daemon daemon = {
        .config = config,
        .source = source,
        .started_ms = hostclock_now_ms(),
        .watchdog_ms = INT64_MAX,
    };
    daemon.housekeeping_ms = daemon.started_ms;
    if (systemd_watchdog_ms() > 0)
        daemon.watchdog_ms = daemon.started_ms;
    hostclock_init(&daemon.clock);
    catch_signals();
    bool opened = open_all(&daemon, &error);
    if (opened)
        loop(&daemon);
    else
        say_error("%s", strbuf_text(&error));
    close_all(&daemon);
    strbuf_free(&error);
    return opened ? 0 : 1;
}
