/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_LOOK_H
#define SERVE_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/strbuf.h"

/* What tells a file from another one, or from itself before it was written. */
struct look_file {
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written;
};

/*
 * A connection to the history that one thread keeps between its answers. It is opened anew when another file has taken the history's
 * place. Where it does not see what is written (reader_is_frozen), it is opened anew when the history or its write-ahead log has been
 * written, and not for each answer: the log of an agent that was killed has to be read first. Zero-initialise.
 */
struct look {
    struct sqlite3 *db;            /* NULL: closed */
    struct look_file history, wal; /* as they were before it was opened */
    int64_t opened;                /* how often it was opened */
};

/* Returns the connection, which stays the look's own; NULL, with the reason in *error, if the history cannot be read. */
struct sqlite3 *look_at(struct look *look, const char *path, struct strbuf *error);
/* A number that differs from all before if the history may have changed since; 0: not known. */
int64_t look_version(const struct look *look);
void look_close(struct look *look);

#endif
