/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watermark_watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "durations.h"
#include "event.h"
#include "watermark.h"

/* A pipeline of more tables than this has its oldest looks forgotten. */
enum { LOOKS_MAX = 1024 };

struct table_look {
    char *table;
    struct watermark_look look;
};

struct watermark_watch {
    struct watermark_settings *settings;
    struct table_look looks[LOOKS_MAX]; /* a ring */
    size_t look_count, oldest_look;
    enum witness_state state;
    bool was_asked;
    bool was_trouble, was_well; /* in trouble since it was well last; well at any time */
    char *cause;                /* of the trouble that was told last; NULL: none */
};

struct watermark_watch *watermark_watch_new(const struct config *config)
{
    struct watermark_settings *settings = watermark_settings_new(config);
    if (!settings)
        return NULL;
    struct watermark_watch *watch = must_alloc(sizeof *watch);
    watch->settings = settings;
    return watch;
}

static void forget_looks(struct watermark_watch *watch)
{
    for (size_t i = 0; i < watch->look_count; i++)
        free(watch->looks[i].table);
    watch->look_count = watch->oldest_look = 0;
}

void watermark_watch_free(struct watermark_watch *watch)
{
    if (!watch)
        return;
    forget_looks(watch);
    watermark_settings_free(watch->settings);
    free(watch->cause);
    free(watch);
}

void watermark_news_free(struct watermark_news *news)
{
    free(news->cause);
    free(news->words);
    *news = (struct watermark_news){ 0 };
}

/* --- what was said before ------------------------------------------------------------------------------------- */

/* Not known where the table was not looked at. */
static struct watermark_look *look_at(struct watermark_watch *watch, const char *table)
{
    for (size_t i = 0; i < watch->look_count; i++)
        if (strcmp(watch->looks[i].table, table) == 0)
            return &watch->looks[i].look;
    size_t index = watch->look_count;
    if (watch->look_count < LOOKS_MAX) {
        watch->look_count++;
    } else {
        index = watch->oldest_look;
        watch->oldest_look = (watch->oldest_look + 1) % LOOKS_MAX;
        free(watch->looks[index].table);
    }
    watch->looks[index] = (struct table_look){ .table = must_copy(table, strlen(table)) };
    return &watch->looks[index].look;
}

/* --- the answer ----------------------------------------------------------------------------------------------- */

static void judge_run(struct watermark_watch *watch, const struct watermark_row *row, struct watermark_run_ended *ended)
{
    int64_t age_ms = clock_now_ms() - ended->started_ms;
    struct watermark_run run = { .age_ms = age_ms > 0 ? age_ms : 0, .failed = ended->failed };
    struct watermark_look *look = look_at(watch, ended->table);
    const char *error = watermark_error_of_run(row, look, run);
    ended->is_answered = true;
    ended->rows = watermark_rows_of_run(row, look, run);
    ended->watermark_ms = row->watermark_ms;
    ended->error = error ? must_copy(error, strlen(error)) : NULL;
    *look = (struct watermark_look){ true, row->watermark_ms, row->failures };
}

/* "asked about bronze_trades: data up to 12m ago, 1200 rows in the last offload, success" */
static void describe_row(const struct watermark_row *row, struct strbuf *out)
{
    int64_t age_ms = clock_now_ms() - row->watermark_ms;
    strbuf_printf(out, "asked about %s: ", row->table);
    if (row->watermark_ms == 0) {
        strbuf_puts(out, "no watermark");
    } else {
        strbuf_puts(out, "data up to ");
        duration_text(age_ms > 0 ? age_ms / 1000 * 1000 : 0, out);
        strbuf_puts(out, " ago");
    }
    if (row->rows >= 0)
        strbuf_printf(out, ", %" PRId64 " rows in the last offload", row->rows);
    if (row->status)
        strbuf_printf(out, ", %s", row->status);
}

static void describe_answer(const struct watermark_answer *answer, const struct watermark_run_ended *runs, size_t count,
                            struct strbuf *out)
{
    const struct watermark_row *row = count ? watermark_row_of(answer, runs[count - 1].table) : NULL;
    if (answer->outcome != WATERMARK_ANSWERED)
        strbuf_puts(out, strbuf_text(&answer->words));
    else if (row)
        describe_row(row, out);
    else if (count)
        strbuf_printf(out, "asked about %s: it has no such row", runs[count - 1].table);
}

static void take_state(struct watermark_watch *watch, const struct watermark_answer *answer,
                       struct watermark_news *news)
{
    static const enum witness_state states[] = {
        [WATERMARK_ANSWERED] = WITNESS_WELL, [WATERMARK_TROUBLE] = WITNESS_TROUBLE, [WATERMARK_SILENT] = WITNESS_SILENT
    };
    news->is_asked = true;
    news->state = states[answer->outcome];
    news->was_trouble = watch->was_trouble;
    news->is_first_well = news->state == WITNESS_WELL && !watch->was_well;
    news->is_new = !watch->was_asked || news->state != watch->state ||
                   (answer->cause && watch->cause && strcmp(answer->cause, watch->cause) != 0);
    news->cause = answer->cause ? must_copy(answer->cause, strlen(answer->cause)) : NULL;
    free(watch->cause);
    watch->cause = answer->cause ? must_copy(answer->cause, strlen(answer->cause)) : NULL;
    watch->state = news->state;
    watch->was_asked = true;
    watch->was_well = watch->was_well || news->state == WITNESS_WELL;
    watch->was_trouble = news->state == WITNESS_TROUBLE || (news->state == WITNESS_SILENT && watch->was_trouble);
}

void watermark_watch_ask(struct watermark_watch *watch, struct watermark_run_ended *runs, size_t count,
                         const atomic_bool *stopped, struct watermark_news *news)
{
    const char *tables[WATERMARK_TABLES_MAX] = { NULL };
    const size_t asked = count < WATERMARK_TABLES_MAX ? count : WATERMARK_TABLES_MAX;
    struct watermark_answer answer;
    struct strbuf words = { 0 };
    *news = (struct watermark_news){ 0 };
    for (size_t i = 0; i < asked; i++)
        tables[i] = runs[i].table;
    watermark_ask(watch->settings, tables, asked, stopped, &answer);
    if (!atomic_load(stopped)) {
        /* A run that ends without an answer may change what the looks know. */
        if (answer.outcome != WATERMARK_ANSWERED)
            forget_looks(watch);
        for (size_t i = 0; i < count; i++) {
            const struct watermark_row *row = watermark_row_of(&answer, runs[i].table);
            if (row)
                judge_run(watch, row, &runs[i]);
        }
        describe_answer(&answer, runs, count, &words);
        take_state(watch, &answer, news);
        news->has_no_row = answer.outcome == WATERMARK_ANSWERED;
        for (size_t i = 0; i < count; i++) {
            news->any_failed = news->any_failed || runs[i].failed;
            news->has_no_row = news->has_no_row && !runs[i].is_answered;
        }
        news->words = must_copy(strbuf_text(&words), words.len);
    }
    strbuf_free(&words);
    watermark_answer_free(&answer);
}

bool watermark_check(const struct config *config, enum witness_state *state, struct strbuf *words)
{
    struct watermark_watch *watch = watermark_watch_new(config);
    struct watermark_run_ended runs[] = { { .table = "" } };
    struct watermark_news news;
    atomic_bool stopped = false;
    if (!watch)
        return false;
    watermark_watch_ask(watch, runs, 1, &stopped, &news);
    *state = news.state;
    strbuf_puts(words, news.state == WITNESS_WELL ? "PostgreSQL answers the query" : news.words);
    watermark_news_free(&news);
    watermark_watch_free(watch);
    return true;
}
