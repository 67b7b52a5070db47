# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent against receivers that fail in every way: what arrives, when, and what is said of it.

One agent has them all for its webhooks, so that all the waiting is done at once. FAILURES=10 lets one of them fail as
often as that instead of 4 times, with nothing but the back-off between (seven minutes, half an hour if the dice will).
"""

import collections
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent, run, wait_until   # noqa: E402
from ports import free_port   # noqa: E402
from receiver import Receiver, make_certificate   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 1800
FAILURES = int(os.environ.get("FAILURES", 4))
ORDINARY = {"notify.reminder": "0"}   # the real thresholds: only the scheduler's death decides
FIRST_BACKOFF_S = 1.0                 # full jitter waits anywhere below
SLACK_S = 2.0                         # for a busy machine


class DeliveryCase(unittest.TestCase):
    """Each class has a scheduler that dies: one notification at once, and no other for the next 90 seconds."""

    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="agent-delivery-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.log = cls.directory / "scheduler.log"
        cls.receiver = cls.open_receiver()
        cls.agent = cls.page(cls.webhooks())

    @classmethod
    def open_receiver(cls, **options):
        receiver = Receiver(**options)
        cls.addClassCleanup(receiver.close)
        return receiver

    @classmethod
    def planned(cls, name, plan, **keys):
        cls.receiver.plan(f"/{name}", plan)
        return {"url": cls.receiver.url(f"/{name}"), **keys}

    @classmethod
    def page(cls, webhooks):
        """The agent, with one notification due to each webhook (name -> keys)."""
        settings = dict(ORDINARY)
        for name, keys in webhooks.items():
            settings.update({f"webhook {name}.{key}": value for key, value in keys.items()})
        scheduler = Scheduler(cls.log)
        cls.addClassCleanup(scheduler.kill)
        agent = Agent(cls.log, cls.directory / "history.db", settings=settings)
        agent.start()
        cls.addClassCleanup(agent.end)
        scheduler.cycle()
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        scheduler.kill()
        return agent

    def outbox(self, webhook):
        return self.agent.rows("SELECT status, attempts, coalesce(last_error, '') FROM outbox WHERE webhook = ? ORDER BY id", webhook)

    def wait_outbox(self, webhook, condition, timeout=20):
        """The notification's row."""
        wait_until(lambda: (rows := self.outbox(webhook)) and condition(*rows[0]), timeout,
                   f"{webhook}: {self.outbox(webhook)}; the agent said: {self.agent.said()}")
        return self.outbox(webhook)[0]

    def wait_delivered(self, webhook):
        return self.wait_outbox(webhook, lambda status, *_: status == "delivered")

    def said(self, webhook):
        return [line for line in self.agent.said().splitlines() if f"webhook {webhook}:" in line]


class OnePage(DeliveryCase):
    @classmethod
    def webhooks(cls):
        cls.elsewhere, cls.breaking = cls.open_receiver(), cls.open_receiver()
        cls.breaking.plan("/broken", "half head cut reset slam 200")   # of its own: no other webhook's connection to reuse
        own = make_certificate(cls.directory)
        foreign = make_certificate(cls.directory, "elsewhere.example")
        cls.trusting, cls.strange, cls.misnamed = (cls.open_receiver(certificate=pair) for pair in (own, own, foreign))
        cls.absent_port = free_port()
        return {
            "late": cls.planned("late", "late:1.2 500", timeout="5s"),
            "never": cls.planned("never", "never 200", timeout="800ms"),
            "broken": {"url": cls.breaking.url("/broken")},
            "passing": cls.planned("passing", "408 425 503 200"),
            "failing": cls.planned("failing", f"500x{FAILURES} 200"),
            "ten": cls.planned("ten", "500:1x10 200"),
            "seconds": cls.planned("seconds", "429:2 200"),
            "date": cls.planned("date", "429@3 200"),
            "absent": {"url": f"http://127.0.0.1:{cls.absent_port}/absent"},
            "unknown": {"url": "http://no-such-host.invalid/hook", "timeout": "5s"},
            "refusing": cls.planned("refusing", "404"),
            "small": cls.planned("small", "413 200"),
            "redirecting": cls.planned("redirecting", f"302:{cls.elsewhere.url('/stolen')}"),
            "trusted": {"url": cls.trusting.url("/hook", host="localhost"), "ca_file": own[0]},
            "strange": {"url": cls.strange.url("/hook", host="localhost")},
            "misnamed": {"url": cls.misnamed.url("/hook", host="localhost"), "ca_file": foreign[0]},
        }

    @staticmethod
    def fair(before, after):
        return promise.between(before.monotonic, after.monotonic)

    # Until it is taken.

    def arrivals(self, webhook, count, timeout=40, receiver=None):
        """The requests until the one that is taken, all of them the same notification."""
        receiver = receiver or self.receiver
        receiver.wait(count, timeout, f"/{webhook}")
        row = self.wait_delivered(webhook)
        keys = collections.defaultdict(list)
        for request in receiver.at(f"/{webhook}"):
            keys[request.headers["idempotency-key"]].append(request)
        requests = next(iter(keys.values()))
        self.assertEqual((len(requests), row[1]), (count, count))
        self.assertEqual(len({request.body for request in requests if request.answer != "slam"}), 1)
        return requests

    def test_an_answer_that_is_late_but_in_time_is_an_answer(self):
        self.arrivals("late", 1)

    def test_no_answer_costs_the_timeout_and_is_tried_again(self):
        first, second = self.arrivals("never", 2)
        waited = second.monotonic - first.monotonic
        self.assertGreaterEqual(waited, 0.75)
        self.assertLessEqual(self.fair(first, second), 0.8 + FIRST_BACKOFF_S + SLACK_S)

    def test_answers_that_break_off_are_tried_again(self):
        requests = self.arrivals("broken", 6, receiver=self.breaking)
        self.assertEqual([request.answer for request in requests], ["half", "head", "cut", "reset", "slam", "200"])

    def test_what_passes_is_tried_again(self):
        self.arrivals("passing", 4)

    def test_500_again_and_again_is_tried_within_the_back_off(self):
        ceilings = [min(FIRST_BACKOFF_S * 2 ** number, 300) for number in range(FAILURES)]
        requests = self.arrivals("failing", FAILURES + 1, sum(ceilings) + 30)
        waits = [after.monotonic - before.monotonic for before, after in zip(requests, requests[1:])]
        print("# 500, then after " + ", ".join(f"{wait:.1f}" for wait in waits) + " s", flush=True)
        for before, after, ceiling in zip(requests, requests[1:], ceilings):
            self.assertLessEqual(self.fair(before, after), ceiling + SLACK_S)

    def test_ten_times_500_with_a_time_to_wait_is_tried_when_asked_to(self):
        requests = self.arrivals("ten", 11)
        for before, after in zip(requests, requests[1:]):
            self.assertGreaterEqual(after.monotonic - before.monotonic, 1.0)
            self.assertLessEqual(self.fair(before, after), 1.0 + SLACK_S)

    def test_retry_after_in_seconds_is_waited_for(self):
        first, second = self.arrivals("seconds", 2)
        waited = second.monotonic - first.monotonic
        self.assertGreaterEqual(waited, 2.0)
        self.assertLessEqual(self.fair(first, second), 2.0 + FIRST_BACKOFF_S + SLACK_S)

    def test_retry_after_as_a_date_is_waited_for(self):
        first, second = self.arrivals("date", 2)
        waited = second.wall - first.wall
        self.assertGreaterEqual(waited, 1.9)   # the date has whole seconds
        self.assertLessEqual(self.fair(first, second), 3.0 + FIRST_BACKOFF_S + SLACK_S)

    def test_a_receiver_that_is_not_there_yet_gets_it_when_it_is(self):
        _, _, error = self.wait_outbox("absent", lambda _, attempts, error: attempts > 0 and error)
        self.assertIn("connect", error.lower())
        self.open_receiver(port=self.absent_port).wait(1, 60, "/absent")
        self.wait_delivered("absent")

    def test_a_name_that_is_not_known_is_tried_again(self):
        status, _, error = self.wait_outbox("unknown", lambda _, attempts, __: attempts >= 2, 40)
        self.assertEqual(status, "pending")
        self.assertRegex(error.lower(), "resolve|timed out|timeout")

    # What is about the request is said once, and tried once more in the shortest form.

    def refusal(self, webhook, word):
        _, _, error = self.wait_outbox(webhook, lambda status, *_: status == "refused")
        self.assertIn(word, error)
        time.sleep(FIRST_BACKOFF_S)
        full, short = self.receiver.at(f"/{webhook}")
        self.assertLess(len(short.body), len(full.body))
        self.assertEqual(full.json()["alerts"][0]["fingerprint"], short.json()["alerts"][0]["fingerprint"])
        said = self.said(webhook)
        self.assertEqual(len(said), 1, said)
        self.assertIn(word, said[0])

    def test_a_4xx_is_said_once_in_the_log_in_status_and_in_the_report(self):
        self.refusal("refusing", "404")
        where = ["--log", self.log, "--db", self.agent.database, "--set", f"webhook refusing.url={self.receiver.url('/refusing')}"]
        for command in ("status", "report"):
            lines = [line for line in run(command, *where).stdout.splitlines() if "404" in line]
            self.assertEqual(len(lines), 1, f"{command}: {lines}")

    def test_too_long_a_message_arrives_in_its_shortest_form(self):
        full, short = self.receiver.wait(2, 20, "/small")
        self.wait_delivered("small")
        self.assertLess(len(short.body), len(full.body))
        self.assertEqual(self.said("small"), [])

    def test_a_redirect_is_not_followed(self):
        self.refusal("redirecting", "302")
        self.assertEqual(self.elsewhere.at(None), [])

    # Whom it trusts.

    def test_a_certificate_of_the_named_authority_is_trusted(self):
        self.trusting.wait(1, 20, "/hook")
        self.wait_delivered("trusted")

    def nothing_sent(self, webhook, receiver):
        status, _, error = self.wait_outbox(webhook, lambda _, attempts, __: attempts >= 2)
        self.assertEqual(status, "pending")
        self.assertRegex(error.lower(), "certificate|name")
        self.assertEqual(receiver.at(None), [])

    def test_an_unknown_authority_gets_nothing(self):
        self.nothing_sent("strange", self.strange)

    def test_another_hosts_certificate_gets_nothing(self):
        self.nothing_sent("misnamed", self.misnamed)


class Independence(DeliveryCase):
    @classmethod
    def webhooks(cls):
        return {name: cls.planned(name, plan, timeout="30s")
                for name, plan in (("deaf", "never"), ("failing", "500"), ("waiting", "429:60"), ("good", "200"))}

    def test_no_receiver_delays_another(self):
        good, = self.receiver.wait(1, 10, "/good")
        deaf, = self.receiver.wait(1, 10, "/deaf")
        self.assertLess(promise.between(*sorted((good.monotonic, deaf.monotonic))), 1.0)
        self.wait_delivered("good")
        # Its news goes on arriving while the others hang.
        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            self.receiver.wait(2, 10, "/good")
            self.assertEqual(len(self.receiver.at("/deaf")), 1)
            self.assertEqual(len(self.receiver.at("/waiting")), 1)
        self.receiver.release()


if __name__ == "__main__":
    unittest.main()
