/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* A thread that no signal reaches: they are for the main one. Returns 0 or an errno; the caller joins. */
int thread_begin(pthread_t *thread, void *(*run)(void *), void *user);

#endif
