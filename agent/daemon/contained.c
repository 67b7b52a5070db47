/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/say.h"
#include "daemon_private.h"

/*
 * A log that is a container's ([log] container): where it lies, and whether the container lives. dockerd holds the file open for as long as
 * the container exists, so the file's writer says nothing: Docker's own word stands for it.
 */

/* That it cannot be seen, and that it can be seen again. What it does then is told by its log, its death and the engine. */
static void say_change(struct daemon *daemon)
{
    const struct container_told *told = &daemon->contained;
    bool is_seen = told->state >= CONTAINER_STOPPED;
    if (!is_seen && (!daemon->unseen_said || told->state != daemon->unseen_state))
        say_warning("the container %s: %s", daemon->config->log_container, strbuf_text(&told->words));
    else if (is_seen && daemon->unseen_said)
        say_note("the container %s: %s", daemon->config->log_container, strbuf_text(&told->words));
    daemon->unseen_said = !is_seen;
    daemon->unseen_state = told->state;
}

static void pass_word_on(struct daemon *daemon)
{
    static const enum witness_state states[] = {
        [CONTAINER_UNKNOWN] = WITNESS_SILENT,
        [CONTAINER_MISSING] = WITNESS_TROUBLE,
        [CONTAINER_STOPPED] = WITNESS_TROUBLE,
        [CONTAINER_RUNS] = WITNESS_WELL,
    };
    const struct container_told *told = &daemon->contained;
    struct witness_word word = { .name = WITNESS_CONTAINER,
                                 .state = states[told->state],
                                 .words = strbuf_text(&told->words),
                                 .at_ms = daemon->now_ms };
    daemon_take_word(daemon, &word);
}

/* What it died of belongs to the story of the incident that its death opens, and to that of any that is open. */
static void note_death(struct daemon *daemon)
{
    const struct container_told *told = &daemon->contained;
    struct strbuf line = { 0 };
    strbuf_printf(&line, "the container %s: %s", daemon->config->log_container, strbuf_text(&told->words));
    say_note("%s", strbuf_text(&line));
    daemon_feed_host(daemon, &(struct event){ .kind = EVENT_PROBE_NOTED,
                                              .number = engine_newest_open(daemon->ingest.engine),
                                              .text = slice_of(daemon->config->log_container),
                                              .cause = slice_of(""),
                                              .line = strbuf_slice(&line) });
    strbuf_free(&line);
}

static void take_news(struct daemon *daemon)
{
    const struct container_told *told = &daemon->contained;
    if (!container_take(daemon->container, &daemon->contained))
        return;
    if (told->path.len > 0)
        follow_move(daemon->follow, strbuf_text(&told->path));
    say_change(daemon);
    pass_word_on(daemon);
    daemon->died = daemon->died || told->deaths != daemon->deaths_known;
    daemon->deaths_known = told->deaths;
}

enum follow_writer daemon_ask_writer(struct daemon *daemon)
{
    if (!daemon->container)
        return follow_writer(daemon->follow);
    take_news(daemon);
    if (daemon->died)
        return WRITER_ABSENT;
    switch (daemon->contained.state) {
    case CONTAINER_UNKNOWN: return WRITER_UNKNOWN;
    case CONTAINER_RUNS: return WRITER_PRESENT;
    case CONTAINER_MISSING:
    case CONTAINER_STOPPED: break;
    }
    return WRITER_ABSENT;
}

void daemon_notice_death(struct daemon *daemon)
{
    if (!daemon->died)
        return;
    daemon->died = false;
    daemon->absent_ms = daemon->running_ms - 1000; /* Docker knows: there is no other moment to wait for */
    note_death(daemon);
    follow_wake(); /* it may run again by now, which is the next news */
}

bool daemon_container_is_away(const struct daemon *daemon, struct strbuf *words)
{
    const struct container_told *told = &daemon->contained;
    if (!daemon->config->log_container)
        return false;
    bool away = !daemon->container || told->state == CONTAINER_UNKNOWN || told->path.len == 0;
    if (away)
        strbuf_printf(words, "the log is missing: it is that of the container %s, and %s",
                      daemon->config->log_container,
                      told->words.len > 0 ? strbuf_text(&told->words) : "Docker has not answered yet");
    return away;
}
