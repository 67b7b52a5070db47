/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "base/budgets.h"
#include "base/clock.h"
#include "connections.h"
#include "door.h"
#include "kept.h"
#include "send.h"
#include "workers.h"

enum { JOBS_MAX = LANES * SERVE_WAITING_MAX + LANES };

struct server {
    struct server_settings settings;
    struct MHD_Daemon *daemon;
    struct connections connections;
    bool has_closed; /* a connection, in this run */
    struct workers *workers;
    struct kept *kept;
    int64_t begun_ms;           /* on the wall clock: tells this server's tags from those of one before it */
    struct job *jobs[JOBS_MAX]; /* those that the workers have */
};

/* --- Jobs ------------------------------------------------------------------------------------------------------- */

static struct job **job_place(struct server *server, const char *key)
{
    struct job **found = NULL;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (server->jobs[i] && strcmp(server->jobs[i]->key, key) == 0)
            return &server->jobs[i];
        else if (!server->jobs[i] && !found)
            found = &server->jobs[i];
    return found;
}

static enum lane lane_of(enum route route)
{
    return site_route_is_quick(route) ? LANE_QUICK : LANE_LONG;
}

/* Takes the request and the key. NULL: too many jobs wait. */
static struct job *job_begin(struct server *server, struct request *request, struct slice origin, struct strbuf *key,
                             const struct kept_answer *kept)
{
    struct job **place = job_place(server, strbuf_text(key));
    struct job *same = place ? *place : NULL;
    if (same || !place)
        return same;
    struct job *job = must_alloc(sizeof *job);
    *job = (struct job){ .key = key->at,
                         .request = *request,
                         .origin = origin,
                         .lane = lane_of(request->route),
                         .is_first = request->route == ROUTE_HEALTH,
                         .kept_version = kept && !site_route_reads_the_log(request->route) &&
                                                 kept_may_stay(kept, clock_running_ms())
                                             ? kept->version
                                             : 0 };
    *key = (struct strbuf){ 0 };
    *request = (struct request){ 0 };
    if (!workers_take(server->workers, job)) {
        job_free(job);
        return NULL;
    }
    *place = job;
    return job;
}

/*
 * While the history is the same, two answers for one address differ in the ages that they name, which grow. Who asks again and again needs
 * them at times only, and is told in between that nothing has changed.
 */
static void put_tag(const struct server *server, const struct job *job, struct rendered *rendered)
{
    enum { AGES_STAY_MS = 10 * 1000 };
    if (job->answer.status != MHD_HTTP_OK || job->version == 0)
        return;
    snprintf(rendered->tag, sizeof rendered->tag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)server->begun_ms, (uint64_t)job->version, (uint64_t)(job->begun_ms / AGES_STAY_MS),
             job->answer.differs_by);
    MHD_add_response_header(rendered->response, MHD_HTTP_HEADER_ETAG, rendered->tag);
}

/* The answer that the job made, or the one that was kept; NULL: neither can be sent. It is the caller's. */
static struct rendered *job_end(struct server *server, struct job *job)
{
    const struct kept_answer *kept = job->is_unchanged ? kept_find(server->kept, job->key) : NULL;
    if (kept) {
        struct rendered *same = rendered_take(kept->rendered);
        kept_confirm(server->kept, job->key, job->begun_ms);
        return same;
    }
    job->answer.origin = job->origin;
    bool keeps = job->answer.status == MHD_HTTP_OK && job->request.route != ROUTE_HEALTH && !job->is_unchanged;
    struct rendered *rendered = job->answer.status ? rendered_of(&job->answer) : NULL;
    if (keeps && rendered)
        put_tag(server, job, rendered);
    if (keeps && rendered)
        kept_put(server->kept, job->key,
                 &(struct kept_answer){ rendered, job->version, job->begun_ms, job->begun_ms, job->cost_ms });
    return rendered;
}

/* Hands the answers of finished jobs to all who wait for them. */
static void end_jobs(struct server *server)
{
    for (struct job *job; (job = workers_done(server->workers));) {
        struct rendered *rendered = job_end(server, job);
        for (struct connection *at = NULL; (at = connections_next(&server->connections, at));)
            if (at->job == job) {
                at->job = NULL;
                at->ready = rendered ? rendered_take(rendered) : NULL;
                MHD_resume_connection(at->http);
            }
        struct job **place = job_place(server, job->key);
        if (place)
            *place = NULL;
        rendered_leave(rendered, response_let_go);
        job_free(job);
    }
}

/* --- Requests --------------------------------------------------------------------------------------------------- */

static enum MHD_Result wait_for_job(struct connection *connection, struct job *job)
{
    static const struct refusal too_busy = { MHD_HTTP_SERVICE_UNAVAILABLE,
                                             "Too many requests wait for their answers. Try again in a few seconds." };
    if (!job)
        return send_refusal(connection, too_busy);
    connection->job = job;
    connection->end_ms = INT64_MAX; /* the workers have an end of their own: HISTORY_READER_CPU_MS */
    MHD_suspend_connection(connection->http);
    return MHD_YES;
}

/* Two requests with the same key have the same answer, headers and all. */
static void key_of(const char *target, const struct request *request, struct slice origin, struct strbuf *key)
{
    strbuf_printf(key, "%d %d %.*s %s", request->route, request->dialect, (int)origin.len, origin.at, target);
}

static enum MHD_Result answer_read(struct server *server, struct connection *connection, const char *target,
                                   struct slice origin, struct request *request)
{
    struct strbuf key = { 0 };
    struct answer answer = { 0 };
    enum MHD_Result result;
    if (site_answer_file(request->route, &answer)) {
        answer.origin = origin;
        return send_answer(connection, &answer);
    }
    key_of(target, request, origin, &key);
    const struct kept_answer *kept = kept_find(server->kept, strbuf_text(&key));
    enum kept_age age = kept_age(kept, clock_running_ms());
    struct rendered *rendered = age == KEPT_NONE ? NULL : rendered_take(kept->rendered);
    struct job *job = age == KEPT_FRESH ? NULL : job_begin(server, request, origin, &key, kept);
    if (rendered)
        result = send_rendered(connection, rendered);
    else
        result = wait_for_job(connection, job);
    rendered_leave(rendered, response_let_go);
    strbuf_free(&key);
    return result;
}

static enum MHD_Result answer_target(struct server *server, struct connection *connection, const char *target,
                                     const struct headers *headers)
{
    static const char api[] = "/api/";
    const struct site *site = server->settings.site;
    struct request request;
    struct strbuf why = { 0 };
    struct answer answer = { 0 };
    enum MHD_Result result = MHD_NO;
    enum request_read read = request_read(target, &request, &why);
    if (read == REQUEST_NO_PAGE && strncmp(target, api, sizeof api - 1) == 0)
        request.route = ROUTE_API_STATUS; /* who asks there is told in JSON */
    if (site_route_is_for_programs(request.route))
        answer.origin = door_origin(&server->settings, headers);
    answer.type = site_type(request.route);
    switch (read) {
    case REQUEST_READ:
        if (accept_openmetrics(headers->accept))
            request.dialect = EXPOSITION_OPENMETRICS;
        result = answer_read(server, connection, target, answer.origin, &request);
        break;
    case REQUEST_WRONG:
        site_refuse(site, MHD_HTTP_BAD_REQUEST, strbuf_text(&why), &answer);
        result = send_answer(connection, &answer);
        break;
    case REQUEST_NO_PAGE:
        site_refuse(site, MHD_HTTP_NOT_FOUND, "There is nothing at this address.", &answer);
        result = send_answer(connection, &answer);
        break;
    }
    request_free(&request);
    strbuf_free(&why);
    return result;
}

static struct connection *connection_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* libmicrohttpd calls this for a request, and once more when its connection was suspended and goes on. */
/* NOLINTBEGIN(readability-non-const-parameter): the type of such a function is libmicrohttpd's. */
static enum MHD_Result request_comes(void *user, struct MHD_Connection *http, const char *url, const char *method,
                                     const char *version, const char *body, size_t *body_len, void **context)
/* NOLINTEND(readability-non-const-parameter) */
{
    static const struct refusal too_much_held = {
        MHD_HTTP_SERVICE_UNAVAILABLE, "Too many answers wait for those who asked for them. Try again in a few seconds."
    };
    struct server *server = user;
    struct connection *connection = connection_of(http);
    struct headers headers;
    struct refusal refusal;
    (void)url;
    (void)version;
    (void)body;
    (void)body_len;
    if (!connection || !*context)
        return MHD_NO;
    if (connection->ready)
        return send_rendered(connection, connection->ready);
    connection->has_asked = true;
    headers_read(http, &headers);
    if (door_is_preflight(&server->settings, &headers, method))
        return send_preflight(connection, door_origin(&server->settings, &headers));
    if (!door_lets_in(&server->settings, &headers, method, *context, &refusal))
        return send_refusal(connection, refusal);
    if (connections_held(&server->connections) > SERVE_HELD_MAX_BYTES)
        return send_refusal(connection, too_much_held);
    return answer_target(server, connection, *context, &headers);
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

/* --- Life ------------------------------------------------------------------------------------------------------- */

static void connection_changes(void *user, struct MHD_Connection *http, void **context,
                               enum MHD_ConnectionNotificationCode what)
{
    struct server *server = user;
    struct connection *connection = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = info ? connections_open(&server->connections, info->connect_fd, http) : NULL;
        return;
    }
    server->has_closed = true;
    if (connection) {
        rendered_leave(connection->ready, response_let_go);
        connections_close(&server->connections, connection);
    }
}

struct server *server_open(const struct server_settings *settings)
{
    /* In this memory of each connection libmicrohttpd keeps a request's head, what it makes of it, and the answer's headers. */
    enum { MEMORY_BYTES = 4 * (SERVE_URL_MAX_BYTES + SERVE_HEADER_MAX_BYTES) };
    struct server *server = must_alloc(sizeof *server);
    server->settings = *settings;
    server->begun_ms = clock_now_ms();
    server->kept = kept_new(response_let_go);
    server->connections.busy_ms = clock_running_ms();
    server->workers = workers_open(settings->site);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_comes, server, MHD_OPTION_LISTEN_SOCKET,
        (MHD_socket)settings->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(SERVE_CONNECTION_MS / 1000), MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
        target_keep, NULL, MHD_OPTION_NOTIFY_COMPLETED, target_free, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        connection_changes, server, MHD_OPTION_END);
    if (server->workers && server->daemon)
        return server;
    server_close(server);
    return NULL;
}

void server_close(struct server *server)
{
    if (server->workers)
        workers_close(server->workers);
    for (struct connection *at = NULL; (at = connections_next(&server->connections, at));)
        if (at->job) {
            at->job = NULL;
            MHD_resume_connection(at->http);
        }
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    kept_free(server->kept);
    free(server);
}

void server_watch(const struct server *server, struct pollfd look[SERVER_FDS])
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    look[0] = (struct pollfd){ .fd = info ? info->epoll_fd : -1, .events = POLLIN };
    look[1] = (struct pollfd){ .fd = workers_fd(server->workers), .events = POLLIN };
}

int server_wait_ms(const struct server *server)
{
    MHD_UNSIGNED_LONG_LONG http_ms;
    int wait_ms = connections_wait_ms(&server->connections);
    if (MHD_get_timeout(server->daemon, &http_ms) == MHD_YES && (wait_ms < 0 || http_ms < (unsigned)wait_ms))
        wait_ms = http_ms < SERVE_CONNECTION_MS ? (int)http_ms : SERVE_CONNECTION_MS;
    return wait_ms;
}

void server_run(struct server *server)
{
    end_jobs(server);
    /*
     * While there are as many connections as there may be, libmicrohttpd takes its listening socket out of what server_watch() tells. It puts it
     * back at the run after the one in which a connection was closed, so that run follows at once.
     */
    do {
        server->has_closed = false;
        connections_end_slow(&server->connections);
        MHD_run(server->daemon);
    } while (server->has_closed);
}

int64_t server_busy_ms(const struct server *server)
{
    return server->connections.count ? clock_running_ms() : server->connections.busy_ms;
}
