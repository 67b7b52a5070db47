/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "base/say.h"
#include "daemon_private.h"

/* What happens beside the log's lines: its writer and its file, probes, webhooks. Each becomes an event for the engine. */

enum {
    REOPEN_MS = 100, /* how long a log may have no writer while it is reopened */
    STRAYS_AGAIN_MS = 60 * 60 * 1000,
};

void daemon_feed_host(struct daemon *daemon, const struct event *what)
{
    struct event event = *what;
    event.time_ms = daemon->now_ms;
    event.offset = -1;
    engine_feed(daemon->ingest.engine, &event);
    daemon->touched = daemon->urgent = true;
}

/*
 * A writer that reopens its log after a rotation (WatchedFileHandler) closes the old file before it opens the new one. So an absence
 * is believed only if it lasts for REOPEN_MS.
 */
static void notice_writer(struct daemon *daemon, enum follow_writer writer)
{
    if (parser_clock(daemon->ingest.parser) == 0)
        return; /* nobody has written yet, so nobody can be missed */
    if (writer != WRITER_ABSENT)
        daemon->absent_ms = 0;
    else if (daemon->absent_ms == 0)
        daemon->absent_ms = daemon->running_ms;
    if (writer == daemon->writer || (writer == WRITER_ABSENT && daemon->running_ms - daemon->absent_ms < REOPEN_MS))
        return;
    daemon->writer = writer;
    if (writer == WRITER_ABSENT)
        daemon_feed_host(daemon, &(struct event){ .kind = EVENT_WRITER_GONE });
    else if (writer == WRITER_PRESENT)
        daemon_feed_host(daemon, &(struct event){ .kind = EVENT_WRITER_BACK });
}

/* PCRE2 gives up at its limits, so the line may still have been an event. */
static void notice_limits(struct daemon *daemon)
{
    if (daemon->limits_said || parser_counts(daemon->ingest.parser)->limit_hits == 0)
        return;
    say_warning("a pattern was given up at PCRE2's limits: its line may have been an event ([log] patterns; "
                "`agent status` counts them)");
    daemon->limits_said = true;
}

static void notice_strays(struct daemon *daemon)
{
    struct strbuf words = { 0 };
    int64_t strays = ingest_strays(&daemon->ingest, &words);
    if (strays != daemon->strays_said &&
        (daemon->strays_said_ms == 0 || daemon->running_ms - daemon->strays_said_ms >= STRAYS_AGAIN_MS)) {
        say_warning("%s", strbuf_text(&words));
        daemon->strays_said = strays;
        daemon->strays_said_ms = daemon->running_ms;
    }
    strbuf_free(&words);
}

/* Of a long line only the beginning was looked at. */
static void notice_cuts(struct daemon *daemon)
{
    if (daemon->cuts_said || parser_counts(daemon->ingest.parser)->cut_lines == 0)
        return;
    say_warning(
        "the log has lines of more than %d bytes: only the beginning of such a line is looked at; not said again",
        LINE_MAX_BYTES);
    daemon->cuts_said = true;
}

/* A line that is no frame is read as it is. Where all are, nothing is understood, which is noticed as any other blindness. */
static void notice_broken_frames(struct daemon *daemon)
{
    struct strbuf words = { 0 };
    if (!daemon->frames_said && daemon->ingest.frames)
        frames_describe_broken(daemon->ingest.frames, &words);
    if (words.len > 0) {
        say_warning("the log: %s; not said again", strbuf_text(&words));
        daemon->frames_said = true;
    }
    strbuf_free(&words);
}

/* The log is not silent while the half of a line stands there, or something was written since it was read. */
void daemon_settle_log(struct daemon *daemon)
{
    struct ingest *ingest = &daemon->ingest;
    bool asked = ingest_due_ms(ingest) != INT64_MAX;
    ingest->heard = ingest->heard || (asked && follow_behind(daemon->follow) > 0);
    daemon->touched = ingest_settle(ingest, follow_written_ms(daemon->follow)) || daemon->touched;
}

/* A log that names so many tables holds something else than names. */
static void notice_refused_tables(struct daemon *daemon)
{
    if (daemon->tables_said || engine_refused_tables(daemon->ingest.engine) == 0)
        return;
    say_warning("the log names more new tables at once than are kept (%d): the runs of the others are not seen until "
                "the first ones have succeeded twice or are named no more; not said again",
                TABLES_UNPROVEN_MAX);
    daemon->tables_said = true;
}

void daemon_notice_log(struct daemon *daemon, enum follow_writer writer)
{
    daemon_notice_death(daemon);
    notice_writer(daemon, writer);
    daemon_notice_blindness(daemon);
    notice_limits(daemon);
    notice_cuts(daemon);
    notice_broken_frames(daemon);
    notice_strays(daemon);
    notice_refused_tables(daemon);
}

static void notice_answer(void *ctx, const struct event *event)
{
    struct daemon *daemon = ctx;
    engine_feed(daemon->ingest.engine, event);
    daemon->touched = daemon->urgent = true;
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
 * These events happen now. Told in the middle of a backlog, they would move the engine's clock past everything that is not read yet:
 * the promised run would be a month late, and the cycle that is just being read would hang since then.
 */
void daemon_notice_world(struct daemon *daemon)
{
    struct witness_sink sink = { daemon, notice_answer, daemon_take_word };
    struct witness_need need = { .newest_open = engine_newest_open(daemon->ingest.engine),
                                 .failing = engine_is_failing(daemon->ingest.engine) };
    if (daemon->witnesses)
        witnesses_run(daemon->witnesses, need, daemon->now_ms, &sink);
    unit_run(daemon->unit, need, daemon->now_ms, &sink);
    host_run(daemon->host, need, unit_main_pid(daemon->unit), daemon->now_ms, &sink);
    prefect_run(daemon->prefect, need, daemon->now_ms, &sink);
    table_witnesses_run(daemon->table_witnesses, daemon->now_ms, &sink);
    notice_stuck_webhooks(daemon);
}

void daemon_hear(void *ctx, const struct event *event)
{
    struct daemon *daemon = ctx;
    if (event_is_of_maintenance(event->kind))
        daemon_take_maintenance(daemon, event);
    if (daemon->catching_up)
        return;
    table_witnesses_hear(daemon->table_witnesses, event);
    host_hear(daemon->host, event);
}

int64_t daemon_notice_again_ms(const struct daemon *daemon)
{
    int64_t again_ms = daemon_earlier(daemon->asked_look_ms, ingest_due_ms(&daemon->ingest));
    if (daemon->absent_ms && daemon->writer != WRITER_ABSENT)
        again_ms = daemon_earlier(again_ms, daemon->absent_ms + REOPEN_MS);
    return daemon_earlier(again_ms, daemon_blindness_again_ms(daemon));
}
