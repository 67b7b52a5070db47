/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "causes.h"
#include "commands.h"
#include "config_keys.h"
#include "parser.h"
#include "secrets.h"

enum { SHOW_SAMPLE, SPECS };

static const struct option_spec specs[SPECS] = {
    [SHOW_SAMPLE] = { "sample", NULL, "print a commented sample configuration instead" },
};

const struct arguments check_config_arguments = { .usage = "[--sample]", .specs = specs, .spec_count = SPECS };

/* The patterns are configuration too: an error in them would stop `agent run` as well. */
static bool check_patterns(const struct config *config)
{
    struct strbuf error = { 0 };
    struct parser *parser = parser_open(config_patterns(config), &error);

    if (!parser)
        say_error("%s", strbuf_text(&error));
    bool good = parser != NULL;
    if (good && !parser_dates_itself(parser) && config->log_format == FRAME_PLAIN)
        say_warning("%s: its records have no group \"time\", so each line needs a frame that says when it was written: "
                    "[log] format = docker or cri",
                    config_patterns(config));
    parser_free(parser);
    strbuf_free(&error);
    return good;
}

static bool check_causes(const struct config *config)
{
    struct strbuf error = { 0 };
    struct causes *causes = config_causes(config, &error);

    for (const char *line = strbuf_text(&error); *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        say_error("%.*s", (int)strcspn(line, "\n"), line);
    bool good = causes != NULL;
    causes_free(causes);
    strbuf_free(&error);
    return good;
}

static void check_secret_file(const struct webhook_config *webhook, const char *key, const char *file)
{
    struct strbuf secret = { 0 }, error = { 0 };

    if (file && !secret_read(file, &secret, &error))
        say_warning("webhook %s: %s: %s", webhook->name, key, strbuf_text(&error));
    strbuf_free(&secret);
    strbuf_free(&error);
}

/* The default path may be written by a scheduler that is started later; `agent doctor` looks at it. A path that somebody wrote is meant. */
static bool log_path_is_default(const struct config *config)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].section, "log") == 0 && strcmp(keys[i].name, "path") == 0)
            return strcmp(config->log_path, keys[i].initial) == 0;
    return false;
}

/* These are only warnings, because the user who asks may have other rights and credentials than the agent. */
static void check_files(const struct config *config)
{
    if (!log_path_is_default(config) && access(config->log_path, F_OK) != 0)
        say_warning("log.path: %s: %s; `agent run` waits for it", config->log_path, strerror(errno));
    for (size_t i = 0; i < config->webhook_count; i++) {
        const struct webhook_config *webhook = &config->webhooks[i];
        struct webhook_file files[WEBHOOK_FILES];
        webhook_files(webhook, files);
        for (size_t j = 0; j < WEBHOOK_FILES; j++)
            if (files[j].is_secret)
                check_secret_file(webhook, files[j].key, files[j].path);
        if (webhook->ca_file && access(webhook->ca_file, R_OK) != 0)
            say_warning("webhook %s: ca_file: %s: %s", webhook->name, webhook->ca_file, strerror(errno));
    }
}

static int check(struct options *options)
{
    struct strbuf text = { 0 };
    const struct config *config = options_config(options);

    if (!config)
        return EXIT_USAGE;
    bool good = check_patterns(config);
    if (!check_causes(config) || !good)
        return EXIT_USAGE;
    check_files(config);
    puts("configuration OK");
    if (options->verbose) {
        config_show(config, &text);
        printf("\n%s", text.at);
        strbuf_free(&text);
    }
    return EXIT_OK;
}

int command_check_config(struct options *options)
{
    struct strbuf text = { 0 };

    if (!options->values[SHOW_SAMPLE])
        return check(options);
    config_sample(&text);
    fputs(text.at, stdout);
    strbuf_free(&text);
    return EXIT_OK;
}
