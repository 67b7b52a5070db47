/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Starts a thread that receives no signals, since they are for the main thread. Returns 0 or an errno. The caller must join it. */
int thread_begin(pthread_t *thread, void *(*run)(void *), void *user);

#endif
