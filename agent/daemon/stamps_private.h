/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_STAMPS_PRIVATE_H
#define DAEMON_STAMPS_PRIVATE_H

#include "base/strbuf.h"
#include "stamps.h"

/* Inside of stamps: stamps_judge.c decides, stamps.c holds lines, releases and saves them. */

/* Records that continue one another. off is how far a stamp was ahead of the host's clock when it was read. */
struct chain {
    int64_t first_ms, last_ms;
    int64_t first_off_ms, last_off_ms;
    int64_t first_running_ms, last_running_ms;
    int64_t pause; /* 1: it follows the believed records after a natural pause */
    int64_t records;
    int64_t first_line, last_line; /* of the held ones */
    int64_t released;              /* 1: its lines are to be fed */
};
enum { CHAIN_NONE = -1 };

struct held_line {
    size_t at, len;
    int64_t offset;
    int64_t raw_ms;
    int chain;
};

struct stamps {
    struct chain *chains;
    int chain_count;
    struct strbuf text; /* of the held lines */
    struct held_line *lines;
    size_t line_count;
    int last_chain; /* of the record that was judged last, or CHAIN_NONE */
    bool releasing; /* some chains are released, and not taken yet */
    struct stamp_release release;
    bool loaded; /* what is held was loaded, and nothing was read since */
    struct stamp_strays strays;
};

/* Forgets everything, and counts the lines that are not released. */
void chains_clear(struct stamps *stamps);
/* From now on stamps_take_release has something: the chains that are marked as released. */
void release_begin(struct stamps *stamps, int64_t error_ms, bool lasting);
/* Releases what is most probably right, by the records around it, and drops everything else. */
void release_best(struct stamps *stamps, const struct stamp_moment *moment, int64_t written_ms);

#endif
