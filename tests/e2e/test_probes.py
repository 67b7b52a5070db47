# SPDX-License-Identifier: GPL-2.0-or-later
"""Components asked by `agent status`: the web, a port, Docker, the scheduler's metrics page; alive, dead, and in every bad way."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import promise   # noqa: E402
import report_history as history   # noqa: E402
from agent import BINARY   # noqa: E402
from components import Docker, Port, container, http_answer   # noqa: E402
from ports import free_port   # noqa: E402
from receiver import Receiver   # noqa: E402

BUDGET = 64 * 1024      # of headers and body together
PAGE = f"""# HELP offload_lag_minutes Time since last offload
# TYPE offload_lag_minutes gauge
offload_lag_minutes{{table="{history.BINANCE}"}} 4.5
offload_lag_minutes{{table="{history.KRAKEN}"}} 25
watermark_timestamp_seconds{{table="{history.BINANCE}"}} {history.at("17:44:00") / 1000:.1f}
python_gc_objects_collected_total{{generation="0"}} 1234
"""


class Probes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="agent-probes-")
        cls.db = os.path.join(cls.home, "history.db")
        with history.make(BINARY, cls.db) as db:
            db.execute("UPDATE incident SET state = 'resolved', resolved_at = opened_at")
            history.agent_state(db, os.getpid())
        db.close()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.home)

    def port(self, answer=None):
        port = Port(answer)
        self.addCleanup(port.close)
        return port

    def docker(self, containers):
        docker = Docker(os.path.join(self.home, "docker.sock"), containers)
        self.addCleanup(docker.close)
        return docker

    def status(self, settings, *arguments, **environment):
        command = [BINARY, "status", "--db", self.db, *arguments]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        env = {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "LC_ALL": "C.UTF-8", "COLUMNS": "200",
               "AGENT_CONFIG": "/dev/null", "SOURCE_DATE_EPOCH": str(history.NOW // 1000), **environment}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        return subprocess.run(command, env=env, timeout=600, capture_output=True)

    def answers(self, settings, **environment):
        """{name: (state, words)}"""
        result = self.status(settings, "--format", "json", **environment)
        document = json.loads(result.stdout)
        self.assertNotIn("secret", result.stdout.decode())
        return {probe["name"]: (probe["state"], probe["text"]) for probe in document["probes"]}

    def ask(self, url, timeout="3s", **environment):
        return self.answers({"probe it.url": url, "probe it.timeout": timeout}, **environment)["it"]

    def test_nothing_configured_nothing_shown(self):
        self.assertEqual({}, self.answers({}))
        self.assertNotIn(b"Components", self.status({}).stdout)

    def test_http_by_its_status(self):
        with Receiver() as receiver:
            for plan, wanted in (("200", ("up", "HTTP 200")), ("404", ("up", "HTTP 404")),
                                 ("302:http://127.0.0.1:1/", ("up", "HTTP 302")), ("503", ("down", "HTTP 503")),
                                 ("endless", ("up", "HTTP 200")),
                                 ("cut", ("down", "the connection was closed without an answer")),
                                 ("reset", ("down", "the connection was closed without an answer")),
                                 ("never", ("down", "no answer within 0.3 s"))):
                with self.subTest(plan):
                    receiver.plan("/secret-path", plan)
                    timeout = "300ms" if plan == "never" else "3s"
                    self.assertEqual(wanted, self.ask(receiver.url("/secret-path"), timeout))
            receiver.release()

    def test_garbage_confirms_nothing(self):
        self.assertEqual(("unknown", "answers, but not in HTTP"),
                         self.ask(f"http://127.0.0.1:{self.port(b'SSH-2.0-OpenSSH').number}/"))
        self.assertEqual("unknown", self.ask(f"https://127.0.0.1:{self.port(b'hello').number}/")[0])
        self.assertEqual(("unknown", "its name cannot be resolved"), self.ask("http://nowhere.invalid/"))

    def test_headers_without_end_do_not_fill_the_memory(self):
        port = self.port(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 3_000_000 + b"\r\n\r\n")
        self.assertIn(self.ask(f"http://127.0.0.1:{port.number}/")[0], ("unknown", "up", "down"))

    def test_an_answer_at_its_budget_is_read_and_one_beyond_it_is_cut(self):
        head = len(http_answer(b"x" * 60000)) - 60000      # the length in it has five digits
        for beyond, wanted in ((0, "HTTP 200"), (1, "HTTP 200, and only the beginning of the page was read: it is too long")):
            body = b"a 1\n" + b"#" * (BUDGET - head - 4 + beyond)
            with self.subTest(beyond=beyond):
                self.assertEqual(len(http_answer(body)), BUDGET + beyond)
                url = f"http://127.0.0.1:{self.port(http_answer(body)).number}/metrics"
                self.assertEqual(("up", wanted), self.answers({"metrics.url": url})["metrics page"])

    def test_a_port(self):
        self.assertEqual(("up", "accepts connections"), self.ask(f"tcp://127.0.0.1:{self.port().number}"))
        self.assertEqual(("down", "Connection refused"), self.ask(f"tcp://127.0.0.1:{free_port()}"))

    def test_a_port_that_does_not_answer(self):
        with socket.socket() as full:      # nobody accepts, and the kernel's queue is full
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = []
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(full.getsockname())
                waiting.append(client)
            time.sleep(0.05)
            self.assertEqual(("down", "no answer within 0.3 s"), self.ask(f"tcp://127.0.0.1:{full.getsockname()[1]}",
                                                                          "300ms"))
            for client in waiting:
                client.close()

    def test_a_proxy_in_the_environment_is_not_asked(self):
        proxy = f"http://127.0.0.1:{free_port()}"
        port = self.port(http_answer(b"Ok.\n"))
        self.assertEqual(("up", "HTTP 200"), self.ask(f"http://127.0.0.1:{port.number}/ping", http_proxy=proxy,
                                                      all_proxy=proxy))

    def test_containers(self):
        cases = {
            "fine": (container(), ("up", "running")),
            "restarted": (container(restarts=1), ("up", "running, restarted 1 time")),
            "healthy": (container(health="healthy"), ("up", "running")),
            "sick": (container(health="unhealthy"), ("down", "running, unhealthy by its own check")),
            "oom": (container("exited", 137, True, 3), ("down", "exited, exit code 137, OOM-killed, restarted 3 times")),
            "done": (container("exited"), ("down", "exited, exit code 0")),
            "paused": (container("paused"), ("down", "paused")),
            "looping": (container("restarting", 1, restarts=9), ("down", "restarting, exit code 1, restarted 9 times")),
            "absent": (None, ("down", "no such container")),
            "trouble": (500, ("unknown", "Docker answers HTTP 500")),
            "garbage": (b"\xff\x00{not json", ("unknown", "an answer that is not Docker's")),
            "list": (b"[1, 2, 3]", ("unknown", "an answer that is not Docker's")),
            "deep": (b"[" * 60_000, ("unknown", "an answer that is not Docker's")),
            "empty": (b"", ("unknown", "an answer that is not Docker's")),
            "huge": (b'{"State": "' + b"x" * 5_000_000 + b'"}', ("unknown", "Docker's answer is too long")),
            "a/../b c": (container(), ("up", "running")),
        }
        docker = self.docker({name: said for name, (said, _) in cases.items() if said is not None})
        settings = {f"probe c{number}.container": name for number, name in enumerate(cases)}
        got = self.answers(settings, DOCKER_HOST=docker.host)
        for number, (name, (_, wanted)) in enumerate(cases.items()):
            with self.subTest(name):
                self.assertEqual(wanted, got[f"c{number}"])
        self.assertIn("/containers/a/../b c/json", docker.asked)

    def test_docker_that_is_not_there_says_nothing_of_the_container(self):
        for host, words in ((f"unix://{self.home}/absent.sock", "Docker cannot be asked: No such file or directory"),
                            ("tcp://127.0.0.1:2375", "DOCKER_HOST is not a Unix socket")):
            got = self.answers({"probe spark.container": "k2-spark-iceberg"}, DOCKER_HOST=host)
            self.assertEqual(("unknown", words), got["spark"])

    def test_docker_that_hangs(self):
        path = os.path.join(self.home, "hanging.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            got = self.answers({"probe spark.container": "x", "probe spark.timeout": "200ms"}, DOCKER_HOST=f"unix://{path}")
        self.assertEqual("unknown", got["spark"][0])

    def test_the_metrics_page(self):
        port = self.port(http_answer(PAGE.encode()))
        result = self.status({"metrics.url": f"http://127.0.0.1:{port.number}/metrics"})
        self.assertRegex(result.stdout.decode(),
                         r"\nMetrics +up: HTTP 200, [\d.]+ m?s \(http://127\.0\.0\.1:\d+/\*\*\*\)\n"
                         rf" +{history.BINANCE}: lag 4 min 30 s, watermark 2026-03-03 17:44:00\n"
                         rf" +{history.KRAKEN}: lag 25 min\n")

    def test_a_metrics_page_that_is_none(self):
        for answer, wanted in ((http_answer(b"offload_errors_total 3\n"), ("up", "HTTP 200")),
                               (http_answer(b"<html>hello</html>"), ("unknown", "HTTP 200, but no metrics")),
                               (http_answer(b""), ("unknown", "HTTP 200, but no metrics")),
                               (http_answer(b"a 1\n" * 2_000_000), ("up", "HTTP 200, and only the beginning of the page was read: it is too long")),
                               (http_answer(b"", "404 Not Found"), ("unknown", "HTTP 404")),
                               (http_answer(b"", "500 Oops"), ("down", "HTTP 500"))):
            with self.subTest(wanted):
                url = f"http://127.0.0.1:{self.port(answer).number}/metrics"
                self.assertEqual(wanted, self.answers({"metrics.url": url})["metrics page"])
        got = self.answers({"metrics.url": f"http://127.0.0.1:{free_port()}/metrics"})
        self.assertEqual(("down", "Connection refused"), got["metrics page"])

    def test_all_are_asked_at_once(self):
        hanging = self.port()
        settings = {}
        for number in range(20):
            settings[f"probe p{number}.url"] = f"http://127.0.0.1:{hanging.number}/"
            settings[f"probe p{number}.timeout"] = "1s"
        begun = time.monotonic()
        got = self.answers(settings)
        self.assertEqual({("down", "no answer within 1 s")}, set(got.values()))
        self.assertLess(promise.since(begun), 10)       # one after the other: 20 s

    def test_the_screen_and_the_exit_code(self):
        docker = self.docker({"k2-spark-iceberg": container("exited", 137, True, 3)})
        settings = {"probe clickhouse.url": f"http://user:secret@127.0.0.1:{self.port(http_answer(b'Ok.')).number}/secret",
                    "probe postgres.url": f"tcp://127.0.0.1:{free_port()}",
                    "probe spark.container": "k2-spark-iceberg"}
        result = self.status(settings, DOCKER_HOST=docker.host)
        text = result.stdout.decode()
        self.assertEqual(1, result.returncode, text)
        self.assertIn("postgres is down, spark is down", text.splitlines()[0])
        self.assertRegex(text, r"\nComponents +clickhouse up: HTTP 200, [\d.]+ m?s \(http://127\.0\.0\.1:\d+/\*\*\*\)\n"
                               r" +postgres down: Connection refused \(tcp://127\.0\.0\.1:\d+\)\n"
                               r" +spark down: exited, exit code 137, OOM-killed, restarted 3 times"
                               r" \(container k2-spark-iceberg\)\n")
        self.assertNotIn("secret", text)


if __name__ == "__main__":
    unittest.main()
