/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "help_text.h"

#include <stdio.h>
#include <string.h>

#include "agent/commands/show/terminal.h"

/* The length of the first word of text. */
static size_t help_word_length(const char *text)
{
    static const char opening[] = "\"`[", closing[] = "\"`]";
    size_t len = 0;
    while (text[len] && text[len] != ' ') {
        const char *quote = strchr(opening, text[len]);
        const char *end = quote ? strchr(text + len + 1, closing[quote - opening]) : NULL;
        len = end ? (size_t)(end - text) + 1 : len + 1;
    }
    return len;
}

void help_print_wrapped(const char *text, int column, int indent)
{
    int width = terminal_detect().width;
    bool begins_line = true;
    while (*text) {
        size_t len = help_word_length(text);
        if (!begins_line && column + 1 + (int)len > width) {
            printf("\n%*s", indent, "");
            column = indent;
            begins_line = true;
        }
        printf("%s%.*s", begins_line ? "" : " ", (int)len, text);
        column += (int)len + !begins_line;
        begins_line = false;
        text += len;
        text += strspn(text, " ");
    }
    puts("");
}
