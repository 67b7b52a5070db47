# SPDX-License-Identifier: GPL-2.0-or-later
"""Following a log of a thousand lines a second through rotations and kills: no line lost, none twice."""
import contextlib
import os
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from follower import FollowerCase, eventually   # noqa: E402


class Load(FollowerCase):
    """A writer of a thousand lines a second."""

    def pour(self, reopen):
        """Writes numbered lines (reopen: as WatchedFileHandler does) until the function returned is called: their count."""
        stop, count = threading.Event(), [0]

        def work():
            file = open(self.log, "a", buffering=1, encoding="utf-8")
            begin = time.monotonic()
            while not stop.is_set():
                if reopen and not self.is_at_path(file):
                    file.close()
                    file = open(self.log, "a", buffering=1, encoding="utf-8")
                file.write(f"{count[0]} {time.monotonic_ns()}\n")
                count[0] += 1
                time.sleep(max(0, begin + count[0] / 1000 - time.monotonic()))
            file.close()

        thread = threading.Thread(target=work)
        thread.start()

        def end():
            stop.set()
            thread.join()
            return count[0]
        self.addCleanup(end)
        return end

    def begin(self, reopen):
        """A follower and a writer, both at work."""
        follower, end = self.follow(), self.pour(reopen)
        follower.expect_note("opened")
        return follower, end

    def is_at_path(self, file):
        try:
            return self.log.stat().st_ino == os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return False

    def is_read(self, follower):
        return self.log.exists() and self.log.stat().st_ino in [inode for inode, _ in follower.positions()]

    def numbers(self, lines):
        return [int(line.split()[0]) for line in lines]

    def check(self, follower, count):
        eventually(lambda: len(follower.lines()) >= count, f"{count} lines, got {len(follower.lines())}", 5)
        numbers = self.numbers(follower.lines())
        self.assertEqual(sorted(numbers), list(range(count)))
        return numbers

    def test_rotation_with_a_writer_that_stays(self):
        follower, end = self.begin(reopen=False)
        for _ in range(5):
            time.sleep(0.15)
            self.logrotate("create", "compress", "delaycompress")
        time.sleep(0.1)
        numbers = self.check(follower, end())
        self.assertEqual(numbers, sorted(numbers))

    def test_rotation_with_a_writer_that_moves(self):
        follower, end = self.begin(reopen=True)
        for _ in range(5):
            time.sleep(0.15)
            self.logrotate("nocreate")   # the writer makes the new file
        numbers = self.check(follower, end())
        self.assertEqual(numbers, sorted(numbers))

    def test_rotation_without_a_new_file_in_a_hurry(self):
        follower, end = self.begin(reopen=True)
        for number in range(1, 200):
            with contextlib.suppress(FileNotFoundError):
                self.log.rename(self.rotated(f"{number:03}"))
            time.sleep(0.005)
        self.check(follower, end())

    def test_copytruncate_loses_nothing_that_it_kept_itself(self):
        follower, end = self.begin(reopen=False)
        for _ in range(5):
            time.sleep(0.15)
            self.logrotate("copytruncate")
        end()
        kept = set()
        for path in [self.log, *(self.rotated(number) for number in range(1, 6))]:
            kept.update(self.numbers(path.read_bytes().split(b"\n")[:-1]))
        eventually(lambda: kept <= set(self.numbers(follower.lines())), "every line that is left")
        numbers = self.numbers(follower.lines())
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_deleted_and_made_again(self):
        follower, end = self.begin(reopen=True)
        for _ in range(20):
            time.sleep(0.03)
            # A file that is deleted before anybody else opened it is nobody's to read.
            eventually(lambda: self.is_read(follower), "the new file being read")
            self.log.unlink()
        self.check(follower, end())

    def kill_at_random(self, reopen):
        chance = random.Random(20260212)
        follower, end = self.begin(reopen)
        for _ in range(60):
            time.sleep(chance.uniform(0.001, 0.05))
            if chance.random() < 0.2:
                # What is deleted or compressed while nobody follows it cannot be found again: all are kept.
                self.logrotate("nocreate" if reopen else "create", keep=99)
            else:
                follower.kill()
                follower = self.follow()
        numbers = self.check(follower, end())
        self.assertEqual(numbers, sorted(numbers))

    def test_kills_of_the_follower_while_the_writer_moves(self):
        self.kill_at_random(reopen=True)

    def test_kills_of_the_follower_while_the_writer_stays(self):
        self.kill_at_random(reopen=False)

    def test_a_line_arrives_within_a_fraction_of_a_millisecond(self):
        follower, end = self.begin(reopen=False)
        time.sleep(1)
        self.check(follower, end())
        # Without the backlog that was there when it started.
        delays = sorted(int(record.split()[0]) - int(record.split()[3]) for record in follower.records(b"L")[100:])
        median, worst = delays[len(delays) // 2] / 1e3, delays[len(delays) * 99 // 100] / 1e3
        print(f"# append to line: p50 {median:.0f} us, p99 {worst:.0f} us")
        self.assertLess(median, 1000)


if __name__ == "__main__":
    unittest.main()
