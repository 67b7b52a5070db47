/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/budgets.h"
#include "frame_private.h"
#include "timestamp.h"

/* "TIME STREAM TAGS TEXT", as in Kubernetes' container runtime interface (kubelet/kuberuntime/logs, parseCRILog). */

/* Takes the word in front of the next blank, and the blank, off the front of *rest. */
static bool cri_take_word(struct slice *rest, struct slice *word)
{
    const char *blank = rest->len > 0 ? memchr(rest->at, ' ', rest->len) : NULL;
    if (!blank)
        return false;
    *word = (struct slice){ rest->at, (size_t)(blank - rest->at) };
    *rest = (struct slice){ blank + 1, rest->len - word->len - 1 };
    return true;
}

/* The tags are parted by colons. The first one says whether this is a part; others have no meaning yet. */
static bool cri_read_tags(struct slice tags, bool *is_part)
{
    if (tags.len == 0 || (tags.len > 1 && tags.at[1] != ':'))
        return false;
    *is_part = tags.at[0] == 'P';
    return tags.at[0] == 'P' || tags.at[0] == 'F';
}

bool frame_read_cri(struct slice line, struct frame *frame)
{
    struct slice rest = line, time, stream, tags;
    if (!cri_take_word(&rest, &time) || !cri_take_word(&rest, &stream) ||
        timestamp_read_utc(time.at, time.len, &frame->written_ms) != time.len)
        return false;
    /* A runtime that trims its lines leaves out the blank in front of an empty text. */
    if (!cri_take_word(&rest, &tags)) {
        tags = rest;
        rest = (struct slice){ rest.at + rest.len, 0 };
    }
    if (!cri_read_tags(tags, &frame->is_part) || !(slice_equals(stream, "stdout") || slice_equals(stream, "stderr")))
        return false;
    frame->stream = slice_equals(stream, "stdout") ? FRAME_STDOUT : FRAME_STDERR;
    frame->len = rest.len;
    frame->text = (struct slice){ rest.at, rest.len <= LINE_MAX_BYTES ? rest.len : LINE_MAX_BYTES + 1 };
    return true;
}
