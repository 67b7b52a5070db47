/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "daemon_private.h"
#include "systemd.h"

/* What is due once in a while, and what tells others that the agent lives. */

enum { HOUSEKEEPING_MS = 60 * 60 * 1000 };

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
static struct textfile_deliveries *gather_deliveries(const struct dispatch *dispatch, size_t *count)
{
    struct textfile_deliveries *deliveries = NULL;
    struct dispatch_counts counts;

    *count = 0;
    while (dispatch && dispatch_counts(dispatch, *count, &counts)) {
        deliveries = list_room(deliveries, *count, sizeof *deliveries);
        deliveries[(*count)++] =
            (struct textfile_deliveries){ counts.webhook, counts.delivered, counts.retried, counts.refused };
    }
    return deliveries;
}

int64_t daemon_textfile_due_ms(const struct daemon *daemon)
{
    return daemon->config->metrics_textfile ? textfile_due_ms(&daemon->textfile) : INT64_MAX;
}

void daemon_write_textfile(struct daemon *daemon, bool up)
{
    size_t delivery_count;
    struct textfile_deliveries *deliveries = gather_deliveries(daemon->dispatch, &delivery_count);
    bool blind[BLIND_REASONS];

    for (int i = 0; i < BLIND_REASONS; i++)
        blind[i] = daemon_is_blind(daemon, (enum blind_reason)i, NULL);

    textfile_write(&daemon->textfile, daemon->config->metrics_textfile,
                   &(struct textfile_facts){
                       .up = up,
                       .reload_refused = daemon->reload_refused,
                       .log_path = daemon->config->log_path,
                       .started_ms = daemon->started_ms,
                       .metrics = daemon->metrics,
                       .deliveries = deliveries,
                       .delivery_count = delivery_count,
                       .parsed = parser_counts(daemon->ingest.parser),
                       .stray_lines = ingest_strays(&daemon->ingest, NULL),
                       .commit_failures = daemon->commit_failures,
                       .read_bytes = daemon->read_bytes,
                       .behind_bytes = follow_behind(daemon->follow),
                       .last_record_ms = parser_clock(daemon->ingest.parser),
                       .next_run_ms = engine_next_run_ms(daemon->ingest.engine),
                       .limits = engine_limits(daemon->ingest.engine),
                       .silences = &daemon->silences.known,
                       .blind = blind,
                       .writer_present = daemon->writer == WRITER_UNKNOWN ? -1 : daemon->writer == WRITER_PRESENT,
                   },
                   daemon->now_ms);
    free(deliveries);
}
