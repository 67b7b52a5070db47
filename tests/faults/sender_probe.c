/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives the sender from standard input, for test_sender.py:
 *
 *     sender_probe CONFIG
 *
 *     submit WEBHOOK ID BODY       a delivery, with "key-ID" for its idempotency key
 *     flood WEBHOOK COUNT          deliveries 1 to COUNT, each submitted when the queue has room
 *     room WEBHOOK                 says "room N"
 *     memory                       says "memory KIB", the resident set
 *     stop                         stops the sender, says "stopped MS", then its last results
 *
 * Each result is a line "result ID WEBHOOK OUTCOME HTTP ATTEMPTS AT NEXT ERROR". Webhooks are counted
 * from 0. The end of the input ends the probe.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "sender.h"

static int wake_fd = -1; /* the sender's wake takes no argument, so that a signal handler can share it */

static void wake(void)
{
    const uint64_t one = 1;

    if (write(wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
        abort();
}

static void drain_wakes(void)
{
    uint64_t count;

    if (read(wake_fd, &count, sizeof count) != (ssize_t)sizeof count)
        abort();
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *outcome_name(enum delivery_outcome outcome)
{
    return outcome == DELIVERY_DONE ? "done" : outcome == DELIVERY_RETRY ? "retry" : "refused";
}

static int64_t print_results(struct sender *sender)
{
    struct delivery_result result;
    int64_t settled = 0;

    while (sender_take_result(sender, &result)) {
        printf("result %" PRId64 " %zu %s %ld %" PRId64 " %" PRId64 " %" PRId64 " %s\n", result.id, result.webhook,
               outcome_name(result.outcome), result.http_status, result.attempts, result.at_ms, result.next_attempt_ms,
               result.error);
        settled += result.outcome != DELIVERY_RETRY;
    }
    fflush(stdout);
    return settled;
}

static void submit(struct sender *sender, size_t webhook, int64_t id, const char *body)
{
    struct strbuf key = { 0 };

    strbuf_printf(&key, "key-%" PRId64, id);
    const struct delivery delivery = {
        .id = id,
        .webhook = webhook,
        .body = must_copy(body, strlen(body)),
        .body_len = strlen(body),
        .idempotency_key = key.at,
    };
    sender_submit(sender, &delivery);
}

/* As the outbox does, only some at a time. */
static void flood(struct sender *sender, size_t webhook, int64_t count)
{
    enum { WAITING_MOST = 64 };
    int64_t settled = 0;

    for (int64_t id = 1; id <= count; id++) {
        char body[32];
        while (id - settled > WAITING_MOST) {
            drain_wakes();
            settled += print_results(sender);
        }
        snprintf(body, sizeof body, "{\"id\":%" PRId64 "}", id);
        submit(sender, webhook, id, body);
    }
}

static void print_memory(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long total, resident = 0;

    if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2)
        abort();
    fclose(file);
    printf("memory %ld\n", resident * (sysconf(_SC_PAGESIZE) / 1024));
}

static void obey(struct sender *sender, const char *line)
{
    size_t webhook;
    int64_t number;
    int body = 0;

    if (sscanf(line, "submit %zu %" SCNd64 " %n", &webhook, &number, &body) == 2 && body > 0) {
        submit(sender, webhook, number, line + body);
    } else if (sscanf(line, "flood %zu %" SCNd64, &webhook, &number) == 2) {
        flood(sender, webhook, number);
    } else if (strcmp(line, "memory") == 0) {
        print_memory();
    } else if (strcmp(line, "stop") == 0) {
        int64_t began_ms = now_ms();
        sender_stop(sender);
        printf("stopped %" PRId64 "\n", now_ms() - began_ms);
        print_results(sender);
    } else {
        fprintf(stderr, "sender_probe: not a command: %s\n", line);
        exit(EXIT_FAILURE);
    }
    fflush(stdout);
}

/* Standard input unbuffered, so that poll tells the truth about it. False at its end. */
static bool read_line(struct strbuf *line)
{
    char byte;

    strbuf_clear(line);
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte == '\n')
            return true;
        strbuf_add(line, &byte, 1);
    }
    return false;
}

static void serve(struct sender *sender)
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
    struct strbuf line = { 0 };

    for (;;) {
        if (poll(fds, 2, -1) < 0)
            abort();
        if (fds[1].revents != 0) {
            drain_wakes();
            print_results(sender);
        }
        if (fds[0].revents != 0) {
            if (!read_line(&line))
                break;
            obey(sender, line.at);
        }
    }
    strbuf_free(&line);
}

int main(int argc, char **argv)
{
    struct strbuf errors = { 0 }, warnings = { 0 };
    struct config *config = argc == 2 ? config_load(argv[1], NULL, 0, &errors, &warnings) : NULL;
    struct sender *sender = NULL;
    int status = EXIT_FAILURE;

    wake_fd = eventfd(0, EFD_CLOEXEC);
    if (config == NULL || (sender = sender_open(config, wake, &errors)) == NULL) {
        fprintf(stderr, "sender_probe: %s\n", strbuf_text(&errors));
        goto cleanup;
    }
    serve(sender);
    status = EXIT_SUCCESS;
cleanup:
    sender_close(sender);
    config_free(config);
    strbuf_free(&errors);
    strbuf_free(&warnings);
    close(wake_fd);
    return status;
}
