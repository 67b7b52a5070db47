/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/say.h"
#include "durations.h"
#include "iceberg.h"
#include "open_runs.h"
#include "source.h"
#include "witness.h"
#include "worker.h"

enum { FAILURES_BEFORE_REST = 2, REST_MS = 60 * 1000 };
/* So much longer than its timeout the warehouse may take; then its file system is what does not answer. */
enum { HANG_MS = 2000 };

/* Who is asked about a run. */
enum asked { ASKED_ICEBERG, ASKED_SOURCE, ASKED };
static const char *const asked_names[ASKED] = { "iceberg", "source" };

/* What one of them said to a question. */
struct said {
    bool is_said; /* it was asked */
    bool is_well;
    struct strbuf words;
};

/* A run that succeeded, and what was answered about it. */
struct question {
    struct question *next;
    char *table;
    char *target; /* what the log says that it is written to */
    int64_t since_ms;
    int64_t rows;             /* as in EVENT_TABLE_WITNESSED */
    int64_t watermark_ms;     /* 0: not known */
    enum rows_from rows_from; /* who counted the rows */
    int64_t ahead_ms;         /* by how much the source is ahead of that; -1: not known */
    struct strbuf words;
    struct said said[ASKED];
};

/* Questions or answers, oldest first. */
struct queue {
    struct question *first, **end;
    size_t count;
};

/* A witness that does not answer is left alone for a while. The thread alone uses it. */
struct patience {
    const char *name;
    int failures;
    int64_t rest_until_ms; /* clock_running_ms */
    bool is_said;          /* that it does not answer */
};

struct table_witnesses {
    char *warehouse; /* NULL: the tables themselves are not asked */
    char *table_form;
    int64_t iceberg_timeout_ms;
    struct source_settings source; /* url NULL: it is not asked */
    void (*wake)(void);
    struct open_runs runs; /* the caller's alone */
    struct patience iceberg_patience, source_patience;
    atomic_llong iceberg_since_ms; /* since when the warehouse is being asked (clock_running_ms); 0: it is not */
    bool hang_is_said;             /* the caller's alone */
    struct worker *worker;         /* it and the caller own all this together, since it may be left behind */
    atomic_bool stopped;
    pthread_mutex_t mutex; /* for the queues */
    pthread_cond_t asked;
    struct queue questions, answers;
};

/* --- queues --------------------------------------------------------------------------------------------------- */

static void queue_put(struct queue *queue, struct question *question)
{
    question->next = NULL;
    if (queue->count++ == 0)
        queue->end = &queue->first;
    *queue->end = question;
    queue->end = &question->next;
}

static struct question *queue_take(struct queue *queue)
{
    struct question *question = queue->count ? queue->first : NULL;
    if (question) {
        queue->first = question->next;
        queue->count--;
    }
    return question;
}

static void question_free(struct question *question)
{
    free(question->table);
    free(question->target);
    strbuf_free(&question->words);
    for (int i = 0; i < ASKED; i++)
        strbuf_free(&question->said[i].words);
    free(question);
}

static char *copy_or_null(const char *text)
{
    return text ? must_copy(text, strlen(text)) : NULL;
}

/* --- asking: the thread --------------------------------------------------------------------------------------- */

static bool may_ask(const struct patience *patience)
{
    return clock_running_ms() >= patience->rest_until_ms;
}

static void note_answer(struct patience *patience, bool answered, const char *why)
{
    if (answered) {
        if (patience->is_said)
            say_info("%s answers again", patience->name);
        *patience = (struct patience){ .name = patience->name };
        return;
    }
    if (++patience->failures < FAILURES_BEFORE_REST)
        return;
    patience->rest_until_ms = clock_running_ms() + REST_MS;
    if (!patience->is_said)
        say_warning("%s does not say how its tables are: %s", patience->name, why);
    patience->is_said = true;
}

/* Begins what a witness said, with the table that it was asked about. */
static struct said *note_said(struct question *question, enum asked asked, bool good, const char *why)
{
    struct said *said = &question->said[asked];
    *said = (struct said){ .is_said = true, .is_well = good };
    strbuf_printf(&said->words, "asked about %s: %s", question->table, good ? "" : why);
    return said;
}

static void say_iceberg(struct question *question, const struct iceberg_answer *answer)
{
    struct strbuf *words = &note_said(question, ASKED_ICEBERG, true, NULL)->words;
    if (answer->added < 0)
        strbuf_puts(words, "rows were added, it does not say how many");
    else
        strbuf_printf(words, "%" PRId64 " row%s added", answer->added, answer->added == 1 ? "" : "s");
}

static void say_source(struct question *question)
{
    struct strbuf *words = &note_said(question, ASKED_SOURCE, true, NULL)->words;
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

/* "{target}", with the log's word for it: "cold.bronze_trades". Where the log has none it is the table's own name. */
static void add_target(const char *form, const struct question *question, struct strbuf *out)
{
    static const char target[] = "{target}", table[] = "{table}";
    for (const char *at = form; *at;) {
        if (strncmp(at, target, strlen(target)) == 0) {
            strbuf_puts(out, question->target ? question->target : question->table);
            at += strlen(target);
        } else if (strncmp(at, table, strlen(table)) == 0) {
            strbuf_puts(out, question->table);
            at += strlen(table);
        } else {
            strbuf_add(out, at++, 1);
        }
    }
}

static void ask_iceberg(struct table_witnesses *witnesses, struct question *question)
{
    struct strbuf name = { 0 }, why = { 0 };
    struct iceberg_answer answer;
    if (!witnesses->warehouse || !may_ask(&witnesses->iceberg_patience))
        return;
    add_target(witnesses->table_form, question, &name);
    atomic_store(&witnesses->iceberg_since_ms, clock_running_ms());
    bool good = iceberg_ask(witnesses->warehouse, strbuf_text(&name), question->since_ms,
                            clock_running_ms() + witnesses->iceberg_timeout_ms, &answer, &why);
    if (good) {
        question->rows = answer.added < 0 ? ROWS_WITHOUT_NUMBER : answer.added;
        question->watermark_ms = answer.moved_ms;
        question->rows_from = ROWS_FROM_ICEBERG;
        strbuf_puts(&question->words, "its Iceberg metadata");
        say_iceberg(question, &answer);
    } else {
        note_said(question, ASKED_ICEBERG, false, strbuf_text(&why));
    }
    atomic_store(&witnesses->iceberg_since_ms, 0);
    if (!atomic_load(&witnesses->stopped))
        note_answer(&witnesses->iceberg_patience, good, strbuf_text(&why));
    strbuf_free(&name);
    strbuf_free(&why);
}

static void ask_source(struct table_witnesses *witnesses, struct question *question)
{
    struct strbuf why = { 0 };
    int64_t newest_ms = 0;
    if (!witnesses->source.url || !may_ask(&witnesses->source_patience))
        return;
    bool good = source_ask(&witnesses->source, question->table, &witnesses->stopped, &newest_ms, &why);
    if (good && question->watermark_ms > 0) {
        question->ahead_ms = newest_ms > question->watermark_ms ? newest_ms - question->watermark_ms : 0;
        strbuf_printf(&question->words, "%sthe source", question->words.len ? " and " : "");
    }
    if (good)
        say_source(question);
    else
        note_said(question, ASKED_SOURCE, false, strbuf_text(&why));
    if (!atomic_load(&witnesses->stopped))
        note_answer(&witnesses->source_patience, good, strbuf_text(&why));
    strbuf_free(&why);
}

static struct question *wait_for_question(struct table_witnesses *witnesses)
{
    pthread_mutex_lock(&witnesses->mutex);
    while (witnesses->questions.count == 0 && !atomic_load(&witnesses->stopped))
        pthread_cond_wait(&witnesses->asked, &witnesses->mutex);
    struct question *question = atomic_load(&witnesses->stopped) ? NULL : queue_take(&witnesses->questions);
    pthread_mutex_unlock(&witnesses->mutex);
    return question;
}

/* Nobody is woken any more once the witnesses are closed. */
static void hand_in(struct table_witnesses *witnesses, struct question *question)
{
    pthread_mutex_lock(&witnesses->mutex);
    queue_put(&witnesses->answers, question);
    if (!atomic_load(&witnesses->stopped))
        witnesses->wake();
    pthread_mutex_unlock(&witnesses->mutex);
}

static void ask_all(void *user)
{
    struct table_witnesses *witnesses = user;
    struct question *question;
    while ((question = wait_for_question(witnesses)) != NULL) {
        ask_iceberg(witnesses, question);
        ask_source(witnesses, question);
        hand_in(witnesses, question);
    }
}

/* --- life ----------------------------------------------------------------------------------------------------- */

static void table_witnesses_free(void *user)
{
    struct table_witnesses *witnesses = user;
    struct question *question;
    while ((question = queue_take(&witnesses->questions)) != NULL ||
           (question = queue_take(&witnesses->answers)) != NULL)
        question_free(question);
    open_runs_free(&witnesses->runs);
    pthread_cond_destroy(&witnesses->asked);
    pthread_mutex_destroy(&witnesses->mutex);
    free(witnesses->warehouse);
    free(witnesses->table_form);
    free(witnesses->source.url);
    free(witnesses->source.query);
    free(witnesses->source.user);
    free(witnesses->source.password_file);
    free(witnesses);
}

struct table_witnesses *table_witnesses_open(const struct config *config, void (*wake)(void))
{
    if (!config->iceberg_warehouse && !config->source_url)
        return NULL;
    struct table_witnesses *witnesses = must_alloc(sizeof *witnesses);
    *witnesses = (struct table_witnesses){
        .warehouse = copy_or_null(config->iceberg_warehouse),
        .table_form = copy_or_null(config->iceberg_table),
        .iceberg_timeout_ms = config->iceberg_timeout_ms,
        .source = {
            .url = copy_or_null(config->source_url),
            .query = copy_or_null(config->source_query),
            .user = copy_or_null(config->source_user),
            .password_file = copy_or_null(config->source_password_file),
            .timeout_ms = config->source_timeout_ms,
        },
        .wake = wake,
        .iceberg_patience = { .name = "the Iceberg warehouse" },
        .source_patience = { .name = "the source" },
    };
    pthread_mutex_init(&witnesses->mutex, NULL);
    pthread_cond_init(&witnesses->asked, NULL);
    int code = 0;
    witnesses->worker = worker_begin(ask_all, table_witnesses_free, witnesses, &code);
    if (!witnesses->worker) {
        say_warning("the tables' witnesses cannot be asked: %s", worker_trouble(code));
        table_witnesses_free(witnesses);
        return NULL;
    }
    return witnesses;
}

void table_witnesses_close(struct table_witnesses *witnesses)
{
    if (!witnesses)
        return;
    pthread_mutex_lock(&witnesses->mutex);
    atomic_store(&witnesses->stopped, true);
    pthread_cond_signal(&witnesses->asked);
    pthread_mutex_unlock(&witnesses->mutex);
    worker_end(witnesses->worker);
}

/* --- what the log says ---------------------------------------------------------------------------------------- */

static void note_run_success(struct table_witnesses *witnesses, const struct event *event)
{
    struct open_run run;
    if (!open_runs_take(&witnesses->runs, event->table, &run))
        return;
    struct question *question = must_alloc(sizeof *question);
    *question = (struct question){
        .table = run.table,
        .target = run.target,
        .since_ms = run.started_ms,
        .rows = ROWS_NOT_KNOWN,
        .ahead_ms = -1,
    };
    pthread_mutex_lock(&witnesses->mutex);
    if (witnesses->questions.count < TABLE_QUESTIONS_MAX)
        queue_put(&witnesses->questions, question);
    else
        question_free(question);
    pthread_cond_signal(&witnesses->asked);
    pthread_mutex_unlock(&witnesses->mutex);
}

void table_witnesses_hear(struct table_witnesses *witnesses, const struct event *event)
{
    if (witnesses && event->kind == EVENT_RUN_STARTED)
        open_runs_start(&witnesses->runs, event);
    else if (witnesses && event->kind == EVENT_RUN_COMPLETED)
        note_run_success(witnesses, event);
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

/*
 * The thread cannot say itself that it hangs. A read from a network file system whose server is gone ends when the server is back, which may
 * be never.
 */
static void say_hang(struct table_witnesses *witnesses, int64_t now_ms, const struct witness_sink *sink)
{
    int64_t since_ms = atomic_load(&witnesses->iceberg_since_ms);
    bool hangs = since_ms > 0 && clock_running_ms() - since_ms > witnesses->iceberg_timeout_ms + HANG_MS;
    if (hangs && !witnesses->hang_is_said) {
        say_warning("the Iceberg warehouse hangs: nothing in %s can be read; the tables' witnesses wait for it",
                    witnesses->warehouse);
        sink->word(sink->ctx, &(struct witness_word){ .name = "iceberg",
                                                      .state = WITNESS_SILENT,
                                                      .words = "its file system hangs: nothing in it can be read",
                                                      .at_ms = now_ms });
    } else if (!hangs && witnesses->hang_is_said) {
        say_info("the Iceberg warehouse can be read again");
    }
    witnesses->hang_is_said = hangs;
}

void table_witnesses_run(struct table_witnesses *witnesses, int64_t now_ms, const struct witness_sink *sink)
{
    struct queue answers = { 0 };
    struct question *question;
    if (!witnesses)
        return;
    say_hang(witnesses, now_ms, sink);
    pthread_mutex_lock(&witnesses->mutex);
    while ((question = queue_take(&witnesses->answers)) != NULL)
        queue_put(&answers, question);
    pthread_mutex_unlock(&witnesses->mutex);
    while ((question = queue_take(&answers)) != NULL) {
        sink->event(sink->ctx, &(struct event){
                                   .kind = EVENT_TABLE_WITNESSED,
                                   .time_ms = now_ms,
                                   .offset = -1,
                                   .table = slice_of(question->table),
                                   .number = question->rows,
                                   .rows_from = question->rows_from,
                                   .at_ms = question->watermark_ms,
                                   .duration_ms = question->ahead_ms,
                                   .text = strbuf_slice(&question->words),
                               });
        hand_out_words(question, now_ms, sink);
        question_free(question);
    }
}
