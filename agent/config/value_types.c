/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_keys.h"

/* The types that only webhooks and windows have: addresses of e-mail, globs, and words. */

static void text_list_add(struct text_list *list, struct slice text)
{
    list->texts = must_grow(list->texts, list->count + 1, sizeof *list->texts);
    list->texts[list->count++] = must_copy(text.at, text.len);
}

static struct slice slice_without_blanks(struct slice text)
{
    while (text.len > 0 && strchr(" \t", text.at[0]))
        text = (struct slice){ text.at + 1, text.len - 1 };
    while (text.len > 0 && strchr(" \t", text.at[text.len - 1]))
        text.len--;
    return text;
}

/* --- addresses ----------------------------------------------------------------------------------------------- */

/*
 * An address without quoted parts and comments (RFC 5321, section 4.1.2: Dot-string and Domain). That is what mail systems have, and
 * nothing in it can end a header or a command.
 */
static bool address_is_good(struct slice address)
{
    static const char local[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.";
    static const char domain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    enum { LOCAL_MOST = 64, ADDRESS_MOST = 254 };
    size_t at = 0;
    while (at < address.len && address.at[at] != '\0' && strchr(local, address.at[at]))
        at++;
    if (at == 0 || at > LOCAL_MOST || address.len > ADDRESS_MOST || at + 1 >= address.len || address.at[at] != '@')
        return false;
    for (size_t i = at + 1; i < address.len; i++)
        if (address.at[i] == '\0' || !strchr(domain, address.at[i]))
            return false;
    return address.at[at + 1] != '.' && address.at[address.len - 1] != '.' && address.at[0] != '.';
}

bool mail_address_split(const char *text, struct slice *name, struct slice *address)
{
    struct slice whole = slice_without_blanks(slice_of(text));
    const char *open = strrchr(text, '<');
    *name = (struct slice){ "", 0 };
    *address = whole;
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    if (open && whole.len > 0 && whole.at[whole.len - 1] == '>') {
        *address = (struct slice){ open + 1, (size_t)(whole.at + whole.len - 1 - (open + 1)) };
        *name = slice_without_blanks((struct slice){ whole.at, (size_t)(open - whole.at) });
        if (name->len >= 2 && name->at[0] == '"' && name->at[name->len - 1] == '"')
            *name = (struct slice){ name->at + 1, name->len - 2 };
    }
    return address_is_good(*address);
}

static bool value_read_address(const char *text)
{
    struct slice name, address;
    return mail_address_split(text, &name, &address);
}

/* --- globs --------------------------------------------------------------------------------------------------- */

static bool value_add_globs(const char *text, struct text_list *list)
{
    size_t before = list->count;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        struct slice glob = slice_without_blanks((struct slice){ text, len });
        if (glob.len > 0)
            text_list_add(list, glob);
        text += len + (text[len] == ',');
    }
    return list->count > before;
}

/* --- words --------------------------------------------------------------------------------------------------- */

/* Returns the place of text in words, or -1. */
static int word_place(const char *text, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

static const char *const starttls_words[] = { "required", "optional", "no" };
static const char *const pipeline_words[] = { "k2-scheduler", "k2-prefect" };
static const char *const severity_words[] = { "none", "warning", "critical", "never" };
static const char *const priority_words[] = { "0", "1", "2", "3", "4", "5" };
static const char *const priority_names[] = { "", "min", "low", "default", "high", "urgent" };

static bool value_read_priority(const char *text, int64_t *priority)
{
    int place = word_place(text, priority_words, 6);
    place = place >= 0 ? place : word_place(text, priority_names, 6);
    *priority = place >= 0 ? place : *priority;
    return place >= 0;
}

static bool value_read_frame(const char *text, enum frame_format *format)
{
    for (int i = 0; i < FRAME_FORMATS; i++) {
        if (strcmp(text, frame_format_name((enum frame_format)i)) != 0)
            continue;
        *format = (enum frame_format)i;
        return true;
    }
    return false;
}

bool value_read_webhook_type(enum config_type type, const char *text, void *place, struct strbuf *why)
{
    int word;
    switch (type) {
    case CONFIG_ADDRESS:
        if (!value_read_address(text))
            return false;
        free(*(char **)place);
        *(char **)place = must_copy(text, strlen(text));
        return true;
    case CONFIG_ADDRESSES:
        if (!value_read_address(text))
            return false;
        text_list_add(place, slice_of(text));
        return true;
    case CONFIG_GLOBS: return value_add_globs(text, place);
    case CONFIG_STARTTLS:
        word = word_place(text, starttls_words, 3);
        if (word >= 0)
            *(enum starttls *)place = (enum starttls)word;
        return word >= 0;
    case CONFIG_PIPELINE:
        word = word_place(text, pipeline_words, 2);
        if (word >= 0)
            *(enum pipeline *)place = (enum pipeline)word;
        return word >= 0;
    case CONFIG_SEVERITY:
        word = word_place(text, severity_words, 4);
        if (word > 0)
            *(enum severity *)place = (enum severity)word;
        return word > 0;
    case CONFIG_MAX_SEVERITY:
        word = word_place(text, severity_words, 3);
        if (word > 0)
            *(enum severity *)place = (enum severity)word;
        return word > 0;
    case CONFIG_DAYS: return value_read_days(text, place, why);
    case CONFIG_TIME_OF_DAY: return value_read_time_of_day(text, place, why);
    case CONFIG_PRIORITY: return value_read_priority(text, place);
    case CONFIG_FRAME: return value_read_frame(text, place);
    default: return false;
    }
}

void value_show_webhook_type(const struct config_key *key, const void *value, struct strbuf *out)
{
    const struct text_list *list = value;
    switch (key->type) {
    case CONFIG_ADDRESS: strbuf_puts(out, *(char *const *)value ? *(char *const *)value : ""); break;
    case CONFIG_ADDRESSES:
    case CONFIG_GLOBS:
        for (size_t i = 0; i < list->count; i++)
            strbuf_printf(out, "%s%s%s%s", i > 0 ? "\n" : "", i > 0 ? key->name : "", i > 0 ? " = " : "",
                          list->texts[i]);
        break;
    case CONFIG_STARTTLS: strbuf_puts(out, starttls_words[*(const enum starttls *)value]); break;
    case CONFIG_FRAME: strbuf_puts(out, frame_format_name(*(const enum frame_format *)value)); break;
    case CONFIG_PIPELINE: strbuf_puts(out, pipeline_words[*(const enum pipeline *)value]); break;
    case CONFIG_DAYS: value_show_days(*(const int64_t *)value, out); break;
    case CONFIG_TIME_OF_DAY: value_show_time_of_day(*(const int64_t *)value, out); break;
    case CONFIG_MAX_SEVERITY:
    case CONFIG_SEVERITY: strbuf_puts(out, severity_words[*(const enum severity *)value]); break;
    case CONFIG_PRIORITY: strbuf_printf(out, "%" PRId64, *(const int64_t *)value); break;
    default: break;
    }
}
