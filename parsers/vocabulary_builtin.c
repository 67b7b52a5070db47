/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vocabulary.h"

/* A table may have any name. Nearly all names have no space, so the text up to the first one is tried before a longer one. */
#define NAME "[^ ]*+(?: .{0,1000}?)??"

/*
 * Everything that the agent understands, in one place; only the rule of equals signs is known by its form (record_is_rule). Among
 * patterns with the same first letter the frequent ones stand first. Of a text that may span lines (stderr, an exception) only the
 * first line is matched here.
 */
static const struct vocabulary_entry BUILTIN[] = {
    { EVENT_CYCLE_STARTED, "OFFLOAD CYCLE STARTED$", "OFFLOAD CYCLE STARTED" },
    { EVENT_CYCLE_TABLES, "Tables: (?<number>\\d{1,6})$", "Tables: 2" },
    { EVENT_RUN_STARTED, "Starting offload: (?<table>" NAME ") → ",
      "Starting offload: bronze_trades_binance → cold.bronze_trades_binance" },
    { EVENT_RUN_COMPLETED,
      "✓ Offload completed: (?<table>" NAME ") \\((?<rows>[\\d,]{1,25}) rows in "
      "(?<seconds>[\\d,]{1,12}(?:\\.\\d+)?)s\\)$",
      "✓ Offload completed: bronze_trades_binance (159,163 rows in 8.0s)" },
    { EVENT_RUN_FAILED, "✗ Offload failed: (?<table>.{1,1024})$", "✗ Offload failed: bronze_trades_binance" },
    { EVENT_RUN_EXIT_CODE, "  Exit code: (?<number>-?\\d{1,10})$", "  Exit code: 1" },
    { EVENT_RUN_STDERR, "  Stderr:(?: (?<text>.*))?$", "  Stderr: java.net.ConnectException: Connection refused" },
    { EVENT_RUN_TIMEOUT, "✗ Offload timeout: (?<table>.{1,1024}?)(?: \\(>\\d+ minutes?\\))?$",
      "✗ Offload timeout: bronze_trades_kraken (>10 minutes)" },
    { EVENT_CYCLE_COMPLETED,
      "OFFLOAD CYCLE COMPLETED(?:\\W{1,8}Duration: (?<seconds>[\\d,]{1,12}(?:\\.\\d+)?) ?s(?:ec(?:ond)?s?)?\\W{0,8})?$",
      "OFFLOAD CYCLE COMPLETED" },
    { EVENT_CYCLE_DURATION, "Duration: (?<seconds>[\\d,]{1,12}(?:\\.\\d+)?) ?s(?:ec(?:ond)?s?)?$", "Duration: 12.4s" },
    { EVENT_CYCLE_SUMMARY,
      "Success: (?<succeeded>\\d{1,6}), Failed: (?<failed>\\d{1,6}), Timeout: (?<timed_out>\\d{1,6})$",
      "Success: 2, Failed: 0, Timeout: 0" },
    { EVENT_CYCLE_ROWS, "Total rows offloaded: (?<rows>[\\d,]{1,25})$", "Total rows offloaded: 160,006" },
    { EVENT_NEXT_RUN, "Next run scheduled at: (?<at>\\d{4}-\\d\\d-\\d\\d[ T][\\d:.,]{8,18})$",
      "Next run scheduled at: 2026-02-12 19:45:00" },
    { EVENT_WAITING, "Waiting (?<seconds>-?[\\d,]{1,12}(?:\\.\\d+)?) seconds?\\.{0,3}$", "Waiting 597 seconds..." },
    { EVENT_IGNORED, "Time: \\d{4}-\\d\\d-\\d\\dT", "Time: 2026-02-12T19:34:50" },

    { EVENT_CYCLE_EXCEPTION, "Offload cycle failed with exception: ?(?<text>.*)$",
      "Offload cycle failed with exception: [Errno 2] No such file or directory: 'docker'" },

    { EVENT_SCHEDULER_STARTED, "K2 ICEBERG OFFLOAD SCHEDULER STARTED$", "K2 ICEBERG OFFLOAD SCHEDULER STARTED" },
    { EVENT_SCHEDULE, "Schedule: Every (?:(?<minutes>[\\d.]{1,9}) minutes?|(?<seconds>[\\d.]{1,9}) seconds?)$",
      "Schedule: Every 15 minutes" },
    { EVENT_SCHEDULER_TABLES, "Tables: (?<number>\\d{1,6}) Bronze tables?$", "Tables: 2 Bronze tables" },
    { EVENT_SIGNAL_RECEIVED, "Received signal (?<number>\\d{1,3})\\b",
      "Received signal 15, shutting down gracefully..." },
    { EVENT_SIGNAL_RECEIVED, "Keyboard interrupt received\\b", "Keyboard interrupt received, shutting down..." },
    { EVENT_SHUTDOWN_REQUESTED, "Shutdown requested\\b", "Shutdown requested, stopping cycle" },
    { EVENT_SCHEDULER_STOPPED, "Scheduler stopped gracefully$", "Scheduler stopped gracefully" },
    { EVENT_SCHEDULER_CRASHED, "Scheduler crashed: ?(?<text>.*)$", "Scheduler crashed: out of file descriptors" },

    { EVENT_IGNORED, "Log file: ", "Log file: /tmp/iceberg-offload-scheduler.log" },
    { EVENT_IGNORED, "Running initial offload cycle\\.\\.\\.$", "Running initial offload cycle..." },
    { EVENT_IGNORED, "Prometheus metrics (?:enabled on port \\d+|disabled)\\b",
      "Prometheus metrics enabled on port 8000" },
    { EVENT_IGNORED, "Failed to start metrics server\\b", "Failed to start metrics server" },
};

const struct vocabulary_entry *vocabulary_builtin(size_t *count)
{
    *count = sizeof BUILTIN / sizeof BUILTIN[0];
    return BUILTIN;
}
