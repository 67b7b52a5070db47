/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <string.h>

#include "base/say.h"
#include "daemon_private.h"
#include "systemd.h"

enum {
    READ_BYTES = 1 << 20, /* lines of one commit while catching up */
    HOUSEKEEPING_MS = 60 * 60 * 1000,
    REOPEN_MS = 100,              /* how long a log may have no writer while it is reopened */
    REFUSED_MS = 2000,            /* how long a log may be unreadable while it is made: created, then chmod */
    SILENCE_LOOK_MS = 5 * 1000,   /* while one is in force: a person may end it at any time */
    PENDING_BYTES_MOST = 4 << 20, /* gathered while the disk is full: beyond it, the log waits unread */
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

static void on_probe_event(void *ctx, const struct event *event)
{
    struct daemon *daemon = ctx;
    engine_feed(daemon->ingest.engine, event);
    daemon->touched = true;
}

static void run_probes(struct daemon *daemon)
{
    struct witness_sink sink = { daemon, on_probe_event };
    if (daemon->witnesses)
        witnesses_run(daemon->witnesses, engine_newest_open(daemon->ingest.engine), daemon->now_ms, &sink);
}

/* --- the loop ---------------------------------------------------------------------------------------------- */

/*
 * The writer is asked before the log is read, and believed after: what it wrote before it died is read first, and its death
 * comes last. One that reopens its log (WatchedFileHandler after a rotation) closes the old file before the new one is there:
 * so an absence is asked about once more a moment later.
 */
static void notice_writer(struct daemon *daemon, enum follow_writer writer)
{
    enum follow_writer was = daemon->writer;
    bool first = writer == WRITER_ABSENT && daemon->absent_ms == 0;
    if (parser_clock(daemon->ingest.parser) == 0)
        return; /* nobody has written yet, so nobody can be missed */
    if (writer != WRITER_ABSENT)
        daemon->absent_ms = 0;
    else if (first)
        daemon->absent_ms = daemon->running_ms;
    if (writer == was)
        return;
    if (writer == WRITER_ABSENT && daemon->running_ms - daemon->absent_ms < REOPEN_MS)
        return;
    daemon->writer = writer;
    if (writer == WRITER_ABSENT)
        daemon_feed_host(daemon, &(struct event){ .kind = EVENT_WRITER_GONE });
    else if (writer == WRITER_PRESENT)
        daemon_feed_host(daemon, &(struct event){ .kind = EVENT_WRITER_BACK });
}

static int64_t ask_again_ms(const struct daemon *daemon)
{
    return daemon->absent_ms && daemon->writer != WRITER_ABSENT ? daemon->absent_ms + REOPEN_MS : INT64_MAX;
}

/* An answer that was not waited for is not "no". */
static void notice_limits(struct daemon *daemon)
{
    int64_t hits = parser_counts(daemon->ingest.parser)->limit_hits;
    if (hits > 0 && !daemon->limits_said) {
        say_warning("a pattern was given up at PCRE2's limits: its line may have been an event ([log] patterns; "
                    "`agent status` counts them)");
        daemon->limits_said = true;
    }
}

/* A log that cannot be trusted or read is an incident; one that is not there at all shows in the scheduler's silence. */
static void notice_refusal(struct daemon *daemon)
{
    const char *why = follow_refusal(daemon->follow);
    enum log_told wanted = why ? LOG_TOLD_REFUSED : LOG_TOLD_READABLE;
    struct strbuf text = { 0 };
    if (!why)
        daemon->refused_ms = 0;
    else if (daemon->refused_ms == 0)
        daemon->refused_ms = daemon->running_ms;
    if (wanted == daemon->log_told || (why && daemon->running_ms - daemon->refused_ms < REFUSED_MS))
        return;
    daemon->log_told = wanted;
    if (why)
        strbuf_printf(&text, "the log %s is not read: %s", daemon->config->log_path, why);
    daemon_feed_host(
        daemon, &(struct event){ .kind = why ? EVENT_LOG_REFUSED : EVENT_LOG_READABLE, .text = strbuf_slice(&text) });
    strbuf_free(&text);
}

static int64_t refuse_ms(const struct daemon *daemon)
{
    return daemon->refused_ms && daemon->log_told != LOG_TOLD_REFUSED ? daemon->refused_ms + REFUSED_MS : INT64_MAX;
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

static void tick(struct daemon *daemon)
{
    if (engine_next_deadline(daemon->ingest.engine) <= daemon->now_ms)
        daemon->touched = true;
    engine_tick(daemon->ingest.engine, daemon->now_ms);
}

/* For `systemctl status`: said when it changes. */
static void tell_status(struct daemon *daemon)
{
    struct strbuf status = { 0 };
    if (daemon->trouble.failures)
        strbuf_puts(&status, "the history cannot be written; ");
    if (follow_refusal(daemon->follow))
        strbuf_puts(&status, "the log cannot be read; ");
    metrics_summary(daemon->metrics, &status);
    if (daemon->ready && strcmp(strbuf_text(&status), strbuf_text(&daemon->status)) != 0) {
        systemd_tell_status(strbuf_text(&status));
        strbuf_free(&daemon->status);
        daemon->status = status;
    } else {
        strbuf_free(&status);
    }
}

static void keep_house(struct daemon *daemon)
{
    tell_status(daemon);
    if (daemon->running_ms >= daemon->watchdog_ms) {
        systemd_tell(SYSTEMD_WATCHDOG);
        daemon->watchdog_ms = daemon->running_ms + systemd_watchdog_ms();
    }
    if (daemon->running_ms < daemon->housekeeping_ms)
        return;
    bool more = history_prune(daemon->history, daemon->now_ms - daemon->config->retention_ms);
    history_idle(daemon->history);
    dispatch_review(daemon->dispatch);
    daemon->housekeeping_ms = daemon->running_ms + (more ? RETRY_MS : HOUSEKEEPING_MS);
}

/* Reading, deciding and storing all go on; that the loop runs shows in the question being asked. */
static bool is_well(const struct daemon *daemon)
{
    return daemon->ready && daemon->trouble.failures == 0 && !follow_refusal(daemon->follow);
}

/* From the loop and nowhere else: an agent that hangs falls silent. One that is not well does so too, and is asked again. */
static void beat(struct daemon *daemon)
{
    int64_t every_ms = daemon->config->heartbeat_every_ms;
    if (!daemon->config->heartbeat_url) {
        daemon->beat_ms = INT64_MAX;
        return;
    }
    /* Further ahead than that, it was set before the configuration was read again. */
    if (daemon->beat_ms > daemon->running_ms && daemon->beat_ms - daemon->running_ms <= every_ms)
        return;
    bool well = is_well(daemon);
    if (well)
        dispatch_beat(daemon->dispatch);
    daemon->beat_ms = daemon->running_ms + (well ? every_ms : earliest(every_ms, RETRY_MS));
}

/* Before lines are read: whoever begins a silence and then stops the scheduler is not paged. */
static void notice_silence(struct daemon *daemon)
{
    int64_t until_ms = history_silence_end(daemon->history, daemon->now_ms);
    if (until_ms != daemon->silenced_until_ms)
        engine_silence(daemon->ingest.engine, until_ms);
    daemon->silenced_until_ms = until_ms;
    daemon->silence_look_ms = until_ms ? daemon->running_ms + SILENCE_LOOK_MS : INT64_MAX;
}

static void notice_stuck_webhooks(struct daemon *daemon)
{
    struct strbuf words = { 0 };
    if (dispatch_stuck_news(daemon->dispatch, daemon->now_ms, &words))
        daemon_feed_host(daemon, &(struct event){ .kind = words.len ? EVENT_WEBHOOK_STUCK : EVENT_WEBHOOK_WELL,
                                                  .text = strbuf_slice(&words) });
    strbuf_free(&words);
}

/*
 * What happened beside the log happened now. Told amid a backlog it would take the core's clock there, past everything that is
 * not read yet: the promised run would be a month late, the cycle that is just being read hung since then.
 */
static void notice_the_world(struct daemon *daemon)
{
    run_probes(daemon);
    notice_stuck_webhooks(daemon);
}

static int64_t textfile_next_ms(const struct daemon *daemon)
{
    return daemon->config->metrics_textfile ? textfile_due_ms(&daemon->textfile) : INT64_MAX;
}

static int64_t next_wake_ms(struct daemon *daemon)
{
    int64_t wake_ms = earliest(engine_next_deadline(daemon->ingest.engine), textfile_next_ms(daemon));
    wake_ms = earliest(wake_ms, witnesses_due_ms(daemon->witnesses));
    wake_ms = earliest(wake_ms, dispatch_next_ms(daemon->dispatch, daemon->now_ms));
    int64_t own_ms = earliest(daemon->housekeeping_ms, earliest(daemon->watchdog_ms, daemon->beat_ms));
    own_ms = earliest(own_ms, earliest(ask_again_ms(daemon), refuse_ms(daemon)));
    own_ms = earliest(own_ms, daemon->silence_look_ms);
    if (daemon->retry_ms)
        own_ms = earliest(own_ms, daemon->retry_ms);
    return own_ms == INT64_MAX ? wake_ms : earliest(wake_ms, daemon->now_ms + own_ms - daemon->running_ms);
}

/* What sending brought back is committed before sleeping; not again and again while the disk refuses. */
static bool settled(const struct daemon *daemon)
{
    return !history_dirty(daemon->history) || daemon->retry_ms;
}

/* Short enough that a signal ends the agent in time. */
static void pause_until_retry(const struct daemon *daemon)
{
    int64_t pause_ms = earliest(daemon->retry_ms - daemon->running_ms, 200);
    if (pause_ms > 0)
        clock_sleep_ms(pause_ms);
}

/* While the disk is full and enough waits in memory, the log is left unread until a commit has made room. */
static enum follow_progress read_and_decide(struct daemon *daemon)
{
    if (history_pending_bytes(daemon->history) > PENDING_BYTES_MOST) {
        daemon->drained = false;
        pause_until_retry(daemon);
        return FOLLOW_MORE;
    }
    if (daemon->drained)
        daemon_notice_jump(daemon);
    daemon->ingest.now_ms = daemon->now_ms;
    daemon->ingest.just_written = daemon->drained;
    enum follow_writer writer = follow_writer(daemon->follow);
    enum follow_progress progress = follow_read(daemon->follow, READ_BYTES);
    daemon->drained = progress == FOLLOW_DRAINED;
    if (daemon->drained) {
        daemon_notice_zone(daemon);
        daemon_leave_future(daemon);
        tick(daemon);
        notice_writer(daemon, writer);
        notice_refusal(daemon);
        notice_limits(daemon);
        caught_up(daemon);
    }
    return progress;
}

/* Read, feed, tick, commit, send; sleep until the next deadline or the next line. */
static void loop(struct daemon *daemon)
{
    while (!stop_asked) {
        daemon_look_at_clocks(daemon);
        notice_silence(daemon);
        enum follow_progress progress = read_and_decide(daemon);
        if (progress == FOLLOW_DRAINED)
            notice_the_world(daemon);
        daemon_commit(daemon);
        dispatch_run(daemon->dispatch, daemon->now_ms);
        if (daemon->drained)
            history_checkpoint(daemon->history);
        keep_house(daemon);
        if (reload_asked) {
            reload_asked = 0;
            daemon_reload(daemon);
            continue; /* what waits is for the new configuration to send, now */
        }
        beat(daemon);
        if (textfile_next_ms(daemon) <= daemon->now_ms)
            daemon_write_textfile(daemon, true);
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
        .started_ms = clock_now_ms(),
        .watchdog_ms = INT64_MAX,
    };
    if (systemd_watchdog_ms() > 0)
        daemon.watchdog_ms = 0;
    clock_watch_begin(&daemon.clock);
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
