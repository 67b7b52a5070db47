/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table_question.h"

#include <inttypes.h>
#include <stdlib.h>

#include "durations.h"
#include "event.h"

static const char *const asked_names[ASKED] = { "iceberg", "source" };

/* How the component is called whose state the watermark table's question shows. No probe of the configuration should have this name. */
static const char COMPONENT[] = "PostgreSQL";

void queue_put(struct queue *queue, struct question *question)
{
    question->next = NULL;
    if (queue->count++ == 0)
        queue->end = &queue->first;
    *queue->end = question;
    queue->end = &question->next;
}

struct question *queue_take(struct queue *queue)
{
    struct question *question = queue->count ? queue->first : NULL;
    if (question) {
        queue->first = question->next;
        queue->count--;
    }
    return question;
}

void question_free(struct question *question)
{
    free(question->table);
    free(question->target);
    free(question->error);
    watermark_news_free(&question->server);
    for (int i = 0; i < ASKED; i++)
        strbuf_free(&question->said[i].words);
    free(question);
}

/* --- words ----------------------------------------------------------------------------------------------------- */

/* Begins what a witness said, with the table that it was asked about. */
static struct said *begin_saying(struct question *question, enum asked asked, bool good, const char *why)
{
    struct said *said = &question->said[asked];
    *said = (struct said){ .is_said = true, .is_well = good };
    strbuf_printf(&said->words, "asked about %s: %s", question->table, good ? "" : why);
    return said;
}

void question_say_iceberg(struct question *question, int64_t added)
{
    struct strbuf *words = &begin_saying(question, ASKED_ICEBERG, true, NULL)->words;
    if (added < 0)
        strbuf_puts(words, "rows were added, it does not say how many");
    else
        strbuf_printf(words, "%" PRId64 " row%s added", added, added == 1 ? "" : "s");
}

void question_say_source(struct question *question)
{
    struct strbuf *words = &begin_saying(question, ASKED_SOURCE, true, NULL)->words;
    if (question->ahead_ms < 0) {
        strbuf_puts(words, "it answers, but nobody says up to when the table has its rows");
    } else if (question->ahead_ms == 0) {
        strbuf_puts(words, "nothing new");
    } else {
        strbuf_puts(words, "its newest row is ");
        duration_text(question->ahead_ms / 1000 * 1000, words);
        strbuf_puts(words, " newer than the table's");
    }
}

void question_say(struct question *question, enum asked asked, bool good, const char *why)
{
    begin_saying(question, asked, good, why);
}

/* --- telling -------------------------------------------------------------------------------------------------- */

/*
 * PostgreSQL in trouble is told as a probe's answer would be. It is told anew for each failure, which it may explain, but goes
 * into the stories of open incidents only when it is news. That it is well is told once, so that nobody takes it for down any more.
 */
static void tell_server(const struct watermark_news *news, int64_t now_ms, const struct witness_sink *sink)
{
    struct strbuf line = { 0 };
    bool is_trouble = news->state == WITNESS_TROUBLE, is_well = news->state == WITNESS_WELL;
    bool is_news = is_trouble ? news->is_new : news->was_trouble;
    if (!news->is_asked)
        return;
    sink->word(sink->ctx, &(struct witness_word){ .name = "watermark",
                                                  .state = news->has_no_row ? WITNESS_SILENT : news->state,
                                                  .words = news->words,
                                                  .at_ms = now_ms });
    strbuf_printf(&line, "%s is %s: %s", COMPONENT, is_trouble ? "down" : "up", news->words);
    if ((is_trouble && (is_news || news->any_failed)) || (is_well && (is_news || news->is_first_well)))
        sink->event(sink->ctx, &(struct event){ .kind = is_trouble ? EVENT_PROBE_DOWN : EVENT_PROBE_NOTED,
                                                .time_ms = now_ms,
                                                .offset = -1,
                                                .number = is_news ? 0 : INT64_MAX,
                                                .text = slice_of(COMPONENT),
                                                .cause = slice_of(news->cause ? news->cause : ""),
                                                .line = strbuf_slice(&line) });
    strbuf_free(&line);
}

/* "its Iceberg metadata, the watermark table and the source" */
static void put_who(const struct question *question, struct strbuf *out)
{
    for (size_t i = 0; i < question->who_count; i++)
        strbuf_printf(out, "%s%s", i == 0 ? "" : i + 1 == question->who_count ? " and " : ", ", question->who[i]);
}

static void hand_out_words(const struct question *question, int64_t now_ms, const struct witness_sink *sink)
{
    for (int i = 0; i < ASKED; i++) {
        const struct said *said = &question->said[i];
        if (said->is_said)
            sink->word(sink->ctx, &(struct witness_word){ .name = asked_names[i],
                                                          .state = said->is_well ? WITNESS_WELL : WITNESS_SILENT,
                                                          .words = strbuf_text(&said->words),
                                                          .at_ms = now_ms });
    }
}

void question_tell(const struct question *question, int64_t now_ms, const struct witness_sink *sink)
{
    struct strbuf who = { 0 };
    tell_server(&question->server, now_ms, sink);
    put_who(question, &who);
    if (!question->failed)
        sink->event(sink->ctx, &(struct event){ .kind = EVENT_TABLE_WITNESSED,
                                                .time_ms = now_ms,
                                                .offset = -1,
                                                .table = slice_of(question->table),
                                                .number = question->rows,
                                                .rows_from = question->rows_from,
                                                .at_ms = question->watermark_ms,
                                                .duration_ms = question->ahead_ms,
                                                .text = strbuf_slice(&who) });
    else if (question->error)
        sink->event(sink->ctx, &(struct event){ .kind = EVENT_FAILURE_TOLD,
                                                .time_ms = now_ms,
                                                .offset = -1,
                                                .table = slice_of(question->table),
                                                .text = slice_of(question->error) });
    strbuf_free(&who);
    hand_out_words(question, now_ms, sink);
}
