/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "first_line.h"

#include <ctype.h>
#include <string.h>

/* The number of bytes of the time of day at the text's beginning, "10:00", "Mon 10:00" or "3 Mar 10:00"; 0 if there is none. */
static size_t clock_length(const char *text)
{
    size_t at = 0;
    for (int words = 0; words < 3; words++) {
        const char *word = text + at;
        if (isdigit((unsigned char)word[0]) && isdigit((unsigned char)word[1]) && word[2] == ':' &&
            isdigit((unsigned char)word[3]) && isdigit((unsigned char)word[4]))
            return at + 5;
        size_t len = strcspn(word, " ");
        if (len == 0 || len > 3 || word[len] != ' ')
            return 0;
        at += len + 1;
    }
    return 0;
}

void first_line_as_of(const char *line, int64_t onset_ms, int64_t now_ms, clock_words *words_of, struct strbuf *out)
{
    static const char since[] = "since ";
    char words[CLOCK_WORDS_BYTES];
    for (const char *at = strstr(line, since); at; at = strstr(at, since)) {
        at += sizeof since - 1;
        size_t len = clock_length(at);
        if (len == 0)
            continue;
        words_of(onset_ms, now_ms, words);
        strbuf_add(out, line, (size_t)(at - line));
        strbuf_printf(out, "%s (", words);
        duration_words(now_ms - onset_ms, out);
        strbuf_printf(out, ")%s", at + len);
        return;
    }
    strbuf_puts(out, line);
}
