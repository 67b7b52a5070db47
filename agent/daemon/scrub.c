/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scrub.h"

#include <stdlib.h>

#include "base/mask.h"

static const char KEY_BEGINS[] = "-----BEGIN ", KEY_ENDS[] = "-----END ", KEY_IS_PRIVATE[] = "PRIVATE KEY-----";

struct scrub {
    struct masker *masker;
    bool in_key; /* a line of this excerpt began a private key, and its end has not come yet */
    struct strbuf text, line;
};

struct scrub *scrub_open(void)
{
    struct scrub *scrub = must_alloc(sizeof *scrub);

    scrub->masker = masker_open();
    return scrub;
}

void scrub_close(struct scrub *scrub)
{
    if (!scrub)
        return;
    masker_close(scrub->masker);
    strbuf_free(&scrub->text);
    strbuf_free(&scrub->line);
    free(scrub);
}

void scrub_archive(struct scrub *scrub, struct archive *archive)
{
    archive_bool(archive, "in_private_key", &scrub->in_key);
}

/* What follows the next "-----BEGIN ... PRIVATE KEY-----" or "-----END ...", as mark says; NULL if there is none. */
static const char *after_mark(struct slice text, const char *mark)
{
    const char *end = text.at + text.len;
    const char *at = memmem(text.at, text.len, mark, strlen(mark));
    const char *kind = at ? memmem(at, (size_t)(end - at), KEY_IS_PRIVATE, strlen(KEY_IS_PRIVATE)) : NULL;

    return kind ? kind + strlen(KEY_IS_PRIVATE) : NULL;
}

static struct slice rest_of(struct slice text, const char *from)
{
    return (struct slice){ from, (size_t)(text.at + text.len - from) };
}

static bool leaves_key_open(struct slice text)
{
    const char *begun, *ended = text.at;

    if (text.len == 0)
        return false;
    while (ended && (begun = after_mark(rest_of(text, ended), KEY_BEGINS)) != NULL)
        ended = after_mark(rest_of(text, begun), KEY_ENDS);
    return !ended;
}

/* One line of an excerpt. */
static void scrub_text(struct scrub *scrub, struct slice text, struct strbuf *out)
{
    if (scrub->in_key) {
        const char *after = after_mark(text, KEY_ENDS);
        strbuf_puts(out, "***");
        if (!after)
            return;
        text = rest_of(text, after);
    }
    scrub->in_key = leaves_key_open(text);
    masker_text(scrub->masker, text, out);
}

/* The text is usually a part of the line. What stands before and after it is written by the scheduler and holds no secret. */
static void scrub_line(struct scrub *scrub, const struct event *event)
{
    const struct slice line = event->line, text = event->text;

    if (text.len > 0 && text.at >= line.at && text.at + text.len <= line.at + line.len) {
        strbuf_add(&scrub->line, line.at, (size_t)(text.at - line.at));
        strbuf_add(&scrub->line, strbuf_text(&scrub->text), scrub->text.len);
        struct slice rest = rest_of(line, text.at + text.len);
        strbuf_add(&scrub->line, rest.at, rest.len);
    } else {
        masker_text(scrub->masker, line, &scrub->line);
    }
}

/* Events without a text consist of the scheduler's fixed words, numbers and times, except for these kinds. */
static bool has_foreign_words(const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_FAILED:
    case EVENT_RUN_STDERR:
    case EVENT_RUN_TIMEOUT:
    case EVENT_CYCLE_EXCEPTION:
    case EVENT_SCHEDULER_CRASHED: return true;
    default: return event->text.len > 0;
    }
}

static void scrub_words(struct scrub *scrub, struct event *event)
{
    strbuf_clear(&scrub->text);
    strbuf_clear(&scrub->line);
    scrub_text(scrub, event->text, &scrub->text);
    scrub_line(scrub, event);
    event->text = (struct slice){ strbuf_text(&scrub->text), scrub->text.len };
    event->line = (struct slice){ strbuf_text(&scrub->line), scrub->line.len };
}

/* In a log whose lines say by name whose they are, other runs may speak between the lines of an excerpt. */
static bool ends_excerpt(const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STDERR:
    case EVENT_MAINTENANCE_FAILED:
    case EVENT_MAINTENANCE_COMPLETED: return false;
    case EVENT_ATTEMPT_FAILED:
    case EVENT_RUN_RETRY:
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT:
    case EVENT_RUN_ENDED: return true;
    default: return !event_has_name(event);
    }
}

__attribute__((cold)) static void scrub_foreign(struct scrub *scrub, struct event *event)
{
    if (scrub->in_key && ends_excerpt(event))
        scrub->in_key = false;
    if (has_foreign_words(event))
        scrub_words(scrub, event);
}

void scrub_event(struct scrub *scrub, struct event *event)
{
    if (scrub->in_key || has_foreign_words(event))
        scrub_foreign(scrub, event);
}
