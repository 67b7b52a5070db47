/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "base/say.h"
#include "daemon_private.h"

/*
 * Blindness: the log is missing, deleted, refused or not understood, its summaries know more than its lines, the history cannot be written,
 * nobody can be told. The file's state and the lines that are not understood become events, and the engine judges them. Here each
 * reason is said on stderr, and kept for the heartbeat, the metrics and `agent status`.
 */

enum { REFUSED_MS = 2000 }; /* how long a log may be unreadable while it is made: created, then chmod */

static enum log_told log_state(const struct daemon *daemon, struct strbuf *words)
{
    const char *path = daemon->config->log_path, *why = follow_refusal(daemon->follow);
    if (daemon_container_is_away(daemon, words))
        return LOG_TOLD_MISSING;
    if (why) {
        strbuf_printf(words, "the log is not read: %s (%s)", why, path);
        return LOG_TOLD_REFUSED;
    }
    switch (follow_place(daemon->follow)) {
    case FOLLOW_MISSING: strbuf_printf(words, "the log is missing: there is no file %s", path); return LOG_TOLD_MISSING;
    case FOLLOW_UNLINKED:
        strbuf_printf(
            words,
            "the log was deleted: restart the scheduler (nothing is at %s any more; its writer writes on into "
            "the deleted file, which cannot be found again after a restart of the agent)",
            path);
        return LOG_TOLD_DELETED;
    case FOLLOW_THERE: break;
    }
    return LOG_TOLD_READABLE;
}

static void notice_file(struct daemon *daemon)
{
    static const enum event_kind events[] = {
        [LOG_TOLD_READABLE] = EVENT_LOG_READABLE,
        [LOG_TOLD_REFUSED] = EVENT_LOG_REFUSED,
        [LOG_TOLD_MISSING] = EVENT_LOG_MISSING,
        [LOG_TOLD_DELETED] = EVENT_LOG_DELETED,
    };
    struct strbuf words = { 0 };
    enum log_told state = log_state(daemon, &words);
    if (state != LOG_TOLD_REFUSED)
        daemon->refused_ms = 0;
    else if (daemon->refused_ms == 0)
        daemon->refused_ms = daemon->running_ms;
    bool may_pass = state == LOG_TOLD_REFUSED && daemon->running_ms - daemon->refused_ms < REFUSED_MS;
    if (state != daemon->log_told && !may_pass) {
        daemon->log_told = state;
        daemon_feed_host(daemon, &(struct event){ .kind = events[state], .text = strbuf_slice(&words) });
    }
    strbuf_free(&words);
}

static enum lines_told lines_state(const struct daemon *daemon, int64_t lines)
{
    enum {
        LINES_SOME = 10,
        LINES_MANY = 50
    }; /* the engine judges anew when so many came (agent/core/detect_blind.c) */
    const struct ingest *ingest = &daemon->ingest;
    if (lines == 0 && parser_counts(ingest->parser)->events > 0)
        return LINES_KNOWN;
    if (lines == 0)
        return engine_has_heard(ingest->engine) || daemon->log_told != LOG_TOLD_READABLE ? daemon->lines_told
                                                                                         : LINES_NONE;
    return lines >= LINES_MANY ? LINES_UNKNOWN_MANY : lines >= LINES_SOME ? LINES_UNKNOWN_SOME : LINES_UNKNOWN_FEW;
}

static void feed_unknown(struct daemon *daemon, int64_t lines)
{
    struct strbuf words = { 0 };
    if (lines == 0) {
        strbuf_printf(&words, "the log is empty: no line has come in %s", daemon->config->log_path);
    } else {
        strbuf_printf(&words, "%" PRId64 " line%s came, and none is understood; ", lines, lines == 1 ? "" : "s");
        parser_unknown_lines(daemon->ingest.parser, &words);
    }
    struct event event = { .kind = EVENT_LINES_UNKNOWN, .number = lines, .text = strbuf_slice(&words) };
    scrub_event(daemon->ingest.scrub, &event);
    daemon_feed_host(daemon, &event);
    strbuf_free(&words);
}

/* If lines were understood since the last look, those that were not understood after them are counted anew. */
static void notice_lines(struct daemon *daemon)
{
    int64_t lines = parser_unknown_lines(daemon->ingest.parser, NULL);
    int64_t events = parser_counts(daemon->ingest.parser)->events;
    enum lines_told state = lines_state(daemon, lines), told = daemon->lines_told;
    bool anew = events != daemon->lines_told_events;
    if (state == told && !(anew && lines > 0))
        return;
    if (told != LINES_KNOWN && (state == LINES_KNOWN || anew))
        daemon_feed_host(daemon, &(struct event){ .kind = EVENT_LINES_KNOWN });
    if (state != LINES_KNOWN)
        feed_unknown(daemon, lines);
    daemon->lines_told = state;
    daemon->lines_told_events = events;
}

bool daemon_is_blind(const struct daemon *daemon, enum blind_reason reason, struct strbuf *words)
{
    const char *found = engine_blind_words(daemon->ingest.engine, reason);
    if (reason == BLIND_UNWRITABLE && daemon->trouble.failures > 0)
        found = strbuf_text(&daemon->trouble.why);
    else if (reason == BLIND_MUTE && !dispatch_can_tell(daemon->dispatch))
        found = "nobody can be told anything: no webhook takes what it is sent";
    else if (reason == BLIND_REFUSED)
        found = follow_refusal(daemon->follow);
    if (found && words)
        strbuf_puts(words, found);
    return found != NULL;
}

bool daemon_is_blind_at_all(const struct daemon *daemon)
{
    bool blind = false;
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        blind = blind || daemon_is_blind(daemon, (enum blind_reason)reason, NULL);
    return blind;
}

/* What follow.c, the history and the sender say of themselves is not said twice. */
static void say_blindness(struct daemon *daemon)
{
    static const char *const seen[BLIND_REASONS] = {
        [BLIND_MISSING] = "the log is there now",
        [BLIND_DELETED] = "the log has a name again",
        [BLIND_NOT_UNDERSTOOD] = "the log's lines are understood again",
        [BLIND_SUMMARY] = "the cycles' summaries and the lines of their runs agree again",
    };
    for (int i = 0; i < BLIND_REASONS; i++) {
        enum blind_reason reason = (enum blind_reason)i;
        struct strbuf words = { 0 };
        bool blind = daemon_is_blind(daemon, reason, &words);
        if (blind == daemon->blind_known[i] || !seen[i]) {
            strbuf_free(&words);
            continue;
        }
        daemon->blind_known[i] = blind;
        daemon->touched = daemon->urgent = true;
        daemon->textfile.stale = true;
        if (!blind)
            say_note("%s", seen[i]);
        else if (reason == BLIND_SUMMARY || reason == BLIND_NOT_UNDERSTOOD)
            say_warning("blind: %s", strbuf_text(&words));
        strbuf_free(&words);
    }
}

void daemon_notice_blindness(struct daemon *daemon)
{
    notice_file(daemon);
    notice_lines(daemon);
    say_blindness(daemon);
}

int64_t daemon_blindness_again_ms(const struct daemon *daemon)
{
    return daemon->refused_ms && daemon->log_told != LOG_TOLD_REFUSED ? daemon->refused_ms + REFUSED_MS : INT64_MAX;
}
