/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/budgets.h"
#include "frame_private.h"

/* dockerd reads a container's output in pieces of this size. A shorter part is what a process left unfinished when it ended. */
enum { DOCKER_PART_BYTES = 16384, QUEUE_ROOM = 2 };

/* A line of which only parts came so far. */
struct open_message {
    bool is_open;
    bool is_told;   /* so much of it came that it was handed out already: what follows is passed over */
    bool is_orphan; /* its last part was shorter than a part that others follow */
    struct strbuf text;
    int64_t offset, written_ms;
};

struct frames {
    enum frame_format format;
    struct open_message open[FRAME_STREAMS];
    struct frame_message queue[QUEUE_ROOM]; /* to be handed out */
    int queued, next;
    struct strbuf line;               /* the text of the frame at hand */
    struct strbuf joined[QUEUE_ROOM]; /* the texts of messages in the queue that came in parts */
    struct frame_counts counts;
};

static const char *const frame_names[FRAME_FORMATS] = { "plain", "docker", "cri" };

const char *frame_format_name(enum frame_format format)
{
    return frame_names[format];
}

struct frames *frames_new(enum frame_format format)
{
    struct frames *frames = must_alloc(sizeof *frames);
    frames->format = format;
    return frames;
}

void frames_free(struct frames *frames)
{
    if (!frames)
        return;
    for (int i = 0; i < FRAME_STREAMS; i++)
        strbuf_free(&frames->open[i].text);
    strbuf_free(&frames->line);
    for (int i = 0; i < QUEUE_ROOM; i++)
        strbuf_free(&frames->joined[i]);
    free(frames);
}

const struct frame_counts *frames_counts(const struct frames *frames)
{
    return &frames->counts;
}

static void frames_queue(struct frames *frames, struct slice text, int64_t offset, int64_t written_ms)
{
    frames->queue[frames->queued++] = (struct frame_message){ text, offset, written_ms };
}

/* dockerd ends a text at its first line break. Where another writer of frames does not, each line is a message. */
bool frames_next(struct frames *frames, struct frame_message *message)
{
    if (frames->next == frames->queued)
        return false;
    struct slice *rest = &frames->queue[frames->next].text;
    const char *newline = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    *message = frames->queue[frames->next];
    if (!newline) {
        frames->next++;
        return true;
    }
    message->text.len = (size_t)(newline - rest->at);
    *rest = (struct slice){ newline + 1, rest->len - message->text.len - 1 };
    return true;
}

/* Appends text, but no more than makes LINE_MAX_BYTES and one byte. */
static void open_add(struct open_message *open, struct slice text)
{
    size_t room = LINE_MAX_BYTES + 1 - open->text.len;
    strbuf_add(&open->text, text.at, text.len < room ? text.len : room);
}

/* Hands out what came of an open message. Its text moves to where nothing changes it until the next call. */
static void open_tell(struct frames *frames, struct open_message *open)
{
    struct strbuf *joined = &frames->joined[frames->queued], moved = *joined;
    *joined = open->text;
    open->text = moved;
    strbuf_clear(&open->text);
    frames_queue(frames, strbuf_slice(joined), open->offset, open->written_ms);
    open->is_told = true;
}

static void open_end(struct open_message *open)
{
    strbuf_clear(&open->text);
    open->is_open = open->is_told = open->is_orphan = false;
}

/* Whether a text begins with a time of day, or with a date: then it is a line of its own. */
static bool begins_with_time(struct slice text)
{
    static const char *const FORMS[] = { "##:##:##", "####-##-##" };
    for (size_t f = 0; f < sizeof FORMS / sizeof FORMS[0]; f++) {
        size_t i = 0;
        while (FORMS[f][i] && i < text.len &&
               (FORMS[f][i] == '#' ? isdigit((unsigned char)text.at[i]) != 0 : FORMS[f][i] == text.at[i]))
            i++;
        if (FORMS[f][i] == '\0')
            return true;
    }
    return false;
}

static void frames_take_part(struct frames *frames, struct open_message *open, const struct frame *frame,
                             int64_t offset)
{
    if (!open->is_open) {
        open->is_open = true;
        open->offset = offset;
        open->written_ms = frame->written_ms;
    }
    frames->counts.parts++;
    open->is_orphan = frame->is_docker && frame->len < DOCKER_PART_BYTES;
    if (!open->is_told)
        open_add(open, frame->text);
    if (!open->is_told && open->text.len > LINE_MAX_BYTES)
        open_tell(frames, open);
}

/* The end of a message that came in parts. */
static void frames_take_end(struct frames *frames, struct open_message *open, const struct frame *frame)
{
    frames->counts.parts++;
    if (!open->is_told) {
        open_add(open, frame->text);
        open_tell(frames, open);
    }
    open_end(open);
}

/*
 * The log of a container may change its format when the container is made anew (agent/witness/container.h), so the other one is tried as
 * well. No line is a frame of both.
 */
static bool frames_read(struct frames *frames, struct slice line, struct frame *frame)
{
    *frame = (struct frame){ .text = { line.at, 0 } };
    if (frames->format == FRAME_DOCKER)
        return frame_read_docker(line, &frames->line, frame) || frame_read_cri(line, frame);
    return frame_read_cri(line, frame) || frame_read_docker(line, &frames->line, frame);
}

static void frames_take_broken(struct frames *frames, struct slice line, int64_t offset)
{
    if (line.len > 0 && frames->counts.broken++ == 0)
        frames->counts.first_broken_offset = offset;
    frames_queue(frames, line, offset, 0);
}

void frames_take(struct frames *frames, struct slice line, int64_t offset)
{
    struct frame frame;
    frames->queued = frames->next = 0;
    frames->counts.lines++;
    if (frames->format == FRAME_PLAIN) {
        frames_queue(frames, line, offset, 0);
        return;
    }
    if (!frames_read(frames, line, &frame)) {
        frames_take_broken(frames, line, offset);
        return;
    }
    struct open_message *open = &frames->open[frame.stream];
    if (open->is_open && open->is_orphan && begins_with_time(frame.text)) {
        if (!open->is_told)
            open_tell(frames, open);
        open_end(open);
    }
    if (frame.is_part)
        frames_take_part(frames, open, &frame, offset);
    else if (open->is_open)
        frames_take_end(frames, open, &frame);
    else
        frames_queue(frames, frame.text, offset, frame.written_ms);
}

void frames_finish(struct frames *frames)
{
    frames->queued = frames->next = 0;
    for (int i = 0; i < FRAME_STREAMS; i++) {
        struct open_message *open = &frames->open[i];
        if (open->is_open && !open->is_told)
            open_tell(frames, open);
        open_end(open);
    }
}

void frames_describe_broken(const struct frames *frames, struct strbuf *out)
{
    const struct frame_counts *counts = &frames->counts;
    if (counts->broken > 0)
        strbuf_printf(out,
                      "%" PRId64 " of %" PRId64 " lines %s no frame%s of the format %s and taken as %s; the first "
                      "begins at byte %" PRId64,
                      counts->broken, counts->lines, counts->broken == 1 ? "is" : "are", counts->broken == 1 ? "" : "s",
                      frame_names[frames->format], counts->broken == 1 ? "it is" : "they are",
                      counts->first_broken_offset);
}

/* A NUL, which ends an archive's text, becomes a blank. */
static char *open_text(const struct open_message *open)
{
    char *text = must_copy(strbuf_text(&open->text), open->text.len);
    for (size_t i = 0; i < open->text.len; i++)
        text[i] = text[i] == '\0' ? ' ' : text[i];
    return text;
}

static void open_archive(struct open_message *open, int stream, struct archive *archive)
{
    char *text = open_text(open);
    char name[32];
#define OPEN_NAME(member) (snprintf(name, sizeof name, "frame_%d_" member, stream), name)
    archive_bool(archive, OPEN_NAME("open"), &open->is_open);
    archive_bool(archive, OPEN_NAME("told"), &open->is_told);
    archive_bool(archive, OPEN_NAME("orphan"), &open->is_orphan);
    archive_i64(archive, OPEN_NAME("offset"), &open->offset);
    archive_i64(archive, OPEN_NAME("written_ms"), &open->written_ms);
    archive_text(archive, OPEN_NAME("text"), &text);
#undef OPEN_NAME
    if (archive_loading(archive)) {
        strbuf_clear(&open->text);
        open_add(open, slice_of(text ? text : ""));
    }
    free(text);
}

void frames_archive(struct frames *frames, struct archive *archive)
{
    int format = (int)frames->format;
    if (frames->format == FRAME_PLAIN)
        return;
    archive_enum(archive, "frame_format", &format, FRAME_FORMATS);
    for (int i = 0; i < FRAME_STREAMS; i++)
        open_archive(&frames->open[i], i, archive);
    for (int i = 0; i < FRAME_STREAMS && format != (int)frames->format; i++)
        open_end(&frames->open[i]); /* parts of another format are nobody's beginning */
}

enum frame_format frame_guess(struct slice line)
{
    struct strbuf scratch = { 0 };
    struct frame frame = { 0 };
    enum frame_format found = FRAME_PLAIN;
    if (frame_read_docker(line, &scratch, &frame) && frame.written_ms != 0)
        found = FRAME_DOCKER;
    else if (frame_read_cri(line, &frame))
        found = FRAME_CRI;
    strbuf_free(&scratch);
    return found;
}
