/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"
#include "daemon.h"

/* The agent itself. It stays in the foreground; a service manager keeps it in the background. */

const struct arguments run_arguments = { .usage = "" };

static struct config *read_again(void *ctx)
{
    return options_config_again(ctx);
}

int command_run(struct options *options)
{
    struct config *config = options_config(options);

    options->config = NULL; /* it is the daemon's from now on, which replaces it when it is told to reload */
    return config ? daemon_run(config, &(struct daemon_source){ options, read_again }) : EXIT_USAGE;
}
