# SPDX-License-Identifier: GPL-2.0-or-later
"""A maintenance window over a real scheduler: what it holds back, what it lets through, and what it leaves to be told."""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler   # noqa: E402

# The real thresholds, but for the time that a dead scheduler has to come back.
SETTINGS = {"notify.reminder": "0", "schedule.restart_grace": "500ms"}


class Silence(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-silence-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log = self.directory / "scheduler.log"
        self.agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)
        self.scheduler = self.revive()
        self.agent.start()
        self.addCleanup(self.agent.end)
        self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def revive(self):
        """A scheduler that has done one cycle."""
        scheduler = Scheduler(self.log)
        self.addCleanup(scheduler.kill)
        scheduler.cycle()
        return scheduler

    def silence(self, *arguments):
        done = run("silence", *arguments, "--db", self.agent.database)
        self.assertEqual(done.returncode, 0, done.stderr)

    def told(self):
        """What arrived: (status, severity), in order."""
        return [(alert["status"], alert["annotations"]["severity"])
                for request in self.receiver.at("/hook") for alert in request.json()["alerts"]]

    def noted(self):
        return self.agent.rows("SELECT status, severity, silenced FROM notification ORDER BY id")

    def test_what_outlives_it_is_told_when_it_ends(self):
        self.silence("4s")
        begun = time.time()
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1)])
        page = self.receiver.wait(1, timeout=8, path="/hook")[0]
        self.assertGreater(page.wall - begun, 3.9)
        self.assertLess(promise.between_walls(begun, page.wall), 7)
        self.assertEqual(self.told(), [("firing", "critical")])

    def test_it_can_be_ended_by_hand(self):
        self.silence("1h")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.assertEqual(self.told(), [])
        self.silence("--end")
        self.receiver.wait(1, timeout=10, path="/hook")
        self.assertEqual(self.told(), [("firing", "critical")])

    def test_what_is_over_within_it_is_never_told(self):
        self.silence("4s")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.revive()
        self.agent.wait_for("SELECT state FROM incident", "resolved")
        time.sleep(4.5)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1), ("resolved", "critical", 1)])

    def test_the_end_of_what_was_told_before_is_told_within_it(self):
        self.scheduler.kill()
        self.receiver.wait(2, timeout=8, path="/hook")
        self.silence("1h")
        self.revive()
        self.receiver.wait(3, timeout=8, path="/hook")
        self.assertEqual(self.told(), [("firing", "warning"), ("firing", "critical"), ("resolved", "critical")])

    def test_a_restart_within_it_changes_nothing(self):
        self.silence("4s")
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.agent.kill()
        self.agent.start()
        self.receiver.wait(1, timeout=8, path="/hook")
        time.sleep(0.5)
        self.assertEqual(self.told(), [("firing", "critical")])
        self.assertEqual(self.noted(), [("firing", "warning", 1), ("firing", "critical", 1), ("firing", "critical", 0)])


class Scoped(unittest.TestCase):
    """What a silence of one table, and a window of the configuration, hold back."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-scoped-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log = self.directory / "scheduler.log"
        self.configuration = self.directory / "agent.conf"
        self.configuration.touch()
        self.metrics = self.directory / "agent.prom"
        self.agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                           {**SETTINGS, "detect.burst": "100ms", "metrics.textfile": str(self.metrics)})
        self.addCleanup(self.agent.end)
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def start(self):
        self.agent.start({"AGENT_CONFIG": str(self.configuration)})
        self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def ask(self, *arguments, code=0):
        done = run(*arguments, "--db", self.agent.database, "--config", self.configuration, env={**os.environ, "COLUMNS": "200"})
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def fail_twice(self, table):
        for _ in range(2):
            time.sleep(0.15)
            self.scheduler.cycle(failing=[table])

    def noted(self):
        return self.agent.rows("SELECT tables, silenced FROM notification ORDER BY id")

    def test_a_table_is_held_back_and_another_one_is_not(self):
        self.start()
        held, told = TABLES
        self.assertIn(f"silence 1 holds back everything, table {held[:-2]}*, for 1 h", self.ask("silence", "1h", "--table", held[:-2] + "*"))
        self.ask("silence", "1h", "--table", told, "--alert", "Cycle*", "--reason", "slow by night")
        self.fail_twice(held)
        self.agent.wait_for("SELECT count(*) FROM notification", 1)
        self.scheduler.cycle()
        self.agent.wait_for("SELECT state FROM incident", "resolved")
        self.fail_twice(told)
        self.receiver.wait(1, timeout=5, path="/hook")
        self.assertEqual(self.noted(), [(json.dumps([held]), 1), (json.dumps([held]), 1), (json.dumps([told]), 0)])
        listed = self.ask("silence", "--list").splitlines()
        self.assertEqual([line.split()[:3] for line in listed[-2:]], [["2", "in", "force"], ["1", "in", "force"]])
        self.assertIn(f"everything, alert Cycle*, table {told}  slow by night", listed[-2])
        self.assertEqual(self.ask("silence", "--end", "2"), "silence 2 ended\n")
        self.assertEqual(self.ask("silence", "--end", "2", code=1), "")
        self.assertEqual(self.ask("silence", "--end", "7", code=1), "")
        status = self.ask("status", code=1)
        self.assertIn(f"everything, table {held[:-2]}* until ", status)
        self.assertIn("(silence 1)", status)
        document = json.loads(self.ask("status", "--format", "json", code=1))
        self.assertIsNone(document["silenced_until"])      # not everything is
        self.assertEqual([(one["id"], one["window"], one["alert"], one["table"], one["max_severity"]) for one in document["silences"]],
                         [(1, None, None, held[:-2] + "*", "critical")])
        self.assertEqual(self.ask("silence", "--end"), "1 silence ended\n")

    def window(self, severity):
        """A window from an hour ago to in an hour."""
        begins, ends = (time.strftime("%H:%M", time.localtime(time.time() + seconds)) for seconds in (-3600, 3600))
        self.configuration.write_text(f"[silence now]\nfrom = {begins}\nto = {ends}\nmax_severity = {severity}\n")

    def test_a_window_of_the_configuration_is_in_force_until_a_reload_without_it(self):
        self.window("critical")
        self.start()
        self.scheduler.kill()
        self.agent.wait_for("SELECT severity FROM incident", "critical")
        self.agent.wait_for("SELECT min(silenced) FROM notification", 1)
        self.assertRegex(self.ask("status", code=2), r"Silenced +everything until .* \(window now\)")
        self.assertRegex(self.ask("silence", "--list"), r"in force .* everything +window now")
        self.assertEqual([(one["id"], one["window"]) for one in json.loads(self.ask("status", "--format", "json", code=2))["silences"]],
                         [(None, "now")])
        wait_until(lambda: self.metrics.exists() and re.search(r'_silence_window_in_force\{.*window="now".*\} 1\n', self.metrics.read_text()), 5)
        self.window("warning")          # criticals pass from now on
        self.assertEqual(self.receiver.at("/hook"), [])
        self.agent.process.send_signal(signal.SIGHUP)
        self.receiver.wait(1, timeout=5, path="/hook")
        self.assertEqual(self.agent.rows("SELECT severity, silenced FROM notification ORDER BY id"),
                         [("warning", 1), ("critical", 1), ("critical", 0)])


if __name__ == "__main__":
    unittest.main()
