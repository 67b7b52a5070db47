# SPDX-License-Identifier: GPL-2.0-or-later
"""A bit of the stored state turns while the agent is away: it is noticed, said and survived."""
import contextlib
import sqlite3
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import side_by_side                               # noqa: E402
import test_storage                               # noqa: E402
from agent import wait_until                      # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from test_storage import GOOD, KRAKEN, ROWS       # noqa: E402

TIMEOUT_S = 240
load_tests = side_by_side.load_tests


class TurnedBit(test_storage.StorageCase):
    """SQLite has no checksums: only the agent can tell that a number in a value is not the one that it stored."""

    def turn(self, table, condition):
        """Turns a bit of a value's last digit."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            value, = database.execute(f"SELECT CAST(value AS BLOB) FROM {table} WHERE {condition}").fetchone()
            at = max(place for place, byte in enumerate(value) if chr(byte).isdigit())
            turned = value[:at] + bytes([value[at] ^ 1]) + value[at + 1:]
            database.execute(f"UPDATE {table} SET value = CAST(? AS TEXT) WHERE {condition}", (turned,))
            database.commit()

    def survive(self, table, condition, said):
        """Turns a bit while the agent is away. The rows stay, cycles are counted on, and it is said once."""
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 12)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 15)
            agent.stop()
            rows = agent.rows(ROWS[0]), agent.rows(ROWS[1])
            self.turn(table, condition)
            agent.start()
            wait_until(lambda: said in agent.said(), 10, lambda: f"not said: {agent.said()}")
            self.cycles(scheduler, 3, failing=[KRAKEN])
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 18)
            self.assertEqual((agent.rows(ROWS[0])[:15], agent.rows(ROWS[1])[:30]), rows)
            self.cycles(scheduler, 4)
            agent.wait_for("SELECT count(*) FROM incident WHERE state = 'open'", 0)
            agent.stop()
            agent.start()
            self.cycles(scheduler, 1)
            agent.wait_for(GOOD, 17)
            self.assertEqual(agent.said().count(said), 1, agent.said())
            self.assertEqual(list(self.state.glob("*corrupt*")), [])
            return agent

    def test_in_a_table_is_said_and_the_table_is_learnt_anew(self):
        agent = self.survive("table_state", f"value LIKE '%={KRAKEN}%'", "1 row of table_state cannot be used")
        self.assertEqual(agent.rows(f"SELECT count(*) FROM table_state WHERE value LIKE '%={KRAKEN}%'"), [(1,)])

    def test_in_the_baselines_is_said_and_the_incident_goes_on(self):
        agent = self.survive("table_windows", "place = 1", "1 row of table_windows cannot be used")
        self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(1,)])

    def test_in_an_incident_is_said_and_the_trouble_is_told_anew(self):
        agent = self.survive("incident_state", "incident_id = 1", "1 row of incident_state cannot be used")
        self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(2,)])
        self.assertEqual(agent.rows("SELECT count(*) FROM timeline WHERE incident_id = 1 AND text LIKE 'the agent lost its state%'"), [(1,)])

    def test_in_a_text_of_the_engine_sets_the_state_aside(self):
        agent = self.survive("state", "key = 'agent.engine'", "agent.engine in the table state cannot be used")
        self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(2,)])


if __name__ == "__main__":
    unittest.main()
