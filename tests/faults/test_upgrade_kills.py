# SPDX-License-Identifier: GPL-2.0-or-later
"""An old history with ten years in it is brought to the newest version in seconds, and a kill in the middle leaves it whole."""

import contextlib
import os
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CURRENT = int(re.search(r"SCHEMA_VERSION = (\d+)", (ROOT / "agent/history/schema.h").read_text())[1])
CYCLES = 350400        # ten years, each quarter of an hour
KILLS = int(os.environ.get("AGENT_KILLS", "12"))
SECONDS_MOST = 2
SETTINGS = {"log.timezone": "Australia/Sydney", "history.retention": "20000d", "notify.reminder": "0"}


def ten_years(path, log):
    """A history of version 2 that has read this log to its end, with ten years before that."""
    with sqlite3.connect(path) as database:
        database.executescript((ROOT / "tests/schema/version-2.sql").read_text())
        first, = database.execute("SELECT min(started_at) FROM cycle").fetchone()
        last_cycle, = database.execute("SELECT max(id) FROM cycle").fetchone()
        last_run, = database.execute("SELECT max(id) FROM run").fetchone()
        times = [first - (CYCLES - i) * 900000 for i in range(CYCLES)]
        database.executemany("INSERT INTO cycle VALUES (?, ?, ?, 12000, 'success', 2, 2, 0, 0, 5000)",
                             ((last_cycle + 1 + i, at, at + 12000) for i, at in enumerate(times)))
        database.executemany("INSERT INTO run VALUES (?, ?, ?, ?, ?, 5000, 'success', 2500, NULL, NULL)",
                             ((last_run + 1 + 2 * i + k, last_cycle + 1 + i, f"bronze_{k}", at, at + 5000)
                              for i, at in enumerate(times) for k in range(2)))
        database.execute("UPDATE source SET device = ?, inode = ?", (log.stat().st_dev, log.stat().st_ino))
        # The ids that the state knows are older than these: it goes on behind them.
        live, = database.execute("SELECT value FROM state WHERE key = 'engine.live'").fetchone()
        live = re.sub(r"(?m)^last_cycle \d+$", f"last_cycle {last_cycle + CYCLES}", live)
        live = re.sub(r"(?m)^last_run \d+$", f"last_run {last_run + 2 * CYCLES}", live)
        database.execute("UPDATE state SET value = ? WHERE key = 'engine.live'", (live,))
    database.close()


def cpu_s(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9


def counts(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("cycle", "run", "incident", "timeline", "notification", "outbox")]


def version(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


class UpgradeKills(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-upgrade-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.old = self.directory / "old.db"
        shutil.copy(ROOT / "fixtures/logs/one-table-timeout.log", self.log)
        ten_years(self.old, self.log)
        self.rows = counts(self.old)

    def a_history(self, name):
        place = self.directory / name
        place.mkdir()
        shutil.copy(self.old, place / "history.db")
        return place / "history.db"

    def upgrade(self, database):
        """(wall time, processor time) in seconds until the history has the new version and the state is saved in it."""
        with Agent(self.log, database, settings=SETTINGS) as agent:
            begun = time.monotonic()
            agent.wait_for("SELECT count(*) > 0 FROM table_state", 1)
            took = time.monotonic() - begun, cpu_s(agent.process.pid)
            self.assertEqual(agent.stop()[0], 0)
        return took

    def test_ten_years_are_upgraded_in_two_seconds_and_survive_a_kill_at_any_moment(self):
        times = [self.upgrade(self.a_history(f"whole{i}")) for i in range(2)]
        took, cpu = min(times)[0], min(cpu for _, cpu in times)
        # Others load the machine, so the processor's time is held to the bound and the wall's is told.
        self.assertLess(cpu, SECONDS_MOST)
        print(f"# {took:.2f} s, of the processor {cpu:.2f} s, for {self.old.stat().st_size >> 20} MB")
        dice, versions = random.Random(7), set()
        database = self.a_history("killed")
        kept = database.with_name("history.db.version-2")
        for kill in range(5 * KILLS):
            if kill >= KILLS and len(versions) == 2:
                break
            with Agent(self.log, database, settings=SETTINGS) as agent:
                time.sleep(dice.uniform(0, (1 + kill % 4) * took))
                agent.kill()
            versions.add(version(database))
            self.assertIn(version(database), (2, CURRENT))
            if version(database) == CURRENT:          # the old one is there, whole, and can be installed again
                self.assertEqual((version(kept), counts(kept)), (2, self.rows))
                for path in (path for path in database.parent.iterdir() if path != kept):
                    path.unlink()
                shutil.copy(kept, database)
        self.assertEqual(versions, {2, CURRENT})
        self.upgrade(database)
        self.assertEqual(counts(database)[:2], self.rows[:2])
        with contextlib.closing(sqlite3.connect(database)) as found:
            self.assertEqual(found.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(found.execute("SELECT count(*) FROM state WHERE key IN ('engine.live', 'engine.windows')").fetchone(), (0,))
        self.assertEqual(list(database.parent.glob("*.part")), [])


if __name__ == "__main__":
    unittest.main()
