/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_HELP_ALERTS_H
#define COMMANDS_HELP_ALERTS_H

#include "base/json.h"

/* The list of alerts (include/alerts.h), with the defaults of the keys and the first commands of the built-in table of causes. */

/* Prints it as text. Returns the exit code. */
int help_alerts_print(void);
/* Adds it as an array that is called "alerts". The build makes the table in agent(1) from it, and a test the one in README.md. */
void help_alerts_describe(struct json_writer *json);

#endif
