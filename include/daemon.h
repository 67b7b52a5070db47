/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_H
#define DAEMON_H

#include "config.h"

/*
 * agent/daemon: the running agent. It owns the loop and the clocks and joins the other rooms: lines from follow go through the parser
 * and the engine, and what the engine decides goes into the history and from there to the webhooks. Everything but sending, asking
 * probes and SQLite's checkpoint happens in one thread.
 */

/* Reads the configuration again after SIGHUP. reload returns NULL, with the errors said, if the new one is bad. */
struct daemon_source {
    void *ctx;
    struct config *(*reload)(void *ctx);
};

/*
 * Runs the agent until SIGTERM or SIGINT, and takes over the configuration. Returns 0 after an orderly end, or 1 with the error
 * said.
 */
int daemon_run(struct config *config, const struct daemon_source *source);

#endif
