# SPDX-License-Identifier: GPL-2.0-or-later
"""A new agent on an old history: every version that ever was released opens, keeps its rows, and reading goes on where it stood."""

import datetime
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
import zoneinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CURRENT = int(re.search(r"SCHEMA_VERSION = (\d+)", (ROOT / "agent/history/schema.h").read_text())[1])
TABLES = ("cycle", "run", "incident", "timeline", "notification", "silence", "acknowledgement")
ZONE = zoneinfo.ZoneInfo("Australia/Sydney")
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
SETTINGS = {"log.timezone": "Australia/Sydney", "history.retention": "20000d", "notify.reminder": "0"}


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-upgrade-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.database = self.directory / "history.db"

    def old_history(self, version):
        """The history of a release, which has read this log to its end."""
        shutil.copy(ROOT / "fixtures/logs/one-table-timeout.log", self.log)
        with sqlite3.connect(self.database) as database:
            database.executescript((ROOT / f"tests/schema/version-{version}.sql").read_text())
            database.execute("INSERT INTO silence (starts_at, ends_at, reason) VALUES (1000, 2000, 'everything')")
            database.execute("UPDATE source SET device = ?, inode = ?", (self.log.stat().st_dev, self.log.stat().st_ino))
        database.close()

    def first_cycle_now(self):
        """The log's first forty lines, as if the first of them were written now."""
        lines = self.log.read_text().splitlines(True)[:40]
        stamps = [datetime.datetime.strptime(line[:19], "%Y-%m-%d %H:%M:%S") for line in lines if re.match(STAMP, line)]
        shift = datetime.datetime.now(ZONE).replace(tzinfo=None, microsecond=0) - stamps[0]
        return re.sub(rf"(?m)^{STAMP}", lambda found: str(datetime.datetime.fromisoformat(found[0]) + shift), "".join(lines))

    def contents(self):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            there = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {table: [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY id")] if table in there else []
                    for table in TABLES}

    def test_every_version_opens_with_its_rows_and_its_position(self):
        for version in range(1, CURRENT + 1):
            with self.subTest(version=version):
                self.database.unlink(missing_ok=True)
                self.old_history(version)
                before = self.contents()
                self.assertTrue(before["cycle"] and before["run"] and before["incident"])
                cycle = self.first_cycle_now()
                begun_ms = time.time() * 1000 - 3600_000
                with Agent(self.log, self.database, settings=SETTINGS) as agent:
                    agent.wait_for("PRAGMA user_version", CURRENT)
                    with open(self.log, "a", encoding="utf-8") as log:
                        log.write(cycle)
                    agent.wait_for("SELECT count(*) > ? FROM cycle".replace("?", str(len(before["cycle"]))), 1)
                    self.assertEqual(agent.stop()[0], 0)
                after = self.contents()
                for table in TABLES:
                    self.assertGreaterEqual(len(after[table]), len(before[table]), table)
                    for old, new in zip(before[table], after[table]):
                        same = old.get("outcome") != "running" and old.get("state") != "open"
                        self.assertEqual({key: new[key] for key in old} if same else new["id"], old if same else old["id"])
                # A run of before the witnesses has its rows from the log, as one has that no witness was asked about.
                whose = ["log" if old.get("rows_from") is None else old["rows_from"] for old in before["run"]]
                self.assertEqual([row["rows_from"] for row in after["run"]], whose + ["log"] * (len(after["run"]) - len(whose)))
                # A silence of before the scopes held back everything, and still does.
                silence = after["silence"][-1]
                self.assertEqual((silence["alert_glob"], silence["table_glob"], silence["max_severity"]), (None, None, "critical"))
                # Nothing of the old log was read again: what is new began with the new lines.
                news = [row for row in after["cycle"][len(before["cycle"]):] if row["started_at"] < begun_ms]
                self.assertEqual(news, [])

    def test_a_newer_history_is_refused_untouched(self):
        self.old_history(1)
        with sqlite3.connect(self.database) as database:
            database.execute(f"PRAGMA user_version = {CURRENT + 1}")
        database.close()
        before = self.database.read_bytes()
        for command in (["run"], ["status"], ["report"]):
            done = run(*command, "--log", self.log, "--db", self.database)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"version {CURRENT + 1}", done.stdout + done.stderr)
        self.assertEqual(self.database.read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
