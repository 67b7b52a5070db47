/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics: the counters that the agent stored in the history, with what the history knows besides. Where no agent stored any, the few
 * of them that follow from the history.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "agent/commands/status/status.h"
#include "follow.h"
#include "metrics.h"
#include "reader.h"
#include "site.h"

static void put_gauge(const struct exposition *out, const char *name, const char *help, int64_t value)
{
    exposition_family(out, name, "gauge", help);
    exposition_number(out, name, NULL, value);
}

static void metrics_put_lags(const struct exposition *out, const struct status *status)
{
    if (status->lag_count == 0)
        return;
    exposition_family(out, "last_success_timestamp_seconds", "gauge", "When a table's last successful run ended.");
    for (size_t i = 0; i < status->lag_count; i++)
        if (status->lags[i].last_success_ms)
            exposition_seconds(out, "last_success_timestamp_seconds",
                               (struct metric_label[]){ { "table", status->lags[i].table }, { 0 } },
                               status->lags[i].last_success_ms);
}

static void put_known(const struct status *status, enum exposition_dialect dialect, struct strbuf *text)
{
    const struct exposition out = { text, status->log_path ? status->log_path : "", dialect };
    if (dialect == EXPOSITION_TEXT)
        strbuf_puts(text, "# No agent has stored its counters in this history. This is what the history knows.\n");
    put_gauge(&out, "up", "Whether the agent runs: 0 after an orderly end.", status->agent == AGENT_RUNNING);
    if (status->alive_ms) {
        exposition_family(&out, "alive_timestamp_seconds", "gauge",
                          "When the agent wrote this: at most a minute ago while it lives.");
        exposition_seconds(&out, "alive_timestamp_seconds", NULL, status->alive_ms);
    }
    exposition_family(&out, "blind", "gauge", "Whether the agent sees, keeps or tells nothing, by reason.");
    for (int i = 0; i < BLIND_REASONS; i++)
        exposition_number(&out, "blind",
                          (struct metric_label[]){ { "reason", blind_reason_name((enum blind_reason)i) }, { 0 } },
                          status->blindness[i] != NULL);
    metrics_put_lags(&out, status);
    exposition_end(&out);
}

/* Owned; NULL: none are stored, or they cannot be read. */
static struct metrics_stored *counters_read(struct sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    struct metrics_stored *stored = NULL;
    if (sqlite3_prepare_v2(db, "SELECT value FROM state WHERE key = '" STATE_METRICS "'", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        stored = metrics_load(slice_of(reader_text(statement, 0)));
    sqlite3_finalize(statement);
    return stored;
}

/* Owned by the caller. The windows are those of the configuration of this program. */
static struct metrics_window *windows_of(const struct config *config, const struct status *status, int64_t *silences)
{
    struct metrics_window *windows = must_alloc((config->window_count + 1) * sizeof *windows);
    *silences = 0;
    for (size_t i = 0; i < config->window_count; i++)
        windows[i].name = config->windows[i].name;
    for (size_t i = 0; i < status->silence_count; i++) {
        *silences += !status->silences[i].window;
        for (size_t j = 0; status->silences[i].window && j < config->window_count; j++)
            windows[j].is_in_force |= strcmp(windows[j].name, status->silences[i].window) == 0;
    }
    return windows;
}

void answer_metrics(const struct config *config, struct sqlite3 *db, const struct status *status,
                    enum exposition_dialect dialect, struct strbuf *out)
{
    struct metrics_stored *stored = counters_read(db);
    if (!stored) {
        put_known(status, dialect, out);
        return;
    }
    bool blind[BLIND_REASONS], runs = status->agent == AGENT_RUNNING;
    struct metrics_facts *facts = metrics_stored_facts(stored);
    struct metrics_window *windows = windows_of(config, status, &facts->silences_in_force);
    for (int i = 0; i < BLIND_REASONS; i++)
        blind[i] = status->blindness[i] != NULL;
    blind[BLIND_UNWRITABLE] |= status->trouble.failures > 0;
    facts->up = runs;
    facts->commit_failures += status->trouble.failures; /* which could not be stored */
    facts->windows = windows;
    facts->window_count = config->window_count;
    facts->blind = blind;
    facts->writer_present = status->writer == WRITER_UNKNOWN ? -1 : status->writer == WRITER_PRESENT;
    /* An agent that runs and has nothing to do stores nothing. */
    metrics_expose(facts, runs && status->trouble.failures == 0 ? status->now_ms : status->alive_ms, dialect, out);
    free(windows);
    metrics_stored_free(stored);
}
