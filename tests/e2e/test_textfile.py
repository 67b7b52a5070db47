# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent's own metrics, as node_exporter's textfile collector would read them."""

import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from promtool import promtool_path   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler   # noqa: E402

SAMPLE = re.compile(r"^iceberg_offload_agent_(\w+)(\{.*\})? (\S+)$", re.MULTILINE)
KRAKEN = "bronze_trades_kraken"


class Textfile(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-textfile-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        (self.directory / "collector").mkdir()
        self.file = self.directory / "collector" / "agent.prom"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)

    def agent(self, file=None):
        return Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                     {"metrics.textfile": str(file or self.file), "notify.reminder": "0"})

    def samples(self):
        """Every sample names this agent's log: what is left of its labels says which one it is."""
        found = {}
        for name, labels, value in SAMPLE.findall(self.file.read_text()):
            rest = labels.removeprefix('{log="%s"' % self.log)
            self.assertNotEqual(rest, labels, f"{name} does not name the log")
            found[name + ("" if rest == "}" else "{" + rest.removeprefix(","))] = float(value)
        return found

    def test_the_file_at_the_end_tells_what_happened(self):
        with self.agent() as agent:
            wait_until(self.file.exists, 5, "no file")
            self.assertEqual(self.samples()["up"], 1)
            for cycle in range(1, 4):
                self.scheduler.cycle(rows={KRAKEN: 0}, seconds=12.0)
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", cycle)
            self.scheduler.cycle(failing=TABLES)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'failed'", 1)
            self.scheduler.kill()
            self.receiver.wait(1, timeout=5, path="/hook")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 1)
            self.assertEqual(agent.stop()[0], 0)
        got = self.samples()
        self.assertEqual(got["up"], 0)
        self.assertEqual(got['cycles_total{outcome="success"}'], 3)
        self.assertEqual(got['cycles_total{outcome="failed"}'], 1)
        self.assertEqual(got['runs_total{table="%s",outcome="success"}' % KRAKEN], 3)
        self.assertEqual(got['runs_total{table="%s",outcome="failed"}' % KRAKEN], 1)
        self.assertEqual(got["cycle_duration_seconds_count"], 4)
        self.assertEqual(got['cycle_duration_seconds_bucket{le="+Inf"}'], 4)
        self.assertNotIn('last_rows_timestamp_seconds{table="%s"}' % KRAKEN, got)
        self.assertLess(abs(got['last_success_timestamp_seconds{table="%s"}' % KRAKEN] - time.time()), 60)
        self.assertEqual(got['open_incidents{alert="IcebergOffloadSchedulerDown",severity="warning"}'], 1)
        self.assertEqual(got['notifications_total{webhook="test",result="delivered"}'], 1)
        self.assertEqual(got["lines_total"], len(self.log.read_text().splitlines()))
        self.assertEqual(got["read_bytes_total"], self.log.stat().st_size)
        self.assertEqual(got['rows_total{table="%s"}' % KRAKEN], 0)
        self.assertIn('success_duration_seconds_total{table="%s"}' % KRAKEN, got)
        self.assertLess(abs(got["alive_timestamp_seconds"] - time.time()), 60)
        self.assertLessEqual(got["start_timestamp_seconds"], got["alive_timestamp_seconds"])
        self.assertLess(abs(got["next_run_timestamp_seconds"] - time.time() - 900), 60)
        self.assertEqual(got["config_last_reload_successful"], 1)
        self.assertEqual((got["parse_misses_total"], got["commit_failures_total"], got["offset_behind_bytes"]), (0, 0, 0))
        self.assertEqual(got["writer_present"], 0)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o644)
        self.assertEqual([path.name for path in self.file.parent.iterdir()], ["agent.prom"])
        self.check_with_promtool()

    def check_with_promtool(self):
        if not promtool_path():
            return      # test_prometheus says so
        with self.file.open("rb") as metrics:
            done = subprocess.run([promtool_path(), "check", "metrics"], stdin=metrics, capture_output=True, text=True, timeout=600,
                                  check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_an_earlier_life_is_taken_up(self):
        with self.agent() as agent:
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            self.scheduler.kill()
            agent.wait_for("SELECT count(*) FROM incident WHERE state = 'open'", 1)
            agent.kill()
            self.file.unlink(missing_ok=True)
            agent.start()
            wait_until(self.file.exists, 5, "no file")
            got = self.samples()
            self.assertEqual(got["up"], 1)
            self.assertEqual(got['cycles_total{outcome="success"}'], 0)
            self.assertEqual(got['open_incidents{alert="IcebergOffloadSchedulerDown",severity="warning"}'], 1)
            self.assertLess(abs(got['last_rows_timestamp_seconds{table="%s"}' % KRAKEN] - time.time()), 60)
            self.assertEqual(agent.stop()[0], 0)

    def test_a_place_that_cannot_be_written_is_said_and_stops_nothing(self):
        with self.agent(self.directory / "absent" / "agent.prom") as agent:
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            self.assertEqual(agent.stop()[0], 0)
            self.assertEqual(agent.said().count("absent/agent.prom: No such file or directory"), 1, agent.said())


if __name__ == "__main__":
    unittest.main()
