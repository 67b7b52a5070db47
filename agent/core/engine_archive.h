/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_ENGINE_ARCHIVE_H
#define CORE_ENGINE_ARCHIVE_H

#include "detector.h"
#include "tables_archive.h"

/* What the detectors save of a table. */
void archive_with_table(struct table *table, struct archive *archive);

#endif
