# SPDX-License-Identifier: GPL-2.0-or-later
"""What does not get through: webhooks that take nothing, that are no longer configured, or whose key cannot be read."""

import shutil
import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

STUCK = "IcebergOffloadNotificationsStuck"
ELEVEN_MINUTES_MS = 11 * 60 * 1000


class Stuck(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-stuck-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log, self.database = self.directory / "scheduler.log", self.directory / "history.db"

    def agent(self, **webhooks):
        """Webhooks by name, with what is set for each."""
        settings = {"notify.reminder": "0", "schedule.restart_grace": "1h"}
        for name, keys in webhooks.items():
            settings |= {f"webhook {name}.{key}": value for key, value in keys.items()}
        agent = Agent(self.log, self.database, settings=settings)
        agent.start()
        self.addCleanup(lambda: agent.process.poll() is None and agent.kill())
        return agent

    def kill_a_scheduler(self, agent):
        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def age(self):
        """What waits has waited for long."""
        with sqlite3.connect(self.database, timeout=5) as database:
            database.execute("UPDATE outbox SET created_at = created_at - ?, next_attempt_at = NULL WHERE status = 'pending'",
                             (ELEVEN_MINUTES_MS,))

    def alerts(self, path):
        return [(alert["status"], alert["labels"]["alertname"], alert["annotations"]["summary"])
                for request in self.receiver.at(path) for alert in request.json()["alerts"]]

    def test_a_webhook_that_takes_nothing_is_said_on_the_others(self):
        self.receiver.plan("/deaf", "503")
        webhooks = {"deaf": {"url": self.receiver.url("/deaf")}, "good": {"url": self.receiver.url("/good")}}
        agent = self.agent(**webhooks)
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT max(attempts) >= 1 FROM outbox WHERE webhook = 'deaf'", 1)
        agent.kill()
        self.age()
        agent.start()
        wait_until(lambda: any(name == STUCK for _, name, _ in self.alerts("/good")), 15, "nobody was told")
        said = next(summary for _, name, summary in self.alerts("/good") if name == STUCK)
        self.assertTrue(said.startswith("webhook deaf takes nothing: HTTP 503"), said)
        self.assertIn(STUCK, agent.printed())
        self.assertEqual(agent.rows("SELECT DISTINCT o.webhook FROM outbox o JOIN incident i ON i.id = o.incident_id"
                                    f" WHERE i.alert = '{STUCK}' ORDER BY 1"), [("good",), ("stdout",)])
        status = run("status", "--db", self.database, "--log", self.log, *(
            word for name, keys in webhooks.items() for word in ("--set", f"webhook {name}.url={keys['url']}")))
        self.assertIn("webhook deaf does not deliver", status.stdout)
        self.assertIn("deaf: 1 waiting, nothing delivered yet; HTTP 503", " ".join(status.stdout.split()))
        # It takes notifications again, and hears what came late as well.
        self.receiver.plan("/deaf", "200")
        wait_until(lambda: ("resolved", STUCK) in [alert[:2] for alert in self.alerts("/good")], 30, "no end")
        wait_until(lambda: ("resolved", STUCK) in [alert[:2] for alert in self.alerts("/deaf")], 15, "not to the webhook itself")

    def test_what_waits_for_a_webhook_that_is_gone_is_given_up_and_said(self):
        self.receiver.plan("/old", "503")
        agent = self.agent(old={"url": self.receiver.url("/old")})
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT max(attempts) >= 1 FROM outbox WHERE webhook = 'old'", 1)
        agent.kill()
        agent = self.agent(new={"url": self.receiver.url("/new")})
        agent.wait_for("SELECT status || ': ' || last_error FROM outbox WHERE webhook = 'old'",
                       "superseded: the webhook is no longer configured")
        self.assertIn("webhook old is no longer configured: 1 notification that waited for it is given up", agent.said())

    def test_a_routing_key_that_cannot_be_read_is_waited_for(self):
        key = self.directory / "key"
        agent = self.agent(pager={"url": self.receiver.url("/pager"), "format": "pagerduty", "routing_key_file": key})
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT status FROM outbox WHERE last_error LIKE '%No such file%'", "pending")
        self.assertEqual(self.receiver.at("/pager"), [])
        key.write_text("R0UTE\n", encoding="utf-8")
        event = self.receiver.wait(1, timeout=30, path="/pager")[0].json()
        self.assertEqual((event["routing_key"], event["event_action"]), ("R0UTE", "trigger"))
        agent.wait_for("SELECT status FROM outbox", "delivered")


if __name__ == "__main__":
    unittest.main()
