/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Set once at the start and read by every thread. */
static atomic_int verbose;

__attribute__((format(printf, 2, 0))) static void say_line(const char *prefix, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    struct strbuf line = { 0 };
    strbuf_puts(&line, prefix);
    text_add_visible(&line, text, strlen(text));
    strbuf_puts(&line, "\n");
    /* In one piece, because the sender's thread writes here as well. */
    fwrite(line.at, 1, line.len, stderr);
    strbuf_free(&line);
    free(text);
}

void say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: ", format, arguments);
    va_end(arguments);
}

void say_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: warning: ", format, arguments);
    va_end(arguments);
}

void say_info(const char *format, ...)
{
    if (!atomic_load(&verbose))
        return;
    va_list arguments;
    va_start(arguments, format);
    say_line("agent: ", format, arguments);
    va_end(arguments);
}

void say_verbose(int on)
{
    atomic_store(&verbose, on);
}
