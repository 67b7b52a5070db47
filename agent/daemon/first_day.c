/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "first_day.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "parser.h"

enum { BLOCK_BYTES = 256 * 1024, PASSES_MAX = 4 };
static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

/* One reading of the file. */
struct pass {
    struct parser *parser;
    bool any;           /* a record with a time came */
    bool dayless;       /* the first of them had no date */
    int64_t last_ms;    /* the last one's time */
    struct strbuf line; /* the beginning of a line that the block cuts in two */
};

static void pass_take(struct pass *pass, const char *line, size_t len)
{
    int64_t time_ms;
    enum parser_stamp stamp = parser_skim(pass->parser, line, len, &time_ms);
    if (stamp == PARSER_STAMP_NONE)
        return;
    pass->dayless = pass->any ? pass->dayless : stamp == PARSER_STAMP_DAYLESS;
    pass->any = true;
    pass->last_ms = time_ms;
}

/* Of a line in two pieces as much is kept as the parser looks at. */
static void pass_keep(struct pass *pass, const char *text, size_t len)
{
    size_t room = pass->line.len < LINE_MAX_BYTES ? LINE_MAX_BYTES - pass->line.len : 0;
    strbuf_add(&pass->line, text, len < room ? len : room);
}

static void pass_block(struct pass *pass, const char *at, size_t len)
{
    const char *end = at + len, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (pass->line.len > 0) {
            pass_keep(pass, at, (size_t)(newline - at));
            pass_take(pass, pass->line.at, pass->line.len);
            strbuf_clear(&pass->line);
        } else {
            pass_take(pass, at, (size_t)(newline - at));
        }
        at = newline + 1;
    }
    pass_keep(pass, at, (size_t)(end - at));
}

static bool pass_has_date(const struct pass *pass)
{
    return pass->any && !pass->dayless;
}

/* Reads until the end, or until the first record has a date. */
static bool pass_read(struct pass *pass, int fd, int64_t from)
{
    char *block = must_alloc(BLOCK_BYTES);
    ssize_t got = 0;
    do {
        got = pread(fd, block, BLOCK_BYTES, from);
        if (got > 0)
            pass_block(pass, block, (size_t)got);
        from += got > 0 ? got : 0;
    } while ((got > 0 && !pass_has_date(pass)) || (got < 0 && errno == EINTR));
    strbuf_clear(&pass->line);
    free(block);
    return got >= 0;
}

/* How many days the last record is too early, if the first one is at begin_ms or within a day after it. */
static bool days_early(struct pass *pass, int fd, int64_t from, int64_t begin_ms, int64_t end_ms, int *days)
{
    pass->any = pass->dayless = false;
    parser_begin_at(pass->parser, begin_ms);
    if (!pass_read(pass, fd, from))
        return false;
    *days = pass->any ? (int)lround((double)(end_ms - pass->last_ms) / (double)DAY_MS) : 0;
    return true;
}

/* The number of midnights between two days may change with the days, where one of them has a change of the zone's offset. */
static void find_backwards(struct pass *pass, int fd, int64_t from, int64_t end_ms, struct first_day *answer)
{
    int days = 0;
    answer->begin_ms = end_ms - DAY_MS;
    for (int i = 0; i < PASSES_MAX; i++) {
        if (!days_early(pass, fd, from, answer->begin_ms, end_ms, &days))
            return;
        answer->needed = pass->dayless;
        answer->known = pass->dayless && days == 0;
        if (!pass->dayless || days == 0)
            return;
        answer->begin_ms += days * DAY_MS;
    }
    answer->known = true;
}

static void find_forwards(struct pass *pass, int fd, const struct first_day_question *question, int64_t end_ms,
                          struct first_day *answer)
{
    int days = 0;
    if (!days_early(pass, fd, question->from, question->last_ms, end_ms, &days))
        return;
    answer->needed = answer->known = pass->dayless;
    answer->lost_days = pass->dayless && days > 0 ? days : 0;
    answer->begin_ms = question->last_ms + answer->lost_days * DAY_MS;
}

/* Whoever may write a file may give it any time. */
static int64_t written_ms(const struct stat *st)
{
    const int64_t most_s = EVENT_TIME_MAX_MS / 1000;
    int64_t seconds = st->st_mtim.tv_sec;
    seconds = seconds > most_s ? most_s : seconds < -most_s ? -most_s : seconds;
    return seconds * 1000 + st->st_mtim.tv_nsec / 1000000;
}

struct first_day first_day_find(const struct first_day_question *question)
{
    struct first_day answer = { 0 };
    struct strbuf error = { 0 };
    struct pass pass = { .parser = parser_open(question->patterns, &error) };
    int fd = open(question->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (pass.parser && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > question->from) {
        int64_t end_ms = written_ms(&st);
        if (st.st_size - question->from > DAYS_COUNTED_MAX_BYTES)
            answer.needed = true;
        else if (question->last_ms)
            find_forwards(&pass, fd, question, end_ms, &answer);
        else
            find_backwards(&pass, fd, question->from, end_ms, &answer);
    }
    if (fd >= 0)
        close(fd);
    parser_free(pass.parser);
    strbuf_free(&pass.line);
    strbuf_free(&error);
    return answer;
}
