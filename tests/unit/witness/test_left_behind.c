/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/witness/iceberg.h"
#include "base/budgets.h"
#include "base/clock.h"
#include "witness.h"

/* What the witnesses' threads wait for may never answer: then whoever closes them goes on without them. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t server_is_back = PTHREAD_COND_INITIALIZER;
static bool server_is_gone; /* below the mutex */
static atomic_int asked, wakes;

/* In place of the warehouse: as a read from a network file system whose server is gone. */
bool __wrap_iceberg_ask(const char *warehouse, const char *name, int64_t since_ms, int64_t deadline_ms,
                        struct iceberg_answer *answer, struct strbuf *why);
bool __wrap_iceberg_ask(const char *warehouse, const char *name, int64_t since_ms, int64_t deadline_ms,
                        struct iceberg_answer *answer, struct strbuf *why)
{
    (void)warehouse, (void)name, (void)since_ms, (void)deadline_ms, (void)why;
    *answer = (struct iceberg_answer){ .added = 7, .moved_ms = 1 };
    pthread_mutex_lock(&mutex);
    atomic_fetch_add(&asked, 1);
    while (server_is_gone)
        pthread_cond_wait(&server_is_back, &mutex);
    pthread_mutex_unlock(&mutex);
    return true;
}

static void server_goes(void)
{
    pthread_mutex_lock(&mutex);
    server_is_gone = true;
    pthread_mutex_unlock(&mutex);
}

static void server_comes(void)
{
    pthread_mutex_lock(&mutex);
    server_is_gone = false;
    pthread_cond_broadcast(&server_is_back);
    pthread_mutex_unlock(&mutex);
}

static void count_wake(void)
{
    atomic_fetch_add(&wakes, 1);
}

static struct table_witnesses *open_witnesses(void)
{
    static char warehouse[] = "/nowhere", table[] = "{target}";
    struct config config = { .iceberg_warehouse = warehouse, .iceberg_table = table, .iceberg_timeout_ms = 1 };
    return table_witnesses_open(&config, count_wake);
}

/* Hears of a run that succeeded, and waits until the thread asks about it. */
static void ask(struct table_witnesses *witnesses)
{
    int before = atomic_load(&asked);
    struct event start = { .kind = EVENT_RUN_STARTED, .table = slice_of("trades"), .line = slice_of("trades") };
    struct event end = { .kind = EVENT_RUN_COMPLETED, .table = slice_of("trades") };
    table_witnesses_hear(witnesses, &start);
    table_witnesses_hear(witnesses, &end);
    while (atomic_load(&asked) == before)
        clock_sleep_ms(1);
}

struct heard {
    int answers, words;
};

static void take_event(void *ctx, const struct event *event)
{
    struct heard *heard = ctx;
    assert_int_equal(event->number, 7);
    heard->answers++;
}

static void take_word(void *ctx, const struct witness_word *word)
{
    struct heard *heard = ctx;
    if (strcmp(word->name, "iceberg") == 0 && word->state == WITNESS_SILENT)
        heard->words++;
}

static void run_witnesses(struct table_witnesses *witnesses, struct heard *heard)
{
    table_witnesses_run(witnesses, 1, &(struct witness_sink){ heard, take_event, take_word });
}

/* Until all that were left behind have ended: then there is room for as many again. */
static struct table_witnesses *open_when_there_is_room(void)
{
    struct table_witnesses *witnesses;
    while (!(witnesses = open_witnesses()))
        clock_sleep_ms(1);
    return witnesses;
}

static void closing_does_not_wait_for_a_dead_mount_and_wakes_nobody_later(void **unused)
{
    (void)unused;
    struct table_witnesses *witnesses = open_witnesses();
    server_goes();
    ask(witnesses);
    int64_t began_ms = clock_running_ms();
    table_witnesses_close(witnesses);
    assert_in_range(clock_running_ms() - began_ms, WORKER_END_MS, WORKER_END_MS + 60000);
    int woken = atomic_load(&wakes);
    server_comes();
    witnesses = open_when_there_is_room();
    ask(witnesses);
    while (atomic_load(&wakes) == woken)
        clock_sleep_ms(1);
    assert_int_equal(atomic_load(&wakes), woken + 1);
    table_witnesses_close(witnesses);
}

static void what_is_left_behind_does_not_grow_with_each_reload(void **unused)
{
    (void)unused;
    server_goes();
    int opened = 0;
    for (struct table_witnesses *witnesses; opened <= WORKERS_LEFT_MAX && (witnesses = open_witnesses()); opened++) {
        ask(witnesses);
        table_witnesses_close(witnesses);
    }
    assert_in_range(opened, 1, WORKERS_LEFT_MAX);
    server_comes();
    table_witnesses_close(open_when_there_is_room());
}

static void a_thread_that_waits_for_nothing_is_ended_at_once(void **unused)
{
    (void)unused;
    int64_t least_ms = INT64_MAX;
    /* On a machine that is busy one end may take long. */
    for (int i = 0; i < 20 && least_ms >= WORKER_END_MS; i++) {
        struct table_witnesses *witnesses = open_when_there_is_room();
        int64_t began_ms = clock_running_ms();
        table_witnesses_close(witnesses);
        int64_t took_ms = clock_running_ms() - began_ms;
        least_ms = took_ms < least_ms ? took_ms : least_ms;
    }
    assert_true(least_ms < WORKER_END_MS);
}

static void that_the_warehouse_hangs_is_said_once_and_its_late_answer_is_taken(void **unused)
{
    (void)unused;
    struct heard heard = { 0 };
    struct table_witnesses *witnesses = open_when_there_is_room();
    server_goes();
    ask(witnesses);
    run_witnesses(witnesses, &heard);
    assert_int_equal(heard.words, 0);
    while (heard.words == 0) {
        clock_sleep_ms(10);
        run_witnesses(witnesses, &heard);
    }
    run_witnesses(witnesses, &heard);
    assert_int_equal(heard.words, 1);
    server_comes();
    while (heard.answers == 0) {
        clock_sleep_ms(1);
        run_witnesses(witnesses, &heard);
    }
    assert_int_equal(heard.words, 1);
    table_witnesses_close(witnesses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_does_not_wait_for_a_dead_mount_and_wakes_nobody_later),
        cmocka_unit_test(what_is_left_behind_does_not_grow_with_each_reload),
        cmocka_unit_test(a_thread_that_waits_for_nothing_is_ended_at_once),
        cmocka_unit_test(that_the_warehouse_hangs_is_said_once_and_its_late_answer_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
