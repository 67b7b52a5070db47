/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "durations.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const int64_t DURATION_MAX_MS = INT64_C(36500) * 24 * 60 * 60 * 1000; /* a century */

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };
static const size_t unit_count = sizeof units / sizeof units[0];

static const struct unit *duration_unit(const char *text, size_t len)
{
    for (size_t i = 0; i < unit_count; i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, text, len) == 0)
            return &units[i];
    return NULL;
}

/* Reads digits with an optional fraction. What strtod() would also take (signs, exponents, hexadecimals, inf) is refused. */
static const char *duration_read_number(const char *text, double *number)
{
    size_t digits = strspn(text, "0123456789");
    size_t fraction = text[digits] == '.' ? 1 + strspn(text + digits + 1, "0123456789") : 0;

    if (digits == 0 || fraction == 1 || digits + fraction > 20)
        return NULL;
    *number = strtod(text, NULL);
    return text + digits + fraction;
}

bool duration_parse(const char *text, int64_t *ms)
{
    double total = 0;
    int parts = 0;

    do {
        double number;
        text = duration_read_number(text, &number);
        if (!text)
            return false;
        size_t unit_len = 0;
        while (isalpha((unsigned char)text[unit_len]))
            unit_len++;
        bool plain = unit_len == 0 && *text == '\0' && parts == 0;
        const struct unit *unit = plain ? duration_unit("s", 1) : duration_unit(text, unit_len);
        if (!unit)
            return false;
        total += number * (double)unit->ms;
        text += unit_len;
        parts++;
    } while (*text != '\0');
    if (total > (double)DURATION_MAX_MS)
        return false;
    *ms = (int64_t)(total + 0.5);
    return true;
}

void duration_text(int64_t ms, struct strbuf *out)
{
    if (ms == 0)
        strbuf_puts(out, "0s");
    for (size_t i = 0; i < unit_count && ms > 0; i++) {
        if (ms >= units[i].ms) {
            strbuf_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
            ms %= units[i].ms;
        }
    }
}
