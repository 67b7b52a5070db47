/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/progress.h"
#include "agent/commands/show/terminal.h"
#include "base/budgets.h"
#include "base/clock.h"
#include "base/mask.h"
#include "base/say.h"
#include "base/zone.h"
#include "commands.h"
#include "explanations.h"
#include "history.h"
#include "ingest.h"
#include "log_days.h"
#include "message.h"
#include "notify.h"
#include "past_answers.h"
#include "state.h"
#include "stream.h"

/* Shows what the agent would have told about a log, on the log's own clock. The code is the same that runs live. */

enum replay_option { OPTION_TZ, OPTION_DATE, OPTION_UNTIL, OPTION_FORMAT, OPTION_EXPLAIN, OPTIONS };
static const struct option_spec specs[OPTIONS] = {
    [OPTION_TZ] = { "tz", "ZONE", "the time zone of the log's times (default: the host's)" },
    [OPTION_DATE] = LOG_DAYS_OPTION,
    [OPTION_UNTIL] = { "until", "TIME",
                       "let the clock run on until TIME (\"2026-03-03 10:15\"), or for +DURATION (+90m) past the last "
                       "line" },
    [OPTION_FORMAT] = { "format", "text|json",
                        "print each notification as a line of text (default) or as a JSON object" },
    [OPTION_EXPLAIN] = { "explain", "all|TIME",
                         "print also why: what each rule compared, at each of its judgements or at its newest one up "
                         "to "
                         "TIME" },
};

const struct arguments replay_arguments = {
    "[--tz ZONE] [--date DAY] [--until T] [--format text|json] [--explain all|TIME] LOG...", specs, OPTIONS,
    OPERANDS_ANY, 0
};

enum replay_format { FORMAT_TEXT, FORMAT_JSON };

enum { COMMIT_BYTES = 1 << 20 };

struct replay {
    struct ingest ingest;
    const struct config *config;
    int64_t date_ms;           /* when the first day of the logs begins; 0: nobody said it */
    bool json;                 /* one JSON object a line instead of text */
    bool is_plain;             /* it prints on a terminal that shows ASCII only */
    struct history *history;   /* NULL: nothing is stored */
    struct past_answers *past; /* NULL: none is known */
    struct explanations explanations;
    struct progress progress;
    int64_t before_bytes; /* of the logs read already */
    int64_t read_bytes;   /* of this one */
    bool failed;
};

static void print_form(const struct replay *replay, const struct message *message, struct strbuf *out)
{
    struct strbuf line = { 0 };
    if (replay->json)
        message_json(message, &line);
    else
        message_text(message, &line);
    if (replay->is_plain)
        escape_puts(out, strbuf_text(&line), ESCAPE_ASCII);
    else
        strbuf_puts(out, strbuf_text(&line));
    strbuf_free(&line);
}

static void replay_on_notify(void *ctx, const struct notification *notification)
{
    struct replay *replay = ctx;
    if (notification->hearing == HEARD_BY_KEEPERS || notification->hearing == HEARD_AS_COMBINED)
        return; /* what is told together with others is printed incident by incident */
    struct message *message = message_from(notification);
    struct strbuf line = { 0 };
    print_form(replay, message, &line);
    progress_hide(&replay->progress);
    puts(strbuf_text(&line));
    if (replay->history)
        history_put_message(replay->history, message, false);
    strbuf_free(&line);
    message_free(message);
}

static void before_event(void *ctx, int64_t time_ms)
{
    struct replay *replay = ctx;
    past_answers_feed(replay->past, replay->ingest.engine, time_ms);
}

/* The logs and what the witnesses answered about them are over; the clock runs on until the end that was asked for. */
static void feed_last_answers(struct replay *replay, int64_t until_ms)
{
    struct strbuf error = { 0 };
    past_answers_feed(replay->past, replay->ingest.engine, until_ms + 1);
    if (!past_answers_good(replay->past, &error)) {
        say_error("replay: %s", strbuf_text(&error));
        replay->failed = true;
    }
    strbuf_free(&error);
}

static void before_explanation(void *ctx)
{
    struct replay *replay = ctx;
    progress_hide(&replay->progress);
}

static void replay_commit(struct replay *replay)
{
    struct strbuf error = { 0 };
    if (!replay->failed && history_commit(replay->history, &error) != HISTORY_OK) {
        say_error("history: %s", strbuf_text(&error));
        replay->failed = true;
    }
    strbuf_free(&error);
}

static void between_blocks(void *ctx, int64_t bytes)
{
    struct replay *replay = ctx;
    replay->read_bytes = bytes;
    progress_show(&replay->progress, replay->before_bytes + bytes);
    if (replay->history && history_pending_bytes(replay->history) > COMMIT_BYTES)
        replay_commit(replay);
}

static bool names_history(const struct options *options)
{
    for (size_t i = 0; i < options->set_count; i++)
        if (strncmp(options->sets[i], "history.db=", strlen("history.db=")) == 0)
            return true;
    return false;
}

static bool replay_open_history(struct replay *replay, const char *path)
{
    struct strbuf notice = { 0 }, error = { 0 }, state = { 0 };
    replay->history = history_open(path, &notice, &error);
    if (notice.len)
        say_warning("%s", strbuf_text(&notice));
    if (!replay->history) {
        say_error("%s", strbuf_text(&error));
    } else if (!history_on_disk(replay->history)) {
        say_error("%s: a replay needs a history that can be written", path);
        history_close(replay->history);
        replay->history = NULL;
    } else if (history_get_state(replay->history, STATE_ENGINE, &state)) {
        say_error("%s: holds a history that cannot be read; replay fills an empty one", path);
        history_close(replay->history);
        replay->history = NULL;
    }
    strbuf_free(&notice);
    strbuf_free(&error);
    strbuf_free(&state);
    return replay->history != NULL;
}

/* Stores the engine's state too: an agent that is started on this history goes on from it. Until when the history knows is kept for those who read it. */
static void finish_history(struct replay *replay, int64_t until_ms)
{
    struct strbuf end = { 0 };
    strbuf_printf(&end, "%" PRId64, until_ms);
    state_save_engine(replay->history, replay->ingest.engine);
    history_put_state(replay->history, STATE_REPLAY, strbuf_slice(&end));
    replay_commit(replay);
    strbuf_free(&end);
}

static bool parse_until(const char *text, int64_t last_ms, int64_t *until_ms)
{
    if (!text) {
        *until_ms = last_ms;
        return true;
    }
    int64_t past_ms = 0;
    if (text[0] == '+') {
        if (!parse_duration(text + 1, &past_ms))
            return false;
        *until_ms = last_ms + past_ms;
        return true;
    }
    return parse_time(text, clock_now_ms(), TIME_UNTIL, until_ms);
}

/* The size of all logs together, in bytes; 0 if one of them has no known size, like a pipe. */
static int64_t size_of(const struct options *options)
{
    int64_t total_bytes = 0;
    for (int i = 0; i < options->operand_count; i++) {
        struct stat status;
        if (stat(options->operands[i], &status) != 0 || !S_ISREG(status.st_mode))
            return 0;
        total_bytes += status.st_size;
    }
    return total_bytes;
}

static void say_broken_frames(const struct replay *replay)
{
    struct strbuf words = { 0 };
    if (replay->ingest.frames)
        frames_describe_broken(replay->ingest.frames, &words);
    if (words.len > 0)
        say_warning("replay: %s", strbuf_text(&words));
    strbuf_free(&words);
}

/* A log of which nothing is understood tells of no incident, and must not look like a quiet one. */
static void say_not_understood(const struct replay *replay)
{
    const struct parser_counts *counts = parser_counts(replay->ingest.parser);
    struct strbuf words = { 0 }, masked = { 0 };
    if (counts->lines == 0 || counts->events > 0)
        return;
    parser_unknown_lines(replay->ingest.parser, &words);
    mask_secrets(strbuf_text(&words), &masked);
    say_warning("replay: no line of it is understood; %s", strbuf_text(&masked));
    strbuf_free(&words);
    strbuf_free(&masked);
}

static void say_cut_lines(const struct replay *replay)
{
    int64_t cut = parser_counts(replay->ingest.parser)->cut_lines;
    if (cut > 0)
        say_warning("replay: %" PRId64 " line%s longer than %d bytes: only the beginning was looked at", cut,
                    cut == 1 ? " is" : "s are", LINE_MAX_BYTES);
}

static int replay_logs(struct replay *replay, const struct options *options)
{
    struct stream_sink sink = { .ctx = replay, .line = ingest_line, .between = between_blocks };
    struct strbuf error = { 0 };
    int64_t until_ms = 0;
    int code = EXIT_OK;

    replay->progress = progress_begin(size_of(options));
    for (int i = 0; i < options->operand_count; i++) {
        replay->before_bytes += replay->read_bytes;
        replay->read_bytes = 0;
        log_days_begin(replay->ingest.parser, replay->config, options->operands[i], i == 0 ? replay->date_ms : 0);
        if (stream_read(options->operands[i], &sink, &error) == 0)
            continue;
        say_error("%s", strbuf_text(&error));
        strbuf_clear(&error);
        code = EXIT_FAILED;
    }
    progress_hide(&replay->progress);
    ingest_finish(&replay->ingest);
    ingest_settle(&replay->ingest, 0);
    if (ingest_strays(&replay->ingest, &error) > 0)
        say_warning("%s", strbuf_text(&error));
    strbuf_free(&error);
    say_cut_lines(replay);
    say_broken_frames(replay);
    say_not_understood(replay);
    parse_until(options->values[OPTION_UNTIL], ingest_clock(&replay->ingest), &until_ms);
    feed_last_answers(replay, until_ms);
    engine_tick(replay->ingest.engine, until_ms);
    explanations_end(&replay->explanations);
    if (replay->history)
        finish_history(replay, until_ms);
    return replay->failed ? EXIT_FAILED : code;
}

/* Opens everything that the replay needs. False, with the error said, if that fails. */
static bool replay_open(struct replay *replay, const struct options *options, const struct config *config)
{
    struct strbuf error = { 0 };
    struct engine_sink sink = { 0 };
    struct settings settings = config->settings;
    bool good = false;

    replay->config = config;
    settings.notify.host_chars = FIRST_LINE_HOST_CHARS; /* so that a log is told in the same words on every host */
    replay->json = replay->explanations.json = options_choice(options, OPTION_FORMAT) == FORMAT_JSON;
    replay->is_plain = !replay->json && isatty(STDOUT_FILENO) && !terminal_detect().utf8;
    replay->explanations.before_line = before_explanation;
    replay->explanations.ctx = replay;
    replay->ingest.parser = parser_open(config_patterns(config), &error);
    replay->ingest.frames = config->log_format == FRAME_PLAIN ? NULL : frames_new(config->log_format);
    replay->ingest.causes = config_causes(config, &error);
    if (error.len) {
        say_error("%s", strbuf_text(&error));
        goto cleanup;
    }
    if (names_history(options))
        replay->past = past_answers_open(config->history_db);
    if (replay->past) {
        say_note("replay: %s holds a history: what its witnesses answered is used, and nothing is stored",
                 config->history_db);
    } else if (names_history(options)) {
        if (!replay_open_history(replay, config->history_db))
            goto cleanup;
        sink = history_sink(replay->history);
    }
    sink.clock = zone_clock_words;
    sink.notify_ctx = replay;
    sink.notify = replay_on_notify;
    if (options->values[OPTION_EXPLAIN]) {
        sink.explain_ctx = &replay->explanations;
        sink.explain = explanations_take;
    }
    replay->ingest.scrub = scrub_open();
    replay->ingest.engine = engine_new(&settings, &sink);
    engine_set_causes(replay->ingest.engine, replay->ingest.causes);
    replay->ingest.live_from_ms = INT64_MIN;
    replay->ingest.before = replay->past ? before_event : NULL;
    replay->ingest.before_ctx = replay;
    ingest_begin(&replay->ingest);
    good = true;
cleanup:
    strbuf_free(&error);
    return good;
}

static void replay_close(struct replay *replay)
{
    ingest_end(&replay->ingest);
    past_answers_close(replay->past);
    if (replay->history)
        history_close(replay->history);
}

/* True, with what --explain asks read into *replay, if the options are right. */
static bool read_options(struct replay *replay, const struct options *options)
{
    const char *tz = options->values[OPTION_TZ], *until = options->values[OPTION_UNTIL];
    const char *explain = options->values[OPTION_EXPLAIN];
    struct explanations *explanations = &replay->explanations;
    int64_t ignored;

    if (options_choice(options, OPTION_FORMAT) < 0 ||
        !log_days_read("replay", options->values[OPTION_DATE], &replay->date_ms))
        return false; /* said */
    if (options->operand_count == 0)
        say_error("replay: no log named (- is standard input)");
    else if (tz && !zone_set(tz))
        say_error("replay: --tz: '%s' is no time zone", tz);
    else if (!parse_until(until, 0, &ignored))
        say_error("replay: --until: '%s' is neither a time nor +DURATION", until);
    else if (explain && !explanations_parse(explanations, explain))
        say_error("replay: --explain: '%s' is neither 'all' nor a time", explain);
    else
        return true;
    return false;
}

int command_replay(struct options *options)
{
    const struct config *config = options_config(options);
    struct replay replay = { 0 };
    int code = EXIT_FAILED;

    /* The configuration sets the zone, --tz another one. */
    if (!config || !read_options(&replay, options))
        return EXIT_USAGE;
    if (replay_open(&replay, options, config))
        code = replay_logs(&replay, options);
    replay_close(&replay);
    return code;
}
