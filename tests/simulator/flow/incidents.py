# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong in the flow, one function a kind, after a week in which nothing did but what a retry mends: the counterpart of
..incidents, with the same ground truth."""

import random
from dataclasses import dataclass, field

from ..clock import SECOND
from ..facts import Facts
from ..incidents import DOWN, FAILURES, LAG_CRITICAL, LAG_ELEVATED, SLOW, STALE, TOO_SLOW
from ..metrics import series_of
from ..process import Fate
from ..truth import ground_truth
from ..voice import CAUSES, CLICKHOUSE_REFUSED
from . import names
from .month import accidents
from .stage import DAY, HOUR, MINUTE, FlowStage

PREFIX = "flow_"
TAIL_S = 2 * HOUR
STARTS = ("2026-02-23 00:00:00", "2026-03-16 00:00:00", "2026-05-11 00:00:00", "2026-07-06 00:00:00")
# (frame, with a date, tables at once, texts from March 2026 on)
FORMS = (("plain", True, False, False), ("docker", False, False, False), ("cri", False, True, True), ("docker", True, True, False),
         ("plain", True, True, True), ("cri", True, False, True))


@dataclass(frozen=True)
class Named:
    name: str


@dataclass
class FlowScene:
    """As ground_truth() wants it."""
    kind: str
    seed: int
    rng: object
    stage: FlowStage
    begin: float                   # in the stage's time: what is wrong begins
    end: float                     # and ends
    affected: list
    expects: tuple = ()
    severity: str = "critical"
    onset: str = "failed"
    fates: list = field(default_factory=list)
    interval_minutes: int = 15

    def us(self, t):
        return self.stage.monday_us + round(t * SECOND)

    start_us = property(lambda self: self.us(0))
    begin_us = property(lambda self: self.us(self.begin))
    end_us = property(lambda self: self.us(self.end))
    until_us = property(lambda self: self.us(self.end + TAIL_S))
    tables = property(lambda self: [Named(t) for t in names.TABLES])

    def during(self, t):
        return self.begin <= t < self.end

    def slot(self, after=0.0):
        """Moves the beginning to the next slot and so much after it."""
        self.begin = (self.begin // (15 * MINUTE) + 1) * 15 * MINUTE + after


def fail_runs(scene, cause):
    usual = scene.stage.fate
    scene.stage.fate = lambda a: cause if scene.during(a.t) and a.table in scene.affected else usual(a)
    scene.expects = (FAILURES,)
    scene.stage.run(scene.end + TAIL_S)


def table_fails(scene):
    scene.affected = [scene.rng.choice(names.TABLES)]
    fail_runs(scene, scene.rng.choice(CAUSES))


def clickhouse_down(scene):
    fail_runs(scene, CLICKHOUSE_REFUSED)


def table_timeout(scene):
    scene.affected = [scene.rng.choice(names.TABLES)]
    scene.onset = "cycle"
    fail_runs(scene, "timeout")
    scene.expects = (SLOW, TOO_SLOW, FAILURES)


def slow_runs(scene, factor_of):
    """factor_of(t): so many times as long as usual."""
    usual = scene.stage.seconds
    scene.stage.seconds = lambda a: usual(a) * (factor_of(a.t) if scene.during(a.t) else 1.0)
    scene.expects, scene.onset, scene.severity = (SLOW, TOO_SLOW), "cycle", "warning"
    scene.stage.run(scene.end + TAIL_S)


def usual_seconds(scene):
    """Of a whole cycle."""
    if not scene.stage.parallel:
        return sum(seconds for seconds, _ in names.USUAL.values())
    return sum(max(names.USUAL[t][0] for t in layer.tables) for layer in names.LAYERS)


def cycle_400(scene):
    slow_runs(scene, lambda t: 400.0 / usual_seconds(scene))


def cycle_1200(scene):
    """Longer than the interval, so that cycles overlap."""
    scene.end = scene.begin + 3 * HOUR
    slow_runs(scene, lambda t: 1200.0 / usual_seconds(scene) / scene.stage.load())
    scene.severity = "critical"


def slow_drift(scene):
    scene.end = scene.begin + 28 * HOUR
    scene.stage.seconds = lambda a: names.USUAL[a.table][0] * scene.stage.spread(0.1)
    slow_runs(scene, lambda t: (400.0 / usual_seconds(scene)) ** min(1.0, (t - scene.begin) / DAY))
    scene.onset = "cycle_above_300"


def stall_one(scene):
    usual = scene.stage.rows
    scene.affected = [scene.rng.choice(names.BRONZE)]
    scene.stage.rows = lambda a: 0 if scene.during(a.t) and a.table in scene.affected else usual(a)
    scene.expects, scene.onset = (STALE,), "last_rows"
    scene.stage.run(scene.end + TAIL_S)


def end_worker(scene, after):
    scene.slot(after)
    scene.affected, scene.expects, scene.onset = [], (DOWN,), "death"
    scene.stage.run(scene.begin)
    scene.stage.kill_worker()
    scene.fates = [Fate(scene.begin_us, "kill", scene.end_us)]
    scene.stage.wait(scene.end)
    scene.stage.run(scene.end + TAIL_S)


def killed_waiting(scene):
    end_worker(scene, scene.rng.uniform(240, 840))


def killed_in_cycle(scene):
    end_worker(scene, 12.0)
    scene.expects = (SLOW, TOO_SLOW, DOWN)


def hang_in_run(scene):
    """A table's run hangs in each cycle until somebody starts the container anew."""
    usual, hanging = scene.stage.fate, scene.rng.choice(names.BRONZE)
    scene.stage.fate = lambda a: "hang" if scene.during(a.t) and a.table == hanging else usual(a)
    scene.slot(-60.0)
    scene.affected, scene.expects, scene.onset = [hanging], (SLOW, TOO_SLOW, DOWN), "cycle"
    scene.stage.run(scene.end)
    scene.stage.kill_worker()
    scene.stage.wait(scene.end + 5)
    scene.stage.run(scene.end + TAIL_S)


def server_down(scene):
    scene.slot(scene.rng.uniform(240, 840))
    scene.affected, scene.expects, scene.onset = [], (DOWN,), "promise"
    scene.stage.run(scene.begin)
    scene.stage.stop_server()
    scene.stage.wait(scene.end)
    scene.stage.start_server()
    scene.stage.run(scene.end + TAIL_S)


def deployment_paused(scene):
    scene.slot(scene.rng.uniform(240, 840))
    scene.affected, scene.expects, scene.onset = [], (DOWN,), "promise"
    scene.stage.run(scene.begin)
    scene.stage.pause()
    scene.stage.run(scene.end)
    scene.stage.resume()
    scene.stage.run(scene.end + TAIL_S)


def layer_left_out(scene):
    """The gold layer is no longer called: its tables fall behind, and nobody says that they fail."""
    layers = scene.stage.layers
    scene.affected = list(names.GOLD)
    scene.expects, scene.onset = (LAG_ELEVATED, LAG_CRITICAL), "last_ok"
    scene.stage.run(scene.begin)
    scene.stage.layers = layers[:2]
    scene.stage.run(scene.end)
    scene.stage.layers = layers
    scene.stage.run(scene.end + TAIL_S)


KINDS = {PREFIX + f.__name__: f for f in (
    table_fails, clickhouse_down, table_timeout, layer_left_out, cycle_400, cycle_1200, slow_drift, stall_one, killed_waiting, killed_in_cycle,
    hang_in_run, server_down, deployment_paused)}


def options_of(form):
    """What the agent is told about a log of this form."""
    options = ["--set", "log.pipeline=k2-prefect"]
    return options + (["--set", f"log.format={form[0]}"] if form[0] != "plain" else [])


def make_stage(name, seed, rng, monday, write=None, facts=None):
    form = FORMS[seed % len(FORMS)]
    stage = FlowStage(name, seed, monday=monday, frame=form[0], dated=form[1], parallel=form[2], newer=form[3], write=write, facts=facts)
    stage.options = options_of(form)
    return stage


def write_incident(path, kind, seed):
    """Returns the ground truth, the metric series around the incident, and options for the agent."""
    rng = random.Random(f"incident {kind} {seed}")
    with open(path, "w", encoding="utf-8", newline="\n", buffering=1 << 20) as log:
        begin = rng.uniform(7.2, 9.0) * DAY
        facts = Facts()
        stage = make_stage(kind, seed, rng, rng.choice(STARTS), log.write, facts)
        stage.keep_cycles = False
        facts.since_us = stage.monday_us + round((begin - 3 * HOUR) * SECOND)
        accidents(stage)
        scene = FlowScene(kind, seed, rng, stage, begin, begin + rng.uniform(3.6, 6.0) * HOUR, list(names.TABLES))
        KINDS[kind](scene)
        facts.add(stage.kernel.now_us, "end")
    truth = ground_truth(scene, facts)
    return truth, series_of(truth, facts, random.Random(f"phase {kind} {seed}")), stage.options


def write_healthy(path, seed, days):
    """Returns what the seed chose, and options for the agent."""
    rng = random.Random(f"healthy flow {seed}")
    with open(path, "w", encoding="utf-8", newline="\n", buffering=1 << 20) as log:
        stage = make_stage("healthy", seed, rng, rng.choice(STARTS), log.write, Facts())
        stage.keep_cycles = False
        accidents(stage)
        stage.run(days * DAY)
    return {"seed": seed, "days": days, "interval_minutes": 15, "tables": len(names.TABLES), "zeros": [0.0], "zeros_at_night": False,
            "quiet_weekends": False, "until_ms": stage.kernel.now_us // 1000}, stage.options
