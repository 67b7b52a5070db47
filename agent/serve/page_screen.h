/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_PAGE_SCREEN_H
#define SERVE_PAGE_SCREEN_H

#include "agent/commands/status/status.h"
#include "site.h"

/* What the screen of `agent status` says, in its words, but for what the page has shown in another form. */
void page_screen(const struct status *status, struct strbuf *out);

#endif
