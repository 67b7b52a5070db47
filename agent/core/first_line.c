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

int64_t incident_lasted_ms(int64_t onset_ms, int64_t resolved_ms, int64_t as_of_ms)
{
    return elapsed_ms(onset_ms, resolved_ms ? resolved_ms : as_of_ms);
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
        duration_words(incident_lasted_ms(onset_ms, 0, now_ms), out);
        strbuf_printf(out, ")%s", at + len);
        return;
    }
    strbuf_puts(out, line);
}

void first_line_whole(const char *line, const char *cause, struct strbuf *out)
{
    static const char ELLIPSIS[] = "…";
    const char *cut = cause ? strstr(line, ELLIPSIS) : NULL;
    for (const char *at = cut ? strstr(line, ", ") : NULL; at && at < cut; at = strstr(at, ", ")) {
        at += strlen(", ");
        if (at >= cut || strncmp(at, cause, (size_t)(cut - at)) != 0)
            continue;
        strbuf_add(out, line, (size_t)(at - line));
        strbuf_printf(out, "%s%s", cause, cut + sizeof ELLIPSIS - 1);
        return;
    }
    strbuf_puts(out, line);
}

bool first_line_cause_tells(const char *cause)
{
    return cause && strncmp(cause, CAUSE_NOT_SAID, sizeof CAUSE_NOT_SAID - 1) != 0;
}

void first_line_named(const char *line, const char *cause, int64_t onset_ms, int64_t now_ms, clock_words *words_of,
                      struct strbuf *out)
{
    static const char NO_DATA[] = "no new data for ", SINCE[] = " since ";
    const char *what = strncmp(line, NO_DATA, sizeof NO_DATA - 1) == 0 ? line + sizeof NO_DATA - 1 : NULL;
    const char *since = what ? strstr(what, SINCE) : NULL;
    size_t len = since ? clock_length(since + sizeof SINCE - 1) : 0;
    if (len == 0) {
        struct strbuf whole = { 0 };
        first_line_whole(line, cause, &whole);
        first_line_as_of(strbuf_text(&whole), onset_ms, now_ms, words_of, out);
        strbuf_free(&whole);
        return;
    }
    if (first_line_cause_tells(cause))
        strbuf_printf(out, "%s: ", cause);
    strbuf_add(out, what, (size_t)(since - what));
    strbuf_puts(out, " without new data for ");
    duration_words(incident_lasted_ms(onset_ms, 0, now_ms), out);
    if (!cause)
        strbuf_puts(out, since + sizeof SINCE - 1 + len);
    else if (!first_line_cause_tells(cause))
        strbuf_puts(out, ", " CAUSE_NOT_SAID);
}
