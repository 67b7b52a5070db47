/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_STYLE_H
#define COMMANDS_REPORT_STYLE_H

#include "base/strbuf.h"

/* The page's style sheet: two themes, paper, and screens down to a phone's. */
void report_style(struct strbuf *out);

#endif
