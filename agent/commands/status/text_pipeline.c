/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the pipeline is: the lag of its tables, the last cycles, the errors, the scheduler. What is well takes one line. */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "base/cut.h"
#include "follow.h"
#include "telling.h"
#include "text_private.h"

enum { ERROR_CHARACTERS = 300, LAGS_SHOWN = 20 };

static void put_lag(struct status_screen *screen, const char *label, const struct status_lag *lag)
{
    struct strbuf *text = &screen->text;
    strbuf_printf(text, "%s: ", lag->table);
    if (lag->last_success_ms) {
        format_duration(text, lag->lag_ms / 1000 * 1000);
        strbuf_puts(text, ", last success ");
        format_time(text, lag->last_success_ms, screen->offset);
    } else {
        strbuf_puts(text, "no success within the last 200 cycles");
    }
    status_put_gathered(screen, label, status_level_tone(lag->level));
}

/* The tables that are well in one line, which names the one that is nearest to being late. */
static void put_good_lags(struct status_screen *screen, const char *label)
{
    const struct status *status = screen->status;
    const struct status_lag *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < status->lag_count; i++) {
        const struct status_lag *lag = &status->lags[i];
        if (lag->level != STATUS_OK)
            continue;
        oldest = !oldest || lag->last_success_ms < oldest->last_success_ms ? lag : oldest;
        count++;
    }
    if (count == 1) {
        put_lag(screen, label, oldest);
    } else if (count > 1) {
        strbuf_printf(&screen->text, "%zu %stables at most ", count, *label ? "" : "other ");
        format_duration(&screen->text, oldest->lag_ms / 1000 * 1000);
        strbuf_printf(&screen->text, " (%s, last success ", oldest->table);
        format_time(&screen->text, oldest->last_success_ms, screen->offset);
        strbuf_puts(&screen->text, ")");
        status_put_gathered(screen, label, TONE_GOOD);
    }
}

static void put_lags(struct status_screen *screen)
{
    const struct status *status = screen->status;
    const char *label = "Lag";
    size_t late = 0;
    for (size_t i = 0; i < status->lag_count; i++)
        if (status->lags[i].level != STATUS_OK && ++late <= LAGS_SHOWN) {
            put_lag(screen, label, &status->lags[i]);
            label = "";
        }
    if (late > LAGS_SHOWN) {
        strbuf_printf(&screen->text, "and %zu more that are late", late - LAGS_SHOWN);
        status_put_gathered(screen, label, TONE_CRITICAL);
    }
    put_good_lags(screen, label);
    if (status->lag_count == 0)
        status_put_line(screen, label, TONE_DIM, "no run seen yet");
}

static enum tone cycle_tone(const struct status *status, const struct status_cycle *cycle)
{
    if (cycle->duration_ms > status->cycle_too_slow_ms)
        return TONE_CRITICAL;
    if (strcmp(cycle->outcome, "running") == 0)
        return TONE_PLAIN;
    if (strcmp(cycle->outcome, "success") != 0)
        return TONE_CRITICAL;
    return cycle->duration_ms > status->cycle_slow_ms ? TONE_WARNING : TONE_GOOD;
}

static void status_put_cycle(struct status_screen *screen, const char *label, const struct status_cycle *cycle)
{
    enum { TOLD_FROM_MS = 50 }; /* shorter ones would read "0.0 s" */
    struct strbuf *text = &screen->text;
    format_time(text, cycle->started_ms, screen->offset);
    strbuf_printf(text, "  %s", cycle->outcome);
    if (cycle->duration_ms >= TOLD_FROM_MS) {
        strbuf_puts(text, strcmp(cycle->outcome, "aborted") == 0 ? " after " : " in ");
        format_duration(text, cycle->duration_ms);
    }
    if (cycle->rows > 0 || strcmp(cycle->outcome, "success") == 0) {
        strbuf_puts(text, ", ");
        format_count(text, cycle->rows);
        strbuf_puts(text, " rows");
    }
    if (cycle->failed)
        strbuf_printf(text, ", %" PRId64 " failed", cycle->failed);
    if (cycle->timed_out)
        strbuf_printf(text, ", %" PRId64 " timed out", cycle->timed_out);
    status_put_gathered(screen, label, cycle_tone(screen->status, cycle));
}

static void put_cycles(struct status_screen *screen)
{
    const struct status *status = screen->status;
    size_t good = 0;
    for (size_t i = 0; i < status->cycle_count; i++)
        good += cycle_tone(status, &status->cycles[i]) == TONE_GOOD;
    bool all_good = good == status->cycle_count && good > 1;
    for (size_t i = 0; i < status->cycle_count && !all_good; i++)
        status_put_cycle(screen, i == 0 ? "Last cycles" : "", &status->cycles[i]);
    if (all_good) {
        strbuf_printf(&screen->text, "%zu of %zu good; ", good, good);
        status_put_cycle(screen, "Last cycles", &status->cycles[0]);
    }
    if (status->cycle_count == 0)
        status_put_line(screen, "Last cycles", TONE_DIM, "none seen yet");
}

static void put_errors(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->errors == 0)
        return;
    strbuf_printf(text, "%" PRId64 " in the last hour; the last: %s %s at ", status->errors, status->last_error_table,
                  status->last_error_outcome);
    format_clock(text, status->last_error_ms, screen->offset);
    struct slice line = telling_body(telling_line(status->last_error ? status->last_error : ""));
    if (line.len > 0) {
        struct strbuf why = { 0 };
        strbuf_add(&why, line.at, line.len);
        strbuf_puts(text, ": ");
        cut_chars(strbuf_text(&why), ERROR_CHARACTERS, text);
        strbuf_free(&why);
    }
    status_put_gathered(screen, "Errors", TONE_CRITICAL);
}

static void add_next_run(const struct status_screen *screen, struct strbuf *out)
{
    const struct status *status = screen->status;
    if (!status->next_run_ms)
        return;
    strbuf_printf(out, "%snext run at ", out->len ? ", " : "");
    format_clock(out, status->next_run_ms, screen->offset);
    if (status->agent != AGENT_RUNNING)
        return;
    strbuf_puts(out, status->next_run_ms < status->as_of_ms ? ", due " : ", ");
    status_add_ago(screen, out, status->next_run_ms);
}

static void put_scheduler(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    enum tone tone = TONE_PLAIN;
    bool seen_now = status->agent == AGENT_RUNNING;
    if (status->writer == WRITER_PRESENT) {
        strbuf_puts(text, seen_now ? "running: it holds the log open" : "was running when last seen");
    } else if (status->writer == WRITER_ABSENT) {
        strbuf_puts(text, seen_now ? "not running: nobody holds the log open" : "was not running when last seen");
        tone = TONE_CRITICAL;
    } else {
        strbuf_puts(text, seen_now ? "it is not known whether it runs: only root and the log's owner can see who holds "
                                     "the log open"
                                   : "");
    }
    if (status->last_line_ms) {
        strbuf_printf(text, "%slast line ", text->len ? "; " : "");
        status_add_ago(screen, text, status->last_line_ms);
    }
    add_next_run(screen, text);
    if (text->len)
        status_put_gathered(screen, "Scheduler", tone);
}

void status_put_pipeline(struct status_screen *screen)
{
    put_lags(screen);
    status_put_answers(screen);
    put_cycles(screen);
    put_errors(screen);
    put_scheduler(screen);
}
