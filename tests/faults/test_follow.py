# SPDX-License-Identifier: GPL-2.0-or-later
"""Following a log: reading it, waiting for it, whom to trust, truncation."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from follower import PROBE, FollowerCase, eventually   # noqa: E402

IS_ROOT = os.geteuid() == 0


class Reading(FollowerCase):
    def test_existing_content_first_then_what_is_appended(self):
        self.write("one", "two")
        follower = self.follow()
        follower.expect("one", "two")
        self.write("three")
        follower.expect("one", "two", "three")
        self.assertEqual(follower.positions(), [(self.log.stat().st_ino, 14)])

    def test_a_partial_line_waits_for_its_end(self):
        with open(self.log, "ab", buffering=0) as file:
            file.write(b"whole\nbegin")
            follower = self.follow()
            follower.expect("whole")
            self.assertEqual(follower.positions()[0][1], 6)
            file.write(b" middle")
            time.sleep(0.05)
            follower.expect("whole")
            file.write(b" end\nnext\n")
            follower.expect("whole", "begin middle end", "next")

    def test_a_restart_goes_on_behind_the_last_line(self):
        with open(self.log, "ab", buffering=0) as file:
            file.write(b"one\ntw")
            follower = self.follow()
            follower.expect("one")
            follower.kill()
            file.write(b"o\nthree\n")
            self.follow().expect("one", "two", "three")

    def test_any_byte_may_stand_in_a_line(self):
        self.log.write_bytes(b"a\0b\xff\r\n\n\x1b[0m\n")
        self.follow().expect(b"a\0b\xff\r", b"", b"\x1b[0m")

    def test_an_overlong_line_is_cut_and_the_next_one_is_whole(self):
        bound, long = 512 << 10, 30 << 20
        with open(self.log, "wb") as file:
            file.write(b"before\n" + b"x" * bound + b"\n" + b"y" * (bound + 1) + b"\n" + b"z" * long + b"\nafter\n")
        follower = self.follow()
        eventually(lambda: follower.lines()[-1:] == [b"after"], "the line after the long one")
        self.assertEqual([(line[:1], len(line)) for line in follower.lines()[1:-1]],
                         [(b"x", bound), (b"y", bound), (b"z", bound)])
        self.assertEqual(len(follower.notes("long-line")), 2)
        self.assertLess(follower.status("VmHWM"), 16 << 10, "KiB resident")

    def test_a_kill_within_an_overlong_line_neither_loses_nor_doubles_it(self):
        with open(self.log, "ab", buffering=0) as file:
            file.write(b"before\n" + b"y" * (3 << 20))
            follower = self.follow()
            follower.expect_note("long-line")
            follower.kill()
            file.write(b"y" * (3 << 20) + b"\nafter\n")
            follower = self.follow()
            eventually(lambda: follower.lines()[-1:] == [b"after"], "the line after the long one")
            self.assertEqual([len(line) for line in follower.lines()], [6, 512 << 10, 5])


class Waiting(FollowerCase):
    def test_a_log_that_is_not_there_yet(self):
        follower = self.follow()
        follower.expect_note("waiting")
        self.write("first")
        follower.expect("first")
        self.assertEqual([note.split()[0] for note in follower.notes()], ["waiting", "opened"])

    def test_a_directory_that_is_not_there_yet(self):
        self.log = self.dir / "a" / "b" / "scheduler.log"
        follower = self.follow()
        follower.expect_note("waiting")
        self.log.parent.mkdir(parents=True)
        self.write("first")
        follower.expect("first")

    def test_a_directory_replaced(self):
        self.log = self.dir / "logs" / "scheduler.log"
        self.log.parent.mkdir()
        self.write("old")
        follower = self.follow()
        follower.expect("old")
        self.log.parent.rename(self.dir / "moved")
        self.log.parent.mkdir()
        self.write("new")
        follower.expect("old", "new")
        shutil.rmtree(self.log.parent)
        self.log.parent.mkdir()
        self.write("newer")
        follower.expect("old", "new", "newer")

    def test_positions_survive_a_start_without_the_log(self):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.log.rename(self.dir / "elsewhere")
        follower = self.follow()
        follower.expect_note("waiting")
        follower.stop()
        (self.dir / "elsewhere").rename(self.log)
        self.write("two")
        self.follow().expect("one", "two")

    def test_it_sleeps_while_nothing_happens(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        time.sleep(0.1)
        before = follower.status("voluntary_ctxt_switches")
        time.sleep(1)
        self.assertEqual(follower.status("voluntary_ctxt_switches"), before)

    @unittest.skipUnless(subprocess.run(["unshare", "-Ur", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0,
                         "needs user namespaces")
    def test_without_inotify_it_looks_once_in_a_while(self):
        self.write("one")
        limit = "/proc/sys/user/max_inotify_instances"
        follower = self.follow(prefix=["unshare", "-Ur", "sh", "-c", f'echo 0 >{limit}; exec "$@"', "sh"])
        follower.expect("one")
        self.write("two")
        follower.expect("one", "two")
        self.log.rename(self.rotated(1))
        self.write("three")
        follower.expect("one", "two", "three")
        self.assertEqual(len(follower.notes("polling")), 1)

    def test_an_overflow_of_the_queue_is_made_good_and_said_once(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        wanted = ["one"]
        for number in (1, 2):
            os.kill(follower.process.pid, signal.SIGSTOP)
            with open(self.log, "ab", buffering=0) as file:
                for _ in range(10000):
                    file.write(b"x\n")
                    os.fchmod(file.fileno(), 0o644)
            self.log.rename(self.rotated(number))
            self.write("two")
            os.kill(follower.process.pid, signal.SIGCONT)
            wanted += ["x"] * 10000 + ["two"]
            follower.expect(*wanted)
            follower.expect_note("overflow")
        self.write("three")
        follower.expect(*wanted, "three")
        time.sleep(0.5)                    # until it has gone through the queue of the second time
        self.assertEqual(len(follower.notes("overflow")), 1)


class Trust(FollowerCase):
    def refused(self, why):
        follower = self.follow()
        note = follower.expect_note("refused")[0]
        self.assertIn(why, note)
        return follower

    def test_a_symlink_is_refused_until_a_file_is_there(self):
        (self.dir / "target").write_text("secret\n")
        self.log.symlink_to(self.dir / "target")
        follower = self.refused("symbolic link")
        self.log.unlink()
        self.write("one")
        follower.expect("one")

    def test_a_fifo_is_refused_and_holds_nobody_up(self):
        os.mkfifo(self.log)
        follower = self.refused("FIFO")
        self.log.unlink()
        self.write("one")
        follower.expect("one")

    def test_a_directory_is_refused(self):
        self.log.mkdir()
        follower = self.refused("directory")
        self.log.rmdir()
        self.write("one")
        follower.expect("one")

    @unittest.skipUnless(IS_ROOT, "needs root")
    def test_another_owners_log_is_refused_until_it_is_given_back(self):
        self.write("one")
        os.chown(self.log, 65534, -1)
        follower = self.follow("root")
        self.assertIn("owned by user 65534", follower.expect_note("refused")[0])
        os.chown(self.log, 0, -1)
        follower.expect("one")
        self.assertEqual(len(follower.notes("refused")), 1)

    def test_an_unknown_owner_is_an_error(self):
        follower = self.follow("no-such-user")
        self.assertEqual(follower.process.wait(timeout=5), 1)
        self.assertIn("no-such-user", follower.stop())

    @unittest.skipUnless(IS_ROOT, "needs root")
    def test_a_file_that_cannot_be_opened_for_a_moment_is_tried_again(self):
        self.dir.chmod(0o755)
        self.write("one")
        self.log.chmod(0)
        self.journal.touch()
        os.chown(self.journal, 65534, -1)
        probe = self.dir / "follow_probe"   # where anybody may run it
        shutil.copy(PROBE, probe)
        follower = self.follow(prefix=["setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534", "sh", "-c",
                                       f'shift; exec {probe} "$@"', "sh"])
        self.assertIn("Permission denied", follower.expect_note("refused")[0])
        self.log.chmod(0o644)
        follower.expect("one")
        self.assertEqual(len(follower.expect_note("no-lease")), 1)
        self.assertEqual(follower.writer(), "unknown")


class Truncating(FollowerCase):
    def test_a_truncated_file_is_read_from_its_beginning(self):
        self.write("one", "two")
        follower = self.follow()
        follower.expect("one", "two")
        os.truncate(self.log, 0)
        self.write("three")
        follower.expect("one", "two", "three")
        self.assertEqual(len(follower.notes("truncated")), 1)

    def test_also_when_it_has_grown_past_the_old_offset_again(self):
        self.write("one", "two")
        follower = self.follow()
        follower.expect("one", "two")
        os.kill(follower.process.pid, signal.SIGSTOP)
        self.write("three", "four", "five", "six", mode="w")
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", "two", "three", "four", "five", "six")

    def test_also_when_that_happened_while_it_was_down(self):
        self.write("one", "two")
        self.follow().expect("one", "two")
        self.followers[0].stop()
        self.write("three", "four", "five", "six", mode="w")
        self.follow().expect("one", "two", "three", "four", "five", "six")

    def test_a_partial_line_before_it_is_not_glued_to_what_comes_after(self):
        with open(self.log, "ab", buffering=0) as file:
            file.write(b"one\npart of two")
            follower = self.follow()
            follower.expect("one")
            file.truncate(0)
            file.write(b"three\n")
            follower.expect("one", "three")

    def test_a_file_that_lost_its_end_is_not_read_twice(self):
        lines = [f"line {i:04}" for i in range(500)]
        self.write(*lines)
        follower = self.follow()
        follower.expect(*lines)
        os.truncate(self.log, 400 * 10 + 3)
        follower.expect_note("truncated")
        with open(self.log, "a", encoding="utf-8") as file:
            file.write("\nnext\n")
        follower.expect(*lines, "lin", "next")

    def test_what_was_unread_when_it_was_truncated_is_read_from_the_copy(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        os.kill(follower.process.pid, signal.SIGSTOP)
        self.write("two")
        shutil.copy(self.log, self.rotated(1))
        self.write("three", mode="w")
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", "two", "three")

    def test_likewise_when_it_was_down(self):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two")
        self.logrotate("copytruncate")
        self.write("three")
        self.follow().expect("one", "two", "three")


if __name__ == "__main__":
    unittest.main()
