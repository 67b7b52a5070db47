/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "inotify.h"

void follow_insert(struct follow *follow, size_t index, struct tail *tail)
{
    follow->files = must_grow(follow->files, follow->count + 1, sizeof *follow->files);
    memmove(&follow->files[index + 1], &follow->files[index], (follow->count - index) * sizeof *follow->files);
    follow->files[index] = (struct followed){ .tail = tail, .writer = WRITER_UNKNOWN };
    follow->count++;
    follow->news = true;
    follow_watch_file(follow, &follow->files[index]);
}

void follow_drop(struct follow *follow, size_t index)
{
    struct followed *file = &follow->files[index];
    if (tail_born_ns(file->tail) > follow->left.born_ns) {
        follow->left.position = tail_position(file->tail);
        follow->left.born_ns = tail_born_ns(file->tail);
    }
    if (file->watched)
        inotify_unwatch_file(tail_fd(file->tail));
    tail_free(file->tail);
    follow->count--;
    memmove(file, file + 1, (follow->count - index) * sizeof *file);
    if (index == follow->count)
        follow->current = false;
}

bool follow_has(const struct follow *follow, const struct tail *tail)
{
    struct source_position id = tail_position(tail);
    for (size_t i = 0; i < follow->count; i++)
        if (tail_is(follow->files[i].tail, id.device, id.inode))
            return true;
    return false;
}

/*
 * An editor saves by writing the whole text into a new file of the same name. None of its lines is new, so the rest of the old file is
 * read first, and the new one is then followed from the same offset on. Returns FOLLOW_MORE, and is to be called again, as long
 * as the old file is not read to its end.
 */
static enum follow_progress pass_over_copy(struct follow *follow, struct tail *copy)
{
    struct tail *old = follow->files[follow->count - 1].tail;
    struct source_position position = tail_position(old);
    size_t budget = TAIL_BUFFER_BYTES;

    if (!tail_copies(copy, &position))
        return FOLLOW_DRAINED;
    enum tail_outcome outcome = tail_read(old, follow->buffer, &budget, &follow->sink);
    position = tail_position(old);
    if (outcome == TAIL_END && tail_copies(copy, &position))
        tail_resume(copy, &position);
    return outcome == TAIL_MORE ? FOLLOW_MORE : FOLLOW_DRAINED;
}

/* Follows the file that was opened at path, and takes the tail over, unless there is more to do first. */
static enum follow_progress begin_following(struct follow *follow, struct tail *tail)
{
    bool replaces = follow->count > 0;

    if (follow_take_up(follow, tail) == FOLLOW_MORE || (replaces && pass_over_copy(follow, tail) == FOLLOW_MORE))
        return FOLLOW_MORE;
    follow_insert(follow, follow->count, tail);
    follow->current = true;
    follow->has_moved = false;
    follow_note(follow, replaces ? FOLLOW_ROTATED : FOLLOW_OPENED, "%s, inode %llu, from byte %lld",
                replaces ? "rotated: the old file is read to its end, then the new one" : "following",
                (unsigned long long)tail_position(tail).inode, (long long)tail_position(tail).offset);
    return FOLLOW_DRAINED;
}

/* The file at path is followed already. Somebody may have renamed an older one back: then it becomes the newest. */
static void make_current(struct follow *follow, const struct tail *at_path)
{
    struct source_position id = tail_position(at_path);
    size_t index = 0;

    while (!tail_is(follow->files[index].tail, id.device, id.inode))
        index++;
    struct followed file = follow->files[index];
    memmove(&follow->files[index], &follow->files[index + 1], (follow->count - index - 1) * sizeof file);
    follow->files[follow->count - 1] = file;
    follow->current = true;
}

/* During a rotation nothing is at path for a moment, so an absence is said only if it lasts. */
static void bear_absence(struct follow *follow)
{
    int64_t now_ms = clock_running_ms();

    if (follow->absent_ms == 0)
        follow->absent_ms = now_ms;
    if (follow->count == 0 || now_ms - follow->absent_ms >= FOLLOW_SLOW_MS)
        follow_trouble(follow, FOLLOW_WAITING, "not there (yet): waiting for it");
    else
        follow->retry = true;
}

/* /tmp was cleaned, say. Rotation deletes no log that is written, so this is said at once. */
static void note_deleted(struct follow *follow)
{
    struct followed *last = follow->count > 0 ? &follow->files[follow->count - 1] : NULL;

    if (!last || last->said_deleted || !tail_unlinked(last->tail) || follow_ask_writer(follow, last) == WRITER_ABSENT)
        return;
    last->said_deleted = true;
    follow_note(follow, FOLLOW_DELETED,
                "the log was deleted, but its writer goes on: still following the deleted file; after a restart it "
                "cannot be found again");
}

/*
 * Without [log] owner the first log is followed whoever owns it, but it is not replaced by a file of another user, not even over a
 * restart: in a directory like /tmp, a forged log would come that way. Root and the agent's own user are believed, because they
 * could forge it anyway.
 */
static bool changed_hands(const struct follow *follow, const struct tail *tail, struct strbuf *why)
{
    uid_t owner = tail_owner(tail);
    if (follow->owner != LOG_ANY_OWNER || follow->known_owner == LOG_ANY_OWNER ||
        (int64_t)owner == follow->known_owner || owner == 0 || owner == geteuid() || follow_has(follow, tail))
        return false;
    strbuf_printf(why,
                  "replaced by a file of user %u, the one before was user %lld's; if that is right, set [log] owner",
                  (unsigned)owner, (long long)follow->known_owner);
    return true;
}

/* Only root can give a file that is followed to another user. */
static void learn_owner(struct follow *follow, const struct tail *tail)
{
    if (follow->known_owner == LOG_ANY_OWNER || (follow_has(follow, tail) && tail_owner(tail) != 0))
        follow->known_owner = tail_owner(tail);
}

static void on_opened(struct follow *follow, struct tail *tail)
{
    follow_trouble_over(follow);
    follow->absent_ms = 0;
    learn_owner(follow, tail);
    if (follow_has(follow, tail)) {
        make_current(follow, tail);
        tail_free(tail);
    } else if (begin_following(follow, tail) == FOLLOW_MORE) {
        follow->look = true;
        tail_free(tail);
    }
}

static void on_refused(struct follow *follow, enum log_refusal refusal, const char *why)
{
    follow->current = false;
    follow->look = follow_take_up(follow, NULL) == FOLLOW_MORE;
    if (refusal == LOG_ABSENT) {
        note_deleted(follow);
        bear_absence(follow);
    } else {
        follow_trouble(follow, FOLLOW_REFUSED, why);
    }
}

void follow_look(struct follow *follow)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;

    follow_resolve_link(follow);
    follow->look = false;
    follow->slow_ms = clock_running_ms() + FOLLOW_SLOW_MS;
    follow_watch(follow);
    struct tail *tail = tail_open(follow->path, follow->owner, &refusal, &why);
    if (tail && changed_hands(follow, tail, &why)) {
        tail_free(tail);
        tail = NULL;
        refusal = LOG_UNTRUSTED;
    }
    if (tail)
        on_opened(follow, tail);
    else
        on_refused(follow, refusal, strbuf_text(&why));
    strbuf_free(&why);
}
