/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks a web server on this host at a steady rate, whether or not it keeps up: serve_load PORT RATE SECONDS PATH... Each request is a
 * connection of its own, for each path in turn. How long an answer took counts from when its request was due. Says as JSON how many answers
 * were 200, how many came to nothing, and how long they took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"

enum { OPEN_MOST = 1000, EVENTS = 64, BLOCK = 1 << 16 };

struct client {
    int fd; /* -1: the place is free */
    int64_t due_us;
    bool is_sent, is_good;
    size_t taken;
    const char *path;
};

struct load {
    int watch;
    struct sockaddr_in to;
    struct client clients[OPEN_MOST];
    size_t open;
    uint32_t *took_us;
    size_t good, bad, asked;
};

static void client_end(struct load *load, struct client *client)
{
    if (client->is_good && client->taken > 0)
        load->took_us[load->good++] = (uint32_t)(clock_running_us() - client->due_us);
    else
        load->bad++;
    close(client->fd);
    client->fd = -1;
    load->open--;
}

static void client_begin(struct load *load, int64_t due_us, const char *path)
{
    struct client *client = load->clients;
    while (client < load->clients + OPEN_MOST && client->fd >= 0)
        client++;
    int fd = client < load->clients + OPEN_MOST ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0 || (connect(fd, (struct sockaddr *)&load->to, sizeof load->to) != 0 && errno != EINPROGRESS)) {
        load->bad++;
        if (fd >= 0)
            close(fd);
        return;
    }
    *client = (struct client){ .fd = fd, .due_us = due_us, .path = path };
    load->open++;
    epoll_ctl(load->watch, EPOLL_CTL_ADD, fd,
              &(struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client });
}

static void client_turn(struct load *load, struct client *client)
{
    char block[BLOCK];
    if (!client->is_sent) {
        int len = snprintf(block, sizeof block, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", client->path);
        ssize_t sent = send(client->fd, block, (size_t)len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        client->is_sent = true;
    }
    ssize_t len;
    while ((len = recv(client->fd, block, sizeof block, 0)) > 0) {
        if (client->taken == 0)
            client->is_good = len > 12 && memcmp(block, "HTTP/1.1 200", 12) == 0;
        client->taken += (size_t)len;
    }
    if (len == 0 || errno != EAGAIN)
        client_end(load, client);
}

static int load_order(const void *a, const void *b)
{
    const uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return (one > other) - (one < other);
}

static double load_share(const struct load *load, double share)
{
    return load->good ? load->took_us[(size_t)((double)(load->good - 1) * share)] / 1000.0 : 0;
}

static void load_run(struct load *load, int64_t rate, int64_t seconds, char **paths, int path_count)
{
    struct epoll_event events[EVENTS];
    const int64_t begin_us = clock_running_us(), total = rate * seconds;
    while ((int64_t)load->asked < total || load->open > 0) {
        int64_t now_us = clock_running_us(), due_us = begin_us + (int64_t)load->asked * 1000000 / rate;
        if (now_us - begin_us > (seconds + 10) * 1000000)
            break;
        while ((int64_t)load->asked < total && due_us <= now_us) {
            client_begin(load, due_us, paths[load->asked % (size_t)path_count]);
            load->asked++;
            due_us = begin_us + (int64_t)load->asked * 1000000 / rate;
        }
        int count = epoll_wait(load->watch, events, EVENTS, 1);
        for (int i = 0; i < count; i++)
            client_turn(load, events[i].data.ptr);
    }
    load->bad += load->open;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    const int64_t rate = strtol(argv[2], NULL, 10), seconds = strtol(argv[3], NULL, 10);
    struct load *load = must_alloc(sizeof *load);
    load->watch = epoll_create1(EPOLL_CLOEXEC);
    load->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(argv[1], NULL, 10)) };
    load->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load->took_us = must_alloc((size_t)(rate * seconds) * sizeof *load->took_us);
    for (size_t i = 0; i < OPEN_MOST; i++)
        load->clients[i].fd = -1;
    load_run(load, rate, seconds, argv + 4, argc - 4);
    qsort(load->took_us, load->good, sizeof *load->took_us, load_order);
    printf("{\"good\": %zu, \"bad\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"most_ms\": %.3f}\n", load->good,
           load->bad, load_share(load, 0.5), load_share(load, 0.99), load_share(load, 1));
    close(load->watch);
    free(load->took_us);
    free(load);
    return 0;
}
