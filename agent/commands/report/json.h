/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_JSON_H
#define COMMANDS_REPORT_JSON_H

#include "report.h"

bool incidents_json(const struct report_incidents *list, struct strbuf *out, struct strbuf *error);

#endif
