/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SERVE_H
#define COMMANDS_SERVE_H

#include "options.h"

/* The command line of `agent serve`, which the program behind it takes as well. */
enum serve_option { SERVE_OPTION_LISTEN, SERVE_OPTIONS };
extern const struct arguments serve_arguments;

#endif
