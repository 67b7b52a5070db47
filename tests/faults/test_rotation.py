# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent through every kind of rotation, with logrotate and a process that writes a thousand numbered lines a second.

Each line is a completed run whose rows are its number, so the history tells what was lost, doubled or out of order.
POUR_SECONDS and UNPACKED_LINES in the environment ask for longer pours and larger compressed files.
"""

import contextlib
import gzip
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from follower import LOGROTATE   # noqa: E402
from hand import TABLE, Pour, record   # noqa: E402

TIMEOUT_S = 300
POUR_S = float(os.environ.get("POUR_SECONDS", "1.2"))
ROTATIONS = 4
UNPACKED_LINES = int(os.environ.get("UNPACKED_LINES", "40000"))
SETTINGS = {"notify.reminder": "0", "detect.stall_warning_runs": "1000000", "detect.stall_critical_runs": "1000000"}


class RotationCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-rotation-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "logs").mkdir()
        self.overwrote = False
        self.log = self.directory / "logs" / "scheduler.log"
        self.agent = Agent(self.log, self.directory / "history.db", None, SETTINGS)
        self.addCleanup(self.agent.end)

    def pour(self, reopen):
        pour = Pour(self.log, reopen=reopen)
        self.addCleanup(pour.kill)
        return pour

    def logrotate(self, *directives, keep=9):
        conf = self.directory / "logrotate.conf"
        conf.write_text(f"{self.log} {{\n  rotate {keep}\n  nomail\n  " + "\n  ".join(directives) + "\n}\n", encoding="utf-8")
        conf.chmod(0o644)
        done = subprocess.run([LOGROTATE, "--force", "--state", self.directory / "logrotate.state", conf], check=False,
                              timeout=600, capture_output=True, text=True)
        # A writer that reopens its log may make the new file before logrotate does: that one becomes .backup. If the writer
        # wins a second time, it becomes .backup too, over the first; logrotate says that, and the rotation is done.
        self.assertTrue(done.returncode == 0 or "File exists" in done.stderr, done.stderr)
        self.overwrote = self.overwrote or done.returncode != 0

    def kept(self):
        """The numbers that the files there hold."""
        found = set()
        for file in self.log.parent.iterdir():
            with (gzip.open(file, "rt") if file.suffix == ".gz" else file.open(encoding="utf-8")) as lines:
                found.update(int(line.rsplit("(", 1)[1].split()[0]) for line in lines if "(" in line)
        return found

    def numbers(self):
        return [rows for rows, in self.agent.rows("SELECT rows FROM run ORDER BY id")]

    def count(self):
        return self.agent.rows("SELECT count(*) FROM run")[0][0]

    def begin(self, reopen):
        pour = self.pour(reopen)
        wait_until(self.log.exists, 10, "no log")
        self.agent.start()
        self.agent.wait_for("SELECT count(*) > 0 FROM run", 1)
        return pour

    def check(self, pour, kind, in_order=True):
        count = pour.end()
        with contextlib.suppress(AssertionError):
            self.agent.wait_for("SELECT count(*) FROM run", count)
        numbers = self.numbers()
        written = set(range(1, count + 1))
        if self.overwrote:               # what logrotate threw away within a moment is not the agent's to have read
            written &= self.kept() | set(numbers)
        lost = len(written - set(numbers))
        doubled = len(numbers) - len(set(numbers))
        print(f"# held: {kind}: {count} lines, {lost} lost, {doubled} doubled")
        self.assertEqual((lost, doubled), (0, 0), f"{kind}; the agent said: {self.agent.said()}")
        if in_order:
            self.assertEqual(numbers, sorted(written))
        return count

    def paged(self):
        return self.agent.rows("SELECT alert, status FROM notification")


class Rotation(RotationCase):
    def rotate(self, kind, reopen, *directives, keep=9):
        pour = self.begin(reopen)
        for _ in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            self.logrotate(*directives, keep=keep)
        time.sleep(0.1)
        self.assertEqual(self.paged(), [])
        return self.check(pour, kind)

    def test_create_with_a_writer_that_reopens(self):
        self.rotate("rename and create, the writer moves", True, "create")

    def test_nocreate_with_a_writer_that_reopens_pages_nobody(self):
        self.rotate("rename without create, the writer reopens", True, "nocreate")

    def test_compression_with_a_writer_that_reopens(self):
        self.rotate("rename, create, compress, delaycompress, the writer moves", True, "create", "compress", "delaycompress")

    def test_a_writer_that_stays_through_compression_and_unlink(self):
        pour = self.begin(False)
        inode = self.log.stat().st_ino
        for _ in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            self.logrotate("create", "compress", "delaycompress", keep=2)
        left = [path for path in self.log.parent.iterdir() if path.stat().st_ino == inode]
        self.assertEqual(left, [], "the old file has no name any more")
        time.sleep(0.1)
        wait_until(lambda: "the writer stays with the old file" in self.agent.said(), 10, "the writer was not blamed")
        self.assertEqual(self.paged(), [])
        self.check(pour, "the writer stays with the old file, which is compressed and unlinked")
        self.assertEqual(self.agent.said().count("the writer stays with the old file"), 1)

    def test_copytruncate(self):
        pour = self.begin(False)
        for _ in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            self.logrotate("copytruncate")
        count = pour.end()
        kept = set()
        for path in self.log.parent.iterdir():
            kept |= {int(line.split(b"(")[1].split()[0]) for line in path.read_bytes().split(b"\n")[:-1]}
        with contextlib.suppress(AssertionError):
            wait_until(lambda: kept <= set(self.numbers()), 10)
        numbers = self.numbers()
        print(f"# held: copytruncate: {count} lines, of which logrotate itself kept {len(kept)}: {len(kept - set(numbers))} of them "
              f"lost, {len(numbers) - len(set(numbers))} doubled, {len(set(numbers) - kept)} more read before it cut them off")
        self.assertEqual((kept - set(numbers), numbers), (set(), sorted(set(numbers))))

    def test_deleted_and_made_again(self):
        pour = self.begin(True)
        for _ in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            with self.still(pour):
                self.log.unlink()
        self.check(pour, "deleted and made again")

    def test_compressed_while_nobody_writes(self):
        pour = self.begin(True)
        for _ in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            with self.still(pour):
                self.logrotate("nocreate", "compress")
                time.sleep(0.1)         # nothing is at the path, and what was read is packed
        self.assertEqual(self.paged(), [])
        self.check(pour, "rename without create, compress, while the writer is stopped")

    @contextlib.contextmanager
    def still(self, pour):
        """What is deleted before the agent opened it is nobody's to read: the writer pauses until all is read."""
        os.kill(pour.process.pid, signal.SIGSTOP)
        size = self.log.stat()
        wait_until(lambda: self.agent.rows("SELECT count(*) FROM source WHERE inode = ? AND offset = ?", size.st_ino,
                                           size.st_size) == [(1,)], 10, "not read to its end")
        yield
        os.kill(pour.process.pid, signal.SIGCONT)

    def test_the_directory_replaced(self):
        pour = self.begin(True)
        for number in range(ROTATIONS):
            time.sleep(POUR_S / ROTATIONS)
            os.kill(pour.process.pid, signal.SIGSTOP)   # it would find no directory to make its log in
            self.log.parent.rename(self.directory / f"logs.{number}")
            self.log.parent.mkdir()
            os.kill(pour.process.pid, signal.SIGCONT)
        self.check(pour, "the directory replaced")


class Away(RotationCase):
    """Rotations that the agent did not see: it was down, or the kernel dropped the events."""

    def test_several_rotations_while_it_was_down(self):
        pour = self.begin(True)
        for _ in range(3):
            self.agent.kill()
            for _ in range(3):
                time.sleep(POUR_S / 9)
                self.logrotate("create", keep=99)
            self.agent.start()
        self.check(pour, "3 times down, 3 rotations each time")

    def test_all_it_had_read_and_more_was_compressed_while_it_was_down(self):
        pour = self.begin(True)
        for times in (1, 3):
            self.agent.kill()
            for _ in range(times):
                time.sleep(POUR_S / 4)
                self.logrotate("create", "compress", keep=99)
            self.assertNotEqual(list(self.log.parent.glob("*.gz")), [])
            self.agent.start()
        self.check(pour, "compressed by gzip while it was down, then 3 generations of it")
        self.assertNotIn("compressed", self.agent.said())

    def test_copytruncate_with_compression_while_it_was_down(self):
        pour = self.begin(False)
        for _ in range(2):
            os.kill(pour.process.pid, signal.SIGSTOP)      # what is written within copytruncate is logrotate's to lose
            self.agent.kill()
            self.logrotate("copytruncate", "compress")
            os.kill(pour.process.pid, signal.SIGCONT)
            self.agent.start()
            time.sleep(POUR_S / 4)
        self.check(pour, "copytruncate and gzip while it was down")

    def numbered(self, first, count):
        """Lines as a pour writes them, but all at once."""
        with open(self.log, "a", encoding="utf-8") as log:
            line = record(datetime.now(), f"✓ Offload completed: {TABLE} (NUMBER rows in 0.0s)")
            log.writelines(line.replace("NUMBER", str(number)) for number in range(first, first + count))

    def test_kills_while_it_reads_compressed_generations(self):
        each, generations, killed = UNPACKED_LINES, 3, 0
        self.numbered(1, 10)
        self.agent.start()
        self.agent.wait_for("SELECT count(*) FROM run", 10)
        self.agent.kill()
        for generation in range(generations):
            self.numbered(11 + generation * each, each)
            self.logrotate("create", "compress", keep=99)
        total = 10 + generations * each
        seen = 10
        while seen < total:
            self.agent.start()
            wait_until(lambda seen=seen: self.count() > seen, 20, self.agent.said)
            time.sleep(random.random() / 50)
            self.agent.kill()
            seen = self.count()
            killed += seen < total
        self.agent.start()
        self.numbered(total + 1, 1)
        self.agent.wait_for("SELECT count(*) FROM run", total + 1)
        self.assertEqual(self.numbers(), list(range(1, total + 2)))
        self.assertGreater(killed, 1)
        print(f"# held: killed {killed} times while it read {generations} compressed generations: {total} lines, 0 lost, 0 doubled")

    def test_a_compressed_file_that_is_cut_off(self):
        self.numbered(1, 10)
        self.agent.start()
        self.agent.wait_for("SELECT count(*) FROM run", 10)
        self.agent.kill()
        self.numbered(11, 20_000)
        self.logrotate("create", "compress")
        packed = self.log.with_name("scheduler.log.1.gz")
        os.truncate(packed, packed.stat().st_size // 2)
        self.numbered(100_001, 10)
        self.agent.start()
        wait_until(lambda: self.numbers()[-1:] == [100_010], 20, "the newest line")
        numbers = self.numbers()
        good = numbers.index(100_001)
        self.assertGreater(good, 5_000)
        # The last one may be the piece of a line, which is then a line of another number, or of none.
        self.assertEqual(numbers[:good - 1], list(range(1, good)))
        wait_until(lambda: "cannot be unpacked beyond byte" in self.agent.said(), 5, self.agent.said)
        self.assertEqual(self.agent.said().count("cannot be unpacked"), 1)
        print(f"# held: a compressed file cut off in its midst: the {good} lines before the cut read, the rest said to be lost")

    def test_what_something_else_compressed_is_said_to_be_lost(self):
        pour = self.begin(True)
        self.agent.kill()
        time.sleep(POUR_S / 3)
        self.logrotate("create")
        rotated = self.log.with_name("scheduler.log.1")
        rotated.with_name("scheduler.log.1.xz").write_bytes(lzma.compress(rotated.read_bytes()))
        rotated.unlink()
        pour.end()
        self.agent.start()
        wait_until(lambda: "compressed by something else than gzip" in self.agent.said(), 10, self.agent.said)
        self.assertEqual(self.numbers(), sorted(set(self.numbers())))

    def test_an_inode_that_is_used_again(self):
        self.log.write_text("", encoding="utf-8")
        pour = self.pour(False)
        self.agent.start()
        self.agent.wait_for("SELECT count(*) > 100 FROM run", 1)
        first = pour.end()
        self.agent.wait_for("SELECT count(*) FROM run", first)
        self.agent.stop()
        inode = self.log.stat().st_ino
        for _ in range(200):
            self.log.unlink()
            self.log.touch()
            if self.log.stat().st_ino == inode:
                break
        else:
            self.skipTest("this file system does not use an inode again at once")
        again = self.pour(False)
        time.sleep(POUR_S / 2)
        second = again.end()
        self.agent.start()
        self.agent.wait_for("SELECT count(*) FROM run", first + second)
        self.assertEqual(self.numbers(), [*range(1, first + 1), *range(1, second + 1)])
        print(f"# held: an inode used again while the agent was down: {first} + {second} lines, 0 lost, 0 doubled")

    def test_an_overflow_of_the_kernels_queue(self):
        pour = self.begin(True)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
        os.kill(self.agent.process.pid, signal.SIGSTOP)
        for number in range(limit // 2 + 100):      # two events each, on a file of the watched directory
            path = self.log.with_name(f"x{number % 2}")
            path.touch()
            path.unlink()
        self.logrotate("create")
        time.sleep(0.1)
        os.kill(self.agent.process.pid, signal.SIGCONT)
        wait_until(lambda: "dropped events" in self.agent.said(), 10, "no overflow")
        self.check(pour, f"{limit} events in the queue, the rotation's dropped")


if __name__ == "__main__":
    unittest.main()
