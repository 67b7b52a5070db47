# SPDX-License-Identifier: GPL-2.0-or-later
"""A follower of a log under test: the program follow_probe, what its journal says, and a test's own directory."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fair   # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "tests" / "follow_probe"
LOGROTATE = shutil.which("logrotate") or "/usr/sbin/logrotate"


def eventually(condition, what, seconds=10):
    """Waits for a condition, in fair seconds; its last value is returned."""
    left = fair.Left(seconds)
    while not (value := condition()):
        if left.over():
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
        _, said = self.process.communicate(timeout=fair.ENDS_S)
        return said.decode()

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=fair.ENDS_S)


class FollowerCase(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="follow-"))
        self.log = self.dir / "scheduler.log"
        self.journal = self.dir / "journal"
        self.followers = []
        self.addCleanup(self.clean)

    def clean(self):
        for follower in self.followers:
            if follower.process.poll() is None:
                follower.stop()
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
        subprocess.run([LOGROTATE, "--force", "--state", self.dir / "logrotate.state", conf], check=True, timeout=fair.ENDS_S,
                       stderr=subprocess.DEVNULL)   # it complains of files that grow while it packs them
