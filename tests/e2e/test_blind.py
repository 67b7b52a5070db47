# SPDX-License-Identifier: GPL-2.0-or-later
"""Never blind without a word: each reason is said, shown by status, exported, kept from the heartbeat, and an incident where it lasts."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import BINARY, QUICK, Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

BEAT = "/ping"
RULE = "=" * 80
UNREADABLE = "SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadLogUnreadable' AND state = '{}'"


class Blind(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-blind-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.metrics = self.directory / "agent.prom"
        self.database = self.directory / "history.db"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def agent(self, log=None, **settings):
        own = {"heartbeat.url": self.receiver.url(BEAT), "heartbeat.every": "100ms", "metrics.textfile": self.metrics}
        return Agent(log or self.log, self.database, None, {**QUICK, **own, **settings})

    def scheduler(self, log=None, **options):
        scheduler = Scheduler(log or self.log, **options)
        self.addCleanup(scheduler.kill)
        return scheduler

    def status(self):
        result = run("status", "--log", self.log, "--db", self.database)
        return result.returncode, result.stdout.splitlines()[0]

    def reasons(self):
        return set(re.findall(r'blind\{[^}]*reason="(\w+)"\} 1', self.metrics.read_text()))

    def assert_blind(self, agent, reason, words, code):
        """On every channel but the incident. The file of metrics is written with the agent's end, if not before."""
        wait_until(lambda: words in self.status()[1], 5, lambda: self.status())
        self.assertEqual(self.status()[0], code)
        before = len(self.receiver.at(BEAT))
        time.sleep(0.5)
        self.assertEqual(len(self.receiver.at(BEAT)), before, "the heartbeat goes on")
        agent.end()
        self.assertEqual(self.reasons(), {reason})

    def test_a_log_that_is_never_there(self):
        self.log = self.directory / "nowhere" / "scheduler.log"
        with self.agent() as agent:
            agent.wait_for(UNREADABLE.format("open"), 1)
            self.assertIn(f"{self.log}: not there (yet): waiting for it", agent.said())
            agent.wait_for("SELECT severity FROM incident", "critical")
            self.assert_blind(agent, "missing", f"the log is missing: there is no file {self.log}", 3)
        self.assertEqual(self.receiver.at(BEAT), [])
        self.assertIn("the log is missing", agent.printed())

    def test_a_log_that_comes_late(self):
        with self.agent() as agent:
            agent.wait_for(UNREADABLE.format("open"), 1)
            self.scheduler().cycle()
            agent.wait_for(UNREADABLE.format("resolved"), 1)
            self.assertIn("the log is there now", agent.said())
            self.receiver.wait(2, timeout=5, path=BEAT)
            self.assertLess(self.status()[0], 3)

    def test_a_log_that_was_deleted_under_its_writer_and_is_gone_after_a_restart(self):
        scheduler = self.scheduler(interval=0.5, script="healthy 1000")
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 2 FROM cycle", 1)
            self.log.unlink()
            agent.wait_for(UNREADABLE.format("open"), 1)
            self.assertIn("the log was deleted", agent.rows("SELECT likely_cause FROM incident WHERE alert = 'IcebergOffloadLogUnreadable'")[0][0])
            self.assertIn("after a restart it cannot be found again", agent.said())
            self.assert_blind(agent, "deleted", "the log was deleted", 1)
        scheduler.kill()
        with self.agent() as agent:
            wait_until(lambda: "the log is missing" in self.status()[1], 5, lambda: self.status())
            self.assertIn(self.status()[0], (1, 2))     # it was understood once

    def test_a_log_that_rotation_renamed_is_no_missing_one_while_its_writer_lives(self):
        self.scheduler(interval=0.5, script="healthy 1000")
        with self.agent(**{"schedule.interval": "500ms"}) as agent:
            agent.wait_for("SELECT count(*) > 2 FROM cycle", 1)
            self.log.rename(self.directory / "scheduler.log.1")
            time.sleep(2.5)
            self.assertEqual(agent.rows("SELECT alert FROM incident"), [])
            agent.end()
            self.assertEqual(self.reasons(), set())

    def write(self, *messages, prefix="%s - other.name - INFO - ", stamp=True):
        with open(self.log, "a", encoding="utf-8") as log:
            for message in messages:
                now = datetime.now().strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
                log.write((prefix % now if stamp else prefix) + message + "\n")

    def test_fifty_lines_of_another_logger(self):
        self.write(RULE, "OFFLOAD CYCLE STARTED")
        with self.agent(**{"schedule.interval": "15m"}) as agent:
            time.sleep(0.3)
            self.assertEqual(agent.rows(UNREADABLE.format("open")), [(0,)])
            self.write(*["Starting offload: a → cold.a"] * 48)
            agent.wait_for(UNREADABLE.format("open"), 1)
            summary = agent.rows("SELECT likely_cause FROM incident WHERE alert = 'IcebergOffloadLogUnreadable'")[0][0]
            self.assertIn("50 lines came, and none is understood", summary)
            self.assertIn("other.name - INFO - OFFLOAD CYCLE STARTED", summary)
            self.assertIn("its logger is other.name, and the scheduler's is __main__", summary)
            self.assertIn("blind: 50 lines came, and none is understood", agent.said())
            self.assert_blind(agent, "not_understood", "none is understood", 3)

    def test_a_few_lines_of_json_for_an_interval(self):
        self.write('{"message": "OFFLOAD CYCLE STARTED", "password": "hunter2hunter2"}', prefix="", stamp=False)
        with self.agent() as agent:
            agent.wait_for(UNREADABLE.format("open"), 1)
            summary = agent.rows("SELECT likely_cause FROM incident WHERE alert = 'IcebergOffloadLogUnreadable'")[0][0]
            self.assertIn('it does not begin like "2026-', summary)
            self.assertNotIn("hunter2", summary)
            self.scheduler().cycle()
            agent.wait_for(UNREADABLE.format("resolved"), 1)
            self.assertIn("the log's lines are understood again", agent.said())
            self.assertNotIn("hunter2", agent.said())

    def test_a_log_that_stays_empty(self):
        self.log.touch()
        with self.agent() as agent:
            agent.wait_for(UNREADABLE.format("open"), 1)
            self.assert_blind(agent, "not_understood", "the log is empty", 3)

    def test_other_programs_lines_between_those_of_the_scheduler_are_no_news(self):
        scheduler = self.scheduler()
        with self.agent(**{"schedule.late_warning": "1m", "schedule.late_critical": "2m", "detect.lag_warning": "1m",
                           "detect.lag_critical": "2m"}) as agent:
            for cycle in range(1, 6):
                scheduler.cycle()
                self.write(*["nothing to do"] * 60)
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", cycle)
                time.sleep(0.4)
            self.assertEqual(agent.rows("SELECT summary FROM incident"), [])
            agent.end()
            self.assertEqual(self.reasons(), set())

    def cycle_as_in_an_8_bit_locale(self, failed):
        """The lines with marks and arrows are lost, and the summary is all that is left of the runs."""
        self.write(RULE, "OFFLOAD CYCLE STARTED", "Tables: 2", RULE, "OFFLOAD CYCLE COMPLETED", "Duration: 0.1s",
                   f"Success: {2 - failed}, Failed: {failed}, Timeout: 0", RULE, prefix="%s - __main__ - INFO - ")

    def test_a_summary_that_knows_more_than_the_lines(self):
        with self.agent(**{"schedule.interval": "1m"}) as agent:
            self.cycle_as_in_an_8_bit_locale(failed=0)
            wait_until(lambda: "blind: the cycle's summary counts 2 successes" in agent.said(), 5, agent.said)
            self.assert_blind(agent, "summary", "the lines of its runs tell of 0 successes and 0 failures", 1)

    def test_failures_that_only_the_summary_knows_are_paged(self):
        with self.agent(**{"schedule.late_warning": "1m", "schedule.late_critical": "2m"}) as agent:
            for cycle in range(3):
                self.cycle_as_in_an_8_bit_locale(failed=1 if cycle else 0)
                time.sleep(1)
            agent.wait_for("SELECT table_name FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures'",
                           "a table whose line was not understood")
            self.assertEqual(agent.rows("SELECT outcome, succeeded, failed FROM cycle ORDER BY id DESC LIMIT 1"),
                             [("partial", 1, 1)])

    def test_nobody_can_be_told(self):
        self.receiver.close()
        scheduler = self.scheduler()
        agent = Agent(self.log, self.database, self.receiver.url("/hook"), {**QUICK, "metrics.textfile": self.metrics})
        with agent:
            scheduler.cycle()
            scheduler.kill()
            agent.wait_for("SELECT count(*) > 0 FROM outbox WHERE attempts > 0", 1)
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            agent.end()
            self.assertIn("mute", self.reasons())


class Replayed(unittest.TestCase):
    """Any name that the scheduler may print, and a log of which nothing is understood."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-blind-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def replay(self, lines):
        self.log.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return subprocess.run([BINARY, "replay", "--tz", "UTC", "--format", "json", self.log], capture_output=True, text=True,
                              timeout=600, check=True)

    @staticmethod
    def lines(name, logger="__main__"):
        at = datetime(2026, 3, 3, 6, 0, 0)
        for cycle in range(8):
            run_of = [f"Starting offload: {name} → cold.{name}", f"✓ Offload completed: {name} (1,000 rows in 2.0s)"] \
                if cycle < 4 else [f"Starting offload: {name} → cold.{name}", f"✗ Offload failed: {name}", "  Exit code: 1",
                                   "  Stderr: boom"]
            good = cycle < 4
            for message in ["OFFLOAD CYCLE STARTED", "Tables: 1", *run_of, RULE, "OFFLOAD CYCLE COMPLETED", "Duration: 2.0s",
                            f"Success: {int(good)}, Failed: {int(not good)}, Timeout: 0"]:
                yield f"{at:%Y-%m-%d %H:%M:%S},000 - {logger} - INFO - {message}"
            at += timedelta(minutes=15)

    def test_any_name_is_paged(self):
        for name in ("bronze_größe", "Bronze Trades", "a.b.c", "'quoted'", '"doubly"', "таблица", "表", "🙂", "a (1 rows in 2s) b",
                     "x → y", "Offload failed: x", "-", "a\\b", "%s%n", "<b>&amp;</b>"):
            with self.subTest(name=name):
                told = self.replay(self.lines(name)).stdout
                self.assertIn("IcebergOffloadConsecutiveFailures", told)
                self.assertRegex(told.encode().decode(), re.escape(name.replace("\\", "\\\\").replace('"', '\\"'))
                                 + "|a table whose line was not understood")

    def test_a_replay_of_which_nothing_is_understood_says_so(self):
        result = self.replay(self.lines("a", logger="other.name"))
        self.assertEqual(result.stdout, "")
        self.assertIn("no line of it is understood", result.stderr)
        self.assertIn("its logger is other.name", result.stderr)
        self.assertEqual(self.replay(self.lines("a")).stderr, "")


class Checked(unittest.TestCase):
    def test_a_path_that_names_nothing_is_a_warning(self):
        result = run("check-config", "--log", "/nowhere/at all.log")
        self.assertEqual(result.returncode, 0)
        self.assertIn("log.path: /nowhere/at all.log: No such file or directory", result.stderr)
        result = run("check-config", "--log", os.devnull)
        self.assertNotIn("log.path", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
