/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "head.h"

#include <strings.h>

#include "base/budgets.h"

/* The longest method, two spaces and the version stand beside the target in the first line. */
/* libmicrohttpd takes parameters and cookies apart, and needs memory for each one. */
enum { PARAMETERS_MAX = 32, HEADERS_MAX = 100, COOKIES_MAX = 100 };
enum { METHOD_MAX_BYTES = 16, VERSION_BYTES = sizeof "HTTP/1.1" - 1 };
enum { FIRST_LINE_MAX_BYTES = METHOD_MAX_BYTES + 1 + SERVE_URL_MAX_BYTES + 1 + VERSION_BYTES };

static const struct refusal malformed = { 400, "This is no request of HTTP/1.1." };
static const struct refusal other_target = { 400,
                                             "The target of a request is a path of this server, such as /incidents." };
static const struct refusal long_address = { 414, "An address may have 2048 bytes." };
static const struct refusal many_parameters = { 400, "An address may have 32 parameters." };
static const struct refusal bad_cookies = { 431,
                                            "This server takes no cookies, and so many or such ones are refused." };
static const struct refusal other_version = { 505, "This server speaks HTTP/1.0 and HTTP/1.1." };
static const struct refusal other_method = { 405, "These pages can be read, by GET and HEAD, and nothing else." };
static const struct refusal long_headers = { 431,
                                             "The headers of a request may have 8192 bytes, and be 100 at the most." };
static const struct refusal one_host = { 400, "A request needs one Host header." };
static const struct refusal has_body = { 413, "A request to these pages has no body." };
static const struct refusal expects = { 417, "A request to these pages may not expect anything." };

static enum head_state head_refuse(struct refusal *out, struct refusal refusal)
{
    *out = refusal;
    return HEAD_REFUSED;
}

/* Of a method or a header's name: tchar of RFC 9110. */
static size_t token_len(struct slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    size_t len = 0;
    for (; len < text.len; len++) {
        char c = text.at[len];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), is_digit = c >= '0' && c <= '9';
        if (!is_letter && !is_digit && (c == '\0' || !strchr(others, c)))
            break;
    }
    return len;
}

static struct slice slice_from(struct slice text, size_t from)
{
    return (struct slice){ text.at + from, text.len - from };
}

static size_t slice_count(struct slice text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == c;
    return count;
}

static bool slice_is(struct slice text, const char *word)
{
    return strlen(word) == text.len && strncasecmp(text.at, word, text.len) == 0;
}

/* The line at the front of *rest, without its CRLF, which is taken off *rest. False: its end has not come, or it ends without a CR. */
static bool line_take(struct slice *rest, struct slice *line)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    if (!end || end == rest->at || end[-1] != '\r')
        return false;
    *line = (struct slice){ rest->at, (size_t)(end - 1 - rest->at) };
    *rest = slice_from(*rest, (size_t)(end + 1 - rest->at));
    return true;
}

static bool method_is_good(struct slice method, bool takes_options)
{
    /* Methods are compared with their case: "get" is another one. */
    return slice_equals(method, "GET") || slice_equals(method, "HEAD") ||
           (takes_options && slice_equals(method, "OPTIONS"));
}

/* "GET /incidents HTTP/1.1". The method is judged last, so that what is no HTTP is told so. */
static enum head_state first_line_judge(struct slice line, bool takes_options, struct refusal *refusal)
{
    struct slice method = { line.at, token_len(line) }, rest = slice_from(line, method.len);
    if (method.len == 0 || method.len > METHOD_MAX_BYTES || rest.len == 0 || rest.at[0] != ' ')
        return head_refuse(refusal, malformed);
    rest = slice_from(rest, 1);
    size_t target = 0;
    while (target < rest.len && rest.at[target] > ' ' && rest.at[target] < 0x7f)
        target++;
    struct slice version = target < rest.len ? slice_from(rest, target + 1) : slice_of("");
    if (target == 0 || target == rest.len || rest.at[target] != ' ' || version.len != VERSION_BYTES ||
        memcmp(version.at, "HTTP/", 5) != 0)
        return head_refuse(refusal, malformed);
    if (!slice_equals(version, "HTTP/1.1") && !slice_equals(version, "HTTP/1.0"))
        return head_refuse(refusal, other_version);
    if (target > SERVE_URL_MAX_BYTES)
        return head_refuse(refusal, long_address);
    if (!method_is_good(method, takes_options))
        return head_refuse(refusal, other_method);
    if (slice_count((struct slice){ rest.at, target }, '&') >= PARAMETERS_MAX)
        return head_refuse(refusal, many_parameters);
    return rest.at[0] == '/' ? HEAD_GOOD : head_refuse(refusal, other_target);
}

static struct slice value_trim(struct slice value)
{
    while (value.len > 0 && (value.at[0] == ' ' || value.at[0] == '\t'))
        value = slice_from(value, 1);
    while (value.len > 0 && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    return value;
}

static bool value_is_good(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f)
            return false;
    return true;
}

/* A value that is a quotation mark alone is too much for libmicrohttpd 0.9.75, which then says that the headers are too long. */
static bool cookies_are_good(struct slice value)
{
    const char *last = value.len ? memrchr(value.at, '"', value.len) : NULL;
    return slice_count(value, ';') < COOKIES_MAX && (!last || last == value.at || last[-1] != '=');
}

static enum head_state header_judge(struct slice line, int *hosts, struct refusal *refusal)
{
    struct slice name = { line.at, token_len(line) }, value = slice_from(line, name.len);
    if (name.len == 0 || value.len == 0 || value.at[0] != ':' || !value_is_good(value))
        return head_refuse(refusal, malformed);
    value = value_trim(slice_from(value, 1));
    if (slice_is(name, "Host"))
        ++*hosts;
    else if (slice_is(name, "Transfer-Encoding") || (slice_is(name, "Content-Length") && !slice_equals(value, "0")))
        return head_refuse(refusal, has_body);
    else if (slice_is(name, "Cookie") && !cookies_are_good(value))
        return head_refuse(refusal, bad_cookies);
    else if (slice_is(name, "Expect"))
        return head_refuse(refusal, expects);
    return HEAD_GOOD;
}

static enum head_state headers_judge(struct slice rest, struct refusal *refusal)
{
    int hosts = 0;
    size_t count = 0, before = rest.len;
    struct slice line;
    while (line_take(&rest, &line)) {
        if (before - rest.len > SERVE_HEADER_MAX_BYTES || ++count > HEADERS_MAX)
            return head_refuse(refusal, long_headers);
        if (line.len == 0)
            return hosts == 1 ? HEAD_GOOD : head_refuse(refusal, one_host);
        enum head_state state = header_judge(line, &hosts, refusal);
        if (state != HEAD_GOOD)
            return state;
    }
    if (memchr(rest.at, '\n', rest.len))
        return head_refuse(refusal, malformed);
    return before > SERVE_HEADER_MAX_BYTES ? head_refuse(refusal, long_headers) : HEAD_INCOMPLETE;
}

enum head_state head_judge(struct slice sent, bool takes_options, struct refusal *refusal)
{
    struct slice rest = sent, line;
    if (!line_take(&rest, &line)) {
        if (memchr(rest.at, '\n', rest.len))
            return head_refuse(refusal, malformed);
        return rest.len > FIRST_LINE_MAX_BYTES + 1 ? head_refuse(refusal, long_address) : HEAD_INCOMPLETE;
    }
    enum head_state state = first_line_judge(line, takes_options, refusal);
    return state == HEAD_GOOD ? headers_judge(rest, refusal) : state;
}
