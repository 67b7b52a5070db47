# SPDX-License-Identifier: GPL-2.0-or-later
"""What does not get through: webhooks that take nothing, that are no longer configured, or whose key cannot be read."""

import json
import shutil
import sqlite3
import sys
import tempfile
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

STUCK = "IcebergOffloadNotificationsStuck"
ELEVEN_MINUTES_MS = 11 * 60 * 1000
# So few notifications fit into an hour, which is short when the schedule is; nothing is late in it.
UNCROWDED = {"schedule.interval": "1s", "schedule.late_warning": "1h", "schedule.late_critical": "1h",
             "detect.lag_warning": "1h", "detect.lag_critical": "1h"}


class Stuck(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-stuck-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log, self.database = self.directory / "scheduler.log", self.directory / "history.db"
        # There before the agent, to which a log that does not come is an incident of its own.
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        wait_until(self.log.exists)

    def agent(self, settings=None, environment=None, **webhooks):
        """Webhooks by name, with what is set for each."""
        settings = {"notify.reminder": "0", "schedule.restart_grace": "1h", **(settings or {})}
        for name, keys in webhooks.items():
            settings |= {f"webhook {name}.{key}": value for key, value in keys.items()}
        agent = Agent(self.log, self.database, settings=settings)
        agent.start(environment)
        self.addCleanup(agent.end)
        return agent

    def kill_a_scheduler(self, agent, cycles=1):
        """After a cycle, which ends what the last death began."""
        scheduler, self.scheduler = self.scheduler or Scheduler(self.log), None
        with scheduler:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", cycles, timeout=20)
            agent.wait_for("SELECT count(*) FROM incident WHERE state = 'open' AND alert LIKE '%SchedulerDown'", 0, timeout=20)
        agent.wait_for("SELECT count(*) FROM incident WHERE state = 'open' AND alert LIKE '%SchedulerDown'", 1, timeout=20)

    def status(self, webhooks, *more):
        return run("status", "--db", self.database, "--log", self.log, *more, *(
            word for name, keys in webhooks.items() for key, value in keys.items()
            for word in ("--set", f"webhook {name}.{key}={value}")))

    def age(self):
        """What waits has waited for long."""
        with sqlite3.connect(self.database, timeout=600) as database:
            database.execute("UPDATE outbox SET created_at = created_at - ?, next_attempt_at = NULL WHERE status = 'pending'",
                             (ELEVEN_MINUTES_MS,))

    def alerts(self, path):
        return [(alert["status"], alert["labels"]["alertname"], alert["annotations"].get("cause"))
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
        said = next(cause for _, name, cause in self.alerts("/good") if name == STUCK)
        self.assertTrue(said.startswith("webhook deaf takes nothing: HTTP 503"), said)
        self.assertIn(STUCK, agent.printed())
        self.assertEqual(agent.rows("SELECT DISTINCT o.webhook FROM outbox o JOIN incident i ON i.id = o.incident_id"
                                    f" WHERE i.alert = '{STUCK}' ORDER BY 1"), [("good",), ("stdout",)])
        status = self.status(webhooks)
        self.assertIn("webhook deaf does not deliver", status.stdout)
        self.assertIn("deaf: 1 waiting, nothing delivered yet; HTTP 503", " ".join(status.stdout.split()))
        # It takes notifications again, and hears what came late as well.
        self.receiver.plan("/deaf", "200")
        wait_until(lambda: ("resolved", STUCK) in [alert[:2] for alert in self.alerts("/good")], 30, "no end")
        wait_until(lambda: ("resolved", STUCK) in [alert[:2] for alert in self.alerts("/deaf")], 15, "not to the webhook itself")

    def test_a_webhook_that_refuses_is_said_on_the_others(self):
        self.receiver.plan("/bad", "401")
        agent = self.agent(UNCROWDED, bad={"url": self.receiver.url("/bad")}, good={"url": self.receiver.url("/good")})
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'refused'", 1)
        self.assertNotIn(STUCK, [name for _, name, _ in self.alerts("/good")])   # one may be to blame itself
        self.kill_a_scheduler(agent, 2)   # an end and a beginning: three in a row
        wait_until(lambda: any(name == STUCK for _, name, _ in self.alerts("/good")), 15, "nobody was told")
        said = next(cause for _, name, cause in self.alerts("/good") if name == STUCK)
        self.assertTrue(said.startswith("webhook bad refuses what it is sent: HTTP 401"), said)
        self.assertNotIn(STUCK, [name for _, name, _ in self.alerts("/bad")])
        self.receiver.plan("/bad", "200")
        scheduler = Scheduler(self.log)
        self.addCleanup(scheduler.kill)
        scheduler.cycle()
        for path in ("/good", "/bad"):
            wait_until(lambda path=path: ("resolved", STUCK) in [alert[:2] for alert in self.alerts(path)], 15, f"no end at {path}")

    def test_ends_that_people_do_not_want_still_reach_what_keeps_state(self):
        key = self.directory / "key"
        key.write_text("R0UTE\n", encoding="utf-8")
        agent = self.agent({"notify.resolved": "no"}, chat={"url": self.receiver.url("/chat")},
                           pager={"url": self.receiver.url("/pager"), "format": "pagerduty", "routing_key_file": key},
                           am={"url": self.receiver.url("/"), "format": "alertmanager"})
        self.kill_a_scheduler(agent)
        self.kill_a_scheduler(agent, 2)
        agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
        self.assertEqual([event["event_action"] for event in (request.json() for request in self.receiver.at("/pager"))],
                         ["trigger", "resolve", "trigger"])
        ended = agent.rows("SELECT resolved_at FROM incident WHERE id = 1")[0][0]
        ends = {alert["endsAt"] for request in self.receiver.at("/api/v2/alerts") for alert in request.json()
                if alert["labels"]["incident"] == "1"}
        told = {datetime.fromisoformat(end.replace("Z", "+00:00")).timestamp() * 1000 for end in ends}
        self.assertTrue(any(abs(end - ended) < 1 for end in told), f"{told}, not {ended}")
        self.assertEqual([status for status, _, _ in self.alerts("/chat")], ["firing", "firing"])

    def test_an_alertmanager_that_cannot_be_told_again_shows_in_status(self):
        webhooks = {"am": {"url": self.receiver.url("/"), "format": "alertmanager", "resend": "1s"}}
        agent = self.agent(**webhooks)
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 1)
        self.assertNotIn("cannot be told again", self.status(webhooks).stdout)
        self.receiver.plan("/api/v2/alerts", "503")
        agent.wait_for("SELECT value LIKE 'HTTP 503%' FROM state WHERE key = 'refresh.am'", 1)
        screen = self.status(webhooks).stdout
        self.assertIn("webhook am does not deliver", screen)
        self.assertIn("am: last delivery", " ".join(screen.split()))
        self.assertIn("could not be told again what is open: HTTP 503", " ".join(screen.split()))
        webhook = json.loads(self.status(webhooks, "--format", "json").stdout)["webhooks"][0]
        self.assertEqual((webhook["name"], webhook["pending"], webhook["last_error"]), ("am", 0, None))
        self.assertTrue(webhook["refresh_error"].startswith("HTTP 503") and webhook["last_success"], webhook)
        agent.kill()
        self.receiver.plan("/api/v2/alerts", "200")
        agent.start()   # who did not see it fail says that it is over
        agent.wait_for("SELECT value FROM state WHERE key = 'refresh.am'", "")
        self.assertIsNone(json.loads(self.status(webhooks, "--format", "json").stdout)["webhooks"][0]["refresh_error"])

    def test_a_delivery_says_that_an_alertmanager_can_be_told_again(self):
        """It carries everything, and no refresh may follow for long."""
        agent = self.agent(am={"url": self.receiver.url("/"), "format": "alertmanager", "resend": "1h"})
        self.kill_a_scheduler(agent)
        agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 1)
        agent.kill()
        self.receiver.plan("/api/v2/alerts", "503")
        agent.start()       # and tells again what is open
        agent.wait_for("SELECT value LIKE 'HTTP 503%' FROM state WHERE key = 'refresh.am'", 1)
        self.receiver.plan("/api/v2/alerts", "200")
        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            agent.wait_for("SELECT value FROM state WHERE key = 'refresh.am'", "")

    def test_the_usual_variables_name_a_proxy(self):
        with Receiver() as proxy:
            environment = {"http_proxy": proxy.url("/"), "no_proxy": "127.0.0.1"}
            agent = self.agent(environment=environment, near={"url": self.receiver.url("/near")}, far={"url": "http://hooks.invalid/far"})
            self.kill_a_scheduler(agent)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            self.assertEqual([request.path for request in proxy.at(None)], ["http://hooks.invalid/far"])
            self.assertEqual([request.path for request in self.receiver.at(None)], ["/near"])

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
