# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host says while something is wrong: the log's disk is full, the scheduler's process is stopped."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import QUICK, Agent           # noqa: E402
from bus import Bus, Systemd, why_not    # noqa: E402
from scheduler import Scheduler          # noqa: E402

UNIT = "offload-under-test.service"
SETTINGS = {**QUICK, "detect.lag_warning": "1h", "detect.lag_critical": "2h"}
CAUSE = "SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadSchedulerDown' AND likely_cause LIKE '%{}%'"
NOTED = "SELECT count(*) > 0 FROM timeline WHERE kind = 'probe' AND text LIKE '%{}%'"


class HostState(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-host-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def agent(self, log, environment=None, **settings):
        agent = Agent(log, self.directory / "history.db", settings={**SETTINGS, **settings})
        agent.start(environment)
        self.addCleanup(agent.end)
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        return agent

    def test_a_full_disk_is_why_the_log_is_silent(self):
        place = self.directory / "small"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(place)], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", str(place)], check=False)
        scheduler = Scheduler(place / "scheduler.log")
        self.addCleanup(scheduler.kill)
        scheduler.cycle(wait_s=1)
        agent = self.agent(place / "scheduler.log")
        with open(place / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        agent.wait_for(CAUSE.format("the log''s disk is full"), 1)
        self.assertEqual(agent.rows("SELECT first_command FROM incident WHERE likely_cause LIKE '%disk is full%'"), [("df -h; df -i",)])

    @unittest.skipIf(why_not(), why_not())
    def test_a_process_that_is_stopped_is_why_the_log_is_silent(self):
        bus = Bus(self.directory)
        self.addCleanup(bus.close)
        systemd = Systemd(bus, UNIT)
        self.addCleanup(systemd.close)
        scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(scheduler.kill)
        self.addCleanup(os.kill, scheduler.pid, signal.SIGCONT)
        systemd.set(MainPID=scheduler.pid, ActiveEnterTimestamp=int(time.time() * 1e6))
        scheduler.cycle(wait_s=1)
        agent = self.agent(self.directory / "scheduler.log", bus.environment, **{"scheduler.unit": UNIT})
        os.kill(scheduler.pid, signal.SIGSTOP)
        agent.wait_for(CAUSE.format("is stopped (state T)"), 1)
        agent.wait_for(NOTED.format(f"the scheduler''s process {scheduler.pid} is stopped"), 1)
        self.assertEqual(agent.rows("SELECT count(*) > 0 FROM timeline WHERE text LIKE 'systemd says: it runs%'"), [(1,)])

    def test_where_all_is_well_the_host_says_nothing(self):
        with Scheduler(self.directory / "scheduler.log") as scheduler:
            scheduler.cycle(wait_s=1)
            agent = self.agent(self.directory / "scheduler.log")
            agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadSchedulerDown' AND severity = 'critical'", 1)
            self.assertEqual(agent.rows("SELECT text FROM timeline WHERE text LIKE '%disk is full%' OR text LIKE '%is stopped%'"), [])


if __name__ == "__main__":
    unittest.main()
