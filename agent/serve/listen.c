/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PORT_MAX = 65535, PORT_DIGITS = 5, BACKLOG = 64, FIRST_HANDED_OVER = 3 };

static bool port_read(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0')
        return false;
    long number = strtol(text, NULL, 10);
    *port = htons((uint16_t)number);
    return number <= PORT_MAX;
}

static bool listen_parse_path(const char *path, struct listen_address *address, struct strbuf *why)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&address->address;
    size_t len = strlen(path);
    if (path[0] != '/' || len >= sizeof to->sun_path) {
        strbuf_printf(why, "unix:PATH needs a path that begins with / and has less than %zu bytes",
                      sizeof to->sun_path);
        return false;
    }
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, len + 1);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    address->path = must_copy(path, len);
    address->is_local = true;
    return true;
}

/* Fills in host and is_local, and the length. */
static void address_judge(struct listen_address *address)
{
    char name[INET6_ADDRSTRLEN] = "";
    struct strbuf host = { 0 };
    const struct sockaddr_in *four = (const struct sockaddr_in *)&address->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address->address;
    if (address->address.ss_family == AF_INET) {
        inet_ntop(AF_INET, &four->sin_addr, name, sizeof name);
        strbuf_puts(&host, name);
        address->is_local = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        address->len = sizeof *four;
    } else if (address->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &six->sin6_addr, name, sizeof name);
        strbuf_printf(&host, "[%s]", name);
        address->is_local = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        address->len = sizeof *six;
    } else {
        address->is_local = address->address.ss_family == AF_UNIX;
    }
    address->host = host.at;
}

bool listen_parse(const char *text, struct listen_address *address, struct strbuf *why)
{
    static const char unix_prefix[] = "unix:";
    *address = (struct listen_address){ 0 };
    if (strncmp(text, unix_prefix, sizeof unix_prefix - 1) == 0)
        return listen_parse_path(text + sizeof unix_prefix - 1, address, why);
    struct sockaddr_in *four = (struct sockaddr_in *)&address->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address->address;
    const char *colon = strrchr(text, ':');
    uint16_t port = 0;
    bool good = colon && port_read(colon + 1, &port), is_six = good && text[0] == '[' && colon[-1] == ']';
    char *name = good ? must_copy(text + is_six, (size_t)(colon - text) - 2 * (size_t)is_six) : NULL;
    if (good && is_six && inet_pton(AF_INET6, name, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = port;
    } else if (good && !is_six &&
               inet_pton(AF_INET, strcmp(name, "localhost") == 0 ? "127.0.0.1" : name, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = port;
    } else {
        strbuf_printf(
            why, "'%s' is no address to listen on: say 127.0.0.1:9188, [::1]:9188, localhost:9188 or unix:PATH", text);
        good = false;
    }
    free(name);
    if (good)
        address_judge(address);
    return good;
}

void listen_free(struct listen_address *address)
{
    free(address->host);
    free(address->path);
    *address = (struct listen_address){ 0 };
}

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
    address_judge(address);
    fcntl(FIRST_HANDED_OVER, F_SETFD, FD_CLOEXEC);
    fcntl(FIRST_HANDED_OVER, F_SETFL, fcntl(FIRST_HANDED_OVER, F_GETFL) | O_NONBLOCK);
    return FIRST_HANDED_OVER;
}

void listen_url(int fd, struct strbuf *out)
{
    struct listen_address address = { .len = sizeof address.address };
    if (getsockname(fd, (struct sockaddr *)&address.address, &address.len) != 0)
        return;
    address_judge(&address);
    if (address.host)
        strbuf_printf(out, "http://%s:%d/", address.host,
                      ntohs(address.address.ss_family == AF_INET
                                ? ((const struct sockaddr_in *)&address.address)->sin_port
                                : ((const struct sockaddr_in6 *)&address.address)->sin6_port));
    else
        strbuf_printf(out, "unix:%s", ((const struct sockaddr_un *)&address.address)->sun_path);
    listen_free(&address);
}
