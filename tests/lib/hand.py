# SPDX-License-Identifier: GPL-2.0-or-later
"""The scheduler's log written by hand: by this process, or by one that pours numbered lines into it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

TABLE = "bronze_trades_binance"

POUR = r"""
import os, signal, sys, time
path, rate, reopen = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "reopen"
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
def is_there():
    try:
        return os.stat(path).st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
file = open(path, "a", buffering=1, encoding="utf-8")
begun, count = time.monotonic(), 0
while not ended:
    if reopen and not is_there():     # as WatchedFileHandler does
        file.close()
        file = open(path, "a", buffering=1, encoding="utf-8")
    count += 1
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f",{int(now * 1000) % 1000:03d}"
    file.write(f"{stamp} - __main__ - INFO - ✓ Offload completed: bronze_trades_binance ({count} rows in 0.0s)\n")
    time.sleep(max(0, begun + count / rate - time.monotonic()))
print(count)
"""


def stamp(at):
    return at.strftime("%Y-%m-%d %H:%M:%S") + f",{at.microsecond // 1000:03d}"


def record(at, message, level="INFO"):
    return f"{stamp(at)} - __main__ - {level} - {message}\n"


def cycle(at, rows=200_000, wait_s=900):
    """A good cycle of one table at a local time, with the promise of the next, which the scheduler reckons in local time."""
    end = (at.astimezone(timezone.utc) + timedelta(milliseconds=20)).astimezone(at.tzinfo)
    return (record(at, "OFFLOAD CYCLE STARTED") + record(at, f"Starting offload: {TABLE} → cold.{TABLE}") +
            record(end, f"✓ Offload completed: {TABLE} ({rows:,} rows in 0.0s)") +
            record(end, "OFFLOAD CYCLE COMPLETED") + record(end, "Duration: 0.0s") +
            record(end, "Success: 1, Failed: 0, Timeout: 0") + record(end, f"Total rows offloaded: {rows:,}") +
            record(end, f"Next run scheduled at: {(end + timedelta(seconds=wait_s)).strftime('%Y-%m-%d %H:%M:%S')}") +
            record(end, f"Waiting {wait_s} seconds..."))


class Hand:
    """A writer that lives in the test: one descriptor, append mode, a clock that may be off by an offset or in another zone."""

    def __init__(self, log, zone=None):
        self.offset, self.zone = timedelta(0), zone
        self._file = open(log, "a", buffering=1, encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()

    def cycle(self, wait_s=900):
        """Returns the instant that its clock showed, Unix seconds."""
        at = datetime.now(timezone.utc) + self.offset
        self._file.write(cycle(at.astimezone(self.zone), wait_s=wait_s))
        return at.timestamp()


class Pour:
    """A process that writes numbered lines, each a completed run with its number for its rows."""

    def __init__(self, log, rate=1000, reopen=False):
        self.process = subprocess.Popen([sys.executable, "-S", "-c", POUR, str(log), str(rate),
                                         "reopen" if reopen else "stay"], stdout=subprocess.PIPE, text=True)

    def end(self):
        """Stops it; how many lines it wrote."""
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.communicate(timeout=600)[0])

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class MemoryWatch:
    """The most anonymous memory that a process had, in KiB, looked at every few milliseconds."""

    def __init__(self, pid):
        self.pid, self.most, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._over.wait(0.004):
            with contextlib.suppress(OSError, StopIteration), open(f"/proc/{self.pid}/status", encoding="ascii") as status:
                self.most = max(self.most, next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def is_root():
    return os.geteuid() == 0
