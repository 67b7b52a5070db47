/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
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

struct face face_detect(void)
{
    setlocale(LC_CTYPE, "");
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (struct face){
        .width = width_detect(),
        .colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !(terminal && strcmp(terminal, "dumb") == 0),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
    };
}

const char *face_glyph(const struct face *face, enum glyph glyph)
{
    static const struct {
        const char *utf8, *ascii;
    } glyphs[GLYPHS] = {
        [GLYPH_GOOD] = { "✓", "+" },   [GLYPH_BAD] = { "✗", "x" },    [GLYPH_WARNING] = { "▲", "!" },
        [GLYPH_BULLET] = { "•", "-" }, [GLYPH_ARROW] = { "→", "->" }, [GLYPH_RULE] = { "─", "-" },
        [GLYPH_RAIL] = { "│", "|" },   [GLYPH_NODE] = { "●", "*" },   [GLYPH_GAP] = { "·", "." },
        [GLYPH_SHADE] = { "▔", "=" },  [GLYPH_BAND] = { "░", "-" },   [GLYPH_ELLIPSIS] = { "…", "~" },
    };
    return face->utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

int64_t face_now_ms(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    if (epoch && *epoch) {
        long long seconds = strtoll(epoch, &end, 10);
        if (*end == '\0')
            return (int64_t)seconds * 1000;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void face_say(const struct face *face, struct strbuf *out, enum tone tone, const char *text)
{
    static const char *const codes[] = {
        [TONE_PLAIN] = "",        [TONE_BOLD] = "\033[1m",     [TONE_DIM] = "\033[2m",
        [TONE_GOOD] = "\033[32m", [TONE_WARNING] = "\033[33m", [TONE_CRITICAL] = "\033[1;31m",
    };
    bool toned = face->colour && tone != TONE_PLAIN;
    if (toned)
        strbuf_puts(out, codes[tone]);
    strbuf_puts(out, text);
    if (toned)
        strbuf_puts(out, "\033[0m");
}

void face_spaces(struct strbuf *out, int count)
{
    if (count > 0)
        strbuf_printf(out, "%*s", count, "");
}

void face_heading(const struct face *face, struct strbuf *out, const char *text)
{
    struct strbuf rule = { 0 };
    int columns = face->width - face_columns(text) - 1;
    strbuf_puts(&rule, " ");
    for (int i = 0; i < columns; i++)
        strbuf_puts(&rule, face_glyph(face, GLYPH_RULE));
    strbuf_puts(out, "\n");
    face_say(face, out, TONE_BOLD, text);
    face_say(face, out, TONE_DIM, strbuf_text(&rule));
    strbuf_puts(out, "\n");
    strbuf_free(&rule);
}

int face_columns(const char *text)
{
    int columns = 0;
    struct slice rest = slice_of(text);
    while (rest.len > 0) {
        uint32_t point;
        size_t used = utf8_decode(rest, &point);
        int width = used && point > 0x7e ? wcwidth((wchar_t)point) : 1;
        columns += width < 0 ? 1 : width;
        used = used ? used : 1;
        rest.at += used;
        rest.len -= used;
    }
    return columns;
}

/* Bytes of text that fit into room columns, at least one character. */
static size_t fitting_bytes(const char *text, int room)
{
    size_t bytes = 0;
    int columns = 0;
    while (text[bytes] != '\0') {
        uint32_t point;
        size_t used = utf8_decode(slice_of(text + bytes), &point);
        int width = used && point > 0x7e ? wcwidth((wchar_t)point) : 1;
        columns += width < 0 ? 1 : width;
        if (columns > room && bytes > 0)
            break;
        bytes += used ? used : 1;
    }
    return bytes;
}

void face_wrap(const struct face *face, struct strbuf *out, enum tone tone, const char *text, int column, int indent)
{
    struct strbuf line = { 0 };
    while (*text != '\0') {
        size_t fits = fitting_bytes(text, face->width - column > 16 ? face->width - column : 16);
        size_t take = fits;
        if (text[fits] != '\0') {
            while (take > 0 && text[take] != ' ')
                take--;
            if (take == 0)
                take = fits;
        }
        strbuf_clear(&line);
        strbuf_add(&line, text, take);
        face_say(face, out, tone, strbuf_text(&line));
        strbuf_puts(out, "\n");
        text += take;
        while (*text == ' ')
            text++;
        if (*text != '\0')
            face_spaces(out, indent);
        column = indent;
    }
    strbuf_free(&line);
}

void face_duration(struct strbuf *out, int64_t ms)
{
    long long seconds = (ms + 500) / 1000, minutes = (ms + 30000) / 60000, hours = (ms + 1800000) / 3600000;
    if (ms < 0) {
        strbuf_puts(out, "-");
        face_duration(out, -ms);
    } else if (ms < 59950) {
        strbuf_printf(out, ms % 1000 ? "%.1f s" : "%.0f s", (double)ms / 1000.0);
    } else if (seconds < 600) {
        strbuf_printf(out, seconds % 60 ? "%lld min %02lld s" : "%lld min", seconds / 60, seconds % 60);
    } else if (minutes < 60) {
        strbuf_printf(out, "%lld min", minutes);
    } else if (minutes < 24 * 60) {
        strbuf_printf(out, minutes % 60 ? "%lld h %02lld min" : "%lld h", minutes / 60, minutes % 60);
    } else {
        strbuf_printf(out, hours % 24 ? "%lld d %lld h" : "%lld d", hours / 24, hours % 24);
    }
}

void face_count(struct strbuf *out, int64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)count);
    for (int i = 0; i < len; i++) {
        bool groups = i > (digits[0] == '-') && (len - i) % 3 == 0;
        strbuf_printf(out, groups ? ",%c" : "%c", digits[i]);
    }
}

static struct tm local_time(int64_t ms)
{
    struct tm local;
    time_t seconds = (time_t)(ms / 1000);
    localtime_r(&seconds, &local);
    return local;
}

int face_offset(int64_t ms)
{
    return (int)(local_time(ms).tm_gmtoff / 60);
}

void face_offset_words(struct strbuf *out, int offset)
{
    int minutes = offset < 0 ? -offset : offset;
    strbuf_printf(out, "UTC%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void offset_put(struct strbuf *out, const struct tm *local, int said_offset)
{
    if (local->tm_gmtoff / 60 == said_offset)
        return;
    strbuf_puts(out, " ");
    face_offset_words(out, (int)(local->tm_gmtoff / 60));
}

void face_time(struct strbuf *out, int64_t ms, int said_offset)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                  local.tm_hour, local.tm_min, local.tm_sec);
    offset_put(out, &local, said_offset);
}

void face_minute(struct strbuf *out, int64_t ms)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%04d-%02d-%02d %02d:%02d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                  local.tm_min);
}

void face_clock(struct strbuf *out, int64_t ms, int said_offset)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
    offset_put(out, &local, said_offset);
}

void face_date(struct strbuf *out, int64_t ms)
{
    char month[32], weekday[16];
    struct tm local = local_time(ms);
    strftime(month, sizeof month, "%B", &local);
    strftime(weekday, sizeof weekday, "%A", &local);
    strbuf_printf(out, "%s %d %s %d", weekday, local.tm_mday, month, local.tm_year + 1900);
}

int64_t face_day(int64_t ms)
{
    struct tm local = local_time(ms);
    return (int64_t)local.tm_year * 366 + local.tm_yday;
}

bool face_print(const struct strbuf *out)
{
    if (fwrite(strbuf_text(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return true;
    say_error("standard output: %s", strerror(errno));
    return false;
}

void *list_room(void *list, size_t count, size_t size)
{
    /* The room is always the next power of two. */
    if (count == 0)
        return must_grow(list, 1, size);
    return (count & (count - 1)) == 0 ? must_grow(list, count * 2, size) : list;
}
