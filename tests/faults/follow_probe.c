/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows a log and journals what it was told, for the Python tests beside it:
 *
 *     follow_probe LOG JOURNAL [OWNER]
 *
 * The journal is a sequence of batches, each closed by "C": "L NS OFFSET BYTES" a line (NS: the monotonic clock),
 * "N NOTE TEXT", "W WRITER" when that changed, "P DEVICE INODE OFFSET FINGERPRINT LENGTH BEGUN OWNER" the positions. A later run drops
 * what stands behind the last "C", as a database would after a kill, and goes on from its positions.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "follow.h"

enum { READ_BYTES = 64 * 1024, POSITIONS = 16 };

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
    follow_wake();
}

static const char *note_name(enum follow_note note)
{
    switch (note) {
    case FOLLOW_WAITING: return "waiting";
    case FOLLOW_OPENED: return "opened";
    case FOLLOW_TRUNCATED: return "truncated";
    case FOLLOW_ROTATED: return "rotated";
    case FOLLOW_STALE_WRITER: return "stale-writer";
    case FOLLOW_LONG_LINE: return "long-line";
    case FOLLOW_REFUSED: return "refused";
    case FOLLOW_NO_LEASE: return "no-lease";
    case FOLLOW_POLLING: return "polling";
    case FOLLOW_DELETED: return "deleted";
    case FOLLOW_SKIPPED: return "skipped";
    case FOLLOW_OVERFLOW: return "overflow";
    }
    return "?";
}

static const char *writer_name(enum follow_writer writer)
{
    return writer == WRITER_PRESENT ? "present" : writer == WRITER_ABSENT ? "absent" : "unknown";
}

static void on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    strbuf_printf(ctx, "L %" PRId64 " %" PRId64 " ", (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, offset);
    strbuf_add(ctx, line, len);
    strbuf_puts(ctx, "\n");
}

static void on_note(void *ctx, enum follow_note note, const char *text)
{
    strbuf_printf(ctx, "N %s %s\n", note_name(note), text);
}

static void die(const char *what)
{
    fprintf(stderr, "follow_probe: %s: %s\n", what, strerror(errno));
    exit(1);
}

static size_t parse_positions(char *batch, struct source_position *positions)
{
    size_t count = 0;
    for (char *line = strtok(batch, "\n"); line; line = strtok(NULL, "\n")) {
        struct source_position *p = &positions[count];
        if (count < POSITIONS &&
            sscanf(line, "P %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNx64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
                   &p->device, &p->inode, &p->offset, &p->fingerprint, &p->fingerprint_len, &p->begun_ms,
                   &p->owner) == 7)
            count++;
    }
    return count;
}

/* The positions of the last whole batch; what stands behind it is cut off. The log's lines may hold any byte but "\n". */
static size_t recover(int journal, struct source_position *positions)
{
    struct stat st;
    if (fstat(journal, &st) != 0)
        die("journal");
    char *text = must_alloc((size_t)st.st_size + 1);
    if (pread(journal, text, (size_t)st.st_size, 0) != st.st_size)
        die("journal");
    size_t end = (size_t)st.st_size;
    while (end > 0 && !(end >= 3 && memcmp(text + end - 3, "\nC\n", 3) == 0))
        end--;
    size_t begin = end;
    while (begin > 0 && !(begin >= 3 && begin < end && memcmp(text + begin - 3, "\nC\n", 3) == 0))
        begin--;
    if (ftruncate(journal, (off_t)end) != 0)
        die("journal");
    text[end] = '\0';
    for (size_t i = begin; i < end; i++)
        if (text[i] == '\0')
            text[i] = '?';
    size_t count = parse_positions(text + begin, positions);
    free(text);
    return count;
}

static void commit(int journal, struct strbuf *batch, const struct follow *follow)
{
    struct source_position positions[POSITIONS];
    size_t count = follow_positions(follow, positions, POSITIONS);
    for (size_t i = 0; i < count; i++) {
        strbuf_printf(batch, "P %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIx64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
                      positions[i].device, positions[i].inode, positions[i].offset, positions[i].fingerprint,
                      positions[i].fingerprint_len, positions[i].begun_ms, positions[i].owner);
    }
    strbuf_puts(batch, "C\n");
    for (size_t done = 0; done < batch->len;) {
        ssize_t wrote = write(journal, batch->at + done, batch->len - done);
        if (wrote < 0)
            die("journal");
        done += (size_t)wrote;
    }
    strbuf_clear(batch);
}

static void follow_until_stopped(struct follow *follow, int journal, struct strbuf *batch)
{
    enum follow_writer writer = WRITER_UNKNOWN;
    while (!stopped) {
        enum follow_progress progress = follow_read(follow, READ_BYTES);
        enum follow_writer now = follow_writer(follow);
        if (now != writer)
            strbuf_printf(batch, "W %s\n", writer_name(now));
        writer = now;
        if (batch->len > 0)
            commit(journal, batch, follow);
        if (progress == FOLLOW_DRAINED)
            follow_wait(follow, INT64_MAX);
    }
}

static void report_usage(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "max resident %ld KiB, %ld voluntary switches\n", usage.ru_maxrss, usage.ru_nvcsw);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: follow_probe LOG JOURNAL [OWNER]\n");
        return 2;
    }
    struct source_position positions[POSITIONS];
    struct strbuf batch = { 0 }, error = { 0 };
    struct follow_sink sink = { .ctx = &batch, .line = on_line, .note = on_note };
    int journal = open(argv[2], O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (journal < 0)
        die(argv[2]);
    size_t count = recover(journal, positions);
    struct follow *follow = follow_open(argv[1], argc > 3 ? argv[3] : NULL, positions, count, &sink, &error);
    if (!follow) {
        fprintf(stderr, "follow_probe: %s\n", strbuf_text(&error));
        return 1;
    }
    signal(SIGTERM, on_stop);
    follow_until_stopped(follow, journal, &batch);
    follow_free(follow);
    strbuf_free(&batch);
    strbuf_free(&error);
    close(journal);
    report_usage();
    return 0;
}
