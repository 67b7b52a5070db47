/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "config_keys.h"
#include "options.h"
#include "parser.h"
#include "secrets.h"

enum { SHOW_SAMPLE, SPECS };

static const struct option_spec specs[SPECS] = {
    [SHOW_SAMPLE] = { "sample", NULL, "print a commented sample configuration instead" },
};

const struct option_table check_config_options = { specs, SPECS };

/* The patterns are configuration too: an error in them would stop `agent run` just the same. */
static bool check_patterns(const struct config *config)
{
    struct strbuf error = { 0 };
    struct parser *parser = parser_open(config->log_patterns, &error);

    if (!parser)
        say_error("%s", strbuf_text(&error));
    bool good = parser != NULL;
    parser_free(parser);
    strbuf_free(&error);
    return good;
}

static void check_secret(const struct webhook_config *webhook, const char *key, const char *file)
{
    struct strbuf secret = { 0 }, error = { 0 };

    if (file && !secret_read(file, &secret, &error))
        say_warning("webhook %s: %s: %s", webhook->name, key, strbuf_text(&error));
    strbuf_free(&secret);
    strbuf_free(&error);
}

/* Only warnings: who asks may be another user than the agent, with other rights and credentials. */
static void check_files(const struct config *config)
{
    for (size_t i = 0; i < config->webhook_count; i++) {
        const struct webhook_config *webhook = &config->webhooks[i];
        check_secret(webhook, "token_file", webhook->token_file);
        check_secret(webhook, "routing_key_file", webhook->routing_key_file);
        if (webhook->ca_file && access(webhook->ca_file, R_OK) != 0)
            say_warning("webhook %s: ca_file: %s: %s", webhook->name, webhook->ca_file, strerror(errno));
    }
}

static int check(const struct options *options)
{
    struct strbuf text = { 0 };
    struct config *config = options_config(options);
    int status = EXIT_USAGE;

    if (!config || !check_patterns(config))
        goto cleanup;
    check_files(config);
    puts("configuration OK");
    if (options->verbose) {
        config_show(config, &text);
        printf("\n%s", text.at);
    }
    status = EXIT_OK;
cleanup:
    config_free(config);
    strbuf_free(&text);
    return status;
}

int command_check_config(int argc, char **argv)
{
    struct options options;
    struct strbuf text = { 0 };
    int status = options_parse(&options, argc, argv, specs, SPECS);

    if (status >= 0)
        return status;
    if (options.operand_count > 0) {
        say_error("check-config: %s: takes no operand (the file is named by --config)", options.operands[0]);
        status = EXIT_USAGE;
    } else if (options.values[SHOW_SAMPLE]) {
        config_sample(&text);
        fputs(text.at, stdout);
        status = EXIT_OK;
    } else {
        status = check(&options);
    }
    strbuf_free(&text);
    options_free(&options);
    return status;
}
