/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/commands/show/format.h"
#include "base/budgets.h"
#include "base/mask.h"
#include "doctor.h"
#include "first_day.h"
#include "follow.h"
#include "ingest.h"
#include "parser.h"

/* The log: whether it is there and may be read, whether the kernel tells of it, and whether its lines are understood. */

enum { TAIL_BYTES = 256 * 1024, QUIET_INTERVALS = 2 };

/* The command that shows how the process is that writes the log. */
static const char *ask_writer(const struct doctor *doctor)
{
    return doctor->config->pipeline == PIPELINE_K2_PREFECT ? "docker ps --filter name=k2-prefect"
                                                           : "systemctl status iceberg-offload-scheduler";
}

/* Says what is wrong with the file at the path. */
static void say_bad_path(struct doctor *doctor, int error)
{
    const char *path = doctor->config->log_path;
    struct strbuf mend = { 0 };
    if (error == ENOENT || error == ENOTDIR)
        strbuf_printf(&mend, "sudo lsof -c python3 | grep '\\.log'   # then set log.path in %s", doctor->config->path);
    else
        strbuf_printf(&mend, "namei -l '%s'   # then let the agent's user read it: sudo chmod o+rx DIRECTORY, o+r FILE",
                      path);
    doctor_found(doctor, "log", STATUS_CRITICAL, strbuf_text(&mend), "%s: %s", path, strerror(error));
    strbuf_free(&mend);
}

/* Opens the log as the agent would; -1, with the finding, if the agent would not follow it. */
static int open_path(struct doctor *doctor, struct stat *st)
{
    const char *path = doctor->config->log_path;
    struct strbuf mend = { 0 };
    strbuf_printf(&mend, "ls -l '%s'", path);
    int no_link = doctor->config->log_format == FRAME_PLAIN ? O_NOFOLLOW : 0;
    int fd = open(path, O_RDONLY | no_link | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ELOOP) {
        doctor_found(doctor, "log", STATUS_CRITICAL, strbuf_text(&mend),
                     "%s is a symbolic link, which the agent refuses: name the file itself in log.path", path);
    } else if (fd < 0) {
        say_bad_path(doctor, errno);
    } else if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
        doctor_found(doctor, "log", STATUS_CRITICAL, strbuf_text(&mend), "%s is not a file", path);
        close(fd);
        fd = -1;
    }
    strbuf_free(&mend);
    return fd;
}

static void check_owner(struct doctor *doctor, const struct stat *st)
{
    const char *name = doctor->config->log_owner;
    const struct passwd *wanted = name ? getpwnam(name) : NULL;
    const struct passwd *is = getpwuid(st->st_uid);
    if (wanted && wanted->pw_uid != st->st_uid)
        doctor_found(doctor, "log", STATUS_CRITICAL, "agent check-config --verbose   # log.owner",
                     "it belongs to user %u, and log.owner demands %s", (unsigned)st->st_uid, name);
    else if (st->st_size == 0)
        doctor_found(doctor, "log", STATUS_WARNING, ask_writer(doctor), "%s is empty", doctor->config->log_path);
    else
        doctor_found(doctor, "log", STATUS_OK, NULL, "%s can be read: %lld bytes, of user %s", doctor->config->log_path,
                     (long long)st->st_size, is ? is->pw_name : "without a name");
}

/* --- what the kernel tells ------------------------------------------------------------------------------------ */

struct kernel_notes {
    bool polling, no_lease;
};

static void ignore_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    (void)ctx;
    (void)line;
    (void)len;
    (void)offset;
}

static void keep_note(void *ctx, enum follow_note note, const char *text)
{
    struct kernel_notes *notes = ctx;
    (void)text;
    notes->polling = notes->polling || note == FOLLOW_POLLING;
    notes->no_lease = notes->no_lease || note == FOLLOW_NO_LEASE;
}

static void say_writer(struct doctor *doctor, enum follow_writer writer)
{
    if (writer == WRITER_UNKNOWN)
        doctor_found(
            doctor, "writer", STATUS_WARNING,
            "systemctl cat iceberg-offload-agent | grep CAP_LEASE   # or run the doctor as the log's owner",
            "who holds the log open may not be asked here, so that the scheduler's death is seen by its silence "
            "only");
    else if (writer == WRITER_ABSENT)
        doctor_found(doctor, "writer", STATUS_WARNING, ask_writer(doctor), "no process holds the log open for writing");
    else
        doctor_found(doctor, "writer", STATUS_OK, NULL, "a process holds the log open, and its death would be seen");
}

static void check_kernel(struct doctor *doctor)
{
    struct kernel_notes notes = { 0 };
    struct follow_sink sink = { &notes, ignore_line, keep_note };
    struct strbuf error = { 0 };
    struct follow *follow = follow_open(doctor->config->log_path, doctor->config->log_owner, NULL, 0, &sink, &error);
    if (!follow) {
        doctor_found(doctor, "inotify", STATUS_CRITICAL, "agent check-config", "%s", strbuf_text(&error));
        strbuf_free(&error);
        return;
    }
    if (doctor->config->log_format != FRAME_PLAIN)
        follow_allow_link(follow);
    follow_read(follow, 1);
    enum follow_writer writer = follow_writer(follow);
    const char *refusal = follow_refusal(follow);
    if (refusal)
        doctor_found(doctor, "log", STATUS_CRITICAL, "agent check-config --verbose   # log.path, log.owner",
                     "the agent would not follow it: %s", refusal);
    if (notes.polling)
        doctor_found(doctor, "inotify", STATUS_WARNING, "sudo sysctl fs.inotify.max_user_instances=512",
                     "it does not work here, so that the log is looked at every few seconds only");
    else
        doctor_found(doctor, "inotify", STATUS_OK, NULL, "the kernel tells of each line");
    if (!doctor->config->log_container)
        say_writer(doctor, writer);
    follow_free(follow);
}

/* --- what the lines tell -------------------------------------------------------------------------------------- */

static void count_event(void *ctx, struct event *event)
{
    (void)ctx;
    (void)event;
}

/* The end of the log on its way through a parser of its own. */
struct tail_reading {
    struct parser *parser;
    struct frames *frames;
    int64_t lines, understood;
    enum frame_format looks_like; /* the format of its last line */
};

static void feed_messages(struct tail_reading *reading)
{
    struct frame_message message;
    while (frames_next(reading->frames, &message)) {
        parser_set_moment(reading->parser, message.written_ms, 0);
        parser_feed(reading->parser, message.text.at, message.text.len, message.offset, count_event, NULL);
        reading->lines++;
        reading->understood += parser_unknown_lines(reading->parser, NULL) == 0;
    }
}

/* Times without a date need the day on which the part that is looked at begins. */
static void begin_tail(const struct doctor *doctor, struct parser *parser, int64_t from)
{
    struct first_day_question question = { .path = doctor->config->log_path,
                                           .patterns = config_patterns(doctor->config),
                                           .from = from };
    if (doctor->config->log_format != FRAME_PLAIN || !config_patterns(doctor->config))
        return;
    struct first_day day = first_day_find(&question);
    if (day.known)
        parser_begin_at(parser, day.begin_ms);
}

/* Feeds the end of the log, from the first whole line on. */
static void feed_tail(const struct doctor *doctor, struct tail_reading *reading, int fd, const struct stat *st)
{
    char *text = must_alloc(TAIL_BYTES + 1);
    off_t from = st->st_size > TAIL_BYTES ? st->st_size - TAIL_BYTES : 0;
    ssize_t len = pread(fd, text, TAIL_BYTES, from);
    const char *at = text, *end = text + (len > 0 ? len : 0), *line_end;
    if (from > 0 && (line_end = memchr(at, '\n', (size_t)(end - at))))
        at = line_end + 1;
    begin_tail(doctor, reading->parser, from + (at - text));
    for (; at < end && (line_end = memchr(at, '\n', (size_t)(end - at))); at = line_end + 1) {
        struct slice line = { at, (size_t)(line_end - at) };
        reading->looks_like = frame_guess(line);
        frames_take(reading->frames, line, from + (at - text));
        feed_messages(reading);
    }
    frames_finish(reading->frames);
    feed_messages(reading);
    free(text);
}

/* The frames that the last line has, or has not, are the likeliest reason if nothing is understood. */
static void check_format(struct doctor *doctor, const struct tail_reading *reading)
{
    enum frame_format wanted = doctor->config->log_format;
    struct strbuf mend = { 0 }, words = { 0 };
    frames_describe_broken(reading->frames, &words);
    strbuf_printf(&mend, "agent doctor --set log.format=%s   # and then set log.format in %s",
                  frame_format_name(reading->looks_like), doctor->config->path);
    if (reading->lines > 0 && reading->looks_like != wanted)
        doctor_found(doctor, "format", STATUS_CRITICAL, strbuf_text(&mend),
                     "log.format is %s, and the newest line looks like %s", frame_format_name(wanted),
                     frame_format_name(reading->looks_like));
    else if (words.len > 0)
        doctor_found(doctor, "format", STATUS_WARNING, "agent check-config --verbose   # log.format", "%s",
                     strbuf_text(&words));
    strbuf_free(&words);
    strbuf_free(&mend);
}

static void say_understood(struct doctor *doctor, const struct parser *parser, int64_t lines, int64_t understood)
{
    const struct parser_counts *counts = parser_counts(parser);
    struct strbuf words = { 0 }, masked = { 0 }, mend = { 0 };
    strbuf_printf(&mend, "tail -n 50 '%s' | agent parse --misses   # [log] patterns can replace the patterns",
                  doctor->config->log_path);
    parser_unknown_lines(parser, &words);
    mask_secrets(strbuf_text(&words), &masked);
    if (counts->events == 0)
        doctor_found(doctor, "patterns", STATUS_CRITICAL, strbuf_text(&mend),
                     "none of %" PRId64 " lines is understood; %s", lines, strbuf_text(&masked));
    else if (counts->misses > 0)
        doctor_found(doctor, "patterns", STATUS_WARNING, strbuf_text(&mend),
                     "%" PRId64 " of the scheduler's %" PRId64 " newest records are not understood", counts->misses,
                     counts->records);
    else
        doctor_found(doctor, "patterns", STATUS_OK, NULL,
                     "%" PRId64 " of the newest %" PRId64 " lines are understood (%" PRId64
                     " %%), the others are text or another logger's",
                     understood, lines, 100 * understood / lines);
    strbuf_free(&words);
    strbuf_free(&masked);
    strbuf_free(&mend);
}

/* The newest record and the last write belong to one moment. */
static void check_zone(struct doctor *doctor, int64_t record_ms, int64_t written_ms)
{
    int64_t error_ms = 0;
    if (ingest_zone_error(record_ms - written_ms, &error_ms) && error_ms == 0) {
        doctor_found(doctor, "zone", STATUS_OK, NULL, "the log's times agree with the clock of its file system");
        return;
    }
    doctor_found(doctor, "zone", STATUS_WARNING, "timedatectl   # then set log.timezone",
                 "the newest record's time is %" PRId64
                 " minutes %s the last write: the log is written in another zone, or by another clock",
                 (int64_t)(llabs(record_ms - written_ms) + 30000) / 60000, record_ms > written_ms ? "after" : "before");
}

static void check_quiet(struct doctor *doctor, int64_t written_ms)
{
    int64_t interval_ms = doctor->status.interval_ms > 0 ? doctor->status.interval_ms : INT64_C(15) * 60 * 1000;
    int64_t quiet_ms = show_now_ms() - written_ms;
    struct strbuf quiet = { 0 };
    format_duration(&quiet, quiet_ms > 0 ? quiet_ms / 1000 * 1000 : 0);
    bool long_quiet = quiet_ms > QUIET_INTERVALS * interval_ms;
    doctor_found(doctor, "newest line", long_quiet ? STATUS_WARNING : STATUS_OK, long_quiet ? ask_writer(doctor) : NULL,
                 "written %s ago", strbuf_text(&quiet));
    strbuf_free(&quiet);
}

static void check_lines(struct doctor *doctor, int fd, const struct stat *st)
{
    struct strbuf error = { 0 };
    struct parser *parser = parser_open(config_patterns(doctor->config), &error);
    if (!parser) {
        doctor_found(doctor, "patterns", STATUS_CRITICAL, "agent check-config", "%s", strbuf_text(&error));
        strbuf_free(&error);
        return;
    }
    struct tail_reading reading = { .parser = parser, .frames = frames_new(doctor->config->log_format) };
    feed_tail(doctor, &reading, fd, st);
    int64_t lines = reading.lines, understood = reading.understood;
    check_format(doctor, &reading);
    int64_t written_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    doctor->log_is_told = parser_counts(parser)->events > 0;
    if (lines > 0)
        say_understood(doctor, parser, lines, understood);
    if (parser_clock(parser))
        check_zone(doctor, parser_clock(parser), written_ms);
    if (lines > 0)
        check_quiet(doctor, written_ms);
    parser_free(parser);
    frames_free(reading.frames);
}

static void check_file(struct doctor *doctor)
{
    struct stat st;
    int fd = open_path(doctor, &st);
    if (fd < 0)
        return;
    check_owner(doctor, &st);
    check_kernel(doctor);
    check_lines(doctor, fd, &st);
    close(fd);
}

/* A container's log is looked at where it lies now. Who holds it open is dockerd in any case. */
void doctor_check_log(struct doctor *doctor)
{
    const struct config *config = doctor->config;
    if (!config->log_container) {
        check_file(doctor);
        return;
    }
    struct config there = *config;
    there.log_path = doctor_check_container(doctor);
    doctor->config = &there;
    if (there.log_path)
        check_file(doctor);
    doctor->config = config;
    free(there.log_path);
}
