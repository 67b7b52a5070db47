# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts that die of what an earlier run stored: after three in a row the next one does without it, says so, and watches on."""
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import test_storage                               # noqa: E402
from agent import BINARY, has_sanitizer, wait_until   # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from test_storage import GOOD, KRAKEN             # noqa: E402

TIMEOUT_S = 120
SHIM = Path(os.environ.get("BUILD", Path(BINARY).parent)).resolve() / "tests" / "kill_shim.so"
STARTS = "SELECT value FROM state WHERE key = 'starts'"


class Starts(test_storage.StorageCase):
    def setUp(self):
        super().setUp()
        if has_sanitizer() or not SHIM.exists():
            self.skipTest("the library that kills an agent within a chosen call cannot be loaded here")
        self.journal = self.directory / "journal"

    def start_and_die(self, agent):
        """As of a state that cannot be loaded: dead before the first commit."""
        agent.start({"LD_PRELOAD": str(SHIM), "KILL_JOURNAL": str(self.journal), "KILL_AT": "read:1", "KILL_WITHIN": "0:0"})
        self.assertEqual(agent.process.wait(10), -9, agent.said())

    def test_three_deaths_in_a_row_set_the_state_aside_and_the_log_is_read_on(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 3)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            self.receiver.wait(2, 5, "/hook")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            agent.kill()
            before = {table: agent.rows(f"SELECT * FROM {table} ORDER BY id") for table in ("cycle", "run")}
            for deaths in range(1, 4):
                scheduler.cycle()
                self.start_and_die(agent)
                self.assertEqual(int(agent.rows(STARTS)[0][0]), deaths)
            self.assertNotIn("set aside", agent.said())
            agent.start()
            wait_until(lambda: "set aside" in agent.said(), 10, agent.said)
            agent.wait_for(GOOD, 6)
            agent.wait_for(STARTS, "0")
            self.assertEqual([key for key, in agent.rows("SELECT key FROM state WHERE key LIKE 'aside.%' ORDER BY 1")][:3],
                             ["aside.agent", "aside.agent.engine", "aside.agent.parser"])
            # What was known is still there, what came since has ids of its own, and the page is not sent again.
            for table, rows in before.items():
                self.assertEqual(agent.rows(f"SELECT * FROM {table} ORDER BY id LIMIT {len(rows)}"), rows)
            self.assertEqual(agent.rows("SELECT count(*), max(id) FROM cycle"), [(9, 9)])
            self.assertEqual(agent.rows("SELECT DISTINCT state FROM incident"), [("resolved",)])
            self.assertEqual(len(self.told()), 2)
            # It detects as before.
            self.cycles(scheduler, 3, failing=[KRAKEN])
            self.receiver.wait(4, 10, "/hook")
            self.assertEqual(len(set(self.keys())), len(self.keys()))

    def test_deaths_with_a_commit_between_them_change_nothing(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent, self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            self.cycles(scheduler, 3)
            agent.wait_for(GOOD, 3)
            agent.kill()
            for done in range(4, 10):
                for _ in range(2):
                    self.start_and_die(agent)
                scheduler.cycle()
                agent.start()
                agent.wait_for(GOOD, done)
                agent.wait_for(STARTS, "0")
                agent.kill()
            agent.start()
            self.assertNotIn("set aside", agent.said())
            quiet.wait_for(GOOD, 9)
            self.assert_same_rows(quiet, agent)


if __name__ == "__main__":
    unittest.main()
