# SPDX-License-Identifier: GPL-2.0-or-later
"""A history that somebody hands over: every command answers or says why not, and the agent moves aside what it cannot go on in."""
import contextlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import side_by_side                               # noqa: E402
from agent import BINARY, Agent, run, wait_until  # noqa: E402

TIMEOUT_S = 300
load_tests = side_by_side.load_tests
ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "fixtures/logs/killed-in-cycle.log"
FACES = ("status", "status --format json", "incidents", "incidents --format json", "report", "report --format markdown", "report --format html",
         "report --format json", "report --since 1970-01-01", "report --since 1970-01-01 --format html", "report --since 1970-01-01 --format json",
         "silence --list", "silence 1h --reason x", "annotate 1 --cause x")
TABLES = ("cycle", "run", "incident", "timeline", "notification", "outbox", "source", "silence")
LEAST, MOST = -2**63, 2**63 - 1
ROW_MOST = 32 << 20                               # HISTORY_VALUE_MAX_BYTES
NUMBERS = ("id", "cycle_id", "incident_id", "notification_id", "sequence", "exit_code", "rows", "tables", "succeeded", "failed", "timed_out", "attempts",
           "at", "device", "inode", "offset", "fingerprint_len", "duration_ms", "log_offset", "silenced")


@contextlib.contextmanager
def opened(path):
    database = sqlite3.connect(path, isolation_level=None)
    try:
        yield database
    finally:
        database.close()


def set_schema(path, change):
    """Rewrites what the tables say of themselves, as nobody but an attacker does. Returns what they said."""
    with opened(path) as database:
        said = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'").fetchall()
        database.execute("PRAGMA writable_schema = ON")
        for name, sql in said:
            database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ? AND type = 'table'", (change(name, sql), name))
    return dict(said)


def fill(path, value):
    """Every column of every row becomes value(column), also where the table, as it says then, takes none such; and a row more of each kind."""
    said = set_schema(path, lambda _, sql: sql.replace(" NOT NULL", ""))
    with opened(path) as database:
        for table in TABLES:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
            database.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", [value(c) for c in columns])
            for column in columns:
                keep = "WHERE id % 2 = 0" if column in ("state", "status", "incident_id", "cycle_id", "started_at", "opened_at") else ""
                database.execute(f"UPDATE {table} SET {column} = ? {keep}", (value(column),))
        database.execute("UPDATE state SET value = ? WHERE key = 'agent'", (str(value("value") or ""),))
    set_schema(path, lambda name, sql: said[name])


def is_number(column):
    return column in NUMBERS or column.endswith("_at")


CONTENTS = {
    "NULL everywhere": lambda column: None,
    "the largest numbers": lambda column: MOST if is_number(column) else "x",
    "the smallest numbers": lambda column: LEAST if is_number(column) else "",
    "numbers without end": lambda column: float("inf") if is_number(column) else float("-inf"),
    "texts for numbers": lambda column: "9" * 400 if is_number(column) else "critical",
    "blobs": lambda column: b"\x00\xff\x80" * 7,
    "terminal commands": lambda column: 7 if is_number(column) else "\x1b[2J\x1b]0;x\x07\n\r" * 9,
    "tables that are no JSON": lambda column: "[\"a\", [{}, null" if column == "tables" else 1,
    "tables without end": lambda column: "[" + "1," * 200_000 + "1]" if column == "tables" else 1,
    "long texts": lambda column: 1 if is_number(column) else "w " * 500_000,
}
STATE = "pid 1\nstarted_ms {0}\nalive_ms {0}\nnext_run_ms {0}\ninterval_ms {0}\nlag_warning_ms {0}\nblind_count {0}\nbehind_bytes {0}\n"
ENDLESS = "CREATE VIEW {} AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id FROM n"
SCHEMAS = {
    "view instead of a table": ("DROP TABLE incident", ENDLESS.format("incident"), "incident is a view"),
    "view instead of the state": ("DROP TABLE state", ENDLESS.format("state"), "state is a view"),
    "a view of another name": (ENDLESS.format("harmless"), "view harmless"),
    "trigger": ("CREATE TRIGGER t AFTER INSERT ON cycle BEGIN DELETE FROM run; END", "trigger t"),
    "virtual table": ("DROP TABLE silence", "CREATE VIRTUAL TABLE silence USING rtree(id, starts_at, ends_at)", "silence is not as the agent made it"),
    "generated column": ("ALTER TABLE run ADD COLUMN more GENERATED ALWAYS AS (hex(zeroblob(100000000))) VIRTUAL", "run is not as the agent made it"),
    "missing table": ("DROP TABLE outbox", "outbox is missing"),
    "table of another form": ("DROP TABLE timeline", "CREATE TABLE timeline (id INTEGER PRIMARY KEY, incident_id, at, kind, text, log_offset)",
                              "timeline is not as the agent made it"),
    "unique index": ("CREATE UNIQUE INDEX u ON run (outcome, id)", "index u"),
    "index that calculates": ("CREATE INDEX e ON run (hex(error))", "index e"),
    "partial index": ("CREATE INDEX p ON run (outcome) WHERE rows > 0", "index p"),
}


class HostileHistory(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-hostile-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.database = self.directory / "history.db"
        self.log = self.directory / "scheduler.log"
        shutil.copy(LOG, self.log)
        with Agent(self.log, self.database, settings={"log.timezone": "UTC", "history.retention": "20000d"}) as agent:
            agent.wait_for("SELECT offset FROM source", self.log.stat().st_size)
            agent.stop()
        with opened(self.database) as database:
            database.execute("INSERT INTO silence (starts_at, ends_at, reason) VALUES (1, 2, 'x')")
            self.assertGreater(database.execute("SELECT count(*) FROM outbox").fetchone()[0] +
                               database.execute("SELECT count(*) FROM notification").fetchone()[0], 0)

    def ask_all(self, what):
        """Returns the answers of all commands: never a signal, never without a word."""
        answers = []
        for face in FACES:
            answer = run(*face.split(), "--log", self.log, "--db", self.database)
            self.assertIn(answer.returncode, range(4), f"{what}: {face}: {answer.stderr[-2000:]}")
            self.assertTrue(answer.stdout + answer.stderr, f"{what}: {face}")
            self.assertNotIn("\x1b[2J", answer.stdout + answer.stderr, f"{what}: {face}")
            answers.append(answer)
        return answers

    def agent_goes_on(self, what):
        """Starts the agent, which reads what is appended; returns what it said."""
        with Agent(self.log, self.database, settings={"log.timezone": "UTC", "history.retention": "20000d"}) as agent:
            own = f"pid {agent.process.pid}\n"
            wait_until(lambda: agent.rows("SELECT 1 FROM state WHERE key = 'agent' AND substr(value, 1, ?) = ?", len(own), own),
                       20, lambda: f"{what}: {agent.said()}")
            agent.stop()
            return agent.said()

    def take(self, history):
        for suffix in ("-wal", "-shm"):
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)
        shutil.copy(history, self.database)

    def aside(self):
        return [path.name for path in self.directory.glob("history.db.corrupt-*") if not path.name.endswith(("-wal", "-shm", "-journal"))]

    def test_values_of_all_kinds_are_answered(self):
        keep = self.directory / "keep.db"
        shutil.copy(self.database, keep)
        for what, value in CONTENTS.items():
            with self.subTest(what):
                self.take(keep)
                fill(self.database, value)
                self.ask_all(what)
                self.agent_goes_on(what)

    def test_what_the_agent_said_of_itself_may_be_anything(self):
        for number in (LEAST, MOST, -1, 10**15, "x", ""):
            with opened(self.database) as database:
                database.execute("INSERT OR REPLACE INTO state VALUES ('agent', ?)", (STATE.format(number),))
            self.ask_all(number)

    def test_a_state_of_the_parser_that_names_no_zone_is_taken(self):
        """The zone is always saved, but whoever may write to the history may leave it out, or none."""
        for text in ("zone -\n", "x 1\n"):
            with opened(self.database) as database:
                database.execute("INSERT OR REPLACE INTO state VALUES ('agent.parser', ?)", (text,))
            self.agent_goes_on(text)

    def test_a_schema_of_somebody_elses_is_refused_in_words_and_moved_aside(self):
        keep = self.directory / "keep.db"
        shutil.copy(self.database, keep)
        for what, (*statements, word) in SCHEMAS.items():
            with self.subTest(what):
                self.take(keep)
                with opened(self.database) as database:
                    for statement in statements:
                        database.execute(statement)
                for answer in self.ask_all(what):
                    self.assertNotEqual(answer.returncode, 0, what)
                    self.assertIn(word, answer.stdout + answer.stderr)
                before = len(self.aside())
                said = self.agent_goes_on(what)
                self.assertIn(word, said)
                self.assertIn("a new one is begun", said)
                self.assertGreater(len(self.aside()), before)
                for answer in self.ask_all(f"{what}: the new one"):
                    self.assertNotIn("not as the agent made it", answer.stdout + answer.stderr)

    def test_a_plain_index_and_a_table_of_somebodys_own_do_no_harm(self):
        with opened(self.database) as database:
            database.execute("CREATE INDEX mine ON run (table_name, ended_at)")
            database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text)")
        self.assertNotIn(1, [answer.returncode for answer in self.ask_all("an index")[2:]])
        self.agent_goes_on("an index")
        self.assertEqual(self.aside(), [])

    def test_another_programs_database_is_left_alone(self):
        self.database = self.directory / "places.db"
        with opened(self.database) as database:
            database.execute("CREATE TABLE run (id)")
            version = sqlite3.connect(self.directory / "history.db").execute("PRAGMA user_version").fetchone()[0]
            database.execute(f"PRAGMA user_version = {version}")
        before = self.database.read_bytes()
        for answer in self.ask_all("another program's"):
            self.assertIn("not one of this agent's", answer.stdout + answer.stderr)
        refused = run("run", "--log", self.log, "--db", self.database)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("not one of this agent's", refused.stderr)
        self.assertEqual(self.database.read_bytes(), before)

    def test_a_value_at_the_budget_is_read_and_one_beyond_moves_the_history_aside(self):
        for more, moved in ((0, 0), (4096, 1)):
            with opened(self.database) as database:
                database.execute("UPDATE state SET value = cast(zeroblob(?) AS TEXT) WHERE key = 'engine.cycles'", (ROW_MOST - 4096 + 2 * more,))
            self.ask_all(f"{more} more")
            self.agent_goes_on(f"{more} more")
            self.assertEqual(len(self.aside()), moved)

    def test_more_text_than_is_shown_is_refused_in_words(self):
        """As many texts of 64 kB as a command may read, and one more."""
        with opened(self.database) as database:
            last = database.execute("SELECT max(opened_at) FROM incident").fetchone()[0] or 1
            database.executemany("INSERT INTO incident (alert, tables, severity, state, opened_at, evidence) VALUES ('x', '[]', 'warning', 'resolved', ?, ?)",
                                 [(last + i, "w" * 65536) for i in range(1025)])
        for count, code in ((1025, 1), (1000, 0)):
            with opened(self.database) as database:
                database.execute("DELETE FROM incident WHERE id > ?", (count,))
            answer = subprocess.run([BINARY, "incidents", "--format", "json", "--limit", "0", "--db", str(self.database)], capture_output=True,
                                    text=True, timeout=180, check=False)
            self.assertEqual(answer.returncode, code)
            self.assertEqual("longer than the 64 MB" in answer.stderr, code != 0, answer.stderr[:300])


if __name__ == "__main__":
    unittest.main()
