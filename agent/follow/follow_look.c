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

/* True for a copy (a backup) of a file that is or was followed: its lines were read from the other file. */
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

/* Which of the siblings are generations that were not read yet. */
struct span {
    size_t from, to;    /* indexes, to is excluded */
    uid_t owner;        /* of the log: in a directory like /tmp anybody could put a forged generation beside it */
    int64_t written_ns; /* only files written to since then: an old file that somebody unpacked was born late, too */
    bool plain_only;    /* the packed ones are known to be older */
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

/* The generations that were born after a moment and before the file at path. */
static struct span span_since(const struct siblings *siblings, int64_t born_ns, uid_t owner, const struct tail *at_path)
{
    size_t from = 0, to = at_path ? siblings_find_inode(siblings, at_path) : SIZE_MAX;

    /* One that was taken was identified by its content: what is looked for came after it. */
    while (from < siblings->count && (!siblings->tails[from] || tail_born_ns(siblings->tails[from]) <= born_ns))
        from++;
    return (struct span){
        .from = from, .to = to == SIZE_MAX ? siblings->count : to, .owner = owner, .written_ns = born_ns
    };
}

/*
 * The generations that came after a given file and before the file at path. The given file is a sibling itself, or was packed into
 * one, unless it was deleted. The file at path may be a sibling by now:
 *
 *   1. we open the file at path, say C;
 *   2. C is rotated away, D is made and rotated away, E is made;
 *   3. we list the siblings and find C, and after it D.
 *
 * D is left for the next look, which comes because step 2 made events.
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
 * Where the file of a stored position is now. First choice is the same inode with the same beginning. Otherwise any file with the
 * same beginning will do, because a reboot may change the device number and copytruncate makes another inode.
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
    /* A power cut may change the device's number and shorten the file. */
    return at_path && position->fingerprint_len > 0 && tail_begins_as(at_path, position) ? AT_PATH : LOST;
}

static void note_lost(const struct follow *follow, const struct source_position *position,
                      const struct siblings *siblings)
{
    follow_note(follow, FOLLOW_ROTATED, "the file read last (inode %llu, up to byte %lld) is not there any more%s",
                (unsigned long long)position->inode, (long long)position->offset,
                siblings->compressed ? ", it was removed, or compressed by something else than gzip: what was written "
                                       "to it after that is not read"
                                     : "");
}

/*
 * Goes on where an earlier run stood: with every remembered file that is found at path or beside it, then with the generations that
 * came after the last of them. If that last one is not found although there are compressed files, it was probably compressed by
 * something that we cannot unpack; then the files that are not compressed came after it.
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
 * The generations that came after the file that was followed last. That file may still have a name or a packed copy. If it has
 * neither (logrotate overwrites what an early writer made), only births tell which files are newer, and a packed file has none.
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

/* The file at path is a new one, or is gone. Follows the generations in between, if there was more than one rotation since the last look. */
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
 * An editor saves by writing the whole text into a new file of the same name. None of its lines is new, so the rest of the old file is
 * read first, and the new one is then followed from the same offset on.
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

/* Follows the file that was opened at path; takes the tail over. */
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

/*
 * Without [log] owner the first log is followed whoever owns it, but it is not replaced by a file of another user: in a directory
 * like /tmp, a forged log would come that way. Root and the agent's own user are believed, because they could forge it anyway.
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
