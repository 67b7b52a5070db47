#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ten years of cycles through the live agent, in minutes: memory and descriptors must stay what they were.

    soak.py AGENT [--cycles N] [--a-second N] [--json FILE]

The schedule is compressed: a cycle every few milliseconds, with the clock's own time stamps, so that the agent is live all along
(decides, commits, notifies). The log is rotated every week's worth of cycles, the writer reopening it; each month's worth has
failures, zero rows, a slow cycle and a restart. Judged: the resident memory of the last tenth against the first, and the
descriptors. Exits 1 if either grew.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulator.voice import CLICKHOUSE_REFUSED, Voice, stderr_of   # noqa: E402
from simulator.world import container_clock                        # noqa: E402

DAY, WEEK, MONTH = 96, 672, 2922           # cycles of the real schedule
TEN_YEARS = 120 * MONTH
TABLES = ("bronze_trades_binance", "bronze_trades_kraken")
SAMPLES = 400
GROWTH = 1.05
# Durations shrunk with the schedule, as far as the configuration goes.
SETTINGS = {"schedule.interval": "100ms", "schedule.table_timeout": "20s", "schedule.late_warning": "20s",
            "schedule.late_critical": "30s", "detect.burst": "100ms", "detect.lag_warning": "20s", "detect.lag_critical": "30s",
            "detect.cycle_slow": "150ms", "detect.cycle_too_slow": "10s", "notify.reminder": "0"}


class Clock:
    """The host's, as logging shows it."""

    @staticmethod
    def stamp():
        now = datetime.now()
        return f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d}"

    @staticmethod
    def isoformat():
        return datetime.now().isoformat()


class Writer:
    """The scheduler: one write a record."""

    def __init__(self, path):
        self.path = path
        self.log = self.open()
        self.voice = Voice(lambda text: os.write(self.log, text.encode()), Clock, 15, len(TABLES))
        self.written = 0

    def open(self):
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def rotate(self):
        """As logrotate with two kept, and a handler that notices."""
        if os.path.exists(f"{self.path}.1"):
            os.replace(f"{self.path}.1", f"{self.path}.2")
        os.rename(self.path, f"{self.path}.1")
        fresh = self.open()
        self.written += os.fstat(self.log).st_size
        os.close(self.log)
        self.log = fresh

    def cycle(self, number):
        voice, month = self.voice, number % MONTH
        if month == 0:
            voice.started()
        begun = time.monotonic()
        voice.cycle_started(len(TABLES))
        failed = month in (1000, 1001, 1002)
        for table in TABLES:
            voice.run_started(table)
            if failed:
                voice.run_failed(table, *stderr_of(CLICKHOUSE_REFUSED, container_clock(0), table), 1.0)
            else:
                voice.run_completed(table, 0 if 2000 <= month < 2010 else 150_000 + number % 5000, 6.0)
        if month == 1500:
            time.sleep(0.2)
        voice.cycle_completed(time.monotonic() - begun, 0 if failed else 2, 2 if failed else 0, 0, 300_000)
        voice.next_run(datetime.now(), 0)
        if month == MONTH - 1:
            voice.signal()
            voice.stopped()


def sample(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def start(agent, directory):
    command = [agent, "run", "--log", directory / "log", "--db", directory / "history.db"]
    for key, value in SETTINGS.items():
        command += ["--set", f"{key}={value}"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(directory / "pages", "wb"),
                            stderr=open(directory / "errors", "wb"))


def wait_for_cycles(directory, count):
    """Until the agent has stored as many cycles; what it stored."""
    import sqlite3
    end = time.monotonic() + 60
    stored = 0
    while stored < count and time.monotonic() < end:
        time.sleep(0.2)
        with sqlite3.connect(f"file:{directory}/history.db?mode=ro", uri=True, timeout=5) as history:
            stored = history.execute("SELECT count(*) FROM cycle").fetchone()[0]
    return stored


def soak(agent, directory, cycles, rate):
    """Returns the samples, and what the history holds in the end."""
    writer = Writer(str(directory / "log"))
    process = start(agent, directory)
    samples, begun = [], time.monotonic()
    for number in range(cycles):
        writer.cycle(number)
        if number % WEEK == WEEK - 1:
            writer.rotate()
        if number % max(1, cycles // SAMPLES) == 0 and number:
            samples.append(sample(process.pid))
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    stored = wait_for_cycles(directory, cycles)
    spent = os.times()
    process.terminate()
    code = process.wait(20)
    after = os.times()
    cpu = after.children_user + after.children_system - spent.children_user - spent.children_system
    return samples, {"cycles": cycles, "stored": stored, "exit": code, "seconds": round(time.monotonic() - begun),
                     "cpu_ms_per_cycle": round(cpu / cycles * 1000, 3), "log_mb": round(writer.written / 1e6),
                     "rotations": cycles // WEEK, "notifications": (directory / "pages").read_text().count("\n"),
                     "lines_said": (directory / "errors").read_text().count("\n")}


def judge(samples, facts):
    tenth = max(1, len(samples) // 10)
    first, last = samples[:tenth], samples[-tenth:]
    facts["resident_kb"] = [round(statistics.median(s[0] for s in part)) for part in (first, last)]
    facts["descriptors"] = [statistics.median(s[1] for s in part) for part in (first, last)]   # one more for a moment at a rotation
    flat = facts["resident_kb"][1] <= facts["resident_kb"][0] * GROWTH
    closed = facts["descriptors"][1] <= facts["descriptors"][0]
    whole = facts["stored"] == facts["cycles"] and facts["exit"] == 0
    facts["met"] = flat and closed and whole
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent")
    parser.add_argument("--cycles", type=int, default=TEN_YEARS)
    parser.add_argument("--a-second", type=float, default=300)
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak.") as name:
        facts = judge(*soak(args.agent, Path(name), args.cycles, args.a_second))
    text = json.dumps(facts, indent=1)
    print(text)
    if args.json:
        Path(args.json).write_text(text + "\n")
    return 0 if facts["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
