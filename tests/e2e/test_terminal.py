# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person at a terminal sees: `status --watch` in place, colours only where they are wanted, narrow and plain screens."""
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import promise   # noqa: E402
import report_history as history                    # noqa: E402
from test_report_golden import AGENT, ROOT, Agent   # noqa: E402

PATIENCE_S = 60
TAKE, GIVE_BACK = b"\x1b[?1049h\x1b[?25l", b"\x1b[0m\x1b[?25h\x1b[?1049l"
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
LOG = ROOT / "fixtures" / "logs" / "clickhouse-refused-nested-stderr.log"


class Screen:
    """As much of a terminal as --watch needs: where the cursor is, what stands where, and how often it had to scroll."""

    def __init__(self, rows):
        self.rows, self.lines, self.row, self.column, self.scrolled = rows, [""] * rows, 0, 0, 0

    def feed(self, text):
        for control, plain in re.findall(r"(\x1b\[[0-9;?]*[A-Za-z]|[\r\n])|([^\x1b\r\n]+)", text):
            if control == "\n":
                self.scrolled += self.row + 1 == self.rows
                self.row = min(self.row + 1, self.rows - 1)
            elif control == "\r" or control == "\x1b[H":
                self.column, self.row = 0, self.row if control == "\r" else 0
            elif control == "\x1b[K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            elif control == "\x1b[J":
                self.lines[self.row] = self.lines[self.row][:self.column]
                self.lines[self.row + 1:] = [""] * (self.rows - self.row - 1)
            elif plain:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + plain + line[self.column + len(plain):]
                self.column += len(plain)


class Terminal:
    """A command whose standard output is a terminal of that size."""

    def __init__(self, agent, arguments, rows=50, columns=80, **environment):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.env = {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "LC_ALL": "C.UTF-8", "AGENT_CONFIG": "/dev/null",
                    "TERM": "xterm", "SOURCE_DATE_EPOCH": str(history.NOW // 1000), **environment}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        source = () if arguments[0] == "replay" else ("--db", agent.db)
        self.process = subprocess.Popen([AGENT, *arguments, *source], stdin=subprocess.DEVNULL, stdout=theirs,
                                        stderr=subprocess.DEVNULL, env=self.env)
        os.close(theirs)
        self.ours, self.seen = ours, b""

    def read(self, enough=lambda seen: False):
        """Until that was seen, or the command closed its end."""
        deadline = time.monotonic() + PATIENCE_S
        while not enough(self.seen) and time.monotonic() < deadline:
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    more = os.read(self.ours, 65536)
                except OSError:
                    more = b""
                if not more:
                    break
                self.seen += more
        return self.seen

    def frames(self, count):
        """The frames seen, at least so many whole ones."""
        return self.read(lambda seen: seen.count(b"\x1b[J") >= count).decode().split("\x1b[H")[1:]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


class AtTerminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            for descriptor in pty.openpty():
                os.close(descriptor)
        except OSError as why:
            raise unittest.SkipTest(f"no pseudo-terminals here: {why}")

    def setUp(self):
        self.agent = Agent()
        self.addCleanup(self.agent.close)

    def terminal(self, *arguments, **options):
        terminal = Terminal(self.agent, arguments, **options)
        self.addCleanup(terminal.close)
        return terminal

    def change(self, sql):
        with history.sqlite3.connect(self.agent.db) as db:
            db.execute(sql)
        db.close()


class Watch(AtTerminal):
    def test_the_next_frame_is_drawn_over_the_last_one(self):
        terminal = self.terminal("status", "--watch")
        first = terminal.frames(1)[0]
        self.assertIn("cycle running since", first)
        self.change("UPDATE incident SET state = 'resolved', resolved_at = opened_at + 1000 WHERE state = 'open'")
        self.change("UPDATE outbox SET status = 'superseded' WHERE status = 'pending'")
        terminal.read(lambda seen: b"no incident" in seen)
        terminal.frames(terminal.seen.count(b"\x1b[J") + 1)
        screen = Screen(50)
        screen.feed(terminal.seen[:terminal.seen.rindex(b"\x1b[J") + 3].decode())
        self.assertEqual(0, screen.scrolled)
        self.assertNotIn(b"\x1b[2J", terminal.seen)         # it would flicker
        alone = self.agent.run("status").stdout.decode().rstrip("\n").split("\n")
        self.assertEqual(alone, [line.rstrip() for line in screen.lines[:len(alone)]])
        self.assertEqual("", "".join(screen.lines[len(alone):]))

    def test_a_low_window_shows_the_top_and_does_not_scroll(self):
        terminal = self.terminal("status", "--watch", rows=7)
        terminal.frames(2)
        screen = Screen(7)
        screen.feed(terminal.seen[:terminal.seen.rindex(b"\x1b[J")].decode())
        self.assertEqual(0, screen.scrolled)
        self.assertTrue(screen.lines[0].startswith("WARNING - "), screen.lines)

    def test_an_interrupt_gives_the_terminal_back_and_tells_the_state(self):
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            terminal = self.terminal("status", "--watch")
            terminal.frames(1)
            terminal.process.send_signal(ending)
            self.assertEqual(1, terminal.process.wait(PATIENCE_S))
            seen = terminal.read()
            self.assertTrue(seen.startswith(TAKE), seen[:40])
            self.assertTrue(seen.endswith(GIVE_BACK), seen[-40:])

    def test_a_stop_that_cannot_be_caught_is_followed_by_a_new_screen(self):
        terminal = self.terminal("status", "--watch")
        terminal.frames(1)
        terminal.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read(lambda seen: seen.count(TAKE) > 1 and b"\x1b[J" in seen[seen.rindex(TAKE):])
        self.assertEqual(2, terminal.seen.count(TAKE))
        self.assertIn(b"WARNING - ", terminal.seen[terminal.seen.rindex(TAKE):])

    def test_another_size_of_the_window_is_taken(self):
        def lines(seen):
            """Of the last whole frame."""
            return seen.split(b"\x1b[J")[-2].count(b"\x1b[K")

        terminal = self.terminal("status", "--watch")
        terminal.frames(1)
        for rows in (5, 3, 6):
            fcntl.ioctl(terminal.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
            for _ in range(60):                             # nobody reads meanwhile: writes wait, and are interrupted
                terminal.process.send_signal(signal.SIGWINCH)
                time.sleep(0.005)
            terminal.read(lambda seen, rows=rows: lines(seen) == rows)
            self.assertEqual(rows, lines(terminal.seen))
        self.assertIsNone(terminal.process.poll())

    def test_a_terminal_that_is_closed_ends_it(self):
        terminal = self.terminal("status", "--watch")
        terminal.frames(1)
        os.close(terminal.ours)
        self.assertEqual(3, terminal.process.wait(PATIENCE_S))
        terminal.ours = os.open("/dev/null", os.O_RDONLY)

    def test_a_pipe_that_is_closed_ends_it(self):
        env = {"PATH": os.environ["PATH"], "AGENT_CONFIG": "/dev/null"}
        for ignored, code in ((False, -signal.SIGPIPE), (True, 3)):
            with subprocess.Popen([AGENT, "status", "--watch", "--db", self.agent.db], env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, restore_signals=not ignored) as watch:    # Python itself ignores SIGPIPE
                self.assertTrue(watch.stdout.readline().startswith(b"WARNING - "))
                watch.stdout.close()
                self.assertEqual(code, watch.wait(PATIENCE_S))
                self.assertEqual(ignored, b"standard output: Broken pipe" in watch.stderr.read())


class JobControl(AtTerminal):
    """`status --watch` under a shell that stops and continues it."""

    def setUp(self):
        super().setUp()
        self.shell, self.ours = pty.fork()
        if self.shell == 0:
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.type("PS1=; export AGENT_CONFIG=/dev/null LC_ALL=C.UTF-8 TERM=xterm; echo rea''dy\n", b"ready")

    def tearDown(self):
        os.kill(self.shell, signal.SIGKILL)
        os.waitpid(self.shell, 0)
        os.close(self.ours)

    def type(self, text, wanted):
        """What the terminal shows from here on, until `wanted` is among it."""
        os.write(self.ours, text.encode())
        seen, deadline = b"", time.monotonic() + PATIENCE_S
        while wanted not in seen and time.monotonic() < deadline:
            if select.select([self.ours], [], [], 0.1)[0]:
                seen += os.read(self.ours, 65536)
        self.assertIn(wanted, seen)
        return seen

    def until_stopped(self, text):
        """What the terminal shows from here on, until the shell lists its job as stopped for output to the terminal."""
        os.write(self.ours, text.encode())
        seen, deadline = b"", time.monotonic() + PATIENCE_S
        while b"Stopped(SIGTTOU)" not in seen and time.monotonic() < deadline:
            seen += self.type("jobs -l; echo lis''ted\n", b"listed").replace(b" (tty output)", b"(SIGTTOU)")
        self.assertIn(b"Stopped(SIGTTOU)", seen)
        return seen

    def test_a_stop_gives_the_terminal_back_and_fg_takes_it_again(self):
        watch = f"{AGENT} status --watch --db {self.agent.db}\n"
        self.assertIn(TAKE, self.type(watch, b"\x1b[J"))
        for _ in range(3):
            stopped = self.type("\x1a", b"Stopped")
            self.assertEqual((0, 1), (stopped.count(TAKE), stopped.count(GIVE_BACK)))
            shown = self.type("fg\n", b"\x1b[J")
            self.assertIn(TAKE, shown)
            self.assertIn(b"WARNING - ", shown)
        self.type("\x03", GIVE_BACK)
        self.type("echo code=$?\n", b"code=1")

    def test_in_the_background_it_leaves_the_terminal_alone(self):
        self.type(f"{AGENT} status --watch --db {self.agent.db}\n", b"\x1b[J")
        self.type("\x1a", b"Stopped")
        self.assertNotIn(TAKE, self.until_stopped("bg\n"))
        self.assertIn(TAKE, self.type("fg\n", b"\x1b[J"))
        self.type("\x03", GIVE_BACK)

    def test_a_watch_that_is_started_in_the_background_waits_for_the_terminal(self):
        self.assertNotIn(TAKE, self.until_stopped(f"{AGENT} status --watch --db {self.agent.db} &\n"))
        self.assertIn(TAKE, self.type("fg\n", b"\x1b[J"))
        self.type("\x03", GIVE_BACK)

    def test_a_component_that_hangs_does_not_hold_up_the_interrupt(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(PATIENCE_S)
            terminal = self.terminal("status", "--watch", "--set", f"probe it.url=http://127.0.0.1:{silent.getsockname()[1]}/",
                                     "--set", "probe it.timeout=50s")
            with silent.accept()[0]:
                begun = time.monotonic()
                terminal.process.send_signal(signal.SIGINT)
                terminal.process.wait(PATIENCE_S)
                self.assertLess(promise.since(begun), 20)       # not the 50 s that the component has

    def test_components_are_asked_once_in_six_frames(self):
        with socket.create_server(("127.0.0.1", 0)) as port:
            port.settimeout(PATIENCE_S)
            terminal = self.terminal("status", "--watch", "--set", f"probe it.url=tcp://127.0.0.1:{port.getsockname()[1]}")
            port.accept()[0].close()
            terminal.frames(6)
            port.setblocking(False)
            self.assertRaises(BlockingIOError, port.accept)
            port.settimeout(PATIENCE_S)
            self.assertIn("accepts connections", terminal.frames(7)[5])
            port.accept()[0].close()


class Colours(AtTerminal):
    COMMANDS = (("status",), ("report", "--incident", "1"), ("report", "--since", "9h"), ("incidents",),
                ("replay", "--tz", "UTC", str(LOG)))

    def test_a_terminal_gets_them_unless_it_says_no(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                if command[0] != "replay":                  # whose lines are for programs
                    self.assertRegex(self.terminal(*command).read(), COLOUR)
                plain = self.terminal(*command, NO_COLOR="1").read()
                self.assertGreater(len(plain), 80)
                self.assertNotIn(b"\x1b", plain)

    def test_an_empty_no_color_says_nothing(self):
        self.assertRegex(self.terminal("status", NO_COLOR="").read(), COLOUR)

    def test_a_pipe_gets_none(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "AGENT_CONFIG": "/dev/null", "TERM": "xterm-256color"}
                source = () if command[0] == "replay" else ("--db", self.agent.db)
                said = subprocess.run([AGENT, *command, *source], env=env, capture_output=True, timeout=600, check=False)
                self.assertGreater(len(said.stdout), 80)
                self.assertNotIn(b"\x1b", said.stdout + said.stderr)

    def test_sixty_columns_are_kept_by_the_window_itself(self):
        for command in self.COMMANDS[:-1]:
            with self.subTest(command):
                lines = self.terminal(*command, columns=60, NO_COLOR="1").read().decode().split("\r\n")
                headline = command == ("status",)           # one line for monitoring systems, however long
                self.assertLessEqual(max(map(len, lines[headline:])), 60)

    def test_a_plain_language_gets_ascii(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                said = self.terminal(*command, LC_ALL="", LANG="C", NO_COLOR="1").read()
                self.assertGreater(len(said), 80)
                self.assertTrue(said.isascii(), [byte for byte in said if byte > 127][:8])


if __name__ == "__main__":
    unittest.main()
