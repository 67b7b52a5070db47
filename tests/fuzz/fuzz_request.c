/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/serve/accept.h"
#include "agent/serve/request.h"
#include "base/utf8.h"
#include "fuzz.h"

/* Any bytes as a request to the web server, a line each: the target, and the headers Host, Authorization and Accept. */

static char *line_copy(struct slice *text)
{
    const char *end = text->len ? memchr(text->at, '\n', text->len) : NULL;
    size_t len = end ? (size_t)(end - text->at) : text->len;
    char *copy = must_copy(len ? text->at : "", len);
    *text = (struct slice){ text->at + len + (end != NULL), text->len - len - (end != NULL) };
    return copy;
}

static bool is_text(const char *value)
{
    for (size_t step; *value; value += step)
        if ((unsigned char)*value < ' ' || *value == 0x7f || (step = utf8_step(slice_of(value))) == 0)
            return false;
    return true;
}

/* A name that a path has is the same when it is written and read again. */
static void check_name(const char *name)
{
    struct strbuf target = { 0 }, why = { 0 };
    struct request again;
    strbuf_puts(&target, "/tables/");
    request_put_name(name, &target);
    must(request_read(target.at, &again, &why) == REQUEST_READ && again.name && strcmp(again.name, name) == 0);
    request_free(&again);
    strbuf_free(&target);
    strbuf_free(&why);
}

static void check_target(const char *target)
{
    struct request request;
    struct strbuf why = { 0 };
    enum request_read read = request_read(target, &request, &why);
    must((read == REQUEST_WRONG) == (why.len > 0));
    must((read == REQUEST_NO_PAGE) == (request.route == ROUTE_NONE));
    must(request.id >= 0);
    for (int i = 0; read == REQUEST_READ && i < PARAMETERS; i++)
        must(!request.values[i] || (request.values[i][0] && is_text(request.values[i])));
    if (read == REQUEST_READ && request.name)
        check_name(request.name);
    request_free(&request);
    strbuf_free(&why);
}

static void check_headers(const char *host, const char *authorization, const char *accept)
{
    static const char *const ours[] = { "localhost", "[::1]", "offload.example.org" };
    bool is_ours = request_host_is_ours(host, ours, 3);
    must(!is_ours || strncasecmp(host, "localhost", 9) == 0 || strncasecmp(host, "[::1]", 5) == 0 ||
         strncasecmp(host, "offload.example.org", 19) == 0);
    must(!is_ours || strpbrk(host, "/@ ?#") == NULL);
    must(request_token_is_right(authorization, "s3cret") ==
         (strncasecmp(authorization, "Bearer ", 7) == 0 && strcmp(authorization + 7, "s3cret") == 0));
    must(!accept_openmetrics(accept) || strcasestr(accept, "application/openmetrics-text"));
}

static void read_request(struct slice text)
{
    char *target = line_copy(&text), *host = line_copy(&text);
    struct request request;
    struct strbuf why = { 0 }, url_host = { 0 };
    request_read(target, &request, &why);
    request_free(&request);
    request_url_host(host, &url_host);
    strbuf_free(&url_host);
    strbuf_free(&why);
    free(target);
    free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    fuzz_cost(read_request, text);
    char *target = line_copy(&text), *host = line_copy(&text), *authorization = line_copy(&text),
         *accept = line_copy(&text);
    check_target(target);
    check_headers(host, authorization, accept);
    free(target);
    free(host);
    free(authorization);
    free(accept);
    return 0;
}
