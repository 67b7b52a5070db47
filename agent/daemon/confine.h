/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CONFINE_H
#define DAEMON_CONFINE_H

#include <stddef.h>

#include "base/strbuf.h"
#include "config.h"

/*
 * Least privilege. From here on, and in every thread and program started later, the process gains no privileges, dumps no
 * core (its memory holds tokens), runs no other program, listens on no TCP port, and by Landlock (landlock(7)) sees
 * of the file system only what this configuration and the system's resolver, certificates and zones need. Nothing of
 * it can be taken back. Threads that run already are not confined: call it before there are any.
 *
 * What the kernel does not offer is named in *shortfall, in words, and the rest is applied all the same.
 * AGENT_CONFINE=no in the environment leaves all of it out, for debuggers, sanitizers and coverage tools.
 */
void confine_process(const struct config *config, struct strbuf *shortfall);

#endif
