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

static const unsigned char icon[] = {
#include "icon.svg.inc"
};

static const unsigned char description[] = {
#include "openapi.json.inc"
};

bool site_answer_file(enum route route, struct answer *answer)
{
    *answer = (struct answer){ .status = 200 };
    switch (route) {
    case ROUTE_STYLE:
        answer->type = "text/css; charset=utf-8";
        report_style(&answer->body);
        strbuf_add(&answer->body, style, sizeof style);
        return true;
    case ROUTE_SCRIPT:
        answer->type = "text/javascript; charset=utf-8";
        strbuf_add(&answer->body, script, sizeof script);
        return true;
    case ROUTE_ICON:
        answer->type = "image/svg+xml";
        strbuf_add(&answer->body, icon, sizeof icon);
        return true;
    case ROUTE_API_DESCRIPTION:
        answer->type = site_type(route);
        strbuf_add(&answer->body, description, sizeof description);
        return true;
    default: return false;
    }
}
