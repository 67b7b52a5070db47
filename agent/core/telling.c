/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "telling.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char SPACES[] = " \t\r\n";

static bool begins_with(struct slice text, const char *beginning)
{
    size_t len = strlen(beginning);
    return text.len >= len && memcmp(text.at, beginning, len) == 0;
}

static struct slice from(struct slice text, size_t bytes)
{
    return (struct slice){ text.at + bytes, text.len - bytes };
}

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && strchr(SPACES, text.at[0]))
        text = from(text, 1);
    while (text.len > 0 && strchr(SPACES, text.at[text.len - 1]))
        text.len--;
    return text;
}

/* The next word, taken off the text; its length is 0 at the end. */
static struct slice telling_word(struct slice *text)
{
    *text = trimmed(*text);
    struct slice word = { text->at, 0 };
    while (word.len < text->len && !strchr(SPACES, word.at[word.len]))
        word.len++;
    *text = from(*text, word.len);
    return word;
}

/* --- the head of a record ------------------------------------------------------------------------------------------- */

enum level { LEVEL_NONE, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };

static enum level level_of(struct slice word)
{
    static const struct {
        const char *name;
        enum level level;
    } levels[] = {
        { "DEBUG", LEVEL_INFO },     { "INFO", LEVEL_INFO },       { "TRACE", LEVEL_INFO },
        { "WARN", LEVEL_WARNING },   { "WARNING", LEVEL_WARNING }, { "ERROR", LEVEL_ERROR },
        { "CRITICAL", LEVEL_ERROR }, { "FATAL", LEVEL_ERROR },     { "SEVERE", LEVEL_ERROR },
    };
    while (word.len > 0 && strchr("[]:", word.at[word.len - 1]))
        word.len--;
    while (word.len > 0 && word.at[0] == '[')
        word = from(word, 1);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (slice_equals(word, levels[i].name))
            return levels[i].level;
    return LEVEL_NONE;
}

static bool is_stamp(struct slice word)
{
    size_t digits = 0;
    for (size_t i = 0; i < word.len; i++)
        digits += isdigit((unsigned char)word.at[i]) != 0;
    return digits >= 4 && digits * 2 >= word.len;
}

/* Looks past "2026-03-03 10:15:02,743 - name - LEVEL - " and Spark's "26/03/03 10:15:02 LEVEL name: ". */
static struct slice body_of(struct slice line, enum level *level)
{
    enum { HEAD_WORDS = 7 };
    struct slice rest = trimmed(line), ahead = rest;
    *level = LEVEL_NONE;
    for (int i = 0; i < HEAD_WORDS; i++) {
        struct slice word = telling_word(&ahead);
        enum level found = level_of(word);
        /* Without a date in front of it, only the first word is a level. */
        if (found != LEVEL_NONE) {
            *level = found;
            rest = trimmed(ahead);
            if (begins_with(rest, "- "))
                rest = trimmed(from(rest, 2));
            break;
        }
        if (i == 0 && !is_stamp(word))
            break;
    }
    return rest;
}

static struct slice without_label(struct slice text)
{
    static const char LABEL[] = "Stderr:";
    return begins_with(text, LABEL) ? trimmed(from(text, sizeof LABEL - 1)) : text;
}

/* --- what a line is ------------------------------------------------------------------------------------------------- */

static bool is_bar(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (isalnum((unsigned char)text.at[i]) || (unsigned char)text.at[i] >= 0x80)
            return false;
    return true;
}

/* Of a stack: "at a.b.C(D.java:1)", "File "x.py", line 3, in f", "... 37 more", and the line that announces it. */
static bool is_frame(struct slice text, bool is_indented)
{
    return begins_with(text, "Traceback (most recent call last)") || begins_with(text, "... ") ||
           (begins_with(text, "at ") && memchr(text.at, '(', text.len)) || begins_with(text, "File \"") ||
           begins_with(text, "During handling of the above exception") ||
           begins_with(text, "The above exception was the direct cause") || (is_indented && is_bar(text));
}

static bool word_is_any(struct slice word, const char *const *words)
{
    for (; *words; words++) {
        size_t i = 0;
        while (i < word.len && (*words)[i] && tolower((unsigned char)word.at[i]) == (*words)[i])
            i++;
        if (i == word.len && !(*words)[i])
            return true;
    }
    return false;
}

/* "✗ Offload failed: trades": it says that the job failed, and for which table, but not why. */
static bool only_failed(struct slice text)
{
    static const char *const filler[] = { "offload", "job",     "run", "task", "with", "exit",     "code", "status",
                                          "command", "process", "the", "for",  "of",   "returned", NULL };
    static const char *const failed[] = { "failed", "failure", "fails", NULL };
    bool says_failed = false;
    size_t others = 0;
    struct slice word;
    while ((word = telling_word(&text)).len > 0) {
        bool is_number = isdigit((unsigned char)word.at[0]) != 0;
        while (word.len > 0 && strchr(":.,!", word.at[word.len - 1]))
            word.len--;
        if (word_is_any(word, failed))
            says_failed = true;
        else if (!is_number && !is_bar(word) && (unsigned char)word.at[0] < 0x80 && !word_is_any(word, filler))
            others++;
    }
    return says_failed && others <= 1; /* the one is the table */
}

/* "java.net.ConnectException: ...", "Caused by: ...", "Code: 210. DB::NetException: ..." */
static bool is_exception(struct slice text)
{
    if (begins_with(text, "Caused by:") || begins_with(text, "[Errno ") || begins_with(text, "Code: "))
        return true;
    struct slice word = telling_word(&text);
    static const char *const ends[] = { "Exception", "Error", "Exit", "Interrupt" };
    while (word.len > 0 && word.at[word.len - 1] == ':')
        word.len--;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t len = strlen(ends[i]);
        if (word.len > len && memcmp(word.at + word.len - len, ends[i], len) == 0)
            return true;
    }
    return false;
}

/* The scheduler's record may hold one of the job behind its "Stderr: ", whose level then counts. */
static struct slice body_and_level(struct slice line, enum level *level)
{
    struct slice text = without_label(body_of(line, level));
    if (*level == LEVEL_NONE || *level == LEVEL_ERROR) {
        enum level inner;
        text = without_label(body_of(text, &inner));
        *level = inner != LEVEL_NONE ? inner : *level;
    }
    return text;
}

struct slice telling_body(struct slice line)
{
    enum level level;
    return body_and_level(line, &level);
}

enum telling_weight telling_weigh(struct slice line)
{
    enum level level;
    struct slice text = body_and_level(line, &level);
    bool is_indented = line.len > 0 && strchr(SPACES, line.at[0]);
    if (is_bar(text) || is_frame(text, is_indented) || only_failed(text) || level == LEVEL_INFO)
        return TELLING_NOTHING;
    if (level == LEVEL_WARNING || begins_with(text, "Exit code:"))
        return TELLING_LITTLE;
    return level == LEVEL_ERROR || is_exception(text) ? TELLING_MUCH : TELLING_TEXT;
}

/* --- texts of several lines ----------------------------------------------------------------------------------------- */

static struct slice telling_next_line(const char **text)
{
    size_t len = strcspn(*text, "\n");
    struct slice line = { *text, len };
    *text += len + ((*text)[len] == '\n');
    return line;
}

struct slice telling_line(const char *text)
{
    struct slice best = { text, 0 };
    enum telling_weight most = TELLING_LITTLE;
    while (*text) {
        struct slice line = telling_next_line(&text);
        enum telling_weight weight = telling_weigh(line);
        if (weight == TELLING_NOTHING || weight < most)
            continue;
        most = weight;
        best = trimmed(line);
    }
    return best;
}

void telling_put_plain(struct slice line, struct strbuf *out)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.at[i];
        unsigned char next = i + 1 < line.len ? (unsigned char)line.at[i + 1] : 0;
        bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0; /* U+0080 to U+009F */
        i += is_c1;
        strbuf_add(out, is_c1 || byte < ' ' || byte == 0x7f ? " " : line.at + i, 1);
    }
}

static void put_left_out(size_t count, struct strbuf *out)
{
    if (count > 0)
        strbuf_printf(out, "%s… %zu line%s", out->len ? "\n" : "", count, count == 1 ? "" : "s");
}

size_t telling_fold(const char *text, struct strbuf *out)
{
    size_t all = 0, run = 0;
    while (*text) {
        struct slice line = telling_next_line(&text);
        if (telling_weigh(line) == TELLING_NOTHING) {
            run++;
            continue;
        }
        put_left_out(run, out);
        strbuf_puts(out, out->len ? "\n" : "");
        strbuf_add(out, line.at, line.len);
        all += run;
        run = 0;
    }
    put_left_out(run, out);
    return all + run;
}
