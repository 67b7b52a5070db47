/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/say.h"
#include "escape.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 120 };

static int width_detect(void)
{
    struct winsize size;
    long width = WIDTH_DEFAULT;
    const char *columns = getenv("COLUMNS");
    if (columns && *columns >= '1' && *columns <= '9')
        width = strtol(columns, NULL, 10);
    else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    return (int)(width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width);
}

struct terminal terminal_detect(void)
{
    setlocale(LC_CTYPE, "");
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (struct terminal){
        .width = width_detect(),
        .colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !(term && strcmp(term, "dumb") == 0),
        .is_tty = isatty(STDOUT_FILENO),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
    };
}

void terminal_escape(const struct terminal *terminal, struct strbuf *out, const char *text)
{
    escape_puts(out, text, terminal->utf8 ? ESCAPE_TEXT : ESCAPE_ASCII);
}

const char *terminal_glyph(const struct terminal *terminal, enum glyph glyph)
{
    static const struct {
        const char *utf8, *ascii;
    } glyphs[GLYPHS] = {
        [GLYPH_GOOD] = { "✓", "+" },   [GLYPH_BAD] = { "✗", "x" },    [GLYPH_WARNING] = { "▲", "!" },
        [GLYPH_BULLET] = { "•", "-" }, [GLYPH_ARROW] = { "→", "->" }, [GLYPH_RULE] = { "─", "-" },
        [GLYPH_RAIL] = { "│", "|" },   [GLYPH_NODE] = { "●", "*" },   [GLYPH_GAP] = { "·", "." },
        [GLYPH_SHADE] = { "▔", "=" },  [GLYPH_BAND] = { "░", "-" },   [GLYPH_ELLIPSIS] = { "…", "~" },
    };
    return terminal->utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

void terminal_say(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text)
{
    static const char *const codes[] = {
        [TONE_PLAIN] = "",        [TONE_BOLD] = "\033[1m",     [TONE_DIM] = "\033[2m",
        [TONE_GOOD] = "\033[32m", [TONE_WARNING] = "\033[33m", [TONE_CRITICAL] = "\033[1;31m",
    };
    bool toned = terminal->colour && tone != TONE_PLAIN;
    if (toned)
        strbuf_puts(out, codes[tone]);
    strbuf_puts(out, text);
    if (toned)
        strbuf_puts(out, "\033[0m");
}

void terminal_spaces(struct strbuf *out, int count)
{
    if (count > 0)
        strbuf_printf(out, "%*s", count, "");
}

void terminal_heading(const struct terminal *terminal, struct strbuf *out, const char *text)
{
    struct strbuf rule = { 0 };
    int columns = terminal->width - terminal_columns(text) - 1;
    strbuf_puts(&rule, " ");
    for (int i = 0; i < columns; i++)
        strbuf_puts(&rule, terminal_glyph(terminal, GLYPH_RULE));
    strbuf_puts(out, "\n");
    terminal_say(terminal, out, TONE_BOLD, text);
    terminal_say(terminal, out, TONE_DIM, strbuf_text(&rule));
    strbuf_puts(out, "\n");
    strbuf_free(&rule);
}

/* Takes the first character, or a byte that is none, off text. Returns the columns that it takes. */
static int take_character(struct slice *text)
{
    uint32_t point;
    size_t used = utf8_decode(*text, &point);
    int width = used && point > 0x7e ? wcwidth((wchar_t)point) : 1;

    used = used ? used : 1;
    *text = (struct slice){ text->at + used, text->len - used };
    return width < 0 ? 1 : width;
}

int terminal_columns(const char *text)
{
    struct slice rest = slice_of(text);
    int columns = 0;

    while (rest.len > 0)
        columns += take_character(&rest);
    return columns;
}

size_t terminal_fitting(const char *text, int columns)
{
    struct slice rest = slice_of(text);
    const char *end = text;

    while (rest.len > 0 && ((columns -= take_character(&rest)) >= 0 || end == text))
        end = rest.at;
    return (size_t)(end - text);
}

/* Where to break a text of which only the first bytes fit: at a space, else behind a mark within the word, else anywhere. */
static size_t wrap_place(const char *text, size_t fits)
{
    size_t space = fits, mark = fits;
    if (text[fits] == '\0')
        return fits;
    while (space > 0 && text[space] != ' ')
        space--;
    while (mark > 0 && !strchr("-_/.,:=", text[mark - 1]))
        mark--;
    return space > 0 ? space : mark > 0 ? mark : fits;
}

void terminal_wrap(const struct terminal *terminal, struct strbuf *out, enum tone tone, const char *text, int column,
                   int indent)
{
    struct strbuf line = { 0 };
    while (*text != '\0') {
        size_t fits = terminal_fitting(text, terminal->width - column > 16 ? terminal->width - column : 16);
        size_t take = wrap_place(text, fits);
        strbuf_clear(&line);
        strbuf_add(&line, text, take);
        terminal_say(terminal, out, tone, strbuf_text(&line));
        strbuf_puts(out, "\n");
        text += take;
        while (*text == ' ')
            text++;
        if (*text != '\0')
            terminal_spaces(out, indent);
        column = indent;
    }
    strbuf_free(&line);
}

bool terminal_print(const struct strbuf *out)
{
    if (fwrite(strbuf_text(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return true;
    say_error("standard output: %s", strerror(errno));
    return false;
}
