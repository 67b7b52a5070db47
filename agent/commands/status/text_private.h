/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_STATUS_TEXT_PRIVATE_H
#define COMMANDS_STATUS_TEXT_PRIVATE_H

#include "agent/commands/show/terminal.h"
#include "status.h"

/*
 * text.c writes the screen: what is open (text_incidents.c), how the pipeline is (text_pipeline.c), how the agent is (text_agent.c), and what
 * the witnesses said (text_witnesses.c).
 */

struct status_screen {
    const struct status *status;
    const struct terminal *terminal;
    struct strbuf *out;
    int offset;         /* from UTC, in minutes: the last line says it, so times leave it out */
    struct strbuf text; /* gathered for the next line */
};

/* Puts a line behind its label, escaped and wrapped. On a narrow terminal the label stands above it. */
void status_put_line(const struct status_screen *screen, const char *label, enum tone tone, const char *text);
/* Puts the line that was gathered in screen->text. */
void status_put_gathered(struct status_screen *screen, const char *label, enum tone tone);
/* Adds how far a time is from the moment as of which all is told: "2 min ago", "in 5 min". */
void status_add_ago(const struct status_screen *screen, struct strbuf *out, int64_t ms);
/* Adds a note in parentheses, into those at the text's end if there are any. */
void status_add_note(struct strbuf *text, const char *note);
enum tone status_level_tone(enum status_level level);

void status_put_incidents(struct status_screen *screen);
void status_put_pipeline(struct status_screen *screen);
void status_put_agent(struct status_screen *screen);
void status_put_webhooks(struct status_screen *screen);
void status_put_blind_spots(struct status_screen *screen);
void status_put_answers(struct status_screen *screen);
void status_put_witnesses(struct status_screen *screen);
void status_put_probes(struct status_screen *screen);

#endif
