/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "base/zone.h"
#include "confine.h"
#include "daemon_private.h"
#include "state.h"
#include "systemd.h"

static void daemon_on_notify(void *ctx, const struct notification *notification)
{
    struct daemon *daemon = ctx;
    struct message *message = message_from(notification);
    dispatch_put(daemon->dispatch, message, notification->hearing);
    message_free(message);
}

static void daemon_on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct daemon *daemon = ctx;
    daemon->touched = true;
    daemon->read_bytes += (int64_t)len + 1;
    daemon->read_lines++;
    /* The clock may have been set since this look began, and the line be written after that. */
    if (daemon->ingest.since_ms)
        daemon->ingest.now_ms = clock_now_ms();
    ingest_line(&daemon->ingest, line, len, offset);
}

/* Nobody knows when the lines of a file were written that was put or copied here, until one of this minute comes. */
static void daemon_on_note(void *ctx, enum follow_note note, const char *text)
{
    struct daemon *daemon = ctx;
    if (note == FOLLOW_OPENED || note == FOLLOW_TRUNCATED) {
        daemon->ingest.since_ms = 0;
        daemon->ingest.in_time = false;
    }
    if (note == FOLLOW_OPENED || note == FOLLOW_TRUNCATED || note == FOLLOW_SKIPPED)
        engine_lose_lines(daemon->ingest.engine);
    if (note == FOLLOW_OPENED)
        say_info("%s", text);
    else
        say_warning("%s", text);
}

static bool open_history(struct daemon *daemon, struct strbuf *error)
{
    struct strbuf notice = { 0 };
    daemon->history = history_open(daemon->config->history_db, &notice, error);
    if (daemon->history)
        history_begin_start(daemon->history, &notice);
    if (notice.len)
        say_warning("%s", strbuf_text(&notice));
    strbuf_free(&notice);
    return daemon->history != NULL;
}

/* Without an earlier history the counters begin at zero. */
static void open_metrics(struct daemon *daemon)
{
    struct strbuf error = { 0 };
    daemon->metrics = metrics_new();
    if (!metrics_take_up(daemon->metrics, daemon->config->history_db, &error))
        say_warning("metrics: %s", strbuf_text(&error));
    strbuf_free(&error);
}

static bool open_core(struct daemon *daemon, struct strbuf *error)
{
    struct engine_sink stored = history_sink(daemon->history);
    struct engine_sink sink = metrics_sink(daemon->metrics, &stored);
    sink.clock = zone_clock_words;
    sink.notify_ctx = daemon;
    sink.notify = daemon_on_notify;
    daemon->ingest.parser = parser_open(daemon->config->log_patterns, error);
    daemon->ingest.causes = config_causes(daemon->config, error);
    if (!daemon->ingest.parser || !daemon->ingest.causes)
        return false;
    daemon->ingest.scrub = scrub_open();
    daemon->ingest.engine = engine_new(&daemon->config->settings, &sink);
    engine_set_causes(daemon->ingest.engine, daemon->ingest.causes);
    daemon->ingest.live_from_ms = daemon->started_ms - FRESH_MS;
    ingest_begin(&daemon->ingest);
    state_load(daemon->history, &daemon->ingest);
    daemon_take_silences(daemon);
    engine_catch_up(daemon->ingest.engine);
    daemon->catching_up = true;
    return true;
}

/* Must come before the threads of the sender and the witnesses begin: a thread that runs already would not be confined. */
static void confine(const struct config *config)
{
    struct strbuf shortfall = { 0 };
    confine_process(config, &shortfall);
    if (shortfall.len)
        say_warning("not confined as far as could be: %s", strbuf_text(&shortfall));
    strbuf_free(&shortfall);
}

/* Another log may have another owner; the same one may not (source_position.h). */
static void forget_owner_of_another_log(struct daemon *daemon, struct source_position *positions, size_t count)
{
    char *path = state_load_log_path(daemon->history);
    bool same = path && strcmp(path, daemon->config->log_path) == 0;
    for (size_t i = 0; !same && i < count; i++)
        positions[i].owner = SOURCE_OWNER_UNKNOWN;
    free(path);
}

static bool open_follow(struct daemon *daemon, struct strbuf *error)
{
    struct source_position positions[SOURCES_MOST];
    size_t count = history_get_sources(daemon->history, positions, SOURCES_MOST);
    struct follow_sink sink = { daemon, daemon_on_line, daemon_on_note };
    forget_owner_of_another_log(daemon, positions, count);
    daemon->follow = follow_open(daemon->config->log_path, daemon->config->log_owner, positions, count, &sink, error);
    return daemon->follow != NULL;
}

bool daemon_open(struct daemon *daemon, struct strbuf *error)
{
    if (!open_history(daemon, error))
        return false;
    open_metrics(daemon);
    if (!open_core(daemon, error))
        return false;
    if (!daemon->confined)
        confine(daemon->config);
    daemon->witnesses = witnesses_open(daemon->config, follow_wake);
    daemon->table_witnesses = table_witnesses_open(daemon->config, follow_wake);
    daemon->unit = unit_open(daemon->config, follow_wake);
    daemon->host = host_open(daemon->config, follow_wake);
    daemon_expect_witnesses(daemon);
    daemon->ingest.watch = daemon_hear;
    daemon->ingest.watch_ctx = daemon;
    daemon->dispatch = dispatch_open(daemon->config, daemon->history, follow_wake, error);
    return daemon->dispatch && open_follow(daemon, error);
}

void daemon_close(struct daemon *daemon)
{
    daemon_look_at_clocks(daemon);
    if (!daemon->begin_again)
        systemd_tell(SYSTEMD_STOPPING);
    witnesses_close(daemon->witnesses);
    table_witnesses_close(daemon->table_witnesses);
    unit_close(daemon->unit);
    host_close(daemon->host);
    if (daemon->dispatch)
        dispatch_stop(daemon->dispatch);
    daemon->retry_ms = 0;
    if (daemon->history && daemon->follow && !daemon->begin_again) {
        daemon_commit(daemon);
        if (daemon->config->metrics_textfile)
            daemon_write_textfile(daemon, false);
    }
    dispatch_close(daemon->dispatch);
    follow_free(daemon->follow);
    ingest_end(&daemon->ingest);
    metrics_free(daemon->metrics);
    if (daemon->history)
        history_close(daemon->history);
    daemon_forget_silences(daemon);
    strbuf_free(&daemon->trouble.why);
    strbuf_free(&daemon->status);
}
