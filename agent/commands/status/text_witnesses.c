/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "agent/commands/show/format.h"
#include "text_private.h"

/* What the witnesses say about the tables and about themselves, and what the components answered just now. */

/* "trades: 0 rows in the last run, by iceberg; nothing new at the source since ..., so none are right" */
void status_put_answers(struct status_screen *screen)
{
    const struct status *status = screen->status;
    const char *label = "Rows";
    for (size_t i = 0; i < status->lag_count; i++) {
        const struct status_lag *lag = &status->lags[i];
        struct strbuf *text = &screen->text;
        if (lag->answered_ms == 0)
            continue;
        strbuf_printf(text, "%s: ", lag->table);
        format_count(text, lag->rows);
        strbuf_printf(text, " in the run that was asked about ");
        status_add_ago(screen, text, lag->answered_ms);
        strbuf_printf(text, ", by %s", lag->rows_from == ROWS_FROM_LOG ? "the log" : rows_from_name(lag->rows_from));
        if (lag->nothing_new_since_ms) {
            strbuf_puts(text, "; nothing new at the source since ");
            format_time(text, lag->nothing_new_since_ms, screen->offset);
            strbuf_puts(text, ", so no rows are right");
        } else if (lag->ahead_ms > 0) {
            strbuf_puts(text, "; the source is ");
            format_duration(text, lag->ahead_ms / 1000 * 1000);
            strbuf_puts(text, " ahead of the table");
        }
        bool is_stalled = lag->rows == 0 && lag->ahead_ms > status->interval_ms / 2;
        status_put_gathered(screen, label, is_stalled ? TONE_WARNING : TONE_PLAIN);
        label = "";
    }
}

static bool witness_is_well(const struct status_witness *witness)
{
    return !witness->is_live && witness->said_ms && strcmp(witness->state, witness_state_name(WITNESS_WELL)) == 0;
}

static void put_witness(struct status_screen *screen, const char *label, const struct status_witness *witness)
{
    struct strbuf *text = &screen->text;
    strbuf_printf(text, "%s %s", witness->name, witness->said_ms ? witness->state : "silent");
    if (witness->said_ms) {
        strbuf_puts(text, ", ");
        status_add_ago(screen, text, witness->said_ms);
    }
    strbuf_printf(text, ": %s", witness->words);
    bool is_well = witness_is_well(witness);
    status_put_gathered(screen, label, is_well ? TONE_GOOD : witness->said_ms ? TONE_WARNING : TONE_DIM);
}

/* Several that are well take one line, with the age of the oldest answer. */
static void put_good_witnesses(struct status_screen *screen, const char *label)
{
    const struct status *status = screen->status;
    const struct status_witness *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < status->witness_count; i++) {
        const struct status_witness *witness = &status->witnesses[i];
        if (!witness_is_well(witness))
            continue;
        strbuf_printf(&screen->text, "%s%s", count++ ? ", " : "", witness->name);
        oldest = !oldest || witness->said_ms < oldest->said_ms ? witness : oldest;
    }
    if (count > 1) {
        strbuf_puts(&screen->text, " well, each heard within ");
        format_duration(&screen->text, elapsed_ms(oldest->said_ms, status->as_of_ms) / 1000 * 1000);
        status_put_gathered(screen, label, TONE_GOOD);
    } else {
        strbuf_clear(&screen->text);
        if (oldest)
            put_witness(screen, label, oldest);
    }
}

/* Those that the command has just asked stand among the components. */
void status_put_witnesses(struct status_screen *screen)
{
    const struct status *status = screen->status;
    const char *label = "Witnesses";
    for (size_t i = 0; i < status->witness_count; i++) {
        const struct status_witness *witness = &status->witnesses[i];
        if (witness->is_live || witness_is_well(witness))
            continue;
        put_witness(screen, label, witness);
        label = "";
    }
    put_good_witnesses(screen, label);
}

static void put_metric(struct status_screen *screen, const struct probe_metric *metric)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    strbuf_printf(text, "%s:", *metric->table ? metric->table : "all tables");
    if (metric->lag_ms >= 0) {
        strbuf_puts(text, " lag ");
        format_duration(text, metric->lag_ms);
    }
    if (metric->watermark_ms) {
        strbuf_puts(text, metric->lag_ms >= 0 ? ", watermark " : " watermark ");
        format_time(text, metric->watermark_ms, screen->offset);
    }
    enum tone tone = metric->lag_ms > status->lag_critical_ms  ? TONE_CRITICAL
                     : metric->lag_ms > status->lag_warning_ms ? TONE_WARNING
                                                               : TONE_PLAIN;
    status_put_gathered(screen, "", tone);
}

static void put_component(struct status_screen *screen, const char *label, const struct probe_answer *answer)
{
    static const enum tone tones[] = {
        [PROBE_UNKNOWN] = TONE_WARNING, [PROBE_UP] = TONE_GOOD, [PROBE_DOWN] = TONE_CRITICAL
    };
    struct strbuf *text = &screen->text;
    if (answer->kind != PROBE_METRICS)
        strbuf_printf(text, "%s ", answer->name);
    strbuf_printf(text, "%s: %s", probe_state_name(answer->state), strbuf_text(&answer->words));
    if (answer->state == PROBE_UP) {
        strbuf_puts(text, ", ");
        format_duration(text, answer->took_ms);
    }
    strbuf_printf(text, " (%s%s)", answer->kind == PROBE_CONTAINER ? "container " : "", answer->target);
    if (answer->kind == PROBE_METRICS && answer->state == PROBE_UP && answer->metric_count == 0)
        strbuf_puts(text, "; it exports neither lag nor watermarks");
    status_put_gathered(screen, label, tones[answer->state]);
    for (size_t i = 0; i < answer->metric_count; i++)
        put_metric(screen, &answer->metrics[i]);
}

void status_put_probes(struct status_screen *screen)
{
    const struct probes *probes = screen->status->probes;
    const char *label = "Components";
    for (size_t i = 0; i < probes_count(probes); i++) {
        const struct probe_answer *answer = probes_answer(probes, i);
        bool is_component = answer->kind != PROBE_METRICS;
        put_component(screen, is_component ? label : "Metrics", answer);
        label = is_component ? "" : label;
    }
}
