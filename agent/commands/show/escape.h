/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_ESCAPE_H
#define COMMANDS_SHOW_ESCAPE_H

#include "base/strbuf.h"
#include "base/utf8.h"

/*
 * Text from a log is anybody's text. Before it is shown, whatever could act on a terminal, a page or a reader's eye is
 * made visible instead: control characters, bytes that are no UTF-8, marks that reverse or hide text.
 */
enum escape_form {
    ESCAPE_TEXT,     /* UTF-8 terminal: "\x1b", "\u202e" */
    ESCAPE_ASCII,    /* the same for a terminal without UTF-8 */
    ESCAPE_MARKDOWN, /* and what Markdown would take as markup */
    ESCAPE_HTML      /* and & < > " ' */
};

void escape_put(struct strbuf *out, struct slice text, enum escape_form form);
void escape_puts(struct strbuf *out, const char *text, enum escape_form form); /* NULL is empty */

#endif
