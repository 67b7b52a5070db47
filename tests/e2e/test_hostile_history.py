# SPDX-License-Identifier: GPL-2.0-or-later
"""A history that somebody hands over: whatever stands in it, each command answers or says what is wrong, in bounded time and length."""
import json
import os
import random
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report_history as history                # noqa: E402
from test_report_golden import ACTIVE, Agent    # noqa: E402

TABLES = ("cycle", "run", "incident", "timeline", "notification", "outbox", "silence", "state", "source", "witness")
INT64_MAX, INT64_MIN = 2**63 - 1, -2**63
SAFE = 2**53
MUCH = "\u20ac" * 200_000
VALUES = {
    "NULL": None, "text": "x", "an empty text": "", "a list": "[1, [2, {}]]", "the greatest number": INT64_MAX, "the least number": INT64_MIN,
    "a negative number": -1, "a far time": 253402300800000, "a real": 1e308, "bytes": b"\xff\xfe\x00\x1b[31m", "much text": MUCH,
}
READERS = (("status",), ("status", "--format", "json"), ("incidents",), ("incidents", "--format", "json", "--limit", "0"), ("silence", "--list"))
REPORTS = tuple(("report", *which, "--format", form) for which in ((), ("--since", "1970-01-01"))
                for form in ("text", "markdown", "html", "json"))
WRITERS = (("annotate", "1", "--cause", "a switch"), ("silence", "2h"), ("silence", "--end"))
LONGEST_ANSWER = 5 << 20   # of 5000 incidents, each with some 900 bytes as JSON
LOG = Path(__file__).resolve().parents[2] / "fixtures/logs/one-table-timeout.log"
TIMEOUT_S = 300
NEGATIVE = re.compile(r"-\d[\d.,]* (s|min|h|d)\b")


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.pristine = cls.agent.db + ".pristine"
        with history.sqlite3.connect(cls.agent.db) as db:
            db.executemany("INSERT INTO witness VALUES (?, ?, ?, ?, ?)",
                           [("iceberg", "well", "5 rows added", history.NOW - 1000, history.NOW - 2000), ("source", "silent", "not asked yet", None, None)])
            db.execute("UPDATE run SET rows_from = 'iceberg', witness = 'its Iceberg metadata', witnessed_rows = 0, rows = 0,"
                       " watermark_at = started_at, ahead_ms = 0, answered_at = ended_at WHERE outcome = 'success'")
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")       # the file alone is the whole history
        db.close()
        shutil.copy(cls.agent.db, cls.pristine)

    @classmethod
    def tearDownClass(cls):
        cls.agent.close()

    def spoil(self, *statements):
        """A fresh history in which these were done; what its own rules forbid is left out."""
        for end in ("-wal", "-shm"):
            Path(self.agent.db + end).unlink(missing_ok=True)   # of the history before
        shutil.copy(self.pristine, self.agent.db)
        with history.sqlite3.connect(self.agent.db) as db:
            for sql, values in statements:
                try:
                    db.execute(sql, values)
                except history.sqlite3.IntegrityError:
                    pass
        db.close()

    def change(self, table, column, value):
        """Sets the column of all rows, or of two where the value is long."""
        key = {"state": "key", "witness": "name"}.get(table, "id")
        few = f" WHERE {key} IN (SELECT {key} FROM {table} LIMIT 2)" if value == MUCH else ""
        return f"UPDATE {table} SET {column} = ?{few}", (value,)

    def columns(self, table):
        with history.sqlite3.connect(self.pristine) as db:
            found = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        db.close()
        return found

    def ask(self, *commands):
        """What each command prints, if that is an answer."""
        for command in commands:
            result = self.agent.run(*command)
            text, errors = result.stdout.decode(), result.stderr.decode()
            with self.subTest(command):
                self.assertIn(result.returncode, range(4), errors[-2000:])
                self.assertLess(len(text) + len(errors), LONGEST_ANSWER)
                self.assertIsNone(ACTIVE.search(text + errors))
                self.assertTrue(text or errors)
                if text and "json" in command:
                    self.check_numbers(json.loads(text))
                elif command[0] in ("status", "silence"):
                    self.assertIsNone(NEGATIVE.search(text), text[-2000:])
            yield text

    def check_numbers(self, document):
        if isinstance(document, dict):
            for key, value in document.items():
                if key != "tables":             # JSON in the history itself
                    self.check_numbers(value)
        elif isinstance(document, list):
            for value in document:
                self.check_numbers(value)
        elif isinstance(document, int):
            self.assertLessEqual(abs(document), 2 * SAFE)

    def incidents_in(self, document):
        if isinstance(document, dict):
            if "alert" in document and "tables" in document:
                yield document
            document = list(document.values())
        if isinstance(document, list):
            for value in document:
                yield from self.incidents_in(value)

    def test_a_replay_takes_any_answers(self):
        for column in ("table_name", "rows_from", "witness", "witnessed_rows", "watermark_at", "ahead_ms", "answered_at"):
            for name, value in VALUES.items():
                with self.subTest(column=column, value=name):
                    self.spoil(self.change("run", column, value))
                    result = self.agent.run("replay", "--format", "json", str(LOG))
                    self.assertEqual(result.returncode, 0, result.stderr[-500:])
                    self.assertIn(b"nothing is stored", result.stderr)
                    self.assertIsNone(ACTIVE.search(result.stdout.decode() + result.stderr.decode()))

    def test_a_replay_leaves_the_state_of_an_earlier_agent_alone(self):
        """An agent that saw no cycle yet has stored its state alone; earlier ones gave it other names."""
        for key in ("agent.engine", "engine.now", "engine.live"):
            with self.subTest(key):
                self.spoil(("DELETE FROM run", ()), ("DELETE FROM cycle", ()), ("DELETE FROM state WHERE key LIKE '%engine%'", ()),
                           ("INSERT INTO state VALUES (?, 'clock 1')", (key,)))
                result = self.agent.run("replay", "--format", "json", str(LOG))
                self.assertIn(b"nothing is stored", result.stderr)

    def test_an_incidents_tables_are_always_names(self):
        for stored, names in (("{\"a\": \"b\"}", ["b"]), ("7", []), ("null", []), ("[1, null, {}, \"x\", [\"y\"]]", ["x"]), ("[\"", [])):
            self.spoil(("UPDATE incident SET tables = ?", (stored,)))
            for text in self.ask(("incidents", "--format", "json", "--limit", "0"), ("report", "--since", "1970-01-01", "--format", "json")):
                found = [incident["tables"] for incident in self.incidents_in(json.loads(text))]
                self.assertTrue(found)
                self.assertEqual([tables for tables in found if tables != names], [], stored)

    def test_any_value_in_all_columns_of_a_table(self):
        for tables in (TABLES, *((table,) for table in TABLES)):
            for name, value in VALUES.items():
                if len(tables) == 1 and name not in ("NULL", "text", "the greatest number", "the least number"):
                    continue
                self.spoil(*(self.change(table, column, value) for table in tables for column in self.columns(table)))
                with self.subTest(tables=tables, value=name):
                    list(self.ask(*READERS, *REPORTS, *(WRITERS if len(tables) > 1 else ())))

    def test_tables_without_their_rules(self):
        """NULL where the agent's own tables forbid it."""
        for table in TABLES:
            columns = ", ".join(self.columns(table))
            self.spoil((f"CREATE TABLE loose AS SELECT * FROM {table}", ()), (f"DROP TABLE {table}", ()),
                       (f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {columns})", ()),
                       (f"INSERT INTO {table} ({columns}) SELECT {columns} FROM loose", ()), ("DROP TABLE loose", ()),
                       *((f"UPDATE {table} SET {column} = NULL", ()) for column in self.columns(table) if column != "state"))
            with self.subTest(table=table):
                list(self.ask(*READERS, *REPORTS))

    def test_any_values_in_any_columns(self):
        seed = int(os.environ.get("HOSTILE_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        every = [(table, column) for table in TABLES for column in self.columns(table)]
        for _ in range(12):
            self.spoil(*(self.change(table, column, chance.choice(list(VALUES.values())))
                         for table, column in chance.sample(every, chance.randrange(1, 12))))
            with self.subTest(HOSTILE_SEED=seed):
                list(self.ask(*READERS, *REPORTS))

    def test_the_agents_own_words_of_itself(self):
        names = ("pid", "started_ms", "alive_ms", "writer", "last_line_ms", "next_run_ms", "interval_ms", "behind_bytes", "lines", "misses",
                 "limit_hits", "stray_lines", "commit_failures", "lag_warning_ms", "lag_critical_ms", "cycle_slow_ms", "cycle_too_slow_ms", "blind_count")
        for value in (INT64_MAX, INT64_MIN, 0, 2**32 + 1, os.getpid(), "x"):
            lines = "".join(f"{name} {value}\n" for name in names) + "blind.0 =" + "y" * 500_000 + "\nlog_path =\n"
            self.spoil(("UPDATE state SET value = ? WHERE key = 'agent'", (lines,)))
            with self.subTest(value=value):
                list(self.ask(*READERS, *REPORTS))

    def test_thousands_of_rows(self):
        count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        self.spoil(
            (f"{count} INSERT INTO incident (id, alert, tables, severity, state, opened_at, summary)"
             " SELECT i + 100, 'A' || i, '[]', 'warning', 'open', i, 'summary ' || i FROM n", ()),
            (f"{count} INSERT INTO run (cycle_id, table_name, started_at, outcome) SELECT (SELECT max(id) FROM cycle), 't' || i, i, 'failed'"
             " FROM n", ()),
            (f"{count} INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at)"
             " SELECT 1, 1, 'w' || i, 'pending', i FROM n", ()),
            (f"{count} INSERT INTO silence (starts_at, ends_at, reason) SELECT i, 4102444800000 + i, 'r' || i FROM n", ()))
        status, document, some, every, silences = self.ask(*READERS)
        self.assertIn("(incident 101), 5000 more incidents open", status)
        self.assertIn("and 4981 more: agent incidents --open lists them", status)
        self.assertEqual(100, len(json.loads(document)["incidents"]))
        self.assertLess(len(status.splitlines()), 500)
        self.assertEqual(5003, len(json.loads(every)["incidents"]))
        self.assertLess(len(some.splitlines()), 30)
        self.assertLess(len(silences.splitlines()), 60)
        for text in self.ask(*REPORTS):
            self.assertTrue(text)

    def test_a_long_name_is_cut_in_a_line_of_status(self):
        self.spoil(("UPDATE incident SET summary = ?, first_command = ?", ("\u20ac" * 60_000, "x" * 60_000)),
                   ("UPDATE run SET table_name = ?", ("t" * 60_000,)), ("UPDATE outbox SET webhook = ?", ("w" * 60_000,)))
        status, document, *_ = self.ask(*READERS)
        self.assertLess(len(status), 16_000)
        self.assertLess(len(json.loads(document)["headline"]), 1100)

    def test_a_silence_without_an_end_is_in_force(self):
        self.spoil(("UPDATE silence SET ends_at = ?, ended_at = NULL", (INT64_MAX,)))
        status, _, _, _, silences = self.ask(*READERS)
        self.assertIn("Silenced     everything until 10000-01-01 ", status)       # the end of the year 9999 in UTC
        self.assertIn("in force", silences)

    def test_a_silence_that_begins_later_is_not_over(self):
        self.spoil(("UPDATE silence SET starts_at = ?, ends_at = ?, ended_at = NULL", (history.NOW + 10**12, history.NOW + 2 * 10**12)))
        status, _, _, _, silences = self.ask(*READERS)
        self.assertNotIn("Silenced", status)
        self.assertIn("not yet", silences)


if __name__ == "__main__":
    unittest.main()
