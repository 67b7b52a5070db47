/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_ROW_ARCHIVE_H
#define CORE_ROW_ARCHIVE_H

#include "base/archive.h"
#include "cycle.h"

/* Rows of the history that may still change, as parts of the saved state. A run's table and error are left to the caller. */
void cycle_row_archive(struct cycle *cycle, struct archive *archive);
void run_row_archive(struct run *run, struct archive *archive);

#endif
