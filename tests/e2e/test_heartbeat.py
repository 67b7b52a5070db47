# SPDX-License-Identifier: GPL-2.0-or-later
"""The heartbeat: regular while the agent is well, silent when it is not, in nobody's way."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

EVERY_S = 0.2
BEAT = "/ping/a-secret-id"
ONE_PAGE = {**QUICK, "schedule.interval": "0", "schedule.restart_grace": "60s"}   # one when the scheduler dies, and its end


class Heartbeat(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-heartbeat-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def agent(self, webhook=None, settings=None):
        beat = {"heartbeat.url": self.receiver.url(BEAT), "heartbeat.every": "200ms", "notify.reminder": "0"}
        return Agent(self.log, self.directory / "history.db", webhook, {**beat, **(settings or {})})

    def beats(self):
        return len(self.receiver.at(BEAT))

    def assert_silent(self):
        time.sleep(0.2)         # what was on its way
        before = self.beats()
        time.sleep(4 * EVERY_S)
        self.assertEqual(self.beats(), before)

    def assert_beating(self):
        self.receiver.wait(self.beats() + 3, timeout=5, path=BEAT)

    def test_beats_come_every_so_often_without_any_webhook(self):
        with self.agent() as agent:
            beats = self.receiver.wait(6, timeout=5, path=BEAT)
            self.assertEqual({(beat.method, beat.body) for beat in beats}, {("GET", b"")})
            self.assertNotIn("content-type", beats[0].headers)
            first, last, gaps = beats[0].monotonic, beats[-1].monotonic, len(beats) - 1
            self.assertGreater((last - first) / gaps, EVERY_S - 0.12)
            self.assertLess(promise.between(first, last) / gaps, EVERY_S + 0.2)
            self.scheduler.kill()       # notifications are printed as ever
            wait_until(lambda: "IcebergOffloadSchedulerDown" in agent.printed(), 5, "nothing printed")
            self.assertEqual(agent.stop()[0], 0)

    def test_they_go_on_after_the_process_was_stopped(self):
        with self.agent() as agent:
            self.assert_beating()
            os.kill(agent.process.pid, signal.SIGSTOP)
            self.assert_silent()
            os.kill(agent.process.pid, signal.SIGCONT)
            self.assert_beating()

    def test_none_come_while_the_log_cannot_be_read(self):
        with self.agent():
            self.assert_beating()
            self.log.rename(self.directory / "aside")
            self.log.mkdir()
            self.assert_silent()
            self.log.rmdir()
            (self.directory / "aside").rename(self.log)
            self.assert_beating()

    def test_none_come_while_nothing_can_be_stored(self):
        with self.agent() as agent:
            self.assert_beating()
            blocker = sqlite3.connect(agent.database, isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            self.scheduler.cycle()
            wait_until(lambda: "going on from memory" in agent.said(), 5, "no word of the commit that failed")
            self.assert_silent()
            blocker.execute("ROLLBACK")
            blocker.close()
            self.assert_beating()

    def test_none_come_while_the_only_webhook_refuses_what_it_is_sent(self):
        self.receiver.plan("/hook", "404x2 200")
        with self.agent(self.receiver.url("/hook"), ONE_PAGE):
            self.assert_beating()
            self.scheduler.kill()
            self.receiver.wait(2, path="/hook")                  # the page, whole and in its shortest form
            self.assert_silent()
            again = Scheduler(self.log)
            self.addCleanup(again.kill)
            again.cycle()
            self.receiver.wait(3, path="/hook")                  # the end of it is taken
            self.assert_beating()

    def test_none_come_while_the_only_webhook_cannot_be_reached(self):
        self.receiver.plan("/hook", "500x3 200")
        with self.agent(self.receiver.url("/hook"), ONE_PAGE):
            self.assert_beating()
            self.scheduler.kill()
            self.receiver.wait(1, path="/hook")
            before = self.beats()
            self.receiver.wait(4, timeout=20, path="/hook")
            self.assertLess(self.beats() - before, 5)            # at most those on their way before and after the failures
            self.assert_beating()

    def test_none_come_while_nobody_reads_standard_output(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        full = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, b"x" * full)
        agent = self.agent(settings=ONE_PAGE)
        with open(agent.errors, "ab") as errors:
            agent.process = subprocess.Popen(agent.command, stdout=writer, stderr=errors, stdin=subprocess.DEVNULL)
        os.close(writer)
        self.addCleanup(agent.end)
        self.assert_beating()
        self.scheduler.kill()
        agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 1)
        self.assert_silent()
        os.read(reader, full)
        self.assert_beating()

    def test_they_go_on_while_another_webhook_works(self):
        self.receiver.plan("/hook", "404")
        with self.agent(self.receiver.url("/hook"), {**ONE_PAGE, "webhook other.url": self.receiver.url("/other")}):
            self.assert_beating()
            self.scheduler.kill()
            self.receiver.wait(2, path="/hook")
            self.receiver.wait(1, path="/other")
            self.assert_beating()

    def test_a_failure_is_said_once_and_without_the_secret(self):
        self.receiver.plan(BEAT, "500x3 200x2 404x2 200")
        with self.agent() as agent:
            self.receiver.wait(9, timeout=8, path=BEAT)
            wait_until(lambda: agent.said().count("arriving again") == 2, 5, agent.said)
            self.assertEqual(agent.said().count("not said again"), 2, agent.said())
            self.assertNotIn("a-secret-id", agent.said())

    def test_one_that_hangs_delays_no_webhook(self):
        self.receiver.plan(BEAT, "never")
        with self.agent(self.receiver.url("/hook"), {**QUICK, "schedule.interval": "0"}) as agent:
            self.receiver.wait(1, timeout=5, path=BEAT)
            at = self.scheduler.kill()
            page = self.receiver.wait(1, timeout=5, path="/hook")[0]
            self.assertLess(promise.between_walls(at, page.wall), 1.0)
            self.assertEqual(self.beats(), 1)     # the next waits for the one that hangs
            status, seconds = agent.stop()
            self.assertEqual(status, 0)
            self.assertLess(seconds, 2.0)


if __name__ == "__main__":
    unittest.main()
