#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fills an empty history with years of cycles, runs and incidents, to see that the reports stay fast.

    tests/bench/make_history.py AGENT DB [YEARS]
"""
import json
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from report_history import create    # noqa: E402

SLOT = 15 * 60000
TABLES = ("bronze_trades_binance", "bronze_trades_kraken")
ALERTS = (("IcebergOffloadConsecutiveFailures", "iceberg-offload-failure.md"),
          ("IcebergOffloadSchedulerDown", "iceberg-scheduler-recovery.md"),
          ("IcebergOffloadCycleSlow", "iceberg-offload-performance.md"))
CYCLES_PER_INCIDENT = 175


def rows_of(count, end):
    begin = end // SLOT * SLOT - count * SLOT
    for number in range(count):
        start = begin + number * SLOT + number % 7 * 100
        slow = 320000 if number % 997 == 0 else 0
        bad = number % CYCLES_PER_INCIDENT < 2
        durations = (7000 + number * 37 % 900 + slow, 4600 + number * 53 % 700)
        yield number + 1, start, durations, bad


def main():
    agent, path = sys.argv[1:3]
    years = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    count = int(years * 35000)
    end = int(time.time() * 1000)
    db = create(agent, path)
    cycles, runs, incidents, notifications, outbox, timeline = [], [], [], [], [], []
    for number, start, durations, bad in rows_of(count, end):
        outcome = "failed" if bad else "success"
        total = sum(durations)
        cycles.append((number, start, start + total, total, outcome, 2, 0 if bad else 2, 2 if bad else 0, 0, 160000))
        at = start
        for index, duration in enumerate(durations):
            runs.append((number * 2 - 1 + index, number, TABLES[index], at, at + duration, duration, outcome, 80000))
            at += duration
        if number % CYCLES_PER_INCIDENT == 1:
            identity = len(incidents) + 1
            alert, runbook = ALERTS[identity % 3]
            incidents.append((identity, alert, TABLES[0], json.dumps(TABLES), "critical", "resolved", start, start + SLOT,
                              start + SLOT, start + 2 * SLOT, start + 4 * SLOT, start + 2 * SLOT, runbook, "two failures in a row"))
            for sequence, status in enumerate(("firing", "firing", "escalated", "resolved"), 1):
                notifications.append((len(notifications) + 1, identity, sequence, start + sequence * SLOT, status, "critical",
                                      alert, "[]"))
                for webhook in ("pager", "chat"):
                    outbox.append((identity, len(notifications), webhook, "delivered", start, 1, start + 200))
            timeline += [(identity, start + step * 1000, "evidence", "a line") for step in range(8)]
    with db:
        db.executemany("INSERT INTO cycle VALUES (?,?,?,?,?,?,?,?,?,?)", cycles)
        db.executemany("INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows)"
                       " VALUES (?,?,?,?,?,?,?,?)", runs)
        db.executemany("INSERT INTO incident (id, alert, table_name, tables, severity, state, onset_at, opened_at, critical_at,"
                       " resolved_at, verified_at, prometheus_at, runbook, summary) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", incidents)
        db.executemany("INSERT INTO notification (id, incident_id, sequence, at, status, severity, alert, tables)"
                       " VALUES (?,?,?,?,?,?,?,?)", notifications)
        db.executemany("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at, attempts, delivered_at)"
                       " VALUES (?,?,?,?,?,?,?)", outbox)
        db.executemany("INSERT INTO timeline (incident_id, at, kind, text) VALUES (?,?,?,?)", timeline)
    print(f"{len(cycles)} cycles, {len(runs)} runs, {len(incidents)} incidents, {len(outbox)} deliveries")
    sqlite3.Connection.close(db)


if __name__ == "__main__":
    main()
