# SPDX-License-Identifier: GPL-2.0-or-later
"""A history that cannot be written, or not be read, when the agent starts: it watches and pages, and goes on in the history later."""
import os
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import side_by_side                               # noqa: E402
import test_storage                               # noqa: E402
from agent import run, wait_until                 # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from test_storage import GOOD, KRAKEN             # noqa: E402

TIMEOUT_S = 120
load_tests = side_by_side.load_tests


class Unwritable(test_storage.StorageCase):
    def test_a_read_only_state_directory_is_gone_on_from_in_memory_and_written_once_it_can_be(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent, \
                self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            self.cycles(scheduler, 2)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            agent.stop()
            self.make_read_only()
            agent.start()
            wait_until(lambda: "the history is kept in memory until it can be written" in agent.said(), 10, agent.said)
            self.assertIn(str(self.database), agent.said())
            for command in ("status", "incidents"):
                self.assertNotIn("cannot", run(command, "--log", self.log, "--db", self.database).stderr)
            self.cycles(scheduler, 2)
            wait_until(lambda: len(self.told()) == 3, 10, lambda: f"no resolution: {self.told()}; {agent.said()}")
            self.make_writable()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 7, 30)
            quiet.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 7)
            for one in (agent, quiet):
                one.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
            self.assertIn("writing again", agent.said())
            self.assert_same_rows(quiet, agent)
            self.assertEqual(self.told(), self.told("/quiet"))
            self.assertEqual(len(set(self.keys())), len(self.keys()))

    def make_writable(self):
        if os.geteuid() != 0:
            self.state.chmod(0o755)
            self.database.chmod(0o644)
        else:
            subprocess.run(["umount", "-l", self.state], check=True)

    def make_read_only(self):
        if os.geteuid() != 0:
            self.state.chmod(0o555)
            self.database.chmod(0o444)
            self.addCleanup(self.state.chmod, 0o755)
            return
        for command in (["mount", "--bind", self.state, self.state], ["mount", "-o", "remount,bind,ro", self.state]):
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode != 0:
                self.skipTest(f"no mount here: {done.stderr.decode().strip()}")
            if "--bind" in command:
                self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=False, capture_output=True)

    def test_a_history_that_cannot_be_read_at_the_start_is_gone_on_from_once_it_can_be(self):
        """Another program holds the database, so that the agent begins with nothing, and pages; then it begins again in the history."""
        with Scheduler(self.log) as scheduler, self.agent() as agent, \
                self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            self.cycles(scheduler, 3)
            agent.wait_for(GOOD, 3)
            agent.stop()
            holder = sqlite3.connect(self.database, isolation_level=None)
            for statement in ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "INSERT INTO silence (starts_at, ends_at) VALUES (1, 2)"):
                holder.execute(statement)
            agent.start()
            wait_until(lambda: "the history is kept in memory until it can be written" in agent.said(), 20, agent.said)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            wait_until(lambda: len(self.told()) >= 2, 20, lambda: f"no page without a history: {agent.said()}")
            holder.execute("ROLLBACK")
            holder.close()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 6, 60)
            self.cycles(scheduler, 2)
            for one in (agent, quiet):
                one.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 8, 30)
                one.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0, 30)
            self.assert_same_rows(quiet, agent)
            self.assertEqual(set(self.keys()), set(self.keys("/quiet")))    # again under the same key, at most
            self.assertNotIn("corrupt", agent.said())


if __name__ == "__main__":
    unittest.main()
