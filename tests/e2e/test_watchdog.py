# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service manager hears: READY, STATUS, RELOADING, STOPPING; and pings from the loop that decides, from nowhere else."""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from manager import Manager   # noqa: E402
from scheduler import Scheduler   # noqa: E402

PING_S = 0.2


class Service(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-service-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.manager = Manager(self.directory / "notify")
        self.addCleanup(self.manager.socket.close)
        environment = mock.patch.dict(os.environ, {"NOTIFY_SOCKET": self.manager.path,
                                                   "WATCHDOG_USEC": str(int(PING_S * 2e6))})
        environment.start()
        self.addCleanup(environment.stop)
        os.environ.pop("WATCHDOG_PID", None)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def agent(self):
        return Agent(self.log, self.directory / "history.db", settings={"notify.reminder": "0"})

    def ready(self):
        wait_until(lambda: self.manager.said("READY=1"), 10, "never ready")
        wait_until(lambda: self.manager.pings() > 1, 10, "no pings")

    def assert_no_pings(self):
        time.sleep(PING_S)         # what was on its way
        before = self.manager.pings()
        time.sleep(6 * PING_S)
        self.assertEqual(self.manager.pings(), before, "pings from somewhere else than the loop")

    def assert_pings(self):
        before = self.manager.pings()
        wait_until(lambda: self.manager.pings() > before + 2, 10, "no more pings")

    def test_a_life_from_ready_to_stopping(self):
        with self.agent() as agent:
            self.ready()
            wait_until(lambda: self.manager.said("STATUS="), 5, "no status")
            self.assertEqual(self.manager.said("STATUS=")[-1], "STATUS=no incident open; last cycle: success")
            self.scheduler.kill()
            wait_until(lambda: "incident open" in self.manager.said("STATUS=")[-1] and "no " not in self.manager.said("STATUS=")[-1],
                       5, "the status does not know of the incident")
            self.assertEqual(self.manager.said("STATUS=")[-1],
                             "STATUS=1 incident open, warning: IcebergOffloadSchedulerDown; last cycle: success")
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(self.manager.said("READY=1")) == 2, 5, "no READY after the reload")
            self.assertRegex(self.manager.said("RELOADING=1")[0], re.compile(r"^MONOTONIC_USEC=\d+$", re.M))
            order = [text.split("=")[0] for _, text in self.manager.heard if text.startswith(("READY", "RELOADING"))]
            self.assertEqual(order, ["READY", "RELOADING", "READY"])
            self.assertEqual(self.manager.said("STOPPING"), [])
            agent.stop()
            self.assertEqual(self.manager.said("STOPPING"), ["STOPPING=1"])

    def test_a_stopped_process_does_not_ping(self):
        with self.agent() as agent:
            self.ready()
            agent.process.send_signal(signal.SIGSTOP)
            self.assert_no_pings()
            agent.process.send_signal(signal.SIGCONT)
            self.assert_pings()

    def test_a_stuck_loop_does_not_ping_although_the_process_lives(self):
        """Its configuration has become a FIFO: the loop hangs when it is to be read again, and that must show."""
        config = self.directory / "agent.conf"
        config.write_text("", encoding="ascii")
        config.chmod(0o600)
        agent = self.agent()
        agent.command += ["--config", str(config)]
        with agent:
            self.ready()
            config.unlink()
            os.mkfifo(config, 0o600)
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: self.manager.said("RELOADING=1"), 5, "no reload")
            self.assert_no_pings()
            self.assertIsNone(agent.process.poll())
            config.write_text("", encoding="ascii")
            self.assert_pings()

    def test_a_healthy_agent_says_nothing(self):
        """At most a line a day in the journal: a day of cycles, and not one line."""
        with self.agent() as agent:
            self.ready()
            said = agent.said()
            for _ in range(96):
                self.scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 97)
            agent.stop()
            self.assertEqual(agent.said(), said)
            self.assertEqual(agent.printed(), "")
            self.assertLessEqual(len(said.splitlines()), 1, said)     # what the kernel does not offer


if __name__ == "__main__":
    unittest.main()
