/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "follow_state.h"
#include "inotify.h"
#include "listing.h"
#include "wake_timer.h"
#include "writer_lease.h"

/* A writer that reopens its log after a rotation does so well within this time. */
enum { STALE_WRITER_MS = 2000 };

/* Where no lease tells whether an old file still has a writer, at most so many files are kept open. */
enum { UNCERTAIN_FILES_MAX = 8 };

void follow_note(const struct follow *follow, enum follow_note note, const char *format, ...)
{
    struct strbuf text = { 0 };
    char *rest = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&rest, format, args) < 0)
        rest = NULL;
    va_end(args);
    strbuf_printf(&text, "%s: %s", follow->path, rest ? rest : format);
    follow->sink.note(follow->sink.ctx, note, strbuf_text(&text));
    free(rest);
    strbuf_free(&text);
}

void follow_trouble(struct follow *follow, enum follow_note note, const char *why)
{
    follow->refused = follow->retry = note == FOLLOW_REFUSED;
    if (strcmp(strbuf_text(&follow->trouble), why) == 0)
        return;
    strbuf_clear(&follow->trouble);
    strbuf_puts(&follow->trouble, why);
    follow_note(follow, note, "%s", why);
}

void follow_trouble_over(struct follow *follow)
{
    strbuf_clear(&follow->trouble);
    follow->refused = follow->retry = false;
}

/* A position may come from a history that somebody else wrote. */
static int64_t stored_owner(const struct source_position *position)
{
    return position->owner >= 0 && position->owner < UINT32_MAX ? position->owner : LOG_ANY_OWNER;
}

struct follow *follow_open(const char *path, const char *owner, const struct source_position *positions, size_t count,
                           const struct follow_sink *sink, struct strbuf *error)
{
    int64_t owner_id;
    if (path[0] == '\0' || path[strlen(path) - 1] == '/') {
        strbuf_printf(error, "log \"%s\": not the name of a file", path);
        return NULL;
    }
    if (!log_find_owner(owner, &owner_id, error) || !wake_timer_open(error))
        return NULL;
    writer_lease_prepare();

    struct follow *follow = must_alloc(sizeof *follow);
    follow->owner = owner_id;
    follow->known_owner = LOG_ANY_OWNER;
    follow->sink = *sink;
    follow->buffer = must_alloc(TAIL_BUFFER_BYTES);
    follow->writer = WRITER_UNKNOWN;
    follow->listed_fd = -1;
    follow->look = true;
    follow_set_path(follow, path);
    if (count > 0) {
        follow->remembered = must_grow(NULL, count, sizeof *positions);
        memcpy(follow->remembered, positions, count * sizeof *positions);
        follow->remembered_count = count;
        follow->known_owner = stored_owner(&positions[count - 1]);
    }
    return follow;
}

void follow_free(struct follow *follow)
{
    if (!follow)
        return;
    while (follow->count > 0)
        follow_drop(follow, follow->count - 1);
    follow_end_listing(follow);
    if (follow->have_inotify)
        inotify_close();
    wake_timer_close();
    strbuf_free(&follow->trouble);
    strbuf_free(&follow->unreadable);
    free(follow->files);
    free(follow->remembered);
    free(follow->buffer);
    free(follow->base);
    free(follow->directory);
    free(follow->path);
    free(follow->link);
    free(follow);
}

static bool is_replaced(const struct follow *follow, size_t index)
{
    return index + 1 < follow->count;
}

static bool is_rotated(const struct follow *follow, size_t index)
{
    return is_replaced(follow, index) || !follow->current;
}

enum follow_writer follow_ask_writer(struct follow *follow, struct followed *file)
{
    if (tail_is_packed(file->tail))
        return file->writer = WRITER_ABSENT;
    /* Ask again only if the last answer was not PRESENT, or a close event has arrived since. */
    if (file->writer != WRITER_PRESENT || file->ask_again || follow->polling) {
        file->writer = writer_lease_ask(tail_fd(file->tail));
        file->ask_again = file->writer == WRITER_PRESENT && follow->recheck_ms > 0;
    }
    if (file->writer == WRITER_UNKNOWN && !follow->said_no_lease) {
        follow->said_no_lease = true;
        follow_note(follow, FOLLOW_NO_LEASE,
                    "who holds the log open may not be asked here (the agent is not its owner and has no CAP_LEASE, or "
                    "the file system "
                    "has no leases): the scheduler's death is seen by its silence only");
    }
    return file->writer;
}

enum follow_writer follow_writer(struct follow *follow)
{
    if (follow->count == 0)
        return follow->writer;
    enum follow_writer all = WRITER_ABSENT;
    for (size_t i = 0; i < follow->count; i++) {
        enum follow_writer one = follow_ask_writer(follow, &follow->files[i]);
        if (one == WRITER_PRESENT || all == WRITER_PRESENT)
            all = WRITER_PRESENT;
        else if (one == WRITER_UNKNOWN)
            all = WRITER_UNKNOWN;
    }
    if (all != WRITER_PRESENT)
        follow->recheck_ms = 0;
    follow->writer = all;
    return all;
}

/* Says once that the writer goes on writing into a file that was rotated away. */
static void blame_writer(struct follow *follow, size_t index)
{
    struct followed *file = &follow->files[index];
    int64_t now_ms = clock_running_ms();

    if (!is_replaced(follow, index) || file->blamed || file->written_ms == 0 ||
        now_ms - file->written_ms < STALE_WRITER_MS)
        return;
    file->ask_again = true;
    enum follow_writer writer = follow_ask_writer(follow, file);
    if (writer == WRITER_ABSENT || (writer == WRITER_UNKNOWN && file->closed))
        return;
    file->blamed = true;
    follow_note(
        follow, FOLLOW_STALE_WRITER,
        "rotated away, but the writer stays with the old file (inode %llu), which is "
        "followed too; rotate with copytruncate, or make the writer reopen its log (Python: WatchedFileHandler)",
        (unsigned long long)tail_position(file->tail).inode);
}

static bool is_done(struct follow *follow, struct followed *file)
{
    enum follow_writer writer = follow_ask_writer(follow, file);
    if (writer != WRITER_UNKNOWN)
        return writer == WRITER_ABSENT;
    return file->closed || follow->count > UNCERTAIN_FILES_MAX;
}

/*
 * A file that was rotated away and has no writer any more is done when it was read to its end. The order matters:
 *
 *   1. we read the file to its end;
 *   2. the writer writes a last line and closes the file;
 *   3. we ask for the writer and hear that there is none.
 *
 * So the file is read once more after the answer. It stays open while no new log has appeared and it still has a name: its birth then
 * tells which rotated files are newer. Returns true if the file is no longer followed.
 */
static bool settle_file(struct follow *follow, size_t index)
{
    struct followed *file = &follow->files[index];
    size_t budget = TAIL_BUFFER_BYTES;

    if (!is_rotated(follow, index))
        return false;
    file->drained = is_replaced(follow, index);
    blame_writer(follow, index);
    if (!is_done(follow, file) || tail_read(file->tail, follow->buffer, &budget, &follow->sink) != TAIL_END)
        return false;
    tail_finish(file->tail, follow->buffer, &follow->sink);
    if (!is_replaced(follow, index) && !tail_unlinked(file->tail))
        return false;
    follow_drop(follow, index);
    return true;
}

static void note_cut(struct follow *follow, const struct followed *file, int64_t was)
{
    follow_note(follow, FOLLOW_TRUNCATED, "lost its end: read up to byte %lld, going on at byte %lld", (long long)was,
                (long long)tail_position(file->tail).offset);
}

static void note_progress(struct follow *follow, struct followed *file)
{
    follow->written_ms = tail_changed_ns(file->tail) / 1000000;
    if (file->drained && file->written_ms == 0)
        file->written_ms = clock_running_ms();
}

/* Reads the file at index. Returns TAIL_MORE when the budget is used up, else TAIL_END or TAIL_FAILED. */
static enum tail_outcome read_followed(struct follow *follow, size_t index, size_t *budget)
{
    for (;;) {
        struct followed *file = &follow->files[index];
        int64_t was = tail_position(file->tail).offset;
        enum tail_outcome outcome = tail_read(file->tail, follow->buffer, budget, &follow->sink);

        if (tail_position(file->tail).offset > was)
            note_progress(follow, file);
        if (outcome == TAIL_CUT)
            note_cut(follow, file, was);
        else if (outcome != TAIL_TRUNCATED)
            return outcome;
        else if (follow_recover(follow, index) == FOLLOW_MORE)
            return TAIL_MORE;
    }
}

/* A read error may pass, so the file and its position are kept. Only a file that is gone from its server (ESTALE) is given up. */
static bool give_up_file(struct follow *follow, size_t index, int error)
{
    bool said = follow->unreadable.len > 0, lost = error == ESTALE && is_rotated(follow, index);

    strbuf_clear(&follow->unreadable);
    strbuf_printf(&follow->unreadable, "cannot be read: %s", strerror(error));
    if (!said)
        follow_note(follow, FOLLOW_REFUSED, "%s", strbuf_text(&follow->unreadable));
    if (lost)
        follow_drop(follow, index);
    return lost;
}

/*
 * The caller takes FOLLOW_DRAINED for the end of all that was written before the call, and judges by the clock then. A backlog takes many
 * calls without a follow_wait, and the log may be rotated or made meanwhile. So the path is compared each time.
 */
enum follow_progress follow_read(struct follow *follow, size_t max_bytes)
{
    size_t budget = max_bytes, i = 0;
    bool failed = false;

    follow_notice_path(follow);
    if (follow->look)
        follow_look(follow);
    while (i < follow->count) {
        enum tail_outcome outcome = read_followed(follow, i, &budget);
        if (outcome == TAIL_MORE)
            return FOLLOW_MORE;
        bool gone = outcome == TAIL_END ? settle_file(follow, i) : give_up_file(follow, i, errno);
        failed = failed || outcome != TAIL_END;
        if (!gone)
            i++;
    }
    if (!failed)
        strbuf_clear(&follow->unreadable);
    return follow->look ? FOLLOW_MORE : FOLLOW_DRAINED;
}

size_t follow_positions(const struct follow *follow, struct source_position *positions, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < follow->remembered_count && count < room; i++)
        positions[count++] = follow->remembered[i];
    for (size_t i = 0; i < follow->count && count < room; i++) {
        positions[count] = tail_position(follow->files[i].tail);
        positions[count++].owner = follow_owner(follow);
    }
    return count;
}

const char *follow_refusal(const struct follow *follow)
{
    if (follow->refused)
        return strbuf_text(&follow->trouble);
    return follow->unreadable.len > 0 ? strbuf_text(&follow->unreadable) : NULL;
}

/* During a rotation nothing is at path for a moment; bear_absence waits for its end. */
enum follow_place follow_place(const struct follow *follow)
{
    const struct followed *last = follow->count > 0 ? &follow->files[follow->count - 1] : NULL;
    if (follow->current || follow->refused || follow->absent_ms == 0 || follow->trouble.len == 0)
        return FOLLOW_THERE;
    if (last && last->said_deleted && last->writer != WRITER_ABSENT)
        return FOLLOW_UNLINKED;
    for (size_t i = 0; i < follow->count; i++)
        if (follow->files[i].writer == WRITER_PRESENT)
            return FOLLOW_THERE;
    return FOLLOW_MISSING;
}

int64_t follow_written_ms(const struct follow *follow)
{
    return follow->written_ms;
}

int64_t follow_behind(const struct follow *follow)
{
    int64_t behind = 0;
    for (size_t i = 0; i < follow->count; i++)
        behind += tail_behind(follow->files[i].tail);
    return behind;
}
