/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_REACH_H
#define BASE_REACH_H

#include <stdbool.h>

enum reach_for { REACH_READ, REACH_REPLACE };

/*
 * True if this user may read the file, or replace it by renaming, but this process may not: it limited itself at its start (landlock(7)), so
 * that only a restart helps. access(2) asks for the user's rights alone, and open(2) for both. False where that cannot be told.
 */
bool reach_is_lost(const char *path, enum reach_for what);

#endif
