/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/budgets.h"
#include "base/clock.h"

enum { GET_ONLY = 405, NEEDS_TOKEN = 401, LONG_ADDRESS = 414, OTHER_HOST = 421, LONG_HEADERS = 431, NO_PAGE = 404 };
enum { WRONG = 400, TOO_BUSY = 503 };

/* Each connection carries one request, so that its end can be set. */
struct connection {
    int fd;
    int64_t end_ms; /* of the time for the request, later for taking the answer; on clock_running_ms() */
    size_t held;    /* bytes of its answer */
    bool used;
};

struct server {
    struct server_settings settings;
    struct MHD_Daemon *daemon;
    struct connection connections[SERVE_CONNECTIONS_MAX];
    int64_t busy_ms;
    bool has_closed; /* a connection, in this run */
};

/* --- Connections ------------------------------------------------------------------------------------------------ */

static void connection_changes(void *user, struct MHD_Connection *http, void **context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct server *server = user;
    struct connection *connection = *context;
    server->busy_ms = clock_running_ms();
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        server->has_closed = true;
        if (connection)
            *connection = (struct connection){ 0 };
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
    for (size_t i = 0; info && i < SERVE_CONNECTIONS_MAX; i++)
        if (!server->connections[i].used) {
            server->connections[i] =
                (struct connection){ info->connect_fd, server->busy_ms + SERVE_CONNECTION_MS, 0, true };
            *context = &server->connections[i];
            return;
        }
}

static struct connection *connection_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* A client that sends or takes a byte now and then would hold its connection for ever. */
static void end_slow_connections(struct server *server)
{
    int64_t now_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        if (server->connections[i].used && server->connections[i].end_ms <= now_ms) {
            shutdown(server->connections[i].fd, SHUT_RDWR);
            server->connections[i].end_ms = now_ms + SERVE_CONNECTION_MS;
        }
}

static size_t bytes_held(const struct server *server)
{
    size_t held = 0;
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        held += server->connections[i].held;
    return held;
}

/* --- Requests --------------------------------------------------------------------------------------------------- */

/* What the headers of a request say, as far as it matters. */
struct headers {
    const char *host, *authorization;
    int hosts, authorizations;
    size_t bytes;
};

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
    }
    return MHD_YES;
}

/* Returns 0 for a request that is let in, else the status that refuses it, with the reason in *why. */
static unsigned door(const struct server *server, struct MHD_Connection *http, const char *target, const char *method,
                     const char **why)
{
    const struct server_settings *settings = &server->settings;
    struct headers headers = { 0 };
    MHD_get_connection_values(http, MHD_HEADER_KIND, take_header, &headers);
    if (headers.bytes > SERVE_HEADER_MAX_BYTES) {
        *why = "The headers of a request may have 8192 bytes.";
        return LONG_HEADERS;
    }
    if (headers.hosts != 1 || !request_host_is_ours(headers.host, settings->hosts, settings->host_count)) {
        *why = "This server is not asked by the name in the Host header. The name under which people reach it belongs "
               "into "
               "[links] serve.";
        return OTHER_HOST;
    }
    if (settings->token &&
        (headers.authorizations != 1 || !request_token_is_right(headers.authorization, settings->token))) {
        *why = "The request needs the header \"Authorization: Bearer\" with the token of [serve] token_file.";
        return NEEDS_TOKEN;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        *why = "These pages can be read, by GET and HEAD, and nothing else.";
        return GET_ONLY;
    }
    if (!target || strlen(target) > SERVE_URL_MAX_BYTES) {
        *why = "An address may have 2048 bytes.";
        return LONG_ADDRESS;
    }
    return 0;
}

/* Somebody who was not let in is told no more than why. */
static void refuse_at_door(unsigned status, const char *why, struct answer *answer)
{
    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    strbuf_printf(&answer->body, "%s\n", why);
}

static void answer_target(const struct server *server, const char *target, struct answer *answer)
{
    struct request request;
    struct strbuf why = { 0 };
    switch (request_read(target, &request, &why)) {
    case REQUEST_READ: site_answer(server->settings.site, &request, answer); break;
    case REQUEST_WRONG: site_refuse(server->settings.site, WRONG, strbuf_text(&why), answer); break;
    case REQUEST_NO_PAGE:
        site_refuse(server->settings.site, NO_PAGE, "There is nothing at this address.", answer);
        break;
    }
    request_free(&request);
    strbuf_free(&why);
}

static void add_headers(const struct answer *answer, struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "Content-Security-Policy", site_policy);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "Connection", "close");
    if (answer->status == GET_ONLY)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (answer->status == NEEDS_TOKEN)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
}

/* Hands the answer over to libmicrohttpd, which frees its text. */
static enum MHD_Result send_answer(struct MHD_Connection *http, struct answer *answer)
{
    struct connection *connection = connection_of(http);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.at, MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    if (connection) {
        connection->held = answer->body.len;
        connection->end_ms = clock_running_ms() + SERVE_CONNECTION_MS;
    }
    answer->body = (struct strbuf){ 0 };
    add_headers(answer, response);
    enum MHD_Result result = MHD_queue_response(http, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The whole target as it was sent, since libmicrohttpd's own reading of it undoes escapes. It is kept until the request ends. */
static void *target_keep(void *user, const char *target, struct MHD_Connection *http)
{
    (void)user;
    (void)http;
    return must_copy(target, strlen(target));
}

static void target_free(void *user, struct MHD_Connection *http, void **context, enum MHD_RequestTerminationCode why)
{
    (void)user;
    (void)http;
    (void)why;
    free(*context);
    *context = NULL;
}

/* NOLINTBEGIN(readability-non-const-parameter): the type of such a function is libmicrohttpd's. */
static enum MHD_Result request_comes(void *user, struct MHD_Connection *http, const char *url, const char *method,
                                     const char *version, const char *body, size_t *body_len, void **context)
/* NOLINTEND(readability-non-const-parameter) */
{
    struct server *server = user;
    struct answer answer = { 0 };
    const char *why = NULL;
    (void)url;
    (void)version;
    (void)body;
    (void)body_len;
    unsigned refused = door(server, http, *context, method, &why);
    if (!refused && bytes_held(server) > SERVE_HELD_MAX_BYTES) {
        refused = TOO_BUSY;
        why = "Too many answers wait for those who asked for them. Try again in a few seconds.";
    }
    if (refused)
        refuse_at_door(refused, why, &answer);
    else
        answer_target(server, *context, &answer);
    enum MHD_Result result = send_answer(http, &answer);
    answer_free(&answer);
    return result;
}

/* --- Life ------------------------------------------------------------------------------------------------------- */

struct server *server_open(const struct server_settings *settings)
{
    /* libmicrohttpd keeps a request's line and headers and the answer's headers in this memory of each connection. */
    enum { MEMORY_BYTES = SERVE_URL_MAX_BYTES + SERVE_HEADER_MAX_BYTES + 16384 };
    struct server *server = must_alloc(sizeof *server);
    server->settings = *settings;
    server->busy_ms = clock_running_ms();
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, request_comes, server, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)settings->fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(SERVE_CONNECTION_MS / 1000),
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, target_keep, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        target_free, NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_changes, server, MHD_OPTION_END);
    if (server->daemon)
        return server;
    free(server);
    return NULL;
}

void server_close(struct server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server);
}

int server_fd(const struct server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

int server_wait_ms(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG http_ms;
    int64_t wait_ms = -1, now_ms = clock_running_ms();
    if (MHD_get_timeout(server->daemon, &http_ms) == MHD_YES)
        wait_ms = http_ms < SERVE_CONNECTION_MS ? (int64_t)http_ms : SERVE_CONNECTION_MS;
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        int64_t left_ms = server->connections[i].end_ms - now_ms;
        if (server->connections[i].used && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms < 0 ? 0 : left_ms;
    }
    return (int)wait_ms;
}

void server_run(struct server *server)
{
    /*
     * While there are as many connections as there may be, libmicrohttpd takes its listening socket out of what server_fd() watches. It puts it
     * back at the run after the one in which a connection was closed, so that run follows at once.
     */
    do {
        server->has_closed = false;
        end_slow_connections(server);
        MHD_run(server->daemon);
    } while (server->has_closed);
}

int64_t server_busy_ms(const struct server *server)
{
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        if (server->connections[i].used)
            return clock_running_ms();
    return server->busy_ms;
}
