# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that can go wrong, one function a kind, after a week in which nothing did."""

import math
import random
from dataclasses import dataclass, field

from .clock import DAY, HOUR, MINUTE, SECOND, us_from_text
from .process import Fate
from .voice import CAUSES, CLICKHOUSE_REFUSED
from .world import Outcome, World, make_tables

FAILURES, LAG_ELEVATED, LAG_CRITICAL = "ConsecutiveFailures", "LagElevated", "LagCritical"
SLOW, TOO_SLOW, STALE = "CycleSlow", "CycleTooSlow", "WatermarkStale"
DOWN, RATE, THROUGHPUT = "SchedulerDown", "SuccessRateLow", "ThroughputLow"


@dataclass
class Scene:
    """One incident: when, whom, and what counts as its detection."""
    kind: str
    seed: int
    rng: object
    start_us: int
    begin_us: int                  # what is wrong begins to be wrong
    end_us: int                    # and ends
    until_us: int
    interval_minutes: int
    world: World
    affected: list                 # names of the tables concerned, none if the scheduler is
    expects: tuple = ()            # alerts of the agent that count as caught, without the common prefix
    severity: str = "critical"     # the worst that it must reach
    onset: str = "failed"          # how the onset is found among the facts
    fates: list = field(default_factory=list)

    @property
    def tables(self):
        return self.world.tables

    def during(self, us):
        return self.begin_us <= us < self.end_us

    def concerns(self, table):
        return table.name in self.affected

    def slot_after(self, us):
        step = self.interval_minutes * MINUTE
        return (us // step + 1) * step


def fail_runs(scene, cause):
    def effect(table, now_us, _outcome):
        if scene.during(now_us) and scene.concerns(table):
            return Outcome("failed", scene.rng.uniform(1.5, 4.0), cause=cause)
        return None
    scene.world.effect = effect
    scene.expects = (FAILURES,)


def slow_runs(scene, seconds_of):
    """seconds_of(table, now_us): how long the run takes while it lasts."""
    def effect(table, now_us, outcome):
        if scene.during(now_us) and outcome.kind == "ok" and scene.concerns(table):
            outcome.seconds = seconds_of(table, now_us) * math.exp(scene.rng.gauss(0, 0.02))
        return outcome
    scene.world.effect = effect
    scene.expects = (SLOW, TOO_SLOW)


def change_rows(scene, rows_of):
    def effect(table, now_us, outcome):
        if scene.during(now_us) and outcome.kind == "ok" and scene.concerns(table):
            outcome.rows = rows_of(table, outcome)
        return outcome
    scene.world.effect = effect


def table_fails(scene):
    scene.affected = [scene.rng.choice(scene.tables).name]
    fail_runs(scene, scene.rng.choice(CAUSES))


def clickhouse_down(scene):
    fail_runs(scene, CLICKHOUSE_REFUSED)


def exception_burst(scene):
    """docker is gone from the PATH: every cycle dies at once, again and again until its slot is past."""
    scene.world.effect = lambda table, now_us, outcome: Outcome("exception", 0.01) if scene.during(now_us) else outcome
    scene.expects = (FAILURES,)


def table_timeout(scene):
    scene.affected = [scene.rng.choice(scene.tables).name]
    scene.world.effect = lambda table, now_us, outcome: (
        Outcome("timeout", 600.0 + scene.rng.uniform(0.01, 0.06))
        if scene.during(now_us) and scene.concerns(table) else outcome)
    scene.expects = (SLOW, TOO_SLOW, FAILURES)
    scene.onset = "cycle"


def flapping(scene):
    """Fails again and again, never twice in a row."""
    scene.affected = [scene.rng.choice(scene.tables).name]
    scene.end_us = scene.begin_us + round(scene.rng.uniform(20, 26) * HOUR)
    scene.until_us = scene.end_us + 26 * HOUR
    gap = [0]

    def effect(table, now_us, outcome):
        if not scene.during(now_us) or not scene.concerns(table):
            return outcome
        gap[0] -= 1
        if gap[0] >= 0:
            return outcome
        gap[0] = scene.rng.randint(2, 7)
        return Outcome("failed", scene.rng.uniform(1.5, 4.0), cause=scene.rng.choice(CAUSES))
    scene.world.effect = effect
    scene.expects = (RATE,)
    scene.severity = "warning"


def cycle_400(scene):
    slow_runs(scene, lambda table, now_us: 400.0 / len(scene.tables))
    scene.severity = "warning"
    scene.onset = "cycle"


def cycle_1200(scene):
    scene.world.tables = make_tables(scene.rng, 12)
    scene.affected = [t.name for t in scene.tables]
    slow_runs(scene, lambda table, now_us: 1200.0 / len(scene.tables))
    scene.onset = "cycle"


def volume_spike(scene):
    """One table's cycle takes 420 s because forty times the rows came."""
    scene.affected = [scene.rng.choice(scene.tables).name]

    def effect(table, now_us, outcome):
        if scene.during(now_us) and outcome.kind == "ok" and scene.concerns(table):
            outcome.seconds = 420.0 * math.exp(scene.rng.gauss(0, 0.05))
            outcome.rows *= 40
        return outcome
    scene.world.effect = effect
    scene.expects = (SLOW, TOO_SLOW)
    scene.severity = "warning"
    scene.onset = "cycle"


def slow_drift(scene):
    """A little worse every cycle: 10 s to 400 s within a day, and no better after."""
    scene.end_us = scene.begin_us + 28 * HOUR
    scene.until_us = scene.end_us + 2 * HOUR
    scene.world.hiccups = 0.0      # one on top of the drift would pass 300 s for itself, hours before the drift does
    normal = sum(t.seconds for t in scene.tables)

    def effect(table, now_us, outcome):
        if scene.during(now_us) and outcome.kind == "ok":
            share = min(1.0, (now_us - scene.begin_us) / DAY)
            outcome.seconds *= (400.0 / normal) ** share
        return outcome
    scene.world.effect = effect
    scene.expects = (SLOW, TOO_SLOW)
    scene.severity = "warning"
    scene.onset = "cycle_above_300"


def stall_one(scene):
    scene.affected = [scene.rng.choice(scene.tables).name]
    stall_all(scene)


def stall_all(scene):
    change_rows(scene, lambda table, outcome: 0)
    scene.expects = (STALE,)
    scene.onset = "last_rows"


def throughput_drop(scene):
    """Rows still come, but hardly any."""
    scene.affected = [scene.rng.choice(scene.tables).name]
    scene.end_us = scene.begin_us + 5 * HOUR
    change_rows(scene, lambda table, outcome: scene.rng.randint(1, 3))
    scene.expects = (THROUGHPUT,)
    scene.severity = "warning"
    scene.onset = "run"


def table_skipped(scene):
    """The cycles go on without one table: nobody says that it fails."""
    scene.affected = [scene.rng.choice(scene.tables).name]
    scene.world.skips = lambda table, now_us: scene.during(now_us) and scene.concerns(table)
    scene.expects = (LAG_ELEVATED, LAG_CRITICAL)
    scene.onset = "last_ok"


def end_process(scene, how, after_slot_us):
    scene.affected = []
    scene.begin_us = scene.slot_after(scene.begin_us) + after_slot_us
    scene.fates = [Fate(scene.begin_us, how, scene.end_us)]
    scene.expects = (DOWN,)
    scene.onset = "death"


def killed_waiting(scene):
    end_process(scene, "kill", round(scene.rng.uniform(120, 840) * SECOND))


def killed_in_cycle(scene):
    """The log ends as it does when a run hangs: only who watches the process can tell the two apart."""
    end_process(scene, "kill", round(2.5 * SECOND))
    scene.expects = (SLOW, TOO_SLOW, DOWN)


def stopped(scene):
    """Stopped on purpose, and forgotten."""
    end_process(scene, "stop", round(scene.rng.uniform(120, 840) * SECOND))


def hang_in_run(scene):
    end_process(scene, "hang", round(2.5 * SECOND))
    scene.expects = (SLOW, TOO_SLOW, DOWN)
    scene.onset = "cycle"


def hang_between_runs(scene):
    end_process(scene, "hang", round(scene.rng.uniform(120, 840) * SECOND))
    scene.onset = "promise"


def crash_loop(scene):
    """Dies soon after every start; the service manager starts it again after 30 s."""
    rng = scene.rng
    text, error = rng.choice((("[Errno 98] Address already in use", "OSError"),
                              ("[Errno 28] No space left on device", "OSError"),
                              ("dictionary changed size during iteration", "RuntimeError")))
    end_process(scene, "crash", round(rng.uniform(120, 840) * SECOND))
    scene.until_us = scene.end_us + 26 * HOUR
    scene.severity = "warning"
    scene.fates = []
    at_us = scene.begin_us
    while at_us < scene.end_us:
        back_us = at_us + round(rng.uniform(30.0, 31.0) * SECOND)
        scene.fates.append(Fate(at_us, "crash", back_us, text, error))
        at_us = back_us + round(rng.uniform(0.5, 25) * SECOND)


KINDS = {f.__name__: f for f in (
    table_fails, clickhouse_down, exception_burst, table_timeout, flapping, table_skipped,
    cycle_400, cycle_1200, volume_spike, slow_drift, stall_one, stall_all, throughput_drop,
    killed_waiting, killed_in_cycle, stopped, crash_loop, hang_in_run, hang_between_runs)}


def make_scene(kind, seed, recovery_hours=None, interval_minutes=15):
    """A week and more of health, then the incident; recovery is left to chance unless given."""
    rng = random.Random(f"incident {kind} {seed}")
    start_us = us_from_text("2026-01-05 00:00:00") + rng.randrange(300 * 24 * 3600) * SECOND
    begin_us = start_us + round(rng.uniform(7.2, 9.0) * DAY)
    hours = recovery_hours or rng.uniform(3.6, 6.0)
    end_us = begin_us + round(hours * HOUR)
    tables = make_tables(rng, rng.choice((2, 2, 2, 3, 5)))
    world = World(rng, tables, interval_minutes)
    scene = Scene(kind, seed, rng, start_us, begin_us, end_us, end_us + 2 * HOUR, interval_minutes, world,
                  [t.name for t in tables])
    KINDS[kind](scene)
    return scene
