/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "listing.h"

/*
 * What happened to the log while we did not look: which of the files beside it hold lines that were not read yet, and in which
 * order. A file beside the log is believed if it belongs to the log's owner (follow_owner) or to root: in a directory like
 * /tmp, anybody could put a forged generation there.
 */

int64_t follow_owner(const struct follow *follow)
{
    return follow->owner != LOG_ANY_OWNER ? follow->owner : follow->known_owner;
}

static void note_skipped(struct follow *follow, const struct siblings *siblings)
{
    if (siblings->crowded && !follow->said_crowded)
        follow_note(
            follow, FOLLOW_SKIPPED,
            "there are so many files beside the log that only some were looked at: a rotated file may be missed");
    if (siblings->too_large && !follow->said_too_large)
        follow_note(follow, FOLLOW_SKIPPED, "gzip files beside the log that are larger than %d MB are not unpacked",
                    PACKED_FILE_MAX_BYTES >> 20);
    follow->said_crowded = siblings->crowded;
    follow->said_too_large = siblings->too_large;
}

void follow_end_listing(struct follow *follow)
{
    listing_free(follow->listing);
    follow->listing = NULL;
    if (follow->listed_fd >= 0)
        close(follow->listed_fd);
    follow->listed_fd = -1;
}

/*
 * Goes on looking through the directory for the sake of one file: a new one at path (NULL: there is none), or one that was
 * truncated. For another file the listing begins anew, since a rotation may have come in between. Returns true, with what was
 * found in *siblings, when it is at its end.
 */
static bool list_siblings(struct follow *follow, const struct tail *tail, struct siblings *siblings)
{
    struct source_position id = tail ? tail_position(tail) : (struct source_position){ 0 };

    if (follow->listing && (follow->listed_device != id.device || follow->listed_inode != id.inode))
        follow_end_listing(follow);
    if (!follow->listing) {
        follow->listing = listing_begin(follow->directory, follow->base, (uid_t)follow_owner(follow));
        follow->listed_device = id.device;
        follow->listed_inode = id.inode;
        follow->listed_fd = tail ? fcntl(tail_fd(tail), F_DUPFD_CLOEXEC, 0) : -1;
    }
    if (!listing_go_on(follow->listing))
        return false;
    *siblings = listing_take(follow->listing);
    follow->list_again_ms = clock_running_ms() + listing_worked_ms(follow->listing) * SIBLINGS_REST_FACTOR;
    follow_end_listing(follow);
    note_skipped(follow, siblings);
    return true;
}

/*
 * A file of which nothing was read yet has no fingerprint. It may have been written to and packed since, all between two looks: then its
 * text, which we still hold open, tells the packed one.
 */
static bool is_packed_copy(const struct tail *unread, const struct tail *tail)
{
    return tail_is_packed(tail) && !tail_is_packed(unread) && tail_begins_alike(unread, tail);
}

/* True for a copy (a backup) of a file that is or was followed: its lines were read from the other file. */
static bool is_copy(const struct follow *follow, const struct tail *tail)
{
    if (follow->left.position.fingerprint_len > 0 && tail_begins_as(tail, &follow->left.position))
        return true;
    for (size_t i = 0; i < follow->count; i++) {
        const struct tail *followed = follow->files[i].tail;
        struct source_position position = tail_position(followed);
        if (position.fingerprint_len > 0 ? tail_begins_as(tail, &position) : is_packed_copy(followed, tail))
            return true;
    }
    return false;
}

/* Which of the siblings are generations that were not read yet. */
struct span {
    size_t from, to;    /* indexes, to is excluded */
    int64_t written_ns; /* only files written to since then: an old file that somebody unpacked was born late, too */
    bool plain_only;    /* the packed ones are known to be older */
};

static void append_generations(struct follow *follow, struct siblings *siblings, const struct span *span)
{
    for (size_t i = span->from; i < span->to; i++) {
        const struct tail *tail = siblings->at[i].tail;
        if (tail && siblings_is_generation_name(siblings->at[i].name) && !(span->plain_only && tail_is_packed(tail)) &&
            tail_changed_ns(tail) >= span->written_ns && !follow_has(follow, tail) && !is_copy(follow, tail))
            follow_insert(follow, follow->count, siblings_take(siblings, i));
    }
}

/*
 * Which of the siblings is the file that we opened at path, if it was rotated since then, or even packed: then it has no name any more, and
 * its text, which we still hold open, tells the packed one. SIZE_MAX: it is none of them.
 */
static size_t find_rotated(const struct siblings *siblings, const struct tail *opened)
{
    size_t index = siblings_find_inode(siblings, opened);
    if (index != SIZE_MAX || tail_is_packed(opened) || !tail_unlinked(opened))
        return index;
    for (index = siblings->count; index-- > 0;) {
        const struct sibling *one = &siblings->at[index];
        if (one->tail && siblings_is_generation_name(one->name) && is_packed_copy(opened, one->tail))
            return index;
    }
    return SIZE_MAX;
}

/* The generations that were born after a moment and before the file at path. */
static struct span span_since(const struct siblings *siblings, int64_t born_ns, const struct tail *at_path)
{
    size_t from = 0, to = at_path ? find_rotated(siblings, at_path) : SIZE_MAX;

    /* One that was taken was identified by its content: what is looked for came after it. */
    while (from < siblings->count && (!siblings->at[from].tail || tail_born_ns(siblings->at[from].tail) <= born_ns))
        from++;
    return (struct span){ .from = from, .to = to == SIZE_MAX ? siblings->count : to, .written_ns = born_ns };
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
    struct span span = span_since(siblings, tail_born_ns(file), at_path);
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
    if (at_path && tail_is_of(at_path, position))
        return AT_PATH;
    if ((*index = siblings_find_position(siblings, position)) != SIZE_MAX)
        return BESIDE;
    if (at_path && tail_copies(at_path, position))
        return AT_PATH;
    if ((*index = siblings_find_copy(siblings, position)) != SIZE_MAX)
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
 * The generations that were written to since a file began of which nothing was read, and which is not found any more: nothing but its text
 * could tell it from others once it is packed.
 */
static struct span span_written(const struct siblings *siblings, int64_t begun_ns, const struct tail *at_path)
{
    struct span span = span_since(siblings, 0, at_path);
    span.written_ns = begun_ns;
    return span;
}

/* The generations that came after a remembered file that was read, and is not found any more. */
static struct span span_behind_lost(const struct follow *follow, const struct source_position *position,
                                    const struct tail *at_path, const struct siblings *siblings)
{
    struct span span = { 0 };
    if (!at_path)
        return span;
    note_lost(follow, position, siblings);
    if (!follow->owns_directory && !siblings->compressed)
        return span;
    span = span_since(siblings, 0, at_path);
    if (!follow->owns_directory)
        span = (struct span){ .to = span.to, .plain_only = true };
    return span;
}

/*
 * Where taking up stands. Of a remembered file of which nothing was read, and which was packed since then, only its place tells it: it lies
 * between the files that were remembered before it and after it.
 */
struct taking_up {
    struct span span; /* the generations that came after the remembered files so far */
    bool found;       /* the last one of those that were read */
    bool unread;      /* one of which nothing was read is not found: it is in span */
};

static void take_up_found(struct follow *follow, struct tail *at_path, struct siblings *siblings, size_t index,
                          const struct source_position *position, struct taking_up *state)
{
    if (state->unread) {
        if (index < state->span.to)
            state->span.to = index;
        append_generations(follow, siblings, &state->span);
    }
    *state = (struct taking_up){ .found = true };
    if (index == SIZE_MAX) {
        tail_resume(at_path, position);
        return;
    }
    tail_resume(siblings->at[index].tail, position);
    state->span = span_between(siblings, siblings->at[index].tail, at_path);
    follow_insert(follow, follow->count, siblings_take(siblings, index));
}

static bool span_is_empty(const struct span *span)
{
    return span->from >= span->to;
}

/*
 * What was written to last before the unread file began is none of the generations that are looked for: it may have been read while an older
 * file was still followed. begun_ms is rounded up.
 */
static void take_up_unread(const struct tail *at_path, const struct siblings *siblings,
                           const struct source_position *position, struct taking_up *state)
{
    int64_t begun_ns = tail_begun_ns(position);
    if (state->unread)
        return;
    state->unread = true;
    if (begun_ns > 0 && !state->found && (span_is_empty(&state->span) || state->span.plain_only))
        state->span = span_written(siblings, begun_ns, at_path);
    else if (begun_ns - NS_A_MS > state->span.written_ns)
        state->span.written_ns = begun_ns - NS_A_MS;
}

static void take_up_lost(const struct follow *follow, const struct tail *at_path, const struct siblings *siblings,
                         const struct source_position *position, struct taking_up *state)
{
    if (position->fingerprint_len == 0) {
        take_up_unread(at_path, siblings, position, state);
        return;
    }
    struct span span = span_behind_lost(follow, position, at_path, siblings);
    if (!state->unread || span_is_empty(&state->span))
        state->span = span;
    state->found = false;
}

/*
 * Goes on where an earlier run stood: with every remembered file that is found at path or beside it, then with the generations that
 * came after the last of them. If that last one is not found although there are compressed files, it was probably compressed by
 * something that we cannot unpack; then the files that are not compressed came after it.
 */
static void take_up(struct follow *follow, struct tail *at_path, struct siblings *siblings)
{
    struct taking_up state = { 0 };
    bool found = at_path;

    for (size_t i = 0; i < follow->remembered_count; i++)
        siblings_date(siblings, at_path, &follow->remembered[i]);
    for (size_t i = 0; i < follow->remembered_count; i++) {
        const struct source_position *position = &follow->remembered[i];
        size_t index = SIZE_MAX;
        enum whereabouts where = find_position(position, at_path, siblings, &index);

        if (where == LOST)
            take_up_lost(follow, at_path, siblings, position, &state);
        else
            take_up_found(follow, at_path, siblings, where == AT_PATH ? SIZE_MAX : index, position, &state);
        found = found || where == BESIDE;
    }
    append_generations(follow, siblings, &state.span);
    if (found)
        follow->remembered_count = 0;
}

/*
 * The generations that came after the file that was followed last. That file may still have a name or a packed copy. If it has
 * neither (logrotate overwrites what an early writer made), only births tell which files are newer, and a packed file has none.
 */
static struct span span_behind_left(const struct follow *follow, const struct siblings *siblings,
                                    const struct tail *at_path)
{
    struct span span = span_since(siblings, follow->left.born_ns, at_path);
    size_t index = siblings_find_position(siblings, &follow->left.position);

    if (index == SIZE_MAX && follow->left.position.fingerprint_len > 0)
        index = siblings_find_copy(siblings, &follow->left.position);
    if (index != SIZE_MAX)
        span.from = index + 1;
    else if (follow->has_moved && at_path)
        span.from = 0; /* all that lies here is newer */
    else
        span.plain_only = true;
    return span;
}

/* The file at path is a new one, or is gone. Follows the generations in between, if there was more than one rotation since the last look. */
static void catch_missed(struct follow *follow, const struct tail *at_path, struct siblings *siblings)
{
    struct span span;

    if (follow->count > 0) {
        const struct tail *newest = follow->files[follow->count - 1].tail;
        struct source_position position = tail_position(newest);
        siblings_date(siblings, NULL, &position);
        span = span_between(siblings, newest, at_path);
    } else {
        span = span_behind_left(follow, siblings, at_path);
    }
    append_generations(follow, siblings, &span);
}

enum follow_progress follow_take_up(struct follow *follow, struct tail *at_path)
{
    struct siblings siblings;
    bool had_any = follow->count > 0 || follow->left.born_ns > 0;

    if ((follow->remembered_count == 0 && !had_any) || follow_owner(follow) == LOG_ANY_OWNER)
        return FOLLOW_DRAINED;
    /* Without a log there is a look every two seconds, and no line waits: it must not cost all of a processor. */
    if (!at_path && !follow->listing && clock_running_ms() < follow->list_again_ms)
        return FOLLOW_DRAINED;
    if (!list_siblings(follow, at_path, &siblings))
        return FOLLOW_MORE;
    if (follow->remembered_count > 0)
        take_up(follow, at_path, &siblings);
    else
        catch_missed(follow, at_path, &siblings);
    siblings_free(&siblings);
    return FOLLOW_DRAINED;
}

enum follow_progress follow_recover(struct follow *follow, size_t index)
{
    struct tail *tail = follow->files[index].tail;
    struct source_position position = tail_position(tail);
    struct siblings siblings;

    if (follow->look || !list_siblings(follow, tail, &siblings))
        return FOLLOW_MORE;
    size_t copy = siblings_find_copy(&siblings, &position);
    bool found = copy != SIZE_MAX && !follow_has(follow, siblings.at[copy].tail);
    follow_note(follow, FOLLOW_TRUNCATED, "truncated; read up to byte %lld, %s, and again from the beginning",
                (long long)position.offset,
                found ? "the rest from its copy" : "what was written after that and before the truncation is lost");
    tail_restart(tail);
    if (found) {
        struct tail *rest = siblings_take(&siblings, copy);
        tail_resume(rest, &position);
        follow_insert(follow, index, rest);
    }
    siblings_free(&siblings);
    return FOLLOW_DRAINED;
}
