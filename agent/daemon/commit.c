/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/say.h"
#include "daemon_private.h"
#include "state.h"

enum {
    HELD_LEAST_BYTES = 8 << 20, /* more than the write-ahead log ever has unless somebody holds it */
    SOON_MS = 50,               /* after a commit that met the checkpoint of our own thread */
    WAIT_LEAST_MS = 250,        /* for lines that nobody waits for, likewise the next two */
    WAIT_MOST_MS = 2000,
    WAIT_AGAIN_MS = 1000, /* lines that come so soon after such a commit wait for twice as long as those before */
};

static void commit_gather(struct daemon *daemon)
{
    struct source_position positions[SOURCES_MOST];
    struct strbuf trouble = { 0 }, words[BLIND_REASONS] = { 0 };
    const char *blind[BLIND_REASONS];
    for (int i = 0; i < BLIND_REASONS; i++)
        blind[i] = daemon_is_blind(daemon, (enum blind_reason)i, &words[i]) ? strbuf_text(&words[i]) : NULL;
    daemon_log_trouble(daemon, &trouble);
    size_t count = follow_positions(daemon->follow, positions, SOURCES_MOST);
    history_put_sources(daemon->history, positions, count);
    state_save_parser(daemon->history, &daemon->ingest);
    state_save_engine(daemon->history, daemon->ingest.engine);
    state_save_agent(daemon->history, &daemon->ingest,
                     &(struct agent_facts){
                         .started_ms = daemon->started_ms,
                         .alive_ms = daemon->now_ms,
                         .writer = daemon->writer,
                         .behind_bytes = follow_behind(daemon->follow),
                         .commit_failures = daemon->commit_failures,
                         .log_path = daemon->config->log_path,
                         .blind = blind,
                         .log_trouble = trouble.len ? strbuf_text(&trouble) : NULL,
                     });
    for (int i = 0; i < BLIND_REASONS; i++)
        strbuf_free(&words[i]);
    strbuf_free(&trouble);
    daemon->touched = daemon->urgent = false;
}

static void commit_failed(struct daemon *daemon, const char *why)
{
    daemon->commit_failures++;
    int64_t pause_ms = daemon->reopen_pause_ms ? 2 * daemon->reopen_pause_ms : RETRY_MS;
    daemon->reopen_pause_ms = history_on_disk(daemon->history) ? 0 : daemon_earlier(pause_ms, REOPEN_MOST_MS);
    daemon->retry_ms = daemon->running_ms + (daemon->reopen_pause_ms ? daemon->reopen_pause_ms : RETRY_MS);
    if (daemon->trouble.failures++ == 0)
        daemon->trouble.since_ms = daemon->now_ms;
    if (strcmp(strbuf_text(&daemon->trouble.why), why) != 0) {
        strbuf_clear(&daemon->trouble.why);
        strbuf_puts(&daemon->trouble.why, why);
        say_error("history: %s; going on from memory", why);
    }
    history_leave_trouble(daemon->history, &daemon->trouble);
}

static void commit_succeeded(struct daemon *daemon)
{
    if (daemon->trouble.failures == 0)
        return;
    say_note("history: writing again");
    daemon->trouble.failures = 0;
    strbuf_clear(&daemon->trouble.why);
    history_leave_trouble(daemon->history, &daemon->trouble);
}

/* The write-ahead log cannot begin anew while a reader holds it or the disk fails. That is said, and again whenever it has doubled. */
static void commit_watch_wal(struct daemon *daemon)
{
    int64_t held_bytes = history_held_bytes(daemon->history), told_bytes = daemon->held_told_bytes;
    if (held_bytes >= (told_bytes ? 2 * told_bytes : HELD_LEAST_BYTES)) {
        say_warning("history: %" PRId64
                    " MB of the write-ahead log cannot be moved into the database, and it grows: a reader holds it "
                    "(fuser %s-wal names it), or the disk fails",
                    held_bytes >> 20, daemon->config->history_db);
        daemon->held_told_bytes = held_bytes;
    } else if (told_bytes && held_bytes < HELD_LEAST_BYTES) {
        say_note("history: the write-ahead log is free again");
        daemon->held_told_bytes = 0;
    }
}

/*
 * Lines that only say how cycles and runs go are committed together: nobody is told of them, and what a kill takes of them is read again from the
 * log. The first of them waits for a quarter of a second. As long as more follow, the waits grow up to two seconds, so that a line costs little
 * however far apart they come. A line that makes an incident, a deadline that does and all that is not in the log are committed at once; so is
 * a backlog, between two reads of it. After a commit that failed, the next try has a time of its own.
 */
static bool commit_may_wait(struct daemon *daemon)
{
    bool is_plain = daemon->drained && !daemon->catching_up && !daemon->urgent && daemon->retry_ms == 0 &&
                    history_may_wait(daemon->history);
    bool is_any = daemon->touched || history_dirty(daemon->history);
    if (!is_plain || !is_any) {
        daemon->commit_ms = 0;
        return false;
    }
    if (daemon->commit_ms == 0) {
        bool goes_on = daemon->waited_ms != 0 && daemon->running_ms - daemon->waited_ms < WAIT_AGAIN_MS;
        daemon->commit_wait_ms = goes_on ? daemon_earlier(2 * daemon->commit_wait_ms, WAIT_MOST_MS) : WAIT_LEAST_MS;
        daemon->commit_ms = daemon->running_ms + daemon->commit_wait_ms;
    }
    if (daemon->running_ms < daemon->commit_ms)
        return true;
    daemon->waited_ms = daemon->running_ms;
    daemon->commit_ms = 0;
    return false;
}

void daemon_commit(struct daemon *daemon)
{
    struct strbuf error = { 0 };
    if (ingest_is_undecided(&daemon->ingest) || commit_may_wait(daemon))
        return;
    bool may_try = daemon->running_ms >= daemon->retry_ms;
    if (daemon->touched && may_try)
        commit_gather(daemon);
    daemon->counters_stale |= history_dirty(daemon->history);
    daemon_store_counters(daemon);
    if (!history_dirty(daemon->history) || !may_try)
        return;
    bool tending = history_is_checkpointing(daemon->history);
    enum history_status status = history_commit(daemon->history, &error);
    if (status == HISTORY_BUSY && tending) {
        daemon->retry_ms = daemon->running_ms + SOON_MS;
    } else if (status == HISTORY_REOPEN) {
        say_note("history: it can be written again, and holds what was not known: going on from there");
        daemon->begin_again = true;
    } else if (status != HISTORY_OK) {
        commit_failed(daemon, strbuf_text(&error));
    } else {
        if (error.len) {
            say_warning("history: %s", strbuf_text(&error));
            engine_retell(daemon->ingest.engine);
        }
        commit_succeeded(daemon);
        daemon->commits++;
        daemon->textfile.stale = true;
        daemon->retry_ms = 0;
        commit_watch_wal(daemon);
    }
    strbuf_free(&error);
}
