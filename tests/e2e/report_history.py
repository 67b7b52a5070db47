# SPDX-License-Identifier: GPL-2.0-or-later
"""A fixed history for the reports: three incidents with everything a report can show, hostile text included."""
import json
import sqlite3
import subprocess

BEGIN = 1772488800000          # 2026-03-03 09:00:00 in Sydney (UTC+11:00)
MINUTE = 60000
SLOT = 15 * MINUTE
BINANCE, KRAKEN = "bronze_trades_binance", "bronze_trades_kraken"
EVIL = ("<script>alert('x')</script> \x1b[31mred\x1b[0m | `tick` \u202egnp.exe \u200b*bold* [a](http://evil.example)"
        " \"q\"")

NOW = BEGIN + 9 * 60 * MINUTE  # 18:00
HEALTHY, FAILING, DEAD = range(3)


def at(clock):
    """"10:15:02" on that day, as milliseconds."""
    hours, minutes, seconds = (float(part) for part in clock.split(":"))
    return int(BEGIN + ((hours - 9) * 3600 + minutes * 60 + seconds) * 1000)


def create(agent, path):
    """An empty history with the agent's own schema."""
    subprocess.run([agent, "replay", "--db", path, "/dev/null"], check=True, stdout=subprocess.DEVNULL, timeout=600,
                   env={"PATH": "/usr/bin:/bin", "AGENT_CONFIG": "/dev/null"})
    db = sqlite3.connect(path)
    for table in ("cycle", "run", "incident", "timeline", "notification", "outbox", "silence", "state", "source"):
        db.execute("DELETE FROM " + table)
    return db


def put(db, table, **columns):
    names = ", ".join(columns)
    marks = ", ".join("?" for _ in columns)
    return db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values())).lastrowid


class Story:
    """One cycle after another."""

    def __init__(self, db):
        self.db, self.cycle, self.run = db, 0, 0

    def add(self, start, binance, kraken):
        """Each table: (duration ms, outcome, rows, error)."""
        self.cycle += 1
        time, counts, rows = start, {"success": 0, "failed": 0, "timeout": 0}, 0
        for name, (duration, outcome, moved, error) in ((BINANCE, binance), (KRAKEN, kraken)):
            self.run += 1
            put(self.db, "run", id=self.run, cycle_id=self.cycle, table_name=name, started_at=time,
                ended_at=time + duration, duration_ms=duration, outcome=outcome, rows=moved,
                exit_code=1 if outcome == "failed" else None, error=error)
            time += duration
            counts[outcome] += 1
            rows += moved or 0
        outcome = "success" if counts["success"] == 2 else "partial" if counts["success"] else "failed"
        put(self.db, "cycle", id=self.cycle, started_at=start, ended_at=time, duration_ms=time - start, outcome=outcome,
            tables=2, succeeded=counts["success"], failed=counts["failed"], timed_out=counts["timeout"], rows=rows)


def slots(first, last):
    time = at(first + ":00")
    while time <= at(last + ":00"):
        yield time
        time += SLOT


def cycles(db):
    story = Story(db)
    for number, time in enumerate(slots("05:30", "17:45"), -14):      # early enough for a baseline
        good = (7000 + number * 37 % 900, "success", 150000 + number * 7919 % 30000, None)
        small = (4600 + number * 53 % 700, "success", 900 + number * 31 % 400, None)
        error = "java.sql.SQLException: Connection refused\n" + EVIL
        if at("12:00:00") <= time <= at("13:00:00"):                # ClickHouse is down
            good, small = (2100, "failed", None, error), (2000, "failed", None, error)
        elif time == at("13:15:00"):                                # the first run after it brings all
            good = (48000, "success", 912331, None)
        elif at("15:00:00") <= time < at("15:45:00"):               # the scheduler is down
            continue
        elif time == at("16:45:00"):                                # a slow cycle
            good = (331000, "success", 300112, None)
        story.add(time - 400 + number * 13, good, small)


def incident(db, identity, alert, **columns):
    put(db, "incident", id=identity, alert=alert, tables=json.dumps(columns.pop("tables", [])), **columns)


def notification(db, incident_id, sequence, time, status, severity, alert, summary, silenced=0, **columns):
    return put(db, "notification", incident_id=incident_id, sequence=sequence, at=time, status=status, severity=severity,
               alert=alert, tables="[]", summary=summary, silenced=silenced, **columns)


def delivery(db, incident_id, notification_id, webhook, status, created, **columns):
    put(db, "outbox", incident_id=incident_id, notification_id=notification_id, webhook=webhook, status=status,
        created_at=created, **columns)


def failing(db):
    alert, tables = "IcebergOffloadConsecutiveFailures", [BINANCE, KRAKEN]
    incident(db, 1, alert, table_name=BINANCE, tables=tables, severity="critical", state="resolved",
             onset_at=at("12:00:01.2"), opened_at=at("12:15:02"), critical_at=at("12:15:02"), resolved_at=at("13:15:48"),
             verified_at=at("13:45:12"), escalated_at=at("13:15:02"), prometheus_at=at("12:35:01"),
             likely_cause="ClickHouse refuses connections", scenario="1/2", runbook="iceberg-offload-failure.md",
             scenario_title="ClickHouse connectivity failure",
             first_command="docker exec k2-clickhouse clickhouse-client -q \"SELECT 1\"", evidence="Stderr: " + EVIL,
             summary="no new data for 2 tables since 12:00, ClickHouse refuses connections: " + EVIL)
    for time, kind, text, offset in (
            (at("12:15:02"), "opened", "2 failures in a row; the third attempt would come after 30 min of lag", None),
            (at("12:15:02"), "evidence", "✗ Offload failed: bronze_trades_binance", 48211),
            (at("12:15:02"), "evidence", "  Stderr: " + EVIL, 48290),
            (at("12:15:04"), "joined", "bronze_trades_kraken fails as well", None),
            (at("12:15:02"), "notified", "firing", None),
            (at("13:15:02"), "note", "open longer than the runbook expects", None),
            (at("13:15:48"), "resolved", "bronze_trades_binance and bronze_trades_kraken succeed again", 51002),
            (at("13:45:12"), "verified", "3 good cycles", None)):
        put(db, "timeline", incident_id=1, at=time, kind=kind, text=text, log_offset=offset)
    first = notification(db, 1, 1, at("12:15:02"), "firing", "critical", alert, "no new data for 2 tables since 12:00 (15 min), ClickHouse refuses connections")
    delivery(db, 1, first, "pager", "delivered", at("12:15:02"), attempts=1, delivered_at=at("12:15:02.1"))
    delivery(db, 1, first, "chat", "delivered", at("12:15:02"), attempts=4, delivered_at=at("12:16:09"),
             last_error="HTTP 503: " + EVIL)
    second = notification(db, 1, 2, at("13:15:02"), "escalated", "critical", alert, "no new data for 2 tables since 12:00 (1 h 15 min); Engineering Lead told",
                          escalate_to="Engineering Lead")
    delivery(db, 1, second, "pager", "delivered", at("13:15:02"), attempts=1, delivered_at=at("13:15:02.1"))
    delivery(db, 1, second, "chat", "refused", at("13:15:02"), attempts=2, last_error="HTTP 404")
    third = notification(db, 1, 3, at("13:15:48"), "resolved", "critical", alert, "2 tables flow again after 1 h 16 min")
    delivery(db, 1, third, "pager", "delivered", at("13:15:48"), attempts=1, delivered_at=at("13:15:48.1"))
    put(db, "silence", starts_at=at("12:30:00"), ends_at=at("12:45:00"), reason="changing the load balancer")


def dead(db):
    alert = "IcebergOffloadSchedulerDown"
    incident(db, 2, alert, severity="critical", state="resolved", onset_at=at("14:52:10"), opened_at=at("14:52:10.4"),
             critical_at=at("14:53:40"), resolved_at=at("15:45:12"), verified_at=at("16:15:12"),
             prometheus_at=at("15:00:00"), likely_cause="the scheduler died without a word (killed, or out of memory)",
             scenario="5/2", runbook="iceberg-scheduler-recovery.md",
             first_command="systemctl status iceberg-offload-scheduler",
             summary="scheduler dead since 14:52, not started again",
             cause="OOM killer: a backfill job ran on the same host", deviations="host rebooted instead of a restart")
    put(db, "timeline", incident_id=2, at=at("14:52:10.4"), kind="opened", text="the last writer closed the log")
    put(db, "timeline", incident_id=2, at=at("14:53:40"), kind="escalated", text="not back after 90 s")
    put(db, "timeline", incident_id=2, at=at("15:45:12"), kind="resolved", text="a new cycle completed", log_offset=60120)
    for number, (time, severity) in enumerate(((at("14:52:10.4"), "warning"), (at("14:53:40"), "critical"))):
        page = notification(db, 2, number + 1, time, "firing", severity, alert, "scheduler died 14:52, no process has its log open")
        delivery(db, 2, page, "pager", "delivered", time, attempts=1, delivered_at=time + 90)


def slow(db):
    alert = "IcebergOffloadCycleSlow"
    incident(db, 3, alert, severity="warning", state="open", onset_at=at("16:44:59.7"), opened_at=at("16:49:59.7"),
             likely_cause="bronze_trades_binance alone is slow: volume or fragmentation", scenario="3/1", scenario_title="Data volume spike",
             runbook="iceberg-offload-performance.md", first_command="docker stats --no-stream",
             summary="cycle running since 16:45", tables=[BINANCE])
    put(db, "timeline", incident_id=3, at=at("16:49:59.7"), kind="opened", text="elapsed time over 5 min")
    page = notification(db, 3, 1, at("16:49:59.7"), "firing", "warning", alert, "cycle running since 16:45 (5 min)")
    delivery(db, 3, page, "chat", "pending", at("16:49:59.7"), attempts=9, last_error="connection timed out")


def agent_state(db, pid):
    lines = {"pid": pid, "started_ms": BEGIN, "alive_ms": at("17:50:00"), "writer": 1, "last_line_ms": at("17:45:13"),
             "next_run_ms": at("18:00:00"), "interval_ms": SLOT, "behind_bytes": 0, "lines": 8123, "records": 8100,
             "events": 3100, "misses": 2, "limit_hits": 0, "stray_lines": 14, "commit_failures": 0, "lag_warning_ms": 20 * MINUTE,
             "lag_critical_ms": 30 * MINUTE, "cycle_slow_ms": 300000, "cycle_too_slow_ms": 600000,
             "blind.0": "=bronze_trades_kraken: most runs report 0 rows: a stalled watermark looks like a quiet hour",
             "blind_count": 1}
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    db.execute("INSERT OR REPLACE INTO state VALUES ('agent', ?)", (text,))


def make(agent, path):
    db = create(agent, path)
    with db:
        cycles(db)
        failing(db)
        dead(db)
        slow(db)
    return db
