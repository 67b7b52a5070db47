/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_WORKER_H
#define WITNESS_WORKER_H

/*
 * Inside the room: a thread that asks, and that is left behind if it does not end. What it waits for may never answer: a read from a network
 * file system whose server is gone cannot even be interrupted. What the thread works on is freed by the last of the two who uses it, the
 * thread or its owner.
 */
struct worker;

/*
 * Starts a thread that calls run(user). release(user) is called once, when both run has returned and worker_end was called; it may happen in
 * the thread. Returns NULL, with an errno in *code, if no thread can be started: EBUSY if WORKERS_LEFT_MAX were left behind and still hang.
 */
struct worker *worker_begin(void (*run)(void *user), void (*release)(void *user), void *user, int *code);

/* Waits for the thread's end for at most WORKER_END_MS. What tells the thread to stop is the caller's, and comes before. */
void worker_end(struct worker *worker);

/* Why worker_begin returned NULL, in words. */
const char *worker_trouble(int code);

#endif
