/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "daemon_private.h"
#include "systemd.h"

/* What is due once in a while, and what tells others that the agent lives. */

enum { HOUSEKEEPING_MS = 60 * 60 * 1000, COUNTERS_MS = 15 * 1000 };

static const char *const blind_status[BLIND_REASONS] = {
    [BLIND_MISSING] = "the log is missing; ",
    [BLIND_DELETED] = "the log was deleted; ",
    [BLIND_NOT_UNDERSTOOD] = "no line of the log is understood; ",
    [BLIND_SUMMARY] = "runs are missing in the log; ",
    [BLIND_MUTE] = "nobody can be told; ",
    [BLIND_REFUSED] = "the log cannot be read; ",
};

/* The line that `systemctl status` shows. */
static void tell_status(struct daemon *daemon)
{
    struct strbuf status = { 0 };
    if (daemon->trouble.failures)
        strbuf_puts(&status, "the history cannot be written; ");
    for (int i = 0; i < BLIND_REASONS; i++)
        if (i != BLIND_UNWRITABLE && daemon_is_blind(daemon, (enum blind_reason)i, NULL))
            strbuf_puts(&status, blind_status[i]);
    metrics_summary(daemon->metrics, &status);
    if (daemon->ready && strcmp(strbuf_text(&status), strbuf_text(&daemon->status)) != 0) {
        systemd_tell_status(strbuf_text(&status));
        strbuf_free(&daemon->status);
        daemon->status = status;
    } else {
        strbuf_free(&status);
    }
}

void daemon_keep_house(struct daemon *daemon)
{
    tell_status(daemon);
    if (daemon->running_ms >= daemon->watchdog_ms) {
        systemd_tell(SYSTEMD_WATCHDOG);
        daemon->watchdog_ms = daemon->running_ms + systemd_watchdog_ms();
    }
    if (daemon->running_ms < daemon->housekeeping_ms)
        return;
    int64_t before_ms = history_retention_start_ms(daemon->history, daemon->config->retention_ms, daemon->now_ms,
                                                   clock_since_boot_ms());
    bool more = history_prune(daemon->history, before_ms);
    history_idle(daemon->history);
    dispatch_review(daemon->dispatch);
    daemon->housekeeping_ms = daemon->running_ms + (more ? RETRY_MS : HOUSEKEEPING_MS);
}

/*
 * The heartbeat goes out only from the loop, so that an agent that hangs falls silent. An agent that is blind
 * falls silent too, and asks itself again every second.
 */
void daemon_beat(struct daemon *daemon)
{
    int64_t every_ms = daemon->config->heartbeat_every_ms;
    if (!daemon->config->heartbeat_url) {
        daemon->beat_ms = INT64_MAX;
        return;
    }
    /* A beat that lies further ahead than that was planned before the configuration was read again. */
    if (daemon->beat_ms > daemon->running_ms && daemon->beat_ms - daemon->running_ms <= every_ms)
        return;
    bool well = daemon->ready && !daemon_is_blind_at_all(daemon);
    if (well)
        dispatch_beat(daemon->dispatch);
    daemon->beat_ms = daemon->running_ms + (well ? every_ms : daemon_earlier(every_ms, RETRY_MS));
}

/* Owned by the caller. */
static struct metrics_deliveries *gather_deliveries(const struct dispatch *dispatch, size_t *count)
{
    struct metrics_deliveries *deliveries = NULL;
    struct dispatch_counts counts;

    *count = 0;
    while (dispatch && dispatch_counts(dispatch, *count, &counts)) {
        deliveries = list_room(deliveries, *count, sizeof *deliveries);
        deliveries[(*count)++] =
            (struct metrics_deliveries){ counts.webhook, counts.delivered, counts.retried, counts.refused };
    }
    return deliveries;
}

int64_t daemon_textfile_due_ms(const struct daemon *daemon)
{
    return daemon->config->metrics_textfile ? textfile_due_ms(&daemon->textfile) : INT64_MAX;
}

/* Owned by the caller. */
static struct metrics_window *gather_windows(const struct silences *silences, int64_t now_ms)
{
    struct metrics_window *windows = must_alloc((silences->window_count + 1) * sizeof *windows);
    for (size_t i = 0; i < silences->window_count; i++) {
        const struct silence_window *window = &silences->windows[i];
        windows[i] =
            (struct metrics_window){ window->name, silence_window_is_in_force(window, silences->offset, now_ms) };
    }
    return windows;
}

static int64_t count_silences(const struct silences *silences, int64_t now_ms)
{
    int64_t in_force = 0;
    for (size_t i = 0; i < silences->count; i++)
        in_force += silence_is_in_force(&silences->at[i], now_ms);
    return in_force;
}

/* Calls use with all facts, which live as long as the call. */
static void with_facts(struct daemon *daemon, bool up,
                       void (*use)(struct daemon *daemon, const struct metrics_facts *facts))
{
    const struct silences *silences = &daemon->silences.known;
    size_t delivery_count;
    struct metrics_deliveries *deliveries = gather_deliveries(daemon->dispatch, &delivery_count);
    struct metrics_window *windows = gather_windows(silences, daemon->now_ms);
    bool blind[BLIND_REASONS];
    for (int i = 0; i < BLIND_REASONS; i++)
        blind[i] = daemon_is_blind(daemon, (enum blind_reason)i, NULL);
    use(daemon, &(struct metrics_facts){
                    .up = up,
                    .reload_refused = daemon->reload_refused,
                    .log_path = daemon->config->log_path,
                    .started_ms = daemon->started_ms,
                    .metrics = daemon->metrics,
                    .deliveries = deliveries,
                    .delivery_count = delivery_count,
                    .parsed = parser_counts(daemon->ingest.parser),
                    .stray_lines = ingest_strays(&daemon->ingest, NULL),
                    .commits = daemon->commits,
                    .commit_failures = daemon->commit_failures,
                    .read_bytes = daemon->read_bytes,
                    .behind_bytes = follow_behind(daemon->follow),
                    .last_record_ms = parser_clock(daemon->ingest.parser),
                    .next_run_ms = engine_next_run_ms(daemon->ingest.engine),
                    .limits = engine_limits(daemon->ingest.engine),
                    .silences_in_force = count_silences(silences, daemon->now_ms),
                    .windows = windows,
                    .window_count = silences->window_count,
                    .blind = blind,
                    .writer_present = daemon->writer == WRITER_UNKNOWN ? -1 : daemon->writer == WRITER_PRESENT,
                });
    free(windows);
    free(deliveries);
}

static void write_textfile(struct daemon *daemon, const struct metrics_facts *facts)
{
    textfile_write(&daemon->textfile, daemon->config->metrics_textfile, facts, daemon->now_ms);
}

void daemon_write_textfile(struct daemon *daemon, bool up)
{
    with_facts(daemon, up, write_textfile);
}

/* --- The counters in the history --------------------------------------------------------------------------------- */

/* Only what has changed since is stored. What is stored was counted before the commit that stores it. */
static void store_counters(struct daemon *daemon, const struct metrics_facts *facts)
{
    struct strbuf text = { 0 };
    metrics_store(facts, &text);
    uint64_t hash = fnv_add(FNV_EMPTY, text.at, text.len);
    if (hash != daemon->counters_hash)
        history_put_state(daemon->history, STATE_METRICS, strbuf_slice(&text));
    daemon->counters_hash = hash;
    strbuf_free(&text);
}

int64_t daemon_counters_due_ms(const struct daemon *daemon)
{
    return daemon->counters_stale ? daemon->counters_ms : INT64_MAX;
}

void daemon_store_counters(struct daemon *daemon)
{
    if (daemon->running_ms < daemon_counters_due_ms(daemon))
        return;
    with_facts(daemon, true, store_counters);
    daemon->counters_stale = false;
    daemon->counters_ms = daemon->running_ms + COUNTERS_MS;
}
