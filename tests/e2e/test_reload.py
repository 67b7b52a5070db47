# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGHUP: a good configuration is taken over at once, a bad one is refused with file and line, and no line is lost meanwhile."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, has_sanitizer, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler, WallClock   # noqa: E402

TAKEN, REFUSED = "configuration read again", "the old one stays"
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"
LOAD_LINES_PER_S = 1500


class Load(threading.Thread):
    """Writes other loggers' lines at a steady rate, as many as an unlucky host may see.

    Whoever holds `turn` writes alone. Loggers of one process share a lock, and stamp their records a moment before they take it. Here two
    processes write, and on a busy host a line could come in long after its stamp. Behind a failure that looks like the failed job's own log.
    """

    def __init__(self, log):
        super().__init__(daemon=True)
        self.log, self.written, self.done, self.turn = log, 0, threading.Event(), threading.Lock()
        self.begun = time.monotonic()

    def run(self):
        with open(self.log, "ab", buffering=0) as log:
            while not self.done.is_set():
                due = int((time.monotonic() - self.begun) * LOAD_LINES_PER_S) - self.written
                with self.turn:
                    stamp = WallClock.stamp()
                    log.write("".join(f"{stamp} - noise - INFO - line {self.written + i}\n" for i in range(due)).encode())
                self.written += due
                time.sleep(0.01)

    def stop(self):
        """Returns the lines a second that it reached."""
        self.done.set()
        self.join(10)
        return self.written / (time.monotonic() - self.begun)


class Reload(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-reload-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.config = self.directory / "agent.conf"
        self.textfile = self.directory / "agent.prom"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def write(self, text="", path="/hook"):
        self.config.write_text(f"[webhook test]\nurl = {self.receiver.url(path)}\n[metrics]\ntextfile = {self.textfile}\n"
                               f"[notify]\nreminder = 0\n{text}", encoding="utf-8")
        self.config.chmod(0o600)

    def agent(self):
        agent = Agent(self.log, self.directory / "history.db", settings={})
        agent.command += ["--config", str(self.config)]
        return agent

    def reload(self, agent, answer):
        before = agent.said().count(answer)
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: agent.said().count(answer) > before, 10, f"no {answer!r}")

    def test_a_bad_file_is_refused_as_check_config_refuses_it(self):
        self.write()
        with self.agent() as agent:
            agent.wait_for(CYCLES, 1)
            for bad, why in (("[detect]\ncycle_slwo = 1s\n", "8: detect.cycle_slwo: unknown key; the nearest is 'cycle_slow'"),
                             ("[log]\ntimezone = Mars/Olympus\n", "8: log.timezone: unknown time zone 'Mars/Olympus'"),
                             ("[log]\nowner = nobody-of-that-name\n", "8: log.owner: no such user 'nobody-of-that-name'"),
                             ("[log]\npatterns = /nonexistent\n", "/nonexistent: ")):
                self.write(bad)
                self.reload(agent, REFUSED)
                self.assertIn(why, agent.said())
                checked = run("check-config", "--config", self.config)
                self.assertEqual(checked.returncode, 2)
                self.assertIn(why, checked.stderr)
            self.assertNotIn(TAKEN, agent.said())
            self.scheduler.cycle()
            agent.wait_for(CYCLES, 2)
            self.write()
            self.reload(agent, TAKEN)

    def test_what_needs_a_restart_is_said_and_stays(self):
        self.write()
        with self.agent() as agent:
            agent.wait_for(CYCLES, 1)
            self.write(f"host = other\n[log]\ntimezone = Asia/Tokyo\nowner = root\n[history]\ndb = {self.directory}/other.db\n")
            self.reload(agent, TAKEN)
            self.assertIn("log.timezone: a change needs a restart: the host's stays", agent.said())
            self.assertIn("log.owner: a change needs a restart: any stays", agent.said())
            self.assertNotIn("history.db:", agent.said())   # the command line says it, and it wins
            self.scheduler.cycle()
            agent.wait_for(CYCLES, 2)
            started = agent.rows("SELECT max(started_at) FROM cycle")[0][0]
            self.assertLess(abs(started / 1000 - time.time()), 60, "the zone changed")

    def test_an_open_incident_keeps_the_name_that_it_was_announced_under(self):
        self.write("host = before\n")
        with self.agent() as agent:
            agent.wait_for(CYCLES, 1)
            self.scheduler.kill()
            first, = self.receiver.wait(1, path="/hook")
            self.write("host = after\n")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 1)
            self.reload(agent, TAKEN)
            wait_until(lambda: "host before" in agent.said(), 5, "which name is kept was not said")
            agent.stop()
            agent.start()                       # a restart in between changes nothing about it
            scheduler = Scheduler(self.log)
            self.addCleanup(scheduler.kill)
            scheduler.cycle()
            _, second = self.receiver.wait(2, path="/hook")
            alerts = [request.json()["alerts"][0] for request in (first, second)]
            self.assertEqual([alert["status"] for alert in alerts], ["firing", "resolved"])
            self.assertEqual(alerts[0]["labels"]["host"], "before")
            self.assertEqual(alerts[1]["labels"]["host"], "before")
            self.assertEqual(alerts[0]["fingerprint"], alerts[1]["fingerprint"])
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            self.reload(agent, TAKEN)
            scheduler.kill()
            third = self.receiver.wait(3, path="/hook")[2].json()["alerts"][0]
            self.assertEqual(third["labels"]["host"], "after")

    def test_patterns_and_the_textfile_are_taken_up_anew(self):
        patterns = self.directory / "patterns.conf"
        patterns.write_text("[events]\ncycle_started = OFFLOAD CYCLE STARTED$\n", encoding="utf-8")
        self.write(f"[log]\npatterns = {patterns}\n")
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            wait_until(self.textfile.exists, 5, "no textfile")
            old, self.textfile = self.textfile, self.directory / "other.prom"
            patterns.write_text("[events]\ncycle_started = OFFLOAD CYCLE STARTED$\ncycle_completed = OFFLOAD CYCLE COMPLETED$\n",
                                encoding="utf-8")
            self.write(f"[log]\npatterns = {patterns}\n")
            self.reload(agent, TAKEN)
            self.assertFalse(old.exists(), "a file that nobody writes any more looks like an agent that stands still")
            wait_until(self.textfile.exists, 5, "no new textfile")
            self.scheduler.cycle()
            agent.wait_for("SELECT count(*) > 0 FROM cycle WHERE outcome NOT IN ('running', 'aborted')", 1)

    def test_under_load_no_line_is_lost_and_no_page_doubled(self):
        """100 reloads in a row, good and bad, while the log grows by more than 1,000 lines a second; pages go out meanwhile."""
        self.write()
        load = Load(self.log)
        with self.agent() as agent:
            agent.wait_for(CYCLES, 1)
            process = Path(f"/proc/{agent.process.pid}")
            load.start()
            cycles = 1
            resident, descriptors = [], []
            for number in range(100):
                self.write("" if number % 4 else "[detect]\ncycle_slwo = 1s\n")
                self.reload(agent, TAKEN if number % 4 else REFUSED)
                if number in (10, 30, 50):
                    with load.turn:
                        self.scheduler.cycle(failing=TABLES)
                    agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'failed'", (number + 10) // 20)
                elif number % 20 == 0:
                    self.scheduler.cycle()
                    cycles += 1
                resident.append(int((process / "statm").read_text().split()[1]) * 4)
                if os.geteuid() == 0:   # the agent lets no other process of its user look at its descriptors
                    descriptors.append(len(list((process / "fd").iterdir())))
            reached = load.stop()
            self.assertGreaterEqual(reached, 1000)
            agent.wait_for(CYCLES, cycles)
            self.assertEqual(agent.stop()[0], 0)
        # Memory has its caches, and no growth of 100 configurations. No descriptor more, but for one of a checkpoint's connection:
        # SQLite keeps it, since closing would drop the other connection's locks, and uses it again.
        if descriptors:
            self.assertLessEqual(min(descriptors[-10:]), descriptors[10] + 1, descriptors)
        if not has_sanitizer():     # it keeps what was freed
            self.assertLess(max(resident[80:]) - max(resident[:20]), 1024, resident)
        lines = [line for line in self.textfile.read_text().splitlines() if line.startswith("iceberg_offload_agent_lines_total")]
        self.assertEqual(int(lines[0].split()[-1]), len(self.log.read_text().splitlines()))
        keys = [request.headers["idempotency-key"] for request in self.receiver.at("/hook")]
        self.assertEqual(len(keys), len(set(keys)), keys)
        self.assertEqual(len(keys), agent.rows("SELECT count(*) FROM notification")[0][0])


class Environment(unittest.TestCase):
    def test_the_environment_names_the_file_unless_the_command_line_does(self):
        with tempfile.TemporaryDirectory() as directory:
            named, other = Path(directory, "named.conf"), Path(directory, "other.conf")
            named.write_text("[detect]\ncycle_slow = 200s\n", encoding="utf-8")
            other.write_text("[detect]\ncycle_slow = 100s\n", encoding="utf-8")
            environment = {**os.environ, "AGENT_CONFIG": str(named)}
            shown = run("check-config", "--verbose", env=environment).stdout
            self.assertIn("cycle_slow = 3m20s", shown)
            shown = run("check-config", "--verbose", "--config", other, env=environment).stdout
            self.assertIn("cycle_slow = 1m40s", shown)
        self.assertIn("$AGENT_CONFIG", run("run", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
