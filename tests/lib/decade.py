# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten years of history with 64 tables, written by SQL within a minute: a cycle every hour, a failure now and then, incidents, one of them open."""
import json
import os
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import report_history as history   # noqa: E402

TABLES, YEARS, HOUR = 64, 10, 3_600_000
FAILS_EVERY, INCIDENTS_EVERY = 50, 700        # cycles
ERROR = "java.sql.SQLException: Connection refused\n\tat com.clickhouse.jdbc.ClickHouseConnection.<init>(ClickHouseConnection.java:77)"

# In cycle c the table (c / FAILS_EVERY) % TABLES fails, if c is one of those.
CYCLES = f"""
WITH RECURSIVE n(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM n WHERE c < :count)
INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, tables, succeeded, failed, timed_out, rows)
SELECT c, :begin + c * {HOUR}, :begin + c * {HOUR} + 96000 + c % 7919, 96000 + c % 7919, CASE WHEN c % {FAILS_EVERY} THEN 'success' ELSE 'partial' END,
       {TABLES}, {TABLES} - (c % {FAILS_EVERY} = 0), c % {FAILS_EVERY} = 0, 0, 64000 + c % 997 FROM n"""
RUNS = f"""
WITH RECURSIVE t(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM t WHERE k < {TABLES - 1})
INSERT INTO run (id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error)
SELECT (id - 1) * {TABLES} + k + 1, id, printf('bronze_trades_%02d', k), started_at + k * 1500, started_at + k * 1500 + 1000 + (id * 7919 + k * 131) % 400,
       1000 + (id * 7919 + k * 131) % 400, CASE WHEN fails = k THEN 'failed' ELSE 'success' END, CASE WHEN fails = k THEN 0 ELSE 900 + (id * 31 + k) % 200 END,
       CASE WHEN fails = k THEN 1 END, CASE WHEN fails = k THEN :error END
FROM (SELECT *, CASE WHEN id % {FAILS_EVERY} = 0 THEN (id / {FAILS_EVERY}) % {TABLES} ELSE -1 END AS fails FROM cycle), t"""


def make(agent, directory, now=history.NOW, years=YEARS, is_open=True):
    """The path of the history, whose last cycle began a quarter of an hour before now. The last incident is open if it is said to be."""
    path = Path(directory, "decade.db")
    db = history.create(agent, path)
    count = years * 365 * 24
    begin = now - 900_000 - count * HOUR
    db.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; DROP INDEX run_cycle;")
    db.execute(CYCLES, {"count": count, "begin": begin})
    db.execute(RUNS, {"error": ERROR})
    db.execute("CREATE INDEX run_cycle ON run (cycle_id)")
    for number, cycle in enumerate(range(INCIDENTS_EVERY, count, INCIDENTS_EVERY), 1):
        at, table = begin + cycle * HOUR, f"bronze_trades_{number % TABLES:02}"
        critical = number % 3 == 0
        history.put(db, "incident", id=number, alert="IcebergOffloadConsecutiveFailures", table_name=table, tables=json.dumps([table]),
                    severity="critical" if critical else "warning", state="resolved", onset_at=at, opened_at=at + HOUR, critical_at=at + 2 * HOUR if critical else None,
                    resolved_at=at + 3 * HOUR, summary=f"{table} failing since {{onset}}", likely_cause="ClickHouse unreachable", runbook="iceberg-offload-failure.md",
                    scenario="1/2", scenario_title="ClickHouse connectivity failure", first_command="docker ps --filter name=clickhouse")
    if is_open:
        history.put(db, "incident", id=number + 1, alert="IcebergOffloadLagCritical", table_name="bronze_trades_07", tables=json.dumps(["bronze_trades_07", "bronze_trades_08"]),
                    severity="critical", state="open", onset_at=now - 3 * HOUR, opened_at=now - 2 * HOUR, critical_at=now - HOUR, summary="no new data for 2 tables",
                    likely_cause="ClickHouse unreachable", runbook="iceberg-offload-failure.md", scenario="1/2", scenario_title="ClickHouse connectivity failure",
                    first_command="docker ps --filter name=clickhouse")
        history.put(db, "timeline", incident_id=number + 1, at=now - 2 * HOUR, kind="evidence", text=ERROR.split("\n", maxsplit=1)[0])
    db.commit()
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return path


if __name__ == "__main__":
    print(make(os.environ["AGENT"], sys.argv[1]))
