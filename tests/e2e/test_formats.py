# SPDX-License-Identifier: GPL-2.0-or-later
"""Every request that the agent makes keeps its receiver's rules, whatever stands in the log and in the history."""

import copy
import json
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from formats import complaints   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 400
FORMATS = ("generic", "slack", "pagerduty", "alertmanager", "ntfy", "teams", "discord", "telegram")
TOKEN = "123456:abcdefghijkl"
PATHS = {**{name: f"/{name}" for name in FORMATS}, "ntfy": "/", "telegram": f"/bot{TOKEN}/sendMessage"}
URLS = {**PATHS, "ntfy": "/topic", "telegram": ""}      # what is configured, where the path of the request is another one
HOUR_MS = 3_600_000

NASTY = {
    "long": "x" * 10_000,
    "emoji": "🔥👩‍🚒" * 2_500,
    "combining": "Z̸̢̛͕̈́a̶͉͐l̷͍̓g̴̱̏o̸̰͑ " * 500,
    "right to left": "שגיאה בקריאה \u202eمرحبا\u202c \u2066abc\u2069 " * 200,
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x9b31m \x1b]0;title\x07" * 50,
    "quotes": "\"'`\\ ``` \"} ],\\u0000 </script> &lt; <!channel> <@U1> @everyone @here <@&5> *_~ & > " * 100,
    "markup": "<&>" * 3_000,
    "not UTF-8": "caf\udce9 \udcff\udcfe \udced\udca0\udc80 \udcf0\udc9f " * 300,
    "line ends": "one\u2028two\u2029three\x85four\x0bfive " * 100,
    "odd characters": "\ufeff\ufffe\uffff\U0010ffff\u0000".replace("\u0000", "") * 500,
}
GOOD = {
    "slack": {"text": "CRITICAL", "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "CRITICAL"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Tables*\na", "verbatim": True}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "a &amp; b <!date^1^{date} {time}|x>", "verbatim": True}]}]},
    "pagerduty": {"routing_key": "0" * 32, "event_action": "trigger", "dedup_key": "k",
                  "links": [{"href": "https://runbooks/x", "text": "x"}],
                  "payload": {"summary": "s", "source": "host", "severity": "critical", "timestamp": "2026-03-03T10:15:02.743+11:00"}},
    "generic": {"version": "4", "groupKey": "{}:k", "truncatedAlerts": 0, "status": "firing", "receiver": "r",
                "groupLabels": {"a": "b"}, "commonLabels": {"a": "b"}, "commonAnnotations": {}, "externalURL": "",
                "alerts": [{"status": "firing", "labels": {"a": "b"}, "annotations": {}, "startsAt": "2026-03-03T10:15:02Z",
                            "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "0123456789abcdef"}]},
    "ntfy": {"topic": "t", "title": "x", "message": "y", "priority": 5, "tags": ["warning"],
             "actions": [{"action": "view", "label": "l", "url": "https://x"}]},
    "teams": {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
        "$schema": "s", "type": "AdaptiveCard", "version": "1.4", "actions": [{"type": "Action.OpenUrl", "title": "t", "url": "https://x"}],
        "body": [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "t"}]}]}}]},
    "discord": {"embeds": [{"title": "t", "description": "d", "color": 1, "fields": [{"name": "n", "value": "v"}]}],
                "allowed_mentions": {"parse": []}},
    "telegram": {"chat_id": "1", "text": "<b>a &amp; b</b>", "parse_mode": "HTML"},
    "alertmanager": [{"labels": {"alertname": "A"}, "annotations": {"b": ""}, "startsAt": "2026-03-03T10:15:02Z",
                      "endsAt": "2026-03-03T10:15:02Z"}],
}
# What a receiver says under a 200 when it did not take the message.
NO = {**{name: '{"ok":false,"error":"x"}' for name in FORMATS}, "slack": "invalid_payload", "pagerduty": '{"status":"invalid event","message":"m"}',
      "ntfy": '{"code":40009,"http":400,"error":"invalid request"}', "discord": '{"message":"Unknown Webhook","code":10015}',
      "teams": "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413",
      "telegram": '{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}', "alertmanager": '{"status":"error","error":"bad_data"}'}
# format, the path of what is changed, to what (None: taken away), a word of the complaint
BROKEN = (
    ("slack", ("text",), None, "lacks"), ("slack", ("text",), "", "empty"), ("slack", ("text",), "a < b", "raw"),
    ("slack", ("blocks",), [{"type": "divider"}] * 51, "51 items"),
    ("slack", ("blocks", 0, "type"), "heading", "none of"),
    ("slack", ("blocks", 0, "text", "text"), "x" * 151, "over 150"),
    ("slack", ("blocks", 0, "text", "type"), "mrkdwn", "none of"),
    ("slack", ("blocks", 1, "fields"), None, "neither"),
    ("slack", ("blocks", 1, "fields", 0, "text"), "é" * 2001, "over 2000"),
    ("slack", ("blocks", 1, "text"), {"type": "mrkdwn", "text": "x" * 3001}, "over 3000"),
    ("slack", ("blocks", 2, "elements", 0, "text"), "a &am", "raw"),
    ("pagerduty", ("routing_key",), None, "lacks"), ("pagerduty", ("event_action",), "fire", "none of"),
    ("pagerduty", ("payload",), None, "no object"), ("pagerduty", ("payload", "source"), "", "empty"),
    ("pagerduty", ("payload", "severity"), "warn", "none of"), ("pagerduty", ("payload", "summary"), "é" * 1025, "over 1024"),
    ("pagerduty", ("payload", "timestamp"), "2026-02-30T00:00:00Z", "day"), ("pagerduty", ("dedup_key",), "k" * 256, "over 255"),
    ("pagerduty", ("links", 0, "href"), "runbook.md", "no link"), ("pagerduty", ("links", 0), "https://x", "no object"),
    ("pagerduty", ("payload", "custom_details"), {"x": "y" * 512 * 1024}, "bytes"),
    ("ntfy", ("message",), "é" * 2049, "4096 bytes"), ("ntfy", ("actions",), GOOD["ntfy"]["actions"] * 4, "4 items"),
    ("ntfy", ("topic",), "a/b", "is none"), ("ntfy", ("priority",), 6, "none of"),
    ("teams", ("attachments", 0, "content", "body", 0, "inlines", 0, "text"), "x" * 28_000, "bytes"),
    ("teams", ("attachments", 0, "content", "body", 0, "type"), "TextBlock", "none of"),
    ("discord", ("embeds", 0, "title"), "🔥" * 129, "over 256"), ("discord", ("embeds", 0, "description"), "x" * 4097, "over 4096"),
    ("discord", ("embeds", 0, "fields", 0, "value"), "x" * 1025, "over 1024"), ("discord", ("allowed_mentions",), None, "call people"),
    ("discord", ("embeds", 0, "fields"), [{"name": "n", "value": "x" * 1000}] * 7, "over 6000"),
    ("telegram", ("text",), "🔥" * 2049, "4096"), ("telegram", ("text",), "a < b", "raw"), ("telegram", ("text",), "<b>a", "open"),
    *(("generic", (key,), None, "lacks") for key in GOOD["generic"]),
    *(("generic", ("alerts", 0, key), None, "lacks") for key in GOOD["generic"]["alerts"][0]),
    ("generic", ("version",), 4, "none of"), ("generic", ("status",), "resolved", "its alerts"),
    ("generic", ("commonLabels",), {"c": "d"}, "common"), ("generic", ("alerts", 0, "annotations"), {"n": None}, "no string"),
    ("generic", ("alerts", 0, "endsAt"), "2026-03-03T10:15:03Z", "while it fires"),
    ("alertmanager", (0, "labels"), {}, "empty"), ("alertmanager", (0, "labels"), {"alertname": "A", "b-c": "d"}, "no name"),
    ("alertmanager", (0, "labels"), {"alertname": "A", "b": ""}, "drops"), ("alertmanager", (0, "labels"), {"b": "c"}, "alertname"),
    ("alertmanager", (0, "endsAt"), "2026-03-03T10:15:01.999Z", "before it starts"),
    ("alertmanager", (0, "startsAt"), "2026-03-03 10:15:02", "RFC 3339"),
)


class Rules(unittest.TestCase):
    """The checkers themselves: content with what is right, and with nothing else."""

    def test_what_is_right_is_right(self):
        for name, body in GOOD.items():
            self.assertEqual(complaints(name, json.dumps(body).encode()), [], name)

    def test_each_breach_is_seen(self):
        for name, path, value, word in BROKEN:
            with self.subTest(format=name, path=path, word=word):
                body = copy.deepcopy(GOOD[name])
                *way, last = path
                place = body
                for step in way:
                    place = place[step]
                if value is None:
                    del place[last]
                else:
                    place[last] = value
                self.assertIn(word, "\n".join(complaints(name, json.dumps(body).encode())))

    def test_what_is_no_strict_json_is_seen(self):
        for body in (b"", b"{", b'{"text":"\xff"}', b'{"text":"a","text":"b"}', b'{"text":NaN}', b'{"text":"\\ud83d"}'):
            self.assertIn("no JSON", "\n".join(complaints("slack", body)), body)


class FormatCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-formats-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        (self.directory / "key").write_text("R0UT1NGKEY" * 3 + "00", encoding="ascii")
        (self.directory / "token").write_text(TOKEN, encoding="ascii")

    def agent(self, **settings):
        """One webhook a format, each named after it. With so short an interval the hour that pages are counted in is short too."""
        chosen = {"notify.reminder": "0", "schedule.interval": "100ms", "detect.burst": "100ms", "webhook pagerduty.routing_key_file": self.directory / "key",
                  "webhook telegram.token_file": self.directory / "token", "webhook telegram.chat": "-100123",
                  "links.dashboard": "https://grafana.example.com/d/x", "links.serve": "https://agent.example.com",
                  "links.alertmanager": "https://alertmanager.example.com", "links.runbook_base": "https://wiki.example.com/r",
                  **{f"notify.{key}": value for key, value in settings.items()}}
        for name in FORMATS:
            chosen.update({f"webhook {name}.url": self.receiver.url(URLS[name]), f"webhook {name}.format": name})
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", settings=chosen)

    def wait_empty(self, agent):
        """A sanitizer or a busy machine makes hundreds of deliveries slow, not fewer: so it waits as long as they go on."""
        left, until = None, time.monotonic() + 30
        while time.monotonic() < until:
            now = agent.rows("SELECT sum(status <> 'delivered') FROM outbox")
            if now == [(0,)]:
                return
            if now != left:
                left, until = now, time.monotonic() + 30
            time.sleep(0.1)
        self.fail(f"{left} not delivered; the agent said: {agent.said()}")

    def bodies(self, name):
        return [request.json() for request in self.receiver.at(PATHS[name])]

    def assert_all_right(self, least):
        for name in FORMATS:
            requests = self.receiver.at(PATHS[name])
            self.assertGreaterEqual(len(requests), least, name)
            for request in requests:
                self.assertEqual(complaints(name, request.body), [], f"{name}, request {request.number}")
                self.assertEqual(request.headers["content-type"], "application/json")
                # Alertmanager is told again and again of what lasts. That is no delivery of a notification, and has no key.
                if name != "alertmanager" or "idempotency-key" in request.headers:
                    self.assertRegex(request.headers["idempotency-key"], r"^[!-~]{1,300}$")


class FromTheLog(FormatCase):
    """A scheduler whose tables fail with every kind of text."""

    def failure(self, scheduler, table, text):
        scheduler.cycle_started(1)
        scheduler.run_started(table)
        scheduler.run_failed(table, 1, text)
        scheduler.cycle_completed(1.0, 0, 1, 0, 0)
        time.sleep(0.15)     # over detect.burst

    def incident(self, scheduler, agent, number, text):
        """A table of its own that fails until it is critical, and recovers."""
        table = f"bronze_trades_{number}"
        for _ in range(3):
            self.failure(scheduler, table, text)
        agent.wait_for(f"SELECT count(*) > 0 FROM notification WHERE table_name = '{table}' AND severity = 'critical'", 1)
        self.success(scheduler, table)
        agent.wait_for(f"SELECT count(*) FROM notification WHERE table_name = '{table}' AND status = 'resolved'", 1)

    def success(self, scheduler, table):
        scheduler.cycle_started(1)
        scheduler.run_started(table)
        scheduler.run_completed(table)
        scheduler.cycle_completed(1.0, 1)

    def exception(self, scheduler, text):
        scheduler.cycle_started(1)
        scheduler.run_started("bronze_trades_0")
        scheduler.cycle_exception(text.replace("\n", " "))
        time.sleep(0.15)

    def test_whatever_a_job_says_the_requests_are_right_and_a_resolve_is_its_triggers(self):
        with Scheduler(self.directory / "scheduler.log") as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            for number, text in enumerate(NASTY.values(), 1):
                self.incident(scheduler, agent, number, text)
            for text in list(NASTY.values()) * 2:
                self.exception(scheduler, text)
            for number in range(len(NASTY) + 1):
                self.success(scheduler, f"bronze_trades_{number}")
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures' AND state = 'open'", 0)
            self.wait_empty(agent)
        self.assert_all_right(2 * len(NASTY))
        self.resolves_carry_their_triggers_labels(len(NASTY))
        self.events_end_what_they_began(len(NASTY))
        self.alerts_all_end()

    def resolves_carry_their_triggers_labels(self, count):
        last, resolved = {}, 0
        for alert in (alert for body in self.bodies("generic") for alert in body["alerts"]):
            if alert["status"] == "resolved":
                self.assertEqual(alert["labels"], last[alert["fingerprint"]])
                resolved += 1
            last[alert["fingerprint"]] = alert["labels"]
        self.assertGreaterEqual(resolved, count)

    def events_end_what_they_began(self, count):
        last, resolved = {}, 0
        for event in self.bodies("pagerduty"):
            identity = {key: event["payload"][key] for key in ("source", "severity", "component", "group", "class")}
            if event["event_action"] == "resolve":
                self.assertEqual(identity, last[event["dedup_key"]])
                resolved += 1
            last[event["dedup_key"]] = identity
        self.assertGreaterEqual(resolved, count)

    def alerts_all_end(self):
        """As Alertmanager sees it: by its labels an alert is what the last push said."""
        ends = {}
        for alert in (alert for push in self.bodies("alertmanager") for alert in push):
            ends[tuple(sorted(alert["labels"].items()))] = alert
        now = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
        self.assertEqual([labels for labels, alert in ends.items()
                          if alert["endsAt"] > now and "IcebergOffloadConsecutiveFailures" in str(labels)], [])


class FromTheHistory(FormatCase):
    """Notifications with every text in every column, waiting in the outbox."""

    STATUSES = ("firing", "escalated", "reminder", "resolved")

    def insert(self, db, incident, sequence, status, text, at):
        raw = text.encode(errors="surrogateescape") or None
        tables = json.dumps([f"{number}{text[:300]}" for number in range(40)], ensure_ascii=True)
        cursor = db.execute(
            "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, table_name, tables, onset_at, opened_at,"
            " resolved_at, prometheus_at, summary, likely_cause, scenario, first_command, evidence, escalate_to)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(?7 AS TEXT), ?8, ?3, ?3, ?9, ?3, CAST(?7 AS TEXT), CAST(?7 AS TEXT), '1/2',"
            " CAST(?7 AS TEXT), CAST(?7 AS TEXT), CAST(?7 AS TEXT))",
            (incident, sequence, at, status, "critical" if incident % 2 else "warning", "IcebergOffloadConsecutiveFailures", raw,
             tables, at + 60_000 if status == "resolved" else None))
        for name in FORMATS:
            db.execute("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at)"
                       " VALUES (?, ?, ?, 'pending', ?)", (incident, cursor.lastrowid, name, at))

    def prepared(self, age_ms, texts, **settings):
        agent = self.agent(**settings)
        with agent:
            wait_until(lambda: agent.rows("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'"), 10, "no history")
            agent.stop()
        at = int(time.time() * 1000) - age_ms
        with sqlite3.connect(agent.database) as db:
            for incident, text in enumerate(texts, 1):
                for sequence, status in enumerate(self.STATUSES, 1):
                    self.insert(db, incident, sequence, status, text, at + incident * 10 + sequence)
        db.close()
        return agent

    def test_singles_in_their_full_and_their_shortest_form_keep_the_rules(self):
        for name in FORMATS:
            self.receiver.plan(PATHS[name], "413 200 " * 1000)
        with self.prepared(0, NASTY.values()) as agent:
            self.wait_empty(agent)
        self.assert_all_right(2 * len(NASTY) * len(self.STATUSES))

    def refused_with(self, answers, words):
        """All that is told is answered so, and refused in the full and in the shortest form."""
        for name in FORMATS:
            self.receiver.plan(PATHS[name], " ".join(["says:" + answers[name].replace(" ", "_")] * 200))
        ours = "FROM outbox JOIN notification ON notification.id = notification_id WHERE summary = 'told for this test'"
        with self.prepared(0, ["told for this test"]) as agent:
            wait_until(lambda: agent.rows(f"SELECT DISTINCT outbox.status {ours}") == [("refused",)], 60, agent.said)
            errors = agent.rows(f"SELECT webhook, last_error {ours}")
        self.assertEqual(len(errors), len(FORMATS) * len(self.STATUSES))
        for name, error in errors:
            self.assertIn(words, error, name)

    def test_a_200_that_says_no_is_refused_by_each_format(self):
        self.refused_with(NO, "the receiver says that it did not take the message")

    def test_a_200_with_the_page_of_a_login_is_refused_by_each_format(self):
        page = "<html><title>Login</title><form>Password</form></html>"
        self.refused_with({name: page for name in FORMATS}, "the answer is a web page, perhaps a login")

    def test_what_is_empty_keeps_the_rules(self):
        with self.prepared(0, [""]) as agent:
            self.wait_empty(agent)
        self.assert_all_right(len(self.STATUSES))

    def test_combined_ones_keep_the_rules(self):
        with self.prepared(6 * HOUR_MS, list(NASTY.values()) * 4) as agent:
            self.wait_empty(agent)
        self.assert_all_right(2)
        for name in ("generic", "slack"):
            self.assertLess(len(self.receiver.at(PATHS[name])), 10)

    def test_a_nasty_host_name_keeps_the_rules(self):
        host = "höst \"x\" <🔥> " * 40
        with self.prepared(0, [NASTY["quotes"]], host=host.strip()) as agent:
            self.wait_empty(agent)
        self.assert_all_right(len(self.STATUSES))
        self.assertEqual({body["commonLabels"]["host"] for body in self.bodies("generic")}, {host.strip()})

    def test_what_is_too_long_is_cut_in_characters_not_in_bytes(self):
        with self.prepared(0, ["é🔥" * 5_000]) as agent:
            self.wait_empty(agent)
        summary = self.bodies("pagerduty")[0]["payload"]["summary"]
        self.assertEqual((len(summary), summary[-3:]), (1024, "é🔥…"[-3:] if summary[-2] == "🔥" else "🔥é…"))
        command, block = (block for block in self.bodies("slack")[0]["blocks"] if "```" in str(block))
        self.assertEqual((len(command["text"]["text"]), len(block["text"]["text"])), (2000 + 6, 2000 + 6))
        self.assertTrue(block["text"]["text"].endswith("…```"))
        # With so short an interval, that there is no log is news at once.
        alerts = [alert for body in self.bodies("generic") for alert in body["alerts"] if alert["labels"]["alertname"] != "IcebergOffloadLogUnreadable"]
        self.assertEqual([len(alert["annotations"]["evidence"]) for alert in alerts], [2000] * len(self.STATUSES))


if __name__ == "__main__":
    unittest.main()
