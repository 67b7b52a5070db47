/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TERMINAL_H
#define COMMANDS_SHOW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* What the person at the other end can see: shared by every command that prints for people. */
struct face {
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
struct face face_detect(void);
const char *face_glyph(const struct face *face, enum glyph glyph);

/* The wall clock, or SOURCE_DATE_EPOCH, so that what was printed can be printed again. */
int64_t face_now_ms(void);

/* Text in a tone; the text must be inert already. */
void face_say(const struct face *face, struct strbuf *out, enum tone tone, const char *text);
void face_heading(const struct face *face, struct strbuf *out, const char *text);
/* Words wrapped to the width, the first line beginning at column `column`, the others indented by indent. */
void face_wrap(const struct face *face, struct strbuf *out, enum tone tone, const char *text, int column, int indent);
void face_spaces(struct strbuf *out, int count);

/* Terminal columns that inert text takes. */
int face_columns(const char *text);

/* "13.2 s", "2 min 05 s", "31 min", "2 h 05 min", "3 d 4 h". */
void face_duration(struct strbuf *out, int64_t ms);
/* "1,234,567" */
void face_count(struct strbuf *out, int64_t count);

/* Local time, "2026-03-03 10:15:02"; an offset that differs from the one already said is added. */
int face_offset(int64_t ms);                            /* minutes east of UTC */
void face_offset_words(struct strbuf *out, int offset); /* "UTC+11:00" */
void face_time(struct strbuf *out, int64_t ms, int said_offset);
void face_minute(struct strbuf *out, int64_t ms);                 /* "2026-03-03 10:15" */
void face_clock(struct strbuf *out, int64_t ms, int said_offset); /* "10:15:02" */
void face_date(struct strbuf *out, int64_t ms);                   /* "Tuesday 3 March 2026" */
int64_t face_day(int64_t ms);                                     /* a number for each local day */

/* Writes it all to stdout. False, with the error said, if that fails. */
bool face_print(const struct strbuf *out);

/* Room for one more element in a list that only grows: call before adding element number count. */
void *list_room(void *list, size_t count, size_t size);

#endif
