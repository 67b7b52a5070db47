/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_READ_FILE_H
#define TESTS_READ_FILE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"

/* The whole of it, which must be readable. */
static inline void read_file(struct strbuf *out, const char *path)
{
    char chunk[4096];
    size_t got;
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        abort();
    }
    strbuf_puts(out, "");
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        strbuf_add(out, chunk, got);
    fclose(file);
}

#endif
