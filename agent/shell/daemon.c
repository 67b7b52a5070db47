/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "agent/shell/daemon_parts.h"
#include "shell/notify_systemd.h"
#include "shell/say.h"

enum {
    READ_BYTES = 1 << 20,                /* lines of one commit while catching up */
    HOUSEKEEPING_MS = 60 * 60 * 1000,
    REOPEN_MS = 100,                     /* how long a log may have no writer while it is reopened */
    PENDING_BYTES_MOST = 4 << 20,        /* gathered while the disk is full: beyond it, the log waits unread */
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

static void feed_host_event(struct daemon *daemon, enum event_kind kind, int64_t now_ms, int64_t duration_ms)
{
    struct event event = { .kind = kind, .time_ms = now_ms, .offset = -1, .duration_ms = duration_ms };
    engine_feed(daemon->ingest.engine, &event);
    daemon->touched = true;
}

/* --- the loop ---------------------------------------------------------------------------------------------- */

/*
 * The writer is asked before the log is read, and believed after: what it wrote before it died is read first, and its death
 * comes last. One that reopens its log (WatchedFileHandler after a rotation) closes the old file before the new one is there:
 * so an absence is asked about once more a moment later.
 */
static void notice_writer(struct daemon *daemon, enum follow_writer writer, int64_t now_ms)
{
    enum follow_writer was = daemon->writer;
    bool first = writer == WRITER_ABSENT && daemon->absent_ms == 0;
    if (writer != WRITER_ABSENT)
        daemon->absent_ms = 0;
    else if (first)
        daemon->absent_ms = now_ms;
    if (writer == was || parser_clock(daemon->ingest.parser) == 0)
        return;
    if (writer == WRITER_ABSENT && now_ms - daemon->absent_ms < REOPEN_MS)
        return;
    daemon->writer = writer;
    if (writer == WRITER_ABSENT)
        feed_host_event(daemon, EVENT_WRITER_GONE, now_ms, 0);
    else if (writer == WRITER_PRESENT)
        feed_host_event(daemon, EVENT_WRITER_BACK, now_ms, 0);
}

static int64_t ask_again_ms(const struct daemon *daemon)
{
    return daemon->absent_ms && daemon->writer != WRITER_ABSENT ? daemon->absent_ms + REOPEN_MS : INT64_MAX;
}

static void shift(int64_t *deadline_ms, int64_t jump_ms)
{
    if (*deadline_ms && *deadline_ms != INT64_MAX)
        *deadline_ms += jump_ms;
}

static void notice_jump(struct daemon *daemon, int64_t now_ms)
{
    int64_t jump_ms = hostclock_jump_ms(&daemon->clock);
    if (jump_ms == 0)
        return;
    daemon->textfile.written_ms = 0;
    shift(&daemon->watchdog_ms, jump_ms);
    shift(&daemon->housekeeping_ms, jump_ms);
    shift(&daemon->retry_ms, jump_ms);
    shift(&daemon->absent_ms, jump_ms);
    say_warning("the clock jumped by %" PRId64 " s: the host slept, or its clock was set", jump_ms / 1000);
    feed_host_event(daemon, EVENT_HOST_RESUMED, now_ms, jump_ms);
}

/* Lines from the future (the clock was wrong, and is right now) must not leave every promise broken for ever. */
static void leave_future(struct daemon *daemon, int64_t now_ms)
{
    int64_t ahead_ms = engine_clock(daemon->ingest.engine) - now_ms;
    if (ahead_ms <= FRESH_MS)
        return;
    say_warning("the log is %" PRId64 " s ahead of the clock: is the time zone right ([log] timezone)?", ahead_ms / 1000);
    feed_host_event(daemon, EVENT_HOST_RESUMED, now_ms, -ahead_ms);
}

static void caught_up(struct daemon *daemon)
{
    if (daemon->catching_up) {
        engine_go_live(daemon->ingest.engine);
        daemon->touched = true;
    }
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
    wake_ms = earliest(wake_ms, ask_again_ms(daemon));
    return daemon->retry_ms ? earliest(wake_ms, daemon->retry_ms) : wake_ms;
}

/* What sending brought back is committed before sleeping; not again and again while the disk refuses. */
static bool settled(const struct daemon *daemon)
{
    return !history_dirty(daemon->history) || daemon->retry_ms;
}

/* Short enough that a signal ends the agent in time. */
static void pause_until_retry(const struct daemon *daemon, int64_t now_ms)
{
    int64_t pause_ms = earliest(daemon->retry_ms - now_ms, 200);
    nanosleep(&(struct timespec){ .tv_nsec = pause_ms * 1000000 }, NULL);
}

/*
 * While the disk is full and enough waits in memory, the log is left unread, and nothing is concluded from what was not
 * read: the next look is when the next commit may succeed.
 */
static enum follow_progress read_and_decide(struct daemon *daemon, int64_t now_ms)
{
    if (history_pending_bytes(daemon->history) > PENDING_BYTES_MOST && daemon->retry_ms > now_ms) {
        pause_until_retry(daemon, now_ms);
        return FOLLOW_MORE;
    }
    enum follow_writer writer = follow_writer(daemon->follow);
    enum follow_progress progress = follow_read(daemon->follow, READ_BYTES);
    if (progress == FOLLOW_DRAINED) {
        notice_jump(daemon, now_ms);
        leave_future(daemon, now_ms);
        tick(daemon, now_ms);
        notice_writer(daemon, writer, now_ms);
        caught_up(daemon);
    }
    return progress;
}

/* Read, feed, tick, commit, send; sleep until the next deadline or the next line. */
static void loop(struct daemon *daemon)
{
    while (!stop_asked) {
        int64_t now_ms = hostclock_now_ms();
        enum follow_progress progress = read_and_decide(daemon, now_ms);
        daemon_commit(daemon, now_ms);
        dispatch_run(daemon->dispatch, now_ms);
        keep_house(daemon, now_ms);
        if (reload_asked)
            reload(daemon);
        beat(daemon, now_ms);
        if (textfile_next_ms(daemon) <= now_ms)
            daemon_write_textfile(daemon, true, now_ms);
        if (progress == FOLLOW_DRAINED && !stop_asked && settled(daemon))
            follow_wait(daemon->follow, next_wake_ms(daemon));
    }
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
    bool opened = daemon_open(&daemon, &error);
    if (opened)
        loop(&daemon);
    else
        say_error("%s", strbuf_text(&error));
    daemon_close(&daemon);
    strbuf_free(&error);
    return opened ? 0 : 1;
}
