/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>

#include "base/strbuf.h"

/*
 * Reads an INI file with libinih, and adds what libinih does not tell: the line of each entry, every syntax error rather than only the
 * first, and sections without entries. The functions are called in the order of the file.
 */
struct config_file_sink {
    void *ctx;
    void (*section)(void *ctx, const char *section,
                    int line); /* NULL: the name cannot be read, and the error was called before */
    void (*entry)(void *ctx, const char *section, const char *name, const char *value, int line);
    void (*error)(void *ctx, int line, const char *why);
};

void config_file_parse(struct slice text, const struct config_file_sink *sink);

#endif
