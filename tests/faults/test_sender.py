# SPDX-License-Identifier: GPL-2.0-or-later
"""The sender against receivers that fail in every way: what arrives, when, and what is said of it."""
import collections
import os
import pathlib
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib import fair, promise   # noqa: E402
from tests.lib.agent import has_sanitizer   # noqa: E402
from tests.lib.receiver import Receiver, make_certificate   # noqa: E402

TIMEOUT_S = 240
PROBE = str(pathlib.Path(os.environ.get("BUILD", ROOT / "build")) / "tests" / "sender_probe")
BACKOFF_S = [1, 2, 4, 8]     # the ceilings; full jitter waits anywhere below
SLACK_S = 0.5                # for a busy machine

Result = collections.namedtuple("Result", "id webhook outcome http attempts at_ms next_ms error")


class Probe:
    """sender_probe with a configuration; its results come as they do."""

    def __init__(self, config, env=None):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.file.write(config)
        self.file.flush()
        self.process = subprocess.Popen([PROBE, self.file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **(env or {})})
        self.results, self.words = queue.Queue(), queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.code = fair.wait(self.process, 10)
        finally:
            self.process.kill()
        self.reader.join()
        self.process.stdout.close()
        self.file.close()
        if self.code != 0:
            raise AssertionError(f"sender_probe: exit {self.code}")

    def _read(self):
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "result":
                parts = rest.split(" ", 7)
                self.results.put(Result(int(parts[0]), int(parts[1]), parts[2], *map(int, parts[3:7]), parts[7]))
            else:
                self.words.put(rest)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line, timeout=10):
        self.say(line)
        return int(self.words.get(timeout=timeout))

    def submit(self, number, webhook=0, body=None):
        self.say(f"submit {webhook} {number} " + (body or f'{{"id":{number}}}'))

    def result(self, timeout=10):
        return self.results.get(timeout=timeout)

    def take(self, count, timeout=10):
        return [self.result(timeout) for _ in range(count)]


def webhook(url, name="a", **keys):
    lines = [f"[webhook {name}]", f"url = {url}"] + [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def ids(requests):
    return [request.json()["id"] for request in requests]


class Delivery(unittest.TestCase):
    def test_a_delivery_arrives_whole_with_its_headers(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), header="X-Team: data")) as probe:
            probe.submit(7, body='{"id":7,"text":"größer"}')
            result = probe.result()
            request, = receiver.wait(1)
        self.assertEqual((result.id, result.outcome, result.http, result.attempts, result.error), (7, "done", 200, 1, ""))
        self.assertEqual(request.json(), {"id": 7, "text": "größer"})
        self.assertEqual(request.method, "POST")
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertEqual(request.headers["idempotency-key"], "key-7")
        self.assertEqual(request.headers["x-team"], "data")
        self.assertRegex(request.headers["user-agent"], r"^iceberg-offload-agent/\d")
        self.assertNotIn("expect", request.headers)

    def test_a_body_of_two_megabytes_does_not_wait_for_a_100_continue(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            began = time.monotonic()
            probe.submit(1, body='{"id":1,"text":"' + "x" * 2_000_000 + '"}')
            self.assertEqual(probe.result(30).outcome, "done")
            request, = receiver.wait(1)
        self.assertEqual(len(request.body), 2_000_018)
        self.assertLess(promise.between(began, request.monotonic), 30)

    def test_one_connection_serves_many_deliveries(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            for number in range(1, 21):
                probe.submit(number)
            probe.take(20)
            self.assertEqual(ids(receiver.wait(20)), list(range(1, 21)))
            self.assertEqual(receiver.connections, 1)

    def test_a_token_is_read_anew_for_each_request_also_from_the_credentials_directory(self):
        with tempfile.TemporaryDirectory() as directory, Receiver() as receiver:
            token = pathlib.Path(directory, "token")
            token.write_text("first-1\n", encoding="ascii")
            config = webhook(receiver.url("/hook"), token_file="token")
            with Probe(config, {"CREDENTIALS_DIRECTORY": directory}) as probe:
                probe.submit(1)
                probe.result()
                token.write_text("second-2\n", encoding="ascii")
                probe.submit(2)
                probe.result()
            headers = [request.headers["authorization"] for request in receiver.wait(2)]
        self.assertEqual(headers, ["Bearer first-1", "Bearer second-2"])

    def test_a_token_that_cannot_be_read_is_a_failed_attempt_not_an_unsigned_request(self):
        token = "/nonexistent/token"
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), token_file=token)) as probe:
            probe.submit(1)
            result = probe.result()
            self.assertEqual((result.outcome, result.http), ("retry", 0))
            self.assertIn("/nonexistent/token: No such file", result.error)
            self.assertEqual(receiver.at("/hook"), [])


class Retrying(unittest.TestCase):
    def check_waits(self, requests):
        for before, after, ceiling in zip(requests, requests[1:], BACKOFF_S):
            self.assertLess(promise.between(before.monotonic, after.monotonic), ceiling + SLACK_S)

    def test_500_is_tried_again_with_backoff_until_it_passes(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", "500x3 200")
            probe.submit(1)
            results = probe.take(4, 20)
            requests = receiver.wait(4)
        self.assertEqual([result.outcome for result in results], ["retry"] * 3 + ["done"])
        self.assertEqual([result.attempts for result in results], [1, 2, 3, 4])
        self.assertEqual(results[0].error, "HTTP 500: answer 500\\n")
        self.assertEqual({request.headers["idempotency-key"] for request in requests}, {"key-1"})
        self.check_waits(requests)
        for result, request in zip(results, requests[1:]):
            self.assertAlmostEqual(result.next_ms / 1000, request.wall, delta=SLACK_S)

    def test_passing_statuses_are_tried_again(self):
        for status in (408, 425, 429, 502, 503, 504):
            with self.subTest(status=status), Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
                receiver.plan("/hook", f"{status} 204")
                probe.submit(1)
                self.assertEqual([result.outcome for result in probe.take(2)], ["retry", "done"])

    def test_a_refusal_is_final_and_the_next_in_line_goes_on(self):
        for status in (400, 401, 403, 404, 410, 413, 422):
            with self.subTest(status=status), Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
                receiver.plan("/hook", f"{status} 200")
                probe.submit(1)
                probe.submit(2)
                first, second = probe.take(2)
                self.assertEqual((first.outcome, first.http, second.outcome), ("refused", status, "done"))
                self.assertTrue(first.error.startswith(f"HTTP {status}: "))
                self.assertEqual(ids(receiver.wait(2)), [1, 2])

    def test_a_redirect_is_refused_and_not_followed(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", f"302:{receiver.url('/elsewhere')}")
            probe.submit(1)
            result = probe.result()
            self.assertEqual((result.outcome, result.http), ("refused", 302))
            self.assertIn("redirects are not followed", result.error)
            self.assertEqual(receiver.at("/elsewhere"), [])

    def test_retry_after_is_honoured_in_seconds_and_as_a_date(self):
        for mark, early in ((":", 0.05), ("@", 1.05)):     # a date has no fraction of a second
            with self.subTest(mark=mark), Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
                receiver.plan("/hook", f"429{mark}3 200")
                probe.submit(1)
                probe.take(2)
                first, second = receiver.wait(2)
                self.assertGreater(second.monotonic - first.monotonic, 3 - early)
                self.assertLess(promise.between(first.monotonic, second.monotonic), 3 + SLACK_S)

    def test_retry_after_is_capped_at_an_hour(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", "503:86400")
            probe.submit(1)
            result = probe.result()
            self.assertEqual(result.next_ms - result.at_ms, 3_600_001)     # never earlier than asked for: moments are cut to milliseconds

    def test_connections_that_break_are_tried_again(self):
        for fault in ("half", "head", "cut", "reset"):
            with self.subTest(fault=fault), Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
                receiver.plan("/hook", f"{fault} 200")
                probe.submit(1)
                first, second = probe.take(2)
                self.assertEqual((first.outcome, second.outcome), ("retry", "done"))
                self.assertNotEqual(first.error, "")
                self.assertEqual(ids(receiver.wait(2)), [1, 1])

    def test_a_receiver_that_comes_up_late_gets_everything_in_order(self):
        with socket.socket() as placeholder:
            placeholder.bind(("127.0.0.1", 0))
            port = placeholder.getsockname()[1]
        with Probe(webhook(f"http://127.0.0.1:{port}/hook")) as probe:
            for number in range(1, 6):
                probe.submit(number)
            first = probe.result()
            self.assertEqual((first.outcome, first.http), ("retry", 0))
            self.assertIn("Failed to connect", first.error)
            with Receiver(port=port) as receiver:
                self.assertEqual(ids(receiver.wait(5, timeout=20)), [1, 2, 3, 4, 5])

    def test_a_receiver_that_never_answers_costs_the_timeout_and_is_tried_again(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), timeout="700ms")) as probe:
            receiver.plan("/hook", "never 200")
            began = time.monotonic()
            probe.submit(1)
            first = probe.result()
            self.assertLess(promise.since(began), 0.7 + SLACK_S)
            self.assertEqual((first.outcome, first.http), ("retry", 0))
            self.assertIn("timed out", first.error.lower())
            self.assertEqual(probe.result().outcome, "done")

    def test_a_late_answer_within_the_timeout_is_an_answer(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), timeout="3s")) as probe:
            receiver.plan("/hook", "late:1")
            probe.submit(1)
            self.assertEqual(probe.result().outcome, "done")
            self.assertEqual(len(receiver.at("/hook")), 1)

    def test_a_body_without_end_is_cut_and_the_status_counts(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), timeout="5s")) as probe:
            receiver.plan("/hook", "endless")
            began = time.monotonic()
            probe.submit(1)
            self.assertEqual(probe.result().outcome, "done")
            self.assertLess(promise.since(began), 2)

    def test_an_answer_has_a_budget_of_bytes_and_headers(self):
        """At the budget the answer is taken as it is; beyond it the request ends at once, and memory stays flat."""
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), timeout="20s")) as probe:
            before = probe.ask("memory")
            for plan, outcome in (("body:60000", "done"), ("body:70000", "done"), ("heads:190", "done"), ("heads:210", "retry"),
                                  ("heads", "retry"), ("informs", "retry")):
                with self.subTest(plan):
                    receiver.plan("/hook", f"{plan} 200")
                    probe.submit(1)
                    result = probe.result(10)
                    self.assertEqual(result.outcome, outcome)
                    if outcome == "retry":
                        self.assertEqual(result.error, "the headers of the answer do not end")
                        self.assertEqual(probe.result(10).outcome, "done")
            if not has_sanitizer():
                self.assertLess(probe.ask("memory") - before, 2048)

    def test_an_answer_has_a_budget_of_time(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), timeout="500ms")) as probe:
            receiver.plan("/hook", "drip 200")
            probe.submit(1)
            self.assertEqual(probe.result(10).outcome, "retry")
            self.assertEqual(probe.result(10).outcome, "done")

    def test_a_200_that_says_no_is_a_refusal_and_said(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"), format="slack")) as probe:
            receiver.plan("/hook", 'says:{"ok":false,"error":"channel_not_found"} says:<!doctype%20html> says:{"ok":true}')
            probe.submit(1)
            probe.submit(2)
            probe.submit(3)
            results = probe.take(3)
        self.assertEqual([result.outcome for result in results], ["refused", "refused", "done"])
        self.assertIn('did not take the message: {"ok":false,"error":"channel_not_found"}', results[0].error)
        self.assertIn("a web page", results[1].error)


class Independence(unittest.TestCase):
    def test_a_hanging_webhook_does_not_delay_another(self):
        with Receiver() as deaf, Receiver() as good:
            deaf.plan("/hook", "never")
            config = webhook(deaf.url("/hook"), "deaf", timeout="20s") + webhook(good.url("/hook"), "good")
            with Probe(config) as probe:
                probe.submit(1, webhook=0)
                deaf.wait(1)
                began = time.monotonic()
                for number in range(1, 51):
                    probe.submit(number, webhook=1)
                requests = good.wait(50, timeout=5)
                self.assertEqual(ids(requests), list(range(1, 51)))
                self.assertLess(promise.between(began, requests[-1].monotonic), 2)
                deaf.release()

    def test_a_webhook_in_backoff_does_not_delay_another(self):
        with Receiver() as receiver:
            receiver.plan("/bad", "503:30")
            config = webhook(receiver.url("/bad"), "bad") + webhook(receiver.url("/good"), "good")
            with Probe(config) as probe:
                probe.submit(1, webhook=0)
                self.assertEqual(probe.result().outcome, "retry")
                probe.submit(2, webhook=1)
                self.assertEqual(probe.result(2).outcome, "done")

    def test_a_failing_delivery_keeps_its_place_before_later_ones(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", "500x2 200")
            for number in (1, 2, 3):
                probe.submit(number)
            self.assertEqual(ids(receiver.wait(5, timeout=15)), [1, 1, 1, 2, 3])


class Bounds(unittest.TestCase):
    def test_ten_thousand_deliveries_keep_their_order_in_flat_memory(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            probe.say("flood 0 1000")
            receiver.wait(1000, timeout=60)
            before = probe.ask("memory", 60)
            probe.say("flood 0 9000")
            requests = receiver.wait(10_000, timeout=120)
            after = probe.ask("memory", 60)
        self.assertEqual(ids(requests), list(range(1, 1001)) + list(range(1, 9001)))
        if not has_sanitizer():
            self.assertLess(after - before, 1024)

    def test_stopping_lets_an_answer_that_is_near_arrive(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", "late:0.3")
            probe.submit(1)
            receiver.wait(1)
            self.assertLess(probe.ask("stop"), 1000)
            self.assertEqual(probe.result().outcome, "done")

    def test_stopping_does_not_wait_for_a_receiver_that_never_answers(self):
        with Receiver() as receiver, Probe(webhook(receiver.url("/hook"))) as probe:
            receiver.plan("/hook", "never")
            probe.submit(1)
            probe.submit(2)
            receiver.wait(1)
            self.assertLess(probe.ask("stop"), 1000)
            self.assertEqual(len(receiver.at("/hook")), 1)
            receiver.release()

    def test_a_name_server_that_does_not_answer_does_not_hold_up_the_end(self):
        with Probe(webhook("http://no-such-host.invalid/hook")) as probe:
            probe.submit(1)
            self.assertLess(probe.ask("stop"), 1000)


class Secrets(unittest.TestCase):
    def test_an_answer_that_repeats_the_request_does_not_put_its_secrets_into_the_error(self):
        with tempfile.TemporaryDirectory() as directory, Receiver() as receiver:
            token = pathlib.Path(directory, "token")
            token.write_text("t0ken-of-mine", encoding="ascii")
            path = "/services/T000/B000/XyZsecret"
            receiver.plan(path, "echo")
            with Probe(webhook(receiver.url(path), token_file=token)) as probe:
                probe.submit(1)
                result = probe.result()
        self.assertEqual(result.outcome, "refused")
        self.assertIn("cannot POST ***", result.error)
        for secret in ("XyZsecret", "T000", "t0ken-of-mine"):
            self.assertNotIn(secret, result.error)

    def test_a_failure_to_connect_names_no_path(self):
        with Probe(webhook("http://127.0.0.1:1/services/XyZsecret")) as probe:
            probe.submit(1)
            error = probe.result().error
        self.assertIn("127.0.0.1", error)
        self.assertNotIn("XyZsecret", error)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.good = make_certificate(cls.directory.name)
        cls.foreign = make_certificate(cls.directory.name, "elsewhere.example")

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def outcome(self, certificate, **keys):
        with Receiver(certificate=certificate) as receiver:
            with Probe(webhook(receiver.url("/hook", host="localhost"), **keys)) as probe:
                probe.submit(1)
                result = probe.result(20)
            return result, len(receiver.at("/hook"))

    def test_a_certificate_of_the_named_authority_is_trusted(self):
        result, requests = self.outcome(self.good, ca_file=self.good[0])
        self.assertEqual((result.outcome, result.http, requests), ("done", 200, 1), result.error)

    def test_a_certificate_of_an_unknown_authority_gets_nothing(self):
        result, requests = self.outcome(self.good)
        self.assertEqual((result.outcome, result.http, requests), ("retry", 0, 0))
        self.assertIn("certificate", result.error)

    def test_a_certificate_of_another_host_gets_nothing(self):
        result, requests = self.outcome(self.foreign, ca_file=self.foreign[0])
        self.assertEqual((result.outcome, result.http, requests), ("retry", 0, 0))
        self.assertRegex(result.error, "(?i)certificate|name")


if __name__ == "__main__":
    unittest.main()
