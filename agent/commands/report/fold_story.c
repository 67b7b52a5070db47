/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timeline as people are shown it: a job's output without what tells nothing, and what repeats only once. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/terminal.h"
#include "gather.h"
#include "telling.h"
#include "words.h"

enum { FOLDED_FROM_LINES = 3, REPEATED_FROM = 3 };

static struct report_event *shown_add(struct report *report, const struct report_event *like, const char *text,
                                      size_t len)
{
    report->shown = list_room(report->shown, report->shown_count, sizeof *report->shown);
    struct report_event *event = &report->shown[report->shown_count++];
    *event = *like;
    event->kind = must_copy(like->kind, strlen(like->kind));
    event->text = must_copy(text, len);
    return event;
}

static size_t evidence_lines(const char *text)
{
    size_t count = *text != '\0';
    for (; *text; text++)
        count += *text == '\n' && text[1] != '\0';
    return count;
}

/* The rule that decided stands between the lines that it decided on. */
static bool is_rule(const struct report_event *event)
{
    return strcmp(event->kind, "rule") == 0;
}

/* The number of events from number `first`, which is evidence, on that are evidence of the same instant, rules among them. */
static size_t evidence_run(const struct report *report, size_t first)
{
    size_t count = 0;
    if (report->events[first].mark != MARK_EVIDENCE)
        return 0;
    for (size_t i = first; i < report->event_count && report->events[i].at_ms == report->events[first].at_ms; i++)
        if (report->events[i].mark == MARK_EVIDENCE)
            count = i + 1 - first;
        else if (!is_rule(&report->events[i]))
            break;
    return count;
}

/* Each line becomes an entry of its own; the place in the log stands at the first. */
static void show_lines(struct report *report, const struct report_event *like, const char *text)
{
    for (bool is_first = true; *text; is_first = false) {
        size_t len = strcspn(text, "\n");
        struct report_event *event = shown_add(report, like, text, len);
        event->offset = is_first ? like->offset : -1;
        text += len + (text[len] == '\n');
    }
}

static void show_evidence(struct report *report, size_t first, size_t count)
{
    struct strbuf text = { 0 }, folded = { 0 };
    for (size_t i = first; i < first + count; i++) {
        const struct report_event *event = &report->events[i];
        if (is_rule(event))
            shown_add(report, event, event->text, strlen(event->text));
        else
            strbuf_printf(&text, "%s%s", text.len ? "\n" : "", event->text);
    }
    if (evidence_lines(strbuf_text(&text)) >= FOLDED_FROM_LINES) {
        telling_fold(strbuf_text(&text), &folded);
        show_lines(report, &report->events[first], strbuf_text(&folded));
    } else {
        for (size_t i = first; i < first + count; i++)
            if (!is_rule(&report->events[i]))
                show_lines(report, &report->events[i], report->events[i].text);
    }
    strbuf_free(&text);
    strbuf_free(&folded);
}

/* How many events from number `first` on say the same. Notifications do not: each has deliveries of its own. */
static size_t repeated_run(const struct report *report, size_t first)
{
    const struct report_event *event = &report->events[first];
    size_t count = 1;
    while (event->mark != MARK_NOTIFIED && first + count < report->event_count &&
           strcmp(report->events[first + count].kind, event->kind) == 0 &&
           strcmp(report->events[first + count].text, event->text) == 0)
        count++;
    return count;
}

static void show_repeated(struct report *report, size_t first, size_t count)
{
    const struct report_event like = report->events[first];
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s%s%zu times until %s", like.text, *like.text ? ", " : "", count,
                  brief_time(report, report->events[first + count - 1].at_ms).text);
    shown_add(report, &like, strbuf_text(&text), text.len);
    strbuf_free(&text);
}

void fold_story(struct report *report)
{
    for (size_t i = 0; i < report->event_count;) {
        size_t evidence = evidence_run(report, i), repeated = repeated_run(report, i);
        const struct report_event *event = &report->events[i];
        if (evidence > 0)
            show_evidence(report, i, evidence);
        else if (repeated >= REPEATED_FROM)
            show_repeated(report, i, repeated);
        else
            shown_add(report, event, event->text, strlen(event->text));
        i += evidence > 0 ? evidence : repeated >= REPEATED_FROM ? repeated : 1;
    }
}
