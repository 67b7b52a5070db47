/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "base/say.h"
#include "daemon_private.h"
#include "systemd.h"

enum {
    READ_MOST_BYTES = 1 << 20,       /* of the log in one turn: what a backlog commits at once */
    READ_LEAST_BYTES = 16 << 10,     /* where lines take long */
    TURN_MS = 250,                   /* how long reading may take: so soon is the next look at everything else */
    PENDING_BYTES_MOST = 4 << 20,    /* gathered while commits fail: beyond this the log is left unread */
    RECENT_MS = 26 * 60 * 60 * 1000, /* a log that ends so late is still written, if only once a day */
    SLEEP_MOST_MS = 60 * 1000,       /* so that it is known to a minute when a line was written */
    PAUSE_MOST_MS = 200,             /* short enough that a signal ends the agent in time */
};

/* Signals come at any moment. These two are all that their handler writes. */
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
    signal(SIGPIPE, SIG_IGN); /* a reader of our output that is gone shows as EPIPE, */
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes as EFBIG */
}

static void tick(struct daemon *daemon)
{
    if (engine_next_deadline(daemon->ingest.engine) <= daemon->now_ms)
        daemon->touched = true;
    engine_tick(daemon->ingest.engine, daemon->now_ms);
}

static void catch_up(struct daemon *daemon)
{
    if (daemon->catching_up) {
        engine_go_live(daemon->ingest.engine);
        daemon->touched = daemon->urgent = true;
        daemon->ingest.in_time = daemon->now_ms - ingest_clock(&daemon->ingest) <= RECENT_MS;
    }
    daemon->catching_up = false;
    daemon->ingest.live_from_ms = INT64_MIN;
    if (!daemon->ready) {
        systemd_tell(SYSTEMD_READY);
        daemon_greet(daemon);
    }
    daemon->ready = true;
}

/* The log was read to its end: everything that is to be judged by the clock is judged now. */
static void decide(struct daemon *daemon, enum follow_writer writer)
{
    daemon_settle_log(daemon);
    daemon_notice_zone(daemon);
    daemon_leave_future(daemon);
    tick(daemon);
    daemon_notice_log(daemon, writer);
    catch_up(daemon);
}

/* Foreign text can make lines expensive. The service manager's watchdog and everything else are looked at between two reads. */
static void plan_reading(struct daemon *daemon)
{
    int64_t took_ms = daemon->ingest.read_ms - daemon->running_ms;
    size_t bytes = daemon->read_bytes_next;
    if (took_ms > TURN_MS && bytes > READ_LEAST_BYTES)
        daemon->read_bytes_next = bytes / 2;
    else if (took_ms < TURN_MS / 4 && bytes < READ_MOST_BYTES)
        daemon->read_bytes_next = bytes * 2;
}

/*
 * The writer is asked before the log is read, and the answer is used afterwards: what a writer wrote before it died is read first, and
 * its death comes last.
 */
static void read_and_decide(struct daemon *daemon)
{
    if (daemon->drained)
        daemon_notice_jump(daemon);
    daemon->ingest.now_ms = daemon->now_ms;
    daemon->ingest.running_ms = daemon->running_ms;
    if (daemon->drained && daemon->ingest.in_time)
        daemon->ingest.since_ms = daemon->looked_ms;
    enum follow_writer writer = daemon_ask_writer(daemon);
    daemon->drained = follow_read(daemon->follow, daemon->read_bytes_next) == FOLLOW_DRAINED;
    daemon->ingest.read_ms = clock_running_ms();
    plan_reading(daemon);
    if (!daemon->drained)
        return;
    daemon->looked_ms = daemon->now_ms;
    daemon->ingest.as_written = true;
    decide(daemon, writer);
}

/* While commits fail and enough waits in memory, the log is left unread until a commit succeeds. */
static void wait_for_room(struct daemon *daemon)
{
    int64_t pause_ms = daemon_earlier(daemon->retry_ms - daemon->running_ms, PAUSE_MOST_MS);
    daemon->drained = false;
    if (pause_ms > 0)
        clock_sleep_ms(pause_ms);
}

static int64_t next_wake_ms(struct daemon *daemon)
{
    int64_t wake_ms = daemon_earlier(engine_next_deadline(daemon->ingest.engine), daemon_textfile_due_ms(daemon));
    wake_ms = daemon_earlier(wake_ms, witnesses_due_ms(daemon->witnesses));
    wake_ms = daemon_earlier(wake_ms, host_due_ms(daemon->host));
    wake_ms = daemon_earlier(wake_ms, prefect_due_ms(daemon->prefect));
    wake_ms = daemon_earlier(wake_ms, dispatch_next_ms(daemon->dispatch, daemon->now_ms));
    int64_t own_ms = daemon_earlier(daemon->housekeeping_ms, daemon_earlier(daemon->watchdog_ms, daemon->beat_ms));
    own_ms = daemon_earlier(own_ms, daemon_notice_again_ms(daemon));
    own_ms = daemon_earlier(own_ms, daemon->running_ms + SLEEP_MOST_MS);
    if (daemon->retry_ms)
        own_ms = daemon_earlier(own_ms, daemon->retry_ms);
    own_ms = daemon_earlier(own_ms, daemon->commit_ms ? daemon->commit_ms : daemon_counters_due_ms(daemon));
    return daemon_earlier(wake_ms, daemon->now_ms + own_ms - daemon->running_ms);
}

/* What sending brought back is committed before the agent sleeps, but not again and again while commits fail. */
static bool may_sleep(const struct daemon *daemon)
{
    bool is_plain = daemon->commit_ms && history_may_wait(daemon->history);
    bool may_wait = daemon->retry_ms || is_plain || !history_dirty(daemon->history);
    return daemon->drained && !stop_asked && may_wait;
}

/* Read, decide, commit, send; then sleep until the next line or the next deadline. */
static void loop(struct daemon *daemon)
{
    while (!stop_asked && !daemon->begin_again) {
        daemon_look_at_clocks(daemon);
        daemon_notice_asked(daemon);
        if (history_pending_bytes(daemon->history) > PENDING_BYTES_MOST)
            wait_for_room(daemon);
        else
            read_and_decide(daemon);
        if (daemon->drained)
            daemon_notice_world(daemon);
        daemon_commit(daemon);
        dispatch_run(daemon->dispatch, daemon->now_ms);
        if (daemon->drained)
            history_checkpoint(daemon->history);
        daemon_keep_house(daemon);
        if (reload_asked) {
            reload_asked = 0;
            daemon_reload(daemon);
            continue; /* what waits is sent at once by the new configuration */
        }
        daemon_beat(daemon);
        if (daemon_textfile_due_ms(daemon) <= daemon->now_ms)
            daemon_write_textfile(daemon, true);
        if (may_sleep(daemon))
            follow_wait(daemon->follow, next_wake_ms(daemon));
    }
}

/* One life of the daemon, from the history to the history. Returns false with the error said if it could not begin. */
static bool live(struct daemon *daemon)
{
    struct strbuf error = { 0 };
    bool opened = daemon_open(daemon, &error);
    if (opened) {
        daemon_greet_before_reading(daemon);
        loop(daemon);
    } else {
        say_error("%s", strbuf_text(&error));
    }
    daemon_close(daemon);
    strbuf_free(&error);
    return opened;
}

int daemon_run(struct config *config, const struct daemon_source *source)
{
    bool begin_again = false, good;
    say_without_waiting();
    catch_signals();
    do {
        struct daemon daemon = {
            .config = config,
            .source = source,
            .started_ms = clock_now_ms(),
            .read_bytes_next = READ_MOST_BYTES,
            .watchdog_ms = systemd_watchdog_ms() > 0 ? 0 : INT64_MAX,
            .confined = begin_again,
        };
        clock_watch_begin(&daemon.clock);
        good = live(&daemon);
        config = daemon.config;
        begin_again = daemon.begin_again;
    } while (good && begin_again && !stop_asked);
    config_free(config);
    return good ? 0 : 1;
}
