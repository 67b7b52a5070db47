/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/say.h"
#include "daemon.h"
#include "options.h"

/* In the foreground: a service manager keeps it in the background. */

static struct config *read_again(void *ctx)
{
    return options_config_again(ctx);
}

int command_run(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, argc, argv, NULL, 0);
    if (code >= 0)
        return code;
    if (options.operand_count > 0) {
        say_error("run: %s: unexpected operand", options.operands[0]);
        options_free(&options);
        return EXIT_USAGE;
    }
    struct config *config = options_config(&options);
    code = config ? daemon_run(config, &(struct daemon_source){ &options, read_again }) : EXIT_USAGE;
    options_free(&options);
    return code;
}
