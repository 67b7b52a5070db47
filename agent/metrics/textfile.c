/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/say.h"
#include "metrics_private.h"

enum {
    NEWS_MS = 15 * 1000,  /* after a change: Prometheus rarely asks more often */
    ALIVE_MS = 60 * 1000, /* without any */
};

static void textfile_put_number(const struct exposition *out, const char *name, const char *type, const char *help,
                                int64_t value)
{
    exposition_family(out, name, type, help);
    exposition_number(out, name, NULL, value);
}

static void textfile_put_time(const struct exposition *out, const char *name, const char *help, int64_t at_ms)
{
    if (at_ms <= 0)
        return;
    exposition_family(out, name, "gauge", help);
    exposition_seconds(out, name, NULL, at_ms);
}

static void textfile_put_result(const struct exposition *out, const char *webhook, const char *result, int64_t count)
{
    exposition_number(out, "notifications_total",
                      (struct metric_label[]){ { "webhook", webhook }, { "result", result }, { 0 } }, count);
}

static void textfile_put_notifications(const struct exposition *out, const struct textfile_facts *facts)
{
    exposition_family(out, "notifications_total", "counter",
                      "Attempts to deliver a notification, by what came of them.");
    for (size_t i = 0; i < facts->delivery_count; i++) {
        const struct textfile_deliveries *to = &facts->deliveries[i];
        textfile_put_result(out, to->webhook, "delivered", to->delivered);
        textfile_put_result(out, to->webhook, "retried", to->retried);
        textfile_put_result(out, to->webhook, "refused", to->refused);
    }
}

static void textfile_put_reading(const struct exposition *out, const struct textfile_facts *facts)
{
    const struct parser_counts *parsed = facts->parsed;

    textfile_put_number(out, "lines_total", "counter", "Lines of the log that were read.", parsed->lines);
    textfile_put_number(out, "read_bytes_total", "counter", "Bytes of the log that were read.", facts->read_bytes);
    textfile_put_number(out, "events_total", "counter", "Events that the lines told of.", parsed->events);
    textfile_put_number(out, "parse_misses_total", "counter", "Records of the scheduler that no pattern knows.",
                        parsed->misses);
    textfile_put_number(out, "parse_limit_hits_total", "counter", "Pattern matches given up for their cost.",
                        parsed->limit_hits);
    textfile_put_number(out, "stray_lines_total", "counter",
                        "Lines left out, since their time is far from when they were written.", facts->stray_lines);
    textfile_put_number(out, "offset_behind_bytes", "gauge", "Bytes of the log that are not read yet.",
                        facts->behind_bytes);
    textfile_put_time(out, "last_record_timestamp_seconds", "The time of the newest record read.",
                      facts->last_record_ms);
    textfile_put_time(out, "next_run_timestamp_seconds", "When the scheduler promised its next cycle.",
                      facts->next_run_ms);
    if (facts->writer_present >= 0)
        textfile_put_number(out, "writer_present", "gauge", "Whether a process holds the log open for writing.",
                            facts->writer_present);
}

static void textfile_put_blindness(const struct exposition *out, const struct textfile_facts *facts)
{
    exposition_family(out, "blind", "gauge", "Whether the agent sees, keeps or tells nothing, by reason.");
    for (int i = 0; i < BLIND_REASONS; i++) {
        const char *reason = blind_reason_name((enum blind_reason)i);
        exposition_number(out, "blind", (struct metric_label[]){ { "reason", reason }, { 0 } }, facts->blind[i]);
    }
}

/* With these a dashboard draws the lines beyond which something is told, whatever this agent is configured to. */
static void textfile_put_limits(const struct exposition *out, const struct engine_limits *limits)
{
    const struct {
        const char *name;
        int64_t ms;
    } thresholds[] = {
        { "lag_warning", limits->lag_warning_ms },   { "lag_critical", limits->lag_critical_ms },
        { "cycle_slow", limits->cycle_slow_ms },     { "cycle_too_slow", limits->cycle_too_slow_ms },
        { "late_warning", limits->late_warning_ms }, { "late_critical", limits->late_critical_ms },
    };
    exposition_family(out, "interval_seconds", "gauge", "The schedule's interval, as it is told, set or guessed.");
    exposition_seconds(out, "interval_seconds", NULL, limits->interval_ms);
    exposition_family(out, "threshold_seconds", "gauge", "From when on something counts as a trouble, by threshold.");
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
        exposition_seconds(out, "threshold_seconds",
                           (struct metric_label[]){ { "threshold", thresholds[i].name }, { 0 } }, thresholds[i].ms);
}

static void textfile_put_silences(const struct exposition *out, const struct silences *silences, int64_t now_ms)
{
    int64_t in_force = 0;
    for (size_t i = 0; i < silences->count; i++)
        in_force += silence_is_in_force(&silences->at[i], now_ms);
    textfile_put_number(out, "silences_in_force", "gauge", "Silences that somebody began and that are in force.",
                        in_force);
    if (silences->window_count == 0)
        return;
    exposition_family(out, "silence_window_in_force", "gauge", "Whether a window of the configuration is in force.");
    for (size_t i = 0; i < silences->window_count; i++) {
        const struct silence_window *window = &silences->windows[i];
        exposition_number(out, "silence_window_in_force", (struct metric_label[]){ { "window", window->name }, { 0 } },
                          silence_window_is_in_force(window, silences->offset, now_ms));
    }
}

static void textfile_render(const struct textfile_facts *facts, int64_t now_ms, struct strbuf *text)
{
    const struct exposition out = { text, facts->log_path };

    textfile_put_number(&out, "up", "gauge", "Whether the agent runs: 0 after an orderly end.", facts->up);
    textfile_put_time(&out, "alive_timestamp_seconds",
                      "When the agent wrote this: at most a minute ago while it lives.", now_ms);
    textfile_put_time(&out, "start_timestamp_seconds", "When the agent started: its counters began at 0.",
                      facts->started_ms);
    exposition_family(&out, "build_info", "gauge", "The agent's version.");
    exposition_number(&out, "build_info", (struct metric_label[]){ { "version", AGENT_VERSION }, { 0 } }, 1);
    textfile_put_number(&out, "config_last_reload_successful", "gauge",
                        "Whether the configuration, last read, was good.", !facts->reload_refused);
    textfile_put_number(&out, "commit_failures_total", "counter", "Commits to the history that failed.",
                        facts->commit_failures);
    textfile_put_limits(&out, &facts->limits);
    textfile_put_blindness(&out, facts);
    textfile_put_silences(&out, facts->silences, now_ms);
    textfile_put_reading(&out, facts);
    if (facts->delivery_count > 0)
        textfile_put_notifications(&out, facts);
    metrics_render(facts->metrics, &out);
}

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

void textfile_write(struct textfile *textfile, const char *path, const struct textfile_facts *facts, int64_t now_ms)
{
    struct strbuf text = { 0 };

    textfile_render(facts, now_ms, &text);
    bool good = textfile_replace(path, &text);
    if (!good && !textfile->failed)
        say_error("metrics %s: %s; not said again until it is written", path, strerror(errno));
    else if (good && textfile->failed)
        say_note("metrics %s: written again", path);
    *textfile = (struct textfile){ .written_ms = now_ms, .failed = !good };
    strbuf_free(&text);
}
