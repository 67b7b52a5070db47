/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iceberg.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/budgets.h"
#include "base/clock.h"

enum { WRITTEN_WITHIN_MS = 60 * 1000 };

static int by_id(const void *one, const void *other)
{
    int64_t a = ((const struct iceberg_snapshot *)one)->id, b = ((const struct iceberg_snapshot *)other)->id;
    return (a > b) - (a < b);
}

static const struct iceberg_snapshot *snapshot_of(const struct iceberg_table *table, int64_t id)
{
    struct iceberg_snapshot wanted = { .id = id };
    return table->count ? bsearch(&wanted, table->snapshots, table->count, sizeof wanted, by_id) : NULL;
}

/*
 * From the current snapshot back to its parents, as far as they were not expired. A rollback makes an older one current, so the list's
 * last one may be none of them.
 */
static void answer_from(const struct iceberg_table *table, int64_t since_ms, struct iceberg_answer *answer)
{
    const struct iceberg_snapshot *snapshot = snapshot_of(table, table->current_id);
    *answer = (struct iceberg_answer){ 0 };
    for (size_t steps = 0; snapshot && steps <= table->count; steps++) {
        bool moves = snapshot->moves_rows && snapshot->added != 0, is_new = snapshot->at_ms >= since_ms;
        if (moves && !answer->moved_ms)
            answer->moved_ms = snapshot->at_ms;
        if (moves && is_new)
            answer->added = snapshot->added < 0 || answer->added < 0 ? -1 : answer->added + snapshot->added;
        if (!is_new && answer->moved_ms)
            break;
        snapshot = snapshot->parent_id < 0 ? NULL : snapshot_of(table, snapshot->parent_id);
    }
}

/* Whether the file may be one that is being written. One that has been wrong for longer is wrong. */
static bool is_fresh(int file)
{
    struct stat st;
    return fstat(file, &st) == 0 && clock_now_ms() - (int64_t)st.st_mtim.tv_sec * 1000 < WRITTEN_WITHIN_MS;
}

static bool is_from_the_future(const struct iceberg_answer *answer)
{
    return answer->moved_ms > clock_now_ms() + WITNESS_AHEAD_MAX_MS;
}

static bool ask_file(int file, int64_t since_ms, int64_t deadline_ms, struct iceberg_answer *answer, struct strbuf *why)
{
    struct iceberg_table table = { 0 };
    bool good = iceberg_scan(file, deadline_ms, &table, why);
    if (good && table.count)
        qsort(table.snapshots, table.count, sizeof *table.snapshots, by_id);
    if (good)
        answer_from(&table, since_ms, answer);
    free(table.snapshots);
    return good;
}

bool iceberg_ask(const char *warehouse, const char *name, int64_t since_ms, int64_t deadline_ms,
                 struct iceberg_answer *answer, struct strbuf *why)
{
    struct strbuf ignored = { 0 };
    int file = iceberg_open(warehouse, name, 0, deadline_ms, why);
    bool fresh = file >= 0 && is_fresh(file);
    bool good = file >= 0 && ask_file(file, since_ms, deadline_ms, answer, why);
    /* A file that is being written is not whole: then the one before it tells how things stood a moment ago. */
    if (fresh && !good) {
        int before = iceberg_open(warehouse, name, 1, deadline_ms, &ignored);
        good = before >= 0 && ask_file(before, since_ms, deadline_ms, answer, &ignored);
    }
    strbuf_free(&ignored);
    if (good && is_from_the_future(answer)) {
        strbuf_puts(why, "its newest snapshot is from the future");
        good = false;
    }
    return good;
}
