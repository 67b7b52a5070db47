# SPDX-License-Identifier: GPL-2.0-or-later
"""What the worker of the platform's Prefect flow meets: ten tables in three layers every quarter of an hour, beside the maintenance flow."""

from ..due import DOWN, FAILURES, SLOW, at_most, ended, follows, incidents_at_most, named, never_says, nothing, told
from ..flow import month, names
from ..stage import DAY, HOUR, MINUTE, at
from ..voice import CLICKHOUSE_REFUSED, OUT_OF_MEMORY
from . import situation

SLOT = 15 * MINUTE
FAILURE, RECOVERY, PERFORMANCE = "iceberg-offload-failure.md", "iceberg-scheduler-recovery.md", "iceberg-offload-performance.md"
EXHAUSTED_S = 3 * MINUTE           # until the retries of a table are exhausted, with the tables before it
SLOW_OR_DOWN = (*SLOW, DOWN)


def slot(stage, day=6):
    """A slot of that day, not that of the maintenance."""
    return at(day, stage.rng.choice((5, 9, 14, 20)))


def fails(stage, tables, since, until, cause=OUT_OF_MEMORY, when=lambda a: True):
    stage.fate = lambda a: cause if a.table in tables and since - MINUTE < a.t < until and when(a) else None


@situation(of_flow=True)
def flow_healthy_days(stage):
    """Ten days in which what fails recovers on its retry, with the maintenance every night, tell nobody anything."""
    month.healthy(stage, 10)
    return [nothing()]


@situation(of_flow=True)
def flow_table_recovers_on_a_retry(stage):
    """A table whose first or first two attempts fail, again and again, has not failed."""
    bad = stage.rng.choice(names.TABLES)
    when = slot(stage, 3)
    fails(stage, [bad], when, when + 12 * HOUR, CLICKHOUSE_REFUSED, lambda a: a.number < 1 + (a.t // SLOT) % 2)
    stage.run(when + DAY)
    return [nothing()]


@situation(of_flow=True)
def flow_table_fails_for_good(stage):
    """A table whose retries are exhausted in every cycle is critical a quarter of an hour after its first failure."""
    bad, when = stage.rng.choice(names.TABLES), slot(stage)
    fails(stage, [bad], when, when + 2 * HOUR)
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, SLOT + EXHAUSTED_S, table=bad, severity="critical"), incidents_at_most(1, FAILURES),
            follows(FAILURE, FAILURES), ended(FAILURES, when + 2 * HOUR, 40 * MINUTE)]


@situation(of_flow=True)
def flow_two_tables_fail_at_once(stage):
    """Two tables of the gold layer that fail with the same cause are one incident that names both, where both were reached."""
    bad, when = ["ohlcv_5m", "ohlcv_1h"], slot(stage)
    fails(stage, bad, when, when + 2 * HOUR)
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, SLOT + EXHAUSTED_S + MINUTE, severity="critical"), incidents_at_most(1, FAILURES),
            named(bad, when, 45 * MINUTE), ended(FAILURES, when + 2 * HOUR, 40 * MINUTE)]


@situation(of_flow=True)
def flow_table_times_out(stage):
    """A run that reaches its ten minutes is slow after five, long before its retries are exhausted."""
    bad, when = stage.rng.choice(names.BRONZE), slot(stage)
    fails(stage, [bad], when, when + HOUR, "timeout")
    stage.run(when + 6 * HOUR)
    return [nothing(until=when), told(SLOW_OR_DOWN, when, 6 * MINUTE), told(SLOW_OR_DOWN, when, 11 * MINUTE, severity="critical"),
            ended((), when + HOUR, 4 * HOUR)]


@situation(of_flow=True)
def flow_layer_recovers_on_its_retry(stage):
    """A layer that fails, waits its five minutes and is well then: the cycle was long on purpose, and nothing has failed."""
    bad, when = stage.rng.choice(names.BRONZE), slot(stage)
    fails(stage, [bad], when, when + 10 * MINUTE, CLICKHOUSE_REFUSED, lambda a: a.layer_try == 0)
    stage.run(when + 3 * HOUR)
    return [nothing()]


@situation(of_flow=True)
def flow_clickhouse_down(stage):
    """Every table fails: one incident, critical with the second cycle that fails, by its cause."""
    when = slot(stage)
    fails(stage, names.TABLES, when, when + 2 * HOUR, CLICKHOUSE_REFUSED)
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, SLOT + EXHAUSTED_S, severity="critical", words="ClickHouse"), incidents_at_most(1, FAILURES),
            follows(FAILURE, FAILURES), ended(FAILURES, when + 2 * HOUR, 40 * MINUTE)]


@situation(of_flow=True)
def flow_worker_killed(stage):
    """A worker that is killed while it waits misses the next slot: a warning after a minute, critical after two."""
    when = slot(stage)
    stage.run(when + 10 * MINUTE)
    stage.kill_worker()
    stage.wait(when + 2 * HOUR)
    stage.run(when + 4 * HOUR)
    due_t = when + SLOT
    return [nothing(until=when), told(DOWN, due_t, 75, severity="warning"), told(DOWN, due_t, 140, severity="critical"),
            follows(RECOVERY, DOWN), incidents_at_most(1, DOWN), ended(DOWN, when + 2 * HOUR, 10 * MINUTE), never_says("scheduler ")]


@situation(of_flow=True)
def flow_server_down(stage):
    """Without Prefect's server no flow run begins: told as a missing cycle."""
    when = slot(stage)
    stage.run(when + 10 * MINUTE)
    stage.stop_server()
    stage.wait(when + 2 * HOUR)
    stage.start_server()
    stage.run(when + 4 * HOUR)
    return [nothing(until=when), told(DOWN, when + SLOT, 75, severity="warning"), told(DOWN, when + SLOT, 140, severity="critical"),
            follows(RECOVERY, DOWN), incidents_at_most(1, DOWN), ended(DOWN, when + 2 * HOUR, 10 * MINUTE)]


@situation(of_flow=True)
def flow_deployment_paused(stage):
    """A deployment that somebody paused: the log falls silent between two cycles, and it is told that none comes."""
    when = slot(stage)
    stage.run(when + 10 * MINUTE)
    stage.pause()
    stage.run(when + 2 * HOUR + MINUTE)
    stage.resume()
    stage.run(when + 4 * HOUR)
    return [nothing(until=when), told(DOWN, when + SLOT, 75, severity="warning"), told(DOWN, when + SLOT, 140, severity="critical"),
            follows(RECOVERY, DOWN), incidents_at_most(1, DOWN), ended(DOWN, when + 2 * HOUR + SLOT, 10 * MINUTE), never_says("hangs")]


@situation(of_flow=True)
def flow_maintenance_overlaps(stage):
    """The maintenance slows the night's cycles, and takes hours now and then: known, and no news; it is no cycle either."""
    stage.run(at(8))
    return [nothing()]


@situation(of_flow=True)
def flow_maintenance_fails(stage):
    """A maintenance that fails disturbs no cycle."""
    stage.maintenance_fails = lambda word, table: word == "compact" and table == "ohlcv_1m"
    stage.run(at(5))
    return [at_most(0, (FAILURES, DOWN, *SLOW))]


@situation(of_flow=True)
def flow_container_recreated(stage):
    """A deployment of a new image between two cycles, a minute long, is no news."""
    when = slot(stage)
    stage.run(when + 5 * MINUTE)
    stage.recreate(50)
    stage.run(when + 3 * HOUR)
    return [nothing()]


@situation(of_flow=True)
def flow_container_recreated_in_mid_cycle(stage):
    """A new image that breaks off a cycle is no news where a frame tells when the new worker began; without one, the cycle seems to hang."""
    when = slot(stage)
    stage.run(when + 15)
    stage.recreate(25)
    stage.run(when + 3 * HOUR)
    if stage.console.frame != "plain":
        return [nothing()]
    return [nothing(until=when), at_most(0, (FAILURES,)), incidents_at_most(1), ended((), when + SLOT, 10 * MINUTE)]


@situation(of_flow=True)
def flow_container_does_not_come_back(stage):
    """A container that is removed in mid-cycle and not made anew is told as a dead worker is."""
    when = slot(stage)
    stage.run(when + 15)
    stage.stop_worker()
    stage.wait(when + 2 * HOUR)
    stage.run(when + 4 * HOUR)
    return [nothing(until=when), told(SLOW_OR_DOWN, when, SLOT + 140, severity="critical"), incidents_at_most(1),
            ended((), when + 2 * HOUR, 20 * MINUTE)]


@situation(of_flow=True)
def flow_process_killed(stage):
    """One flow's process is killed for its memory, and the next cycle is well: its tables failed once."""
    when = slot(stage)
    stage.run(when + 15)
    stage.kill_flow()
    stage.run(when + 3 * HOUR)
    return [nothing()]


@situation(of_flow=True)
def flow_missed_runs_at_once(stage):
    """After an outage all missed runs start at once and slow each other down: the outage is told, what follows is its end."""
    when = slot(stage)
    stage.run(when + 10 * MINUTE)
    stage.kill_worker()
    stage.wait(when + 90 * MINUTE)
    stage.run(when + 5 * HOUR)
    return [told(DOWN, when + SLOT, 140, severity="critical"), incidents_at_most(1, DOWN), at_most(0, (FAILURES, "LagElevated", "LagCritical")),
            ended(DOWN, when + 90 * MINUTE, 20 * MINUTE)]


@situation(of_flow=True)
def flow_cycles_overlap(stage):
    """Cycles of 20 minutes overlap: slow, told once, and each cycle's tables are its own."""
    when = slot(stage)
    stage.run(when - MINUTE)
    usual = stage.seconds
    total = sum(seconds for seconds, _ in names.USUAL.values()) if not stage.parallel else 26.5
    stage.seconds = lambda a: usual(a) * (1200 / total / stage.load() if a.t < when + 3 * HOUR else 1.0)
    stage.run(when + 7 * HOUR)
    return [nothing(until=when), told(SLOW, when, 6 * MINUTE), told(SLOW, when, 11 * MINUTE, severity="critical"),
            follows(PERFORMANCE, SLOW), incidents_at_most(1), ended((), when + 3 * HOUR, 2 * HOUR)]
