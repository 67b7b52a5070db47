/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/show/terminal.h"
#include "base/json.h"
#include "doctor.h"

enum { JSON_VERSION = 1, CHECK_COLUMN = 2, TEXT_COLUMN = 14 };

struct doctor_finding {
    const char *check;
    enum status_level level;
    char *words;
    char *mend; /* NULL: nothing */
};

struct finding_list {
    struct doctor_finding *at;
    size_t count;
};

struct finding_list *findings_new(void)
{
    return must_alloc(sizeof(struct finding_list));
}

void findings_free(struct finding_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->at[i].words);
        free(list->at[i].mend);
    }
    free(list->at);
    free(list);
}

void doctor_found(struct doctor *doctor, const char *check, enum status_level level, const char *mend,
                  const char *format, ...)
{
    struct finding_list *list = doctor->found;
    struct strbuf words = { 0 };
    va_list arguments;
    va_start(arguments, format);
    strbuf_vprintf(&words, format, arguments);
    va_end(arguments);
    list->at = list_room(list->at, list->count, sizeof *list->at);
    list->at[list->count++] = (struct doctor_finding){
        .check = check,
        .level = level,
        .words = must_copy(strbuf_text(&words), words.len),
        .mend = mend ? must_copy(mend, strlen(mend)) : NULL,
    };
    strbuf_free(&words);
}

enum status_level findings_worst(const struct finding_list *list)
{
    enum status_level worst = STATUS_OK;
    for (size_t i = 0; i < list->count; i++)
        worst = list->at[i].level > worst ? list->at[i].level : worst;
    return worst;
}

static size_t count_bad(const struct finding_list *list)
{
    size_t bad = 0;
    for (size_t i = 0; i < list->count; i++)
        bad += list->at[i].level != STATUS_OK;
    return bad;
}

static enum tone tone_of(enum status_level level)
{
    return level == STATUS_OK ? TONE_GOOD : level == STATUS_WARNING ? TONE_WARNING : TONE_CRITICAL;
}

static void put_wrapped(const struct terminal *terminal, enum tone tone, const char *text, struct strbuf *out)
{
    struct strbuf escaped = { 0 };
    terminal_escape(terminal, &escaped, text);
    terminal_wrap(terminal, out, tone, strbuf_text(&escaped), TEXT_COLUMN, TEXT_COLUMN);
    strbuf_free(&escaped);
}

static void put_finding(const struct terminal *terminal, const struct doctor_finding *finding, struct strbuf *out)
{
    enum glyph glyph = finding->level == STATUS_OK        ? GLYPH_GOOD
                       : finding->level == STATUS_WARNING ? GLYPH_WARNING
                                                          : GLYPH_BAD;
    const char *mark = terminal_glyph(terminal, glyph);
    terminal_say(terminal, out, tone_of(finding->level), mark);
    terminal_spaces(out, CHECK_COLUMN - terminal_columns(mark));
    terminal_say(terminal, out, TONE_DIM, finding->check);
    terminal_spaces(out, TEXT_COLUMN - CHECK_COLUMN - terminal_columns(finding->check));
    put_wrapped(terminal, TONE_PLAIN, finding->words, out);
    if (!finding->mend)
        return;
    terminal_spaces(out, TEXT_COLUMN);
    put_wrapped(terminal, TONE_BOLD, finding->mend, out);
}

void findings_text(const struct finding_list *list, enum status_level level, struct strbuf *out)
{
    struct terminal terminal = terminal_detect();
    struct strbuf headline = { 0 };
    size_t bad = count_bad(list);
    strbuf_printf(&headline, "%s - ", status_level_name(level));
    if (bad)
        strbuf_printf(&headline, "%zu of %zu checks found something", bad, list->count);
    else
        strbuf_printf(&headline, "%zu checks, and all is well", list->count);
    terminal_say(&terminal, out, tone_of(level), strbuf_text(&headline));
    strbuf_puts(out, "\n\n");
    for (size_t i = 0; i < list->count; i++)
        put_finding(&terminal, &list->at[i], out);
    strbuf_free(&headline);
}

void findings_json(const struct finding_list *list, enum status_level level, struct strbuf *out)
{
    struct json_writer json = { .out = out, .layout = JSON_INDENTED };
    json_open(&json, NULL, '{');
    json_put_int(&json, "version", JSON_VERSION);
    json_put_text(&json, "level", status_level_name(level));
    json_open(&json, "checks", '[');
    for (size_t i = 0; i < list->count; i++) {
        json_open(&json, NULL, '{');
        json_put_text(&json, "check", list->at[i].check);
        json_put_text(&json, "level", status_level_name(list->at[i].level));
        json_put_text(&json, "text", list->at[i].words);
        json_put_text(&json, "mend", list->at[i].mend);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
}
