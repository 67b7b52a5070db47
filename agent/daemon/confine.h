/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CONFINE_H
#define DAEMON_CONFINE_H

#include <stddef.h>

#include "base/strbuf.h"
#include "config.h"

/*
 * Gives up what the agent does not need. From here on the process and everything that it starts gain no privileges, dump no core (the
 * memory holds tokens), run no other program, listen on no TCP port, and see by Landlock (landlock(7)) only the files that this
 * configuration and the system's resolver, certificates and time zones need. None of it can be taken back. Landlock confines the calling
 * thread and those that it starts, so call this before there are others.
 *
 * What the kernel does not offer is named in *shortfall, in words, and the rest is applied all the same. AGENT_CONFINE=no in the
 * environment leaves everything out, for debuggers, sanitizers and coverage tools.
 */
void confine_process(const struct config *config, struct strbuf *shortfall);

#endif
