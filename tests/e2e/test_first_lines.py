# SPDX-License-Identifier: GPL-2.0-or-later
"""The first lines that a phone shows, of many kinds of trouble and each status: tests/golden/first-lines.txt has them all. Those of the troubles
that no log alone brings about come from tests/unit/core/test_first_lines.c. With --update this file writes them anew: read the difference as
somebody who was woken by it."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import run   # noqa: E402
from hand import record   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "first-lines.txt"
HOST = "offload-scheduler-01"   # 20 characters
MOST = 110
MONDAY = datetime(2026, 3, 2)
REFUSED = "java.sql.SQLException: Connection refused, server ClickHouseNode [uri=http://clickhouse:8123/k2]"
LONG = "bronze_trades_of_the_second_exchange_in_the_third_region_by_minute"
BINANCE, KRAKEN = "bronze_trades_binance", "bronze_trades_kraken"
RUN_ON = {"killed-in-cycle": ["--until", "+30m"]}
# What means nothing to whoever is woken, times that are no time of day, and the names of alerts.
CRYPTIC = re.compile(r"only us|\bLead -|\bkept\b|patterns given up|onset|\bTook\b|==|\d{4}-\d\d-\d\d|\d\dT\d\d:|IcebergOffload|cannot be seen here"
                     r"|\bfirst:|half blind|Stderr|Exit code|\{|\}")
UNIT = Path(os.environ.get("BUILD", ROOT / "build")) / "tests/unit/core/test_first_lines"


class Story:
    """A log of 15-minute cycles of some tables."""

    def __init__(self, *tables):
        self.tables, self.lines, self.at = tables, [], MONDAY

    def say(self, at, text, level="INFO"):
        self.lines.append(record(at, text, level))

    def start(self):
        self.say(self.at, "Iceberg Offload Scheduler - STARTED")
        self.say(self.at, "Schedule interval: 15 minutes")
        return self

    def cycle(self, failing=None, rows=5000, seconds=20, empty=(), without=()):
        start, step = self.at, seconds / max(1, len(self.tables))
        failed, tables = 0, [table for table in self.tables if table not in without]
        self.say(start, "OFFLOAD CYCLE STARTED")
        for i, table in enumerate(tables):
            end = start + timedelta(seconds=step * (i + 1))
            self.say(start + timedelta(seconds=step * i), f"Starting offload: {table} → cold.{table}")
            if table in (failing or {}):
                failed += 1
                self.say(end, f"✗ Offload failed: {table}", "ERROR")
                self.say(end, "  Exit code: 1", "ERROR")
                self.say(end, f"  Stderr: {failing[table]:.<500}", "ERROR")   # the scheduler pastes 500 characters
            else:
                self.say(end, f"✓ Offload completed: {table} ({0 if table in empty else rows:,} rows in {step:.1f}s)")
        end = start + timedelta(seconds=seconds + 1)
        self.say(end, "OFFLOAD CYCLE COMPLETED")
        self.say(end, f"Duration: {seconds:.1f}s")
        self.say(end, f"Success: {len(tables) - failed}, Failed: {failed}, Timeout: 0")
        self.at = max(start + timedelta(minutes=15), end)
        self.say(end, f"Next run scheduled at: {self.at:%Y-%m-%d %H:%M:%S}")
        return self

    def cycles(self, count, **how):
        for _ in range(count):
            self.cycle(**how)
        return self

    def told(self, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".log", encoding="utf-8") as log:
            log.writelines(self.lines)
            log.flush()
            done = run("replay", "--tz", "UTC", "--format", "json", "--set", "notify.reminder=2h", *options, log.name)
        return [json.loads(line) for line in done.stdout.splitlines()]


def failing(tables, text):
    return {table: text for table in tables}


def stories():
    twelve = [f"bronze_{i:02}" for i in range(1, 13)]
    healthy = lambda *tables: Story(*tables).start().cycles(20)   # noqa: E731
    yield "one table", healthy(BINANCE, KRAKEN).cycles(20, failing=failing([BINANCE], REFUSED)).cycles(2).told()
    yield "two tables", healthy(BINANCE, KRAKEN).cycles(5, failing=failing([BINANCE, KRAKEN], REFUSED)).cycles(2).told()
    yield "12 tables", healthy(*twelve).cycles(3, failing=failing(twelve, REFUSED)).cycles(2).told()
    yield "5 of 12", healthy(*twelve).cycles(3, failing=failing(twelve[:5], "java.lang.OutOfMemoryError: Java heap space")).cycle().told()
    yield "long name", healthy(LONG, KRAKEN).cycles(8, failing=failing([LONG], REFUSED)).cycles(2).told()
    yield "no cause", healthy(BINANCE, KRAKEN).cycles(3, failing=failing([BINANCE], "something new")).cycles(2).told()
    yield "left out", healthy(BINANCE, KRAKEN).cycles(4, without=[KRAKEN]).cycle().told()
    yield "stalled", Story(BINANCE, KRAKEN).start().cycles(200).cycles(12, empty=[KRAKEN]).cycle().told()
    yield "slow", healthy(BINANCE).cycle(seconds=400).cycle(seconds=700).cycles(3).told()
    yield "silent", healthy(BINANCE).told("--until", "+4h")
    flapping = healthy(BINANCE)
    for _ in range(6):
        flapping.cycles(2, failing=failing([BINANCE], REFUSED)).cycle()
    yield "on and off", flapping.cycles(12).told()
    nightly = Story(BINANCE).start()
    for _ in range(5):
        nightly.cycles(8).cycles(3, failing=failing([BINANCE], REFUSED)).cycles(85)
    yield "each night", nightly.told()
    for log in sorted((ROOT / "fixtures" / "logs").glob("*.log")):
        done = run("replay", "--tz", "UTC", "--format", "json", *RUN_ON.get(log.stem, ()), str(log))
        yield log.stem, [json.loads(line) for line in done.stdout.splitlines()]


def stories_of_the_host():
    """What a host, systemd, a probe or a witness has a say in."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "lines")
        subprocess.run([UNIT], env={**os.environ, "FIRST_LINES": str(path)}, capture_output=True, timeout=600, check=True)
        lines = [line.split("\t", 3) for line in path.read_text(encoding="utf-8").splitlines()]
    for name, status, severity, summary in lines:
        yield name, [{"status": status, "severity": severity, "summary": summary}]


def first_line(notification):
    return f"{'RESOLVED ' if notification['status'] == 'resolved' else ''}{HOST}: {notification['summary']}"


def all_lines():
    return [(name, notification, first_line(notification)) for name, told in (*stories(), *stories_of_the_host()) for notification in told]


def as_text(lines):
    return "".join(f"{name:34.34} {n['status']:9} {n['severity']:8} {line}\n" for name, n, line in lines)


class FirstLines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = all_lines()

    def test_they_are_as_recorded(self):
        self.maxDiff = None
        self.assertEqual(GOLDEN.read_text(encoding="utf-8"), as_text(self.lines))

    def test_there_are_many_of_each_status(self):
        self.assertGreaterEqual(len({line for _, _, line in self.lines}), 40)
        self.assertEqual({n["status"] for _, n, _ in self.lines}, {"firing", "escalated", "reminder", "resolved"})

    def test_they_fit_a_phone_and_say_nothing_cryptic(self):
        for name, _, line in self.lines:
            with self.subTest(name, line=line):
                self.assertLessEqual(len(line), MOST)
                self.assertIsNone(CRYPTIC.search(line))

    def test_an_end_gives_no_cause_and_an_escalation_says_who_was_told(self):
        for name, notification, line in self.lines:
            with self.subTest(name, line=line):
                if notification["status"] == "resolved":
                    self.assertNotRegex(line, "ClickHouse|unreachable|docker")
                    self.assertRegex(line, r"after \d")
                if notification["status"] == "escalated":
                    self.assertRegex(line, r"; (Engineering Lead( and Data Team)? told|escalated)$")

    def test_an_escalation_keeps_the_cause_and_the_name(self):
        for name in ("one table", "two tables", "on and off", "two causes", "dead component, 12 tables"):
            line, = {line for story, n, line in self.lines if story == name and n["status"] == "escalated"}
            with self.subTest(name, line=line):
                self.assertRegex(line, f"({BINANCE}|{KRAKEN}|12 of 12 tables) .*, (ClickHouse unreachable|Spark ran out of memory);")


if __name__ == "__main__":
    if "--update" in sys.argv:
        GOLDEN.write_text(as_text(all_lines()), encoding="utf-8")
    else:
        unittest.main()
