/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page_screen.h"

#include <stdlib.h>

/* The screen of `agent status` has a label in so many columns before each line. A line of this terminal is never wrapped. */
enum { SCREEN_LABEL_COLUMNS = 13, SCREEN_WIDTH = 1 << 20 };

/* What has a part of the page of its own. */
static bool is_shown_elsewhere(const char *label)
{
    static const char *const labels[] = { "Open", "Also open", "Lag", "Last cycles" };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strcmp(label, labels[i]) == 0)
            return true;
    return false;
}

/* A line without a label, or with one that stands further in, goes on with what the line before it began; *passes is kept for it. */
static void put_screen_line(const char *line, size_t len, bool *passes, struct strbuf *out)
{
    size_t label_len = len < SCREEN_LABEL_COLUMNS ? len : SCREEN_LABEL_COLUMNS;
    char *text = must_copy(line + label_len, len - label_len), *label = must_copy(line, label_len);
    size_t end = strlen(label);
    while (end > 0 && label[end - 1] == ' ')
        label[--end] = '\0';
    if (end > 0 && label[0] != ' ')
        *passes = !is_shown_elsewhere(label);
    if (*passes) {
        page_text(out, end ? "<dt>" : "<dt class=\"more\">", label + strspn(label, " "), "</dt>");
        page_text(out, "<dd>", text, "</dd>\n");
    }
    free(label);
    free(text);
}

void page_screen(const struct status *status, struct strbuf *out)
{
    const struct terminal terminal = { .width = SCREEN_WIDTH, .utf8 = true };
    struct strbuf screen = { 0 };
    bool passes = true;
    status_text(status, &terminal, &screen);
    const char *at = strbuf_text(&screen);
    at += strcspn(at, "\n"); /* the headline stands at the head of the page */
    strbuf_puts(out, "<section class=\"card\">\n<h2>Agent, scheduler and receivers</h2>\n<dl class=\"facts\">\n");
    while (*at) {
        size_t len = strcspn(at, "\n");
        if (len > 0)
            put_screen_line(at, len, &passes, out);
        at += len + (at[len] == '\n');
    }
    strbuf_puts(out, "</dl>\n</section>\n");
    strbuf_free(&screen);
}
