/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_WRITER_LEASE_H
#define FOLLOW_WRITER_LEASE_H

#include "follow.h"

/* Once, before the first question. */
void writer_lease_prepare(void);

/* Whether anybody holds the file behind fd (open for reading only) open for writing, now. */
enum follow_writer writer_lease_ask(int fd);

#endif
