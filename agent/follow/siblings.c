/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "siblings.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* More would be somebody's mischief; each is an open file for a moment. */
enum { SIBLINGS_MAX = 256 };

/* What of the name follows "BASE." or "BASE-"; NULL if it is no sibling's name. */
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

/* While a file is being packed it is there twice; the packed one counts when it is finished and the other one is gone. */
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

/* What cannot be opened is not ours to complain about: it may never have been a log. */
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

/* .2 is older than .1, but -20260212 younger than -20260211. */
static bool is_older_by_name(const char *a, const char *b)
{
    return is_dated(a) || is_dated(b) ? strcmp(a, b) < 0 : strtol(a, NULL, 10) > strtol(b, NULL, 10);
}

/*
 * By birth, not by the last write: a writer that stayed with an old file makes that look the youngest. Where the clock is
 * too coarse, or nobody knows the birth of what was packed, the name must tell. It tells nothing of a date beside numbers, as
 * logrotate's .backup is: that one was born after the last write to what is packed.
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

/* False if the directory changed meanwhile. */
static bool list_undisturbed(struct siblings *siblings, const char *directory, const char *base, int64_t owner)
{
    struct timespec before = directory_changed(directory);
    list_siblings(siblings, directory, base, owner);
    struct timespec after = directory_changed(directory);
    return before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec;
}

/*
 * A rotation in the midst of reading the directory (.1 becomes .2 behind our back) can hide a file: then it is read again.
 * In a directory as busy as /tmp that need not end; a few times will do.
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

/* If it begins otherwise than it did, it was truncated while nobody looked: no earlier than its copy was finished. */
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
    /* logrotate says .backup of a log that the writer made before logrotate could. */
    return isdigit((unsigned char)name[0]) && (*end == '\0' || strcmp(end, "backup") == 0 || strcmp(end, "gz") == 0);
}
