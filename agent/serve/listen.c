/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, FIRST_HANDED_OVER = 3 };

/* The socket that a server left behind when it ended is removed: nobody answers at it. Anything else in its place stays. */
static void remove_left_socket(const struct listen_address *address)
{
    struct stat status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    bool refused = connect(fd, (const struct sockaddr *)&address->address, address->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (refused && lstat(address->path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(address->path);
}

int listen_open(const struct listen_address *address, struct strbuf *why)
{
    const int on = 1;
    if (address->path)
        remove_left_socket(address);
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && !address->path)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address->address, address->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    strbuf_printf(why, "cannot listen: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int listen_take(struct listen_address *address, struct strbuf *why)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    int listens = 0;
    socklen_t size = sizeof listens;
    *address = (struct listen_address){ 0 };
    if (!pid || !count || strtol(pid, NULL, 10) != getpid())
        return -1;
    if (strcmp(count, "1") != 0) {
        strbuf_printf(why, "systemd hands over %s sockets, and one is needed", count);
        return -1;
    }
    address->len = sizeof address->address;
    if (getsockopt(FIRST_HANDED_OVER, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens ||
        getsockname(FIRST_HANDED_OVER, (struct sockaddr *)&address->address, &address->len) != 0) {
        strbuf_puts(why, "what systemd hands over is no listening socket");
        return -1;
    }
    listen_judge(address);
    fcntl(FIRST_HANDED_OVER, F_SETFD, FD_CLOEXEC);
    fcntl(FIRST_HANDED_OVER, F_SETFL, fcntl(FIRST_HANDED_OVER, F_GETFL) | O_NONBLOCK);
    return FIRST_HANDED_OVER;
}

void listen_url(int fd, struct strbuf *out)
{
    struct listen_address address = { .len = sizeof address.address };
    if (getsockname(fd, (struct sockaddr *)&address.address, &address.len) != 0)
        return;
    listen_judge(&address);
    if (address.host)
        strbuf_printf(out, "http://%s:%d/", address.host,
                      ntohs(address.address.ss_family == AF_INET
                                ? ((const struct sockaddr_in *)&address.address)->sin_port
                                : ((const struct sockaddr_in6 *)&address.address)->sin6_port));
    else
        strbuf_printf(out, "unix:%s", ((const struct sockaddr_un *)&address.address)->sun_path);
    listen_free(&address);
}
