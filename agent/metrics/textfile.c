/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/say.h"
#include "metrics.h"

enum {
    NEWS_MS = 15 * 1000,  /* after a change: Prometheus rarely asks more often */
    ALIVE_MS = 60 * 1000, /* without any */
};

static bool write_all(int fd, const struct strbuf *text)
{
    size_t done = 0;
    while (done < text->len) {
        ssize_t written = write(fd, text->at + done, text->len - done);
        if (written < 0 && errno != EINTR)
            return false;
        done += written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Makes the file readable by everybody, whatever the umask is, since node_exporter runs as another user. */
static bool textfile_write_file(const char *path, const struct strbuf *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool good = write_all(fd, text) && fchmod(fd, 0644) == 0;
    int error = errno;
    if (close(fd) != 0 && good) {
        error = errno;
        good = false;
    }
    errno = error;
    return good;
}

static bool textfile_replace(const char *path, const struct strbuf *text)
{
    struct strbuf temporary = { 0 };

    /* The collector reads only "*.prom". No fsync is needed: what a power loss destroys is written again at the next start. */
    strbuf_printf(&temporary, "%s.tmp", path);
    bool good = textfile_write_file(strbuf_text(&temporary), text) && rename(strbuf_text(&temporary), path) == 0;
    if (!good) {
        int error = errno;
        unlink(strbuf_text(&temporary));
        errno = error;
    }
    strbuf_free(&temporary);
    return good;
}

int64_t textfile_due_ms(const struct textfile *textfile)
{
    if (textfile->written_ms == 0)
        return 0;
    return textfile->written_ms + (textfile->stale ? NEWS_MS : ALIVE_MS);
}

void textfile_write(struct textfile *textfile, const char *path, const struct metrics_facts *facts, int64_t now_ms)
{
    struct strbuf text = { 0 };

    metrics_expose(facts, now_ms, EXPOSITION_TEXT, &text);
    bool good = textfile_replace(path, &text);
    if (!good && !textfile->failed)
        say_error("metrics %s: %s; not said again until it is written", path, strerror(errno));
    else if (good && textfile->failed)
        say_note("metrics %s: written again", path);
    *textfile = (struct textfile){ .written_ms = now_ms, .failed = !good };
    strbuf_free(&text);
}
