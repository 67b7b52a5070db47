/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_WRITER_LEASE_H
#define FOLLOW_WRITER_LEASE_H

#include "follow.h"

/* To be called once, before the first writer_lease_ask. */
void writer_lease_prepare(void);

/* Whether any process holds the file behind fd open for writing now. fd itself must be open for reading only. */
enum follow_writer writer_lease_ask(int fd);

#endif
