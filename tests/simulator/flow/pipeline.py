# SPDX-License-Identifier: GPL-2.0-or-later
"""The platform's offload flow: its cycles, layers and tables, with Prefect's retries. Generators for the kernel."""

from dataclasses import dataclass, field

from ..voice import stderr_of
from ..world import container_clock
from . import names
from .voice import seconds_between

MAIN = "iceberg-offload-main"
TIMEOUT_S = 600.0
RETRIES, RETRY_S = 2, 30
LAYER_RETRIES, LAYER_RETRY_S = 1, 300


class Raised(Exception):
    """An exception of the flow's own code, as Python prints it: RuntimeError: text."""


@dataclass
class Run:
    """One task run, and what became of it; `ended_us` is that of its last word about its outcome."""
    task: str
    table: str
    started_us: int
    ended_us: int = None
    outcome: str = "running"       # success, failed, timeout, aborted
    rows: int = None
    seconds: float = None
    attempts: int = 0


@dataclass
class Cycle:
    name: str
    run_id: str
    slot_us: int
    started_us: int = None
    ended_us: int = None
    outcome: str = "running"       # completed, failed, crashed
    runs: list = field(default_factory=list)
    not_reached: list = field(default_factory=list)


@dataclass(frozen=True)
class Attempt:
    """What a stage's hooks are asked about."""
    table: str
    t: float                       # when it begins, in the stage's time
    number: int                    # 0 is the first of the task run
    layer_try: int                 # 0, or 1 after the layer's retry
    cycle: Cycle


def main_flow(stage, cycle):
    """The process of one flow run, from its first line to its exit."""
    voice = stage.voice
    cycle.started_us = stage.kernel.now_us
    stage.facts.add(cycle.started_us, "cycle")
    voice.flow_begins(cycle.name, MAIN, cycle.run_id)
    yield stage.moment(0.1, 0.3)
    voice.box(cycle.name, "K2 ICEBERG OFFLOAD PIPELINE")
    error = None
    try:
        for layer in stage.layers:
            yield stage.moment(0.1, 0.3)
            yield from offload_layer(stage, cycle, layer)
    except Raised as raised:
        error = str(raised)
    if error is None:
        summary(stage, cycle)
        voice.completed(voice.flow, cycle.name)
    else:
        voice.flow_exception(cycle.name, error)
        yield stage.moment(0.05, 0.2)
        voice.flow_failed(cycle.name, error)
    end_cycle(stage, cycle, "failed" if error else "completed")
    if error:
        voice.engine_failed(cycle.run_id, error)
    yield stage.moment(0.5, 2.0)
    voice.process_exited(cycle.name, cycle.run_id, 1 if error else 0)


def summary(stage, cycle):
    good = {r.table: r for r in cycle.runs if r.outcome == "success"}
    counts = [(layer.word, len(layer.tables)) for layer in stage.layers]
    stage.voice.summary(cycle.name, len(good), sum(count for _, count in counts), sum(r.rows for r in good.values()),
                        seconds_between(cycle.started_us, stage.kernel.now_us), counts)


def end_cycle(stage, cycle, outcome):
    """Also of a process that was killed: its open runs are broken off, and what it did not reach has failed."""
    now = stage.kernel.now_us
    cycle.ended_us, cycle.outcome = now, outcome
    for run in cycle.runs:
        if run.outcome == "running":
            run.ended_us, run.outcome = now, "aborted"
    reached = {r.table for r in cycle.runs}
    cycle.not_reached = [t for layer in stage.layers for t in layer.tables if t not in reached]
    if outcome == "failed":
        for table in cycle.not_reached:
            stage.facts.add(now, "failed", table)
    if outcome != "crashed":
        stage.facts.add(now, "cycle_end", None, seconds_between(cycle.started_us, now))
        stage.facts.add(now, "promise", None, (now // stage.step_us + 1) * stage.step_us)


def offload_layer(stage, cycle, layer):
    voice, name = stage.voice, stage.flow_name()
    for layer_try in range(LAYER_RETRIES + 1):
        voice.subflow_begins(name, layer.flow)
        voice.layer_heading(name, layer.heading)
        yield stage.moment(0.1, 0.4)
        error = yield from offload_tables(stage, cycle, layer, layer_try)
        if error is None:
            voice.layer_complete(name, layer.word, len(layer.tables))
            voice.completed(voice.flow, name)
            return
        voice.flow_exception(name, error)
        yield stage.moment(0.02, 0.1)
        if layer_try < LAYER_RETRIES:
            voice.layer_waits(name)
            yield LAYER_RETRY_S + stage.moment(0.0, 2.0)
    voice.flow_failed(name, error)
    raise Raised(error)


def offload_tables(stage, cycle, layer, layer_try):
    """Returns the first error, or None. One after the other as today, or all at once as with .submit()."""
    results = []
    if not stage.parallel:
        for table in layer.tables:
            yield stage.moment(0.05, 0.3)
            yield from offload_table(stage, cycle, table, layer_try, results)
            if results:
                return results[0]
        return None
    strands = [stage.kernel.spawn(offload_table(stage, cycle, table, layer_try, results), cycle, stage.moment(0.0, 0.2))
               for table in layer.tables]
    yield strands
    return results[0] if results else None


def offload_table(stage, cycle, table, layer_try, results):
    """One task run with its attempts; an error goes to `results`."""
    voice, kernel = stage.voice, stage.kernel
    run = Run(names.task_run(stage.rng, "offload-table"), table, kernel.now_us)
    cycle.runs.append(run)
    for number in range(RETRIES + 1):
        run.attempts = number + 1
        error = yield from attempt(stage, run, Attempt(table, stage.t(), number, layer_try, cycle))
        if error is None:
            voice.completed(voice.task, run.task)
            return
        if number < RETRIES:
            voice.task_retries(run.task, error, number + 1, RETRIES, RETRY_S)
            yield RETRY_S + stage.moment(0.0, 0.6)
    run.ended_us = kernel.now_us
    run.outcome = "timeout" if "timeout" in error else "failed"
    stage.facts.add(kernel.now_us, "failed", table)
    voice.task_exhausted(run.task, error)
    results.append(error)


def attempt(stage, run, what):
    """Returns the exception that ended it, or None."""
    voice, start_us = stage.voice, stage.kernel.now_us
    voice.run_started(run.task, run.table)
    fate = stage.fate(what)
    if fate is None:
        seconds = stage.seconds(what) * stage.load()
        if seconds <= TIMEOUT_S:
            yield seconds
            yield from succeed(stage, run, what, start_us)
            return None
        fate = "timeout"
    if fate == "hang":
        yield float(10 ** 9)
    if fate == "timeout":
        yield TIMEOUT_S + stage.moment(0.01, 0.06)
        voice.attempt_timeout(run.task, run.table)
        return f"RuntimeError: Offload timeout for {run.table}"
    yield stage.moment(1.5, 4.0)
    exit_code, stderr = stderr_of(fate, container_clock(start_us), run.table)
    stderr = stage.stderr(what, stderr)
    voice.attempt_failed(run.task, run.table, exit_code, stderr)
    yield 0.04
    return f"RuntimeError: Offload failed for {run.table}: {stderr}"


def succeed(stage, run, what, start_us):
    voice, kernel = stage.voice, stage.kernel
    run.rows, run.seconds = max(0, round(stage.rows(what))), round(seconds_between(start_us, kernel.now_us), 2)
    run.ended_us, run.outcome = kernel.now_us, "success"
    stage.facts.add(kernel.now_us, "ok", run.table, run.rows)
    voice.run_completed(run.task, run.table)
    if stage.parallel:
        yield stage.moment(0.0, 0.004)             # another table's lines may come in between
    voice.run_figures(run.task, run.seconds, run.rows)
    yield stage.moment(0.01, 0.06)


def crash(stage, cycle, why):
    """The flow's process gives up, with its last words; its strands must be dead."""
    stage.voice.crash_detected(cycle.name, why)
    end_cycle(stage, cycle, "crashed")
    stage.voice.engine_failed(cycle.run_id, why)


def ms(us):
    return None if us is None else us // 1000


def told(cycle):
    """A cycle's truth for JSON."""
    return {"name": cycle.name, "slot_ms": ms(cycle.slot_us), "started_ms": ms(cycle.started_us), "ended_ms": ms(cycle.ended_us),
            "outcome": cycle.outcome, "not_reached": cycle.not_reached,
            "runs": [{"task": r.task, "table": r.table, "started_ms": ms(r.started_us), "ended_ms": ms(r.ended_us), "outcome": r.outcome,
                      "rows": r.rows, "seconds": r.seconds, "attempts": r.attempts} for r in cycle.runs]}
