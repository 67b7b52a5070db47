/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/fnv.h"

/* A directory that changes while it is read is read again, at most so many times in all, and only if a pass is short. */
enum { PASSES_MAX = 5, PASSES_MAX_US = SIBLINGS_LISTING_MAX_MS * 1000 / PASSES_MAX };

/* PATH.1 to PATH.9, where logrotate puts what matters most, are looked at by name as well. */
enum { NUMBERED_NAMES = 9 };

struct candidate {
    char *name;
    uint64_t device, inode;
    struct timespec written;
};

struct listing {
    char *directory, *base;
    uid_t owner;

    DIR *stream; /* NULL: there is nothing to read any more */
    int passes;
    struct timespec changed;    /* the directory's last change when the pass began */
    uint64_t seen, seen_before; /* a sum over the trusted files of this pass and the one before: are they the same? */
    int64_t worked_us;

    struct candidate candidates[SIBLINGS_MAX]; /* those that were written to last */
    size_t count, opened;
    bool is_stale; /* a file was renamed or packed before it was opened */
    int begun_anew;
    struct siblings siblings;
};

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static struct timespec directory_changed(const struct listing *listing)
{
    struct stat st;
    return fstat(dirfd(listing->stream), &st) == 0 ? st.st_mtim : (struct timespec){ 0, 0 };
}

struct listing *listing_begin(const char *directory, const char *base, uid_t owner)
{
    struct listing *listing = must_alloc(sizeof *listing);
    listing->directory = must_copy(directory, strlen(directory));
    listing->base = must_copy(base, strlen(base));
    listing->owner = owner;
    listing->stream = opendir(directory);
    if (listing->stream)
        listing->changed = directory_changed(listing);
    return listing;
}

void listing_free(struct listing *listing)
{
    if (!listing)
        return;
    if (listing->stream)
        closedir(listing->stream);
    for (size_t i = 0; i < listing->count; i++)
        free(listing->candidates[i].name);
    siblings_free(&listing->siblings);
    free(listing->base);
    free(listing->directory);
    free(listing);
}

/* The part of name behind "BASE." or "BASE-"; NULL if it is no sibling's name. */
static const char *suffix_of(const struct listing *listing, const char *name)
{
    size_t len = strlen(listing->base);
    if (strncmp(name, listing->base, len) != 0 || (name[len] != '.' && name[len] != '-') || name[len + 1] == '\0')
        return NULL;
    return name + len + 1;
}

static bool ends_in(const char *name, const char *end)
{
    size_t name_len = strlen(name), end_len = strlen(end);
    return name_len > end_len && strcmp(name + name_len - end_len, end) == 0;
}

static bool is_compressed(const char *name)
{
    static const char *const ENDS[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".lzma", ".Z" };
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++)
        if (ends_in(name, ENDS[i]))
            return true;
    return false;
}

/* Root could forge everything anyway, and what it copies or packs by hand belongs to it. */
static bool listing_is_trusted(const struct listing *listing, uid_t owner)
{
    return owner == listing->owner || owner == 0;
}

/* Reads what a name stands for. Returns false unless that is a regular file of a trusted owner. */
static bool stat_trusted(const struct listing *listing, int directory, const char *name, struct stat *st)
{
    return fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode) &&
           listing_is_trusted(listing, st->st_uid);
}

static bool is_file(const struct candidate *candidate, const struct stat *st)
{
    return candidate->device == st->st_dev && candidate->inode == st->st_ino;
}

/* Where a new candidate goes: over an earlier name of its file, at the end, or over the one that was written to first. */
static struct candidate *listing_find_place(struct listing *listing, const char *name, const struct stat *st)
{
    struct candidate *oldest = NULL;
    for (size_t i = 0; i < listing->count; i++) {
        struct candidate *candidate = &listing->candidates[i];
        if (is_file(candidate, st) && ends_in(candidate->name, ".gz") == ends_in(name, ".gz"))
            return candidate;
        if (!oldest || is_later(oldest->written, candidate->written))
            oldest = candidate;
    }
    if (listing->count == SIBLINGS_MAX)
        return is_later(st->st_mtim, oldest->written) ? oldest : NULL;
    return &listing->candidates[listing->count++];
}

/*
 * A hard link gives a file one more name, perhaps by another user. Of the names of one file two are kept, one with .gz and one
 * without, since only the content tells whether it is packed; of each kind rather the name of a generation.
 */
static void keep_candidate(struct listing *listing, const char *name, const struct stat *st)
{
    struct candidate *place = listing_find_place(listing, name, st);
    bool same = place && place->name && is_file(place, st);

    if (!place || (same && !siblings_is_generation_name(suffix_of(listing, name))))
        return;
    free(place->name);
    *place = (struct candidate){ must_copy(name, strlen(name)), st->st_dev, st->st_ino, st->st_mtim };
}

static void look_at_name(struct listing *listing, const char *name)
{
    struct stat st;

    if (!stat_trusted(listing, dirfd(listing->stream), name, &st))
        return;
    listing->seen += fnv_add(fnv_add(FNV_EMPTY, name, strlen(name)), (const char *)&st.st_ino, sizeof st.st_ino);
    bool compressed = is_compressed(name), packed = ends_in(name, ".gz");
    listing->siblings.compressed |= compressed;
    if (packed && st.st_size > PACKED_FILE_MAX_BYTES)
        listing->siblings.too_large = true;
    else if (packed || !compressed)
        keep_candidate(listing, name, &st);
}

/* Returns whether the entry is one that has to be looked at. */
static bool is_sibling(const struct listing *listing, const struct dirent *entry)
{
    return suffix_of(listing, entry->d_name) && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN);
}

static void end_reading(struct listing *listing)
{
    struct strbuf name = { 0 };
    for (int i = 0; i < 2 * NUMBERED_NAMES; i++) {
        strbuf_clear(&name);
        strbuf_printf(&name, "%s.%d%s", listing->base, i / 2 + 1, i % 2 ? ".gz" : "");
        look_at_name(listing, strbuf_text(&name));
    }
    strbuf_free(&name);
    closedir(listing->stream);
    listing->stream = NULL;
}

/*
 * A rotation while the directory is being read can hide a file:
 *
 *   1. we have read the directory up to the place where PATH.2 will appear;
 *   2. rotation renames PATH.1 to PATH.2;
 *   3. we read the rest of the directory, and never saw the file.
 *
 * So the directory is read again if it changed meanwhile, until two passes saw the same trusted files: what strangers make and
 * remove all the time in /tmp does not count. In a crowd one pass must do, and the names that rotation is likely to use.
 */
static void end_pass(struct listing *listing)
{
    struct timespec changed = directory_changed(listing);
    bool quiet = !is_later(changed, listing->changed) && !is_later(listing->changed, changed);
    bool same = listing->passes > 0 && listing->seen == listing->seen_before;

    listing->seen_before = listing->seen;
    listing->seen = 0;
    listing->changed = changed;
    if (!quiet && !same && ++listing->passes < PASSES_MAX && listing->worked_us < PASSES_MAX_US)
        rewinddir(listing->stream);
    else
        end_reading(listing);
}

/* A file that cannot be opened is passed over in silence: nobody said that it is a log. It may be another one than it was above. */
static struct tail *open_candidate(const struct listing *listing, const char *path)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;
    struct tail *tail =
        ends_in(path, ".gz") ? tail_open_packed(path, LOG_ANY_OWNER) : tail_open(path, LOG_ANY_OWNER, &refusal, &why);

    if (tail && !listing_is_trusted(listing, tail_owner(tail))) {
        tail_free(tail);
        tail = NULL;
    }
    strbuf_free(&why);
    return tail;
}

/* Whether a candidate's name stands for another file by now, or for none. */
static bool has_moved(const char *path, const struct candidate *candidate)
{
    struct stat st;
    return lstat(path, &st) != 0 || !is_file(candidate, &st);
}

/*
 * A rotation between the reading of the directory and the opening of its files hides one as well:
 *
 *   1. we have read the name PATH.1;
 *   2. rotation renames or packs that file;
 *   3. we open PATH.1: it is another file, or none, and the one we saw has a name that we did not read.
 *
 * So everything is looked at once more then.
 */
static void listing_begin_anew(struct listing *listing)
{
    siblings_free(&listing->siblings);
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->candidates[i].name);
        listing->candidates[i].name = NULL;
    }
    listing->count = listing->opened = 0;
    listing->is_stale = false;
    listing->begun_anew++;
    listing->passes = 0;
    listing->seen = listing->seen_before = 0;
    listing->stream = opendir(listing->directory);
    if (listing->stream)
        listing->changed = directory_changed(listing);
}

static void end_opening(struct listing *listing)
{
    if (listing->is_stale && listing->begun_anew < PASSES_MAX && listing->worked_us < SIBLINGS_LISTING_MAX_MS * 1000) {
        listing_begin_anew(listing);
        return;
    }
    siblings_drop_unfinished(&listing->siblings);
    siblings_sort(&listing->siblings);
}

static void open_next(struct listing *listing)
{
    const struct candidate *candidate = &listing->candidates[listing->opened++];
    struct strbuf path = { 0 };

    strbuf_printf(&path, "%s/%s", listing->directory, candidate->name);
    struct tail *tail = open_candidate(listing, strbuf_text(&path));
    if (!tail || !tail_is(tail, candidate->device, candidate->inode))
        listing->is_stale |= has_moved(strbuf_text(&path), candidate);
    siblings_add(&listing->siblings, tail, suffix_of(listing, candidate->name));
    strbuf_free(&path);
    if (listing->opened == listing->count)
        end_opening(listing);
}

static void read_entries(struct listing *listing, int64_t until_us)
{
    int looked_at = 0;

    do {
        const struct dirent *entry = readdir(listing->stream);
        if (!entry) {
            end_pass(listing);
        } else if (is_sibling(listing, entry)) {
            look_at_name(listing, entry->d_name);
            looked_at++;
        }
    } while (listing->stream && looked_at < SIBLINGS_LOOK_MAX_ENTRIES && clock_running_us() < until_us);
}

bool listing_go_on(struct listing *listing)
{
    int64_t began_us = clock_running_us(), until_us = began_us + SIBLINGS_LOOK_MAX_MS * 1000;

    /* Each look does something, however slow the machine is. */
    if (listing->stream)
        read_entries(listing, until_us);
    else if (listing->opened < listing->count)
        open_next(listing);
    while (!listing->stream && listing->opened < listing->count && clock_running_us() < until_us)
        open_next(listing);
    listing->worked_us += clock_running_us() - began_us;
    if (listing->stream && listing->worked_us >= SIBLINGS_LISTING_MAX_MS * 1000) {
        listing->siblings.crowded = listing->passes == 0;
        end_reading(listing);
    }
    return !listing->stream && listing->opened == listing->count;
}

struct siblings listing_take(struct listing *listing)
{
    struct siblings taken = listing->siblings;
    listing->siblings = (struct siblings){ 0 };
    return taken;
}

int64_t listing_worked_ms(const struct listing *listing)
{
    return listing->worked_us / 1000;
}
