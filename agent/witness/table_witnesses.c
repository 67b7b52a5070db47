/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/say.h"
#include "iceberg.h"
#include "open_runs.h"
#include "source.h"
#include "table_question.h"
#include "witness.h"
#include "worker.h"

enum { FAILURES_BEFORE_REST = 2, REST_MS = 60 * 1000 };
/* So much longer than its timeout the warehouse may take; then its file system is what does not answer. */
enum { HANG_MS = 2000 };

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
    struct open_runs runs;             /* the caller's alone */
    struct watermark_watch *watermark; /* NULL: it is not asked; the thread's alone */
    struct patience iceberg_patience, source_patience, watermark_patience;
    atomic_llong iceberg_since_ms; /* since when the warehouse is being asked (clock_running_ms); 0: it is not */
    bool hang_is_said;             /* the caller's alone */
    struct worker *worker;         /* it and the caller own all this together, since it may be left behind */
    atomic_bool stopped;
    pthread_mutex_t mutex; /* for the queues */
    pthread_cond_t asked;
    struct queue questions, answers;
};

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
        question->who[question->who_count++] = "its Iceberg metadata";
        question_say_iceberg(question, answer.added);
    } else {
        question_say(question, ASKED_ICEBERG, false, strbuf_text(&why));
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
        question->who[question->who_count++] = "the source";
    }
    if (good)
        question_say_source(question);
    else
        question_say(question, ASKED_SOURCE, false, strbuf_text(&why));
    if (!atomic_load(&witnesses->stopped))
        note_answer(&witnesses->source_patience, good, strbuf_text(&why));
    strbuf_free(&why);
}

/* All questions that wait are asked of it at once, since each time a program is started for that. */
static void ask_watermark(struct table_witnesses *witnesses, struct question *const *batch, size_t count,
                          struct watermark_run_ended *runs)
{
    for (size_t i = 0; i < count; i++)
        runs[i] = (struct watermark_run_ended){ .table = batch[i]->table,
                                                .started_ms = batch[i]->since_ms,
                                                .failed = batch[i]->failed };
    if (!witnesses->watermark || !may_ask(&witnesses->watermark_patience))
        return;
    size_t first = 0; /* that is told first */
    while (first + 1 < count && !batch[first]->failed)
        first++;
    first = batch[first]->failed ? first : 0;
    struct watermark_news *news = &batch[first]->server;
    watermark_watch_ask(witnesses->watermark, runs, count, &witnesses->stopped, news);
    if (news->is_asked)
        note_answer(&witnesses->watermark_patience, news->state != WITNESS_SILENT, news->words);
    for (size_t i = 0; i < count; i++)
        batch[i]->error = runs[i].error;
}

/* How far the data are is better known from the watermark than from the time of the Iceberg table's last snapshot. */
static void take_watermark(struct question *question, const struct watermark_run_ended *run)
{
    if (!run->is_answered)
        return;
    bool counts = run->rows != ROWS_NOT_KNOWN &&
                  (question->rows == ROWS_NOT_KNOWN || (question->rows == ROWS_WITHOUT_NUMBER && run->rows > 0));
    if (counts) {
        question->rows = run->rows;
        question->rows_from = ROWS_FROM_WATERMARK;
    }
    if (run->watermark_ms > 0)
        question->watermark_ms = run->watermark_ms;
    if (counts || run->watermark_ms > 0)
        question->who[question->who_count++] = "the watermark table";
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

/* Of a failure all is known then. Why it failed makes the first failure's page, so it is told before others are asked. */
static void answer_batch(struct table_witnesses *witnesses, struct question *const *batch, size_t count)
{
    struct watermark_run_ended runs[WATERMARK_TABLES_MAX];
    ask_watermark(witnesses, batch, count, runs);
    bool failed[WATERMARK_TABLES_MAX];
    for (size_t i = 0; i < count; i++)
        if ((failed[i] = batch[i]->failed))
            hand_in(witnesses, batch[i]);
    for (size_t i = 0; i < count; i++) {
        if (failed[i])
            continue;
        ask_iceberg(witnesses, batch[i]);
        take_watermark(batch[i], &runs[i]);
        ask_source(witnesses, batch[i]);
        hand_in(witnesses, batch[i]);
    }
}

/* Waits for questions. Returns how many it took; 0: the thread is to end. */
static size_t wait_for_questions(struct table_witnesses *witnesses, struct question **batch)
{
    size_t count = 0, most = witnesses->watermark ? WATERMARK_TABLES_MAX : 1;
    pthread_mutex_lock(&witnesses->mutex);
    while (witnesses->questions.count == 0 && !atomic_load(&witnesses->stopped))
        pthread_cond_wait(&witnesses->asked, &witnesses->mutex);
    while (count < most && witnesses->questions.count > 0 && !atomic_load(&witnesses->stopped))
        batch[count++] = queue_take(&witnesses->questions);
    pthread_mutex_unlock(&witnesses->mutex);
    return count;
}

static void ask_all(void *user)
{
    struct table_witnesses *witnesses = user;
    struct question *batch[WATERMARK_TABLES_MAX];
    size_t count;
    while ((count = wait_for_questions(witnesses, batch)) > 0)
        answer_batch(witnesses, batch, count);
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
    watermark_watch_free(witnesses->watermark);
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
    struct watermark_watch *watermark = watermark_watch_new(config);
    if (!config->iceberg_warehouse && !config->source_url && !watermark)
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
        .watermark = watermark,
        .iceberg_patience = { .name = "the Iceberg warehouse" },
        .source_patience = { .name = "the source" },
        .watermark_patience = { .name = "the watermark table" },
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

static void note_run_end(struct table_witnesses *witnesses, const struct event *event)
{
    struct open_run run;
    bool failed = event->kind != EVENT_RUN_COMPLETED;
    if (!open_runs_take(&witnesses->runs, event->table, &run))
        return;
    if (failed && !witnesses->watermark) {
        free(run.table);
        free(run.target);
        return;
    }
    struct question *question = must_alloc(sizeof *question);
    *question = (struct question){
        .table = run.table,
        .target = run.target,
        .since_ms = run.started_ms,
        .failed = failed,
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
    else if (witnesses && (event->kind == EVENT_RUN_COMPLETED || event->kind == EVENT_RUN_FAILED ||
                           event->kind == EVENT_RUN_TIMEOUT))
        note_run_end(witnesses, event);
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
        question_tell(question, now_ms, sink);
        question_free(question);
    }
}
