/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_TABLES_INDEX_H
#define CORE_TABLES_INDEX_H

#include "base/slice.h"
#include "tables.h"

/* Finds tables by their names, for tables.c alone. */

/* The table with exactly this name; NULL if there is none. */
struct table *tables_index_find(const struct tables *tables, struct slice name);
/* The table has got its name and its place. */
void tables_index_add(struct tables *tables, const struct table *table);
/* Tables were dropped. */
void tables_index_renew(struct tables *tables);

#endif
