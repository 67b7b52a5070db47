# SPDX-License-Identifier: GPL-2.0-or-later
"""Foreign text by the hundred megabytes and hostile servers, beside a table that really fails: its page comes, memory stays small, and the
service manager hears from the loop all the while.

GARBAGE_LINES and LONG_LINE_MB in the environment ask for other sizes (1,000,000 and 100 are the promise)."""

import os
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent                             # noqa: E402
from components import Port                         # noqa: E402
from hand import TABLE, MemoryWatch, cycle, record   # noqa: E402
from manager import Manager                         # noqa: E402
from receiver import Receiver, pages                # noqa: E402

TIMEOUT_S = 300
GARBAGE_LINES = int(os.environ.get("GARBAGE_LINES", "1000000"))
LONG_LINE_MB = int(os.environ.get("LONG_LINE_MB", "100"))
MEMORY_KIB = 16 * 1024
# The agent answers at half of WatchdogSec. On a machine with a load of its own the page may take longer than the two seconds that are meant.
WATCHDOG_S, SILENCE_S, PAGE_S = 4, 5, 10


def garbage(count):
    """Blocks of a thousand lines of all kinds, which together are as many."""
    dice = random.Random(1)
    at = datetime.now()
    kinds = [
        lambda: dice.randbytes(80).replace(b"\n", b" "),
        lambda: b"=" * 80,
        lambda: record(at, "a message that no pattern knows")[:-1].encode(),
        lambda: record(at - timedelta(days=dice.randrange(9999)), "OFFLOAD CYCLE STARTED")[:-1].encode(),
        lambda: record(at + timedelta(days=dice.randrange(9999)), f"✗ Offload failed: {TABLE}")[:-1].encode(),
        lambda: b"-eyJ" * dice.randrange(20),
        lambda: b"password=" + b"x" * dice.randrange(100),
        lambda: b"\tat org.apache.spark.scheduler.Task.run(Task.scala:141)",
        lambda: "→ ✗ 💥 ".encode() * 10,
        lambda: b"\x1b[2J\x00\xff\xfe" * 20,
    ]
    block = b"\n".join(dice.choice(kinds)() for _ in range(1000)) + b"\n"
    long = b"-eyJ" * 20000 + b"\n" + b"://" * 20000 + b"\n"
    for number in range(count // 1000):
        yield block + (long if number % 50 == 0 else b"")


class Load(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-load-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.file = self.enterContext(open(self.log, "ab", buffering=0))
        self.receiver = self.enterContext(Receiver())
        self.manager = Manager(self.directory / "notify")
        self.addCleanup(self.manager.socket.close)
        environment = mock.patch.dict(os.environ, {"NOTIFY_SOCKET": self.manager.path, "WATCHDOG_USEC": str(WATCHDOG_S * 1000000)})
        environment.start()
        self.addCleanup(environment.stop)
        self.settings = {"notify.reminder": "0", "detect.burst": "100ms"}

    def fail(self):
        at = datetime.now()
        self.file.write((record(at, "OFFLOAD CYCLE STARTED") + record(at, f"✗ Offload failed: {TABLE}", "ERROR") +
                         record(at, "OFFLOAD CYCLE COMPLETED")).encode())

    def page(self, disturb):
        """What comes of two failures while `disturb` does its work: seconds until the page, the longest silence, and memory."""
        with Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"), self.settings) as agent:
            self.file.write(cycle(datetime.now()).encode())
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            since = time.monotonic()
            with MemoryWatch(agent.process.pid) as memory:
                disturb(agent)
                self.fail()
                time.sleep(0.2)
                disturb(agent)
                begun = time.monotonic()
                self.fail()
                self.receiver.wait(1, timeout=60, path="/hook")
                seconds = promise.since(begun)
            self.assertEqual(pages(self.receiver.at("/hook"))[0][0], "IcebergOffloadConsecutiveFailures")
            silence = self.manager.longest_silence(since)
            self.assertLess(memory.most, MEMORY_KIB)
            self.assertLess(silence, SILENCE_S)
            self.assertLess(seconds, PAGE_S)
            return f"the page within {seconds:.1f} s, the loop heard of at least every {silence:.1f} s, own memory {memory.most} KiB"

    def test_a_million_lines_of_garbage(self):
        lines = iter(garbage(GARBAGE_LINES))

        def pour(_):
            for _ in range(GARBAGE_LINES // 2000):
                self.file.write(next(lines))
        print(f"# held: {GARBAGE_LINES} lines of garbage: {self.page(pour)}")

    def test_garbage_that_does_not_end_beside_it(self):
        """Another process writes it while the failures come."""
        over = threading.Event()

        def write():
            with open(self.log, "ab", buffering=0) as file:
                while not over.is_set():
                    for block in garbage(50000):
                        file.write(block)
                        if over.wait(0.01):
                            return
        writer = threading.Thread(target=write)
        self.addCleanup(writer.join)
        self.addCleanup(over.set)
        writer.start()
        print(f"# held: garbage all the time: {self.page(lambda _: time.sleep(1))}")

    def test_a_line_without_an_end(self):
        def pour(_):
            for _ in range(LONG_LINE_MB // 2):
                self.file.write(b"x" * (1 << 20))
            self.file.write(b"\n")
        print(f"# held: lines of {LONG_LINE_MB // 2} MB: {self.page(pour)}")

    def test_servers_that_do_not_answer_as_they_should(self):
        endless = Port(b"HTTP/1.1 200 OK\r\n\r\n" + b"offload_lag_minutes{table=\"x\"} 1\n" * 2000000)
        heads = Port(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 2000000)
        head = Port(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000000)
        silent, rude = Port(), Port(b"\x00" * 1000000)
        for port in (endless, heads, head, silent, rude):
            self.addCleanup(port.close)
        self.settings["metrics.url"] = f"http://127.0.0.1:{endless.number}/metrics"
        for name, port in {"heads": heads, "head": head, "silent": silent, "rude": rude}.items():
            self.settings[f"probe {name}.url"] = f"http://127.0.0.1:{port.number}/"
        # The first failure opens a warning where the probes are asked; they are asked on while it is open.
        print(f"# held: five hostile servers: {self.page(lambda _: None)}")


if __name__ == "__main__":
    unittest.main()
