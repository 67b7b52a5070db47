# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent as a process: outputs that nobody reads, descriptors that are closed, limits, a history that cannot be written."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import BINARY, Agent, wait_until     # noqa: E402
from hand import TABLE, cycle, record           # noqa: E402
from manager import Manager                     # noqa: E402
from receiver import Receiver, pages            # noqa: E402

# Only failures are told, and each of them counts.
SETTINGS = {"notify.reminder": "0", "detect.burst": "100ms"}
FAILURES = "IcebergOffloadConsecutiveFailures"


class ProcessCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-process-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.file = self.enterContext(open(self.log, "a", buffering=1, encoding="utf-8"))
        self.receiver = self.enterContext(Receiver())
        self.database = self.directory / "state" / "history.db"
        (self.directory / "out").mkdir()

    def agent(self, webhook=True):
        agent = Agent(self.log, self.database, self.receiver.url("/hook") if webhook else None, SETTINGS)
        agent.errors, agent.output = self.directory / "out" / "stderr", self.directory / "out" / "stdout"
        return agent

    def failures(self, count=2):
        """So far from one another that each is an attempt of its own."""
        for _ in range(count):
            time.sleep(0.15)
            at = datetime.now()
            self.file.write(record(at, "OFFLOAD CYCLE STARTED") + record(at, f"✗ Offload failed: {TABLE}", "ERROR") +
                            record(at, "OFFLOAD CYCLE COMPLETED") + record(at, "Success: 0, Failed: 1, Timeout: 0"))

    def told(self):
        return [page[0] for page in pages(self.receiver.at("/hook"))]


def full_pipe(test):
    """Its reading end; one that is opened by the path takes nothing more."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    test.addCleanup(os.close, reader)
    test.addCleanup(os.close, writer)
    return reader, writer, f"/proc/self/fd/{writer}"


class Outputs(ProcessCase):
    def reload(self, agent, times=1):
        """Something to say for the agent."""
        for _ in range(times):
            agent.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)

    def test_nobody_reads_stderr(self):
        """No page is late, nobody else's end of the pipe changes, and what was lost is counted and said when there is room."""
        reader, writer, path = full_pipe(self)
        agent = self.agent()
        agent.errors.symlink_to(path)
        self.file.write(cycle(datetime.now()))
        agent.start()
        self.addCleanup(agent.kill)
        agent.wait_for("SELECT count(*) FROM cycle", 1)
        self.reload(agent, 3)
        self.failures()
        wait_until(lambda: FAILURES in self.told(), 10, "not told")
        self.assertFalse(fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK)
        os.read(reader, 4096)
        self.reload(agent)
        heard = os.read(reader, 4096).decode()
        lost = int(re.match(r"agent: warning: (\d+) messages could not be written here\n", heard)[1])
        self.assertGreaterEqual(lost, 3, heard)
        self.assertTrue(heard.endswith("agent: configuration read again\n"), heard)

    def test_nobody_reads_a_socket_that_is_stderr(self):
        """As the journal's, when it hangs."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        there.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                there.send(b"x" * 1024)
        there.setblocking(True)
        self.file.write(cycle(datetime.now()))
        agent = self.agent()
        agent.process = subprocess.Popen(agent.command, stdout=subprocess.DEVNULL, stderr=there, stdin=subprocess.DEVNULL)
        self.addCleanup(agent.kill)
        agent.wait_for("SELECT count(*) FROM cycle", 1)
        self.reload(agent)
        self.failures()
        wait_until(lambda: FAILURES in self.told(), 10, "not told")

    def test_nobody_reads_stdout(self):
        """Without a webhook pages go there. The log is read on, and the pages come when there is room."""
        reader, _, path = full_pipe(self)
        agent = self.agent(webhook=False)
        agent.output.symlink_to(path)
        with agent:
            self.file.write(cycle(datetime.now()))
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.failures()
            agent.wait_for("SELECT count(*) FROM notification", 1)
            self.file.write(cycle(datetime.now()))
            agent.wait_for("SELECT count(*) FROM cycle", 4)
            os.read(reader, 4096)
            self.assertIn(FAILURES, os.read(reader, 4096).decode())

    def test_no_file_takes_the_place_of_a_closed_descriptor(self):
        agent = self.agent(webhook=False)
        agent.command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *agent.command]
        self.file.write(cycle(datetime.now()))
        with agent:
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.failures()
            agent.wait_for("SELECT count(*) FROM notification", 1)
            fds = [os.readlink(f"/proc/{agent.process.pid}/fd/{fd}") for fd in range(3)]
            self.assertEqual(fds, ["/dev/null"] * 3)
            # What could not be printed was not delivered.
            self.assertEqual(agent.rows("SELECT count(*) FROM outbox WHERE status = 'delivered'"), [(0,)])
        written = b"".join(path.read_bytes() for path in self.database.parent.iterdir() if "-lock" in path.name)
        self.assertNotIn(b"firing", written)

    def test_a_command_says_that_it_could_not_print(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" status --db "$1" >&-', BINARY, str(self.database)], capture_output=True,
                              text=True, timeout=600, check=False)
        self.assertIn("standard output", done.stderr)


class Histories(ProcessCase):
    """One that cannot be written at the start: watched and told all the same."""

    def setUp(self):
        super().setUp()
        self.manager = Manager(self.directory / "notify")
        self.addCleanup(self.manager.socket.close)
        environment = mock.patch.dict(os.environ, {"NOTIFY_SOCKET": self.manager.path})
        environment.start()
        self.addCleanup(environment.stop)
        (self.directory / "in-the-way").touch()
        self.database.parent.symlink_to(self.directory / "in-the-way")
        self.file.write(cycle(datetime.now()))

    def replace(self, directory):
        """The history's directory, all at once."""
        fresh = self.directory / "fresh"
        fresh.symlink_to(directory)
        fresh.rename(self.database.parent)

    def begin(self):
        agent = self.agent().start()
        self.addCleanup(agent.end)
        wait_until(lambda: self.manager.said("READY=1"), 10, agent.said)
        wait_until(lambda: any("the history cannot be written" in text for text in self.manager.said("STATUS=")), 10, agent.said)
        self.failures()
        wait_until(lambda: FAILURES in self.told(), 10, agent.said)
        return agent

    def test_it_pages_without_a_history_and_writes_it_as_soon_as_it_can(self):
        agent = self.begin()
        (self.directory / "room").mkdir()
        self.replace(self.directory / "room")
        agent.wait_for("SELECT count(*) FROM cycle", 3, timeout=40)
        self.assertEqual(len(self.told()), 1)
        self.assertIn("writing again", agent.said())

    def test_a_history_that_comes_back_with_what_it_did_not_know_is_taken_up(self):
        """It was not there at the start (a file system that is mounted late), and an earlier run has written it."""
        other = self.directory / "other.log"
        other.write_text(cycle(datetime.now() - timedelta(days=1)), encoding="utf-8")
        (self.directory / "earlier").mkdir()
        earlier = Agent(other, self.directory / "earlier" / "history.db", None, SETTINGS)
        with earlier:
            earlier.wait_for("SELECT count(*) FROM cycle", 1)
        agent = self.begin()
        pid = agent.process.pid
        self.replace(self.directory / "earlier")
        # The lines of this log are read again, into that history.
        agent.wait_for("SELECT count(*) FROM cycle", 4, timeout=40)
        self.assertIn("holds what was not known", agent.said())
        self.failures(1)
        agent.wait_for("SELECT count(*) FROM cycle", 5)
        self.assertEqual(agent.process.pid, pid)
        self.assertIsNone(agent.process.poll())

    def test_a_limit_of_file_sizes_ends_nothing(self):
        """The default of SIGXFSZ would end it without a word."""
        self.database.parent.unlink()
        agent = self.agent()
        agent.command = ["prlimit", f"--fsize={32 << 10}", *agent.command]
        with agent:
            # Newer versions of SQLite leave no file of the first attempt.
            wait_until(lambda: re.search("(is kept|begins) in memory", agent.said()), 10, agent.said)
            self.failures()
            wait_until(lambda: FAILURES in self.told(), 10, agent.said)


if __name__ == "__main__":
    unittest.main()
