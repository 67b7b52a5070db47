/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/commands/options.h"
#include "agent/commands/serve.h"
#include "base/budgets.h"
#include "base/clock.h"
#include "base/say.h"
#include "fence.h"
#include "listen.h"
#include "secrets.h"
#include "server.h"

/*
 * agent-web is the program behind `agent serve`: it shows the history in a browser. It is a program of its own so that whatever happens in
 * it stays here, and so that the agent itself is not linked with a web server.
 */

enum { WAIT_MOST_MS = 10 * 60 * 1000 };

struct web {
    const struct config *config;
    struct listen_address address;
    bool is_activated; /* the socket is systemd's */
    int fd;
    struct strbuf token, serve_host;
};

/* Returns an exit code: EXIT_USAGE for an address that is of no use, EXIT_FAILED if it cannot be listened to. */
static int take_socket(struct web *web, const char *chosen)
{
    struct strbuf why = { 0 };
    const char *where = chosen ? chosen : web->config->serve_listen;
    web->fd = chosen ? -1 : listen_take(&web->address, &why);
    web->is_activated = web->fd >= 0;
    int code = EXIT_OK;
    if (!web->is_activated && (why.len || !listen_parse(where, &web->address, &why)))
        code = EXIT_USAGE;
    if (code == EXIT_OK && !web->address.is_local && !web->config->serve_token_file) {
        strbuf_puts(&why, LISTEN_NEEDS_TOKEN);
        code = EXIT_USAGE;
    }
    if (code == EXIT_OK && !web->is_activated) {
        web->fd = listen_open(&web->address, &why);
        code = web->fd >= 0 ? EXIT_OK : EXIT_FAILED;
    }
    if (code != EXIT_OK)
        say_error("serve: %s: %s", web->is_activated ? "the socket of systemd" : where, strbuf_text(&why));
    strbuf_free(&why);
    return code;
}

static bool take_token(struct web *web)
{
    const char *file = web->config->serve_token_file;
    struct strbuf why = { 0 };
    bool good = !file || secret_read(file, &web->token, &why);
    if (good && file && !listen_token_is_good(strbuf_text(&web->token))) {
        strbuf_printf(&why, "%s: " LISTEN_BAD_TOKEN, file);
        good = false;
    }
    if (!good)
        say_error("serve: token_file: %s", strbuf_text(&why));
    else if (file && secret_is_public(file))
        say_warning("serve: token_file: everybody on this host may read %s", file);
    strbuf_free(&why);
    return good;
}

/* Until a signal ends it, or nobody has asked for long. */
static void serve_until_end(const struct web *web, struct server *server, int signals)
{
    for (;;) {
        int64_t idle_ms = clock_running_ms() - server_busy_ms(server);
        int64_t left_ms = web->is_activated ? web->config->serve_idle_exit_ms - idle_ms : INT64_MAX;
        int wait_ms = server_wait_ms(server);
        if (left_ms <= 0) {
            say_note("serve: nobody has asked for long (serve.idle_exit); the next request starts it again");
            return;
        }
        if (left_ms != INT64_MAX && (wait_ms < 0 || wait_ms > left_ms))
            wait_ms = left_ms < WAIT_MOST_MS ? (int)left_ms : WAIT_MOST_MS;
        struct pollfd look[1 + SERVER_FDS] = { { .fd = signals, .events = POLLIN } };
        server_watch(server, look + 1);
        if (poll(look, sizeof look / sizeof look[0], wait_ms) < 0 && errno != EINTR) {
            say_error("serve: poll: %s", strerror(errno));
            return;
        }
        if (look[0].revents)
            return;
        server_run(server);
    }
}

static int serve(struct web *web)
{
    const struct config *config = web->config;
    const char *title = config->serve_title ? config->serve_title : "Iceberg offload";
    const struct site site = { config, title };
    const char *hosts[] = { "localhost", "127.0.0.1", "[::1]", NULL, NULL };
    size_t host_count = 3;
    sigset_t ends;
    struct strbuf shortfall = { 0 }, url = { 0 };
    request_url_host(config->links.serve, &web->serve_host);
    if (web->address.host)
        hosts[host_count++] = web->address.host;
    if (web->serve_host.len)
        hosts[host_count++] = web->serve_host.at;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    char *own = fence_process(&shortfall);
    struct server *server = server_open(&(struct server_settings){
        &site, web->fd, hosts, host_count, config->serve_token_file ? strbuf_text(&web->token) : NULL,
        config->serve_allow_origin });
    if (!server || signals < 0) {
        say_error("serve: the web server cannot start");
    } else {
        listen_url(web->fd, &url);
        if (shortfall.len)
            say_note("serve: not confined as far as it could be: %s", shortfall.at);
        say_note("serve: %s shows %s", strbuf_text(&url), config->history_db);
        serve_until_end(web, server, signals);
    }
    bool good = server && signals >= 0;
    if (server)
        server_close(server);
    if (own)
        rmdir(own);
    free(own);
    strbuf_free(&shortfall);
    strbuf_free(&url);
    return good ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    struct web web = { .fd = -1 };
    int code = EXIT_USAGE;
    if (argc < 1 || options_parse(&options, &serve_arguments, argc, argv) != OPTIONS_READ)
        return EXIT_USAGE;
    web.config = options_config(&options);
    if (web.config && take_token(&web)) {
        code = take_socket(&web, options.values[SERVE_OPTION_LISTEN]);
        code = code == EXIT_OK ? serve(&web) : code;
    }
    if (web.token.len)
        explicit_bzero(web.token.at, web.token.len);
    strbuf_free(&web.token);
    strbuf_free(&web.serve_host);
    listen_free(&web.address);
    options_free(&options);
    return code;
}
