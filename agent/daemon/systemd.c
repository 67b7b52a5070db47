/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

enum { STATUS_BYTES = 256, USEC_PER_MSEC = 1000 };

/* A path begins with '/', a name in Linux's abstract namespace with '@', which becomes a NUL. Returns 0 if it is neither. */
static socklen_t address_of(const char *name, struct sockaddr_un *address)
{
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof address->sun_path)
        return 0;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, len);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                           len); /* such a name is ended by its length, not by a NUL */
    }
    return (socklen_t)sizeof *address;
}

static enum systemd_told systemd_send(const char *text)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (!name || name[0] == '\0')
        return SYSTEMD_NOT_THERE;
    struct sockaddr_un address;
    socklen_t address_len = address_of(name, &address);
    if (address_len == 0) {
        errno = EINVAL;
        return SYSTEMD_FAILED;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return SYSTEMD_FAILED;
    ssize_t sent;
    do {
        sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, address_len);
    } while (sent < 0 && errno == EINTR);
    int why = errno;
    close(fd);
    errno = why;
    return sent < 0 ? SYSTEMD_FAILED : SYSTEMD_TOLD;
}

/* The time tells the manager which READY=1 ends this reload (Type=notify-reload). */
static enum systemd_told tell_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_running_us());
    return systemd_send(text);
}

enum systemd_told systemd_tell(enum systemd_state state)
{
    switch (state) {
    case SYSTEMD_READY: return systemd_send("READY=1");
    case SYSTEMD_RELOADING: return tell_reloading();
    case SYSTEMD_STOPPING: return systemd_send("STOPPING=1");
    case SYSTEMD_WATCHDOG: return systemd_send("WATCHDOG=1");
    }
    errno = EINVAL;
    return SYSTEMD_FAILED;
}

enum systemd_told systemd_tell_status(const char *text)
{
    char line[sizeof "STATUS=" + STATUS_BYTES] = "STATUS=";
    char *out = line + strlen(line);
    size_t len = strlen(text);
    if (len > STATUS_BYTES)
        len = utf8_floor(text, STATUS_BYTES); /* the manager drops a status that is not UTF-8 */
    /* A line break would begin another assignment. */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        *out++ = c < ' ' || c == 0x7F ? ' ' : text[i];
    }
    *out = '\0';
    return systemd_send(line);
}

/* A whole number from the environment; -1 if the variable is not set or is not a number. */
static int64_t number_from(const char *variable)
{
    const char *text = getenv(variable);
    if (!text || text[0] < '0' || text[0] > '9')
        return -1;
    char *end;
    errno = 0;
    int64_t number = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' ? number : -1;
}

int64_t systemd_watchdog_ms(void)
{
    int64_t usec = number_from("WATCHDOG_USEC");
    if (usec <= 0)
        return 0;
    /* The variables were inherited from another service and are not meant for this process. */
    if (getenv("WATCHDOG_PID") != NULL && number_from("WATCHDOG_PID") != (int64_t)getpid())
        return 0;
    int64_t half_ms = usec / 2 / USEC_PER_MSEC;
    return half_ms > 0 ? half_ms : 1;
}
