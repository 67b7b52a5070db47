/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_STYLE_H
#define COMMANDS_REPORT_STYLE_H

#include "base/strbuf.h"

/* The style sheet of the HTML report: a light and a dark theme, print, and screens as narrow as a phone's. */
void report_style(struct strbuf *out);

/* The links between the pages of `agent serve`. here: the path of the one in which they stand; NULL: it is none of them. */
void report_navigation(const char *here, struct strbuf *out);

/* In the head of a page of `agent serve`: its script asks for the page every so many milliseconds, and without it the browser does at times. */
void report_refresh(int every_ms, struct strbuf *out);

#endif
