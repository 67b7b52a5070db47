# SPDX-License-Identifier: GPL-2.0-or-later
"""A scheduler whose life is told step by step: situations set its hooks, let it run up to a time, stop it, start it again.

Times are seconds (UTC) since the Monday on which the log begins, so that `t % DAY` is the time of day and `t // DAY % 7` the weekday.
Nothing but what a situation asks for goes wrong: no chance failures, no hiccups.
"""

import math
import random

from .clock import SECOND, Clock, next_slot, us_from_text
from .process import SLEEP_OVERHEAD_US
from .voice import MISSING_DOCKER, Voice, stderr_of
from .world import TIMEOUT_S, container_clock

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400
MONDAY = "2026-01-05 00:00:00"
NAMES = tuple(f"bronze_trades_{exchange}" for exchange in (
    "binance", "kraken", "coinbase", "bybit", "okx", "bitfinex", "bitstamp", "gemini", "huobi", "kucoin", "deribit", "gateio"))
FOR_EVER = math.inf


def at(day, hour=0, minute=0):
    """Day 0 is the first Monday."""
    return day * DAY + hour * HOUR + minute * MINUTE


class Stage:
    """Hooks take a table's name and the time at which its run starts; each may be replaced at any time."""

    def __init__(self, name, seed, monday=MONDAY, zone="UTC", now=7.3):
        self.rng = random.Random(f"situation {name} {seed}")
        self.seed = seed
        self.out = []
        self.tables = list(NAMES[:2])
        self.minutes = 15
        self.announced = None          # what the banner and the cycles say instead of the number of tables
        self.banners = self.promises = True
        self.copies = 1                # a logger with two handlers writes each line twice
        self.stamp_shift = 0.0         # what the host's clock is wrong by, in seconds
        self.seconds = lambda table, t: 6.0 * self.spread(0.12)
        self.rows = lambda table, t: self.daily_rows(t)
        self.fate = lambda table, t: None      # None, a cause of the voice, "timeout", "hang" or "exception"
        self.runs = lambda tables, t: tables   # the tables that this cycle runs, in their order
        self.late = lambda t: self.rng.uniform(1, 4) if self.rng.random() < 0.01 else 0.0      # behind the promise
        self.summary = lambda ok, failed, timeout: (ok, failed, timeout)
        self.zone, self.monday_us = zone, us_from_text(monday)
        self.options = []              # what the agent is told about this log
        self.clock = Clock(self.monday_us, zone)
        self.voice = Voice(self._write, self.clock, self.minutes, len(self.tables))
        self.now = self._due = now
        self._life = None
        self._state = "gone"           # gone, waiting, busy
        self._stopping = False
        self._set_now(now)

    # What a usual table does.

    def spread(self, sigma):
        return math.exp(self.rng.gauss(0.0, sigma))

    def daily_rows(self, t, level=50_000, ratio=3.0, sigma=0.25):
        """A day's curve whose highest value is `ratio` times its lowest."""
        swing = math.exp(0.5 * math.log(ratio) * math.sin((t % DAY / DAY - 0.35) * 2 * math.pi))
        return level * swing * self.spread(sigma)

    def cycle_seconds(self, seconds_of, sigma=0.1):
        """Sets how long a whole cycle takes: seconds_of(t), shared by its tables."""
        self.seconds = lambda table, t: seconds_of(t) / len(self.tables) * self.spread(sigma)

    # What happens to the process.

    def run(self, until):
        """The scheduler goes on until that time, be it in the midst of a run; it starts first if it is not there."""
        if self._life is None:
            self._start()
        while self._due <= until:
            self._set_now(self._due)
            self._step()
            if self._life is None:
                break
        self._set_now(until)

    def stop(self):
        """A graceful stop: at once while it waits, else after the run in progress."""
        self.voice.signal()
        if self._state == "waiting":
            self._set_now(self.now + self.rng.uniform(0.05, 1.0))
            self.voice.stopped()
            self._end()
            return
        self._stopping = True
        while self._life is not None:
            self._set_now(self._due)
            self._step()

    def crash(self, text="dictionary changed size during iteration", error="RuntimeError"):
        self.voice.crashed(text, error)
        self._end()

    def kill(self):
        """SIGKILL, the OOM killer, a power cut: no line."""
        self._end()

    def away(self, seconds):
        """Nobody writes for so long; the next run() starts a new process."""
        self._set_now(self.now + seconds)

    def restart(self, seconds=None):
        """By hand: a graceful stop, and back within half a minute."""
        self.stop()
        self.away(self.rng.uniform(2, 30) if seconds is None else seconds)

    def forget(self):
        """The log so far was rotated away."""
        self.out.clear()

    def raw(self, text):
        self.out.append(text)

    def text(self):
        return "".join(self.out)

    # How it works.

    def _write(self, line):
        self.out.append(line * self.copies)

    def _set_now(self, t):
        self.now = t
        self.clock.now_us = self.monday_us + round((t + self.stamp_shift) * SECOND)

    def _count(self, tables):
        return len(tables) if self.announced is None else self.announced

    def _start(self):
        self._stopping = False
        self._life = self._live()
        self._due = self.now
        self._state = "busy"
        self._step()

    def _end(self):
        self._life = None
        self._state = "gone"

    def _step(self):
        try:
            self._due = self.now + next(self._life)
        except StopIteration:
            self._end()

    def _live(self):
        self.voice.interval_minutes, self.voice.tables = self.minutes, self._count(self.tables)
        if self.banners:
            self.voice.started()
            self.voice.initial_cycle()
        while True:
            yield from self._cycle()
            if self._stopping:
                break
            self._state = "waiting"
            yield self._sleep()
            self._state = "busy"
        self.voice.stopped()

    def _sleep(self):
        local = self.clock.naive()
        slot = next_slot(local, self.minutes)
        wait_s = (slot - local).total_seconds()
        if self.promises:
            self.voice.next_run(slot, wait_s)
        late = self.late(self.now)
        # The wait is what it would be without the clock's error, or else a step of the clock would be a lost hour.
        return max(0.0, int(wait_s) * (1 + SLEEP_OVERHEAD_US / SECOND) + self.rng.uniform(0, 0.02) + late)

    def _cycle(self):
        start = self.now
        tables = list(self.runs(list(self.tables), start))
        self.voice.cycle_started(self._count(tables))
        done, rows = {"ok": 0, "failed": 0, "timeout": 0}, 0
        for table in tables:
            if self._stopping:
                self.voice.shutdown_requested()
                break
            kind, count = yield from self._run(table)
            if kind == "exception":
                return
            done[kind] += 1
            rows += count
        self.voice.cycle_completed(self.now - start, *self.summary(done["ok"], done["failed"], done["timeout"]), rows)

    def _run(self, table):
        start = self.now
        self.voice.run_started(table)
        fate = self.fate(table, start)
        if fate is None:
            seconds = self.seconds(table, start)
            fate = "timeout" if seconds > TIMEOUT_S else None
        if fate is None:
            rows = max(0, round(self.rows(table, start)))
            yield seconds
            self.voice.run_completed(table, rows, seconds)
            return "ok", rows
        if fate == "hang":
            yield FOR_EVER
        if fate == "timeout":
            yield TIMEOUT_S + self.rng.uniform(0.01, 0.06)
            self.voice.run_timeout(table)
            return "timeout", 0
        if fate == "exception":
            yield 0.01
            self.voice.cycle_exception(MISSING_DOCKER)
            return "exception", 0
        yield self.rng.uniform(1.5, 4.0)
        self.voice.run_failed(table, *stderr_of(fate, container_clock(round(start * SECOND) + self.monday_us), table),
                              self.now - start)
        return "failed", 0
