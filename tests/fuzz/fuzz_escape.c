/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>

#include "agent/commands/show/escape.h"
#include "base/cut.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/text.h"
#include "fuzz.h"

/*
 * Any bytes as text of a log that is shown, sent, cut or searched for secrets; the first byte says which. What comes out is
 * well-formed UTF-8 in which nothing acts on a terminal, a page or a parser, and no secret that was planted.
 */
static struct strbuf out, again;

static size_t take_point(struct slice *text, uint32_t *point)
{
    size_t used = utf8_decode(*text, point);
    must(used > 0);
    *text = (struct slice){ text->at + used, text->len - used };
    return used;
}

/* The number of characters. */
static size_t check_inert(struct slice text, bool ascii, const char *forbidden)
{
    size_t count = 0;
    for (; text.len > 0; count++) {
        uint32_t point = 0;
        take_point(&text, &point);
        must(!utf8_needs_escape(point) && (!ascii || point < 0x80));
        must(point >= 0x80 || !strchr(forbidden, (int)point));
    }
    return count;
}

static bool begins_with(struct slice text, const char *word)
{
    return text.len >= strlen(word) && memcmp(text.at, word, strlen(word)) == 0;
}

static void check_entities(struct slice text, const char *const *entities, size_t count)
{
    for (; text.len > 0; text.at++, text.len--) {
        bool known = text.at[0] != '&';
        for (size_t i = 0; i < count && !known; i++)
            known = begins_with(text, entities[i]);
        must(known);
    }
}

/* Nothing that Markdown takes as markup stands without a backslash before it, and none of those is swallowed. */
static void check_markdown(struct slice text)
{
    must(text.len == 0 || text.at[0] != ' ');
    must(text.len == 0 || !strchr("-+=", text.at[0]) || (text.len > 1 && text.at[1] != ' '));
    for (; text.len > 0; text.at++, text.len--) {
        must(!strchr("`*_[]<>#!|~$", text.at[0]) && !begins_with(text, "://"));
        if (text.at[0] == '\\') {
            must(text.len > 1 && strchr("\\`*_[]<>#!|~&$:-+=.)", text.at[1]));
            text.at++;
            text.len--;
        }
    }
}

static void put(struct slice bytes, enum escape_form form)
{
    strbuf_clear(&out);
    escape_put(&out, bytes, form);
}

static void check_shown(struct slice bytes)
{
    static const char *const html[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" }, *const markdown[] = { "&lt;",
                                                                                                            "&amp;" };
    put(bytes, ESCAPE_TEXT);
    check_inert(strbuf_slice(&out), false, "");
    strbuf_clear(&again);
    escape_put(&again, strbuf_slice(&out), ESCAPE_TEXT);
    must(out.len == again.len && memcmp(strbuf_text(&out), strbuf_text(&again), out.len) == 0);
    put(bytes, ESCAPE_ASCII);
    check_inert(strbuf_slice(&out), true, "");
    put(bytes, ESCAPE_HTML);
    check_inert(strbuf_slice(&out), false, "<>\"'");
    check_entities(strbuf_slice(&out), html, sizeof html / sizeof html[0]);
    put(bytes, ESCAPE_MARKDOWN);
    check_inert(strbuf_slice(&out), false, "<");
    check_entities(strbuf_slice(&out), markdown, sizeof markdown / sizeof markdown[0]);
    check_markdown(strbuf_slice(&out));
    strbuf_clear(&out);
    text_add_visible(&out, bytes.at, bytes.len);
    for (size_t i = 0; i < out.len; i++)
        must((unsigned char)out.at[i] >= 0x20 && out.at[i] != 0x7f);
}

/* A JSON string says what it was made from, and no more than that is in it. */
static void check_json(const char *text)
{
    static sqlite3_stmt *read_back;
    if (!read_back)
        must(sqlite3_prepare_v2(json_reader_open(), "SELECT json_extract(?1, '$')", -1, &read_back, NULL) == SQLITE_OK);
    struct json_writer json = { .out = &out };
    strbuf_clear(&out);
    json_put_text(&json, NULL, text);
    check_inert(strbuf_slice(&out), false, "");
    strbuf_clear(&again);
    text_add_valid(&again, text, strlen(text));
    sqlite3_bind_text(read_back, 1, strbuf_text(&out), (int)out.len, SQLITE_STATIC);
    must(sqlite3_step(read_back) == SQLITE_ROW);
    must(strcmp((const char *)sqlite3_column_text(read_back, 0), strbuf_text(&again)) == 0);
    sqlite3_reset(read_back);
}

static void check_cut(const char *text, size_t most)
{
    char buffer[40];
    size_t room = most % (sizeof buffer - 8) + 8;
    strbuf_clear(&again);
    text_add_valid(&again, text, strlen(text));
    text = strbuf_text(&again);
    strbuf_clear(&out);
    cut_chars(text, most, &out);
    struct slice rest = strbuf_slice(&out);
    size_t count = 0;
    for (uint32_t point; rest.len > 0; count++)
        take_point(&rest, &point);
    must(count <= most && (count == most || strcmp(text, strbuf_text(&out)) == 0));
    cut_copy(text, buffer, room);
    must(strlen(buffer) < room);
    rest = slice_of(buffer);
    for (uint32_t point; rest.len > 0;)
        take_point(&rest, &point);
}

/* What is kept of an address is one, and nothing more of it can be taken away. */
static void check_url(const char *text)
{
    strbuf_clear(&out);
    mask_url(text, &out);
    strbuf_clear(&again);
    mask_url(strbuf_text(&out), &again);
    must(strcmp(strbuf_text(&out), strbuf_text(&again)) == 0);
    must(!strpbrk(strbuf_text(&out), "@?#"));
}

static struct masker *masker;

static void search_for_secrets(struct slice text)
{
    strbuf_clear(&out);
    masker_text(masker, text, &out);
}

static void check_secrets(struct slice bytes)
{
    static const char planted[] = "hunter2SECRETx9";
    static const char *const forms[] = {
        " password=hunter2SECRETx9 ",        " https://user:hunter2SECRETx9@host/ ",
        " --token hunter2SECRETx9 ",         " Authorization: Bearer hunter2SECRETx9\n",
        "{\"api_key\":\"hunter2SECRETx9\"}",
    };
    masker = masker ? masker : masker_open();
    if (bytes.len == 0 || memmem(bytes.at, bytes.len, planted, strlen(planted)))
        return;
    size_t where = bytes.len / 2;
    strbuf_clear(&again);
    strbuf_add(&again, bytes.at, where);
    strbuf_puts(&again, forms[(unsigned char)bytes.at[0] % (sizeof forms / sizeof forms[0])]);
    strbuf_add(&again, bytes.at + where, bytes.len - where);
    fuzz_cost(search_for_secrets, strbuf_slice(&again));
    must(!memmem(out.at, out.len, planted, strlen(planted)));
}

static void show(struct slice text)
{
    strbuf_clear(&out);
    text_add_visible(&out, text.at, text.len);
    text_add_valid(&out, text.at, text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice bytes = { (const char *)data + 1, size - 1 };
    char *text = must_copy(bytes.at, bytes.len);
    fuzz_cost(show, bytes);
    switch (data[0] % 4) {
    case 0: check_shown(bytes); break;
    case 1: check_json(text); break;
    case 2:
        check_cut(text, data[0] / 4);
        check_url(text);
        break;
    case 3: check_secrets(bytes); break;
    }
    free(text);
    return 0;
}
