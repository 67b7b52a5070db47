/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_PROGRESS_H
#define COMMANDS_SHOW_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Shows how far long work has come, in a line on stderr that is written again and again. It appears only if stderr is a terminal, and
 * only after a moment.
 */
struct progress {
    bool wanted, shown;
    int64_t total_bytes; /* 0 if it is not known */
    int64_t begun_ms, drawn_ms;
};

struct progress progress_begin(int64_t total_bytes);
void progress_show(struct progress *progress, int64_t done_bytes);
/* Removes the line. Call it before anything else is printed, and at the end. */
void progress_hide(struct progress *progress);

#endif
