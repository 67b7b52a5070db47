/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_H
#define DAEMON_H

#include "config.h"

/* Reads the configuration again, on SIGHUP; NULL, with the errors said, if it is bad: then the old one stays. */
struct daemon_source {
    void *ctx;
    struct config *(*reload)(void *ctx);
};

/*
 * The agent itself: follows the log, decides, stores, notifies, until SIGTERM or SIGINT. Takes over the configuration.
 * Returns 0 after an orderly end, 1 with the error said.
 */
int daemon_run(struct config *config, const struct daemon_source *source);

#endif
