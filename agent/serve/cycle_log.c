/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cycle_log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/mask.h"
#include "base/text.h"
#include "base/zone.h"
#include "frame.h"
#include "parser.h"
#include "past_log.h"

/*
 * Where the clocks are set back, an hour of local time happens twice, and a line alone does not tell which of the two is meant. Then reading
 * begins before both, since who reads on knows it.
 */
enum { TWICE_MS = 3 * 3600 * 1000 };

struct gathering {
    struct cycle_log *log;
    enum frame_format format;
    struct frames *frames;
    struct parser *parser;
    struct masker *masker;
    struct strbuf record; /* the lines that were not masked yet */
    int64_t from_ms, to_ms;
    bool has_time; /* the line begins a record, of that time */
    int64_t time_ms;
    bool is_within; /* the line, or the record that it continues, is of the time that is wanted */
};

/* A frame says when its line was written, which is as good for finding the place; else the line's own stamp does. */
static bool gathering_time(void *ctx, struct slice line, int64_t *ms)
{
    const struct gathering *gathering = ctx;
    struct frame_message message;
    if (gathering->format == FRAME_PLAIN)
        return parser_line_time(line, ms);
    struct frames *frames = frames_new(gathering->format);
    frames_take(frames, line, 0);
    bool has = frames_next(frames, &message);
    *ms = has ? message.written_ms : 0;
    has = has && (*ms != 0 || parser_line_time(message.text, ms));
    frames_free(frames);
    return has;
}

static bool gathering_judge(void *ctx, int64_t time_ms, struct slice line, int64_t offset)
{
    struct gathering *gathering = ctx;
    (void)line;
    (void)offset;
    gathering->has_time = true;
    gathering->time_ms = time_ms;
    return true;
}

static void gathering_event(void *ctx, struct event *event)
{
    (void)ctx;
    (void)event;
}

/* A record is masked as a whole, since a secret may go on over several lines. */
static void end_record(struct gathering *gathering)
{
    masker_text(gathering->masker, strbuf_slice(&gathering->record), &gathering->log->lines);
    strbuf_clear(&gathering->record);
}

static void add_line(struct gathering *gathering, struct slice line)
{
    struct cycle_log *log = gathering->log;
    size_t len = line.len < LINE_MAX_BYTES ? line.len : LINE_MAX_BYTES;
    if (log->count == SERVE_LOG_LINES_MAX || log->lines.len + gathering->record.len + len > SERVE_LOG_MAX_BYTES) {
        log->left_out++;
        return;
    }
    if (gathering->has_time || gathering->record.len + len + sizeof " ...\n" > MASKED_TEXT_MAX_BYTES)
        end_record(gathering);
    text_add_valid(&gathering->record, line.at, len);
    strbuf_puts(&gathering->record, len < line.len ? " ...\n" : "\n");
    log->count++;
}

/* The parser knows which lines are records of the scheduler and which are text of a failed job, whose clock may be another. */
static bool gathering_message(struct gathering *gathering, const struct frame_message *message)
{
    gathering->has_time = false;
    parser_set_moment(gathering->parser, message->written_ms, 0);
    parser_feed(gathering->parser, message->text.at, message->text.len, message->offset, gathering_event, gathering);
    if (gathering->has_time) {
        if (gathering->time_ms > gathering->to_ms)
            return false;
        gathering->is_within = gathering->time_ms >= gathering->from_ms;
    }
    if (gathering->is_within)
        add_line(gathering, message->text);
    return true;
}

static bool gathering_line(void *ctx, struct slice line, int64_t offset)
{
    struct gathering *gathering = ctx;
    struct frame_message message;
    bool goes_on = true;
    frames_take(gathering->frames, line, offset);
    while (goes_on && frames_next(gathering->frames, &message))
        goes_on = gathering_message(gathering, &message);
    return goes_on;
}

/* A container's log is often reached by a link, as kubelet makes them. Who may have made it is as for agent/follow. */
static char *real_path(const struct config *config, const char *path)
{
    struct stat status;
    bool is_link = config->log_format != FRAME_PLAIN && lstat(path, &status) == 0 && S_ISLNK(status.st_mode) &&
                   (status.st_uid == 0 || status.st_uid == geteuid());
    char *real = is_link ? realpath(path, NULL) : NULL;
    return real ? real : must_copy(path, strlen(path));
}

void cycle_log_read(struct cycle_log *log, const struct config *config, const char *path, int64_t from_ms,
                    int64_t to_ms)
{
    struct gathering gathering = { .log = log, .from_ms = from_ms, .to_ms = to_ms, .format = config->log_format };
    const struct past_log_caller caller = { &gathering, gathering_time, gathering_line };
    *log = (struct cycle_log){ 0 };
    gathering.parser = parser_open(config_patterns(config), &log->why);
    if (!gathering.parser)
        return;
    char *real = real_path(config, path);
    gathering.masker = masker_open();
    gathering.frames = frames_new(config->log_format);
    parser_set_judge(gathering.parser, gathering_judge, &gathering);
    struct past_log *past = past_log_open(real, config->log_owner, &caller, &log->why);
    bool twice = zone_offset_ms(from_ms - TWICE_MS) > zone_offset_ms(from_ms + TWICE_MS);
    log->begins_ms = past_log_begins_ms(past);
    log->stopped = !past_log_read(past, from_ms - (twice ? TWICE_MS : 0));
    end_record(&gathering);
    strbuf_free(&gathering.record);
    past_log_free(past);
    frames_free(gathering.frames);
    masker_close(gathering.masker);
    free(real);
    parser_free(gathering.parser);
}

void cycle_log_free(struct cycle_log *log)
{
    strbuf_free(&log->lines);
    strbuf_free(&log->why);
    *log = (struct cycle_log){ 0 };
}
