/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/slice.h"

/*
 * The log of a process in a container does not lie on the host as the process wrote it: each line is wrapped into a frame that says which
 * of the two output streams it came from and when. A frame reader unwraps the lines of a file, before a parser sees them:
 *
 *   docker  Docker's json-file: {"log":"text\n","stream":"stderr","time":"2026-02-18T06:15:00.112345678Z"}, keys in any order, other keys
 *           are passed over. A text without "\n" at its end is a part: dockerd splits what is longer than 16 kB.
 *   cri     containerd and CRI-O: "2026-02-18T06:15:00.112345678+00:00 stderr F text"; the tag P stands for a part.
 *
 * Parts are joined, each stream by itself, since those of two streams may alternate. Of a joined line the first LINE_MAX_BYTES and one byte
 * are kept, so that a parser cuts it and counts that; it is handed out when so much of it is there, and not only with its last part.
 *
 * A frame of the other format than the chosen one is read as well. A line that is no frame is counted and handed out as it is: a parser that
 * understands none of these lines says so.
 */
enum frame_format { FRAME_PLAIN, FRAME_DOCKER, FRAME_CRI, FRAME_FORMATS };

/* "plain", "docker", "cri". */
const char *frame_format_name(enum frame_format format);

struct frames;

struct frames *frames_new(enum frame_format format);
void frames_free(struct frames *frames);

/* One line that a process wrote, without its line break. */
struct frame_message {
    struct slice text;  /* any bytes; valid until the next call */
    int64_t offset;     /* where its first frame begins in its file */
    int64_t written_ms; /* when it was written, as the first frame says (Unix ms); 0: none says it */
};

/* Takes one line of the file, then hands out what is whole: mostly one message, but none for a part, and two where one was still open. */
void frames_take(struct frames *frames, struct slice line, int64_t offset);
bool frames_next(struct frames *frames, struct frame_message *message);

/* Nothing will follow: a part that has no end is a message now, which frames_next hands out. */
void frames_finish(struct frames *frames);

struct frame_counts {
    int64_t lines;  /* of the file */
    int64_t broken; /* of these, that are no frame, but for empty ones */
    int64_t first_broken_offset;
    int64_t parts; /* that were joined to others */
};
const struct frame_counts *frames_counts(const struct frames *frames);

/* Appends what there is to say about lines that are no frames, in words; nothing if there are none. */
void frames_describe_broken(const struct frames *frames, struct strbuf *out);

/* Saves or loads the parts of open messages, so that a restart between two of them goes on there. */
void frames_archive(struct frames *frames, struct archive *archive);

/*
 * Which format a line seems to have: docker or cri if it is a whole frame of it, else plain. For a person who has a file and does not know.
 */
enum frame_format frame_guess(struct slice line);

#endif
