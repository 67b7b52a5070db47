/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/say.h"
#include "base/zone.h"
#include "confine.h"
#include "daemon_private.h"
#include "first_day.h"
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
        daemon->ingest.in_time = daemon->ingest.as_written = false;
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

static void load_state(struct daemon *daemon)
{
    struct strbuf damage = { 0 };
    state_load(daemon->history, &daemon->ingest);
    if (history_take_damage(daemon->history, &damage))
        say_warning("%s", strbuf_text(&damage));
    strbuf_free(&damage);
}

static bool open_core(struct daemon *daemon, struct strbuf *error)
{
    struct engine_sink stored = history_sink(daemon->history);
    struct engine_sink sink = metrics_sink(daemon->metrics, &stored);
    sink.clock = zone_clock_words;
    sink.notify_ctx = daemon;
    sink.notify = daemon_on_notify;
    daemon->ingest.parser = parser_open(config_patterns(daemon->config), error);
    daemon->ingest.frames = daemon->config->log_format == FRAME_PLAIN ? NULL : frames_new(daemon->config->log_format);
    daemon->ingest.causes = config_causes(daemon->config, error);
    if (!daemon->ingest.parser || !daemon->ingest.causes)
        return false;
    daemon->ingest.scrub = scrub_open();
    daemon->ingest.engine = engine_new(&daemon->config->settings, &sink);
    engine_set_causes(daemon->ingest.engine, daemon->ingest.causes);
    daemon->ingest.live_from_ms = daemon->started_ms - FRESH_MS;
    ingest_begin(&daemon->ingest);
    load_state(daemon);
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

/* Whether reading goes on in the file that is at the path now, and where: at its beginning if nothing was read before. */
static bool find_begin(const struct daemon *daemon, const struct source_position *positions, size_t count,
                       int64_t *offset)
{
    struct stat st;
    *offset = count > 0 ? positions[count - 1].offset : 0;
    return stat(daemon->config->log_path, &st) == 0 && (count == 0 || positions[count - 1].inode == st.st_ino);
}

/*
 * Where the log's times have no date, what was written while the agent was away takes its days from the order of the lines, from the last
 * one that was read before on. At the first start there is none, and a pause of a day or more leaves no trace in that order: then the days are
 * counted backwards. Behind a rotation the order must do.
 */
static void date_backlog(struct daemon *daemon, const struct source_position *positions, size_t count)
{
    const struct config *config = daemon->config;
    struct first_day_question question = { .path = config->log_path, .patterns = config_patterns(config) };
    if (config->log_format != FRAME_PLAIN || !config_patterns(config) ||
        !find_begin(daemon, positions, count, &question.from))
        return;
    question.last_ms = count > 0 ? parser_clock(daemon->ingest.parser) : 0;
    struct first_day day = first_day_find(&question);
    if (day.known && (day.lost_days > 0 || question.last_ms == 0))
        parser_begin_at(daemon->ingest.parser, day.begin_ms);
    if (day.needed && !day.known)
        say_warning("%s: its times have no date, and it is too long to count its days: what was written before now is "
                    "not read as records",
                    config->log_path);
    if (day.lost_days > 0)
        say_warning("%s: its times have no date, and %d day%s missing between the line that was read last and its last "
                    "write: taken to lie before the next line",
                    config->log_path, day.lost_days, day.lost_days == 1 ? " is" : "s are");
}

static bool open_follow(struct daemon *daemon, struct strbuf *error)
{
    struct source_position positions[SOURCES_MOST];
    size_t count = history_get_sources(daemon->history, positions, SOURCES_MOST);
    struct follow_sink sink = { daemon, daemon_on_line, daemon_on_note };
    forget_owner_of_another_log(daemon, positions, count);
    date_backlog(daemon, positions, count);
    daemon->follow = follow_open(daemon->config->log_path, daemon->config->log_owner, positions, count, &sink, error);
    if (daemon->follow && daemon->config->log_container)
        follow_own_directory(daemon->follow);
    else if (daemon->follow && daemon->config->log_format != FRAME_PLAIN)
        follow_allow_link(daemon->follow);
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
    daemon->prefect = prefect_open(daemon->config, follow_wake);
    daemon_expect_witnesses(daemon);
    daemon->ingest.watch = daemon_hear;
    daemon->ingest.watch_ctx = daemon;
    daemon->dispatch = dispatch_open(daemon->config, daemon->history, follow_wake, error);
    if (!daemon->dispatch || !open_follow(daemon, error))
        return false;
    daemon->container = container_open(daemon->config, follow_wake);
    return true;
}

void daemon_close(struct daemon *daemon)
{
    daemon_look_at_clocks(daemon);
    if (!daemon->begin_again)
        systemd_tell(SYSTEMD_STOPPING);
    container_close(daemon->container);
    container_told_free(&daemon->contained);
    witnesses_close(daemon->witnesses);
    table_witnesses_close(daemon->table_witnesses);
    unit_close(daemon->unit);
    host_close(daemon->host);
    prefect_close(daemon->prefect);
    if (daemon->dispatch)
        dispatch_stop(daemon->dispatch);
    daemon->retry_ms = 0;
    if (daemon->history && daemon->follow && !daemon->begin_again) {
        daemon->counters_ms = 0;
        daemon->urgent = true;
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
