# SPDX-License-Identifier: GPL-2.0-or-later
"""The log's disk fails for a while: said, an incident, and read on from where it was, no line twice."""

import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, need_instrument   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 180
STARTED = "SELECT count(*) FROM cycle"
# From the twentieth read of the log on, fourteen fail. A few go at once, as the scheduler still writes; then one every two seconds.
FAILING = "inject=pread64:error=EIO:when=20..33"


class Unreadable(unittest.TestCase):
    def setUp(self):
        need_instrument(self, "strace")     # which makes reads fail
        if os.geteuid() != 0:
            self.skipTest("needs root: the agent lets no other process of its user read its memory, and strace finds no path")
        self.directory = Path(tempfile.mkdtemp(prefix="agent-unreadable-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def test_reads_that_fail_for_a_while_are_said_and_lose_and_double_nothing(self):
        settings = {"notify.reminder": "0", "detect.burst": "100ms"}
        agent = Agent(self.log, self.directory / "history.db", settings=settings)
        agent.command = ["strace", "-D", "-qq", "-o", str(self.directory / "trace"), "-P", str(self.log), "-e", "trace=pread64",
                         "-e", FAILING, *agent.command]
        cycles = 0
        with Scheduler(self.log) as scheduler, agent:
            while "cannot be read" not in agent.said():
                self.assertLess(cycles, 100)
                scheduler.cycle()
                cycles += 1
                time.sleep(0.05)
            agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadLogUnreadable' AND state = 'open'", 1, 30)
            scheduler.cycle()
            cycles += 1
            agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadLogUnreadable' AND state = 'resolved'", 1, 60)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", cycles, 30)
            time.sleep(0.5)
            self.assertEqual(agent.rows(STARTED), [(cycles,)])
            self.assertEqual(agent.said().count("cannot be read"), 1)
            self.assertNotIn("truncated", agent.said())


if __name__ == "__main__":
    unittest.main()
