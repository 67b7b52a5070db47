/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TELLING_H
#define TELLING_H

#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * What a line of a failed job tells somebody who looks for the reason. A log record's date, logger and level in front of it are looked past,
 * and so is the scheduler's "Stderr: ".
 */
enum telling_weight {
    TELLING_NOTHING, /* a bar of "=", the job's banner, a frame of a stack, a line that only says again that it failed */
    TELLING_LITTLE,  /* a warning or an exit code: better than nothing */
    TELLING_TEXT,    /* any other text */
    TELLING_MUCH     /* an error, an exception or the cause of one */
};

/* The line without the head of a log record and "Stderr: ". */
struct slice telling_body(struct slice line);
enum telling_weight telling_weigh(struct slice line);
/* Adds a line for people: each control character in it becomes a space, because receivers and terminals may obey it. */
void telling_put_plain(struct slice line, struct strbuf *out);
/* The line of the text that tells most; of several, the last. Its length is 0 where no line tells anything. */
struct slice telling_line(const char *text);
/*
 * Adds the text without its lines that tell nothing: the others stand one on a line, and "… 37 lines" where lines were left out. Returns how
 * many lines were left out.
 */
size_t telling_fold(const char *text, struct strbuf *out);

#endif
