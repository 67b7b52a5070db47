/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/commands/inert.h"
#include "shell/cut.h"
#include "shell/mask.h"
#include "shell/text.h"

/*
 * Any bytes as text of a log that is shown, sent or cut: what comes out is well-formed UTF-8 in which nothing acts on
 * a terminal or a page.
 */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(struct slice text, bool ascii, const char *forbidden)
{
    while (text.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(text, &point);
        must(used > 0 && !inert_is_active(point));
        must(!ascii || point < 0x80);
        must(point == 0 || point >= 0x80 || !strchr(forbidden, (int)point));
        text = (struct slice){ text.at + used, text.len - used };
    }
}

static void check_cut(const char *text, size_t most)
{
    struct strbuf valid = { 0 }, cut = { 0 };
    text_add_valid(&valid, text, strlen(text));
    cut_chars(strbuf_text(&valid), most, &cut);
    size_t count = 0;
    struct slice left = strbuf_slice(&cut);
    while (left.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(left, &point);
        must(used > 0);
        left = (struct slice){ left.at + used, left.len - used };
        count++;
    }
    must(count <= most);
    strbuf_free(&cut);
    strbuf_free(&valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct { enum inert_form form; bool ascii; const char *forbidden; } forms[] = {
        { INERT_TEXT, false, "" }, { INERT_ASCII, true, "" }, { INERT_HTML, false, "<>\"'" },
    };
    struct slice bytes = { (const char *)data, size };
    struct strbuf out = { 0 };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        strbuf_clear(&out);
        inert_put(&out, bytes, forms[i].form);
        check_text(strbuf_slice(&out), forms[i].ascii, forms[i].forbidden);
    }
    strbuf_clear(&out);
    inert_put(&out, bytes, INERT_MARKDOWN);
    char *text = must_copy((const char *)data, size);
    strbuf_clear(&out);
    mask_secrets(text, &out);
    mask_url(text, &out);
    check_cut(text, size % 64 + 1);
    free(text);
    strbuf_free(&out);
    return 0;
}
