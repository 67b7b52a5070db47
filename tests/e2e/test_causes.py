# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of causes through the whole agent: a failure's page, report and history name the cause, and a team's own file changes it."""

import csv
import json
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TABLE = "bronze_trades_binance"
RULE = "=" * 80
PSQL = "docker exec k2-prefect-db psql -U prefect -d prefect -c "

# What the index of the runbooks maps scenarios to, each as a failure's text, and the place that a page must name.
SCENARIOS = (
    ("Failed to read from ClickHouse: java.net.ConnectException: Connection refused", "iceberg-offload-failure.md",
     "scenario 2: ClickHouse connectivity failure", 'docker exec k2-clickhouse clickhouse-client -q "SELECT 1"'),
    ("Error response from daemon: No such container: k2-spark-iceberg", "iceberg-offload-failure.md",
     "scenario 3: Spark job crashes/OOM", "docker ps -a --filter name=k2-spark-iceberg"),
    ("java.lang.OutOfMemoryError: Java heap space", "iceberg-offload-failure.md",
     "scenario 3: Spark job crashes/OOM", "docker stats --no-stream k2-spark-iceberg"),
    ("duplicate key value violates unique constraint", "iceberg-offload-failure.md",
     "scenario 4: Watermark table corruption", PSQL + '"SELECT * FROM offload_watermarks ORDER BY created_at DESC LIMIT 5"'),
    ("the operation timed out", "iceberg-offload-failure.md", "scenario 5: Timeout due to data volume spike", None),
    ("psycopg2.OperationalError: could not connect to server", "iceberg-offload-watermark-recovery.md",
     "scenario 2: PostgreSQL connection issues", PSQL + '"\\dt"'),
    ('relation "offload_watermarks" does not exist', "iceberg-offload-watermark-recovery.md",
     "scenario 3: Watermark table missing/corrupted", None),
    ("Grafana dashboard empty", "iceberg-scheduler-recovery.md", "", None),
    ("a mystery", "iceberg-offload-failure.md", "", None),
)

OWN = """
[runbook licences.md]
number = 9
scenario = 1 Licence server is away

[cause licence]
words = the licence server ${what} is away
runbook = licences.md
scenario = 1
first_command = systemctl status licence-server
escalate_to = Licence Desk
text = licence .*at (?<what>\\w+)
"""


def failing_log(path, stderr, exit_code=1, failures=2):
    """A good cycle, and then cycles that fail with this stderr."""
    when, lines = datetime(2026, 2, 12, 10, 0), []

    def say(message, level="INFO"):
        lines.append(f"{when:%Y-%m-%d %H:%M:%S},000 - __main__ - {level} - {message}")
    for failed in range(failures + 1):
        for message in (RULE, "OFFLOAD CYCLE STARTED", f"Time: {when.isoformat()}", "Tables: 1", RULE,
                        f"Starting offload: {TABLE} → cold.{TABLE}"):
            say(message)
        when += timedelta(seconds=6)
        if failed == 0:
            say(f"✓ Offload completed: {TABLE} (1,000 rows in 6.0s)")
        else:
            for message in (f"✗ Offload failed: {TABLE}", f"  Exit code: {exit_code}", f"  Stderr: {stderr[:500]}"):
                say(message, "ERROR")
        for message in (RULE, "OFFLOAD CYCLE COMPLETED", "Duration: 6.0s", f"Success: {int(not failed)}, Failed: {int(failed > 0)}, Timeout: 0",
                        "Total rows offloaded: 1,000", RULE):
            say(message)
        when += timedelta(minutes=15, seconds=-6)
        lines.append(f"{when - timedelta(minutes=14):%Y-%m-%d %H:%M:%S},000 - __main__ - INFO - Next run scheduled at: {when:%Y-%m-%d %H:%M:%S}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Causes(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-causes-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log, self.db = self.directory / "scheduler.log", self.directory / "history.db"
        self.own, self.config = self.directory / "causes.conf", self.directory / "agent.conf"

    def replay(self, *options):
        for name in self.directory.glob("history.db*"):
            name.unlink()
        done = run("replay", "--tz", "UTC", "--db", self.db, *options, self.log)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def incident(self):
        with sqlite3.connect(self.db) as db:
            db.row_factory = sqlite3.Row
            row = dict(db.execute("SELECT * FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures'").fetchone())
        db.close()
        return row

    def test_each_scenario_of_the_runbooks_is_named_by_file_number_and_title(self):
        for text, runbook, scenario, command in SCENARIOS:
            with self.subTest(text):
                failing_log(self.log, text)
                place = f"{runbook}, {scenario}" if scenario else runbook
                self.assertIn(f"(runbook {place})\n", self.replay())
                row = self.incident()
                self.assertEqual(row["runbook"], runbook)
                self.assertEqual(row["scenario_title"], scenario.partition(": ")[2] or None)
                if command:
                    self.assertEqual(row["first_command"], command)
                report = " ".join(run("report", "--db", self.db).stdout.split())
                self.assertIn(f"Runbook {place} ", report)

    def test_the_jobs_own_log_is_told_as_such(self):
        """Nothing in the 500 characters says why: that is said, and the first command asks those who know."""
        stamp = "2026-02-12 10:15:05,415 - __main__ - INFO - "
        failing_log(self.log, "\n".join(stamp + line for line in (
            RULE, "Generic Offload Job", f"Source: {TABLE} (ClickHouse)", f"Target: cold.{TABLE} (Iceberg)", "Layer: bronze",
            "Timestamp: 2026-02-12 10:15:05.415000")))
        said = self.replay()
        self.assertIn("the log does not say why", said)
        row = self.incident()
        self.assertEqual(row["likely_cause"], "the log does not say why (it has only the beginning of the job's own output)")
        self.assertEqual((row["scenario"], row["scenario_title"]), ("1", None))
        self.assertTrue(row["first_command"].startswith("docker exec k2-clickhouse"))
        self.assertIn("last_error_message", row["first_command"])

    def test_a_few_texts_of_each_kind_reach_the_history(self):
        """The table itself is tested text by text elsewhere; here a sample of it takes the way through log and parser."""
        with open(ROOT / "fixtures/causes/texts.tsv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for row in rows[::12]:
            with self.subTest(row["text"]):
                failing_log(self.log, row["text"], row["exit_code"])
                self.replay()
                self.assertEqual(self.incident()["scenario"], row["scenario"])

    def test_an_own_file_adds_a_cause_with_its_own_runbook(self):
        self.own.write_text(OWN)
        failing_log(self.log, "no licence to be had at harbour", failures=3)
        said = self.replay("--set", f"runbooks.file={self.own}", "--set", "notify.escalation=1m", "--until", "+2h")
        self.assertIn("the licence server harbour", said)
        self.assertIn("(runbook licences.md, scenario 1: Licence server is away)\n", said)
        self.assertIn("(escalated to Licence Desk)\n", said)
        row = self.incident()
        self.assertEqual((row["scenario"], row["runbook"]), ("9/1", "licences.md"))
        self.assertEqual(row["first_command"], "systemctl status licence-server")
        said = json.loads(run("report", "--db", self.db, "--incident", "1", "--format", "json", "--set",
                              "links.runbook_base=https://wiki.example.com/r").stdout)["incident"]
        self.assertEqual(said["runbook_url"], "https://wiki.example.com/r/licences.md")
        self.assertEqual(said["scenario_title"], "Licence server is away")
        # Without the file the text means nothing.
        self.assertNotIn("licence server", self.replay())

    def check(self, own, config):
        self.own.write_text(own)
        self.config.write_text(config.format(own=self.own))
        self.log.touch()
        return run("check-config", "--config", self.config, "--log", self.log)

    def test_check_config_tells_each_error_with_its_place(self):
        done = self.check("[cause a]\nwords = x\ntext = (\nexit_code = many\n", "[runbooks]\nfile = {own}\n")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.splitlines(), [
            f"agent: {self.own}:3: text: bad regular expression at character 2: missing closing parenthesis",
            f"agent: {self.own}:4: exit_code: 'many' is no number from -255 to 255"])
        done = self.check("[cause a]\nwords = x\n", "[runbooks]\nfile = {own}.gone\n")
        self.assertEqual((done.returncode, done.stderr), (2, f"agent: {self.own}.gone: No such file or directory\n"))
        done = self.check("", "[probe store]\nurl = tcp://127.0.0.1:1\ncause = nobody\n")
        self.assertEqual((done.returncode, done.stderr),
                         (2, f"agent: {self.config}:3: probe store.cause: 'nobody' is not in the table of causes\n"))
        done = self.check(OWN, "[runbooks]\nfile = {own}\n[probe harbour]\nurl = tcp://127.0.0.1:1\ncause = licence\n")
        self.assertIn("leaves open what a text would fill in", done.stderr)
        done = self.check(OWN, "[runbooks]\nfile = {own}\n[links]\nrunbook_base = https://x/r/\n"
                               "[probe store]\nurl = tcp://127.0.0.1:1\ncause = job-disk\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.check("", "[links]\nrunbook_base = wiki\n").returncode, 2)

    def test_run_and_replay_do_not_start_on_a_bad_file(self):
        failing_log(self.log, "x")
        self.own.write_text("[cause a]\n")
        for command in (("run", "--log", self.log, "--db", self.db), ("replay", self.log)):
            done = run(*command, "--set", f"runbooks.file={self.own}")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"{self.own}:1: [cause a]: it has no words", done.stderr)

    def test_a_reload_takes_a_changed_file_and_refuses_a_bad_one(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        own = OWN.replace("licence .*at (?<what>\\w+)", "connection (?<what>refused)")
        self.own.write_text(own)
        self.config.write_text(f"[webhook test]\nurl = {receiver.url('/hook')}\n[runbooks]\nfile = {self.own}\n"
                               "[notify]\nreminder = 0\n[detect]\nburst = 100ms\n")
        self.config.chmod(0o600)
        agent = Agent(self.log, self.db, settings={})
        agent.command += ["--config", str(self.config)]

        def cause():
            return agent.rows("SELECT likely_cause, runbook FROM incident WHERE state = 'open'")

        def reload(own, answer):
            self.own.write_text(own)
            before = agent.said().count(answer)
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: agent.said().count(answer) > before, 10, f"no {answer!r}")

        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            with agent:
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
                reload("[cause a]\ntext = (\n", "the old one stays")
                self.assertIn(f"{self.own}:2: text: bad regular expression", agent.said())
                for _ in range(2):
                    scheduler.cycle(failing=[TABLE])
                    time.sleep(0.2)
                wait_until(lambda: cause() == [("the licence server refused is away", "licences.md")], 10, lambda: f"not the cause: {cause()}")
                reload(own.replace("the licence server ${what} is away", "somebody sank ${what}")
                       .replace("[cause licence]", "[cause sunk]"), "configuration read again")
                scheduler.cycle(failing=[TABLE])
                wait_until(lambda: cause() == [("somebody sank refused", "licences.md")], 10, lambda: f"the old words stay: {cause()}")


if __name__ == "__main__":
    unittest.main()
