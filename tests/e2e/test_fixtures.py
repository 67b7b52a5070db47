# SPDX-License-Identifier: GPL-2.0-or-later
"""Replaying the fixtures tells exactly what fixtures/expected says, and a history filled by it counts what the logs count.

REWRITE_EXPECTED=1 in the environment writes what is told now to fixtures/expected: read the difference before you keep it.
"""
import json
import os
import re
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
LOGS = sorted((ROOT / "fixtures" / "logs").glob("*.log"))
EXPECTED = ROOT / "fixtures" / "expected"
# A log that ends in silence tells nothing by itself: its clock must run on.
RUN_ON = {"killed-in-cycle": ["--until", "+30m"]}
BINANCE, KRAKEN = "bronze_trades_binance", "bronze_trades_kraken"
# 500 characters of another program's words, which may look like the scheduler's.
STRAY = "agent: warning: 1 line of the log with a time far from the lines around (the first: {}): not judged\n"
EXCERPT = re.compile(r"  Stderr: .{500}", re.S)


def replay(name, *options, log=None, strays=None):
    done = subprocess.run([AGENT, "replay", "--tz", "Australia/Sydney", "--format", "json", *RUN_ON.get(name, []), *options,
                           log or str(ROOT / "fixtures" / "logs" / f"{name}.log")],
                          capture_output=True, text=True, timeout=600, check=False)
    if done.returncode or (done.stderr != STRAY.format(strays) if strays else done.stderr):
        raise AssertionError(f"replay of {name}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def told(name):
    return [json.loads(line) for line in replay(name).splitlines()]


def steps(notifications):
    """(time of day, status, severity, alert without its prefix, incident)"""
    return [(n["time"][11:19], n["status"], n["severity"], n["alert"].removeprefix("IcebergOffload"), n["incident"])
            for n in notifications]


class Golden(unittest.TestCase):
    """Byte for byte."""

    def test_every_log_tells_what_is_expected(self):
        for log in LOGS:
            with self.subTest(log.stem):
                path = EXPECTED / f"{log.stem}.jsonl"
                output = replay(log.stem)
                if os.environ.get("REWRITE_EXPECTED"):
                    path.write_text(output, encoding="utf-8")
                self.assertEqual(path.read_text(encoding="utf-8"), output)

    def test_nothing_is_expected_of_a_log_that_is_gone(self):
        self.assertEqual({path.stem for path in EXPECTED.glob("*.jsonl")}, {log.stem for log in LOGS})


class Story(unittest.TestCase):
    """What each log is there for, whatever the words."""

    def test_healthy_logs_tell_nothing(self):
        for name in ("healthy-day", "healthy-half-day-metrics-module", "rows-never-reported"):
            with self.subTest(name):
                self.assertEqual(told(name), [])

    def test_one_line_of_another_millennium_changes_nothing(self):
        """Neither are centuries of reminders due, nor is what comes later judged by such a clock."""
        for name in ("healthy-day", "clickhouse-refused-nested-stderr"):
            lines = (ROOT / "fixtures" / "logs" / f"{name}.log").read_text(encoding="utf-8").splitlines(keepends=True)
            started = next(i for i, line in enumerate(lines) if i > len(lines) // 8 and "Starting offload: " in line)
            lines[started] = "2926" + lines[started][4:]
            stamp = f"{lines[started][:10]}T{lines[started][11:19]}.{lines[started][20:23]}+11:00"
            with self.subTest(name), tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".log") as log:
                log.writelines(lines)
                log.flush()
                self.assertEqual(replay(name, log=log.name, strays=stamp), replay(name))

    def test_clickhouse_refused_is_one_incident_of_both_tables(self):
        notifications = told("clickhouse-refused-nested-stderr")
        self.assertEqual(steps(notifications)[0], ("10:30:03", "firing", "critical", "ConsecutiveFailures", 1))
        self.assertEqual({n["incident"] for n in notifications}, {1})
        self.assertEqual(steps(notifications)[1], ("10:30:05", "firing", "critical", "ConsecutiveFailures", 1))
        self.assertEqual(notifications[0]["tables"], [BINANCE])
        self.assertEqual(notifications[1]["tables"], [BINANCE, KRAKEN])   # named when the cycle ends
        self.assertIn("no new data for 2 tables since 10:00 (30 min)", notifications[1]["summary"])
        self.assertEqual([n["status"] for n in notifications].count("firing"), 2)

    def test_a_burst_of_exceptions_is_critical_in_the_second_burst(self):
        notifications = told("cycle-exception-burst")
        self.assertEqual(steps(notifications), [("10:29:59", "firing", "critical", "ConsecutiveFailures", 1)])
        self.assertEqual(notifications[0]["tables"], [BINANCE, KRAKEN])   # one exception fails both

    def test_a_graceful_stop_warns_and_is_critical_once_the_promise_is_broken(self):
        self.assertEqual(steps(told("graceful-stop-and-restart")), [
            ("07:56:32", "firing", "warning", "SchedulerDown", 1),
            ("08:02:00", "firing", "critical", "SchedulerDown", 1),
            ("08:24:05", "resolved", "critical", "SchedulerDown", 1)])

    def test_killed_in_a_cycle_is_one_incident_under_three_names(self):
        self.assertEqual(steps(told("killed-in-cycle")), [
            ("10:20:00", "firing", "warning", "CycleSlow", 1),
            ("10:25:00", "firing", "critical", "CycleTooSlow", 1),
            ("10:26:00", "firing", "critical", "SchedulerDown", 1)])

    def test_a_time_out_is_slow_then_too_slow_then_a_failing_table(self):
        notifications = told("one-table-timeout")
        self.assertEqual(steps(notifications)[:3], [
            ("10:20:00", "firing", "warning", "CycleSlow", 1),
            ("10:25:00", "firing", "critical", "CycleTooSlow", 1),
            ("10:39:59", "firing", "critical", "ConsecutiveFailures", 2)])
        self.assertEqual(notifications[2]["tables"], [BINANCE])
        self.assertEqual({n["status"] for n in notifications[3:]}, {"escalated"})

    def test_silent_zeros_are_a_stall_of_one_table(self):
        notifications = told("silent-zero-rows")
        self.assertEqual(steps(notifications), [("11:00:11", "firing", "warning", "WatermarkStale", 1)])
        self.assertEqual(notifications[0]["tables"], [KRAKEN])


class Rows(unittest.TestCase):
    """The history counts what the log counts."""

    def count(self, log):
        text = EXCERPT.sub("", log.read_text(encoding="utf-8"))
        return {"cycles": len(re.findall(r" OFFLOAD CYCLE STARTED$", text, re.M)),
                "completed": len(re.findall(r" OFFLOAD CYCLE COMPLETED$", text, re.M)),
                "runs": text.count(" - Starting offload: "),
                "success": text.count(" - ✓ Offload completed: "),
                "failed": text.count(" - ✗ Offload failed: "),
                "timeout": text.count(" - ✗ Offload timeout: "),
                "rows": sum(int(rows.replace(",", "")) for rows in re.findall(r"✓ Offload completed: \S+ \(([\d,]+) rows", text))}

    def test_a_replay_into_a_history_counts_alike(self):
        for log in LOGS:
            with self.subTest(log.stem), tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, "history.db")
                output = replay(log.stem, "--db", path)
                self.assertEqual(output, (EXPECTED / f"{log.stem}.jsonl").read_text(encoding="utf-8"))
                db = sqlite3.connect(path)
                self.addCleanup(db.close)

                def ask(query, *values):
                    return db.execute(query, values).fetchone()[0] or 0

                self.assertEqual(self.count(log), {
                    "cycles": ask("SELECT count(*) FROM cycle"),
                    "completed": ask("SELECT count(*) FROM cycle WHERE outcome IN ('success', 'partial', 'failed')"),
                    "runs": ask("SELECT count(*) FROM run"),
                    **{outcome: ask("SELECT count(*) FROM run WHERE outcome = ?", outcome)
                       for outcome in ("success", "failed", "timeout")},
                    "rows": ask("SELECT sum(rows) FROM run WHERE rows > 0")})
                self.assertEqual(ask("SELECT count(*) FROM notification"), len(output.splitlines()))
                self.assertEqual(ask("SELECT count(*) FROM run WHERE outcome = 'running'"), log.stem == "killed-in-cycle")


if __name__ == "__main__":
    unittest.main()
