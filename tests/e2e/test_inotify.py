# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent without libinotifytools (make INOTIFY=kernel): it needs no other library for that, and follows as well."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "lib")]

from agent import BINARY, Agent   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

KERNEL = pathlib.Path(os.environ.get("BUILD", ROOT / "build")) / "tests" / "agent_kernel"
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"


def libraries(program):
    said = subprocess.run(["readelf", "-d", str(program)], capture_output=True, text=True, check=True, timeout=600).stdout
    return {line.split("[")[1].rstrip("]") for line in said.splitlines() if "(NEEDED)" in line}


@unittest.skipUnless(KERNEL.exists(), "no agent_kernel was built (make probes)")
class Kernel(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-inotify-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    @unittest.skipUnless(shutil.which("readelf"), "no readelf (Debian: binutils)")
    def test_only_libinotifytools_is_needed_no_more(self):
        needed = libraries(KERNEL)
        self.assertTrue(needed)
        self.assertEqual({name for name in needed if "inotify" in name}, set())
        self.assertLessEqual(needed, libraries(BINARY))

    def test_it_follows_through_rotations_and_sees_the_writer_die(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        agent = Agent(self.log, self.directory / "history.db", receiver.url("/hook"), {"notify.reminder": "0"})
        agent.command[0] = str(KERNEL)
        with agent:
            for number in range(3):
                with Scheduler(self.log) as scheduler:
                    scheduler.cycle()
                    agent.wait_for(CYCLES, number + 1)
                    self.log.rename(self.directory / f"scheduler.log.{9 - number}")
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for(CYCLES, 4)
                scheduler.kill()
            receiver.wait(1, 10, "/hook")
            self.assertIn(b"IcebergOffloadSchedulerDown", receiver.at("/hook")[0].body)
            # None of these was found out by looking from time to time.
            self.assertNotIn("looking every", agent.said())


if __name__ == "__main__":
    unittest.main()
