# SPDX-License-Identifier: GPL-2.0-or-later
"""A long replay says how far it is on a terminal, and nothing of it into a pipe."""
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import BINARY   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "fixtures" / "logs" / "healthy-day.log"
ENOUGH = 6000       # times the log: seconds of work, so that several drawings come


class Progress(unittest.TestCase):
    def replay(self, stderr):
        command = [BINARY, "replay", "--tz", "UTC", *[str(LOG)] * ENOUGH]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)

    def test_a_terminal_sees_bytes_rate_and_time_left(self):
        try:
            ours, theirs = os.openpty()
        except OSError as why:
            self.skipTest(f"no pseudo-terminals here: {why}")
        with self.replay(theirs) as process:
            os.close(theirs)
            seen = b""
            while True:
                try:
                    seen += os.read(ours, 4096)
                except OSError:         # the other end is closed
                    break
            self.assertEqual(0, process.wait(60))
        os.close(ours)
        self.assertRegex(seen.decode(), r"\r\d+ MB of \d+ MB, \d+ MB/s, [^\r]+ left\x1b\[K")
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-40:])

    def test_a_pipe_sees_nothing(self):
        with self.replay(subprocess.PIPE) as process:
            said = process.stderr.read()
            self.assertEqual(0, process.wait(60))
        self.assertIsNone(re.search(rb"MB|\r|\x1b", said))


if __name__ == "__main__":
    unittest.main()
