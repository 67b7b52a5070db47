# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks alerting in the field: clocks that jump, slots that are early, detectors that are blind."""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from agent import Agent, run   # noqa: E402

SIMULATOR = ROOT / "tests" / "simulator" / "simulator.py"
LOGS = ROOT / "fixtures" / "logs"


class Deciding(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-deciding-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def simulate(self, *options):
        subprocess.run([sys.executable, SIMULATOR, "healthy", "--log", self.log, *options], check=True, timeout=600,
                       stdout=subprocess.DEVNULL)

    def test_both_changes_of_the_clock_page_nobody_and_keep_durations_right(self):
        for zone in ("Europe/Berlin", "Australia/Sydney", "America/New_York"):
            with self.subTest(zone=zone):
                self.simulate("--seed", "7", "--days", "365", "--zone", zone, "--failures", "0", "--hiccups", "0")
                database = self.directory / f"{zone.replace('/', '-')}.db"
                result = run("replay", "--tz", zone, "--db", database, self.log)
                self.assertEqual((result.returncode, result.stdout), (0, ""))
                with sqlite3.connect(database) as history:
                    longest, = history.execute("SELECT max(duration_ms) FROM cycle").fetchone()
                    gap, = history.execute("SELECT max(next - started_at) FROM (SELECT started_at, lead(started_at) "
                                           "OVER (ORDER BY id) AS next FROM cycle)").fetchone()
                    count, = history.execute("SELECT count(*) FROM cycle WHERE outcome = 'success'").fetchone()
                text = self.log.read_text(encoding="utf-8")
                self.assertEqual(count, text.count("OFFLOAD CYCLE STARTED"))
                self.assertLess(longest, 60_000)
                self.assertLess(gap, 16 * 60_000)

    def test_status_says_which_detectors_are_blind(self):
        shutil.copy(LOGS / "rows-never-reported.log", self.log)
        with Agent(self.log, self.directory / "h.db", settings={"history.retention": "20000d", "notify.reminder": "0"}) as agent:
            agent.wait_for("SELECT count(*) > 10 FROM cycle", 1)
            agent.wait_for("SELECT count(*) FROM state WHERE key = 'agent' AND value LIKE '%row counts are blind%'", 1)
            status = run("status", "--db", agent.database, "--log", self.log)
            for table in ("bronze_trades_binance", "bronze_trades_kraken"):
                self.assertIn(f"{table}: row counts are blind", " ".join(status.stdout.split()))

    def test_another_threshold_is_asked_of_an_old_log(self):
        result = run("replay", "--tz", "Australia/Sydney", "--format", "json", "--set", "detect.cycle_slow=200s",
                     LOGS / "one-table-timeout.log")
        first = json.loads(result.stdout.splitlines()[0])
        self.assertEqual((first["alert"], first["time"]), ("IcebergOffloadCycleSlow", "2026-03-03T10:18:20.362+11:00"))

    def test_one_incident_keeps_its_id_and_its_end_follows(self):
        result = run("replay", "--tz", "Australia/Sydney", "--format", "json", LOGS / "graceful-stop-and-restart.log")
        told = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([(n["status"], n["severity"], n["incident"]) for n in told],
                         [("firing", "warning", 1), ("firing", "critical", 1), ("resolved", "critical", 1)])


if __name__ == "__main__":
    unittest.main()
