# SPDX-License-Identifier: GPL-2.0-or-later
"""Three users in one directory like /tmp: the scheduler, the agent, and a stranger who puts files beside the log. Needs root.

Each test has a table that really fails, whose third failure must be paged whatever lies beside the log. CROWD_FILES, BOMB_GB and
GARBAGE_LINES in the environment ask for other sizes (300000, 30 and 1000000 are the promise); a promised size is also held to
the promised time of 2 s.
"""

import contextlib
import gzip
import multiprocessing
import os
import random
import shutil
import socket
import stat
import sys
import tempfile
import threading
import time
import unittest
import zlib
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import BINARY, Agent, wait_until          # noqa: E402
from hand import TABLE, Hand, MemoryWatch, is_root, record   # noqa: E402

TIMEOUT_S = 600
CROWD_FILES = int(os.environ.get("CROWD_FILES", "20000"))
BOMB_GB = int(os.environ.get("BOMB_GB", "4"))
GARBAGE_LINES = int(os.environ.get("GARBAGE_LINES", "200000"))
PROMISED_S = 2
MEMORY_KIB = 16 * 1024
SILENCE_S = 5
SCHEDULER, STRANGER, SERVICE = 2, 3, 65533
ORDINARY = {"notify.reminder": "0", "detect.burst": "100ms"}
FAILED = "SELECT count(*) FROM run WHERE outcome = 'failed'"
PAGED = "SELECT count(*) > 0 FROM notification WHERE severity = 'critical' AND alert = 'IcebergOffloadConsecutiveFailures'"


def failure():
    at = datetime.now()
    return (record(at, "OFFLOAD CYCLE STARTED") + record(at, f"Starting offload: {TABLE} → cold.{TABLE}") +
            record(at, f"✗ Offload failed: {TABLE}", "ERROR"))


class Watchdog:
    """systemd's end of the socket: the longest silence of the agent, in fair seconds."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        os.chmod(path, 0o777)
        self.socket.settimeout(0.1)
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "4000000"}
        self.longest, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self):
        last = time.monotonic()
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                self.socket.recv(4096)
                self.longest, last = max(self.longest, promise.since(last)), time.monotonic()
        self.longest = max(self.longest, promise.since(last))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.socket.close()


class UserAgent(Agent):
    """The agent as a user of its own, who owns neither the log nor the files beside it."""

    def __init__(self, binary, log, database, settings):
        super().__init__(log, database, None, settings)
        self.command = ["setpriv", f"--reuid={SERVICE}", f"--regid={SERVICE}", "--clear-groups", binary, *self.command[1:]]


@unittest.skipUnless(is_root() and shutil.which("setpriv"), "needs root and setpriv, to be several users")
class Strangers(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-strangers-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o755)
        self.shared, self.own = self.directory / "tmp", self.directory / "own"
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        self.own.mkdir()
        os.chown(self.own, SERVICE, SERVICE)
        binary = self.directory / "agent"     # where every user may run it
        shutil.copy(BINARY, binary)
        self.log = self.shared / "scheduler.log"
        self.agent = UserAgent(binary, self.log, self.own / "history.db", ORDINARY)
        self.addCleanup(self.agent.end)

    def beside(self, suffix):
        return self.log.with_name(self.log.name + suffix)

    def write(self, text, path=None, owner=SCHEDULER):
        path = path or self.log
        # Not even root may open another user's file with O_CREAT in such a directory (fs.protected_regular).
        missing = 0 if path.exists() else os.O_CREAT
        with open(os.open(path, os.O_WRONLY | os.O_APPEND | missing, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, owner, owner)

    def tell(self, message):
        self.write(record(datetime.now(), message))

    def fail_runs(self, count=1):
        for _ in range(count):
            time.sleep(0.25)     # more than detect.burst, or two failures are one
            self.write(failure())

    def last_failure(self):
        """Returns when its line was written."""
        self.fail_runs()
        return time.monotonic()

    def rotate(self, suffix=".1"):
        self.log.rename(self.beside(suffix))

    def known(self):
        return self.agent.rows(FAILED)[0][0]

    def as_stranger(self, action, *arguments):
        """In a process of its own, which is ended with the test."""
        def be():
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            action(*arguments)
        process = multiprocessing.get_context("fork").Process(target=be, daemon=True)
        process.start()
        self.addCleanup(process.join)
        self.addCleanup(process.terminate)
        return process

    def page_in_time(self, begun, what, promised):
        self.agent.wait_for(FAILED, 3, timeout=30)
        seconds = promise.since(begun)
        self.agent.wait_for(PAGED, 1)
        print(f"# held: {what}: the third failure was understood after {seconds:.2f} s")
        if promised:
            self.assertLess(seconds, PROMISED_S)


class Crowd(Strangers):
    """Thousands of files with names of every kind, which come and go."""

    def names(self, count):
        forms = (".{}", ".{}.gz", "-2026{:04}", ".2026{:04}.gz", ".g{}.gz", ".{}.xz", "-{}.GZ", ".{}~", "_{}", ".2026-01-{:02}T00")
        return [forms[number % len(forms)].format(number + 1) for number in range(count)]

    def gather(self, count):
        for suffix in self.names(count):
            with open(self.beside(suffix), "w", encoding="utf-8") as file:
                file.write("" if suffix.endswith("gz") else failure())
        for suffix, make in ((".fifo", os.mkfifo), (".d", os.mkdir), (".link", lambda path: path.symlink_to("/etc/passwd"))):
            make(self.beside(suffix))

    def churn(self):
        """Makes, removes and renames over, until it is ended."""
        number = 0
        while True:
            one, other = self.beside(f".{900_000 + number % 50}"), self.beside(f"-{20260101 + number % 28}.gz")
            one.write_text(failure(), encoding="utf-8")
            one.rename(other)
            with contextlib.suppress(OSError):
                other.unlink()
            number += 1

    def test_a_crowd_with_churn_holds_up_no_line(self):
        with Watchdog(self.own / "notify") as watchdog:
            self.fail_runs()
            self.agent.start(watchdog.environment)
            self.agent.wait_for(FAILED, 1)
            gathering = self.as_stranger(self.gather, CROWD_FILES)
            gathering.join()
            self.as_stranger(self.churn)
            with MemoryWatch(self.agent.process.pid) as memory:
                self.fail_runs()
                self.rotate()
                begun = self.last_failure()
                self.page_in_time(begun, f"{CROWD_FILES} files of a stranger with churn at a rotation", CROWD_FILES >= 300_000)
                # The same over a restart, with a generation that nobody has read.
                self.agent.stop()
            self.fail_runs(2)
            self.rotate(".0")
            self.fail_runs()
            self.agent.start(watchdog.environment)
            self.agent.wait_for(FAILED, 6, timeout=30)
        self.assertEqual(self.agent.rows("SELECT count(*) FROM run"), [(6,)], "a stranger's line was read")
        print(f"# held: own memory at most {memory.most} KiB, longest silence {watchdog.longest:.1f} s")
        self.assertLess(memory.most, MEMORY_KIB)
        self.assertLess(watchdog.longest, SILENCE_S)


class Bomb(Strangers):
    """A gzip file of a few megabytes that unpacks to gigabytes, as a rotated file of the log."""

    def bomb(self, beginning, owner):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        member = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
        path = self.beside(".1.gz")
        with open(path, "wb") as file:
            file.write(gzip.compress(beginning.encode()))
            for _ in range(4 * BOMB_GB):
                file.write(member)
            file.write(gzip.compress(("\n" + failure()).encode()))
        os.chown(path, owner, owner)

    def try_bomb(self, owner):
        self.tell("OFFLOAD CYCLE STARTED")
        with self.agent:
            self.agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.agent.stop()
        beginning = self.log.read_text(encoding="utf-8")
        self.log.unlink()
        self.bomb(beginning, owner)
        # The log comes while the bomb is read. Its failures have the times of their lines, however long that takes: they are no burst.
        with Watchdog(self.own / "notify") as watchdog:
            self.agent.start(watchdog.environment)
            with MemoryWatch(self.agent.process.pid) as memory:
                time.sleep(1)
                self.fail_runs(2)
                begun = self.last_failure()
                self.page_in_time(begun, f"a bomb of {BOMB_GB} GB by user {owner} instead of the log", BOMB_GB >= 30)
        print(f"# held: own memory at most {memory.most} KiB, longest silence {watchdog.longest:.1f} s")
        self.assertLess(memory.most, MEMORY_KIB)
        self.assertLess(watchdog.longest, SILENCE_S)

    def test_a_strangers_bomb_is_not_opened(self):
        self.try_bomb(STRANGER)
        self.assertNotIn("unpack", self.agent.said())

    def test_the_schedulers_own_bomb_is_given_up(self):
        self.try_bomb(SCHEDULER)
        wait_until(lambda: "as no log does" in self.agent.said(), 10, self.agent.said)
        self.assertEqual(self.agent.said().count("as no log does"), 1)


class Hidden(Strangers):
    """What a stranger does while the agent is down neither hides a generation of the scheduler nor passes for one."""

    def begin(self):
        self.tell("OFFLOAD CYCLE STARTED")
        with self.agent:
            self.agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.agent.stop()

    def go_on(self):
        self.tell("Waiting 5 seconds...")
        self.agent.start()
        self.agent.wait_for(FAILED, 3)
        self.agent.wait_for(PAGED, 1)

    def plant(self, suffix, text="", owner=STRANGER):
        self.write(text, self.beside(suffix), owner)

    def test_files_of_every_kind_hide_no_generation(self):
        def device(path):
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))

        def server(path):
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
                one.bind(str(path))

        def link(path):
            path.symlink_to("/etc/passwd")

        plants = {"file": Path.touch, "FIFO": os.mkfifo, "directory": os.mkdir, "device": device, "socket": server, "link": link,
                  "link to a directory": lambda path: path.symlink_to(self.shared)}
        for number, (kind, plant) in enumerate(plants.items()):
            with self.subTest(kind=kind):
                if number:
                    self.tearDown()
                    self.doCleanups()
                    self.setUp()
                self.begin()
                self.fail_runs(3)
                self.beside(".1.gz").write_bytes(gzip.compress(self.log.read_bytes()))
                os.chown(self.beside(".1.gz"), SCHEDULER, SCHEDULER)
                self.log.unlink()
                plant(self.beside(".1"))
                os.chown(self.beside(".1"), STRANGER, STRANGER, follow_symlinks=False)
                for suffix in (".0", ".2", "-20991231", ".2.gz", ".1.xz", ".1.GZ"):
                    self.plant(suffix, failure())
                self.go_on()
                self.assertEqual(self.agent.rows(FAILED), [(3,)])

    def test_many_files_hide_no_generation(self):
        self.begin()
        self.fail_runs(3)
        self.rotate()
        for number in range(300):
            self.plant(f".{900_000 + number}")
            self.plant(f"-20260101.{number}.gz")
            self.plant(f".old{number}", owner=SCHEDULER)
            os.utime(self.beside(f".old{number}"), (0, 0))
        self.go_on()

    def test_a_strangers_log_after_a_reboot_is_refused_and_ours_is_taken_up(self):
        self.begin()
        text = self.log.read_text(encoding="utf-8")
        self.log.unlink()
        self.write(text + failure() * 3, owner=STRANGER)
        self.plant(".1", text + failure() * 3)
        self.agent.start()
        wait_until(lambda: f"replaced by a file of user {STRANGER}" in self.agent.said(), 10, self.agent.said)
        self.assertEqual(self.known(), 0)
        self.log.unlink()
        self.fail_runs(3)
        self.agent.wait_for(FAILED, 3)
        self.agent.wait_for(PAGED, 1)

    def test_a_strangers_rename_over_a_generation_gives_no_line(self):
        """In a directory without the sticky bit he may rename our files, too: what we wrote is not read twice."""
        self.shared.chmod(0o777)
        self.begin()
        self.fail_runs(3)
        self.rotate(".7")
        self.plant(".mine", failure() * 3)
        self.beside(".mine").rename(self.beside(".1"))
        self.beside(".7").rename(self.beside(".2"))
        self.go_on()
        self.rotate(".3")
        self.beside(".2").rename(self.beside(".8"))
        self.beside(".1").rename(self.beside(".2"))
        self.fail_runs()
        self.agent.wait_for(FAILED, 4)
        self.assertEqual(self.agent.rows("SELECT count(*) FROM run"), [(4,)])

    def test_another_log_may_have_another_owner(self):
        """The configuration names another log: that its owner is another one is no forgery."""
        self.begin()
        other = self.shared / "other.log"
        self.write("".join(failure() for _ in range(3)), other, STRANGER)
        self.agent.command[self.agent.command.index("--log") + 1] = str(other)
        self.agent.start()
        self.agent.wait_for(FAILED, 3)


class Garbage(Strangers):
    def test_a_million_lines_of_garbage_hold_up_no_line(self):
        self.fail_runs(2)
        noise = random.Random(20260212)
        words = [f"{noise.random():.6f}", "OFFLOAD", "✗ Offload failed: ", "2026-02-12 10:00:00,000 - __main__ - ", "\x1b[2J", "=" * 40]
        block = "".join(" ".join(noise.choices(words, k=5)) + "\n" for _ in range(1000))
        with Watchdog(self.own / "notify") as watchdog:
            self.agent.start(watchdog.environment)
            self.agent.wait_for(FAILED, 2)
            with MemoryWatch(self.agent.process.pid) as memory:
                for _ in range(GARBAGE_LINES // 1000):
                    self.write(block)
                begun = self.last_failure()
                self.page_in_time(begun, f"{GARBAGE_LINES} lines of garbage", GARBAGE_LINES >= 1_000_000)
        print(f"# held: own memory at most {memory.most} KiB, longest silence {watchdog.longest:.1f} s")
        self.assertLess(memory.most, MEMORY_KIB)
        self.assertLess(watchdog.longest, SILENCE_S)


class Deleted(Strangers):
    def test_a_log_that_is_deleted_while_its_writer_lives_is_said(self):
        with Hand(self.log) as hand:
            os.chown(self.log, SCHEDULER, SCHEDULER)
            hand.cycle()
            self.agent.start()
            self.agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.log.unlink()
            wait_until(lambda: "still following the deleted file" in self.agent.said(), 10, self.agent.said)
            hand.cycle()
            self.agent.wait_for("SELECT count(*) FROM cycle", 2)
            self.assertEqual(self.agent.said().count("still following the deleted file"), 1)


if __name__ == "__main__":
    unittest.main()
