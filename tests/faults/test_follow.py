# SPDX-License-Identifier: GPL-2.0-or-later
"""Following a log through what the field does to it: no line lost, none twice."""
import contextlib
import gzip
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "tests" / "follow_probe"
LOGROTATE = shutil.which("logrotate") or "/usr/sbin/logrotate"
IS_ROOT = os.geteuid() == 0


def eventually(condition, what, seconds=10):
    """Waits for a condition; its last value is returned."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.002)
    return value


class Follower:
    """follow_probe at work, and what its journal says."""

    def __init__(self, log, journal, *args, prefix=(), **popen):
        self.journal = journal
        self.process = subprocess.Popen([*prefix, PROBE, log, journal, *args], stderr=subprocess.PIPE, **popen)

    def committed(self):
        data = self.journal.read_bytes() if self.journal.exists() else b""
        return data[:data.rfind(b"\nC\n") + 1]

    def records(self, kind):
        """The committed records of a kind, as bytes."""
        return [record[2:] for record in self.committed().split(b"\n") if record.startswith(kind + b" ")]

    def lines(self):
        return [record.split(b" ", 2)[2] for record in self.records(b"L")]

    def notes(self, name=None):
        notes = [record.decode() for record in self.records(b"N")]
        return [note for note in notes if name is None or note.split(" ")[0] == name]

    def writer(self):
        return (self.records(b"W") or [b"unknown"])[-1].decode()

    def positions(self):
        """The positions of the last batch: (inode, offset)."""
        batch = self.committed()
        batch = batch[batch.rfind(b"\nC\n") + 1:]
        records = [record.split() for record in batch.split(b"\n") if record.startswith(b"P ")]
        return [(int(record[2]), int(record[3])) for record in records]

    def open_files(self):
        """What of the log's files it holds open."""
        names = []
        for entry in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names.append(os.readlink(entry))
        return [name for name in names if ".log" in name]

    def status(self, name):
        """A number of /proc/PID/status."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + ":"))

    def expect(self, *lines, seconds=10):
        wanted = [line if isinstance(line, bytes) else line.encode() for line in lines]
        try:
            eventually(lambda: len(self.lines()) >= len(wanted), "lines", seconds)
        except AssertionError:
            pass
        if self.lines() != wanted:
            raise AssertionError(f"got {self.lines()[-20:]} instead of {wanted[-20:]}; notes {self.notes()}")

    def expect_note(self, name, seconds=10):
        return eventually(lambda: self.notes(name), f"note {name} in {self.notes()}", seconds)

    def expect_writer(self, state, seconds=5):
        eventually(lambda: self.writer() == state, f"writer {state}, is {self.writer()}", seconds)

    def stop(self):
        """A planned end; returns what it said on stderr."""
        if self.process.poll() is None:
            self.process.terminate()
        _, said = self.process.communicate(timeout=10)
        return said.decode()

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=10)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="follow-"))
        self.log = self.dir / "scheduler.log"
        self.journal = self.dir / "journal"
        self.followers = []
        self.addCleanup(self.clean)

    def clean(self):
        for follower in self.followers:
            if follower.process.poll() is None:
                follower.kill()
        subprocess.run(["chmod", "-R", "u+rwx", self.dir], check=False)
        shutil.rmtree(self.dir)

    def follow(self, *args, **popen):
        follower = Follower(self.log, self.journal, *args, **popen)
        self.followers.append(follower)
        return follower

    def write(self, *lines, path=None, mode="a"):
        with open(path or self.log, mode, encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def rotated(self, number):
        return self.log.with_name(f"{self.log.name}.{number}")

    def logrotate(self, *directives, keep=7):
        conf = self.dir / "logrotate.conf"
        conf.write_text(f"{self.log} {{\n  rotate {keep}\n  nomail\n  " + "\n  ".join(directives) + "\n}\n", encoding="utf-8")
        conf.chmod(0o644)
        subprocess.run([LOGROTATE, "--force", "--state", self.dir / "logrotate.state", conf], check=True, timeout=20,
                       stderr=subprocess.DEVNULL)   # it complains of files that grow while it packs them


class Reading(Case):
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
        bound, long = 1 << 20, 30 << 20
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
            self.assertEqual([len(line) for line in follower.lines()], [6, 1 << 20, 5])


class Waiting(Case):
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

    def test_an_overflow_of_the_queue_is_made_good(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        os.kill(follower.process.pid, signal.SIGSTOP)
        with open(self.log, "ab", buffering=0) as file:
            for _ in range(10000):
                file.write(b"x\n")
                os.fchmod(file.fileno(), 0o644)
        self.log.rename(self.rotated(1))
        self.write("two")
        os.kill(follower.process.pid, signal.SIGCONT)
        follower.expect("one", *["x"] * 10000, "two")
        self.write("three")
        follower.expect("one", *["x"] * 10000, "two", "three")
        self.assertEqual(len(follower.expect_note("overflow")), 1)


class Trust(Case):
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


class Truncating(Case):
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


class Rotating(Case):
    def test_the_writer_moves(self):
        self.write("one")
        follower = self.follow()
        follower.expect("one")
        for number in range(5):
            self.logrotate("create")
            self.write(f"new {number}")
        follower.expect("one", *[f"new {number}" for number in range(5)])
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

    def test_the_remembered_file_was_compressed_while_it_was_down(self):
        self.write("one")
        self.follow().expect("one")
        self.followers[0].stop()
        self.write("two, lost to compression")
        self.rotate_by_hand(2)
        with gzip.open(f"{self.rotated(2)}.gz", "wb") as packed:
            packed.write(self.rotated(2).read_bytes())
        self.rotated(2).unlink()
        follower = self.follow()
        follower.expect("one", "generation 0", "generation 1")
        self.assertIn("compressed", follower.expect_note("rotated")[0])

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


class Writers(Case):
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
        self.assertLess(time.monotonic() - began, 1)

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
        self.log.rename(self.rotated(1))
        self.log.touch()
        follower.expect_note("rotated")
        self.write("echo")
        follower.expect("begin", "echo")
        self.assertEqual(follower.records(b"W"), [b"present"])
        writer.kill()
        follower.expect_writer("absent")


class Load(Case):
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
