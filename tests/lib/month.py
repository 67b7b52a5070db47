# SPDX-License-Identifier: GPL-2.0-or-later
"""A month of the scheduler's log with a dozen kinds of trouble, compressed so that it is written live within minutes.

Nine thousand times as fast, the quarter of an hour between two cycles is a tenth of a second. The stamps are those of the
moment, so to an agent each record is news; but for AHEAD_S, as from a host whose clock is a little fast: an agent's own clock
must not pass a stamp before its line is read, or how late it was read would show in the rows. What the records say (rows,
seconds) is left as it was.
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
    """The virtual clock's time, compressed onto the wall clock."""

    def __init__(self, clock, wall_us):
        self.clock, self.begin_us, self.wall_us = clock, clock.now_us, wall_us

    def at_us(self, us):
        return self.wall_us + (us - self.begin_us) // FACTOR

    def now(self):
        return Clock(self.at_us(self.clock.now_us))

    def stamp(self):
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


def records(days, seed, begin_s):
    """(wall time in s, text) of each record of so many days, the first one at begin_s."""
    rng = random.Random(seed)
    world = World(rng, make_tables(rng, 3), INTERVAL_MINUTES)
    fates = add_troubles(world, rng, days)
    clock = Clock(START_US)
    fast = FastClock(clock, round(begin_s * SECOND))
    written = []
    voice = FastVoice(lambda text: written.append((fast.now().now_us / SECOND, text.encode())), fast, INTERVAL_MINUTES, 3)
    simulate(clock, voice, world, Facts(), fates, START_US + round(days * DAY))
    return written


class Writer(threading.Thread):
    """Writes them in their time, and rotates the log every day in another way."""

    def __init__(self, log, days, seed):
        super().__init__(daemon=True)
        self.log = Path(log)
        begun = time.time()
        records(min(days, 1), seed, begun)      # how long that takes here
        self.records = records(days, seed, time.time() + AHEAD_S + 1 + 2 * max(days, 1) * (time.time() - begun))
        self.rotations = {"rename, the writer moves": 0, "rename, the writer stays": 0, "copytruncate": 0}
        self.rotate_every_s = min(DAY_S, days * DAY_S / 3.5)     # in a short time too, once in each way
        self.stays_until_s = None
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

    def run(self):
        rotate_s = self.records[0][0] + self.rotate_every_s
        for due_s, text in self.records:
            time.sleep(max(0.0, due_s - AHEAD_S - time.time()))
            if due_s >= rotate_s:
                self.rotate(due_s)
                rotate_s += self.rotate_every_s
            elif self.stays_until_s and due_s >= self.stays_until_s:
                self.move()
            os.write(self.fd, text)
