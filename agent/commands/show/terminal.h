/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TERMINAL_H
#define COMMANDS_SHOW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* What the terminal can show. Every command that prints text for people asks for it once. */
struct terminal {
    int width; /* columns */
    bool colour;
    bool is_tty; /* somebody looks at it, and no program reads it */
    bool utf8;
};

enum tone { TONE_PLAIN, TONE_BOLD, TONE_DIM, TONE_GOOD, TONE_WARNING, TONE_CRITICAL };

enum glyph {
    GLYPH_GOOD,
    GLYPH_BAD,
    GLYPH_WARNING,
    GLYPH_BULLET,
    GLYPH_ARROW,
    GLYPH_RULE,
    GLYPH_RAIL,
    GLYPH_NODE,
    GLYPH_GAP,
    GLYPH_SHADE,
    GLYPH_BAND,
    GLYPH_ELLIPSIS,
    GLYPHS
};

/* Asks stdout, COLUMNS, NO_COLOR, TERM and the locale. Sets the process's locale, but only for characters (LC_CTYPE). */
struct terminal terminal_detect(void);
/* Appends text from the log or the history, escaped so that this terminal can show it and nothing in it acts. */
void terminal_escape(const struct terminal *terminal, struct strbuf *out, const char *text);

const char *terminal_glyph(const struct terminal *terminal, enum glyph glyph);

/*
 * What follows appends to `out`. The text must have gone through terminal_escape: nothing here takes out what could act on a terminal.
 */
void terminal_say(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text);
void terminal_heading(const struct terminal *terminal, struct strbuf *out, const char *text);
/* Wraps the words to the width. The first line begins at column `column`, the others are indented by `indent` columns. */
void terminal_wrap(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text, int column,
                   int indent);
void terminal_spaces(struct strbuf *out, int count);

/* The number of columns that a text takes. A character may take two. */
int terminal_columns(const char *text);

/* The number of bytes of text that fit into so many columns: one character at least, so that a caller always gets on. */
size_t terminal_fitting(const char *text, int columns);

/* Writes all of out to stdout. Returns false if that fails, with the error said. */
bool terminal_print(const struct strbuf *out);

#endif
