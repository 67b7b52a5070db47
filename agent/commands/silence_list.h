/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SILENCE_LIST_H
#define COMMANDS_SILENCE_LIST_H

#include "commands.h"

/* `agent silence --list`. Returns the exit code. */
struct sqlite3;
int silence_list(struct sqlite3 *db, const struct config *config);

/* Adds what such a silence holds back, in words; a glob may be NULL. */
void silence_words(const char *alert, const char *table, enum severity most, struct strbuf *out);

#endif
