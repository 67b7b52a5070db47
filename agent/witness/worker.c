/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "base/thread.h"

struct worker {
    void (*run)(void *user);
    void (*release)(void *user);
    void *user;
    pthread_t thread;
    pthread_mutex_t mutex; /* for the rest */
    pthread_cond_t changed;
    bool is_done, is_left;
    int references;
};

/* A mutable global, because threads that were left behind outlive everything that could own their number. */
static atomic_int workers_left;

static void worker_drop(struct worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    bool is_last = --worker->references == 0;
    pthread_mutex_unlock(&worker->mutex);
    if (!is_last)
        return;
    bool was_left = worker->is_left;
    worker->release(worker->user);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
    if (was_left)
        atomic_fetch_sub(&workers_left, 1);
}

static void *worker_run(void *user)
{
    struct worker *worker = user;
    worker->run(worker->user);
    pthread_mutex_lock(&worker->mutex);
    worker->is_done = true;
    pthread_cond_signal(&worker->changed);
    pthread_mutex_unlock(&worker->mutex);
    worker_drop(worker);
    return NULL;
}

struct worker *worker_begin(void (*run)(void *user), void (*release)(void *user), void *user, int *code)
{
    pthread_condattr_t monotonic;
    if (atomic_load(&workers_left) >= WORKERS_LEFT_MAX) {
        *code = EBUSY;
        return NULL;
    }
    struct worker *worker = must_alloc(sizeof *worker);
    *worker = (struct worker){ .run = run, .release = release, .user = user, .references = 2 };
    pthread_mutex_init(&worker->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *code = thread_begin(&worker->thread, worker_run, worker);
    if (*code == 0)
        return worker;
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->mutex);
    free(worker);
    return NULL;
}

void worker_end(struct worker *worker)
{
    int64_t until_ms = clock_running_ms() + WORKER_END_MS;
    struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000 };
    int waited = 0;
    pthread_mutex_lock(&worker->mutex);
    while (!worker->is_done && waited == 0)
        waited = pthread_cond_timedwait(&worker->changed, &worker->mutex, &until);
    bool is_done = worker->is_done;
    worker->is_left = !is_done;
    if (!is_done)
        atomic_fetch_add(&workers_left, 1);
    pthread_mutex_unlock(&worker->mutex);
    if (is_done)
        pthread_join(worker->thread, NULL);
    else
        pthread_detach(worker->thread);
    worker_drop(worker);
}

const char *worker_trouble(int code)
{
    return code == EBUSY ? "too many earlier questions still wait for an answer" : strerror(code);
}
