/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "door.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

static enum MHD_Result take_header(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct headers *headers = user;
    (void)kind;
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

bool door_lets_in(const struct server_settings *settings, const struct headers *headers, struct refusal *refusal)
{
    static const struct refusal other_host = {
        MHD_HTTP_MISDIRECTED_REQUEST, "This server is not asked by the name in the Host header. The name under which "
                                      "people reach it belongs into [links] serve."
    };
    static const struct refusal needs_token = {
        MHD_HTTP_UNAUTHORIZED,
        "The request needs the header \"Authorization: Bearer\" with the token of [serve] token_file."
    };
    if (headers->hosts != 1 || !request_host_is_ours(headers->host, settings->hosts, settings->host_count)) {
        *refusal = other_host;
        return false;
    }
    if (settings->token &&
        (headers->authorizations != 1 || !request_token_is_right(headers->authorization, settings->token))) {
        *refusal = needs_token;
        return false;
    }
    return true;
}
