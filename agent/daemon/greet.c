/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/say.h"
#include "daemon_private.h"

/* A person at a terminal reads at once what the agent watches, where it keeps the history, and who is told. A service manager knows. */

enum { LONG_LOG_MB = 64 }; /* less is read within a second */

static bool somebody_reads(const struct daemon *daemon)
{
    return isatty(STDERR_FILENO) && !daemon->confined;
}

static bool log_was_read_before(const struct daemon *daemon)
{
    struct source_position positions[SOURCES_MOST];
    size_t count = follow_positions(daemon->follow, positions, SOURCES_MOST);
    return count > 0 && positions[count - 1].offset > 0;
}

static void say_log(const struct daemon *daemon, struct strbuf *out)
{
    int64_t lines = daemon->read_lines, events = parser_counts(daemon->ingest.parser)->events;
    const char *refusal = follow_refusal(daemon->follow);
    if (refusal)
        strbuf_printf(out, "not read: %s", refusal);
    else if (follow_place(daemon->follow) == FOLLOW_MISSING)
        strbuf_puts(out, "not there yet");
    else if (lines == 0)
        strbuf_puts(out, log_was_read_before(daemon) ? "no new line since the last run" : "empty so far");
    else if (events == 0)
        strbuf_printf(out, "%" PRId64 " line%s, no event understood", lines, lines == 1 ? "" : "s");
    else
        strbuf_printf(out, "%" PRId64 " line%s, %" PRId64 " event%s understood", lines, lines == 1 ? "" : "s", events,
                      events == 1 ? "" : "s");
}

static void say_told(const struct config *config, struct strbuf *out)
{
    if (config->webhook_count == 0)
        strbuf_printf(out, "no webhook: notifications are printed %s",
                      isatty(STDOUT_FILENO) ? "here" : "on standard output");
    for (size_t i = 0; i < config->webhook_count; i++)
        strbuf_printf(out, "%s%s", i == 0 ? "told: " : ", ", config->webhooks[i].name);
}

void daemon_greet_before_reading(const struct daemon *daemon)
{
    struct stat status;
    if (somebody_reads(daemon) && stat(daemon->config->log_path, &status) == 0 && status.st_size >> 20 >= LONG_LOG_MB)
        say_note("reading %s first, %" PRId64 " MB", daemon->config->log_path, (int64_t)status.st_size >> 20);
}

void daemon_greet(const struct daemon *daemon)
{
    struct strbuf log = { 0 }, told = { 0 };
    if (!somebody_reads(daemon))
        return;
    say_log(daemon, &log);
    say_told(daemon->config, &told);
    say_note("watching %s (%s); history %s %s; %s", daemon->config->log_path, strbuf_text(&log),
             history_on_disk(daemon->history) ? "in" : "in memory, as it cannot be in", daemon->config->history_db,
             strbuf_text(&told));
    strbuf_free(&log);
    strbuf_free(&told);
}
