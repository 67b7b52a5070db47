# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent: how soon it decides and pages, and what it costs while nothing happens."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from lib.receiver import Receiver                # noqa: E402
from soak import Clock                           # noqa: E402
from simulator.voice import Voice                # noqa: E402

TABLE = "bronze_trades_kraken"
COMMITS, PAGES = 1000, 200
# One failure fires, one success resolves; the hour of the six notifications becomes four intervals.
EAGER = {"schedule.interval": "100ms", "detect.failures_warning": "1", "detect.failures_critical": "1000000",
         "notify.escalation": "30d", "detect.lag_warning": "1d", "detect.lag_critical": "2d", "detect.flapping_per_day": "31",
         "schedule.late_warning": "1d", "schedule.late_critical": "2d"}


@contextmanager
def running(agent, directory, settings=(), database=None):
    """`agent run`, ready, on an empty log that this process writes: (process, voice, database, seconds to ready)."""
    log = os.open(directory / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    database = database or directory / "history.db"
    command = [agent, "run", "--log", directory / "log", "--db", database]
    for key, value in dict(settings).items():
        command += ["--set", f"{key}={value}"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        path = str(directory / "ready")
        Path(path).unlink(missing_ok=True)
        ready.bind(path)
        ready.settimeout(20)
        begun = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, "NOTIFY_SOCKET": path})
        while b"READY=1" not in ready.recv(4096):
            pass
        seconds = time.monotonic() - begun
        try:
            yield process, Voice(lambda text: os.write(log, text.encode()), Clock), database, seconds
        finally:
            process.terminate()
            process.wait(20)
            os.close(log)


def commit_latencies(voice, database):
    """From a line's write until another connection sees what was committed for it."""
    history = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    version = history.execute("PRAGMA data_version").fetchone
    seen = version()[0]
    took = []
    lines = ((voice.cycle_started, 1), (voice.run_started, TABLE), (voice.run_completed, TABLE, 100, 1.0),
             (voice.cycle_completed, 1.0, 1, 0, 0, 100))
    for turn in range(COMMITS):
        say, *words = lines[turn % len(lines)]
        begun = time.monotonic()
        say(*words)
        now = history.execute("PRAGMA data_version").fetchone()[0]
        while now == seen and time.monotonic() - begun < 10:
            now = history.execute("PRAGMA data_version").fetchone()[0]
        took.append(time.monotonic() - begun)
        time.sleep(0.003)                        # a message of several lines may be several commits
        seen = history.execute("PRAGMA data_version").fetchone()[0]
    history.close()
    return took


def page_latencies(voice, receiver):
    """From the line that decides until the receiver has the request."""
    took = []

    for turn in range(PAGES):
        before = len(receiver.at("/hook"))
        voice.run_started(TABLE)
        time.sleep(0.002)
        begun = time.monotonic()
        if turn % 2 == 0:
            voice.say(f"✗ Offload failed: {TABLE}", "ERROR")
        else:
            voice.run_completed(TABLE, 100, 1.0)
        end = time.monotonic() + 10
        while len(receiver.at("/hook")) == before:
            if time.monotonic() > end:
                raise SystemExit("bench: a page did not arrive")
            time.sleep(0.0005)
        took.append(receiver.at("/hook")[before].monotonic - begun)
        time.sleep(0.12)                         # room for the next one within the limit of notifications
    return took


def in_ms(took):
    return {"p50_ms": measure.percentile(took, 0.5) * 1e3, "p99_ms": measure.percentile(took, 0.99) * 1e3}


def latencies(agent):
    found = {}
    for case, hooks in (("page", ("/hook",)), ("page, another receiver hangs", ("/hook", "/deaf"))):
        with tempfile.TemporaryDirectory(prefix="bench.") as name, Receiver() as receiver:
            receiver.plan("/deaf", "never")
            settings = {**EAGER, **{f"webhook {hook[1:]}.url": receiver.url(hook) for hook in hooks}}
            with running(agent, Path(name), settings) as (_, voice, database, _):
                voice.started()
                time.sleep(0.3)
                if case == "page":
                    found["commit"] = in_ms(commit_latencies(voice, database))
                found[case] = in_ms(page_latencies(voice, receiver))
                receiver.release()
    return found


def idle(agent, seconds):
    with tempfile.TemporaryDirectory(prefix="bench.") as name, Receiver() as receiver:
        settings = {"webhook test.url": receiver.url("/hook")}
        with running(agent, Path(name), settings) as (process, voice, _, _):
            voice.started()
            voice.cycle_started(1)
            voice.run_started(TABLE)
            voice.run_completed(TABLE, 100, 1.0)
            voice.cycle_completed(1.0, 1, 0, 0, 100)
            time.sleep(2)
            cpu, woken = measure.cpu_s(process.pid), measure.wakeups(process.pid)
            time.sleep(seconds)
            anonymous, resident = measure.memory_kb(process.pid)
            return {"seconds": seconds, "cpu_ms": (measure.cpu_s(process.pid) - cpu) * 1e3,
                    "wakeups_a_minute": (measure.wakeups(process.pid) - woken) / seconds * 60, "anonymous_kb": anonymous,
                    "resident_kb": resident}
