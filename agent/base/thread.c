/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/budgets.h"
#include "base/clock.h"

int thread_begin(pthread_t *thread, void *(*run)(void *), void *user)
{
    sigset_t all, before;
    /* A new thread inherits the mask, so at no moment can a signal reach it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(thread, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

void thread_end_init(struct thread_end *end)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    *end = (struct thread_end){ .is_ended = false };
    pthread_mutex_init(&end->mutex, NULL);
    pthread_cond_init(&end->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void thread_end_forget(struct thread_end *end)
{
    pthread_cond_destroy(&end->changed);
    pthread_mutex_destroy(&end->mutex);
}

bool thread_end_note(struct thread_end *end)
{
    pthread_mutex_lock(&end->mutex);
    end->is_ended = true;
    bool is_left = end->is_left;
    pthread_cond_signal(&end->changed);
    pthread_mutex_unlock(&end->mutex);
    return is_left;
}

bool thread_end_wait(struct thread_end *end, pthread_t thread)
{
    int64_t until_ms = clock_running_ms() + THREAD_END_MAX_MS;
    struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
    pthread_mutex_lock(&end->mutex);
    while (!end->is_ended && pthread_cond_timedwait(&end->changed, &end->mutex, &until) != ETIMEDOUT)
        ;
    bool is_ended = end->is_ended;
    end->is_left = !is_ended;
    /* Before the mutex is free: the thread may free everything as soon as it sees that it was left alone. */
    if (!is_ended)
        pthread_detach(thread);
    pthread_mutex_unlock(&end->mutex);
    if (is_ended)
        pthread_join(thread, NULL);
    return is_ended;
}
