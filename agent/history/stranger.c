/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "history_private.h"

enum { LOOKED_AT_BYTES = 4096 };

/*
 * True if the file begins with nothing but text. A database begins with "SQLite format 3" and a zero byte, and what a fault leaves of one has
 * other bytes that no text has.
 */
static bool is_text(const char *path)
{
    char bytes[LOOKED_AT_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    /* Where the file goes on, the last character is not cut in two. */
    struct slice rest = { bytes,
                          len > LOOKED_AT_BYTES ? utf8_floor(bytes, LOOKED_AT_BYTES) : (size_t)(len < 0 ? 0 : len) };
    bool text = rest.len > 0;
    while (text && rest.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(rest, &point);
        text = used > 0 && (point >= 0x20 || strchr("\t\n\r\f\033", (int)point)) && point != 0x7f && point != 0;
        rest = (struct slice){ rest.at + used, rest.len - used };
    }
    return text;
}

bool history_was_here(const char *path)
{
    static const char *const suffixes[] = { "-wal", "-shm", "-lock" };
    struct stat status;
    bool found = false;
    for (size_t i = 0; !found && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        struct strbuf name = { 0 };
        strbuf_printf(&name, "%s%s", path, suffixes[i]);
        found = stat(name.at, &status) == 0;
        strbuf_free(&name);
    }
    return found;
}

const char *history_stranger(const struct stat *status)
{
    return S_ISDIR(status->st_mode)    ? "is a directory, not a history"
           : !S_ISREG(status->st_mode) ? "is no regular file, so no history"
                                       : NULL;
}

const char *history_stranger_text(const char *path)
{
    return is_text(path) ? "is a text file, not a history" : NULL;
}
