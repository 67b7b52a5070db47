/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/slice.h"

/*
 * A text that grows. Zero-initialise it and free it with strbuf_free. at is NULL until something is added, then ended by a NUL;
 * strbuf_text is never NULL. Running out of memory ends the process with a message, since nothing useful is left to do.
 */
struct strbuf {
    char *at;
    size_t len;
    size_t room;
};

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
__attribute__((cold, format(printf, 2, 3))) void strbuf_printf(struct strbuf *buf, const char *format, ...);
__attribute__((cold, format(printf, 2, 0))) void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args);
void strbuf_clear(struct strbuf *buf);
void strbuf_free(struct strbuf *buf);
const char *strbuf_text(const struct strbuf *buf);
struct slice strbuf_slice(const struct strbuf *buf);

/* Other memory; running out of it ends the process as well. */
void *must_alloc(size_t bytes);                        /* zeroed */
void *must_grow(void *old, size_t count, size_t size); /* to count elements of size bytes */
char *must_copy(const char *text, size_t len);         /* NUL-terminated */

/* Room for one more element in a list of count elements that only grows, by doubling: call it before each append. */
void *list_room(void *list, size_t count, size_t size);

#endif
