/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_FRAME_PRIVATE_H
#define PARSERS_FRAME_PRIVATE_H

#include "base/strbuf.h"
#include "frame.h"

enum frame_stream { FRAME_STDOUT, FRAME_STDERR, FRAME_STREAMS };

/* One frame, unwrapped. */
struct frame {
    struct slice text; /* without the line break at its end; at most LINE_MAX_BYTES + 1 of its bytes */
    size_t len;        /* of the whole text */
    bool is_docker;    /* a frame of Docker's json-file */
    bool is_part;      /* more of the same line follows in another frame of its stream */
    enum frame_stream stream;
    int64_t written_ms; /* 0: not said */
};

/* Each returns false if the line is no such frame. What the text needs beyond the line itself is kept in *scratch. */
bool frame_read_docker(struct slice line, struct strbuf *scratch, struct frame *frame);
bool frame_read_cri(struct slice line, struct frame *frame);

#endif
