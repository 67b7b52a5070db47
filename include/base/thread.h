/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that receives no signals, since they are for the main thread. Returns 0 or an errno. The caller must join it. */
int thread_begin(pthread_t *thread, void *(*run)(void *), void *user);

/*
 * The end of a thread that may hang where nothing can wake it, such as in a look at a dead network mount. Whoever closes it waits for a
 * bounded time, and leaves it alone if it does not end: then the thread owns what it was given, and frees it if it ever comes back.
 */
struct thread_end {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_ended, is_left;
};

void thread_end_init(struct thread_end *end);
void thread_end_forget(struct thread_end *end);
/* The thread's last step. True if it was left alone: then it must free everything, this one included. */
bool thread_end_note(struct thread_end *end);
/* Joins the thread, which was told to stop. False if it did not end within THREAD_END_MAX_MS (budgets.h): it was left alone. */
bool thread_end_wait(struct thread_end *end, pthread_t thread);

#endif
