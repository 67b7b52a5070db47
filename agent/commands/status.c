/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/status.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/commands/face.h"
#include "agent/commands/inert.h"
#include "shell/options.h"
#include "shell/reader.h"
#include "shell/say.h"

enum status_option { OPTION_WATCH, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_WATCH] = { "watch", NULL, "refresh the screen every 2 s until interrupted" },
    [OPTION_FORMAT] = { "format", "text|json", "how it is printed (default: text)" },
};

const struct option_table status_options = { specs, OPTIONS };

enum status_format { FORMAT_TEXT, FORMAT_JSON };

/* What cannot be known is said in the same first line as what can, so that a monitoring system shows it. */
static void unknown_put(enum status_format format, const char *why, struct strbuf *out)
{
    struct status status = { .level = STATUS_UNKNOWN, .now_ms = face_now_ms() };
    struct strbuf ignored = { 0 };
    if (format == FORMAT_JSON) {
        strbuf_puts(&status.why, why);
        status_json(&status, out, &ignored);
    } else {
        strbuf_puts(out, "UNKNOWN - ");
        inert_puts(out, why, INERT_TEXT);
        strbuf_puts(out, "\n");
    }
    status_free(&status);
    strbuf_free(&ignored);
}

/* The connection lives for one look only: a reader that stays would keep the WAL from being reset. */
static enum status_level status_look(const struct config *config, enum status_format format, struct strbuf *out)
{
    struct status status = { 0 };
    struct strbuf error = { 0 };
    enum status_level level = STATUS_UNKNOWN;
    struct face face = face_detect();
    struct probes *probes = probes_open(config);
    if (probes)
        probes_ask(probes);
    sqlite3 *db = reader_open(config->history_db, &error);
    if (!db || !status_gather(&status, db, config, probes, face_now_ms(), &error)) {
        unknown_put(format, strbuf_text(&error), out);
    } else {
        level = status.level;
        if (format == FORMAT_TEXT)
            status_text(&status, &face, out);
        else if (!status_json(&status, out, &error))
            unknown_put(FORMAT_TEXT, strbuf_text(&error), out);
    }
    status_free(&status);
    sqlite3_close(db);
    probes_close(probes);
    strbuf_free(&error);
    return level;
}

static volatile sig_atomic_t watch_over;   /* the only thing that a signal handler may touch */

static void watch_end(int signal_number)
{
    (void)signal_number;
    watch_over = 1;
}

/* Over the old screen instead of after clearing it, so that nothing flickers. */
static void screen_put(const struct strbuf *screen, struct strbuf *out)
{
    const char *line = strbuf_text(screen);
    strbuf_puts(out, "\033[H");
    while (*line) {
        size_t len = strcspn(line, "\n");
        strbuf_add(out, line, len);
        strbuf_puts(out, "\033[K\r\n");
        line += len + (line[len] == '\n');
    }
    strbuf_puts(out, "\033[J");
}

static enum status_level status_watch(const struct config *config, enum status_format format)
{
    static const char enter[] = "\033[?1049h\033[?25l", leave[] = "\033[?25h\033[?1049l";
    struct sigaction action = { .sa_handler = watch_end };
    struct timespec pause = { .tv_sec = 2 };
    enum status_level level = STATUS_UNKNOWN;
    bool terminal = isatty(STDOUT_FILENO) && format == FORMAT_TEXT;
    bool written = true;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    if (terminal)
        fputs(enter, stdout);
    while (!watch_over && written) {
        struct strbuf screen = { 0 }, out = { 0 };
        level = status_look(config, format, &screen);
        if (terminal)
            screen_put(&screen, &out);
        else
            strbuf_printf(&out, "%s\n", strbuf_text(&screen));
        written = face_print(&out);
        strbuf_free(&screen);
        strbuf_free(&out);
        if (written && !watch_over)
            nanosleep(&pause, NULL);
    }
    if (terminal) {
        fputs(leave, stdout);
        fflush(stdout);
    }
    return level;
}

/* Monitoring systems read 2 as critical: whatever keeps us from looking is 3, unknown. */
int command_status(int argc, char **argv)
{
    struct options options;
    struct config *config = NULL;
    struct strbuf out = { 0 };
    int code = options_parse(&options, argc, argv, specs, OPTIONS);
    if (code >= 0)
        return code == EXIT_OK ? EXIT_OK : STATUS_UNKNOWN;
    code = STATUS_UNKNOWN;
    const char *name = options.values[OPTION_FORMAT] ? options.values[OPTION_FORMAT] : "text";
    enum status_format format = strcmp(name, "json") == 0 ? FORMAT_JSON : FORMAT_TEXT;
    if (format == FORMAT_TEXT && strcmp(name, "text") != 0) {
        say_error("--format: '%s' is neither text nor json", name);
        goto cleanup;
    }
    if (options.operand_count > 0) {
        say_error("status: '%s': unexpected", options.operands[0]);
        goto cleanup;
    }
    config = options_config(&options);
    if (!config)
        goto cleanup;
    if (options.values[OPTION_WATCH]) {
        code = (int)status_watch(config, format);
    } else {
        code = (int)status_look(config, format, &out);
        if (!face_print(&out))
            code = STATUS_UNKNOWN;
    }
cleanup:
    strbuf_free(&out);
    config_free(config);
    options_free(&options);
    return code;
}
