# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes to which webhook: by alert, table and severity, to a fallback, and made from a template."""

import json
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver, pages   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 200
FAILURES = "IcebergOffloadConsecutiveFailures"


class RouteCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-route-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def agent(self, **webhooks):
        """A webhook for each name, with the path /NAME and the given keys."""
        chosen = {"notify.reminder": "0", "schedule.interval": "100ms", "detect.burst": "100ms"}
        for name, keys in webhooks.items():
            chosen[f"webhook {name}.url"] = self.receiver.url(f"/{name}")
            chosen.update({f"webhook {name}.{key}": value for key, value in keys.items()})
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", settings=chosen)

    def scheduler(self):
        return Scheduler(self.directory / "scheduler.log")

    def break_table(self, scheduler, agent, table):
        for _ in range(3):
            scheduler.cycle_started(1)
            scheduler.run_started(table)
            scheduler.run_failed(table, 1, "ModuleNotFoundError: No module named 'secret.internal'")
            scheduler.cycle_completed(1.0, 0, 1, 0, 0)
            time.sleep(0.15)     # over detect.burst
        agent.wait_for(f"SELECT count(*) > 0 FROM notification WHERE table_name = '{table}' AND severity = 'critical'", 1)

    def recover(self, scheduler, agent, table):
        scheduler.cycle_started(1)
        scheduler.run_started(table)
        scheduler.run_completed(table)
        scheduler.cycle_completed(1.0, 1)
        agent.wait_for(f"SELECT count(*) FROM notification WHERE table_name = '{table}' AND status = 'resolved'", 1)

    def told(self, name):
        """(table, status) of each failure's page to the webhook."""
        return [(alert["labels"]["table"], alert["status"]) for request in self.receiver.at(f"/{name}")
                for alert in request.json()["alerts"] if alert["labels"]["alertname"] == FAILURES]

    def template(self, text):
        path = self.directory / "page.json"
        path.write_text(text, encoding="utf-8")
        return path

    def check(self, *lines):
        config = self.directory / "agent.conf"
        config.write_text("\n".join(["[webhook w]", f"url = {self.receiver.url('/w')}", *lines]) + "\n", encoding="utf-8")
        config.chmod(0o600)
        return run("check-config", "--config", config)


class Routes(RouteCase):
    def test_each_webhook_is_told_what_it_asks_for_and_each_end_of_that(self):
        agent = self.agent(all={}, kraken={"table": "bronze_*_kraken, gold_*"}, down={"alert": "SchedulerDown,*Lag*"},
                           failures={"alert": "IcebergOffloadConsecutive*", "min_severity": "critical"}, never={"min_severity": "never"})
        with self.scheduler() as scheduler, agent:
            scheduler.cycle()
            for table in ("bronze_trades_kraken", "bronze_trades_binance"):
                self.break_table(scheduler, agent, table)
                self.recover(scheduler, agent, table)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
        everything = self.told("all")
        self.assertEqual({table for table, _ in everything}, {"bronze_trades_kraken", "bronze_trades_binance"})
        self.assertEqual(self.told("kraken"), [page for page in everything if page[0] == "bronze_trades_kraken"])
        self.assertEqual({alert for alert, _, _ in pages(self.receiver.at("/kraken"))}, {FAILURES})
        self.assertNotIn(FAILURES, {alert for alert, _, _ in pages(self.receiver.at("/down"))})
        self.assertEqual({alert for alert, _, _ in pages(self.receiver.at("/failures"))}, {FAILURES})
        self.assertEqual([page for page in self.told("failures") if page[1] == "resolved"], [page for page in everything if page[1] == "resolved"])
        self.assertEqual(self.receiver.at("/never"), [])

    def test_an_end_follows_what_was_told_after_a_restart_with_another_route(self):
        with self.scheduler() as scheduler:
            with self.agent(ops={}) as agent:
                scheduler.cycle()
                self.break_table(scheduler, agent, "bronze_a")
                agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
            with self.agent(ops={"table": "other"}) as agent:
                self.recover(scheduler, agent, "bronze_a")
                agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
                self.break_table(scheduler, agent, "bronze_b")
        self.assertEqual(self.told("ops")[-1], ("bronze_a", "resolved"))

    def test_who_was_told_of_an_incident_is_told_what_becomes_of_it(self):
        """The cycle is slow, then too slow: another alert, to which the route does not apply."""
        agent = self.agent(slow={"alert": "*CycleSlow"}, too_slow={"alert": "*CycleTooSlow"}, never={"min_severity": "never"})
        for key, value in {"notify.reminder": "1s", "detect.cycle_slow": "500ms", "detect.cycle_too_slow": "1s", "schedule.table_timeout": "60s",
                           "detect.lag_critical": "60s", "detect.lag_warning": "50s"}.items():
            agent.command += ["--set", f"{key}={value}"]
        with self.scheduler() as scheduler, agent:
            scheduler.cycle()
            scheduler.cycle_started(1)
            scheduler.run_started("bronze_a")
            wait_until(lambda: self.statuses("slow").count("reminder") > 0, 30, "no reminder")
            scheduler.run_completed("bronze_a")
            scheduler.cycle_completed(3.0, 1)
            scheduler.cycle()
            wait_until(lambda: "resolved" in self.statuses("slow"), 10, agent.said)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
        self.assertEqual(self.statuses("slow")[:2], ["firing", "firing"])
        self.assertEqual(self.statuses("too_slow"), self.statuses("slow")[1:])
        self.assertEqual(self.receiver.at("/never"), [])

    def statuses(self, name):
        return [alert["annotations"]["status"] for request in self.receiver.at(f"/{name}") for alert in request.json()["alerts"]
                if "IcebergOffloadCycle" in alert["labels"]["alertname"]]

    def test_no_text_of_the_log_is_told_without_evidence(self):
        with self.scheduler() as scheduler, self.agent(open={}, shut={"evidence": "no"}) as agent:
            scheduler.cycle()
            self.break_table(scheduler, agent, "bronze_a")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
        self.assertIn(b"secret.internal", b"".join(request.body for request in self.receiver.at("/open")))
        self.assertTrue(self.told("shut"))
        self.assertNotIn(b"secret.internal", b"".join(request.body for request in self.receiver.at("/shut")))


class Fallback(RouteCase):
    SPARE = {"min_severity": "never"}

    def test_what_is_not_taken_is_told_to_the_fallback_once_and_so_is_its_end(self):
        self.receiver.plan("/ops", "503")
        webhooks = {"ops": {"fallback": "spare", "fallback_after": "2s"}, "spare": self.SPARE}
        with self.scheduler() as scheduler:
            with self.agent(**webhooks) as agent:
                scheduler.cycle()
                begun = time.monotonic()
                self.break_table(scheduler, agent, "bronze_a")
                self.assertEqual(self.receiver.at("/spare"), [])
                self.receiver.wait(1, 30, "/spare")
                self.assertGreater(time.monotonic() - begun, 2)
                wait_until(lambda: ("bronze_a", "firing") in self.told("spare"), 20, "the fallback is not told")
            with self.agent(**webhooks) as agent:      # what fell before the restart does not fall again
                self.receiver.wait(len(self.receiver.at("/ops")) + 1, 30, "/ops")
                self.recover(scheduler, agent, "bronze_a")
                wait_until(lambda: ("bronze_a", "resolved") in self.told("spare"), 20, "the fallback is not told the end")
                self.receiver.plan("/ops", "200")
                agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered' AND webhook = 'spare'", 0)
                self.assertEqual(agent.rows("SELECT 1 FROM outbox GROUP BY webhook, notification_id HAVING count(*) > 1"), [])
        self.assertEqual(self.told("spare").count(("bronze_a", "resolved")), 1)

    def test_what_is_refused_is_told_to_the_fallback_at_once(self):
        self.receiver.plan("/ops", "404")
        with self.scheduler() as scheduler, self.agent(ops={"fallback": "spare"}, spare=self.SPARE) as agent:
            scheduler.cycle()
            self.break_table(scheduler, agent, "bronze_a")
            wait_until(lambda: ("bronze_a", "firing") in self.told("spare"), 20, "the fallback is not told")
            self.assertIn("that it has not taken go", agent.said())

    def test_two_that_fall_back_to_each_other_end(self):
        self.receiver.plan("/a", "404")
        self.receiver.plan("/b", "404")
        with self.scheduler() as scheduler, self.agent(a={"fallback": "b"}, b={"fallback": "a", "min_severity": "never"}) as agent:
            scheduler.cycle()
            self.break_table(scheduler, agent, "bronze_a")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
            self.assertEqual(agent.rows("SELECT count(*) FROM outbox GROUP BY webhook, notification_id HAVING count(*) > 1"), [])
            self.assertTrue(agent.rows("SELECT 1 FROM outbox WHERE webhook = 'b'"))


class Template(RouteCase):
    def test_a_page_is_made_from_it(self):
        path = self.template('{"${host}": ["${first_line}", {"n": 1.5, "t": "\\u0024{x} ${table}|${status}|${ended}|${evidence}"}], "x": null}')
        with self.scheduler() as scheduler, self.agent(w={"template": path}) as agent:
            scheduler.cycle()
            self.break_table(scheduler, agent, 'bronze_"q\\')
            agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0)
        bodies = [request.json() for request in self.receiver.at("/w") if b"bronze_" in request.body]
        self.assertTrue(bodies)
        (host, (line, rest)), nothing = list(bodies[0].items())[0], bodies[0]["x"]
        self.assertTrue(line.startswith(host + ": "))
        self.assertEqual((rest["n"], nothing), (1.5, None))
        self.assertRegex(rest["t"], r'^\$\{x\} bronze_"q\\\|firing\|\|.+')

    def test_what_is_wrong_with_it_is_said(self):
        for text, word in (('{"a": "${sumary}"}', "unknown placeholder ${sumary}; the nearest is ${summary}"), ('{"a": ${summary}}', "is no JSON"),
                           ('{"a": "${summary"}', "the placeholder ${summary has no end"), ("", "is no JSON"), ('{"a": "${}"}', "unknown placeholder"),
                           ("{'a': 1}", "is no JSON"), ('"' + "x" * 70_000 + '"', "larger than 64 KiB")):
            done = self.check(f"template = {self.template(text)}")
            self.assertEqual(done.returncode, 2, text[:50])
            self.assertIn("agent.conf:3: webhook w.template: ", done.stderr)
            self.assertIn(word, done.stderr)
        self.assertIn("No such file", self.check("template = /nowhere/page.json").stderr)
        self.assertIn("only format template has one", self.check("format = slack", f"template = {self.template('{}')}").stderr)
        self.assertIn("format template needs it", self.check("format = template").stderr)

    def test_a_dry_run_shows_what_each_webhook_would_get_and_sends_nothing(self):
        path = self.template('{"text": "${summary}", "by": "${host}"}')
        self.check(f"template = {path}", "[webhook chat]", f"url = {self.receiver.url('/secret-part')}", "format = slack", "[notify]", "host = offload-1")
        done = run("test-webhook", "--dry-run", "--config", self.directory / "agent.conf")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        sections = {part.split(" ")[0]: part for part in done.stdout.split("# ") if part}
        self.assertEqual(set(sections), {"w", "chat"})
        head, body = sections["w"].split("\n", 1)
        self.assertRegex(head, r"^w \(http://127\.0\.0\.1:\d+/\*\*\*\), format template$")
        self.assertEqual(json.loads(body)["by"], "offload-1")
        self.assertIn("[TEST]", json.loads(body)["text"])
        self.assertEqual(json.loads(sections["chat"].split("\n", 1)[1])["blocks"][0]["type"], "header")
        self.assertNotIn("secret-part", done.stdout)
        self.assertEqual(self.receiver.requests, [])


class Configuration(RouteCase):
    def test_routes_that_cannot_be_meant_are_said(self):
        for lines, word in ((["alert = NoSuch*"], "no alert is called 'NoSuch*'"), (["fallback = w"], "there is no other webhook 'w'"),
                            (["fallback = x"], "there is no other webhook 'x'"), (["min_severity = high"], "warning, critical or never"),
                            (["priority = 3"], "only format ntfy has one"),
                            (["format = telegram", "chat = @x"], "format telegram needs it"), (["chat = @x"], "only format telegram has one")):
            done = self.check(*lines)
            self.assertEqual(done.returncode, 2, lines)
            self.assertIn(word, done.stderr)

    def test_an_alert_that_nobody_is_told_of_is_said(self):
        done = self.check("alert = *Lag*")
        self.assertEqual(done.returncode, 0)
        self.assertIn("no webhook is told of IcebergOffloadSchedulerDown", done.stderr)
        self.assertNotIn("LagCritical", done.stderr)
        self.assertNotIn("no webhook is told", self.check("alert = *Lag*", "[webhook rest]", f"url = {self.receiver.url('/r')}").stderr)


if __name__ == "__main__":
    unittest.main()
