# SPDX-License-Identifier: GPL-2.0-or-later
"""/metrics of `agent serve`: the agent's counters by way of the history, in both formats; scraped by a real Prometheus, whose rules fire."""
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import openmetrics   # noqa: E402
from agent import Agent, wait_until   # noqa: E402
from ports import free_port   # noqa: E402
from promtool import installed, promtool_path   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402
from test_prometheus import ALERTS, RULES   # noqa: E402
from web import Case, make_history   # noqa: E402

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SAMPLE = re.compile(r"^iceberg_offload_agent_(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)
# What moves between the last store of the counters and the last writing of the file, at an agent's end.
MOVES = ("alive_timestamp_seconds", "commits_total", "writer_present")
TIMEOUT_S = 240


def samples(text):
    return {name: float(value) for name, value in SAMPLE.findall(text)}


class Metrics(Case):
    def setUp(self):
        self.home = self.directory()
        self.log, self.database = self.home / "scheduler.log", self.home / "history.db"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)

    def agent(self, **settings):
        return Agent(self.log, self.database, self.receiver.url("/hook"), {"notify.reminder": "0", **settings})

    def serve_now(self, **settings):
        return self.serve(self.database, environment={"SOURCE_DATE_EPOCH": ""}, log__path=self.log, **settings)

    def promtool_agrees(self, text):
        if promtool_path():     # test_prometheus says where it is missing
            done = subprocess.run([promtool_path(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=600, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def stored(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM state WHERE key = 'metrics'").fetchone()
        return row and row[0]

    def test_it_is_what_the_text_file_says_in_both_formats(self):
        file = self.home / "agent.prom"
        with self.agent(**{"metrics.textfile": str(file), "silence night.table": "none"}) as agent:
            self.scheduler.cycle()
            self.scheduler.cycle(failing=("bronze_trades_kraken",))
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at > 0", 2)
            self.scheduler.kill()
            self.receiver.wait(1, timeout=5, path="/hook")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 1)
            server = self.serve_now(**{"silence night.table": "none"})
            self.assertEqual(samples(server.ask("/metrics").text)[f'up{{log="{self.log}"}}'], 1)
            self.assertEqual(agent.stop()[0], 0)
        wait_until(lambda: samples(server.ask("/metrics").text)[f'up{{log="{self.log}"}}'] == 0, 10, "it is up")
        plain, written = server.ask("/metrics"), samples(file.read_text())
        self.assertEqual((plain.headers["Content-Type"], plain.headers["Vary"]), (TEXT, "Accept"))
        got = samples(plain.text)
        self.assertEqual(got.keys(), written.keys())
        self.assertEqual({name for name in got if got[name] != written[name] and not name.startswith(MOVES)}, set())
        self.assertEqual(got[f'lines_total{{log="{self.log}"}}'], len(self.log.read_text().splitlines()))
        self.assertEqual(got[f'notifications_total{{log="{self.log}",webhook="test",result="delivered"}}'], 1)
        self.assertGreater(got[f'commits_total{{log="{self.log}"}}'], 2)
        self.promtool_agrees(plain.text)
        strict = server.ask("/metrics", Accept="application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5,*/*;q=0.1")
        self.assertEqual((strict.headers["Content-Type"], strict.headers["Vary"]), (OPENMETRICS, "Accept"))
        families = openmetrics.read(strict.text)
        self.assertEqual(families["iceberg_offload_agent_lines"].type, "counter")
        self.assertEqual(families["iceberg_offload_agent_build"].type, "info")
        self.assertEqual(families["iceberg_offload_agent_cycle_duration_seconds"].unit, "seconds")
        self.assertEqual(families["iceberg_offload_agent_read_bytes"].unit, "bytes")
        self.assertEqual({name: value for name, value in samples(strict.text).items() if "le=" not in name},
                         {name: value for name, value in got.items() if "le=" not in name})
        for accept, kind in (("text/plain", TEXT), ("*/*", TEXT), ("application/openmetrics-text;q=0.1,text/plain", TEXT)):
            self.assertEqual(server.ask("/metrics", Accept=accept).headers["Content-Type"], kind, accept)

    def test_a_history_without_counters_tells_what_follows_from_it(self):
        server = self.serve(make_history(self.directory()))
        plain = server.ask("/metrics")
        self.assertIn("# No agent has stored its counters in this history.", plain.text)
        self.promtool_agrees(re.sub("^# No agent.*\n", "", plain.text))
        families = openmetrics.read(server.ask("/metrics", Accept="application/openmetrics-text").text)
        self.assertEqual(families["iceberg_offload_agent_up"].samples[0][2], 0)

    def test_counters_that_somebody_else_wrote_are_bounded(self):
        database = make_history(self.directory())
        hostile = ("tables 99999999\nname =a\nnumbers 1 2\n", "tables 3\n" + "name =x\nnumbers " + " ".join(["9223372036854775807"] * 10) + "\n",
                   "durations " + " ".join(["9223372036854775807"] * 13) + "\nlines -5\n", "\0\0", "x" * 100000, "log_path =\"}\\n# EOF\n",
                   'tables 1\nname =evil"} 1\\n# EOF\\nx{\nnumbers ' + " ".join(["1"] * 10) + "\n", "incidents 2\nname =Nothing\nnumbers 1 1\n",
                   "incidents 1\nname =IcebergOffloadLagCritical\nnumbers 77 1\n", "witnesses 5000000\n" + "name =w\nnumbers 1 0\n" * 500)
        for text in hostile:
            with contextlib.closing(sqlite3.connect(database)) as db, db:
                db.execute("REPLACE INTO state (key, value) VALUES ('metrics', ?)", (text,))
            server = self.serve(database)
            openmetrics.read(server.ask("/metrics", Accept="application/openmetrics-text").text)
            self.promtool_agrees(server.ask("/metrics").text)
            self.assertEqual(server.close()[0], 0)

    def test_the_counters_are_stored_once_in_fifteen_seconds_and_only_if_they_changed(self):
        with self.agent() as agent:
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at > 0", 1)
            first, began = self.stored(), time.monotonic()
            self.assertIsNotNone(first)
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at > 0", 2)
            wait_until(lambda: "\ncycles 0 2 " in self.stored(), 20, "the second cycle is not stored")
            self.assertGreater(time.monotonic() - began, 8)
            with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
                before = db.execute("PRAGMA data_version").fetchone()
                time.sleep(17)          # longer than the pause between two stores, with no line
                self.assertEqual(db.execute("PRAGMA data_version").fetchone(), before)
            self.assertEqual(agent.stop()[0], 0)


@unittest.skipUnless(installed("prometheus"), "no prometheus here (Debian: prometheus)")
class Scraped(Metrics):
    test_it_is_what_the_text_file_says_in_both_formats = None
    test_a_history_without_counters_tells_what_follows_from_it = None
    test_counters_that_somebody_else_wrote_are_bounded = None
    test_the_counters_are_stored_once_in_fifteen_seconds_and_only_if_they_changed = None

    def prometheus(self, target, **scrape):
        """Scrapes every half second. The shipped rules are as they are but for how long something must last, and how often it is looked at."""
        for rules in (RULES, ALERTS):
            text = re.sub(r"^( +for): .*$", r"\1: 1s", rules.read_text(), flags=re.MULTILINE)
            (self.home / rules.name).write_text(re.sub(r"^( +interval): .*$", r"\1: 1s", text, flags=re.MULTILINE))
        config = {"global": {"scrape_interval": "500ms", "evaluation_interval": "1s"}, "rule_files": [RULES.name, ALERTS.name],
                  "scrape_configs": [{"job_name": "agent", "scrape_timeout": "500ms", "static_configs": [{"targets": [target]}], **scrape}]}
        (self.home / "prometheus.yml").write_text(json.dumps(config))
        port = free_port()
        process = subprocess.Popen([installed("prometheus"), "--config.file", self.home / "prometheus.yml", "--storage.tsdb.path", self.home / "tsdb",
                                    "--web.listen-address", f"127.0.0.1:{port}", "--log.level", "error"], cwd=self.home,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return lambda path: self.asked(port, path)

    @staticmethod
    def asked(port, path):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=600) as answer:
            return json.load(answer)["data"]
        return {}

    def test_a_real_prometheus_scrapes_it_and_the_shipped_rules_fire(self):
        (self.home / "token").write_text("s3cret\n")
        (self.home / "token").chmod(0o600)
        with self.agent() as agent:
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at > 0", 1)
            server = self.serve_now(serve__token_file=self.home / "token")
            ask = self.prometheus(f"127.0.0.1:{server.port}", authorization={"credentials": "s3cret"})
            wait_until(lambda: [target["health"] for target in ask("targets").get("activeTargets", [])] == ["up"], 30,
                       lambda: str(ask("targets")))

            def firing():
                return {alert["labels"]["alertname"] for alert in ask("alerts").get("alerts", []) if alert["state"] == "firing"}

            for number in range(20):
                self.scheduler.say(f"something unheard of {number}")
            wait_until(lambda: "IcebergOffloadAgentDoesNotUnderstand" in firing(), 40, lambda: str(firing()))
            self.assertNotIn("IcebergOffloadAgentStopped", firing())
            self.scheduler.kill()
            wait_until(lambda: "IcebergOffloadSchedulerDown" in firing(), 40, lambda: str(firing()))
            agent.kill()
            wait_until(lambda: "IcebergOffloadAgentStopped" in firing(), 30, lambda: str(firing()))
            self.assertNotIn("IcebergOffloadAgentSilent", firing())


if __name__ == "__main__":
    unittest.main()
