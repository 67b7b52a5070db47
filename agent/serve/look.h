/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_LOOK_H
#define SERVE_LOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/strbuf.h"

/*
 * A connection to the history that one thread keeps between its answers. It is opened anew when another file has taken the history's
 * place. Zero-initialise.
 */
struct look {
    struct sqlite3 *db; /* NULL: closed */
    dev_t device;
    ino_t inode;
    int64_t opened; /* how often it was opened */
};

/* Returns the connection, which stays the look's own; NULL, with the reason in *error, if the history cannot be read. */
struct sqlite3 *look_at(struct look *look, const char *path, struct strbuf *error);
/* A number that differs from all before if the history may have changed since; 0: not known. */
int64_t look_version(const struct look *look);
void look_close(struct look *look);

#endif
