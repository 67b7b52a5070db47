/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/utf8.h"

enum {
    LINE_MAX_CHARS = 76,  /* RFC 2045 and RFC 2047 */
    WORD_MAX_BYTES = 45,  /* of text in an encoded word: 60 characters in base64, 75 with what stands around them */
    PLAIN_MAX_CHARS = 60, /* of a word that is left as it is */
};

/* The text as valid UTF-8, each control character a blank. */
static void mail_clean(struct slice text, struct strbuf *out)
{
    text_add_valid(out, text.at, text.len);
    for (size_t i = 0; i < out->len; i++)
        if (iscntrl((unsigned char)out->at[i]))
            out->at[i] = ' ';
}

/* Returns true for ASCII of short words that cannot be taken for an encoded word. */
static bool mail_is_plain(const char *text)
{
    size_t word = 0;
    for (const char *at = text; *at != '\0'; at++) {
        word = *at == ' ' ? 0 : word + 1;
        if ((unsigned char)*at > '~' || word > PLAIN_MAX_CHARS)
            return false;
    }
    return !strstr(text, "=?");
}

static void mail_put_base64(const char *bytes, size_t len, struct strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        unsigned value = 0;
        for (size_t j = 0; j < 3; j++)
            value = value << 8 | (i + j < len ? (unsigned char)bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            strbuf_add(out, i + j <= len ? &digits[value >> (18 - 6 * j) & 63] : "=", 1);
    }
}

/* Encoded words, one a line. None ends inside a character, because each is decoded on its own. */
static void mail_put_encoded(const char *text, struct strbuf *out)
{
    for (size_t len = strlen(text); len > 0;) {
        size_t piece = len > WORD_MAX_BYTES ? utf8_floor(text, WORD_MAX_BYTES) : len;
        strbuf_puts(out, "=?utf-8?B?");
        mail_put_base64(text, piece, out);
        strbuf_puts(out, "?=");
        text += piece;
        len -= piece;
        strbuf_puts(out, len > 0 ? "\r\n " : "");
    }
}

/* Words, with a line end before each that would not fit. column is where the first one stands. */
static void mail_put_folded(const char *text, size_t column, struct strbuf *out)
{
    bool first = true;
    while (*text != '\0') {
        size_t blanks = strspn(text, " "), word = strcspn(text + blanks, " ");
        bool fold = !first && column + blanks + word > LINE_MAX_CHARS && word > 0;
        strbuf_puts(out, fold ? "\r\n" : "");
        column = fold ? 0 : column;
        strbuf_add(out, text, blanks + word);
        column += blanks + word;
        text += blanks + word;
        first = false;
    }
}

void mail_put_header(const char *name, const char *text, struct strbuf *out)
{
    struct strbuf clean = { 0 };
    mail_clean(slice_of(text), &clean);
    strbuf_printf(out, "%s: ", name);
    if (mail_is_plain(strbuf_text(&clean))) {
        mail_put_folded(strbuf_text(&clean), strlen(name) + 2, out);
    } else {
        strbuf_puts(out, "\r\n ");
        mail_put_encoded(strbuf_text(&clean), out);
    }
    strbuf_puts(out, "\r\n");
    strbuf_free(&clean);
}

void mail_put_display_name(struct slice name, struct strbuf *out)
{
    struct strbuf clean = { 0 };
    mail_clean(name, &clean);
    if (mail_is_plain(strbuf_text(&clean))) {
        strbuf_puts(out, "\"");
        for (const char *at = strbuf_text(&clean); *at != '\0'; at++) {
            strbuf_puts(out, strchr("\"\\", *at) ? "\\" : "");
            strbuf_add(out, at, 1);
        }
        strbuf_puts(out, "\"");
    } else {
        mail_put_encoded(strbuf_text(&clean), out);
    }
    strbuf_free(&clean);
}

void mail_put_quoted_printable(const char *text, struct strbuf *out)
{
    size_t column = 0;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool at_end = at[1] == '\n' || at[1] == '\0';
        bool plain = byte == ' ' ? !at_end : byte > ' ' && byte <= '~' && byte != '=';
        if (byte == '\n') {
            strbuf_puts(out, "\r\n");
            column = 0;
            continue;
        }
        if (column + (plain ? 1 : 3) > LINE_MAX_CHARS - 1) { /* the last place is for the "=" of a soft line end */
            strbuf_puts(out, "=\r\n");
            column = 0;
        }
        if (plain)
            strbuf_add(out, at, 1);
        else
            strbuf_printf(out, "=%02X", byte);
        column += plain ? 1 : 3;
    }
}

void mail_put_html(const char *text, struct strbuf *out)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': strbuf_puts(out, "&amp;"); break;
        case '<': strbuf_puts(out, "&lt;"); break;
        case '>': strbuf_puts(out, "&gt;"); break;
        case '"': strbuf_puts(out, "&quot;"); break;
        default: strbuf_add(out, text, 1); break;
        }
    }
}

void mail_put_date(int64_t ms, struct strbuf *out)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc = { 0 };
    gmtime_r(&seconds, &utc);
    strbuf_printf(out, "%s, %02d %s %d %02d:%02d:%02d +0000", days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon],
                  utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}
