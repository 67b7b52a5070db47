/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "escape.h"

static const char *ascii_for(uint32_t point)
{
    switch (point) {
    case 0x2192: return "->";
    case 0x2713: return "+";
    case 0x2717: return "x";
    case 0x2013:
    case 0x2014: return "-";
    case 0x2026: return "...";
    case 0x2018:
    case 0x2019: return "'";
    case 0x201c:
    case 0x201d: return "\"";
    case 0xb7: return ".";
    default: return NULL;
    }
}

static const char *html_for(uint32_t point)
{
    switch (point) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* "\" stands before a visible escape, so a Markdown renderer must not swallow it. */
static void put_code(struct strbuf *out, const char *kind, unsigned value, int digits, enum escape_form form)
{
    strbuf_printf(out, "%s%s%0*x", form == ESCAPE_MARKDOWN ? "\\\\" : "\\", kind, digits, value);
}

static void point_put(struct strbuf *out, uint32_t point, struct slice bytes, enum escape_form form)
{
    const char *instead = form == ESCAPE_ASCII ? ascii_for(point) : form == ESCAPE_HTML ? html_for(point) : NULL;
    if (point == '\t' || point == '\n')
        strbuf_puts(out, " ");
    else if (instead)
        strbuf_puts(out, instead);
    else if (utf8_needs_escape(point) || (form == ESCAPE_ASCII && point > 0x7e))
        if (point < 0x100)
            put_code(out, "x", point, 2, form);
        else
            put_code(out, "u", point, 4, form);
    else if (form == ESCAPE_MARKDOWN && point < 0x80 && strchr("\\`*_[]<>#!|~&$", (int)point))
        strbuf_printf(out, point == '<' ? "&lt;" : point == '&' ? "&amp;" : "\\%c", (int)point);
    else
        strbuf_add(out, bytes.at, bytes.len);
}

/* Some renderers make a link of any address. */
static bool begins_address(struct slice text)
{
    return text.len >= 3 && memcmp(text.at, "://", 3) == 0;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n';
}

static size_t count_first(struct slice text, const char *bytes)
{
    size_t count = 0;
    while (count < text.len && text.at[count] && strchr(bytes, text.at[count]))
        count++;
    return count;
}

/*
 * Where a paragraph begins, blanks make code of it, "- x" or "1. x" an item, "---" or "===" a heading of what stands above. Puts
 * what of it stands at the beginning so that it is text, and returns the rest.
 */
static struct slice markdown_begin(struct strbuf *out, struct slice text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = (struct slice){ text.at + 1, text.len - 1 };
    size_t digits = count_first(text, "0123456789");
    struct slice rest = { text.at + digits, text.len - digits };
    size_t marks = digits ? count_first(rest, ".)") : count_first(rest, "-+=");
    if (marks == 0 || (marks < rest.len && !is_blank(rest.at[marks])))
        return text;
    strbuf_add(out, text.at, digits);
    strbuf_printf(out, "\\%c", rest.at[0]);
    return (struct slice){ rest.at + 1, rest.len - 1 };
}

void escape_put(struct strbuf *out, struct slice text, enum escape_form form)
{
    if (form == ESCAPE_MARKDOWN)
        text = markdown_begin(out, text);
    while (text.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(text, &point);
        if (used == 0) {
            put_code(out, "x", (unsigned char)text.at[0], 2, form);
            used = 1;
        } else {
            if (form == ESCAPE_MARKDOWN && begins_address(text))
                strbuf_puts(out, "\\");
            point_put(out, point, (struct slice){ text.at, used }, form);
        }
        text.at += used;
        text.len -= used;
    }
}

void escape_puts(struct strbuf *out, const char *text, enum escape_form form)
{
    if (text)
        escape_put(out, slice_of(text), form);
}
