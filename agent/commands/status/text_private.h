/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_STATUS_TEXT_PRIVATE_H
#define COMMANDS_STATUS_TEXT_PRIVATE_H

#include "agent/commands/show/terminal.h"
#include "status.h"

/* text.c writes the screen; text_witnesses.c the part of it that the witnesses said. */

struct status_screen {
    const struct status *status;
    const struct terminal *terminal;
    struct strbuf *out;
    int offset;         /* from UTC, in minutes: the last line says it, so times leave it out */
    struct strbuf text; /* gathered for the next line */
};

/* Puts the line that was gathered in screen->text. */
void status_put_gathered(struct status_screen *screen, const char *label, enum tone tone);
/* Adds how far a time is from now: "2 min ago", "in 5 min". */
void status_add_ago(const struct status_screen *screen, struct strbuf *out, int64_t ms);

void status_put_answers(struct status_screen *screen);
void status_put_witnesses(struct status_screen *screen);
void status_put_probes(struct status_screen *screen);

#endif
