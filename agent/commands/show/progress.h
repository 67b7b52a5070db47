/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_PROGRESS_H
#define COMMANDS_SHOW_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* How far long work is: one line on stderr that replaces itself, only where that is a terminal and the work takes a while. */
struct progress {
    bool wanted, shown;
    int64_t total_bytes; /* 0: not known */
    int64_t begun_ms, drawn_ms;
};

struct progress progress_begin(int64_t total_bytes);
void progress_show(struct progress *progress, int64_t done_bytes);
/* Takes the line away: before something else is printed, and at the end. */
void progress_hide(struct progress *progress);

#endif
