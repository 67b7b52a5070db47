# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent against receivers that fail in every way: what arrives, when, and what is said of it."""

import shutil
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver, make_certificate   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 180
ORDINARY = {"notify.reminder": "0"}   # the real thresholds: only the scheduler's death decides
FIRST_BACKOFF_S = 1.0                 # full jitter waits anywhere below
SLACK_S = 1.5                         # for a busy machine


class DeliveryCase(unittest.TestCase):
    """Each test has a scheduler that dies: one notification at once, and no other for the next 90 seconds."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-delivery-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = self.open_receiver()

    def open_receiver(self, **options):
        receiver = Receiver(**options)
        self.addCleanup(receiver.close)
        return receiver

    def page(self, webhooks):
        """The agent, with one notification due to each webhook (name -> keys)."""
        settings = dict(ORDINARY)
        for name, keys in webhooks.items():
            settings.update({f"webhook {name}.{key}": value for key, value in keys.items()})
        log = self.directory / "scheduler.log"
        scheduler = Scheduler(log)
        self.addCleanup(scheduler.kill)
        agent = Agent(log, self.directory / "history.db", settings=settings)
        agent.start()
        self.addCleanup(agent.__exit__)
        scheduler.cycle()
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        scheduler.kill()
        return agent

    def outbox(self, agent, webhook="test"):
        return agent.rows("SELECT status, attempts, coalesce(last_error, '') FROM outbox WHERE webhook = ? ORDER BY id", webhook)

    def wait_outbox(self, agent, condition, timeout=20, webhook="test"):
        wait_until(lambda: (rows := self.outbox(agent, webhook)) and condition(*rows[0]), timeout,
                   f"the outbox: {self.outbox(agent, webhook)}; the agent said: {agent.said()}")
        return self.outbox(agent, webhook)[0]


class Retried(DeliveryCase):
    def arrivals(self, plan, count, **keys):
        """The requests until the one that is taken, all of them the same notification."""
        self.receiver.plan("/hook", plan)
        agent = self.page({"test": {"url": self.receiver.url("/hook"), **keys}})
        requests = self.receiver.wait(count, 40, "/hook")
        row = self.wait_outbox(agent, lambda status, *_: status == "delivered")
        self.assertEqual(len(self.receiver.at("/hook")), count)
        self.assertEqual(row[1], count)
        self.assertEqual(len({request.headers["idempotency-key"] for request in requests}), 1)
        self.assertEqual(len({request.body for request in requests}), 1)
        return requests, agent

    def test_an_answer_that_is_late_but_in_time_is_an_answer(self):
        self.arrivals("late:1.2 500", 1, timeout="5s")

    def test_no_answer_costs_the_timeout_and_is_tried_again(self):
        (first, second), _ = self.arrivals("never 200", 2, timeout="800ms")
        waited = second.monotonic - first.monotonic
        self.assertTrue(0.75 <= waited <= 0.8 + FIRST_BACKOFF_S + SLACK_S, waited)

    def test_answers_that_break_off_are_tried_again(self):
        requests, _ = self.arrivals("half head cut reset 200", 5)
        self.assertEqual([request.answer for request in requests], ["half", "head", "cut", "reset", "200"])

    def test_what_passes_is_tried_again(self):
        self.arrivals("408 425 503 200", 4)

    def test_500_again_and_again_is_tried_ever_more_slowly(self):
        (*_, last), _ = self.arrivals("500x4 200", 5)
        first = self.receiver.at("/hook")[0]
        self.assertLessEqual(last.monotonic - first.monotonic, 1 + 2 + 4 + 8 + SLACK_S)

    def test_retry_after_in_seconds_is_waited_for(self):
        (first, second), _ = self.arrivals("429:2 200", 2)
        waited = second.monotonic - first.monotonic
        self.assertTrue(2.0 <= waited <= 2.0 + FIRST_BACKOFF_S + SLACK_S, waited)

    def test_retry_after_as_a_date_is_waited_for(self):
        (first, second), _ = self.arrivals("429@3 200", 2)
        waited = second.wall - first.wall
        self.assertTrue(1.9 <= waited <= 3.0 + FIRST_BACKOFF_S + SLACK_S, waited)   # the date has whole seconds

    def test_a_receiver_that_is_not_there_yet_gets_it_when_it_is(self):
        with socket.socket() as placeholder:
            placeholder.bind(("127.0.0.1", 0))
            port = placeholder.getsockname()[1]
        agent = self.page({"test": {"url": f"http://127.0.0.1:{port}/hook"}})
        _, _, error = self.wait_outbox(agent, lambda _, attempts, error: attempts > 0 and error)
        self.assertIn("connect", error.lower())
        self.open_receiver(port=port).wait(1, 30, "/hook")
        self.wait_outbox(agent, lambda status, *_: status == "delivered")

    def test_a_name_that_is_not_known_is_tried_again(self):
        agent = self.page({"test": {"url": "http://no-such-host.invalid/hook", "timeout": "5s"}})
        status, _, error = self.wait_outbox(agent, lambda _, attempts, __: attempts >= 2, 40)
        self.assertEqual(status, "pending")
        self.assertRegex(error.lower(), "resolve|timed out|timeout")


class Refused(DeliveryCase):
    """What is about the request is said once, and tried once more in the shortest form."""

    def refusal(self, plan, word):
        self.receiver.plan("/hook", plan)
        agent = self.page({"test": {"url": self.receiver.url("/hook")}})
        _, _, error = self.wait_outbox(agent, lambda status, *_: status == "refused")
        self.assertIn(word, error)
        time.sleep(FIRST_BACKOFF_S)
        full, short = self.receiver.at("/hook")
        self.assertLess(len(short.body), len(full.body))
        self.assertEqual(full.json()["alerts"][0]["fingerprint"], short.json()["alerts"][0]["fingerprint"])
        said = [line for line in agent.said().splitlines() if word in line]
        self.assertEqual(len(said), 1, agent.said())
        return agent

    def test_a_4xx_is_said_in_the_log_in_status_and_in_the_report(self):
        agent = self.refusal("404", "404")
        where = ["--log", self.directory / "scheduler.log", "--db", agent.database,
                 "--set", f"webhook test.url={self.receiver.url('/hook')}"]
        self.assertIn("404", run("status", *where).stdout)
        self.assertIn("404", run("report", *where).stdout)

    def test_too_long_a_message_arrives_in_its_shortest_form(self):
        self.receiver.plan("/hook", "413 200")
        agent = self.page({"test": {"url": self.receiver.url("/hook")}})
        full, short = self.receiver.wait(2, 10, "/hook")
        self.wait_outbox(agent, lambda status, *_: status == "delivered")
        self.assertLess(len(short.body), len(full.body))
        self.assertNotIn("refused", agent.said())

    def test_a_redirect_is_not_followed(self):
        elsewhere = self.open_receiver()
        self.refusal(f"302:{elsewhere.url('/stolen')}", "302")
        self.assertEqual(elsewhere.at(None), [])


class Trust(DeliveryCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.certificates.cleanup)
        cls.own = make_certificate(cls.certificates.name)
        cls.foreign = make_certificate(cls.certificates.name, "elsewhere.example")

    def test_a_certificate_of_the_named_authority_is_trusted(self):
        receiver = self.open_receiver(certificate=self.own)
        agent = self.page({"test": {"url": receiver.url("/hook", host="localhost"), "ca_file": self.own[0]}})
        receiver.wait(1, 10, "/hook")
        self.wait_outbox(agent, lambda status, *_: status == "delivered")

    def nothing_sent(self, certificate, **keys):
        receiver = self.open_receiver(certificate=certificate)
        agent = self.page({"test": {"url": receiver.url("/hook", host="localhost"), **keys}})
        status, _, error = self.wait_outbox(agent, lambda _, attempts, __: attempts >= 2)
        self.assertEqual(status, "pending")
        self.assertRegex(error.lower(), "certificate|name")
        self.assertEqual(receiver.at(None), [])

    def test_an_unknown_authority_gets_nothing(self):
        self.nothing_sent(self.own)

    def test_another_hosts_certificate_gets_nothing(self):
        self.nothing_sent(self.foreign, ca_file=self.foreign[0])


class Independence(DeliveryCase):
    def test_no_receiver_delays_another(self):
        for path, plan in (("/deaf", "never"), ("/failing", "500"), ("/waiting", "429:60"), ("/good", "200")):
            self.receiver.plan(path, plan)
        agent = self.page({path.strip("/"): {"url": self.receiver.url(path), "timeout": "30s"}
                           for path in ("/deaf", "/failing", "/waiting", "/good")})
        good, = self.receiver.wait(1, 10, "/good")
        deaf, = self.receiver.wait(1, 10, "/deaf")
        self.assertLess(abs(good.monotonic - deaf.monotonic), 1.0)
        self.wait_outbox(agent, lambda status, *_: status == "delivered", webhook="good")
        # Its news goes on arriving while the others hang.
        with Scheduler(self.directory / "scheduler.log") as scheduler:
            scheduler.cycle()
            self.receiver.wait(2, 10, "/good")
            self.assertEqual(len(self.receiver.at("/deaf")), 1)
            self.assertEqual(len(self.receiver.at("/waiting")), 1)
        self.receiver.release()


if __name__ == "__main__":
    unittest.main()
