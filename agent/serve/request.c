/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum { ID_MAX_DIGITS = 18 };

static const char *const parameter_names[PARAMETERS] = { "since", "until", "table",  "alert", "open",
                                                         "span",  "limit", "before", "after" };

enum {
    TAKES_PERIOD = 1 << PARAMETER_SINCE | 1 << PARAMETER_UNTIL,
    TAKES_SPAN = 1 << PARAMETER_SPAN,
    TAKES_TABLE = 1 << PARAMETER_TABLE,
    TAKES_LIMIT = 1 << PARAMETER_LIMIT,
    TAKES_FILTERS = TAKES_PERIOD | 1 << PARAMETER_TABLE | 1 << PARAMETER_ALERT | 1 << PARAMETER_OPEN
};

static const struct page {
    const char *path;
    enum route route;
    unsigned takes;                                        /* 1 << enum parameter, added up */
    enum { ENDS_HERE, AN_ID_FOLLOWS, A_NAME_FOLLOWS } end; /* of the path */
} pages[] = {
    { "/", ROUTE_STATUS, 0, ENDS_HERE },
    { "/incidents", ROUTE_INCIDENTS, TAKES_FILTERS, ENDS_HERE },
    { "/incidents/", ROUTE_INCIDENT, 0, AN_ID_FOLLOWS },
    { "/report", ROUTE_REPORT, TAKES_PERIOD, ENDS_HERE },
    { "/tables", ROUTE_TABLES, 0, ENDS_HERE },
    { "/tables/", ROUTE_TABLE, TAKES_SPAN, A_NAME_FOLLOWS },
    { "/cycles", ROUTE_CYCLES, TAKES_PERIOD | 1 << PARAMETER_BEFORE, ENDS_HERE },
    { "/cycles/", ROUTE_CYCLE, 0, AN_ID_FOLLOWS },
    { "/api/v1/status", ROUTE_API_STATUS, 0, ENDS_HERE },
    { "/api/v1/incidents", ROUTE_API_INCIDENTS, TAKES_FILTERS, ENDS_HERE },
    { "/api/v1/incidents/", ROUTE_API_INCIDENT, 0, AN_ID_FOLLOWS },
    { "/api/v1/cycles", ROUTE_API_CYCLES, TAKES_PERIOD | TAKES_TABLE | TAKES_LIMIT | 1 << PARAMETER_BEFORE, ENDS_HERE },
    { "/api/v1/tables", ROUTE_API_TABLES, TAKES_PERIOD | TAKES_TABLE | TAKES_LIMIT | 1 << PARAMETER_AFTER, ENDS_HERE },
    { "/api/v1/openapi.json", ROUTE_API_DESCRIPTION, 0, ENDS_HERE },
    { "/metrics", ROUTE_METRICS, 0, ENDS_HERE },
    { "/healthz", ROUTE_HEALTH, 0, ENDS_HERE },
    { "/badge.svg", ROUTE_BADGE, 0, ENDS_HERE },
    { "/style.css", ROUTE_STYLE, 0, ENDS_HERE },
    { "/icon.svg", ROUTE_ICON, 0, ENDS_HERE },
    { "/refresh.js", ROUTE_SCRIPT, 0, ENDS_HERE },
};

const char *request_parameter_name(enum parameter parameter)
{
    return parameter_names[parameter];
}

/* Reads "4". 0 if it is no id: they begin at 1, and are written without a sign, leading zeros or anything behind them. */
static int64_t request_id(const char *text, size_t len)
{
    int64_t id = 0;
    if (len == 0 || len > ID_MAX_DIGITS || text[0] == '0')
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        id = id * 10 + (text[i] - '0');
    }
    return id;
}

int64_t request_number(const char *text)
{
    return request_id(text, strlen(text));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%2F" stands for; -1: it stands for none. */
static int escaped_byte(const char *text, size_t len)
{
    int high = len > 2 ? hex_digit(text[1]) : -1, low = len > 2 ? hex_digit(text[2]) : -1;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Owned; NULL: it is no name. A log may call a table anything, so any byte but NUL may be escaped; a slash has to be. */
static char *request_name(const char *text, size_t len)
{
    struct strbuf name = { 0 };
    for (size_t i = 0; i < len; i++) {
        int byte = text[i] == '%' ? escaped_byte(text + i, len - i) : (unsigned char)text[i];
        if (byte <= 0 || text[i] == '/') {
            strbuf_free(&name);
            return NULL;
        }
        strbuf_add(&name, &(char){ (char)byte }, 1);
        i += text[i] == '%' ? 2 : 0;
    }
    return name.at;
}

void request_put_name(const char *name, struct strbuf *out)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *name; name++)
        if (strchr(unreserved, *name))
            strbuf_add(out, name, 1);
        else
            strbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*name);
}

static void put_parameter(enum parameter parameter, const char *value, char before, struct strbuf *out)
{
    strbuf_printf(out, "%c%s=", before, parameter_names[parameter]);
    request_put_name(value, out);
}

void request_put_again(const struct request *request, const char *path, enum parameter parameter, const char *value,
                       struct strbuf *out)
{
    char before = '?';
    strbuf_puts(out, path);
    for (int i = 0; i < PARAMETERS; i++)
        if (request->values[i] && i != (int)parameter) {
            put_parameter((enum parameter)i, request->values[i], before, out);
            before = '&';
        }
    put_parameter(parameter, value, before, out);
}

/* Whether what stands behind the page's path is what has to follow it, which is then kept in the request. */
static bool take_end(const struct page *page, const char *rest, size_t len, struct request *request)
{
    switch (page->end) {
    case AN_ID_FOLLOWS: request->id = request_id(rest, len); return request->id > 0;
    case A_NAME_FOLLOWS: request->name = request_name(rest, len); return request->name != NULL;
    case ENDS_HERE: break;
    }
    return len == 0;
}

static const struct page *page_of(const char *path, size_t len, struct request *request)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        size_t known = strlen(pages[i].path);
        if (len >= known && memcmp(path, pages[i].path, known) == 0 &&
            take_end(&pages[i], path + known, len - known, request))
            return &pages[i];
    }
    return NULL;
}

static bool is_utf8(struct slice text)
{
    for (size_t step = 1; text.len > 0; text.at += step, text.len -= step)
        if ((step = utf8_step(text)) == 0)
            return false;
    return true;
}

/* Undoes what a form does to a value. False if it is no UTF-8 text, or has control characters. */
static bool value_decode(const char *text, size_t len, struct strbuf *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int byte = escaped_byte(text + i, len - i);
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 0x7f)
            return false;
        strbuf_add(out, &c, 1);
    }
    return is_utf8(strbuf_slice(out));
}

static bool take_pair(const struct page *page, const char *pair, size_t len, struct request *request,
                      struct strbuf *why)
{
    size_t name = 0;
    while (name < len && pair[name] != '=')
        name++;
    for (int i = 0; i < PARAMETERS; i++) {
        if (strlen(parameter_names[i]) != name || memcmp(pair, parameter_names[i], name) != 0 ||
            !(page->takes >> i & 1))
            continue;
        struct strbuf value = { 0 };
        bool good = !request->values[i] && value_decode(pair + name + (name < len), len - name - (name < len), &value);
        if (!good)
            strbuf_printf(why, "%s is given twice, or its value is no text.", parameter_names[i]);
        if (good && value.len > 0)
            request->values[i] = value.at;
        else
            strbuf_free(&value);
        return good;
    }
    strbuf_puts(why, "This page does not take a parameter of that name.");
    return false;
}

enum request_read request_read(const char *target, struct request *request, struct strbuf *why)
{
    size_t path_len = strcspn(target, "?");
    *request = (struct request){ .route = ROUTE_NONE };
    const struct page *page = page_of(target, path_len, request);
    if (!page)
        return REQUEST_NO_PAGE;
    request->route = page->route;
    const char *at = target + path_len + (target[path_len] == '?');
    while (*at) {
        size_t len = strcspn(at, "&");
        if (len > 0 && !take_pair(page, at, len, request, why))
            return REQUEST_WRONG;
        at += len + (at[len] == '&');
    }
    return REQUEST_READ;
}

void request_free(struct request *request)
{
    for (int i = 0; i < PARAMETERS; i++)
        free(request->values[i]);
    free(request->name);
    *request = (struct request){ 0 };
}

/* The length of the host in "host:port"; 0 if it is not of that form. */
static size_t host_len(const char *text)
{
    size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
    if (len > strlen(text))
        return 0;
    if (text[len] == '\0')
        return len;
    const char *port = text + len + 1;
    return text[len] == ':' && *port && port[strspn(port, "0123456789")] == '\0' ? len : 0;
}

bool request_host_is_ours(const char *host, const char *const *ours, size_t count)
{
    size_t len = host ? host_len(host) : 0;
    for (size_t i = 0; len > 0 && i < count; i++)
        if (strlen(ours[i]) == len && strncasecmp(host, ours[i], len) == 0)
            return true;
    return false;
}

void request_url_host(const char *url, struct strbuf *host)
{
    const char *at = url ? strstr(url, "://") : NULL;
    if (!at)
        return;
    at += 3;
    size_t len = strcspn(at, "/?#");
    const char *user_end = memrchr(at, '@', len);
    if (user_end) {
        len -= (size_t)(user_end + 1 - at);
        at = user_end + 1;
    }
    char *authority = must_copy(at, len);
    strbuf_add(host, authority, host_len(authority));
    free(authority);
}

/* Each byte of what was sent is compared with one of the token, whether or not the ones before it were right. */
bool request_token_is_right(const char *header, const char *token)
{
    static const char scheme[] = "Bearer ";
    if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *sent = header + sizeof scheme - 1;
    size_t sent_len = strlen(sent), token_len = strlen(token);
    volatile unsigned char different = sent_len != token_len || token_len == 0;
    for (size_t i = 0; i < sent_len; i++)
        different =
            (unsigned char)(different | ((unsigned char)sent[i] ^ (unsigned char)token[token_len ? i % token_len : 0]));
    return different == 0;
}
