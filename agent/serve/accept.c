/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept.h"

#include <string.h>
#include <strings.h>

enum { QUALITY_ONE = 1000, NOT_NAMED = -1 };

static bool accept_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Compares without case, and without the blanks around. */
static bool range_is(const char *text, size_t len, const char *word)
{
    while (len > 0 && accept_is_blank(*text)) {
        text++;
        len--;
    }
    while (len > 0 && accept_is_blank(text[len - 1]))
        len--;
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* "0.25" is 250; what is no quality is 0. */
static int quality_read(const char *text, size_t len)
{
    int quality = 0, digit = QUALITY_ONE;
    if (len == 0 || (text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.') || len > sizeof "0.123" - 1)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (i == 1)
            continue;
        if (text[i] < '0' || text[i] > '9')
            return 0;
        quality += (text[i] - '0') * digit;
        digit /= 10;
    }
    return quality > QUALITY_ONE ? 0 : quality;
}

/* One element of the list: "text/plain; version=0.0.4; q=0.3". */
struct range {
    const char *text;
    size_t type_len;
    int quality;
    bool is_our_version; /* of OpenMetrics: it names 1.0.0 or none */
};

static struct range range_read(const char *text, size_t len)
{
    struct range range = { text, 0, QUALITY_ONE, true };
    while (range.type_len < len && text[range.type_len] != ';')
        range.type_len++;
    for (size_t at = range.type_len; at < len;) {
        const char *parameter = text + at + 1;
        size_t end = at + 1;
        while (end < len && text[end] != ';')
            end++;
        while (parameter < text + end && accept_is_blank(*parameter))
            parameter++;
        size_t left = (size_t)(text + end - parameter);
        while (left > 0 && accept_is_blank(parameter[left - 1]))
            left--;
        if (left >= 2 && strncasecmp(parameter, "q=", 2) == 0)
            range.quality = quality_read(parameter + 2, left - 2);
        else if (left >= 8 && strncasecmp(parameter, "version=", 8) == 0)
            range.is_our_version =
                range_is(parameter + 8, left - 8, "1.0.0") || range_is(parameter + 8, left - 8, "\"1.0.0\"");
        at = end;
    }
    return range;
}

bool accept_openmetrics(const char *accept)
{
    int openmetrics = NOT_NAMED, plain = NOT_NAMED, any_text = NOT_NAMED, any = NOT_NAMED;
    for (const char *at = accept ? accept : ""; *at;) {
        size_t len = strcspn(at, ",");
        struct range range = range_read(at, len);
        if (range_is(range.text, range.type_len, "application/openmetrics-text") && range.is_our_version)
            openmetrics = range.quality > openmetrics ? range.quality : openmetrics;
        else if (range_is(range.text, range.type_len, "text/plain"))
            plain = range.quality > plain ? range.quality : plain;
        else if (range_is(range.text, range.type_len, "text/*"))
            any_text = range.quality;
        else if (range_is(range.text, range.type_len, "*/*"))
            any = range.quality;
        at += len + (at[len] == ',');
    }
    int text = plain != NOT_NAMED ? plain : any_text != NOT_NAMED ? any_text : any;
    return openmetrics > 0 && openmetrics >= text;
}
