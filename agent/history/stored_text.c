/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "base/archive.h"
#include "history_private.h"
#include "reader.h"

/*
 * How the texts of the saved state stand in their rows. SQLite has no checksums: a bit that the disk has turned shows only where it breaks the
 * structure of a page. So a brief text, in which every character counts, stands behind a line with its sum.
 *
 * When a new value has the length of the old one, SQLite writes it in place, and only the pages that differ go into the WAL. Else it frees the
 * old value's pages and takes others. So a text that ends with a newline is filled with newlines up to whole blocks, which makes a commit
 * a third smaller.
 */
enum { STATE_BLOCK_BYTES = 64, SUM_NAME_LEN = 4, SUM_LINE_LEN = 21 };
static const char sum_name[] = "sum ";

/* The same on every machine, and eight characters at a time, because a start reads megabytes. */
static uint64_t sum_mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ le64toh(word)) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 32;
}

static uint64_t sum_of(struct slice text)
{
    uint64_t sum = sum_mix(0, htole64(text.len)), word;
    size_t at = 0;
    for (; at + sizeof word <= text.len; at += sizeof word) {
        memcpy(&word, text.at + at, sizeof word);
        sum = sum_mix(sum, word);
    }
    word = 0;
    memcpy(&word, text.at + at, text.len - at);
    return sum_mix(sum, word);
}

struct slice history_column(sqlite3_stmt *row, int column)
{
    const char *text = reader_text(row, column);
    return (struct slice){ text, (size_t)sqlite3_column_bytes(row, column) };
}

void history_stored_text(const struct strbuf *value, struct strbuf *out)
{
    strbuf_clear(out);
    if (archive_is_brief(strbuf_slice(value)))
        strbuf_printf(out, "%s%016" PRIx64 "\n", sum_name, sum_of(strbuf_slice(value)));
    strbuf_add(out, strbuf_text(value), value->len);
    while (out->len > 0 && out->at[out->len - 1] == '\n' && out->len % STATE_BLOCK_BYTES != 0)
        strbuf_add(out, "\n", 1);
}

/* Whether the line before a text holds its sum. */
static bool is_sum(const char *line, uint64_t sum)
{
    static const char digits[] = "0123456789abcdef";
    bool is = memcmp(line, sum_name, SUM_NAME_LEN) == 0 && line[SUM_LINE_LEN - 1] == '\n';
    for (int i = SUM_LINE_LEN - 2; i >= SUM_NAME_LEN; i--, sum >>= 4)
        is = is && line[i] == digits[sum & 15];
    return is;
}

bool history_read_text(struct slice stored, struct slice *text)
{
    struct slice value = stored;
    while (value.len > 1 && value.at[value.len - 1] == '\n' && value.at[value.len - 2] == '\n')
        value.len--;
    *text = value;
    if (value.len < SUM_LINE_LEN)
        return true;
    struct slice behind = { value.at + SUM_LINE_LEN, value.len - SUM_LINE_LEN };
    bool has_sum = memcmp(value.at, sum_name, SUM_NAME_LEN) == 0;
    if (!has_sum && !archive_is_brief(behind))
        return !archive_is_brief(value); /* of an older version, or no archive at all */
    *text = behind;
    return is_sum(value.at, sum_of(behind));
}
