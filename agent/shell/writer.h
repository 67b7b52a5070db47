/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SHELL_WRITER_H
#define SHELL_WRITER_H

#include "shell/follow.h"

/* Once, before the first question. */
void writer_prepare(void);

/* Whether anybody holds the file behind fd (open for reading only) open for writing, now. */
enum follow_writer writer_ask(int fd);

#endif
