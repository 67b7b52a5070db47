/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/text.h"
#include "base/utf8.h"

enum say_way {
    SAY_WAITING,    /* write, however long it takes */
    SAY_WRITE,      /* write: a file, which never waits for a reader, or a descriptor that does not block */
    SAY_SEND,       /* a socket: send, unless it would wait */
    SAY_WHEN_READY, /* ask first whether there is room */
};

/* Set once at the start and read by every thread. */
static atomic_int verbose;
static enum say_way way;
static int descriptor = STDERR_FILENO;
static atomic_llong dropped; /* messages since the last one that was written */

/*
 * A pipe or a terminal is opened once more, so that only this descriptor does not block: O_NONBLOCK on descriptor 2 itself would also
 * change it for the other processes that share it. Where that is not allowed, poll() tells whether there is room for a message, which is
 * not longer than what a pipe takes at once. Another writer can fill that room in between; nothing better is left then.
 */
void say_without_waiting(void)
{
    struct stat status;
    bool known = fstat(STDERR_FILENO, &status) == 0;
    way = SAY_WRITE;
    if (!known || S_ISREG(status.st_mode))
        return;
    if (S_ISSOCK(status.st_mode)) {
        way = SAY_SEND;
        return;
    }
    int again = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (again < 0)
        way = SAY_WHEN_READY;
    else
        descriptor = again;
}

static bool say_write(const char *text, size_t len)
{
    struct pollfd room = { .fd = descriptor, .events = POLLOUT };
    switch (way) {
    case SAY_WAITING:
        return fwrite(text, 1, len, stderr) == len; /* in one piece: the sender's thread writes here as well */
    case SAY_SEND: return send(descriptor, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
    case SAY_WHEN_READY:
        if (poll(&room, 1, 0) != 1 || !(room.revents & POLLOUT))
            return false;
        break;
    case SAY_WRITE: break;
    }
    return write(descriptor, text, len) == (ssize_t)len;
}

static void say_dropped(void)
{
    char text[96];
    long long count = atomic_exchange(&dropped, 0);
    if (count == 0)
        return;
    int len = snprintf(text, sizeof text, "agent: warning: %lld message%s could not be written here\n", count,
                       count == 1 ? "" : "s");
    if (!say_write(text, (size_t)len))
        atomic_fetch_add(&dropped, count);
}

__attribute__((format(printf, 2, 0))) static void say_line(const char *prefix, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    struct strbuf line = { 0 };
    strbuf_puts(&line, prefix);
    text_add_visible(&line, text, strlen(text));
    if (line.len >= SAID_MAX_BYTES)
        line.len = utf8_floor(line.at, SAID_MAX_BYTES - 1);
    strbuf_puts(&line, "\n");
    say_dropped();
    if (!say_write(line.at, line.len))
        atomic_fetch_add(&dropped, 1);
    strbuf_free(&line);
    free(text);
}

void say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: ", format, arguments);
    va_end(arguments);
}

void say_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: ", format, arguments);
    va_end(arguments);
}

void say_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: warning: ", format, arguments);
    va_end(arguments);
}

void say_info(const char *format, ...)
{
    if (!atomic_load(&verbose))
        return;
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: ", format, arguments);
    va_end(arguments);
}

void say_verbose(int on)
{
    atomic_store(&verbose, on);
}
