# SPDX-License-Identifier: GPL-2.0-or-later
"""Acknowledging an incident: what a running agent then no longer sends, where it is shown, and what the command refuses."""

import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import report_history   # noqa: E402
from agent import BINARY, Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

REMINDER_S = 0.8   # they come once, twice and four times this after the turn to critical
SETTINGS = {"notify.reminder": f"{int(REMINDER_S * 1000)}ms", "schedule.restart_grace": "300ms"}


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-ack-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log = self.directory / "scheduler.log"
        self.metrics = self.directory / "agent.prom"
        self.agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                           {**SETTINGS, "metrics.textfile": str(self.metrics)})
        self.addCleanup(self.agent.end)

    def ask(self, *arguments, environment=None):
        done = run(*arguments, "--db", self.agent.database, env={**os.environ, **(environment or {})})
        self.assertIn(done.returncode, (0, 2) if arguments[0] == "status" else (0,), done.stderr)
        return done.stdout

    def told(self):
        return [(alert["annotations"].get("status", alert["status"]), alert["annotations"]["severity"])
                for request in self.receiver.at("/hook") for alert in request.json()["alerts"]]

    def sent(self):
        return [row[0] for row in self.agent.rows("SELECT status FROM notification ORDER BY id")]

    def critical(self):
        scheduler = Scheduler(self.log)
        self.addCleanup(scheduler.kill)
        scheduler.cycle()
        self.agent.start()
        self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        scheduler.kill()
        self.agent.wait_for("SELECT max(severity = 'critical') FROM notification", 1)
        return time.monotonic()

    def test_nobody_is_reminded_until_it_is_taken_back_and_the_end_is_told(self):
        critical = self.critical()
        self.ask("ack", 1, "--note", "the host is rebuilt", environment={"SUDO_USER": "ada"})
        self.agent.wait_for("SELECT text FROM timeline WHERE kind = 'acknowledged'", "Acknowledged by ada: the host is rebuilt", 2)
        self.assert_shown_everywhere()
        self.agent.kill()                              # what it knows after that, it has from the history
        self.agent.start()
        self.agent.wait_for("SELECT value LIKE '%pid " + str(self.agent.process.pid) + "%' FROM state WHERE key = 'agent'", 1)
        self.agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration read again" in self.agent.said(), 5)
        time.sleep(max(0, critical + 2.3 * REMINDER_S - time.monotonic()))
        self.assertEqual(self.sent(), ["firing", "firing"])
        wait_until(lambda: self.acknowledged_in_metrics() == "1", 5)
        self.ask("ack", 1, "--undo", "--by", "grace")
        self.agent.wait_for("SELECT max(status = 'reminder') FROM notification", 1, 3)
        self.agent.wait_for("SELECT count(*) FROM timeline WHERE text = 'Acknowledgement taken back by grace'", 1)
        self.assertEqual(self.agent.rows("SELECT count(*) FROM timeline WHERE text LIKE 'Acknowledged by%'"), [(1,)])
        self.ask("ack", 1)
        revived = Scheduler(self.log)
        self.addCleanup(revived.kill)
        revived.cycle()
        self.agent.wait_for("SELECT max(status = 'resolved') FROM notification", 1)

    def acknowledged_in_metrics(self):
        name = 'iceberg_offload_agent_acknowledged_incidents{alert="IcebergOffloadSchedulerDown",severity="critical"'
        found = [line.split()[-1] for line in self.metrics.read_text().splitlines()
                 if line.replace(f'log="{self.log}",', "").startswith(name)] if self.metrics.exists() else []
        return found[0] if found else None

    def assert_shown_everywhere(self):
        self.assertRegex(self.ask("status"), r"acked by +ada at .*: the host is rebuilt")
        self.assertIn("open, acked", self.ask("incidents"))
        for form in "text", "markdown", "html":
            text = self.ask("report", "--format", form)
            self.assertRegex(text, r"cknowledged(\*\*|</b>|) by ada: the host\s+is rebuilt")
            self.assertRegex(text, r"(?s)after[\s|]+detection,\s+by\s+ada:\s+the\s+host\s+is\s+rebuilt")
        for incident in (json.loads(self.ask("status", "--format", "json"))["incidents"][0],
                         json.loads(self.ask("incidents", "--format", "json"))["incidents"][0],
                         json.loads(self.ask("report", "--format", "json"))["incident"]):
            self.assertEqual({**incident["acknowledgement"], "at": None}, {"at": None, "by": "ada", "note": "the host is rebuilt"})
            self.assertRegex(incident["acknowledgement"]["at"], r"^20\d\d-\d\d-\d\dT")


class Command(unittest.TestCase):
    """The command over a history that no agent writes: incident 1 is over, 2 and 3 are open."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-ack-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.database = self.directory / "history.db"
        with report_history.create(BINARY, self.database) as db:
            for number, state in (1, "resolved"), (2, "open"), (3, "open"):
                report_history.put(db, "incident", id=number, alert="IcebergOffloadSchedulerDown", tables="[]", severity="critical",
                                   state=state, opened_at=report_history.BEGIN,
                                   resolved_at=report_history.BEGIN + 60000 if state == "resolved" else None)
        db.close()

    def ack(self, *arguments, code=0):
        done = run("ack", *arguments, "--db", self.database, "--set", "log.timezone=UTC", env={**os.environ, "SUDO_USER": "ada"})
        self.assertEqual((done.returncode, bool(done.stderr)), (code, code != 0), (arguments, done.stderr))
        return done.stdout + done.stderr

    def rows(self):
        with sqlite3.connect(self.database) as db:
            return db.execute("SELECT incident_id, by_name, note, undone_at > 0, undone_by FROM acknowledgement ORDER BY id").fetchall()

    def test_what_cannot_be_done_is_said_and_changes_nothing(self):
        self.assertIn("no incident 7", self.ack(7, code=1))
        self.assertIn("incident 1 is over since 2026-03-02 22:01", self.ack(1, code=1))
        self.assertIn("incident 1 is over", self.ack(1, "--undo", code=1))
        self.assertIn("incident 2 is not acknowledged", self.ack(2, "--undo", code=1))
        for wrong in [], ["x"], [0], [2, "--by", ""], [2, "--undo", "--note", "x"], [2, 3]:
            self.ack(*wrong, code=2)
        self.assertEqual(self.rows(), [])

    def test_it_is_done_once_and_taken_back_once(self):
        self.assertIn("incident 2 acknowledged by ada", self.ack(2, "--note", "on it"))
        self.assertRegex(self.ack(2, "--by", "eve", code=1), "incident 2 is acknowledged already, by ada at 20")
        self.ack(3, "--by", "grace")
        self.ack(2, "--undo", "--by", "bob")
        self.assertIn("incident 2 is not acknowledged", self.ack(2, "--undo", code=1))
        self.ack(2, "--by", "eve")
        self.assertEqual(self.rows(), [(2, "ada", "on it", 1, "bob"), (3, "grace", None, None, None), (2, "eve", None, None, None)])

    def test_a_name_that_acts_on_a_terminal_does_not(self):
        name = "\x1b[31mred\x07"
        said = self.ack(2, "--by", name, "--note", name) + self.ack(2, code=1)
        said += run("report", "--incident", 2, "--db", self.database).stdout + run("status", "--db", self.database).stdout
        self.assertNotIn("\x1b", said)
        self.assertNotIn("\x07", said)


if __name__ == "__main__":
    unittest.main()
