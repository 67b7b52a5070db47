/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files beside this one that are sent as they are. The build makes them parts of the program. */
#include "agent/commands/report/html_style.h"
#include "site.h"

static const unsigned char style[] = {
#include "style.css.inc"
};

static const unsigned char script[] = {
#include "refresh.js.inc"
};

void answer_style(struct strbuf *out)
{
    report_style(out);
    strbuf_add(out, (const char *)style, sizeof style);
}

void answer_script(struct strbuf *out)
{
    strbuf_add(out, (const char *)script, sizeof script);
}
