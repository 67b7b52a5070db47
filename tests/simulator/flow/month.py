# SPDX-License-Identifier: GPL-2.0-or-later
"""Days of the flow's life: healthy ones, in which what fails recovers on its retry, and rough ones with everything that a worker meets."""

from ..voice import CAUSES
from .stage import DAY, HOUR, MINUTE

LONG_STDERR_BYTES = 40_000         # more than the runtimes' line of 16 KiB


def accidents(stage, failing=0.004, hiccups=0.002):
    """First attempts that fail and recover, and runs that take longer than usual."""
    usual = stage.seconds

    def seconds(a):
        extra = stage.moment(10, 90) if stage.rng.random() < hiccups / 10 else 0.0
        return usual(a) + extra
    stage.seconds = seconds
    stage.fate = lambda a: stage.rng.choice(CAUSES) if a.number == 0 and stage.rng.random() < failing else None


def healthy(stage, days):
    accidents(stage)
    stage.run(stage.now + days * DAY)


def rough(stage, days):
    """About one trouble in eight hours."""
    accidents(stage, failing=0.02)
    stage.stderr = lambda a, text: text + "\n" + "\tat com.clickhouse.client.Frame.run(Frame.java:17) & <init>\n" * (
        LONG_STDERR_BYTES // 64 if stage.rng.random() < 0.2 else 3) + "the end"
    end = stage.now + days * DAY
    while stage.now + 12 * HOUR < end:
        stage.run(stage.now + stage.moment(4 * HOUR, 10 * HOUR))
        stage.rng.choice(TROUBLES)(stage)
    stage.run(end)


def table_fails(stage):
    usual, bad = stage.fate, stage.rng.choice([t for layer in stage.layers for t in layer.tables])
    cause = stage.rng.choice(CAUSES)
    stage.fate = lambda a: cause if a.table == bad else usual(a)
    stage.run(stage.now + stage.moment(20 * MINUTE, 2 * HOUR))
    stage.fate = usual


def table_times_out(stage):
    usual, bad = stage.fate, stage.rng.choice([t for layer in stage.layers for t in layer.tables])
    stage.fate = lambda a: "timeout" if a.table == bad else usual(a)
    stage.run(stage.now + stage.moment(20 * MINUTE, HOUR))
    stage.fate = usual


def worker_killed(stage):
    stage.kill_worker()
    stage.wait(stage.now + stage.moment(1, 40 * MINUTE))
    stage.start_worker()


def container_recreated(stage):
    stage.recreate(stage.moment(2, 90))


def server_down(stage):
    stage.stop_server()
    stage.wait(stage.now + stage.moment(5 * MINUTE, HOUR))
    stage.start_server()


def deployment_paused(stage):
    stage.pause()
    stage.run(stage.now + stage.moment(30 * MINUTE, 3 * HOUR))
    stage.resume()


def flow_killed(stage):
    """For its memory, in the midst of a cycle."""
    stage.run((stage.now // (15 * MINUTE) + 1) * 15 * MINUTE + stage.moment(8, 20))
    stage.kill_flow(stage.rng.choice((-9, 137)))


def maintenance_fails(stage):
    stage.maintenance_fails = lambda word, table: word == "compact" and table == "ohlcv_1m"
    stage.run(stage.now + DAY)
    stage.maintenance_fails = lambda word, table: False


TROUBLES = (table_fails, table_fails, table_times_out, worker_killed, container_recreated, server_down, deployment_paused, flow_killed,
            maintenance_fails)
KINDS = {"healthy": healthy, "rough": rough}
