/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the history takes rows: bench_history [CYCLES [TABLES]]. Prints figures, judges none of them.
 * The database is made in a temporary directory (TMPDIR) and removed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "history.h"

static double now_s(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void commit(struct history *history)
{
    struct strbuf error = { 0 };
    if (history_commit(history, &error) != HISTORY_OK) {
        fprintf(stderr, "bench_history: %s\n", strbuf_text(&error));
        exit(1);
    }
    strbuf_free(&error);
}

/* Each row is told twice, as it begins and as it ends. */
static void tell_cycle(const struct engine_sink *sink, int64_t id, int tables)
{
    struct cycle cycle = { .id = id, .started_ms = id * 900000, .tables = tables };
    sink->cycle(sink->ctx, &cycle);
    for (int i = 0; i < tables; i++) {
        char name[40];
        snprintf(name, sizeof name, "bronze_trades_table_%d", i);
        struct run run = { .id = (id - 1) * tables + i + 1,
                           .cycle_id = id,
                           .table = name,
                           .started_ms = cycle.started_ms + 5000 * i,
                           .rows = -1,
                           .exit_code = -1 };
        sink->run(sink->ctx, &run);
        run.ended_ms = run.started_ms + 5000;
        run.duration_ms = 5000;
        run.outcome = RUN_SUCCESS;
        run.rows = 200000;
        sink->run(sink->ctx, &run);
    }
    cycle.ended_ms = cycle.started_ms + 5000 * tables;
    cycle.duration_ms = 5000 * tables;
    cycle.outcome = CYCLE_SUCCESS;
    cycle.succeeded = tables;
    sink->cycle(sink->ctx, &cycle);
}

static void bench_catch_up(struct history *history, int64_t cycles, int tables)
{
    struct engine_sink sink = history_sink(history);
    double wall = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID), gathering = 0;
    for (int64_t id = 1; id <= cycles;) {
        double begin = now_s(CLOCK_PROCESS_CPUTIME_ID);
        for (int64_t end = id + 1000; id < end && id <= cycles; id++)
            tell_cycle(&sink, id, tables);
        gathering += now_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
        commit(history);
    }
    wall = now_s(CLOCK_MONOTONIC) - wall;
    cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    double rows = (double)cycles * (tables + 1);
    printf("catch-up: %.0f rows, %.2f s wall, %.2f s CPU, %.2f us CPU a row (%.2f gathering), %.0f rows/s\n", rows,
           wall, cpu, cpu / rows * 1e6, gathering / rows * 1e6, rows / wall);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_live(struct history *history, int64_t first_id)
{
    enum { COMMITS = 2000 };
    static double took[COMMITS];
    struct engine_sink sink = history_sink(history);
    struct source_position position = { .device = 1, .inode = 2, .fingerprint = 3, .fingerprint_len = 256 };
    for (int i = 0; i < COMMITS; i++) {
        char state[64];
        snprintf(state, sizeof state, "clock %d\n", i);
        tell_cycle(&sink, first_id + i, 1);
        position.offset += 80;
        history_put_sources(history, &position, 1);
        history_put_state(history, "engine.live", slice_of(state));
        double begin = now_s(CLOCK_MONOTONIC);
        commit(history);
        took[i] = (now_s(CLOCK_MONOTONIC) - begin) * 1e3;
        if (i % 16 == 0)
            history_checkpoint(history);
    }
    qsort(took, COMMITS, sizeof *took, compare);
    printf("live: commit of 2 rows, a position and a state: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n", took[COMMITS / 2],
           took[COMMITS * 99 / 100], took[COMMITS - 1]);
}

static void bench_prune(struct history *history, int64_t before_ms)
{
    double longest = 0, total = now_s(CLOCK_MONOTONIC);
    int calls = 0;
    for (bool more = true; more; calls++) {
        double begin = now_s(CLOCK_MONOTONIC);
        more = history_prune(history, before_ms);
        double took = (now_s(CLOCK_MONOTONIC) - begin) * 1e3;
        longest = took > longest ? took : longest;
        history_checkpoint(history);
    }
    printf("prune: %d calls, %.2f s with checkpoints, longest call %.2f ms\n", calls, now_s(CLOCK_MONOTONIC) - total,
           longest);
}

int main(int argc, char **argv)
{
    int64_t cycles = argc > 1 ? atoll(argv[1]) : 35000;
    int tables = argc > 2 ? atoi(argv[2]) : 2;
    char directory[256], path[300];
    snprintf(directory, sizeof directory, "%s/bench_history.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(directory)) {
        perror("bench_history: mkdtemp");
        return 1;
    }
    snprintf(path, sizeof path, "%s/history.db", directory);
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(path, &notice, &error);
    if (!history) {
        fprintf(stderr, "bench_history: %s\n", strbuf_text(&error));
        return 1;
    }
    bench_catch_up(history, cycles, tables);
    bench_live(history, cycles + 1);
    history_close(history);

    double begin = now_s(CLOCK_MONOTONIC);
    history = history_open(path, &notice, &error);
    printf("open: %.2f ms\n", (now_s(CLOCK_MONOTONIC) - begin) * 1e3);
    if (history)
        bench_prune(history, cycles * 900000 / 2);
    history_close(history);

    static const char *const suffixes[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s/history.db%s", directory, suffixes[i]);
        unlink(path);
    }
    rmdir(directory);
    strbuf_free(&notice);
    strbuf_free(&error);
    return 0;
}
