/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/thread.h"

#include <signal.h>

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
