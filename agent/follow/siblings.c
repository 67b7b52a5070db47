/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "siblings.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/budgets.h"

/* The part of name behind "BASE." or "BASE-"; NULL if it is no sibling's name. */
static const char *suffix_of(const char *name, const char *base)
{
    size_t len = strlen(base);
    if (strncmp(name, base, len) != 0 || (name[len] != '.' && name[len] != '-') || name[len + 1] == '\0')
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

/* While a file is being packed, both files are there. The packed one is whole when the other one is gone. */
static bool is_finished(const char *path)
{
    struct stat st;
    char *plain = must_copy(path, strlen(path) - strlen(".gz"));
    bool finished = lstat(plain, &st) != 0;
    free(plain);
    return finished;
}

static struct tail *open_sibling(const char *path, int64_t owner)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;

    if (ends_in(path, ".gz"))
        return is_finished(path) ? tail_open_packed(path, owner) : NULL;
    struct tail *tail = tail_open(path, owner, &refusal, &why);
    strbuf_free(&why);
    return tail;
}

/* A file that cannot be opened is passed over in silence: nobody said that it is a log. */
static void add_sibling(struct siblings *siblings, const char *directory, const char *name, const char *suffix,
                        int64_t owner)
{
    struct strbuf path = { 0 };

    strbuf_printf(&path, "%s/%s", directory, name);
    struct tail *tail = open_sibling(strbuf_text(&path), owner);
    if (tail && siblings_find_inode(siblings, tail) != SIZE_MAX) {
        tail_free(tail);
        tail = NULL;
    }
    if (tail) {
        siblings->tails = must_grow(siblings->tails, siblings->count + 1, sizeof *siblings->tails);
        siblings->names = must_grow(siblings->names, siblings->count + 1, sizeof *siblings->names);
        siblings->tails[siblings->count] = tail;
        siblings->names[siblings->count] = must_copy(suffix, strlen(suffix));
        siblings->count++;
    }
    strbuf_free(&path);
}

static void list_siblings(struct siblings *siblings, const char *directory, const char *base, int64_t owner)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;

    if (!dir)
        return;
    while (siblings->count < SIBLINGS_MAX && (entry = readdir(dir))) {
        const char *suffix = suffix_of(entry->d_name, base);
        if (!suffix)
            continue;
        bool compressed = is_compressed(entry->d_name);
        siblings->compressed |= compressed;
        if (!compressed || ends_in(entry->d_name, ".gz"))
            add_sibling(siblings, directory, entry->d_name, suffix, owner);
    }
    closedir(dir);
}

static bool is_dated(const char *name)
{
    enum { DATES_FROM = 100000 };
    return strtol(name, NULL, 10) >= DATES_FROM;
}

/* .2 is older than .1, but -20260212 is younger than -20260211. */
static bool is_older_by_name(const char *a, const char *b)
{
    return is_dated(a) || is_dated(b) ? strcmp(a, b) < 0 : strtol(a, NULL, 10) > strtol(b, NULL, 10);
}

/*
 * Siblings are ordered by birth, not by their last write: a writer that stayed with an old file would make that one look young. The
 * name decides where two births are equal, and where a file is packed, since the birth of a packed text is not known. Names do not
 * compare where one is a date and the other a number (logrotate's .backup beside .1); then the last write to a packed file
 * stands for its birth.
 */
static bool is_older(const struct siblings *siblings, size_t a, size_t b)
{
    const char *a_name = siblings->names[a], *b_name = siblings->names[b];
    int64_t a_ns = tail_born_ns(siblings->tails[a]), b_ns = tail_born_ns(siblings->tails[b]);
    bool packed = tail_is_packed(siblings->tails[a]) || tail_is_packed(siblings->tails[b]);
    if (a_ns == b_ns || (packed && is_dated(a_name) == is_dated(b_name)))
        return is_older_by_name(a_name, b_name);
    return a_ns < b_ns;
}

static void swap_siblings(struct siblings *siblings, size_t a, size_t b)
{
    struct tail *tail = siblings->tails[a];
    char *name = siblings->names[a];
    siblings->tails[a] = siblings->tails[b];
    siblings->names[a] = siblings->names[b];
    siblings->tails[b] = tail;
    siblings->names[b] = name;
}

static void sort_siblings(struct siblings *siblings)
{
    for (size_t i = 1; i < siblings->count; i++)
        for (size_t j = i; j > 0 && is_older(siblings, j, j - 1); j--)
            swap_siblings(siblings, j, j - 1);
}

static struct timespec directory_changed(const char *directory)
{
    struct stat st;
    return stat(directory, &st) == 0 ? st.st_mtim : (struct timespec){ 0, 0 };
}

/* Returns false if the directory changed meanwhile. */
static bool list_undisturbed(struct siblings *siblings, const char *directory, const char *base, int64_t owner)
{
    struct timespec before = directory_changed(directory);
    list_siblings(siblings, directory, base, owner);
    struct timespec after = directory_changed(directory);
    return before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec;
}

/*
 * A rotation while the directory is being listed can hide a file:
 *
 *   1. we have read the directory up to the place where PATH.2 will appear;
 *   2. rotation renames PATH.1 to PATH.2;
 *   3. we read the rest of the directory, and never saw the file.
 *
 * So a directory that changed meanwhile is listed again, at most five times, because in /tmp something changes all the time.
 */
void siblings_find(struct siblings *siblings, const char *directory, const char *base, int64_t owner)
{
    int tries = 0;

    *siblings = (struct siblings){ 0 };
    while (!list_undisturbed(siblings, directory, base, owner) && ++tries < 5)
        siblings_free(siblings);
    sort_siblings(siblings);
}

void siblings_free(struct siblings *siblings)
{
    for (size_t i = 0; i < siblings->count; i++) {
        tail_free(siblings->tails[i]);
        free(siblings->names[i]);
    }
    free(siblings->tails);
    free(siblings->names);
    siblings->tails = NULL;
    siblings->names = NULL;
    siblings->count = 0;
    siblings->compressed = false;
}

/* A file that begins otherwise than it did was truncated while we did not look, and not before its copy was finished. */
static void date_sibling(const struct siblings *siblings, struct tail *tail, const struct source_position *position)
{
    if (tail_begins_as(tail, position)) {
        tail_date(tail, tail_begun_ns(position));
        return;
    }
    size_t copy = siblings_find_copy(siblings, position);
    if (copy != SIZE_MAX)
        tail_date(tail, tail_changed_ns(siblings->tails[copy]) + 1);
}

void siblings_date(struct siblings *siblings, struct tail *at_path, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++)
        if (siblings->tails[i] && tail_is(siblings->tails[i], position->device, position->inode))
            date_sibling(siblings, siblings->tails[i], position);
    if (at_path && tail_is(at_path, position->device, position->inode))
        date_sibling(siblings, at_path, position);
    sort_siblings(siblings);
}

struct tail *siblings_take(struct siblings *siblings, size_t index)
{
    struct tail *tail = siblings->tails[index];
    siblings->tails[index] = NULL;
    return tail;
}

size_t siblings_find_inode(const struct siblings *siblings, const struct tail *file)
{
    struct source_position id = tail_position(file);
    for (size_t i = 0; i < siblings->count; i++)
        if (siblings->tails[i] && tail_is(siblings->tails[i], id.device, id.inode))
            return i;
    return SIZE_MAX;
}

size_t siblings_find_packed(const struct siblings *siblings, const struct tail *file)
{
    struct source_position position = tail_position(file);
    for (size_t i = 0; i < siblings->count; i++) {
        const struct tail *tail = siblings->tails[i];
        if (tail && tail_is_packed(tail) && siblings_is_generation(siblings, i) && tail_copies(tail, &position))
            return i;
    }
    return SIZE_MAX;
}

size_t siblings_find_position(const struct siblings *siblings, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++) {
        const struct tail *tail = siblings->tails[i];
        if (tail && tail_is(tail, position->device, position->inode) && tail_begins_as(tail, position))
            return i;
    }
    return SIZE_MAX;
}

size_t siblings_find_copy(const struct siblings *siblings, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++)
        if (siblings->tails[i] && tail_copies(siblings->tails[i], position))
            return i;
    return SIZE_MAX;
}

bool siblings_is_generation(const struct siblings *siblings, size_t index)
{
    const char *name = siblings->names[index];
    const char *end = name + strspn(name, "0123456789-_:.T");
    /* logrotate adds .backup to a log that the writer had made before logrotate did. */
    return isdigit((unsigned char)name[0]) && (*end == '\0' || strcmp(end, "backup") == 0 || strcmp(end, "gz") == 0);
}
