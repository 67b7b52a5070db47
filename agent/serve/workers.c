/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workers.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/thread.h"
#include "look.h"

/* A history that nobody asks for is closed. */
enum { LOOK_KEPT_MS = 2000 };

struct worker {
    struct workers *workers;
    enum lane lane;
    pthread_t thread;
    bool is_started;
    pthread_cond_t news;

    /* Under the workers' lock. */
    struct job *first;
    size_t waiting;
    struct sqlite3 *asked; /* the connection that a job is using; NULL: none is */
};

struct workers {
    const struct site *site;
    int done_fd; /* an eventfd */
    pthread_mutex_t lock;

    /* Under the lock. */
    struct job *done;
    bool ends;
    struct worker lanes[LANES];
};

void job_free(struct job *job)
{
    if (!job)
        return;
    free(job->key);
    request_free(&job->request);
    answer_free(&job->answer);
    free(job);
}

/* --- In a worker's thread ---------------------------------------------------------------------------------------- */

static void job_answer(struct worker *worker, struct look *look, struct job *job)
{
    const struct site *site = worker->workers->site;
    struct strbuf error = { 0 };
    int64_t cpu_ms = clock_thread_cpu_ms();
    job->begun_ms = clock_running_ms();
    struct sqlite3 *db = look_at(look, site->config->history_db, &error);
    pthread_mutex_lock(&worker->workers->lock);
    worker->asked = worker->workers->ends ? NULL : db;
    pthread_mutex_unlock(&worker->workers->lock);
    job->version = look_version(look);
    job->is_unchanged = db && job->version && job->version == job->kept_version;
    if (!job->is_unchanged)
        site_answer(site, db, strbuf_text(&error), &job->request, &job->answer);
    pthread_mutex_lock(&worker->workers->lock);
    worker->asked = NULL;
    pthread_mutex_unlock(&worker->workers->lock);
    job->cost_ms = clock_thread_cpu_ms() - cpu_ms;
    strbuf_free(&error);
}

/* Waits for a job; NULL: the end has come. Called and left with the lock held. */
static struct job *job_next(struct worker *worker, struct look *look)
{
    struct workers *workers = worker->workers;
    while (!worker->first && !workers->ends) {
        const int64_t until_ms = clock_running_ms() + LOOK_KEPT_MS;
        const struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000 };
        if (!look->db) {
            pthread_cond_wait(&worker->news, &workers->lock);
        } else if (pthread_cond_timedwait(&worker->news, &workers->lock, &until) == ETIMEDOUT && !worker->first) {
            pthread_mutex_unlock(&workers->lock);
            look_close(look);
            pthread_mutex_lock(&workers->lock);
        }
    }
    struct job *job = workers->ends ? NULL : worker->first;
    if (job) {
        worker->first = job->next;
        worker->waiting--;
    }
    return job;
}

static void job_hand_out(struct workers *workers, struct job *job)
{
    const uint64_t one = 1;
    job->next = workers->done;
    workers->done = job;
    while (write(workers->done_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void *answer_jobs(void *user)
{
    struct worker *worker = user;
    struct workers *workers = worker->workers;
    struct look look = { 0 };
    struct job *job;
    pthread_mutex_lock(&workers->lock);
    while ((job = job_next(worker, &look))) {
        pthread_mutex_unlock(&workers->lock);
        job_answer(worker, &look, job);
        pthread_mutex_lock(&workers->lock);
        job_hand_out(workers, job);
    }
    pthread_mutex_unlock(&workers->lock);
    look_close(&look);
    return NULL;
}

/* --- In the caller's --------------------------------------------------------------------------------------------- */

static bool lane_start(struct workers *workers, enum lane lane)
{
    struct worker *worker = &workers->lanes[lane];
    pthread_condattr_t on_running_clock;
    worker->workers = workers;
    worker->lane = lane;
    pthread_condattr_init(&on_running_clock);
    pthread_condattr_setclock(&on_running_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->news, &on_running_clock);
    pthread_condattr_destroy(&on_running_clock);
    worker->is_started = thread_begin(&worker->thread, answer_jobs, worker) == 0;
    return worker->is_started;
}

struct workers *workers_open(const struct site *site)
{
    struct workers *workers = must_alloc(sizeof *workers);
    workers->site = site;
    workers->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&workers->lock, NULL);
    bool good = workers->done_fd >= 0;
    for (int i = 0; good && i < LANES; i++)
        good = lane_start(workers, (enum lane)i);
    if (good)
        return workers;
    workers_close(workers);
    return NULL;
}

static void jobs_free(struct job *first)
{
    while (first) {
        struct job *next = first->next;
        job_free(first);
        first = next;
    }
}

void workers_close(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->ends = true;
    for (int i = 0; i < LANES; i++) {
        if (workers->lanes[i].asked)
            sqlite3_interrupt(workers->lanes[i].asked); /* whoever ends the server does not wait for a long report */
        if (workers->lanes[i].is_started)
            pthread_cond_signal(&workers->lanes[i].news);
    }
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < LANES; i++) {
        if (!workers->lanes[i].is_started)
            continue;
        pthread_join(workers->lanes[i].thread, NULL);
        pthread_cond_destroy(&workers->lanes[i].news);
        jobs_free(workers->lanes[i].first);
    }
    jobs_free(workers->done);
    pthread_mutex_destroy(&workers->lock);
    if (workers->done_fd >= 0)
        close(workers->done_fd);
    free(workers);
}

bool workers_take(struct workers *workers, struct job *job)
{
    struct worker *worker = &workers->lanes[job->lane];
    pthread_mutex_lock(&workers->lock);
    bool takes = worker->waiting < SERVE_WAITING_MAX;
    if (takes) {
        struct job **place = &worker->first;
        while (!job->is_first && *place)
            place = &(*place)->next;
        job->next = *place;
        *place = job;
        worker->waiting++;
        pthread_cond_signal(&worker->news);
    }
    pthread_mutex_unlock(&workers->lock);
    return takes;
}

struct job *workers_done(struct workers *workers)
{
    uint64_t count;
    pthread_mutex_lock(&workers->lock);
    struct job *job = workers->done;
    if (job)
        workers->done = job->next;
    else if (read(workers->done_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        errno = 0; /* nothing to be done: the next job writes again */
    pthread_mutex_unlock(&workers->lock);
    return job;
}

int workers_fd(const struct workers *workers)
{
    return workers->done_fd;
}
