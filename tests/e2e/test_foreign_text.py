#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random logs with foreign text in them: whatever a failed job writes to stderr or an exception says, what the scheduler says is told."""
import collections
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from simulator.voice import RULE, Voice   # noqa: E402

AGENT = os.environ.get("AGENT", "build/agent")
SEEDS, CYCLES = 60, 12
SLOT_S = 900

# What a job may write under the scheduler's logger, with its own clock: hours off, a quarter of an hour off, or earlier in the same zone.
MESSAGES = ["Generic Offload Job", RULE, "Source: x (ClickHouse)", "OFFLOAD CYCLE COMPLETED", "Scheduler stopped gracefully",
            "Starting offload: a → cold.a", "✓ Offload completed: a (1 rows in 1.0s)", "Received signal 15, x",
            "K2 ICEBERG OFFLOAD SCHEDULER STARTED", "Next run scheduled at: 2027-01-01 00:00:00", "Scheduler crashed: x"]
TEXTS = ["", "\tat x.y(z)", "Traceback (most recent call last):", "java.net.ConnectException: Connection refused", "é" * 300]
# A job's record is believed where two failures lie near each other, if the scheduler may say it there. It must do no harm.
HARMLESS = {"signal_received", "run_started"}


class Clock:
    def __init__(self, start_s):
        self.now_s = start_s

    def stamp(self, offset_s=0):
        ms = int((self.now_s + offset_s) * 1000)
        at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
        return at.strftime("%Y-%m-%d %H:%M:%S") + f",{ms % 1000:03d}"

    def isoformat(self):
        return datetime.datetime.fromtimestamp(self.now_s, datetime.timezone.utc).isoformat()


class Story:
    """A scheduler's days on a clock of its own; `told` are the events that its log must give."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines, self.told = [], []
        self.clock = Clock(1772496000 + self.random.random() * 1e6)
        self.tables = self.random.sample(["a", "b", "c", "bronze_größe", "Bronze Trades", "x.y-z"], self.random.randint(1, 5))
        self.voice = Voice(self.lines.append, self.clock, tables=len(self.tables), metrics=self.random.random() < 0.3)
        self.start()
        for _ in range(CYCLES):
            self.cycle()
        self.say(self.voice.cycle_started, ["cycle_started", "cycle_tables"], len(self.tables))

    def chance(self, share):
        return self.random.random() < share

    def say(self, what, events, *values):
        what(*values)
        self.told += events
        self.clock.now_s += self.random.choice([0, 0, 0, 0.004])

    def start(self):
        self.say(self.voice.started, ["scheduler_started", "schedule", "scheduler_tables"])
        self.say(self.voice.initial_cycle, [])

    def stop(self):
        self.say(self.voice.stopped, ["scheduler_stopped"])
        self.clock.now_s += 60
        self.start()

    def signal(self):
        self.say(self.voice.signal, ["signal_received"])

    def foreign_line(self):
        offset_s = self.random.choice([-36000, -900, -2, 0, 900, 36000])
        stamp = self.clock.stamp(offset_s - 0.002 - self.random.random() if offset_s in (-2, 0) else offset_s)
        if self.chance(0.4):
            return self.random.choice(TEXTS)
        return f"{stamp} - __main__ - INFO - {self.random.choice(MESSAGES[:3] if offset_s > 0 else MESSAGES)}"

    def foreign_text(self):
        return "\n".join(self.foreign_line() for _ in range(self.random.choice([0, 1, 1, 2, 5, 9])))

    def exception(self):
        self.say(self.voice.cycle_exception, ["cycle_exception"], self.random.choice(["boom", "two\nlines", self.foreign_text()]))
        self.wait()

    def wait(self):
        now_s = self.clock.now_s
        slot_s = (now_s // SLOT_S + 1) * SLOT_S
        slot = datetime.datetime.fromtimestamp(slot_s, datetime.timezone.utc)
        self.say(self.voice.next_run, ["next_run", "waiting"], slot, slot_s - now_s)
        if self.chance(0.05):
            self.clock.now_s += self.random.random() * 300
            self.signal()
            self.stop()
        elif self.chance(0.05):
            self.clock.now_s += 40   # it died without a word
            self.start()
        else:
            self.clock.now_s = slot_s + self.random.random()

    def run(self, table, counts):
        self.say(self.voice.run_started, ["run_started"], table)
        self.clock.now_s += self.random.choice([0, 0.001, 0.2, 8, 120, 500])
        outcome = self.random.choices(["completed", "failed", "timeout"], [5, 5, 1])[0]
        counts[outcome] += 1
        if outcome == "completed":
            self.say(self.voice.run_completed, ["run_completed"], table, 1000, 2.0)
        elif outcome == "failed":
            self.say(self.voice.run_failed, ["run_failed", "run_exit_code"], table, 1, self.foreign_text(), 2.0)
        else:
            self.say(self.voice.run_timeout, ["run_timeout"], table)
        if self.chance(0.1):
            self.clock.now_s += self.random.random() * 299   # the host slept

    def cycle(self):
        self.say(self.voice.cycle_started, ["cycle_started", "cycle_tables"], len(self.tables))
        counts, stopping = collections.Counter(), False
        for table in self.tables:
            self.run(table, counts)
            if self.chance(0.03):
                return self.exception()
            if self.chance(0.02):
                self.clock.now_s += self.random.choice([30, 400])   # it died behind a run
                return self.start()
            if self.chance(0.03):
                stopping = True
                self.signal()
                self.say(self.voice.shutdown_requested, ["shutdown_requested"])
                break
        self.say(self.voice.cycle_completed, ["cycle_completed", "cycle_duration", "cycle_summary", "cycle_rows"], 8.0,
                 counts["completed"], counts["failed"], counts["timeout"], 1000)
        return self.stop() if stopping else self.wait()


class ForeignText(unittest.TestCase):
    def test_what_the_scheduler_says_is_told_whatever_stands_between(self):
        for seed in range(SEEDS):
            story = Story(seed)
            parsed = subprocess.run([AGENT, "parse", "--set", "log.timezone=UTC"], input="".join(story.lines), text=True,
                                    capture_output=True, check=True)
            names = [json.loads(line)["event"] for line in parsed.stdout.splitlines()]
            names = [name for name in names if name != "run_stderr"]
            rest = iter(names)
            lost = [event for event in story.told if event not in rest]
            forged = collections.Counter(names) - collections.Counter(story.told)
            with self.subTest(seed=seed):
                self.assertEqual(lost, [])
                self.assertLessEqual(set(forged), HARMLESS)


if __name__ == "__main__":
    unittest.main()
