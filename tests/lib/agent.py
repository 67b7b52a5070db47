# SPDX-License-Identifier: GPL-2.0-or-later
"""The built agent in a test's hand: started, stopped, killed, and its history read."""

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

BINARY = os.environ.get("AGENT", str(Path(__file__).resolve().parents[2] / "build" / "agent"))

# One cycle a second instead of every quarter of an hour.
QUICK = {
    "schedule.interval": "1s", "schedule.table_timeout": "8s", "schedule.late_warning": "700ms",
    "schedule.late_critical": "2s", "schedule.restart_grace": "1500ms", "schedule.stop_grace": "700ms", "schedule.hang_grace": "1s",
    "detect.cycle_slow": "1500ms", "detect.cycle_too_slow": "4s", "detect.lag_warning": "3s",
    "detect.lag_critical": "5s", "detect.burst": "100ms", "notify.reminder": "0",
}


def has_sanitizer():
    """Whether it was built for one, whose run-time has a memory and system calls of its own."""
    return re.search(rb"__[at]san_init", Path(BINARY).read_bytes()) is not None


def need_instrument(test, program):
    """Of a test that runs the agent under this program; a sanitizer's run-time and it exclude each other."""
    if not shutil.which(program):
        test.skipTest(f"{program} is not installed")
    if has_sanitizer():
        test.skipTest(f"built for a sanitizer, which {program} excludes")


def run(*arguments, **options):
    """A command that ends by itself."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=fair.ENDS_S, check=False, **options)


class Agent:
    """`agent run` over a log and a database; settings are section.key -> value."""

    def __init__(self, log, database, webhook=None, settings=None):
        self.database = Path(database)
        self.errors = self.database.with_suffix(".stderr")
        self.output = self.database.with_suffix(".stdout")
        chosen = {**(QUICK if settings is None else settings)}
        if webhook:
            chosen["webhook test.url"] = webhook
        self.command = [BINARY, "run", "--log", str(log), "--db", str(database)]
        for key, value in chosen.items():
            self.command += ["--set", f"{key}={value}"]
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            self.end()
        except AssertionError:
            if kind is None:      # else the test has failed already, and its reason is the better one
                raise

    def start(self, environment=None):
        with open(self.errors, "ab") as errors, open(self.output, "ab") as output:
            self.process = subprocess.Popen(self.command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(environment or {})})
        return self

    def kill(self):
        self.process.kill()
        fair.wait(self.process, 10)

    def end(self):
        """If it still runs: a planned end, in which a sanitizer looks for leaks and coverage is written. An end that nobody has seen
        yet (stop, kill, or a look at the process) was not planned, and is an error like a bad exit status."""
        if not self.process or self.process.returncode is not None:
            return
        status = self.process.poll()
        if status is not None:
            raise AssertionError(f"it ended by itself: exit {status}; the agent said: {self.said()}")
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)
        try:
            status = fair.wait(self.process, 10)
        finally:
            self.process.kill()
        if status not in (0, -signal.SIGTERM):     # it had only just begun, and did not listen yet
            raise AssertionError(f"its end: exit {status}; the agent said: {self.said()}")

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status and the fair seconds that it took."""
        left = fair.Left(10)
        self.process.send_signal(number)
        return fair.wait(self.process, 10), 10 - left.pass_time()

    def said(self):
        return self.errors.read_text(encoding="utf-8", errors="replace")

    def printed(self):
        return self.output.read_text(encoding="utf-8")

    def rows(self, query, *values):
        """What the history says now; nothing while there is none yet."""
        try:
            connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)
            with contextlib.closing(connection) as database:
                return database.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def wait_for(self, query, wanted, timeout=10):
        """Until a query's only value is what is wanted; fair seconds."""
        left = fair.Left(timeout)
        while not left.over():
            got = self.rows(query)
            if got and got[0][0] == wanted:
                return
            time.sleep(0.02)
        raise AssertionError(f"{query}: {self.rows(query)}, not {wanted}; the agent said: {self.said()}")


def wait_until(condition, timeout=10, what="it did not happen"):
    """Fair seconds. `what` is said if it did not; a function is asked then, since what is known at the beginning is old."""
    left = fair.Left(timeout)
    while not left.over():
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(what() if callable(what) else what)
