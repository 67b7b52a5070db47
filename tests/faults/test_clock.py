# SPDX-License-Identifier: GPL-2.0-or-later
"""Clocks that are set, hosts that sleep, zones that are wrong: no false page, no lost deadline. libfaketime sets the clock."""

import json
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
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, run, wait_until   # noqa: E402
from hand import Hand, cycle                      # noqa: E402
from receiver import Receiver, pages               # noqa: E402

TIMEOUT_S = 180
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"
# What lasts at most some seconds in truth, however busy the machine is; a step of half an hour that counted would break all of it.
SETTINGS = {**QUICK, "schedule.late_warning": "5m", "schedule.late_critical": "6m", "schedule.restart_grace": "2s",
            "detect.lag_warning": "8m", "detect.lag_critical": "12m", "detect.cycle_slow": "5m", "detect.cycle_too_slow": "9m"}
# For what a promise's own time must decide.
IMPATIENT = {**SETTINGS, "schedule.late_warning": "2500ms", "schedule.late_critical": "4s"}


class ClockCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-clock-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.receiver = self.enterContext(Receiver())

    def agent(self, settings=None):
        return Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                     SETTINGS if settings is None else settings)

    def environment(self, **values):
        """For the processes begun from now on."""
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)

        def restore():
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        self.addCleanup(restore)
        return restore


def bad(good):
    """The same cycle, in which all runs failed."""
    text, failed = re.subn(r"✓ Offload completed: (\w+) .*", r"✗ Offload failed: \1", good)
    return text.replace(f"Success: {failed}, Failed: 0", f"Success: 0, Failed: {failed}")


class Backlog(ClockCase):
    def test_a_cycle_from_the_future_makes_no_old_news_young(self):
        """The clock was weeks ahead for a moment, long ago; a table failed and recovered after that. Then the first start. The lines
        around it contradict that cycle, so it is left out."""
        at, text = datetime.now() - timedelta(days=2), ""
        for number in range(96):
            if number == 30:
                text += cycle(datetime.now() + timedelta(days=37, minutes=7))
            good = cycle(at + number * timedelta(minutes=15))
            text += good if number not in range(60, 64) else bad(good)
        self.log.write_text(text, encoding="utf-8")
        with self.agent({"notify.reminder": "0"}) as agent:
            agent.wait_for("SELECT count(*) FROM cycle", 96)
            wait_until(lambda: "9 lines of the log with a time far from the moment of writing" in agent.said(), 5, agent.said)
            self.receiver.wait(1, path="/hook")
            time.sleep(1)
            # The only news: the log's scheduler is silent for a day.
            self.assertEqual({page[:2] for page in pages(self.receiver.requests)}, {("IcebergOffloadSchedulerDown", "firing")})
            self.assertEqual(agent.rows("SELECT alert, state FROM incident ORDER BY id"),
                             [("IcebergOffloadConsecutiveFailures", "resolved"), ("IcebergOffloadSchedulerDown", "open")])


@unittest.skipUnless(LIBRARY, "needs libfaketime")
class FakedCase(ClockCase):
    """The agent and the scheduler see a clock of their own."""

    def setUp(self):
        super().setUp()
        self.hand = self.enterContext(Hand(self.log))
        self.step(0)

    def step(self, seconds):
        fresh = self.directory / "faketime.new"
        fresh.write_text(f"{seconds:+d}\n", encoding="ascii")
        fresh.rename(self.directory / "faketime")
        self.hand.offset = timedelta(seconds=seconds)

    def agent(self, settings=None):
        agent = super().agent(settings)
        agent.command = ["env", f"LD_PRELOAD={LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self.directory / 'faketime'}",
                         "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", *agent.command]
        return agent

    def cycles(self, agent, count):
        for _ in range(count):
            done = agent.rows("SELECT count(*) FROM cycle")
            self.hand.cycle(wait_s=1)
            agent.wait_for("SELECT count(*) FROM cycle", (done[0][0] if done else 0) + 1)
            time.sleep(0.5)


class Steps(FakedCase):
    """It is set while both run."""

    def test_steps_both_ways_page_nobody_and_a_death_after_them_does(self):
        steps = (3600, 0, -7200, 86400, -1800, 5)
        with self.agent() as agent:
            self.cycles(agent, 2)
            for seconds in steps:
                self.step(seconds)
                self.cycles(agent, 2)
            self.assertEqual(pages(self.receiver.at("/hook")), [], agent.said())
            self.assertEqual(agent.said().count("the clock jumped"), len(steps), agent.said())
            begun = time.monotonic()
            self.hand.close()
            self.receiver.wait(2, timeout=10, path="/hook")
            seconds = promise.since(begun)
            self.assertEqual(pages(self.receiver.at("/hook")), [("IcebergOffloadSchedulerDown", "firing", "warning"),
                                                                ("IcebergOffloadSchedulerDown", "firing", "critical")])
            self.assertLess(seconds, 5)
        print(f"# held: the clock set {len(steps)} times (an hour, a day, both ways): no page; the death after it: warning and "
              f"critical within {seconds:.1f} s")

    def test_a_promise_that_is_broken_after_a_step_is_told(self):
        with self.agent(IMPATIENT) as agent:
            for step in (7200, -7200):
                self.cycles(agent, 1)
                self.step(step)
                begun = time.monotonic()
                told = len(self.receiver.at("/hook"))
                requests = self.receiver.wait(told + 1, timeout=40, path="/hook")
                self.assertEqual(pages(requests)[-1], ("IcebergOffloadSchedulerDown", "firing", "warning"))
                print(f"# held: the clock set by {step} s while a promise runs out: told after {time.monotonic() - begun:.1f} s")
                self.cycles(agent, 1)
                wait_until(lambda: pages(self.receiver.at("/hook"))[-1][1] == "resolved", 10, "not resolved")


class Seasons(FakedCase):
    """Local time jumps while both run: at 1:00 UTC, in Berlin, on two Sundays of the year."""

    def over_the_change(self, day):
        change = datetime.fromisoformat(f"{day}T01:00:00+00:00").timestamp()
        self.environment(TZ="Europe/Berlin")
        self.hand.zone = ZoneInfo("Europe/Berlin")
        self.step(round(change - 3 - time.time()))
        begun, killed = [], False
        with self.agent() as agent:
            while not begun or begun[-1] < change + 4:
                begun.append(self.hand.cycle(wait_s=1))
                agent.wait_for(CYCLES, len(begun))
                if begun[-1] > change + 1 and not killed:
                    killed = True
                    agent.kill()
                    agent.start()
                time.sleep(0.8)
            self.assertEqual(pages(self.receiver.at("/hook")), [], agent.said())
            self.assertNotIn("zone", agent.said())
            stored = [at / 1000 for at, in agent.rows("SELECT started_at FROM cycle ORDER BY id")]
            self.assertEqual([round(one - other) for one, other in zip(stored, begun, strict=True)], [0] * len(begun))
            self.hand.close()
            self.receiver.wait(2, timeout=10, path="/hook")
            self.assertEqual(pages(self.receiver.at("/hook")), [("IcebergOffloadSchedulerDown", "firing", "warning"),
                                                                ("IcebergOffloadSchedulerDown", "firing", "critical")])
        print(f"# held: {len(begun)} cycles over the change of {day}, the agent killed behind it: each at its instant, no page; then a death, told")

    def test_the_hour_that_comes_twice(self):
        self.over_the_change("2026-10-25")

    def test_the_hour_that_is_skipped(self):
        self.over_the_change("2026-03-29")


class Zones(ClockCase):
    """A log in another zone than the one it is read in, seen from its file's time."""

    def test_a_log_that_changes_its_zone_is_understood_and_pages_nobody(self):
        with Hand(self.log) as hand, self.agent() as agent:
            count = 0
            for hours in (0, -2, 5.5, -3.5, 1, 0):
                hand.offset = timedelta(hours=hours)
                for _ in range(2):
                    hand.cycle(wait_s=1)
                    count += 1
                    agent.wait_for(CYCLES, count)
                    time.sleep(0.25)
            self.assertEqual(pages(self.receiver.at("/hook")), [], agent.said())
            said = agent.said()
            for words in ("2:00 hours behind", "5:30 hours ahead of", "3:30 hours behind", "1:00 hours ahead of", "agree with the clock again"):
                self.assertEqual(said.count(words), 1, words)
            spread, = agent.rows("SELECT max(started_at) - min(started_at) FROM cycle")[0]
            # The first cycle after a change may stand where its clock said; the others are on ours.
            late = agent.rows("SELECT count(*) FROM cycle WHERE abs(started_at - unixepoch() * 1000) > 600000")[0][0]
            self.assertLessEqual(late, 4, spread)
        print("# held: a log whose zone changes 5 times while it is read: no page, each said once, with the likely zone")

    def test_a_kill_right_behind_a_change_of_the_zone_loses_nothing(self):
        """The first lines in the new zone are still held when the agent dies, and it has read past them."""
        with Hand(self.log) as hand, self.agent() as agent:
            hand.cycle(wait_s=1)
            agent.wait_for(CYCLES, 1)
            hand.offset = timedelta(hours=-2)
            hand.cycle(wait_s=1)
            time.sleep(0.5)
            agent.kill()
            agent.start()
            agent.wait_for(CYCLES, 2)
            wait_until(lambda: "2:00 hours behind" in agent.said(), 5, agent.said)
            self.assertEqual(pages(self.receiver.at("/hook")), [], agent.said())

    def test_a_log_in_another_zone_is_said_with_the_zone_and_shown_as_a_blind_spot(self):
        restore = self.environment(TZ="UTC")
        for hours, words in ((-4, "UTC-04:00"), (9, "UTC+09:00")):
            with self.subTest(hours=hours):
                self.log = self.directory / f"scheduler{hours}.log"
                agent = Agent(self.log, self.directory / f"h{hours}.db", self.receiver.url(f"/hook{hours}"), SETTINGS)
                with Hand(self.log) as hand:
                    hand.offset = timedelta(hours=hours)
                    hand.cycle(wait_s=1)       # there before the agent starts
                    with agent:
                        agent.wait_for(CYCLES, 1)
                        wait_until(lambda: words in agent.said(), 5, agent.said)
                        for count in range(2, 5):
                            time.sleep(0.7)
                            hand.cycle(wait_s=1)
                            agent.wait_for(CYCLES, count)
                        agent.kill()
                        agent.start()
                        hand.cycle(wait_s=1)
                        agent.wait_for(CYCLES, 5)
                        self.assertEqual(pages(self.receiver.at(f"/hook{hours}")), [], agent.said())
                        status = json.loads(run("status", "--format", "json", "--db", agent.database, "--log", self.log).stdout)
                        self.assertIn(words, json.dumps(status))
                    self.assertGreaterEqual(agent.said().count(words), 1)
                    self.assertLessEqual(agent.said().count(words), 2, "once in each life")
        restore()

    def test_a_silent_scheduler_in_a_wrong_zone_is_still_silent(self):
        with Hand(self.log) as hand, self.agent(IMPATIENT) as agent:
            hand.offset = timedelta(hours=-3)
            for count in (1, 2, 3):
                hand.cycle(wait_s=1)
                agent.wait_for(CYCLES, count)
                time.sleep(0.5)
            told = self.receiver.wait(1, timeout=15, path="/hook")
            self.assertEqual(pages(told)[0][0], "IcebergOffloadSchedulerDown")

    def test_a_remark_half_an_hour_after_the_last_line_is_no_zone(self):
        with Hand(self.log) as hand, self.agent({"notify.reminder": "0"}) as agent:
            hand.offset = timedelta(minutes=-29, seconds=-50)
            self.log.touch()
            hand.cycle()
            old = time.time() - 1790
            os.utime(self.log, (old, old))
            agent.wait_for(CYCLES, 1)
            time.sleep(0.2)
            before = agent.said().count("probably")
            subprocess.run(["sh", "-c", 'echo "a remark" >>"$0"', self.log], check=True)
            time.sleep(0.5)
            self.assertEqual(agent.said().count("probably"), before)


if __name__ == "__main__":
    unittest.main()
