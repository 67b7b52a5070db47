#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a replay's CPU goes: each part of it added to the one before, beside ripgrep, mtail and SQLite's bare inserts, in one run.

    floors.py BUILD [--mb 1000] [--rounds 5] [--before AGENT]

The parts are the agent's own objects (floors.c). All take turns, and the least of the rounds is printed, since others load the machine; the
median stands beside it. Writes BUILD/floors.json.
"""
import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
import peers                                     # noqa: E402

PARTS = {"read": "reading", "lines": "lines (memchr)", "prefix": "prefix and time", "patterns": "patterns (PCRE2)",
         "parser": "whose text a line is", "model": "the model of cycles", "detectors": "detectors"}
SLOW_ROUNDS = 1


def commands_for(build, log, database, before):
    replay = ["replay", "--tz", "UTC"]
    commands = {name: [build / "bench" / "floors", name, log] for name in PARTS}
    commands["agent replay"] = [build / "agent", *replay, log]
    if before:
        commands["before: agent replay"] = [before, *replay, log]
    if shutil.which("rg"):
        commands["rg -c"] = ["rg", "-c", "--no-mmap", peers.EVENTS, log]
    if shutil.which("mtail"):
        commands["mtail"] = ["mtail", "--one_shot", "--logtostderr", "--progs", peers.HERE / "scheduler.mtail", "--logs", log]
    commands["agent replay --db"] = [build / "agent", *replay, "--db", database, log]
    if before:
        commands["before: agent replay --db"] = [before, *replay, "--db", database, log]
    return commands


def bare_inserts(build, database):
    """(rows, CPU s) of inserting the rows that are in the database into another one, without reading them."""
    said = subprocess.run([build / "bench" / "floors", "rows", database], check=True, capture_output=True, text=True).stdout.split()
    return int(said[0]), float(said[2])


def measure_all(build, log, rounds, before):
    spent, rows = {}, 0
    with tempfile.TemporaryDirectory(prefix="floors.", dir=log.parent) as name:
        database = Path(name) / "history.db"
        for turn in range(rounds):
            for key, command in commands_for(build, log, database, before).items():
                if key == "mtail" and turn >= SLOW_ROUNDS:
                    continue
                for stale in Path(name).iterdir():
                    stale.unlink()
                result = measure.once(command)
                if result["exit"] != 0:
                    raise SystemExit(f"floors: {key} failed with {result['exit']}")
                spent.setdefault(key, []).append(result["cpu_s"])
                if key == "agent replay --db":
                    rows, bare_s = bare_inserts(build, database)
                    spent.setdefault("SQLite's bare inserts", []).append(bare_s)
    return spent, rows


def figures_of(spent, log_mb):
    rg_s = min(spent["rg -c"]) if "rg -c" in spent else None
    return {key: {"cpu_s": min(all_s), "median_s": statistics.median(all_s), "mb_per_cpu_s": log_mb / min(all_s),
                  "times_rg": min(all_s) / rg_s if rg_s else None} for key, all_s in spent.items()}


def show(figures, log_mb, rows):
    print(f"{log_mb:.0f} MB of log, {rows} rows       CPU s   median    more  MB/CPU s   x rg")
    before_s = 0
    for key, row in figures.items():
        more = f"{row['cpu_s'] - before_s:8.3f}" if key in PARTS else " " * 8
        before_s = row["cpu_s"]
        times = f"{row['times_rg']:7.2f}" if row["times_rg"] else ""
        print(f"{PARTS.get(key, key):32}{row['cpu_s']:9.3f}{row['median_s']:9.3f}{more}{row['mb_per_cpu_s']:10.0f}{times}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="another agent, to compare with")
    args = parser.parse_args()
    build = args.build.resolve()
    (build / "bench").mkdir(exist_ok=True)
    log = peers.make_log(build / "bench", args.mb)
    log_mb = log.stat().st_size / 1e6
    spent, rows = measure_all(build, log, args.rounds, args.before and args.before.resolve())
    figures = figures_of(spent, log_mb)
    (build / "floors.json").write_text(json.dumps({"log_mb": log_mb, "rows": rows, "figures": figures}, indent=1) + "\n")
    show(figures, log_mb, rows)


if __name__ == "__main__":
    sys.exit(main())
