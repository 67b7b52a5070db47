# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind a failure with a short stderr what follows may be the job's text. A log that is seen to grow tells more than one that is replayed:
what comes after a moment of silence is the scheduler's, and what is held is decided within two seconds."""

import os
import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent              # noqa: E402
from hand import TABLE, record       # noqa: E402
from receiver import Receiver, pages  # noqa: E402

SETTINGS = {"notify.reminder": "0", "detect.burst": "100ms"}
FAILURES = "SELECT count(*) FROM run WHERE outcome = 'failed'"
ENDED = "SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL"


def failure(table=TABLE, stderr="boom", at=None):
    at = at or datetime.now()
    return (record(at, f"Starting offload: {table} → cold.{table}") + record(at, f"✗ Offload failed: {table}", "ERROR") +
            record(at, "  Exit code: 1", "ERROR") + record(at, f"  Stderr: {stderr}", "ERROR"))


def success(table=TABLE):
    at = datetime.now()
    return (record(at, f"Starting offload: {table} → cold.{table}") +
            record(at, f"✓ Offload completed: {table} (5 rows in 0.1s)"))


def end(succeeded, failed, at=None):
    at = at or datetime.now()
    return (record(at, "OFFLOAD CYCLE COMPLETED") + record(at, "Duration: 1.0s") +
            record(at, f"Success: {succeeded}, Failed: {failed}, Timeout: 0"))


class ShortFailures(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-short-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.file = self.enterContext(open(self.log, "a", buffering=1, encoding="utf-8"))
        self.receiver = self.enterContext(Receiver())

    def agent(self):
        return Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)

    def write(self, text):
        """At one instant, as the scheduler does."""
        self.file.write(text)
        self.file.flush()

    def begin(self, agent):
        self.write(record(datetime.now(), "OFFLOAD CYCLE STARTED"))
        agent.wait_for("SELECT count(*) FROM cycle", 1)

    def test_a_table_that_is_tried_again_in_its_cycle_is_paged_and_its_recovery_told(self):
        with self.agent() as agent:
            self.begin(agent)
            for count in (1, 2, 3):
                self.write(failure())
                agent.wait_for(FAILURES, count, 2)
                time.sleep(0.2)
            self.receiver.wait(1, timeout=2, path="/hook")
            self.assertEqual(pages(self.receiver.at("/hook"))[0][0], "IcebergOffloadConsecutiveFailures")
            self.write(success())
            agent.wait_for("SELECT count(*) FROM incident WHERE resolved_at IS NOT NULL", 1, 2)

    def test_the_end_of_a_cycle_is_known_within_two_seconds_though_nothing_follows_it(self):
        with self.agent() as agent:
            self.begin(agent)
            self.write(failure() + end(0, 1))
            agent.wait_for(ENDED, 1, 2)

    def test_in_an_old_log_it_is_known_before_anything_is_judged_by_the_clock(self):
        """Else the cycle would seem to run since then."""
        at = datetime.now() - timedelta(hours=20)
        self.write(record(at, "OFFLOAD CYCLE STARTED") + failure(at=at) + end(0, 1, at=at))
        os.utime(self.log, (at.timestamp(), at.timestamp()))
        with self.agent() as agent:
            agent.wait_for(ENDED, 1, 2)
            self.assertEqual(agent.rows("SELECT alert FROM incident WHERE alert LIKE '%Slow'"), [])

    def test_what_is_forged_in_stderr_stays_text_if_the_scheduler_goes_on_after_the_silence(self):
        with self.agent() as agent:
            self.begin(agent)
            self.write(failure() + success() + end(1, 0))
            time.sleep(0.5)
            self.write(success("another"))
            agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'success'", 1, 2)
            self.assertEqual(agent.rows("SELECT table_name FROM run WHERE outcome = 'success'"), [("another",)])
            self.assertEqual(agent.rows(ENDED), [(0,)])

    def test_half_a_line_is_no_silence(self):
        """The excerpt comes in two parts, a second apart."""
        with self.agent() as agent:
            self.begin(agent)
            whole = failure(stderr="boom\n" + success() + "end")
            self.write(whole[:-60])
            time.sleep(1.3)
            self.write(whole[-60:] + record(datetime.now(), "Starting offload: another → cold.another"))
            agent.wait_for("SELECT count(*) FROM run", 2, 2)
            self.assertEqual(agent.rows("SELECT count(*) FROM run WHERE outcome = 'success'"), [(0,)])


if __name__ == "__main__":
    unittest.main()
