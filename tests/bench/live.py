# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent: how soon it decides and pages, and what it costs while nothing happens."""

import json
import os
import queue
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from lib.receiver import Receiver                # noqa: E402
from lib.scheduler import WallClock              # noqa: E402
from lib.warehouse import ClickHouse, Warehouse  # noqa: E402
from simulator.voice import Voice                # noqa: E402

TABLE = "bronze_trades_kraken"
LIVES, PAGES = 5, 60
READY_MOST_S = 300
PAUSE_S = 0.2                    # six notifications in "an hour", here four intervals (0.4 s), would make the next one wait: they never come so fast
# One failure fires, one success resolves.
EAGER = {"schedule.interval": "100ms", "detect.failures_warning": "1", "detect.failures_critical": "1000000",
         "notify.escalation": "30d", "detect.lag_warning": "1d", "detect.lag_critical": "2d", "detect.flapping_per_day": "31", "detect.flapping_opens": "1000",
         "schedule.late_warning": "1d", "schedule.late_critical": "2d"}


class Ear:
    """A receiver that is all ears: it notes when a request is complete, and its body. The rest of a server's work is not the agent's."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._heard = queue.SimpleQueue()
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _listen(self):
        connection, _ = self._listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while head := self._take(connection):
                arrived, body = head
                self._heard.put((arrived, body))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    @staticmethod
    def _take(connection):
        data = b""
        while chunk := connection.recv(65536):
            arrived = time.monotonic()
            data += chunk
            head, _, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
            if length and len(body) >= int(length[1]):
                return arrived, body
        return None

    def next(self):
        return self._heard.get(timeout=10)

    def drop(self):
        """What came besides."""
        while not self._heard.empty():
            self._heard.get()


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
        ready.settimeout(READY_MOST_S)
        begun = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ, "NOTIFY_SOCKET": path})
        while b"READY=1" not in ready.recv(4096):
            pass
        seconds = time.monotonic() - begun
        try:
            yield process, Voice(lambda text: os.write(log, text.encode()), WallClock), database, seconds
        finally:
            process.terminate()
            process.wait(READY_MOST_S)
            os.close(log)


@contextmanager
def kept_apart(process):
    """Whoever looks without a pause has a processor of its own: the agent must not wait until it gives one up."""
    ours = os.sched_getaffinity(0)
    one = {min(ours)}
    os.sched_setaffinity(process.pid, ours - one or ours)
    os.sched_setaffinity(0, one)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def commit_latencies(voice, database):
    """From the write of a line that decides something until another connection, which looks all the time, sees its incident open or end.
    Lines that nobody waits for are committed together, later."""
    history = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
    took = []
    for turn in range(PAGES):
        fails = turn % 2 == 0
        state = ("open",) if fails else ("resolved",)
        voice.cycle_started(1)
        voice.run_started(TABLE)
        time.sleep(0.005)
        begun = time.monotonic()
        if fails:
            voice.say(f"✗ Offload failed: {TABLE}", "ERROR")
        else:
            voice.run_completed(TABLE, 100, 1.0)
        while history.execute("SELECT state FROM incident ORDER BY id DESC LIMIT 1").fetchall() != [state]:
            if time.monotonic() - begun > 10:
                raise SystemExit("bench: a line that decides was not committed")
        took.append(time.monotonic() - begun)
        voice.cycle_completed(1.0, *((0, 1) if fails else (1, 0)), 0, 100)
        if not fails:
            good_cycles(voice)
        time.sleep(PAUSE_S)
    history.close()
    return took


def good_cycles(voice):
    """Three of them: an incident that is over is forgotten."""
    for _ in range(3):
        voice.cycle_started(1)
        voice.run_started(TABLE)
        voice.run_completed(TABLE, 100, 1.0)
        voice.cycle_completed(1.0, 1, 0, 0, 100)


def page_latencies(voice, ear):
    """From the line that decides until the receiver has the request: a failure, its end, and the next one."""
    took = []
    for turn in range(PAGES):
        fails = turn % 2 == 0
        voice.cycle_started(1)
        voice.run_started(TABLE)
        time.sleep(0.005)
        begun = time.monotonic()
        if fails:
            voice.say(f"✗ Offload failed: {TABLE}", "ERROR")
        else:
            voice.run_completed(TABLE, 100, 1.0)
        arrived, body = ear.next()
        if json.loads(body)["status"] != ("firing" if fails else "resolved"):
            raise SystemExit("bench: another notification came first")
        took.append(arrived - begun)
        voice.cycle_completed(1.0, *((0, 1) if fails else (1, 0)), 0, 100)
        if not fails:
            good_cycles(voice)
        time.sleep(PAUSE_S)
        ear.drop()
    return took


def in_ms(took):
    return {"p50_ms": measure.percentile(took, 0.5) * 1e3, "p99_ms": measure.percentile(took, 0.99) * 1e3}


def page_latencies_of(agent, hangs):
    took = []
    for _ in range(LIVES):
        with tempfile.TemporaryDirectory(prefix="bench.") as name, Ear() as ear, socket.create_server(("127.0.0.1", 0)) as deaf:
            settings = {**EAGER, "webhook ear.url": f"http://127.0.0.1:{ear.port}/"}
            if hangs:                            # it takes connections, since the kernel does, and reads nothing
                settings["webhook deaf.url"] = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
            with running(agent, Path(name), settings) as (_, voice, _, _):
                voice.started()
                time.sleep(0.3)
                took += page_latencies(voice, ear)
    return took


def all_witnesses(directory, url):
    """Settings for every witness that is asked over HTTP, at this address, and for a warehouse in which there is the table."""
    Warehouse(directory / "warehouse").commit(f"cold.{TABLE}", 1000)
    return {"iceberg.warehouse": directory / "warehouse", "iceberg.table": "cold.{table}", "source.url": url, "metrics.url": url,
            "probe clickhouse.url": url, "probe spark.url": url}


def commit_latencies_of(agent, witnessed):
    """With every witness hanging, or with none."""
    with tempfile.TemporaryDirectory(prefix="bench.") as name, socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = all_witnesses(Path(name), f"http://127.0.0.1:{deaf.getsockname()[1]}/") if witnessed else {}
        settings.update(EAGER)
        with running(agent, Path(name), settings) as (process, voice, database, _):
            voice.started()
            time.sleep(0.3)
            with kept_apart(process):
                return commit_latencies(voice, database)


def latencies(agent):
    commit, witnessed = [], []
    for _ in range(LIVES):                       # in turns, so that what else the machine does falls on both
        commit += commit_latencies_of(agent, False)
        witnessed += commit_latencies_of(agent, True)
    return {"commit": in_ms(commit), "commit, all witnesses hang": in_ms(witnessed), "page": in_ms(page_latencies_of(agent, False)),
            "page, another receiver hangs": in_ms(page_latencies_of(agent, True))}


@contextmanager
def idling(agent, directory, settings):
    """An agent that has seen a good cycle, and waits for the next one: its process."""
    with running(agent, directory, settings) as (process, voice, _, _):
        voice.started()
        good_cycles(voice)
        voice.next_run(datetime.now() + timedelta(seconds=3600), 3600)
        time.sleep(2)
        yield process


def idle_witnessed(agent, seconds):
    """Wake-ups a minute of two agents side by side, with all witnesses configured and with none."""
    with tempfile.TemporaryDirectory(prefix="bench.") as one, tempfile.TemporaryDirectory(prefix="bench.") as other:
        clickhouse = ClickHouse()
        with idling(agent, Path(one), {}) as bare, idling(agent, Path(other), all_witnesses(Path(other), clickhouse.url)) as full:
            before = [measure.wakeups(process.pid) for process in (bare, full)]
            time.sleep(seconds)
            counts = [measure.wakeups(process.pid) - count for process, count in zip((bare, full), before)]
        clickhouse.close()
    return {"seconds": seconds, "none": counts[0] / seconds * 60, "all": counts[1] / seconds * 60}


def idle(agent, seconds):
    with tempfile.TemporaryDirectory(prefix="bench.") as name, Receiver() as receiver:
        settings = {"webhook test.url": receiver.url("/hook")}
        with running(agent, Path(name), settings) as (process, voice, _, _):
            voice.started()
            voice.cycle_started(1)
            voice.run_started(TABLE)
            voice.run_completed(TABLE, 100, 1.0)
            voice.cycle_completed(1.0, 1, 0, 0, 100)
            # Not at the next quarter of an hour: that would be an incident, and nobody idle.
            voice.next_run(datetime.now() + timedelta(seconds=seconds + 900), seconds + 900)
            time.sleep(2)
            cpu, woken = measure.cpu_s(process.pid), measure.wakeups(process.pid)
            time.sleep(seconds)
            anonymous, resident = measure.memory_kb(process.pid)
            return {"seconds": seconds, "cpu_ms": (measure.cpu_s(process.pid) - cpu) * 1e3,
                    "wakeups_a_minute": (measure.wakeups(process.pid) - woken) / seconds * 60, "anonymous_kb": anonymous,
                    "resident_kb": resident}
