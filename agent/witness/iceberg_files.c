/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "iceberg.h"

static const char json_end[] = ".metadata.json", gzip_json_end[] = ".metadata.json.gz", gzip_end[] = ".gz";

enum { ENTRIES_BETWEEN_CLOCKS = 256, HINT_MAX_BYTES = 32, HINTED_AHEAD = 1000, DIGITS_MAX = 18 };

/* Takes the ending off the length of the name, if it has it. */
static bool ends_with(const char *name, size_t *len, const char *end)
{
    size_t end_len = strlen(end);
    if (*len < end_len || memcmp(name + *len - end_len, end, end_len) != 0)
        return false;
    *len -= end_len;
    return true;
}

int64_t iceberg_version(const char *name)
{
    size_t len = strlen(name);
    if (!ends_with(name, &len, json_end) && !ends_with(name, &len, gzip_json_end))
        return -1;
    ends_with(name, &len, gzip_end);
    size_t first = name[0] == 'v' ? 1 : 0, digits = strspn(name + first, "0123456789"), after = first + digits;
    if (digits == 0 || digits > DIGITS_MAX || (first ? after != len : name[after] != '-'))
        return -1;
    return strtoll(name + first, NULL, 10);
}

/* --- the way to the table ------------------------------------------------------------------------------------- */

static int say_why(struct strbuf *why, const char *what, const char *name)
{
    strbuf_printf(why, "%s: %s", name, what);
    return -1;
}

/* The folder of that name in a folder that is closed with it; a link is none. */
static int step_into(int folder, const char *name, struct strbuf *why)
{
    int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0)
        say_why(why, errno == ELOOP || errno == ENOTDIR ? "is a link or no folder" : strerror(errno), name);
    close(folder);
    return next;
}

/* "cold.bronze_trades" is cold/bronze_trades. No part may lead out of the warehouse: ".." has an empty part. */
static int open_metadata(const char *warehouse, const char *name, struct strbuf *why)
{
    int folder = open(warehouse, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return say_why(why, strerror(errno), warehouse);
    while (folder >= 0 && *name) {
        size_t len = strcspn(name, ".");
        char *part = must_copy(name, len);
        if (len == 0 || memchr(part, '/', len)) {
            close(folder);
            folder = say_why(why, "is no name of a table", name);
        } else {
            folder = step_into(folder, part, why);
        }
        free(part);
        name += len;
        name += *name == '.';
    }
    return folder < 0 ? -1 : step_into(folder, "metadata", why);
}

/* A regular file of the folder's owner or of root. Returns -1 without a word. */
static int open_trusted(int folder, const char *name, struct stat *status)
{
    struct stat owner;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return -1;
    if (fstat(folder, &owner) == 0 && fstat(file, status) == 0 && S_ISREG(status->st_mode) &&
        (status->st_uid == owner.st_uid || status->st_uid == 0))
        return file;
    close(file);
    return -1;
}

/* --- which file ----------------------------------------------------------------------------------------------- */

static int64_t read_hint(int folder)
{
    char text[HINT_MAX_BYTES + 1] = "", *end;
    struct stat status;
    int file = open_trusted(folder, "version-hint.text", &status);
    if (file < 0)
        return -1;
    ssize_t len = read(file, text, HINT_MAX_BYTES);
    close(file);
    text[len > 0 ? len : 0] = '\0';
    int64_t version = strtoll(text, &end, 10);
    return end == text || version < 0 || version > INT32_MAX ? -1 : version;
}

static int open_version(int folder, int64_t version)
{
    static const char *const endings[] = { ".metadata.json", ".gz.metadata.json", ".metadata.json.gz" };
    struct stat status;
    int file = -1;
    for (size_t i = 0; file < 0 && i < sizeof endings / sizeof endings[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "v%" PRId64 "%s", version, endings[i]);
        file = open_trusted(folder, name, &status);
    }
    return file;
}

/* The hint is written after the metadata, so that a newer version may lie beside it. */
static int open_hinted(int folder, int back)
{
    int64_t version = read_hint(folder);
    int file = version < 0 ? -1 : open_version(folder, version);
    if (file < 0)
        return -1;
    for (int ahead = 0; ahead < HINTED_AHEAD; ahead++) {
        int next = open_version(folder, version + 1);
        if (next < 0)
            break;
        close(file);
        file = next;
        version++;
    }
    if (back == 0)
        return file;
    close(file);
    return open_version(folder, version - back);
}

struct candidate {
    int64_t version;
    int64_t changed_s; /* two writers may have tried the same version: the later one stands */
    char name[NAME_MAX + 1];
};

static bool is_newer(const struct candidate *one, const struct candidate *other)
{
    return one->version != other->version ? one->version > other->version : one->changed_s > other->changed_s;
}

static void consider(int folder, const char *name, struct candidate best[2])
{
    struct candidate found = { .version = iceberg_version(name) };
    struct stat status;
    if (found.version < 0 || found.version < best[1].version || strlen(name) > NAME_MAX)
        return;
    int file = open_trusted(folder, name, &status);
    if (file < 0)
        return;
    close(file);
    found.changed_s = status.st_mtime;
    snprintf(found.name, sizeof found.name, "%s", name);
    if (is_newer(&found, &best[0])) {
        best[1] = best[0];
        best[0] = found;
    } else if (is_newer(&found, &best[1])) {
        best[1] = found;
    }
}

/* Looks at every name. The folder holds the manifests too, three files for each snapshot. */
static bool find_newest(int folder, int64_t deadline_ms, struct candidate best[2])
{
    int listed = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = listed < 0 ? NULL : fdopendir(listed);
    const struct dirent *entry;
    bool in_time = true;
    best[0].version = best[1].version = -1;
    for (size_t count = 0; list && in_time && (entry = readdir(list)) != NULL; count++) {
        consider(folder, entry->d_name, best);
        if (count % ENTRIES_BETWEEN_CLOCKS == 0)
            in_time = count < ICEBERG_MAX_ENTRIES && clock_running_ms() < deadline_ms;
    }
    if (list)
        closedir(list);
    else if (listed >= 0)
        close(listed);
    return in_time;
}

int iceberg_open(const char *warehouse, const char *name, int back, int64_t deadline_ms, struct strbuf *why)
{
    struct candidate best[2];
    struct stat status;
    int folder = open_metadata(warehouse, name, why);
    if (folder < 0)
        return -1;
    int file = open_hinted(folder, back);
    if (file < 0) {
        if (!find_newest(folder, deadline_ms, best))
            strbuf_puts(why, "the folder of its metadata holds too many files");
        else if (best[back].version < 0 || (file = open_trusted(folder, best[back].name, &status)) < 0)
            strbuf_puts(why, "no metadata of the table's own owner");
    }
    close(folder);
    return file;
}
