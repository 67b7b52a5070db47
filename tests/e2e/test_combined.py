# SPDX-License-Identifier: GPL-2.0-or-later
"""More warnings than an hour has room for: people get one message that names them, a receiver that keeps alerts gets each, and a replay
prints each."""

import json
import shutil
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run   # noqa: E402
from receiver import Receiver   # noqa: E402

TABLES = [f"bronze_{letter}" for letter in "abcdefgh"]
APART = 3   # cycles between the first failures of two tables: far enough for an incident each
CYCLES = APART * len(TABLES) + 8


def write_log(path, until):
    """Each table fails four times, never twice in a row: a warning of its own. The last cycle ends at `until`."""
    lines = []

    def say(at, text, level="INFO"):
        lines.append(f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} - __main__ - {level} - {text}\n")

    for cycle in range(CYCLES):
        at = until - timedelta(minutes=15 * (CYCLES - 1 - cycle), seconds=len(TABLES))
        say(at, "OFFLOAD CYCLE STARTED")
        for index, table in enumerate(TABLES):
            say(at, f"Starting offload: {table} → cold.{table}")
            at += timedelta(seconds=1)
            if cycle - APART * index in (1, 3, 5, 7):
                say(at, f"✗ Offload failed: {table}", "ERROR")
            else:
                say(at, f"✓ Offload completed: {table} (1,000 rows in 1.0s)")
        say(at, "OFFLOAD CYCLE COMPLETED")
        say(at, f"Next run scheduled at: {at + timedelta(minutes=15):%Y-%m-%d %H:%M:%S}")
    path.write_text("".join(lines), encoding="utf-8")


class Combined(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-combined-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        write_log(self.log, datetime.now(timezone.utc) - timedelta(seconds=1))
        scheduler = open(self.log, "a", encoding="utf-8")   # lives, and waits
        self.addCleanup(scheduler.close)

    def test_people_get_one_message_and_keepers_each_alert(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        agent = Agent(self.log, self.directory / "history.db", receiver.url("/people"),
                      {"webhook keeper.url": receiver.url("/keeper"), "webhook keeper.format": "alertmanager",
                       "schedule.late_warning": "1h", "schedule.late_critical": "2h", "log.timezone": "UTC"})
        agent.start()
        self.addCleanup(agent.end)
        receiver.wait(1, path="/people")
        summary = receiver.at("/people")[0].json()["alerts"][0]["annotations"]["summary"]
        self.assertIn(f"{len(TABLES)} incidents: ", summary)
        for table in TABLES:
            self.assertIn(table, summary)
        agent.wait_for("SELECT count(DISTINCT incident_id) FROM outbox WHERE webhook = 'keeper' AND status = 'delivered'",
                       len(TABLES))
        self.assertEqual(agent.rows("SELECT count(*) FROM timeline WHERE kind = 'notified' AND text = "
                                    "'firing warning, together with others'"), [(len(TABLES),)])
        firing = [alert["annotations"]["summary"] for request in receiver.at("/people")
                  for alert in request.json()["alerts"] if "; escalated" not in alert["annotations"]["summary"]]
        self.assertEqual(firing, [summary])

    def test_a_webhook_with_a_route_gets_each_that_is_its_own(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        routes = {"one": {"table": TABLES[-1]}, "alert": {"alert": "*SuccessRate*"}, "other": {"table": "silver_*"}, "severe": {"min_severity": "critical"}}
        settings = {f"webhook {name}.{key}": value for name, keys in routes.items() for key, value in {"url": receiver.url(f"/{name}"), **keys}.items()}
        agent = Agent(self.log, self.directory / "history.db", receiver.url("/people"),
                      {**settings, "schedule.late_warning": "1h", "schedule.late_critical": "2h", "log.timezone": "UTC"})
        agent.start()
        self.addCleanup(agent.end)
        receiver.wait(1, path="/people")
        agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)

        def told(path):
            return [alert["labels"]["table"] for request in receiver.at(path) for alert in request.json()["alerts"]
                    if "; escalated" not in alert["annotations"]["summary"]]

        self.assertEqual(told("/one"), [TABLES[-1]])
        self.assertEqual(told("/alert"), TABLES)
        self.assertEqual(told("/other"), [])
        self.assertEqual(told("/severe"), [])

    def test_a_replay_prints_each_incident(self):
        done = run("replay", "--tz", "UTC", "--format", "json", self.log)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([n["tables"] for n in told if n["status"] == "firing"], [[table] for table in TABLES])


if __name__ == "__main__":
    unittest.main()
