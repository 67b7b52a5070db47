# SPDX-License-Identifier: GPL-2.0-or-later
"""A month of the scheduler's log with a dozen kinds of trouble, compressed so that it is written live within minutes.

Nine thousand times as fast, the quarter of an hour between two cycles is a tenth of a second. The stamps are those of the
moment, so to an agent each record is news; but for AHEAD_S, as from a host whose clock is a little fast. An agent reads all that
was written before a moment, and moves its clock to that moment only then. So its clock passes no stamp of a line that it has not
read, however late it reads, as long as no stamp is older than the writing of its line. Otherwise the rows would show when it was
read. A busy machine can keep the writer waiting: then the rest of the month comes later by that, with later stamps, and the wait
looks like a scheduler that said nothing. What the records say (rows, seconds) is left as it was.
"""
import os
import random
import shutil
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulator.clock import DAY, HOUR, SECOND, Clock, us_from_text   # noqa: E402
from simulator.facts import Facts                                           # noqa: E402
from simulator.incidents import KINDS, Scene                                # noqa: E402
from simulator.process import simulate                                      # noqa: E402
from simulator.voice import Voice                                           # noqa: E402
from simulator.world import World, make_tables                              # noqa: E402

FACTOR = 9000
DAY_S = DAY / SECOND / FACTOR                  # a day lasts 9.6 s
AHEAD_S = 3
LATE_S = 0.5                                   # a writer that is late by less catches up
INTERVAL_MINUTES = 15
OUTAGE_US = round(2.6 * HOUR)
START_US = us_from_text("2026-01-05 00:00:02")
KEEP = 7                                       # rotated logs, as the documented rule has it

# What an event decides: what only time decides comes at another moment to an agent that was dead in that one.
TROUBLES = ("table_fails", "stall_one", "exception_burst", "stopped", "cycle_400", "table_timeout", "throughput_drop",
            "crash_loop", "stall_all", "clickhouse_down", "volume_spike", "killed_waiting")

# Nothing but events decides, however long the machine lets somebody wait.
SETTINGS = {
    "log.timezone": "UTC", "schedule.interval": f"{INTERVAL_MINUTES * 60_000 // FACTOR}ms",
    "schedule.late_warning": "1h", "schedule.late_critical": "2h", "schedule.table_timeout": "1h",
    "schedule.restart_grace": "1h", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "notify.reminder": "0",
}


class FastClock:
    """The virtual clock's time, compressed onto the wall clock. `due` is called when the time of the next record has come."""

    def __init__(self, clock, due):
        self.clock, self.due = clock, due
        self.begin_us, self.wall_us = clock.now_us, round((time.time() + AHEAD_S) * SECOND)

    def at_us(self, us):
        return self.wall_us + (us - self.begin_us) // FACTOR

    def now_s(self):
        return self.at_us(self.clock.now_us) / SECOND

    def passed_s(self):
        """Since the beginning, without the waits."""
        return (self.clock.now_us - self.begin_us) / FACTOR / SECOND

    def wait(self):
        """For the time of the next record. Who comes too late for it moves it and all that follows to the present."""
        time.sleep(max(0.0, self.now_s() - AHEAD_S - time.time()))
        self.due(self.passed_s())
        late_s = time.time() - (self.now_s() - AHEAD_S)
        if late_s > LATE_S:
            self.wall_us += round(late_s * SECOND)

    def now(self):
        return Clock(self.at_us(self.clock.now_us))

    def stamp(self):
        self.wait()
        return self.now().stamp()

    def isoformat(self):
        return self.now().isoformat()


class FastVoice(Voice):
    def next_run(self, slot, wait_seconds):
        ahead_us = (slot - self.clock.clock.naive()) // timedelta(microseconds=1)
        super().next_run(Clock(self.clock.at_us(self.clock.clock.now_us + ahead_us)).naive(), wait_seconds / FACTOR)


def add_troubles(world, rng, days):
    """One of each kind, evenly over the days but the first; returns the fates of the process."""
    effects, fates = [], []
    first_us, last_us = START_US + DAY, START_US + round(days * DAY) - 2 * HOUR
    for number, kind in enumerate(TROUBLES):
        begin_us = first_us + (last_us - first_us) * number // len(TROUBLES)
        scene = Scene(kind, number, rng, START_US, begin_us, begin_us + OUTAGE_US, last_us, INTERVAL_MINUTES, world,
                      [table.name for table in world.tables])
        KINDS[kind](scene)
        if world.effect:
            effects.append(world.effect)
        world.effect = None
        fates += scene.fates

    def effect(table, now_us, outcome):
        for one in effects:
            outcome = one(table, now_us, outcome) or outcome
        return outcome
    world.effect = effect
    return fates


class Writer(threading.Thread):
    """Writes it in its time, and rotates the log every day in another way."""

    def __init__(self, log, days, seed):
        super().__init__(daemon=True)
        self.log = Path(log)
        self.days, self.rng = days, random.Random(seed)
        self.records = 0
        self.oldest_s = -float(AHEAD_S)      # how much older than the end of its writing a record's stamp was; below 0: younger
        self.rotations = {"rename, the writer moves": 0, "rename, the writer stays": 0, "copytruncate": 0}
        self.rotate_every_s = min(DAY_S, days * DAY_S / 3.5)     # in a short time too, once in each way
        self.rotate_s = self.rotate_every_s    # both since the beginning
        self.stays_until_s = self.fast = None
        self.fd = self.open()

    def open(self):
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def name(self, number):
        return self.log.with_name(f"{self.log.name}.{number}")

    def shift(self):
        self.name(KEEP).unlink(missing_ok=True)
        for number in range(KEEP - 1, 0, -1):
            if self.name(number).exists():
                self.name(number).rename(self.name(number + 1))

    def move(self):
        """To the file at the path; the old one is closed after, as a reopening handler never leaves the log without a writer."""
        old, self.fd = self.fd, self.open()
        os.close(old)
        self.stays_until_s = None

    def rotate(self, now_s):
        how = list(self.rotations)[sum(self.rotations.values()) % len(self.rotations)]
        self.rotations[how] += 1
        self.shift()
        if how == "copytruncate":
            shutil.copyfile(self.log, self.name(1))
            os.ftruncate(self.fd, 0)
            return
        self.log.rename(self.name(1))
        if how.endswith("moves"):
            self.move()
        else:
            os.close(self.open())              # "create": empty, while the writer goes on in the old file
            self.stays_until_s = now_s + self.rotate_every_s / 2

    def rotate_if_due(self, now_s):
        if self.stays_until_s and now_s >= self.stays_until_s:
            self.move()                        # before the next rotation, which may be due as well
        elif now_s >= self.rotate_s:
            self.rotate(now_s)
            self.rotate_s += self.rotate_every_s

    def write(self, text):
        os.write(self.fd, text.encode())
        self.records += 1
        self.oldest_s = max(self.oldest_s, time.time() - self.fast.now_s())

    def run(self):
        world = World(self.rng, make_tables(self.rng, 3), INTERVAL_MINUTES)
        fates = add_troubles(world, self.rng, self.days)
        clock = Clock(START_US)
        self.fast = FastClock(clock, self.rotate_if_due)
        simulate(clock, FastVoice(self.write, self.fast, INTERVAL_MINUTES, 3), world, Facts(), fates,
                 START_US + round(self.days * DAY))
