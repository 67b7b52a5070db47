#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A day at the offload pipeline in under a minute: the agent watches a scheduler whose cycles come every second.

    tests/demo.py build/agent

A table fails, a cycle is slow, a watermark stalls in silence, the scheduler is killed: each page is shown as it
arrives at a webhook, with the time since the log line (or the death) that caused it. Fails if one of the four is missing.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from scheduler import Scheduler   # noqa: E402

TABLE = "bronze_trades_kraken"
HEALTHY_CYCLES = 20
COLOURS = {"critical": "31;1", "warning": "33", "resolved": "32", "story": "36", "quiet": "2"}

CONFIG = """\
# A day's schedule in seconds: one cycle a second instead of every quarter of an hour.
[log]
path = {log}

[history]
db = {db}

[schedule]
interval = 1s
table_timeout = 8s
late_warning = 700ms
late_critical = 2s
restart_grace = 1500ms
hang_grace = 1s

[detect]
cycle_slow = 1500ms
cycle_too_slow = 4s
lag_warning = 3s
lag_critical = 5s
burst = 100ms

[notify]
reminder = 0

[webhook demo]
url = http://127.0.0.1:{port}/page
format = generic
"""

# What in the log causes what: the newest such record before a page is taken for its cause.
CAUSES = {
    "IcebergOffloadConsecutiveFailures": "✗ Offload failed",
    "IcebergOffloadCycleSlow": "OFFLOAD CYCLE STARTED",
    "IcebergOffloadCycleTooSlow": "OFFLOAD CYCLE STARTED",
    "IcebergOffloadWatermarkStale": "(0 rows in",
}


def say(kind, text):
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        text = f"\033[{COLOURS[kind]}m{text}\033[0m"
    print(text, flush=True)


class Receiver:
    """A webhook's far end: keeps every alert that arrives, with its time."""

    def __init__(self, on_page):
        self.pages = []                 # (time, status, alert, page)
        self.news = threading.Condition()
        self.on_page = on_page
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                at = time.time()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                for page in body.get("alerts", [body]):
                    receiver.receive(at, page)

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, at, page):
        labels, notes = page.get("labels", {}), page.get("annotations", {})
        page = {**labels, **notes, **page}
        alert = page.get("alert") or labels.get("alertname", "?")
        with self.news:
            self.pages.append((at, page.get("status"), alert, page))
            self.on_page(at, page.get("status"), alert, page)
            self.news.notify_all()

    def wait_for(self, status, alerts, since, timeout):
        """Whether a page of one of these alerts arrives."""
        def found():
            return any(at >= since and s == status and a in alerts for at, s, a, _ in self.pages)
        with self.news:
            return self.news.wait_for(found, timeout)


class Demo:
    def __init__(self, agent, directory):
        self.agent_path = agent
        self.log = directory / "iceberg-offload-scheduler.log"
        self.config = directory / "agent.conf"
        self.scheduler = None
        self.died_at = 0.0
        self.begun = time.time()
        self.missed = []
        self.receiver = Receiver(self.show)
        self.config.touch(0o600)
        self.config.write_text(CONFIG.format(log=self.log, db=directory / "history.db", port=self.receiver.port))

    def clock(self):
        return f"{time.time() - self.begun:5.1f} s"

    def story(self, text):
        say("story", f"\n{self.clock()}  {text}")

    def cause_of(self, at, status, alert):
        """(time, in words) of what a page answers to."""
        text = CAUSES.get(alert, "OFFLOAD CYCLE STARTED") if status != "resolved" else "OFFLOAD CYCLE COMPLETED"
        if status == "resolved" and alert in ("IcebergOffloadConsecutiveFailures", "IcebergOffloadWatermarkStale"):
            text = f"✓ Offload completed: {TABLE}"
        if status != "resolved" and alert == "IcebergOffloadSchedulerDown":
            return self.died_at, "the scheduler's death"
        hits = [t for t, line in list(self.scheduler.lines) if text in line and t <= at]
        return (hits[-1], f"“{text}”") if hits else (None, "")

    def show(self, at, status, alert, page):
        severity = page.get("severity", "")
        cause_at, words = self.cause_of(at, status, alert)
        since = f"{at - cause_at:.3f} s after {words}" if cause_at else ""
        kind = "resolved" if status == "resolved" else severity if severity in COLOURS else "warning"
        say(kind, f"{self.clock()}  ▶ {str(status).upper()} {severity} {alert}")
        say("quiet", f"           {page.get('summary', '')}")
        say("quiet", f"           {since}")

    def expect(self, status, alerts, since, timeout=12):
        if self.receiver.wait_for(status, alerts, since, timeout):
            return True
        self.missed.append(f"{status} {alerts[0]}")
        say("critical", f"{self.clock()}  ✗ no {status} {alerts[0]} within {timeout} s")
        return False

    def agent(self, *arguments):
        return [self.agent_path, *arguments, "--config", str(self.config)]

    def chapter(self, title, script, alerts):
        """One trouble and its end."""
        self.story(title)
        since = time.time()
        self.scheduler.do(script)
        if self.expect("firing", alerts, since):
            self.expect("resolved", alerts, since)

    def play(self):
        self.story(f"The scheduler starts: a cycle every second, {HEALTHY_CYCLES} of them in good health.")
        self.scheduler = Scheduler(self.log, interval=1.0)
        watch = subprocess.Popen(self.agent("run"), stdout=subprocess.DEVNULL)
        try:
            for cycles in range(5, HEALTHY_CYCLES + 1, 5):
                self.scheduler.wait_for("OFFLOAD CYCLE COMPLETED", count=cycles, timeout=HEALTHY_CYCLES + 10)
                say("quiet", f"{self.clock()}  {cycles} cycles, and nobody is told anything")
            if self.receiver.pages:
                self.missed.append("silence in good health")
            self.chapter(f"{TABLE} fails, three times in a row.", f"fail {TABLE} 3, healthy 1",
                         ["IcebergOffloadConsecutiveFailures"])
            self.chapter("A cycle takes 2.5 s: the page comes while it still runs.", "slow 2.5 1, healthy 1",
                         ["IcebergOffloadCycleSlow", "IcebergOffloadCycleTooSlow"])
            self.chapter(f"{TABLE} moves 0 rows, “successfully”.", f"zero {TABLE} 6, healthy 1",
                         ["IcebergOffloadWatermarkStale"])
            self.death()
        finally:
            watch.terminate()
            try:
                watch.wait(10)
            except subprocess.TimeoutExpired:
                watch.kill()
            self.scheduler.kill()

    def death(self):
        self.story("kill -9: the scheduler dies without a word.")
        alerts = ["IcebergOffloadSchedulerDown"]
        since = self.died_at = time.time()
        self.scheduler.kill()
        fired = self.expect("firing", alerts, since)
        time.sleep(max(0.0, self.died_at + 2.5 - time.time()))      # past the grace of a restart: critical
        self.story("The scheduler is started again.")
        since = time.time()
        self.scheduler = Scheduler(self.log, interval=1.0)
        if fired:
            self.expect("resolved", alerts, since)
        self.scheduler.wait_for("OFFLOAD CYCLE COMPLETED", count=4)     # three more good cycles verify the recovery

    def look_back(self):
        for words in (("incidents",), ("report",)):
            self.story("agent " + " ".join(words))
            if subprocess.run(self.agent(*words), check=False).returncode != 0:
                self.missed.append("agent " + " ".join(words))


def main():
    if len(sys.argv) != 2:
        print("usage: demo.py AGENT", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="agent-demo-") as directory:
        demo = Demo(os.path.abspath(sys.argv[1]), Path(directory))
        demo.play()
        demo.look_back()
        if demo.missed:
            say("critical", "\nmissing: " + ", ".join(demo.missed))
            return 1
        say("resolved", f"\nFour troubles, each paged and resolved, in {time.time() - demo.begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
