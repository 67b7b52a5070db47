/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_FENCE_H
#define SERVE_FENCE_H

#include "base/strbuf.h"

/*
 * Gives up what this program does not need: new privileges, core dumps (the memory holds the token), and by Landlock (landlock(7)) writing
 * any file and running any program. It makes a directory of its own for SQLite's temporary files, where alone it may write. What the kernel
 * does not offer is named in *shortfall. AGENT_CONFINE=no leaves all of it out.
 *
 * Returns the name of that directory, owned by the caller, who removes it when the program ends; NULL: there is none.
 */
char *fence_process(struct strbuf *shortfall);

#endif
