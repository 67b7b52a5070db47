/* SPDX-License-Identifier: GPL-2.0-or-later */
/* [serve]: what `agent serve` could not work with. */
#include <string.h>

#include "base/budgets.h"
#include "check.h"
#include "listen_address.h"
#include "secrets.h"

static void check_listen(struct config_loader *loader)
{
    const struct config *config = loader->config;
    struct listen_address address;
    struct strbuf why = { 0 };
    if (!listen_parse(config->serve_listen, &address, &why)) {
        check_put_entry(loader, "serve", "listen", loader->errors);
        strbuf_printf(loader->errors, "%s\n", strbuf_text(&why));
    } else if (!address.is_local && !config->serve_token_file) {
        check_put_entry(loader, "serve", "listen", loader->errors);
        strbuf_puts(loader->errors, LISTEN_NEEDS_TOKEN "\n");
    }
    listen_free(&address);
    strbuf_free(&why);
}

/* A token is sent in a header. A file that cannot be read here may be readable for `agent serve`, which says so else. */
static void check_token(struct config_loader *loader)
{
    const char *file = loader->config->serve_token_file;
    struct strbuf token = { 0 }, why = { 0 };
    if (file && secret_read(file, &token, &why) && !listen_token_is_good(strbuf_text(&token))) {
        check_put_entry(loader, "serve", "token_file", loader->errors);
        strbuf_printf(loader->errors, "%s: " LISTEN_BAD_TOKEN "\n", file);
    }
    warn_of_public_file(loader, "serve", "token_file", file);
    if (token.len)
        explicit_bzero(token.at, token.len);
    strbuf_free(&token);
    strbuf_free(&why);
}

static void check_title(struct config_loader *loader)
{
    const char *title = loader->config->serve_title;
    size_t len = title ? strlen(title) : 0;
    if (len <= SERVE_TITLE_MAX_BYTES)
        return;
    check_put_entry(loader, "serve", "title", loader->errors);
    strbuf_printf(loader->errors, "a title has %d bytes at the most\n", SERVE_TITLE_MAX_BYTES);
}

static void check_origins(struct config_loader *loader)
{
    const char *at = loader->config->serve_allow_origin;
    struct slice origin;
    while (at && listen_origin_next(&at, &origin)) {
        if (listen_origin_is_good(origin))
            continue;
        check_put_entry(loader, "serve", "allow_origin", loader->errors);
        strbuf_printf(loader->errors,
                      "'%.*s' is no origin: say a scheme and a host, as https://grafana.example.org or "
                      "http://localhost:3000, and nothing behind them\n",
                      (int)origin.len, origin.at);
    }
}

void config_check_serve(struct config_loader *loader)
{
    check_listen(loader);
    check_token(loader);
    check_title(loader);
    check_origins(loader);
}
