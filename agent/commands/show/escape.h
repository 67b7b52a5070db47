/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_ESCAPE_H
#define COMMANDS_SHOW_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Text from a log is anybody's text. Before it is shown, whatever could act on a terminal, a page or a reader's eye is
 * made visible instead: control characters, bytes that are no UTF-8, marks that reverse or hide text.
 */
enum inert_form {
    INERT_TEXT,     /* UTF-8 terminal: "\x1b", "\u202e" */
    INERT_ASCII,    /* the same for a terminal without UTF-8 */
    INERT_MARKDOWN, /* and what Markdown would take as markup */
    INERT_HTML      /* and & < > " ' */
};

void inert_put(struct strbuf *out, struct slice text, enum inert_form form);
void inert_puts(struct strbuf *out, const char *text, enum inert_form form); /* NULL is empty */

/* The first character of text. Returns its bytes, 0 if they are no UTF-8. */
size_t utf8_decode(struct slice text, uint32_t *point);

/* Whether a character acts rather than shows. */
bool inert_is_active(uint32_t point);

#endif
