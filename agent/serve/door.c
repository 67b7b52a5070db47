/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "door.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/budgets.h"
#include "listen_address.h"

static enum MHD_Result take_header(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct headers *headers = user;
    (void)kind;
    headers->bytes += strlen(name) + (value ? strlen(value) : 0) + sizeof ": \r\n" - 1;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        headers->host = value;
        headers->hosts++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0) {
        headers->authorization = value;
        headers->authorizations++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_ORIGIN) == 0) {
        headers->origin = value;
        headers->origins++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0) {
        headers->accept = value;
    } else if (strcasecmp(name, "Access-Control-Request-Method") == 0) {
        headers->asked_method = value;
    }
    return MHD_YES;
}

void headers_read(struct MHD_Connection *http, struct headers *headers)
{
    *headers = (struct headers){ 0 };
    MHD_get_connection_values(http, MHD_HEADER_KIND, take_header, headers);
}

static const struct refusal long_headers = { MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                             "The headers of a request may have 8192 bytes." };
static const struct refusal other_host = {
    MHD_HTTP_MISDIRECTED_REQUEST,
    "This server is not asked by the name in the Host header. The name under which people "
    "reach it belongs into [links] serve."
};
static const struct refusal needs_token = {
    MHD_HTTP_UNAUTHORIZED,
    "The request needs the header \"Authorization: Bearer\" with the token of [serve] token_file."
};
static const struct refusal other_method = { MHD_HTTP_METHOD_NOT_ALLOWED,
                                             "These pages can be read, by GET and HEAD, and nothing else." };
static const struct refusal long_address = { MHD_HTTP_URI_TOO_LONG, "An address may have 2048 bytes." };

/* NULL: the request is let in. */
static const struct refusal *door_judge(const struct server_settings *settings, const struct headers *headers,
                                        const char *method, const char *target)
{
    if (headers->bytes > SERVE_HEADER_MAX_BYTES)
        return &long_headers;
    if (headers->hosts != 1 || !request_host_is_ours(headers->host, settings->hosts, settings->host_count))
        return &other_host;
    if (settings->token &&
        (headers->authorizations != 1 || !request_token_is_right(headers->authorization, settings->token)))
        return &needs_token;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return &other_method;
    return strlen(target) > SERVE_URL_MAX_BYTES ? &long_address : NULL;
}

bool door_lets_in(const struct server_settings *settings, const struct headers *headers, const char *method,
                  const char *target, struct refusal *refusal)
{
    const struct refusal *found = door_judge(settings, headers, method, target);
    if (found)
        *refusal = *found;
    return !found;
}

struct slice door_origin(const struct server_settings *settings, const struct headers *headers)
{
    const char *at = settings->allow_origin;
    struct slice origin;
    while (at && headers->origins == 1 && listen_origin_next(&at, &origin))
        if (slice_equals(origin, headers->origin))
            return origin;
    return (struct slice){ "", 0 };
}

bool door_is_preflight(const struct server_settings *settings, const struct headers *headers, const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0 && door_origin(settings, headers).len > 0 &&
           headers->hosts == 1 && request_host_is_ours(headers->host, settings->hosts, settings->host_count) &&
           headers->asked_method &&
           (strcmp(headers->asked_method, MHD_HTTP_METHOD_GET) == 0 ||
            strcmp(headers->asked_method, MHD_HTTP_METHOD_HEAD) == 0);
}
