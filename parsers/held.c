/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "held.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/budgets.h"

void held_free(struct held *held)
{
    strbuf_free(&held->lines);
}

void held_clear(struct held *held)
{
    strbuf_clear(&held->lines);
}

bool held_add(struct held *held, struct slice line, int64_t offset)
{
    if (line.len > 0 && memchr(line.at, '\0', line.len))
        return false;
    strbuf_printf(&held->lines, "%" PRId64 " ", offset);
    strbuf_add(&held->lines, line.at, line.len);
    strbuf_puts(&held->lines, "\n");
    return true;
}

bool held_next(struct slice *rest, struct slice *line, int64_t *offset)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    const char *space = end ? memchr(rest->at, ' ', (size_t)(end - rest->at)) : NULL;
    if (!space)
        return false;
    *offset = strtoll(rest->at, NULL, 10);
    *line = (struct slice){ space + 1, (size_t)(end - space - 1) };
    *rest = (struct slice){ end + 1, rest->len - (size_t)(end + 1 - rest->at) };
    return true;
}

void held_archive(struct held *held, struct archive *archive)
{
    char *text = held->lines.len > 0 ? must_copy(held->lines.at, held->lines.len) : NULL;
    archive_text(archive, "held", &text);
    if (archive_loading(archive)) {
        held_clear(held);
        if (text)
            strbuf_puts(&held->lines, text);
    }
    free(text);
}
