/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "past_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budgets.h"
#include "listing.h"
#include "siblings.h"
#include "tail.h"

enum { PROBE_BYTES = 64 << 10, PROBE_TIMES = 24, READ_STEP_BYTES = 128 << 10 };

struct past_file {
    struct tail *tail;
    int64_t begins_ms; /* the time of its first line that has one */
    struct source_position beginning;
};

struct past_log {
    struct past_log_caller caller;
    struct past_file *files; /* those that have a time, the oldest first */
    size_t count;
    char *buffer;    /* TAIL_BUFFER_BYTES */
    int64_t seen_ms; /* the first time that was met, or 0 */
    bool enough;
};

/* --- Opening ---------------------------------------------------------------------------------------------------- */

static void no_note(void *ctx, enum follow_note note, const char *text)
{
    (void)ctx;
    (void)note;
    (void)text;
}

static void take_first_time(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct past_log *log = ctx;
    int64_t ms;
    (void)offset;
    if (log->seen_ms == 0 && log->caller.time(log->caller.ctx, (struct slice){ line, len }, &ms))
        log->seen_ms = ms;
}

/* Keeps the file if one of its first lines has a time. */
static void add_file(struct past_log *log, struct tail *tail)
{
    const struct follow_sink sink = { log, take_first_time, no_note };
    struct past_file file = { .tail = tail, .beginning = tail_position(tail) };
    size_t budget = PROBE_BYTES;
    log->seen_ms = 0;
    tail_read(tail, log->buffer, &budget, &sink);
    if (log->seen_ms == 0) {
        tail_free(tail);
        return;
    }
    file.begins_ms = log->seen_ms;
    log->files = list_room(log->files, log->count, sizeof *log->files);
    log->files[log->count++] = file;
}

static int compare_files(const void *left, const void *right)
{
    int64_t a = ((const struct past_file *)left)->begins_ms, b = ((const struct past_file *)right)->begins_ms;
    return (a > b) - (a < b);
}

/* What rotation left beside the log. In a directory with very many files not all are looked at. */
static void add_siblings(struct past_log *log, const char *path, uid_t owner, const struct tail *at_path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *directory = slash ? must_copy(path, (size_t)(slash - path) + 1) : must_copy(".", 1);
    struct listing *listing = listing_begin(directory, base, owner);
    while (!listing_go_on(listing))
        ;
    struct siblings siblings = listing_take(listing);
    listing_free(listing);
    free(directory);
    size_t first = siblings.count > PAST_LOG_FILES_MAX ? siblings.count - PAST_LOG_FILES_MAX : 0;
    for (size_t i = first; i < siblings.count; i++) {
        struct tail *tail = siblings_take(&siblings, i);
        if (tail && at_path && tail_begins_alike(tail, at_path))
            tail_free(tail); /* a copy that copytruncate has just made */
        else if (tail)
            add_file(log, tail);
    }
    siblings_free(&siblings);
}

struct past_log *past_log_open(const char *path, const char *owner, const struct past_log_caller *caller,
                               struct strbuf *why)
{
    struct past_log *log = must_alloc(sizeof *log);
    enum log_refusal refusal;
    int64_t owner_id;
    log->caller = *caller;
    log->buffer = must_alloc(TAIL_BUFFER_BYTES);
    if (!log_find_owner(owner, &owner_id, why))
        return log;
    struct tail *tail = tail_open(path, owner_id, &refusal, why);
    uid_t trusted = tail ? tail_owner(tail) : owner_id == LOG_ANY_OWNER ? geteuid() : (uid_t)owner_id;
    add_siblings(log, path, trusted, tail);
    if (tail)
        add_file(log, tail);
    if (log->count)
        qsort(log->files, log->count, sizeof *log->files, compare_files);
    return log;
}

void past_log_free(struct past_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        tail_free(log->files[i].tail);
    free(log->files);
    free(log->buffer);
    free(log);
}

int64_t past_log_begins_ms(const struct past_log *log)
{
    return log->count ? log->files[0].begins_ms : 0;
}

/* --- Finding the place ------------------------------------------------------------------------------------------ */

static int compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/*
 * The middle of the times of the lines that follow that place. A single line may be one of a failed job, with a clock of its own. False: no
 * line there has a time.
 */
static bool time_behind(struct past_log *log, const struct past_file *file, int64_t offset, int64_t *ms)
{
    int64_t times[PROBE_TIMES];
    size_t count = 0;
    ssize_t got = pread(tail_fd(file->tail), log->buffer, PROBE_BYTES, offset);
    const char *at = log->buffer, *end = log->buffer + (got > 0 ? got : 0);
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    at = offset == 0 ? at : newline ? newline + 1 : end;
    while (count < PROBE_TIMES && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        count += log->caller.time(log->caller.ctx, (struct slice){ at, (size_t)(newline - at) }, &times[count]);
        at = newline + 1;
    }
    if (count == 0)
        return false;
    qsort(times, count, sizeof *times, compare_times);
    *ms = times[count / 2];
    return true;
}

/* The beginning of a line. */
static int64_t line_from(struct past_log *log, const struct past_file *file, int64_t offset)
{
    ssize_t got = offset > 0 ? pread(tail_fd(file->tail), log->buffer, LINE_READ_MAX_BYTES, offset) : 0;
    const char *newline = got > 0 ? memchr(log->buffer, '\n', (size_t)got) : NULL;
    return newline ? offset + (newline - log->buffer) + 1 : 0;
}

static int64_t past_place(struct past_log *log, const struct past_file *file, int64_t from_ms)
{
    int64_t low = 0, high = lseek(tail_fd(file->tail), 0, SEEK_END);
    while (high - low > PROBE_BYTES) {
        int64_t middle = low + (high - low) / 2, ms;
        if (time_behind(log, file, middle, &ms) && ms < from_ms)
            low = middle;
        else
            high = middle;
    }
    return line_from(log, file, low);
}

/* --- Reading ---------------------------------------------------------------------------------------------------- */

static void hand_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct past_log *log = ctx;
    if (!log->enough)
        log->enough = !log->caller.line(log->caller.ctx, (struct slice){ line, len }, offset);
}

/* False: the budget is used up. */
static bool read_file(struct past_log *log, struct past_file *file, int64_t from_ms, size_t *budget)
{
    const struct follow_sink sink = { log, hand_line, no_note };
    struct source_position position = file->beginning;
    enum tail_outcome outcome = TAIL_MORE;
    position.offset = tail_is_packed(file->tail) ? 0 : past_place(log, file, from_ms);
    tail_resume(file->tail, &position);
    while (outcome == TAIL_MORE && *budget > 0 && !log->enough) {
        size_t step = *budget < READ_STEP_BYTES ? *budget : READ_STEP_BYTES, left = step;
        outcome = tail_read(file->tail, log->buffer, &left, &sink);
        /* Unpacking what comes before hands out nothing, and counts as much as a step. */
        *budget -= step - left > 0 ? step - left : step;
    }
    if (outcome == TAIL_END && !log->enough)
        tail_finish(file->tail, log->buffer, &sink);
    return log->enough || outcome != TAIL_MORE;
}

bool past_log_read(struct past_log *log, int64_t from_ms)
{
    size_t first = 0, budget = PAST_LOG_READ_MAX_BYTES;
    log->enough = false;
    while (first + 1 < log->count && log->files[first + 1].begins_ms <= from_ms)
        first++;
    for (size_t i = first; i < log->count && !log->enough; i++)
        if (!read_file(log, &log->files[i], from_ms, &budget))
            return false;
    return true;
}
