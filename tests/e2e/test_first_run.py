# SPDX-License-Identifier: GPL-2.0-or-later
"""The first run, as a new user sees it at a terminal: one line at once about what is watched, where the history is and who is told."""
import fcntl
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
LOG = ROOT / "fixtures" / "logs" / "clickhouse-refused-nested-stderr.log"
NOBODY = 65534
AT_ONCE_S = 10      # on a machine that does much else


class Terminal:
    """An agent on a terminal of its own, in a home of its own, without any configuration."""

    def __init__(self, home, *arguments, before=(), program=AGENT):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_PRELOAD", "AGENT_CONFINE", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        self.process = subprocess.Popen([*before, program, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=home, start_new_session=True,
                                        env={**kept, "HOME": str(home), "TZ": "UTC"})
        os.close(theirs)
        self.text = ""

    def wait_for(self, words):
        """The line that holds these words."""
        end = time.monotonic() + AT_ONCE_S
        while time.monotonic() < end:
            for line in self.text.split("\r\n")[:-1]:
                if words in line:
                    return line
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.ours, 65536).decode()
                except OSError:         # the other end is closed
                    break
        raise AssertionError(f"no {words!r} in {self.text!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        os.close(self.ours)


class FirstRun(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="agent-first-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.log = self.home / "scheduler.log"
        self.history = self.home / ".local/state/iceberg-offload-agent/history.db"

    def greeting(self, *arguments, log=None):
        with Terminal(self.home, "run", "--log", str(log or self.log), *arguments) as terminal:
            line = terminal.wait_for("agent: watching ")
        self.assertEqual(terminal.process.returncode, 0, terminal.text)
        return line

    def test_one_line_says_what_is_watched_and_where_the_history_is_and_who_is_told(self):
        shutil.copy(LOG, self.log)
        lines = len(LOG.read_bytes().splitlines())
        self.assertRegex(self.greeting(), rf"^agent: watching {self.log} \({lines} lines, \d+ events understood\); history in {self.history}; "
                                          r"no webhook: notifications are printed here$")
        self.assertIn("(no new line since the last run)", self.greeting())

    def test_what_the_log_is_instead(self):
        (self.home / "folder").mkdir()
        os.mkfifo(self.home / "pipe")
        (self.home / "empty").touch()
        (self.home / "prose").write_text("It was a dark and stormy night.\n" * 3, encoding="utf-8")
        for name, words in (("absent", "not there yet"), ("folder", "not read: a directory, not a regular file"), ("pipe", "not read: a FIFO, not a regular file"),
                            ("empty", "empty so far"), ("prose", "3 lines, no event understood")):
            with self.subTest(name):
                self.assertIn(f"watching {self.home / name} ({words}); ", self.greeting("--db", str(self.home / f"{name}.db"), log=self.home / name))

    def test_the_webhooks_are_named(self):
        webhooks = [f"--set=webhook {name}.url=http://127.0.0.1:9/" for name in ("oncall", "channel")]
        self.assertTrue(self.greeting(*webhooks).endswith("; told: oncall, channel"))

    def test_a_long_log_is_announced_before_it_is_read(self):
        with open(self.log, "wb") as log:
            log.truncate(80 << 20)
        with Terminal(self.home, "run", "--log", str(self.log)) as terminal:
            self.assertEqual(terminal.wait_for("reading"), f"agent: reading {self.log} first, 80 MB")
            terminal.wait_for("agent: watching ")

    def test_a_reload_is_no_warning(self):
        with Terminal(self.home, "run", "--log", str(self.log)) as terminal:
            terminal.wait_for("agent: watching ")
            terminal.process.send_signal(signal.SIGHUP)
            self.assertEqual(terminal.wait_for("configuration"), "agent: configuration read again")

    def test_good_news_is_no_warning(self):
        with Terminal(self.home, "run", "--log", str(self.log)) as terminal:
            terminal.wait_for("(not there yet)")
            shutil.copy(LOG, self.log)
            self.assertEqual(terminal.wait_for("the log is there"), "agent: the log is there now")

    def test_without_a_terminal_nothing_of_it_is_said(self):
        shutil.copy(LOG, self.log)
        errors = self.home / "errors"
        with open(errors, "wb") as said:
            process = subprocess.Popen([AGENT, "run", "--log", str(self.log), "--set", f"metrics.textfile={self.home}/agent.prom"], stdout=subprocess.DEVNULL,
                                       stderr=said, env={**os.environ, "HOME": str(self.home), "AGENT_CONFIG": "/dev/null"})
            end = time.monotonic() + AT_ONCE_S
            while not (self.home / "agent.prom").exists() and time.monotonic() < end:       # it is written when the log was read to its end
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            process.wait(20)
        self.assertTrue((self.home / "agent.prom").exists())
        self.assertNotIn("watching", errors.read_text(encoding="utf-8"))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, to become somebody without rights")
    def test_a_user_without_rights_is_told_what_is_missing(self):
        shutil.copy(LOG, self.log)
        self.log.chmod(0o600)
        self.home.chmod(0o755)
        before = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        program = pathlib.Path(shutil.copy(AGENT, self.home / "agent"))      # that user may not enter the folder of the original
        with Terminal(self.home, "run", "--log", str(self.log), before=before, program=str(program)) as terminal:
            line = terminal.wait_for("agent: watching ")
        self.assertIn(f"watching {self.log} (not read: Permission denied); history in memory, as it cannot be in {self.history}; ", line)
        self.assertIn("cannot make this directory: Permission denied", terminal.text)


if __name__ == "__main__":
    unittest.main()
