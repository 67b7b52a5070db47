/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/budgets.h"
#include "frame_private.h"
#include "timestamp.h"

/*
 * Docker's json-file: one object a line. It is read here and not by SQLite's JSON functions (base/json.h), because SQLite ends a text at
 * \u0000, and because of a text of any length only the beginning may be made. Nothing is allocated but the text's first bytes.
 */

enum { FRAME_DEPTH_MAX = 16, HEX_DIGITS = 4 };

struct json_cursor {
    const char *at, *end;
};

static void json_skip_space(struct json_cursor *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\r' || *in->at == '\n'))
        in->at++;
}

/* Takes one byte that must be there, and the space before it. */
static bool json_take_byte(struct json_cursor *in, char wanted)
{
    json_skip_space(in);
    if (in->at == in->end || *in->at != wanted)
        return false;
    in->at++;
    return true;
}

/* Takes a string, as it is written between its quotes. */
static bool json_take_string(struct json_cursor *in, struct slice *text)
{
    if (!json_take_byte(in, '"'))
        return false;
    const char *from = in->at;
    for (; in->at < in->end; in->at++) {
        if (*in->at == '"') {
            *text = (struct slice){ from, (size_t)(in->at++ - from) };
            return true;
        }
        if ((unsigned char)*in->at < ' ')
            return false;
        if (*in->at == '\\' && ++in->at == in->end)
            return false;
    }
    return false;
}

/* Takes a number, true, false or null: its letters are not looked at, since nobody reads the value. */
static bool json_take_literal(struct json_cursor *in)
{
    const char *from = in->at;
    while (in->at < in->end &&
           ((*in->at >= '0' && *in->at <= '9') || (*in->at >= 'a' && *in->at <= 'z') || strchr("+-.E", *in->at)))
        in->at++;
    return in->at > from;
}

static bool pass_value(struct json_cursor *in, int depth);

/* Passes over the members of an object, or the elements of a list, up to the bracket that ends it. */
static bool pass_members(struct json_cursor *in, char end, int depth)
{
    struct slice key;
    if (json_take_byte(in, end))
        return true;
    do {
        if (end == '}' && !(json_take_string(in, &key) && json_take_byte(in, ':')))
            return false;
        if (!pass_value(in, depth + 1))
            return false;
    } while (json_take_byte(in, ','));
    return json_take_byte(in, end);
}

static bool pass_value(struct json_cursor *in, int depth)
{
    struct slice text;
    json_skip_space(in);
    if (in->at == in->end || depth > FRAME_DEPTH_MAX)
        return false;
    if (*in->at == '"')
        return json_take_string(in, &text);
    if (*in->at != '{' && *in->at != '[')
        return json_take_literal(in);
    char end = *in->at++ == '{' ? '}' : ']';
    return pass_members(in, end, depth);
}

/* --- the text of a string -------------------------------------------------------------------------------------- */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Reads "XXXX" behind "\u"; -1 if these are not four hexadecimal digits. */
static int32_t unit_at(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < HEX_DIGITS)
        return -1;
    for (int i = 0; i < HEX_DIGITS; i++) {
        int value = hex_value(at[i]);
        if (value < 0)
            return -1;
        unit = unit * 16 + value;
    }
    return unit;
}

static void add_utf8(struct strbuf *out, uint32_t point)
{
    char bytes[4];
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char FIRST[5] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3F));
    bytes[0] = (char)(FIRST[len] | point);
    strbuf_add(out, bytes, len);
}

/* Takes "\uXXXX", and the second half of a surrogate pair. A half without the other becomes U+FFFD, as in Go and in browsers. */
static bool add_unicode(struct json_cursor *in, struct strbuf *out)
{
    int32_t unit = unit_at(in->at, in->end);
    if (unit < 0)
        return false;
    in->at += HEX_DIGITS;
    if (unit < 0xD800 || unit > 0xDFFF) {
        add_utf8(out, (uint32_t)unit);
        return true;
    }
    bool escape_follows = in->end - in->at >= 2 && in->at[0] == '\\' && in->at[1] == 'u';
    int32_t low = unit < 0xDC00 && escape_follows ? unit_at(in->at + 2, in->end) : -1;
    bool is_pair = low >= 0xDC00 && low <= 0xDFFF;
    add_utf8(out, is_pair ? 0x10000 + (((uint32_t)unit - 0xD800) << 10) + ((uint32_t)low - 0xDC00) : 0xFFFD);
    in->at += is_pair ? 2 + HEX_DIGITS : 0;
    return true;
}

/* Takes the escape behind a backslash. */
static bool json_add_escape(struct json_cursor *in, struct strbuf *out)
{
    static const char NAMES[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";
    char name = *in->at++;
    if (name == 'u')
        return add_unicode(in, out);
    const char *found = memchr(NAMES, name, sizeof NAMES - 1);
    if (found)
        strbuf_add(out, &MEANT[found - NAMES], 1);
    return found != NULL;
}

/* Appends what a string means, until there are more than most bytes. Returns false if it holds an escape that JSON does not know. */
static bool add_text(struct slice written, size_t most, struct strbuf *out)
{
    struct json_cursor in = { written.at, written.at + written.len };
    while (in.at < in.end && out->len <= most) {
        const char *escape = memchr(in.at, '\\', (size_t)(in.end - in.at));
        size_t plain = (size_t)((escape ? escape : in.end) - in.at);
        size_t room = most + 1 - out->len;
        strbuf_add(out, in.at, plain < room ? plain : room);
        in.at += plain;
        if (!escape || plain >= room)
            continue;
        in.at++;
        if (!json_add_escape(&in, out))
            return false;
    }
    return true;
}

/* Whether the text ends with a line break: with "\n" whose backslash is not itself escaped. */
static bool ends_line(struct slice written)
{
    size_t backslashes = 0;
    if (written.len < 2 || written.at[written.len - 1] != 'n')
        return false;
    while (backslashes < written.len - 1 && written.at[written.len - 2 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* --- the object ------------------------------------------------------------------------------------------------ */

struct docker_keys {
    struct slice log, stream, time; /* as written; at is NULL where the key is not there */
};

static bool take_member(struct json_cursor *in, struct docker_keys *keys)
{
    struct slice key;
    if (!json_take_string(in, &key) || !json_take_byte(in, ':'))
        return false;
    if (slice_equals(key, "log"))
        return json_take_string(in, &keys->log);
    if (slice_equals(key, "stream"))
        return json_take_string(in, &keys->stream);
    if (slice_equals(key, "time"))
        return json_take_string(in, &keys->time);
    return pass_value(in, 1);
}

static bool take_object(struct json_cursor *in, struct docker_keys *keys)
{
    if (!json_take_byte(in, '{'))
        return false;
    do {
        if (!take_member(in, keys))
            return false;
    } while (json_take_byte(in, ','));
    if (!json_take_byte(in, '}'))
        return false;
    json_skip_space(in);
    return in->at == in->end;
}

static bool read_object(struct slice line, struct docker_keys *keys)
{
    struct json_cursor in = { line.at, line.at + line.len };
    *keys = (struct docker_keys){ 0 };
    return line.len > 0 && take_object(&in, keys) && keys->log.at;
}

/*
 * Whether what stands in front of a frame can be the rest of another one, or NULs. Anything else is no line of Docker's: there the frame could
 * be a text that a job printed.
 */
static bool is_rest_of_frame(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at < ' ')
        at++;
    return at == end || *at == '{';
}

/*
 * After a power cut a line may begin with what was left of another frame, or with NULs where its text should be. The frame that was
 * written behind them is whole.
 */
static bool read_last_object(struct slice line, struct docker_keys *keys)
{
    static const char BEGIN[] = "{\"log\":\"";
    const char *at = line.at, *last = NULL, *end = line.at + line.len;
    while (at && (at = memmem(at, (size_t)(end - at), BEGIN, sizeof BEGIN - 1)) != NULL)
        last = at++;
    return last && last > line.at && is_rest_of_frame(line.at, last) &&
           read_object((struct slice){ last, (size_t)(end - last) }, keys);
}

bool frame_read_docker(struct slice line, struct strbuf *scratch, struct frame *frame)
{
    struct docker_keys keys;
    if (!read_object(line, &keys) && !read_last_object(line, &keys))
        return false;
    frame->is_part = !ends_line(keys.log);
    keys.log.len -= frame->is_part ? 0 : 2;
    strbuf_clear(scratch);
    if (!add_text(keys.log, LINE_MAX_BYTES, scratch))
        return false;
    frame->text = (struct slice){ strbuf_text(scratch), scratch->len };
    frame->len = keys.log.len > frame->text.len ? keys.log.len : frame->text.len;
    frame->stream = keys.stream.at && slice_equals(keys.stream, "stdout") ? FRAME_STDOUT : FRAME_STDERR;
    if (!keys.time.at || timestamp_read_utc(keys.time.at, keys.time.len, &frame->written_ms) == 0)
        frame->written_ms = 0;
    frame->is_docker = true;
    return true;
}
