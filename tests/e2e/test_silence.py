# SPDX-License-Identifier: GPL-2.0-or-later
"""A maintenance window over a real scheduler: what it holds back, what it lets through, and what it leaves to be told."""

import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

# The real thresholds, but for the time that a dead scheduler has to come back.
SETTINGS = {"notify.reminder": "0", "schedule.restart_grace": "500ms"}


class Silence(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-silence-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log = self.directory / "scheduler.log"
        self.agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)
        self.scheduler = self.revive()
        self.agent.start()
        self.addCleanup(self.agent.end)
        self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def revive(self):
        """A scheduler that has done one cycle."""
        scheduler = Scheduler(self.log)
        self.addCleanup(scheduler.kill)
        scheduler.cycle()
        return scheduler

    def silence(self, *arguments):
        done = run("silence", *arguments, "--db", self.agent.database)
        self.assertEqual(done.returncode, 0, done.stderr)

    def told(self):
        """What arrived: (status, severity), in order."""
        return [(alert["status"], alert["annotations"]["severity"])
                for request in self.receiver.at("/hook") for alert in request.json()["alerts"]]

    def noted(self):
        return self.agent.rows("SELECT status, severity, silenced FROM notification ORDER BY id")

    def test_what_outlives_it_is_told_when_it_ends(self):
        self.silence("4s")
        begun = time.time()
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1)])
        page = self.receiver.wait(1, timeout=8, path="/hook")[0]
        self.assertGreater(page.wall - begun, 3.9)
        self.assertLess(page.wall - begun, 7)
        self.assertEqual(self.told(), [("firing", "critical")])

    def test_it_can_be_ended_by_hand(self):
        self.silence("1h")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.assertEqual(self.told(), [])
        self.silence("--end")
        self.receiver.wait(1, timeout=10, path="/hook")
        self.assertEqual(self.told(), [("firing", "critical")])

    def test_what_is_over_within_it_is_never_told(self):
        self.silence("4s")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.revive()
        self.agent.wait_for("SELECT state FROM incident", "resolved")
        time.sleep(4.5)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1), ("resolved", "critical", 1)])

    def test_the_end_of_what_was_told_before_is_told_within_it(self):
        self.scheduler.kill()
        self.receiver.wait(2, timeout=8, path="/hook")
        self.silence("1h")
        self.revive()
        self.receiver.wait(3, timeout=8, path="/hook")
        self.assertEqual(self.told(), [("firing", "warning"), ("firing", "critical"), ("resolved", "critical")])

    def test_a_restart_within_it_changes_nothing(self):
        self.silence("4s")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.agent.kill()
        self.agent.start()
        self.receiver.wait(1, timeout=8, path="/hook")
        time.sleep(0.5)
        self.assertEqual(self.told(), [("firing", "critical")])
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1), ("firing", "critical", 0)])


if __name__ == "__main__":
    unittest.main()
