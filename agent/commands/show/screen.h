/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_SCREEN_H
#define COMMANDS_SHOW_SCREEN_H

#include <stdbool.h>

#include "base/strbuf.h"

/*
 * What a command shows again and again on stdout, until a signal ends the process. On a terminal it takes the alternate screen and hides the
 * cursor. Whatever ends or stops the process (Ctrl-C, Ctrl-Z, SIGTERM, SIGHUP) gives both back first; when the process goes on, the
 * screen is taken again. A sleep ends early where the next picture is due at once: the window has another size, or the process goes on
 * after a stop. There is one screen in a process.
 */
enum screen_kind {
    SCREEN_TERMINAL, /* each picture replaces the last one */
    SCREEN_STREAM    /* one picture after the other, with an empty line between them */
};

void screen_begin(enum screen_kind kind);

/* The exit code of the process if a signal ends it from now on. */
void screen_set_exit_code(int code);

/* Shows the next picture; on a terminal only as many lines as there are rows. Returns false if stdout takes no more, with the error said. */
bool screen_show(enum screen_kind kind, const struct strbuf *picture);

void screen_end(enum screen_kind kind);

#endif
