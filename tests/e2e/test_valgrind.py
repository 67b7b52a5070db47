# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole life under valgrind: the running agent with its log, a receiver, a rotation, a reload and its end; then the commands that read."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

from agent import BINARY, QUICK, Agent, need_instrument, wait_until   # noqa: E402
from receiver import Receiver, pages   # noqa: E402
from run import VALGRIND, VALGRIND_ERROR   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 300
KRAKEN = "bronze_trades_kraken"
# What time decides is not asked of so slow an agent.
PATIENT = {**QUICK, **{f"schedule.{key}": "100s" for key in ("table_timeout", "late_warning", "late_critical", "hang_grace")},
           **{f"detect.{key}": "100s" for key in ("cycle_slow", "cycle_too_slow", "lag_warning", "lag_critical")}}
ENDED = "SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL"


class Valgrind(unittest.TestCase):
    def setUp(self):
        need_instrument(self, "valgrind")
        self.directory = Path(tempfile.mkdtemp(prefix="agent-valgrind-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        os.environ["AGENT_CONFINE"] = "no"   # valgrind's own files lie elsewhere
        self.addCleanup(os.environ.pop, "AGENT_CONFINE")

    def wait_page(self, receiver, agent, status):
        wait_until(lambda: ("IcebergOffloadConsecutiveFailures", status) in [page[:2] for page in pages(receiver.at("/hook"))], 60,
                   lambda: f"not {status}: {agent.said()}")

    def live(self, receiver):
        agent = Agent(self.log, self.directory / "history.db", receiver.url("/hook"), PATIENT)
        agent.command = [*VALGRIND, *agent.command]
        with Scheduler(self.log) as scheduler, agent:
            for number in range(1, 4):
                scheduler.cycle(failing=[KRAKEN])
                agent.wait_for(ENDED, number, 60)
            self.wait_page(receiver, agent, "firing")
            shutil.copy(self.log, f"{self.log}.1")   # as copytruncate does
            os.truncate(self.log, 0)
            scheduler.cycle()
            agent.wait_for(ENDED, 4, 60)
            self.wait_page(receiver, agent, "resolved")
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "configuration read again" in agent.said(), 60, agent.said)
            agent.process.send_signal(signal.SIGTERM)
            self.assertEqual(agent.process.wait(60), 0, agent.said())
            self.assertIn("truncated", agent.said())
        return agent

    def test_a_life_from_its_first_line_to_the_report_of_it(self):
        with Receiver() as receiver:
            agent = self.live(receiver)
        for command in (["report"], ["report", "--format", "html"], ["report", "--since", "1d", "--format", "json"], ["incidents"],
                        ["status", "--log", self.log]):
            done = subprocess.run([*VALGRIND, BINARY, *map(str, command), "--db", agent.database], capture_output=True, text=True,
                                  timeout=600, check=False)
            self.assertNotEqual(done.returncode, VALGRIND_ERROR, done.stderr)
            self.assertNotIn("cannot", done.stderr)
            self.assertTrue(done.stdout, command)


if __name__ == "__main__":
    unittest.main()
