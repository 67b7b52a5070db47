/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <sqlite3.h>
#include <unistd.h>

#include "agent/commands/commands.h"
#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/screen.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "reader.h"

enum status_option { OPTION_WATCH, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_WATCH] = { "watch", NULL, "show the screen again every 2 s until interrupted" },
    [OPTION_FORMAT] = { "format", "text|json", "the form in which it is printed (default: text)" },
};

/* Monitoring systems read 2 as critical, so whatever keeps the command from looking is 3, unknown. */
const struct arguments status_arguments = { "[--watch] [--format text|json]", specs, OPTIONS, 0,
                                            .exit_wrong = STATUS_UNKNOWN };

enum status_format { FORMAT_TEXT, FORMAT_JSON };

enum { REFRESH_MS = 2000, FRAMES_PER_PROBE = 6 };

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

/* Shows the status again and again, until a signal ends the process or stdout is closed. */
static void status_watch(const struct config *config, enum status_format format)
{
    enum screen_kind kind = isatty(STDOUT_FILENO) && format == FORMAT_TEXT ? SCREEN_TERMINAL : SCREEN_STREAM;
    struct probes *probes = NULL;
    bool shown = true;

    screen_set_exit_code(STATUS_UNKNOWN);
    screen_begin(kind);
    for (unsigned frame = 0; shown; frame++) {
        struct strbuf picture = { 0 };
        /* The components are asked less often: a screen that somebody left open must not keep them busy. */
        if (frame % FRAMES_PER_PROBE == 0) {
            probes_close(probes);
            probes = components_ask(config);
        }
        screen_set_exit_code((int)status_look(config, format, probes, &picture));
        shown = screen_show(kind, &picture);
        strbuf_free(&picture);
        if (shown)
            clock_sleep_ms(REFRESH_MS); /* ends at once where the screen must be shown again */
    }
    probes_close(probes);
    screen_end(kind);
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
