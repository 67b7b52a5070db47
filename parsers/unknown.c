/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unknown.h"

#include "base/utf8.h"

enum { FIRST_MAX_BYTES = 160, LOGGER_MAX_BYTES = 60 };

/* A line that is not understood may have any bytes, and people read it on a terminal. */
static void add_printable(const struct strbuf *text, struct strbuf *out)
{
    for (size_t at = 0; at < text->len;) {
        uint32_t point = 0;
        size_t len = utf8_decode((struct slice){ text->at + at, text->len - at }, &point);
        bool printable = len > 0 && point >= 0x20 && (point < 0x7f || point >= 0xa0);
        strbuf_add(out, printable ? text->at + at : "?", printable ? len : 1);
        at += len > 0 ? len : 1;
    }
}

/* Nothing but a copy is made here, since there is such a line in each cycle of a log with lines of others. */
static void keep_text(struct strbuf *out, struct slice text, size_t most)
{
    strbuf_clear(out);
    strbuf_add(out, text.at, text.len < most ? text.len : utf8_floor(text.at, most));
}

void unknown_keep(struct unknown *unknown, struct slice line, const struct record *record)
{
    unknown->form = record->form;
    unknown->own = record->own;
    unknown->is_rule = record->form != RECORD_NONE && record_is_rule(record);
    keep_text(&unknown->first, line, FIRST_MAX_BYTES);
    keep_text(&unknown->logger, record->form == RECORD_NONE ? (struct slice){ "", 0 } : record->logger,
              LOGGER_MAX_BYTES);
}

void unknown_describe(const struct unknown *unknown, const struct record_format *format, struct strbuf *out)
{
    strbuf_puts(out, "the first is \"");
    add_printable(&unknown->first, out);
    strbuf_puts(out, "\": ");
    if (unknown->form == RECORD_NONE && format->prefix)
        strbuf_puts(out, "the record pattern of the patterns file does not match it");
    else if (unknown->form == RECORD_NONE)
        strbuf_puts(out, "it does not begin like \"2026-02-12 19:34:58,462 - __main__ - INFO - \"");
    else if (!unknown->own) {
        strbuf_puts(out, "its logger is ");
        add_printable(&unknown->logger, out);
        strbuf_printf(out, ", and the scheduler's is %s ([log] patterns can name another)", format->logger);
    } else
        strbuf_puts(out, "no pattern takes it, such as \"OFFLOAD CYCLE STARTED\"; or its time is not believed");
}

void unknown_free(struct unknown *unknown)
{
    strbuf_free(&unknown->first);
    strbuf_free(&unknown->logger);
}
