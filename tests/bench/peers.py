# SPDX-License-Identifier: GPL-2.0-or-later
"""The same log through the agent and through its neighbours, in turn."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from simulator.simulator import write_healthy    # noqa: E402

HERE = Path(__file__).resolve().parent
EVENTS = ("CYCLE STARTED|CYCLE COMPLETED|Duration: |Success: |Offload (completed|failed|timeout): |Starting offload|Next run")
DAY_BYTES = 151_800                              # of two tables at a quarter of an hour
ROUNDS, SLOW_ROUNDS = 7, 2


def make_log(directory, megabytes):
    """Years of the real schedule, with failures, hiccups and restarts; kept for the next run."""
    log = directory / f"bench-{megabytes}.log"
    if not log.exists():
        write_healthy(directory / "new.log", 1, megabytes * 1e6 / DAY_BYTES, tables=2, interval=15, restarts=6)
        (directory / "new.log").rename(log)
    return log


def throughput(agent, log):
    """name -> figures, the events being the same for all."""
    with tempfile.TemporaryDirectory(prefix="bench.", dir=log.parent) as name:
        database = Path(name) / "history.db"
        commands = {
            "wc -l": ["wc", "-l", log],
            "rg -c": ["rg", "-c", "--no-mmap", EVENTS, log],
            "agent replay": [agent, "replay", "--tz", "UTC", log],
            "agent replay --db": [agent, "replay", "--tz", "UTC", "--db", database, log],
            "grep -cP": ["grep", "-cP", EVENTS, log],
            "gawk, fields": ["gawk", "-f", HERE / "scheduler.awk", log],
            "mtail --one_shot": ["mtail", "--one_shot", "--logtostderr", "--progs", HERE / "scheduler.mtail", "--logs", log],
        }
        slow = ("gawk, fields", "mtail --one_shot")
        results = {key: [] for key in commands}
        for turn in range(ROUNDS):
            for key, command in commands.items():
                if key in slow and turn >= SLOW_ROUNDS:
                    continue
                for stale in Path(name).iterdir():
                    stale.unlink()
                # Looking at the memory costs a process nothing but a little of its cache: in one round only.
                results[key].append(measure.once(command, watch_memory=turn == 0))
                if results[key][-1]["exit"] != 0:
                    raise SystemExit(f"bench: {key} failed with {results[key][-1]['exit']}")
    size_mb = log.stat().st_size / 1e6
    figures = {key: measure.best(found) for key, found in results.items()}
    for figure in figures.values():
        figure["mb_per_cpu_s"] = size_mb / figure["cpu_s"]
        figure["times_rg"] = figure["cpu_s"] / figures["rg -c"]["cpu_s"]
    return figures
