/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_CONTAINER_H
#define WITNESS_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "witness.h"

/*
 * Inside the room: the container whose log is followed ([log] container). container_watch.c is its thread, container_facts.c reads what Docker
 * says of it, container_stream.c takes the log stream of Docker's API apart, and container_spool.c keeps that stream in a file of the agent's,
 * where it is followed as any other log.
 */

/* --- container_facts.c: what GET /containers/NAME/json says ---------------------------------------------------- */

struct container_facts {
    enum container_state state; /* CONTAINER_RUNS or CONTAINER_STOPPED */
    char *id, *log_path;        /* owned; log_path is "" if the log driver keeps no file */
    bool was_started;           /* before, its log has neither a file nor a line */
    bool has_terminal;          /* its output is not split into two streams */
    struct strbuf words;        /* "running", "exited, exit code 137, OOM-killed, restarted 2 times" */
};

/* Returns false if the answer is not Docker's. */
bool container_facts_read(struct slice json, int64_t now_ms, struct container_facts *facts);
void container_facts_free(struct container_facts *facts);

/* --- container_stream.c: GET /containers/ID/logs?timestamps=1 -------------------------------------------------- */

/* One message of the stream. The texts are valid during the call. */
struct container_line {
    struct slice stamp; /* RFC 3339 with nanoseconds, as Docker wrote it */
    bool is_error;      /* of stderr */
    bool is_part;       /* the same line goes on in the next message of its stream */
    struct slice text;  /* without a line break */
};

struct container_stream {
    bool is_raw; /* of a terminal: lines without headers */
    struct strbuf held;
    size_t skipped; /* bytes of a message that is too long, still to come */
    bool is_broken; /* what came is no such stream */
    void (*line)(void *ctx, const struct container_line *line);
    void *ctx;
};

void container_stream_take(struct container_stream *stream, const char *bytes, size_t len);
void container_stream_free(struct container_stream *stream);

/* --- container_spool.c ------------------------------------------------------------------------------------------ */

/*
 * Each message of the stream is a line of the file, as CRI writes it, with the beginning of the container's id behind the tag:
 * "2026-02-18T06:15:00.112345678Z stderr F:0123456789ab text". The file's end therefore says where the stream is to be taken up: a bit before
 * its newest stamp, since the stamps of two streams may be out of order, and without the messages of that time which are in the file.
 */
struct container_spool;

struct container_spool *container_spool_open(const char *path, struct strbuf *error);
void container_spool_close(struct container_spool *spool);

/* Whether the newest line is of this container. */
bool container_spool_is_of(const struct container_spool *spool, const char *id);

/* The stream of this container begins anew now. Adds its `since` parameter to *out: "" if all that it logged is wanted. */
void container_spool_take_up(struct container_spool *spool, const char *id, struct strbuf *out);

/* Appends a message, unless the file has it. Returns false, with errno, if it cannot be written: then the stream must be taken up again. */
bool container_spool_add(struct container_spool *spool, const struct container_line *line);

#endif
