# SPDX-License-Identifier: GPL-2.0-or-later
"""The scheduler itself: its loop, its naive arithmetic of slots, and the ways in which it ends."""

from dataclasses import dataclass

from .clock import SECOND, next_slot
from .voice import MISSING_DOCKER, stderr_of
from .world import TIMEOUT_S, container_clock

SLEEP_OVERHEAD_US = 600            # what a sleep of one second takes longer, as seen in the real log


@dataclass(frozen=True)
class Fate:
    """What happens to a process from outside, or from within, at an instant."""
    at_us: int
    how: str                       # kill, stop, crash, hang
    back_us: int                   # when the next process starts
    text: str = ""                 # of a crash
    error: str = "RuntimeError"


class Death(Exception):
    def __init__(self, fate):
        super().__init__(fate.how)
        self.fate = fate


class Curtain(Exception):
    """The simulation's end."""


class Process:
    """One life of the scheduler, from its banner to its fate."""

    def __init__(self, clock, voice, world, facts, fate, until_us):
        self.clock, self.voice, self.world, self.facts = clock, voice, world, facts
        self.fate, self.until_us = fate, until_us
        self.stopping = False

    def live(self):
        self.voice.started()
        self.facts.add(self.clock.now_us, "up")
        self.voice.initial_cycle()
        self.cycle()
        while not self.stopping:
            self.wait()
            self.cycle()
        self.voice.stopped()
        raise Death(self.fate)

    def advance(self, us):
        """Lets time pass, up to the fate or the curtain. A stop only marks itself: the scheduler looks when it can."""
        target = self.clock.now_us + us
        if self.fate and not self.stopping and self.fate.at_us <= target:
            self.meet_fate()
        if target >= self.until_us:
            self.clock.now_us = self.until_us
            raise Curtain
        self.clock.now_us = max(target, self.clock.now_us)

    def meet_fate(self):
        fate = self.fate
        if fate.at_us >= self.until_us:
            return
        self.clock.now_us = max(self.clock.now_us, fate.at_us)
        if fate.how == "stop":
            self.voice.signal()
            self.stopping = True
            return
        if fate.how == "crash":
            self.voice.crashed(fate.text, fate.error)
        raise Death(fate)

    def wait(self):
        now = self.clock.naive()
        slot = next_slot(now, self.world.interval_minutes)
        wait_s = (slot - now).total_seconds()
        self.voice.next_run(slot, wait_s)
        self.facts.add(self.clock.now_us, "promise", None, self.clock.now_us + round(wait_s * SECOND))
        rng = self.world.rng
        late_us = rng.uniform(1, 4) * SECOND if rng.random() < 0.01 else 0
        sleep_us = int(wait_s) * (SECOND + SLEEP_OVERHEAD_US) + rng.randrange(-15_000, 15_000) * int(wait_s) // 900
        if self.fate and self.fate.how == "stop" and self.fate.at_us <= self.clock.now_us + sleep_us:
            self.advance(max(0, self.fate.at_us - self.clock.now_us))
            self.advance(rng.randrange(SECOND))       # the rest of the one-second sleep
            self.voice.stopped()
            raise Death(self.fate)
        self.advance(round(sleep_us + late_us))

    def cycle(self):
        clock, voice, facts = self.clock, self.voice, self.facts
        start_us = clock.now_us
        tables = self.world.cycle_tables(start_us)
        voice.cycle_started(len(tables))
        facts.add(start_us, "cycle")
        done = {"ok": 0, "failed": 0, "timeout": 0}
        rows = 0
        for table in tables:
            if self.stopping:
                voice.shutdown_requested()
                break
            kind, table_rows = self.run(table)
            if kind == "exception":
                self.fail_rest(tables, table)
                return
            done[kind] += 1
            rows += table_rows
        seconds = (clock.now_us - start_us) / SECOND
        voice.cycle_completed(seconds, done["ok"], done["failed"], done["timeout"], rows)
        facts.add(clock.now_us, "cycle_end", None, seconds)

    def run(self, table):
        clock, voice = self.clock, self.voice
        start_us = clock.now_us
        voice.run_started(table.name)
        outcome = self.world.run(table, start_us)
        if outcome.kind == "ok" and outcome.seconds > TIMEOUT_S:
            outcome.kind, outcome.seconds = "timeout", TIMEOUT_S
        self.advance(round(outcome.seconds * SECOND))
        seconds = (clock.now_us - start_us) / SECOND
        if outcome.kind == "ok":
            voice.run_completed(table.name, outcome.rows, seconds)
            self.facts.add(clock.now_us, "ok", table.name, outcome.rows)
            return "ok", outcome.rows
        if outcome.kind == "failed":
            voice.run_failed(table.name, *stderr_of(outcome.cause, container_clock(start_us), table.name), seconds)
        elif outcome.kind == "timeout":
            voice.run_timeout(table.name, seconds)
        else:
            voice.cycle_exception(MISSING_DOCKER)
        if outcome.kind != "exception":
            self.facts.add(clock.now_us, "failed", table.name)
        return outcome.kind, 0

    def fail_rest(self, tables, first):
        """An exception fails the running table and those the cycle had not reached."""
        for table in tables[tables.index(first):]:
            self.facts.add(self.clock.now_us, "failed", table.name)


def simulate(clock, voice, world, facts, fates, until_us):
    """Runs one process after the other until the curtain; fates are in order of time."""
    fates = list(fates)
    try:
        while True:
            fate = fates.pop(0) if fates else None
            try:
                Process(clock, voice, world, facts, fate, until_us).live()
            except Death as death:
                end = death.fate
                facts.add(clock.now_us, "hung" if end.how == "hang" else "down", None, end.how)
                clock.now_us = max(end.back_us, clock.now_us)
                if end.how == "hang":
                    facts.add(clock.now_us - 1, "down", None, "kill")
                if clock.now_us >= until_us:
                    raise Curtain from None
    except Curtain:
        facts.add(until_us, "end")
