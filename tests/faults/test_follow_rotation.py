# SPDX-License-Identifier: GPL-2.0-or-later
"""Following a log through rotation, and who holds it open for writing."""
import gzip
import lzma
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from follower import FollowerCase, eventually   # noqa: E402


class Rotating(FollowerCase):
    def test_the_writer_moves(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        for number in range(5):
            self.logrotate("create")
            self.write(f"new {number}")
            # Each is seen before the next: to a reader that looks late, several rotations are one.
            follower.expect("one", *[f"new {n}" for n in range(number + 1)])
        self.assertEqual([note.split()[0] for note in follower.notes()], ["opened", *["rotated"] * 5])
        eventually(lambda: len(follower.open_files()) == 1, f"one file open, not {follower.open_files()}")

    def test_the_writer_stays_through_compression_and_unlink(self):
        lines = []
        with open(self.log, "a", buffering=1, encoding="utf-8") as file:
            def say(text):
                lines.append(text)
                file.write(text + "\n")
            say("one")
            follower = self.follow()
            follower.expect(*lines)
            for number in range(3):
                self.logrotate("create", "compress", "delaycompress")
                say(f"after rotation {number}")
                follower.expect(*lines)
            self.assertEqual(os.fstat(file.fileno()).st_nlink, 0, "compressed and unlinked by now")
            follower.expect_note("stale-writer")
            say("still there")
            follower.expect(*lines)
            self.assertEqual(len(follower.notes("stale-writer")), 1)
            self.assertTrue(any("deleted" in name for name in follower.open_files()))
            follower.expect_writer("present")
            inode = os.fstat(file.fileno()).st_ino
        eventually(lambda: inode not in [position[0] for position in follower.positions()], "the old inode dropped")
        self.write("in the new file")
        follower.expect(*lines, "in the new file")
        eventually(lambda: len(follower.open_files()) == 1, f"one file open, not {follower.open_files()}")

    def test_an_idle_writer_that_would_reopen_is_not_blamed(self):
        with open(self.log, "a", buffering=1, encoding="utf-8") as file:
            file.write("one\n")
            follower = self.follow()
            follower.expect("one")
            self.logrotate("create")
            time.sleep(2.5)
        self.write("two")
        follower.expect("one", "two")
        self.assertEqual(follower.notes("stale-writer"), [])

    def test_both_files_are_remembered(self):
        with open(self.log, "a", buffering=1, encoding="utf-8") as file:
            file.write("one\n")
            follower = self.follow()
            follower.expect("one")
            self.logrotate("create")
            file.write("two\n")
            follower.expect("one", "two")
            self.write("three")
            follower.expect("one", "two", "three")
            self.assertEqual([offset for _, offset in follower.positions()], [8, 6])
            follower.kill()
            file.write("four\n")
            follower = self.follow()
            follower.expect("one", "two", "three", "four")
            file.write("five\n")
            follower.expect("one", "two", "three", "four", "five")

    def test_deleted_and_made_again(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        for number in range(3):
            self.log.unlink()
            self.write(f"again {number}")
            follower.expect("one", *[f"again {n}" for n in range(number + 1)])
        eventually(lambda: len(follower.open_files()) == 1, "the unlinked ones closed")

    def test_an_unlinked_file_is_closed_when_its_writer_is_gone(self):
        with open(self.log, "a", buffering=1, encoding="utf-8") as file:
            file.write("one\n")
            follower = self.follow()
            follower.expect("one")
            self.log.unlink()
            file.write("two\n")
            follower.expect("one", "two")
            self.assertEqual(len(follower.open_files()), 1)
            file.write("three, without an end")
        follower.expect("one", "two", "three, without an end")
        eventually(lambda: not follower.open_files(), "the unlinked file closed")

    def test_the_partial_end_of_a_finished_file_comes_before_the_next_file(self):
        self.log.write_text("one\ntwo, cut by a kill")
        follower = self.follow()
        follower.expect("one")
        os.kill(follower.process.pid, signal.SIGSTOP)
        self.log.rename(self.rotated(1))
        self.write("three")
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", "two, cut by a kill", "three")

    def rotate_by_hand(self, times):
        """The writer moves; each generation has a line of its own."""
        for number in range(times):
            for old in range(9, 0, -1):
                if self.rotated(old).exists():
                    self.rotated(old).rename(self.rotated(old + 1))
            self.log.rename(self.rotated(1))
            self.write(f"generation {number}")
            time.sleep(0.012)   # the grain of a file's time stamp

    def test_several_rotations_while_it_was_down(self):
        self.write("older", path=self.rotated(1))
        time.sleep(0.012)
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two")
        self.rotate_by_hand(4)
        self.follow().expect("one", "two", *[f"generation {n}" for n in range(4)])

    def test_several_rotations_while_it_did_not_look(self):
        self.write("older", path=self.rotated(1))
        time.sleep(0.012)
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        os.kill(follower.process.pid, signal.SIGSTOP)
        self.write("two")
        self.rotate_by_hand(4)
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", "two", *[f"generation {n}" for n in range(4)])

    def compressed_while_down(self, pack, end):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two, packed")
        self.rotate_by_hand(2)
        self.rotated(2).with_name(f"{self.rotated(2).name}{end}").write_bytes(pack(self.rotated(2).read_bytes()))
        self.rotated(2).unlink()
        return self.follow()

    def test_the_remembered_file_was_compressed_while_it_was_down(self):
        self.compressed_while_down(gzip.compress, ".gz").expect("one", "two, packed", "generation 0", "generation 1")

    def all_compressed_while_down(self, names):
        """Oldest first; packed in the wrong order, so that only the names tell it."""
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two")
        packed = [self.log.read_bytes(), *(f"generation {n}\n".encode() for n in range(1, len(names)))]
        self.log.unlink()
        for name, text in reversed(list(zip(names, packed))):
            self.log.with_name(f"{self.log.name}{name}").write_bytes(gzip.compress(text))
            time.sleep(0.012)
        self.write("last")
        self.follow().expect("one", "two", *[f"generation {n}" for n in range(1, len(names))], "last")

    def test_packed_generations_come_in_the_order_of_their_numbers(self):
        self.all_compressed_while_down([f".{n}.gz" for n in range(12, 0, -1)])

    def test_packed_generations_come_in_the_order_of_their_dates(self):
        self.all_compressed_while_down(["-20251230.gz", "-20251231.gz", "-20260101.gz", "-20260102.gz"])

    def test_packed_and_plain_generations_come_in_order(self):
        """delaycompress: the newest is not packed yet."""
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.rotate_by_hand(4)
        for number in (4, 3, 2):
            packed = self.rotated(number).with_name(f"{self.rotated(number).name}.gz")
            packed.write_bytes(gzip.compress(self.rotated(number).read_bytes()))
            self.rotated(number).unlink()
        self.follow().expect("one", *[f"generation {n}" for n in range(4)])

    def test_a_compression_that_cannot_be_undone_is_said(self):
        follower = self.compressed_while_down(lzma.compress, ".xz")
        follower.expect("one", "generation 0", "generation 1")
        self.assertIn("compressed", follower.expect_note("rotated")[0])

    def truncate_to_copy(self):
        """As logrotate's copytruncate does."""
        shutil.copy2(self.log, self.rotated(1))
        os.utime(self.rotated(1))
        os.truncate(self.log, 0)

    def rename_away(self):
        self.rotated(1).rename(self.rotated(2))
        self.log.rename(self.rotated(1))

    def test_a_copy_of_what_a_truncated_file_held_is_not_read_again(self):
        """The file is older than the copy, and yet what it holds came after."""
        self.write("one")
        self.follow().expect("one")
        time.sleep(0.012)
        self.truncate_to_copy()
        self.write("two")
        self.followers[0].expect("one", "two")
        self.followers[0].stop()
        self.follow().expect("one", "two")
        self.followers[1].stop()
        self.rename_away()
        self.write("three")
        self.follow().expect("one", "two", "three")

    def test_truncated_and_then_renamed_while_it_was_down(self):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two")
        time.sleep(0.012)
        self.truncate_to_copy()
        self.write("three")
        self.rename_away()
        self.write("four")
        self.follow().expect("one", "two", "three", "four")

    def test_what_is_being_compressed_is_there_twice_and_read_once(self):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.rotate_by_hand(2)
        self.rotated(1).with_name(f"{self.rotated(1).name}.gz").write_bytes(gzip.compress(self.rotated(1).read_bytes()))
        follower = self.follow()
        follower.expect("one", "generation 0", "generation 1")
        time.sleep(0.05)
        follower.expect("one", "generation 0", "generation 1")

    def test_copies_beside_the_log_are_not_generations(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        os.kill(follower.process.pid, signal.SIGSTOP)
        for name in ("bak", "20260212", "1.swp"):
            shutil.copy(self.log, f"{self.log}.{name}")
        self.write("forged", path=f"{self.log}.old")
        self.log.rename(self.rotated(1))
        self.write("two")
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", "two")
        time.sleep(0.05)
        follower.expect("one", "two")

    def test_an_inode_used_again_is_another_file(self):
        self.write("one", "two", "three")
        self.follow().expect("one", "two", "three")
        self.followers[0].stop()
        inode = self.log.stat().st_ino
        for _ in range(100):
            self.log.unlink()
            self.write("four", "five", "six", "seven")
            if self.log.stat().st_ino == inode:
                break
        else:
            self.skipTest("this file system does not reuse inodes at once")
        self.follow().expect("one", "two", "three", "four", "five", "six", "seven")


class Writers(FollowerCase):
    """Who holds the log open for writing."""

    HOLD = "import sys, time; f = open(sys.argv[1], 'a', buffering=1); f.write('begin\\n'); time.sleep(60)"

    def hold(self, program=HOLD):
        writer = subprocess.Popen([sys.executable, "-S", "-c", program, self.log])
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        return writer

    def test_a_killed_writer_is_seen_within_milliseconds(self):
        follower = self.follow()
        writer = self.hold()
        follower.expect_writer("present")
        began = time.monotonic()
        writer.kill()
        follower.expect_writer("absent")
        self.assertLess(promise.since(began), 1)

    def test_a_writer_that_comes_back_is_seen(self):
        follower = self.follow()
        self.hold().kill()
        self.write("begin")
        follower.expect_writer("absent")
        self.hold()
        follower.expect_writer("present")

    def test_others_who_write_or_read_do_not_hide_or_fake_it(self):
        follower = self.follow()
        writer = self.hold()
        follower.expect_writer("present")
        follower.expect("begin")        # it holds the log before it writes
        for _ in range(20):
            self.write("echo")
            self.log.read_bytes()
        reader = open(self.log, "rb")
        self.addCleanup(reader.close)
        follower.expect("begin", *["echo"] * 20)
        time.sleep(0.05)
        self.assertEqual(follower.records(b"W"), [b"present"])
        writer.kill()
        follower.expect_writer("absent")

    def test_a_fork_that_still_holds_it_counts(self):
        follower = self.follow()
        writer = self.hold("import os, sys, time; f = open(sys.argv[1], 'a', buffering=1); f.write('begin\\n');"
                           "pid = os.fork(); pid and f.write(f'{pid}\\n'); time.sleep(60)")
        eventually(lambda: len(follower.lines()) == 2, "the child's number")
        child = int(follower.lines()[1])
        writer.kill()
        writer.wait()
        time.sleep(0.05)
        self.assertEqual(follower.records(b"W"), [b"present"])
        os.kill(child, signal.SIGKILL)
        follower.expect_writer("absent")

    def test_it_counts_over_old_and_new_files(self):
        follower = self.follow()
        writer = self.hold()
        follower.expect_writer("present")
        follower.expect("begin")
        self.log.rename(self.rotated(1))
        self.log.touch()
        follower.expect_note("rotated")
        self.write("echo")
        follower.expect("begin", "echo")
        self.assertEqual(follower.records(b"W"), [b"present"])
        writer.kill()
        follower.expect_writer("absent")


if __name__ == "__main__":
    unittest.main()
