/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* The process's time zone: its TZ, set once at the start before any thread exists. */

/* Whether the name is a zone of the tz database or a POSIX TZ string; so is NULL, the host's. */
bool zone_known(const char *name);

/* False, with nothing changed, if the name is not known. It changes the environment, so no other thread may run beside it. */
bool zone_set(const char *name);

/* RFC 3339 with milliseconds and the zone's offset: "2026-03-03T10:15:02.743+11:00". buf holds 40 bytes. */
void zone_format_rfc3339(int64_t ms, char buf[40]);

#endif
