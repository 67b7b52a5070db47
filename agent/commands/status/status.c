/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/commands/commands.h"
#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "base/say.h"
#include "reader.h"

enum status_option { OPTION_WATCH, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_WATCH] = { "watch", NULL, "show the screen again every 2 s until interrupted" },
    [OPTION_FORMAT] = { "format", "text|json", "the form in which it is printed (default: text)" },
};

/* Monitoring systems read 2 as critical, so whatever keeps the command from looking is 3, unknown. */
const struct arguments status_arguments = { "[--watch]", specs, OPTIONS, 0, .exit_wrong = STATUS_UNKNOWN };

enum status_format { FORMAT_TEXT, FORMAT_JSON };

enum { REFRESH_S = 2, FRAMES_PER_PROBE = 6 };

/* Where nothing could be found out, the first line says why in the same form as ever: a monitoring system shows that line. */
static void unknown_put(enum status_format format, const char *why, struct strbuf *out)
{
    struct status status = { .level = STATUS_UNKNOWN, .now_ms = show_now_ms() };
    if (format == FORMAT_JSON) {
        strbuf_puts(&status.why, why);
        status_json(&status, out);
    } else {
        strbuf_puts(out, "UNKNOWN - ");
        escape_puts(out, why, ESCAPE_TEXT);
        strbuf_puts(out, "\n");
    }
    status_free(&status);
}

static struct probes *components_ask(const struct config *config)
{
    struct probes *probes = probes_open(config);
    if (probes)
        probes_ask(probes);
    return probes;
}

/* Opens and closes the history for each look: a connection that stays open could keep the write-ahead log from being reset. */
static enum status_level status_look(const struct config *config, enum status_format format,
                                     const struct probes *probes, struct strbuf *out)
{
    struct status status = { 0 };
    struct strbuf error = { 0 };
    enum status_level level = STATUS_UNKNOWN;
    struct terminal terminal = terminal_detect();
    sqlite3 *db = reader_open(config->history_db, &error);
    if (!db || !status_gather(&status, db, config, probes, show_now_ms(), &error)) {
        unknown_put(format, strbuf_text(&error), out);
    } else {
        level = status.level;
        if (format == FORMAT_TEXT)
            status_text(&status, &terminal, out);
        else
            status_json(&status, out);
    }
    status_free(&status);
    sqlite3_close(db);
    strbuf_free(&error);
    return level;
}

/* Changes to the alternate screen and hides the cursor; and back. */
static const char screen_enter[] = "\033[?1049h\033[?25l", screen_leave[] = "\033[0m\033[?25h\033[?1049l";
static volatile sig_atomic_t watch_level = STATUS_UNKNOWN; /* the exit code if a signal ends the watch now */

/*
 * The handlers end the process themselves. A flag would be looked at too late: only after a component that hangs has had its whole
 * timeout. Only the terminal must be restored, and write and _exit may be called in a handler.
 */
static void watch_end(int signal_number)
{
    (void)signal_number;
    _exit(watch_level);
}

static void watch_leave(int signal_number)
{
    if (write(STDOUT_FILENO, screen_leave, sizeof screen_leave - 1) < 0)
        _exit(STATUS_UNKNOWN);
    watch_end(signal_number);
}

static size_t screen_rows(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : SIZE_MAX;
}

/* Writes over the old screen without clearing it first, so that nothing flickers. Lines beyond the last row are left out: they would scroll. */
static void screen_put(const struct strbuf *screen, size_t rows, struct strbuf *out)
{
    const char *line = strbuf_text(screen);
    strbuf_puts(out, "\033[H");
    for (size_t row = 0; *line && row < rows; row++) {
        size_t len = strcspn(line, "\n");
        strbuf_puts(out, row > 0 ? "\r\n" : "");
        strbuf_add(out, line, len);
        strbuf_puts(out, "\033[K");
        line += len + (line[len] == '\n');
    }
    strbuf_puts(out, "\033[0m\033[J");
}

static bool frame_put(const struct config *config, enum status_format format, const struct probes *probes,
                      bool terminal)
{
    struct strbuf screen = { 0 }, out = { 0 };
    watch_level = (sig_atomic_t)status_look(config, format, probes, &screen);
    if (terminal)
        screen_put(&screen, screen_rows(), &out);
    else
        strbuf_printf(&out, "%s\n", strbuf_text(&screen));
    bool written = terminal_print(&out);
    strbuf_free(&screen);
    strbuf_free(&out);
    return written;
}

/* Shows the status again and again, until a signal ends the process or stdout is closed. */
static void status_watch(const struct config *config, enum status_format format)
{
    bool terminal = isatty(STDOUT_FILENO) && format == FORMAT_TEXT;
    struct sigaction action = { .sa_handler = terminal ? watch_leave : watch_end };
    struct probes *probes = NULL;
    const int endings[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        sigaction(endings[i], &action, NULL);
    if (terminal)
        fputs(screen_enter, stdout);
    /* The components are asked less often than the history: a screen that somebody left open must not keep them busy. */
    for (unsigned frame = 0;; frame++) {
        if (frame % FRAMES_PER_PROBE == 0) {
            probes_close(probes);
            probes = components_ask(config);
        }
        if (!frame_put(config, format, probes, terminal))
            break;
        clock_sleep_ms(REFRESH_S * 1000);
    }
    probes_close(probes);
    if (terminal)
        fputs(screen_leave, stdout);
}

int command_status(struct options *options)
{
    const int format = options_choice(options, OPTION_FORMAT);
    const struct config *config = format < 0 ? NULL : options_config(options);
    struct strbuf out = { 0 };
    int code = STATUS_UNKNOWN;

    if (!config)
        return code;
    if (options->values[OPTION_WATCH]) {
        status_watch(config, (enum status_format)format);
        return code;
    }
    struct probes *probes = components_ask(config);
    enum status_level level = status_look(config, (enum status_format)format, probes, &out);
    if (terminal_print(&out))
        code = (int)level;
    probes_close(probes);
    strbuf_free(&out);
    return code;
}
