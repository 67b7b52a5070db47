/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM_FIRST = 64 };

_Noreturn static void out_of_memory(void)
{
    fputs("agent: out of memory\n", stderr);
    abort();
}

void *must_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *must_grow(void *old, size_t count, size_t size)
{
    void *memory = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

char *must_copy(const char *text, size_t len)
{
    if (len == SIZE_MAX)
        out_of_memory();
    char *copy = must_alloc(len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

void *list_room(void *list, size_t count, size_t size)
{
    /* The room is always the next power of two. */
    if (count == 0)
        return must_grow(list, 1, size);
    return (count & (count - 1)) == 0 ? must_grow(list, count * 2, size) : list;
}

/* Makes sure that len more bytes and the final NUL have room. */
static void strbuf_reserve(struct strbuf *buf, size_t len)
{
    if (len >= SIZE_MAX / 2 - buf->len)
        out_of_memory();
    size_t needed = buf->len + len + 1;
    if (needed <= buf->room)
        return;
    size_t room = buf->room ? buf->room : ROOM_FIRST;
    while (room < needed)
        room *= 2;
    buf->at = must_grow(buf->at, room, 1);
    buf->room = room;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
    strbuf_reserve(buf, len);
    if (len > 0)
        memcpy(buf->at + buf->len, bytes, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    strbuf_reserve(buf, 0);
    int len = vsnprintf(buf->at + buf->len, buf->room - buf->len, format, args);
    if (len < 0)
        out_of_memory();
    if ((size_t)len >= buf->room - buf->len) {
        strbuf_reserve(buf, (size_t)len);
        vsnprintf(buf->at + buf->len, buf->room - buf->len, format, again);
    }
    buf->len += (size_t)len;
    va_end(again);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strbuf_vprintf(buf, format, args);
    va_end(args);
}

void strbuf_clear(struct strbuf *buf)
{
    buf->len = 0;
    if (buf->at)
        buf->at[0] = '\0';
}

void strbuf_free(struct strbuf *buf)
{
    free(buf->at);
    *buf = (struct strbuf){ 0 };
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->at ? buf->at : "";
}

struct slice strbuf_slice(const struct strbuf *buf)
{
    return (struct slice){ strbuf_text(buf), buf->len };
}
