/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "inotify.h"
#include "siblings.h"

static void insert_file(struct follow *follow, size_t index, struct tail *tail)
{
    follow->files = must_grow(follow->files, follow->count + 1, sizeof *follow->files);
    memmove(&follow->files[index + 1], &follow->files[index], (follow->count - index) * sizeof *follow->files);
    follow->files[index] = (struct followed){ .tail = tail, .writer = WRITER_UNKNOWN };
    follow->count++;
    follow->news = true;
    follow_watch_file(follow, &follow->files[index]);
}

static void append_file(struct follow *follow, struct tail *tail)
{
    insert_file(follow, follow->count, tail);
}

void follow_drop(struct follow *follow, size_t index)
{
    struct followed *file = &follow->files[index];
    if (tail_born_ns(file->tail) > follow->left.born_ns) {
        follow->left.position = tail_position(file->tail);
        follow->left.born_ns = tail_born_ns(file->tail);
        follow->left.owner = tail_owner(file->tail);
    }
    if (file->watched)
        inotify_unwatch_file(tail_fd(file->tail));
    tail_free(file->tail);
    follow->count--;
    memmove(file, file + 1, (follow->count - index) * sizeof *file);
    if (index == follow->count)
        follow->current = false;
}

static bool is_followed(const struct follow *follow, const struct tail *tail)
{
    struct source_position id = tail_position(tail);
    for (size_t i = 0; i < follow->count; i++)
        if (tail_is(follow->files[i].tail, id.device, id.inode))
            return true;
    return false;
}

/* A copy of a file that is followed, or was (somebody's backup), is no generation of its own. */
static bool is_copy(const struct follow *follow, const struct tail *tail)
{
    if (follow->left.position.fingerprint_len > 0 && tail_begins_as(tail, &follow->left.position))
        return true;
    for (size_t i = 0; i < follow->count; i++) {
        struct source_position position = tail_position(follow->files[i].tail);
        if (position.fingerprint_len > 0 && tail_begins_as(tail, &position))
            return true;
    }
    return false;
}

/* Which siblings are generations that nobody has read yet. */
struct span {
    size_t from, to;    /* indexes */
    uid_t owner;        /* in a directory like /tmp anybody could put a forged generation beside the log */
    int64_t written_ns; /* and written after that: an old one unpacked again is born late, too */
    bool plain_only;    /* the packed ones are older */
};

static void append_generations(struct follow *follow, struct siblings *siblings, const struct span *span)
{
    for (size_t i = span->from; i < span->to; i++) {
        const struct tail *tail = siblings->tails[i];
        if (tail && siblings_is_generation(siblings, i) && tail_owner(tail) == span->owner &&
            !(span->plain_only && tail_is_packed(tail)) && tail_changed_ns(tail) >= span->written_ns &&
            !is_followed(follow, tail) && !is_copy(follow, tail))
            append_file(follow, siblings_take(siblings, i));
    }
}

/* Those that were born after a moment and before the one opened at path. */
static struct span span_since(const struct siblings *siblings, int64_t born_ns, uid_t owner, const struct tail *at_path)
{
    size_t from = 0, to = at_path ? siblings_find_inode(siblings, at_path) : SIZE_MAX;

    /* One that was taken was found by what it is, not by its age: it lies before those that are looked for. */
    while (from < siblings->count && (!siblings->tails[from] || tail_born_ns(siblings->tails[from]) <= born_ns))
        from++;
    return (struct span){
        .from = from, .to = to == SIZE_MAX ? siblings->count : to, .owner = owner, .written_ns = born_ns
    };
}

/*
 * Those that came after a file (it is one of them, or was packed into one, unless it has no name any more) and before the
 * one opened at path. That one may be among them:
 *
 *   1. we open the file at path, say C;
 *   2. C is rotated away, D made and rotated away, E made;
 *   3. among the siblings we find C, and behind it D.
 *
 * D's turn comes when we look again, since step 2 left events.
 */
static struct span span_between(const struct siblings *siblings, const struct tail *file, const struct tail *at_path)
{
    struct span span = span_since(siblings, tail_born_ns(file), tail_owner(file), at_path);
    size_t index = siblings_find_inode(siblings, file);

    if (index == SIZE_MAX)
        index = siblings_find_packed(siblings, file);
    if (index != SIZE_MAX)
        span.from = index + 1;
    return span;
}

enum whereabouts { AT_PATH, BESIDE, LOST };

/*
 * Where the file of an earlier position is now: the inode with the same beginning, else (a device number changes with a
 * reboot, copytruncate makes another inode) the same beginning anywhere.
 */
static enum whereabouts find_position(const struct source_position *position, const struct tail *at_path,
                                      const struct siblings *siblings, size_t *index)
{
    if (at_path && tail_is(at_path, position->device, position->inode) && tail_begins_as(at_path, position))
        return AT_PATH;
    if ((*index = siblings_find_position(siblings, position)) != SIZE_MAX)
        return BESIDE;
    if (at_path && tail_copies(at_path, position))
        return AT_PATH;
    *index = siblings_find_copy(siblings, position);
    bool is_ours = *index != SIZE_MAX && (!at_path || tail_owner(siblings->tails[*index]) == tail_owner(at_path));
    if (is_ours)
        return BESIDE;
    /* The device's number changed and the file is shorter than it was: a power cut does both. */
    return at_path && position->fingerprint_len > 0 && tail_begins_as(at_path, position) ? AT_PATH : LOST;
}

static void note_lost(const struct follow *follow, const struct source_position *position,
                      const struct siblings *siblings)
{
    follow_note(follow, FOLLOW_ROTATED, "the file read last (inode %llu, up to byte %lld) is not there any more%s",
                (unsigned long long)position->inode, (long long)position->offset,
                siblings->compressed
                    ? ", removed or compressed otherwise than by gzip: what was written to it after that is not read"
                    : "");
}

/*
 * Takes up where an earlier life stood: every remembered file that is at path or beside it, then the generations that
 * came after the last of them. If the last one is not found it was probably compressed, by something that we cannot unpack:
 * what is not compressed yet came after it.
 */
static void take_up(struct follow *follow, struct tail *at_path)
{
    struct siblings siblings;
    struct span span = { 0 };
    bool found = at_path;

    siblings_find(&siblings, follow->directory, follow->base, follow->owner);
    for (size_t i = 0; i < follow->remembered_count; i++)
        siblings_date(&siblings, at_path, &follow->remembered[i]);
    for (size_t i = 0; i < follow->remembered_count; i++) {
        const struct source_position *position = &follow->remembered[i];
        size_t index = 0;

        span = (struct span){ 0 };
        switch (find_position(position, at_path, &siblings, &index)) {
        case AT_PATH: tail_resume(at_path, position); break;
        case BESIDE:
            tail_resume(siblings.tails[index], position);
            span = span_between(&siblings, siblings.tails[index], at_path);
            append_file(follow, siblings_take(&siblings, index));
            found = true;
            break;
        case LOST:
            if (at_path)
                note_lost(follow, position, &siblings);
            if (at_path && siblings.compressed)
                span = (struct span){ .to = siblings.count, .owner = tail_owner(at_path), .plain_only = true };
            break;
        }
    }
    append_generations(follow, &siblings, &span);
    if (found)
        follow->remembered_count = 0;
    siblings_free(&siblings);
}

/*
 * Those that came after the one that was followed last. It may have a name still, or a packed copy (rotated and compressed, and
 * nothing came behind it), or none: logrotate puts what a writer made too early under a name of its own, over what it put there
 * before. Then only age tells, and nobody knows that of a packed one.
 */
static struct span span_behind_left(const struct follow *follow, const struct siblings *siblings,
                                    const struct tail *at_path)
{
    struct span span = span_since(siblings, follow->left.born_ns, follow->left.owner, at_path);
    size_t index = siblings_find_position(siblings, &follow->left.position);

    if (index == SIZE_MAX && follow->left.position.fingerprint_len > 0)
        index = siblings_find_copy(siblings, &follow->left.position);
    if (index != SIZE_MAX)
        span.from = index + 1;
    else
        span.plain_only = true;
    return span;
}

/* The file at path is another one than before, or none: the generations in between, if rotation was faster than we. */
static void catch_missed(struct follow *follow, const struct tail *at_path)
{
    struct siblings siblings;
    struct span span;

    siblings_find(&siblings, follow->directory, follow->base, follow->owner);
    if (follow->count > 0) {
        const struct tail *newest = follow->files[follow->count - 1].tail;
        struct source_position position = tail_position(newest);
        siblings_date(&siblings, NULL, &position);
        span = span_between(&siblings, newest, at_path);
    } else {
        span = span_behind_left(follow, &siblings, at_path);
    }
    append_generations(follow, &siblings, &span);
    siblings_free(&siblings);
}

static bool had_any(const struct follow *follow)
{
    return follow->count > 0 || follow->left.born_ns > 0;
}

void follow_recover(struct follow *follow, size_t index)
{
    struct tail *tail = follow->files[index].tail;
    struct source_position position = tail_position(tail);
    struct siblings siblings;

    siblings_find(&siblings, follow->directory, follow->base, follow->owner);
    size_t copy = siblings_find_copy(&siblings, &position);
    bool found = copy != SIZE_MAX && tail_owner(siblings.tails[copy]) == tail_owner(tail) &&
                 !is_followed(follow, siblings.tails[copy]);

    follow_note(follow, FOLLOW_TRUNCATED, "truncated; read up to byte %lld, %s, and again from the beginning",
                (long long)position.offset,
                found ? "the rest from its copy" : "what was written after that and before the truncation is lost");
    tail_restart(tail);
    if (found) {
        struct tail *rest = siblings_take(&siblings, copy);
        tail_resume(rest, &position);
        insert_file(follow, index, rest);
    }
    siblings_free(&siblings);
}

/*
 * An editor saves by writing the whole text anew under the old name: no line of it is news. What the old file holds beyond
 * our position is in the copy too, so it is read from the one, before the other is taken up behind it.
 */
static void pass_over_copy(struct follow *follow, struct tail *copy)
{
    struct tail *old = follow->files[follow->count - 1].tail;
    struct source_position position = tail_position(old);
    size_t budget = SIZE_MAX;

    if (!tail_copies(copy, &position) || tail_read(old, follow->buffer, &budget, &follow->sink) != TAIL_END)
        return;
    position = tail_position(old);
    if (tail_copies(copy, &position))
        tail_resume(copy, &position);
}

/* Follows the file that was opened at path, and owns it. */
static void begin_following(struct follow *follow, struct tail *tail)
{
    bool replaces = follow->count > 0;

    if (follow->remembered_count > 0)
        take_up(follow, tail);
    else if (had_any(follow))
        catch_missed(follow, tail);
    if (replaces)
        pass_over_copy(follow, tail);
    append_file(follow, tail);
    follow->current = true;
    follow_note(follow, replaces ? FOLLOW_ROTATED : FOLLOW_OPENED, "%s, inode %llu, from byte %lld",
                replaces ? "rotated: the old file is read to its end, then the new one" : "following",
                (unsigned long long)tail_position(tail).inode, (long long)tail_position(tail).offset);
}

/* The file at path is followed already; if it is not the newest (somebody renamed it back), it becomes so. */
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

/* Rotation leaves nothing at path for a moment: that is said only if it lasts. */
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

/*
 * Without [log] owner anybody's log is followed, but not one that changes hands while we look: in a directory like /tmp that is
 * how a forged one would come. Root and the agent's own user could forge it anyway.
 */
static bool changed_hands(const struct follow *follow, const struct tail *tail, struct strbuf *why)
{
    uid_t owner = tail_owner(tail);
    if (follow->owner != LOG_ANY_OWNER || follow->known_owner == LOG_ANY_OWNER ||
        (int64_t)owner == follow->known_owner || owner == 0 || owner == geteuid() || is_followed(follow, tail))
        return false;
    strbuf_printf(why,
                  "replaced by a file of user %u, the one before was user %lld's; if that is right, set [log] owner or "
                  "restart the agent",
                  (unsigned)owner, (long long)follow->known_owner);
    return true;
}

static void on_opened(struct follow *follow, struct tail *tail)
{
    follow_trouble_over(follow);
    follow->absent_ms = 0;
    follow->known_owner = tail_owner(tail);
    if (is_followed(follow, tail)) {
        make_current(follow, tail);
        tail_free(tail);
    } else {
        begin_following(follow, tail);
    }
}

static void on_refused(struct follow *follow, enum log_refusal refusal, const char *why)
{
    follow->current = false;
    if (follow->remembered_count > 0)
        take_up(follow, NULL);
    else if (had_any(follow))
        catch_missed(follow, NULL);
    if (refusal == LOG_ABSENT)
        bear_absence(follow);
    else
        follow_trouble(follow, FOLLOW_REFUSED, why);
}

void follow_look(struct follow *follow)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;

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
