/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TERMINAL_H
#define COMMANDS_SHOW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* What the person at the other end can see: shared by every command that prints for people. */
struct terminal {
    int width;
    bool colour;
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

/* Looks at stdout, COLUMNS, NO_COLOR and the locale (which it sets, for characters only). */
struct terminal terminal_detect(void);
const char *terminal_glyph(const struct terminal *terminal, enum glyph glyph);

/* Text in a tone; the text must be inert already. */
void terminal_say(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text);
void terminal_heading(const struct terminal *terminal, struct strbuf *out, const char *text);
/* Words wrapped to the width, the first line beginning at column `column`, the others indented by indent. */
void terminal_wrap(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text, int column,
                   int indent);
void terminal_spaces(struct strbuf *out, int count);

/* Terminal columns that inert text takes. */
int terminal_columns(const char *text);

/* Writes it all to stdout. False, with the error said, if that fails. */
bool terminal_print(const struct strbuf *out);

#endif
