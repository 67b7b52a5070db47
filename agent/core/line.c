/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <string.h>

#include "base/cut.h"
#include "base/slice.h"
#include "base/utf8.h"

/* In characters: the most and the least that is left of a name and of what says why, and what still tells most of it. */
enum { NAME_MOST = 40, NAME_TELLING = 24, NAME_LEAST = 9, WHY_MOST = 100, WHY_TELLING = 32, WHY_LEAST = 12 };

/* How much of the parts is written. */
struct shape {
    size_t asides;      /* so many of them */
    bool has_short;     /* the short aside, where there are none */
    bool has_detail;    /* beside a cause; without a cause the detail says why */
    bool has_long_note; /* as long as the note has a shorter form */
    bool has_bracket;   /* what stands in brackets at the end of what says why */
    bool has_lasted;
    size_t name, cause; /* characters; cause is of whatever says why, and with 0 that is left out */
};

static size_t chars_of(const struct strbuf *text)
{
    return utf8_count((struct slice){ strbuf_text(text), text->len });
}

/* Text of unknown origin becomes part of one line. */
static void put_one_line(const char *text, size_t max_chars, struct strbuf *out)
{
    struct strbuf plain = { 0 };
    for (const char *at = text; *at; at++)
        strbuf_add(&plain, (unsigned char)*at < ' ' || *at == 0x7f ? " " : at, 1);
    cut_chars(strbuf_text(&plain), max_chars, out);
    strbuf_free(&plain);
}

/* The text without its first characters. */
static const char *behind(const char *text, size_t chars)
{
    while (*text && (chars > 0 || utf8_continues(*text)))
        chars -= !utf8_continues(*text++);
    return text;
}

/* Names often differ at their end, so a long one is cut in its middle. */
static void put_name(const char *name, size_t max_chars, struct strbuf *out)
{
    struct strbuf plain = { 0 };
    put_one_line(name, SIZE_MAX, &plain);
    size_t chars = chars_of(&plain), end_chars = (max_chars - 1) / 2;
    if (chars <= max_chars) {
        strbuf_puts(out, strbuf_text(&plain));
    } else {
        cut_chars(strbuf_text(&plain), max_chars - end_chars, out); /* ends with the ellipsis */
        strbuf_puts(out, behind(strbuf_text(&plain), chars - end_chars));
    }
    strbuf_free(&plain);
}

static void put_tables(const struct line *line, const struct shape *shape, struct strbuf *out)
{
    if (line->count == 1)
        put_name(line->table, shape->name, out);
    else if (line->known > 2 && line->known >= line->count)
        strbuf_printf(out, "%zu of %zu tables", line->count, line->known);
    else
        strbuf_printf(out, "%zu tables", line->count);
}

static void put_since(const struct line *line, const struct shape *shape, struct strbuf *out)
{
    strbuf_printf(out, "since %s", line->onset);
    if (line->shows_lasted && shape->has_lasted)
        strbuf_printf(out, " (%s)", line->lasted);
}

static void put_place(const struct line *line, const struct shape *shape, struct slice place, struct strbuf *out)
{
    if (slice_equals(place, "{tables}"))
        put_tables(line, shape, out);
    else if (slice_equals(place, "{s}"))
        strbuf_puts(out, line->count == 1 ? "s" : "");
    else if (slice_equals(place, "{still}"))
        strbuf_puts(out, line->is_still ? "still " : "");
    else if (slice_equals(place, "{writer}"))
        strbuf_puts(out, line->writer);
    else if (slice_equals(place, "{since}"))
        put_since(line, shape, out);
    else if (slice_equals(place, "{at}"))
        strbuf_puts(out, line->onset);
    else if (slice_equals(place, "{for}"))
        strbuf_puts(out, line->lasted);
    else if (slice_equals(place, "{then}"))
        strbuf_puts(out, line->then);
    else
        strbuf_add(out, place.at, place.len);
}

static void put_template(const struct line *line, const struct shape *shape, const char *text, struct strbuf *out)
{
    while (*text) {
        const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            strbuf_puts(out, text);
            return;
        }
        strbuf_add(out, text, (size_t)(open - text));
        put_place(line, shape, (struct slice){ open, (size_t)(close - open) + 1 }, out);
        text = close + 1;
    }
}

static bool has_time(const char *head)
{
    return strstr(head, "{since}") || strstr(head, "{at}") || strstr(head, "{for}") || strstr(head, "{then}");
}

static void put_head(const struct line *line, const struct shape *shape, struct strbuf *out)
{
    if (line->count > 0 && !strstr(line->head, "{tables}"))
        put_template(line, shape, "{tables}: ", out);
    put_template(line, shape, line->head, out);
    if (!has_time(line->head))
        put_template(line, shape, " {since}", out);
}

static const char *why_of(const struct line *line)
{
    return line->cause ? line->cause : line->detail;
}

static void put_why(const struct line *line, const struct shape *shape, struct strbuf *out)
{
    const char *why = why_of(line);
    struct strbuf shown = { 0 };
    strbuf_add(&shown, why, shape->has_bracket ? strlen(why) : cut_len_without_brackets(why));
    strbuf_puts(out, ", ");
    put_one_line(strbuf_text(&shown), shape->cause, out);
    strbuf_free(&shown);
}

static void assemble(const struct line *line, const struct shape *shape, struct strbuf *out)
{
    strbuf_clear(out);
    put_head(line, shape, out);
    if (line->cause && line->detail && shape->has_detail) {
        strbuf_puts(out, ", ");
        put_one_line(line->detail, WHY_MOST, out);
    }
    if (why_of(line) && shape->cause > 0)
        put_why(line, shape, out);
    for (size_t i = 0; i < shape->asides && line->asides[i]; i++)
        strbuf_printf(out, "; %s", line->asides[i]);
    if (shape->asides == 0 && shape->has_short && line->short_aside)
        strbuf_printf(out, "; %s", line->short_aside);
}

static size_t shortened(size_t chars, size_t excess, size_t least)
{
    return chars > excess + least ? chars - excess : least;
}

static size_t name_chars(const struct line *line, const struct shape *shape)
{
    struct strbuf name = { 0 };
    put_tables(line, shape, &name);
    size_t chars = chars_of(&name);
    strbuf_free(&name);
    return chars;
}

static size_t why_chars(const struct line *line, const struct shape *shape)
{
    const char *why = why_of(line);
    if (!why)
        return 0;
    size_t len = shape->has_bracket ? strlen(why) : cut_len_without_brackets(why);
    size_t chars = utf8_count((struct slice){ why, len });
    return chars < shape->cause ? chars : shape->cause;
}

static bool has_bracket(const struct line *line, const struct shape *shape)
{
    const char *why = why_of(line);
    return why && shape->has_bracket && cut_len_without_brackets(why) < strlen(why);
}

/* The duration follows from the time before it, so it is left out where what says why then stands whole. */
static bool is_whole_without_lasted(const struct line *line, const struct shape *shape, size_t excess)
{
    return line->shows_lasted && shape->has_lasted && shape->cause == WHY_MOST && strstr(line->head, "{since}") &&
           excess <= utf8_count(slice_of(line->lasted)) + strlen(" ()");
}

/* Takes away what matters least, one thing after the other. Returns false when nothing is left to be taken. */
static bool lessen(const struct line *line, struct shape *shape, size_t excess)
{
    size_t why = why_chars(line, shape);
    if (shape->asides > 0)
        shape->asides--;
    else if (line->cause && line->detail && shape->has_detail)
        shape->has_detail = false;
    else if (line->note && line->short_note && shape->has_long_note)
        shape->has_long_note = false;
    else if (has_bracket(line, shape))
        shape->has_bracket = false;
    else if (is_whole_without_lasted(line, shape, excess))
        shape->has_lasted = false;
    else if (line->short_aside && shape->has_short)
        shape->has_short = false;
    else if (why > WHY_TELLING)
        shape->cause = shortened(why, excess, WHY_TELLING);
    else if (line->count == 1 && name_chars(line, shape) > NAME_TELLING)
        shape->name = shortened(name_chars(line, shape), excess, NAME_TELLING);
    else if (why > WHY_LEAST)
        shape->cause = shortened(why, excess, WHY_LEAST);
    else if (why > 0)
        shape->cause = 0;
    else if (line->count == 1 && name_chars(line, shape) > NAME_LEAST)
        shape->name = shortened(name_chars(line, shape), excess, NAME_LEAST);
    else
        return false;
    return true;
}

static const char *note_of(const struct line *line, const struct shape *shape)
{
    return line->short_note && !shape->has_long_note ? line->short_note : line->note;
}

/* How many characters are left for what stands before the note. */
static size_t body_room(const struct line *line, const struct shape *shape, size_t max_chars)
{
    const char *note = note_of(line, shape);
    size_t note_chars = note ? strlen("; ") + utf8_count(slice_of(note)) : 0;
    return max_chars > note_chars ? max_chars - note_chars : 0;
}

void line_write(const struct line *line, size_t max_chars, struct strbuf *out)
{
    struct shape shape = { LINE_ASIDES, true, true, true, true, true, NAME_MOST, WHY_MOST };
    struct strbuf body = { 0 };
    assemble(line, &shape, &body);
    while (chars_of(&body) > body_room(line, &shape, max_chars) &&
           lessen(line, &shape, chars_of(&body) - body_room(line, &shape, max_chars)))
        assemble(line, &shape, &body);
    cut_chars(strbuf_text(&body), body_room(line, &shape, max_chars), out);
    if (line->note)
        strbuf_printf(out, "; %s", note_of(line, &shape));
    strbuf_free(&body);
}
