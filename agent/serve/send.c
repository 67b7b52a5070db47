/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "send.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/budgets.h"
#include "base/clock.h"

void response_let_go(void *response)
{
    MHD_destroy_response(response);
}

static void add_headers(struct MHD_Response *response, const struct answer *answer)
{
    if (answer->type)
        MHD_add_response_header(response, "Content-Type", answer->type);
    for (const struct site_header *header = site_headers; header->name; header++)
        MHD_add_response_header(response, header->name, header->value);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (answer->vary)
        MHD_add_response_header(response, "Vary", answer->vary);
    if (answer->origin.len) {
        char *origin = must_copy(answer->origin.at, answer->origin.len);
        MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
        MHD_add_response_header(response, "Vary", "Origin");
        free(origin);
    }
    if (answer->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
}

struct rendered *rendered_of(struct answer *answer)
{
    struct rendered *rendered = must_alloc(sizeof *rendered);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.at, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(rendered);
        return NULL;
    }
    add_headers(response, answer);
    *rendered = (struct rendered){ response, answer->status, answer->body.len, 1, "" };
    answer->body = (struct strbuf){ 0 };
    return rendered;
}

static enum MHD_Result copy_header(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) != 0)
        MHD_add_response_header(user, name, value);
    return MHD_YES;
}

/* Tells who has the answer already that it has, with the headers that the answer would have. */
static enum MHD_Result send_not_modified(struct connection *connection, const struct rendered *rendered)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_get_response_headers(rendered->response, copy_header, response);
    enum MHD_Result result = MHD_queue_response(connection->http, MHD_HTTP_NOT_MODIFIED, response);
    MHD_destroy_response(response);
    return result;
}

/* The header may list several tags. A proxy that compresses answers puts W/ before theirs, which makes no difference here (RFC 9110, 13.1.2). */
static bool names_tag(const char *header, const char *tag)
{
    return header && tag[0] && strstr(header, tag);
}

enum MHD_Result send_rendered(struct connection *connection, struct rendered *rendered)
{
    const char *known = MHD_lookup_connection_value(connection->http, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    connection->end_ms = clock_running_ms() + SERVE_CONNECTION_MS;
    if (names_tag(known, rendered->tag))
        return send_not_modified(connection, rendered);
    connection->held = rendered->bytes;
    return MHD_queue_response(connection->http, rendered->status, rendered->response);
}

enum MHD_Result send_answer(struct connection *connection, struct answer *answer)
{
    struct rendered *rendered = rendered_of(answer);
    enum MHD_Result result = rendered ? send_rendered(connection, rendered) : MHD_NO;
    rendered_leave(rendered, response_let_go);
    answer_free(answer);
    return result;
}

/* Somebody who was not let in is told no more than why. */
enum MHD_Result send_refusal(struct connection *connection, struct refusal refusal)
{
    struct answer answer = { .status = refusal.status, .type = "text/plain; charset=utf-8" };
    strbuf_printf(&answer.body, "%s\n", refusal.why);
    return send_answer(connection, &answer);
}

/* The token's header is the only one of a request that such a page may add. */
enum MHD_Result send_preflight(struct connection *connection, struct slice origin)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    const struct answer answer = { .status = MHD_HTTP_NO_CONTENT, .origin = origin };
    if (!response)
        return MHD_NO;
    add_headers(response, &answer);
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD");
    MHD_add_response_header(response, "Access-Control-Allow-Headers", "Authorization");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    connection->end_ms = clock_running_ms() + SERVE_CONNECTION_MS;
    enum MHD_Result result = MHD_queue_response(connection->http, answer.status, response);
    MHD_destroy_response(response);
    return result;
}
