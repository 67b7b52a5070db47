#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what the container of the platform's Prefect flow would have logged, with the truth about its cycles and runs.

    flow_simulator.py healthy --seed 1 --days 30 --log flow.log --truth flow.json
    flow_simulator.py rough --days 7 --frame docker --undated --parallel --newer --log flow-json.log

healthy: what fails recovers on its retry. rough: failures, time-outs, kills, outages, a paused deployment, containers re-created.
A container that is re-created goes on in the same file here; its lines say so.
"""

import argparse
import json
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = "simulator"

from .facts import Facts
from .flow.console import FRAMES
from .flow.month import KINDS
from .flow.pipeline import told
from .flow.stage import MONDAY, FlowStage

BUFFER_BYTES = 1 << 20


def write_flow(path, kind, seed, days, keep_cycles=True, **choices):
    """Returns the truth: cycles with their runs, as they were told. `choices` are those of FlowStage."""
    with open(path, "w", encoding="utf-8", newline="\n", buffering=BUFFER_BYTES) as log:
        stage = FlowStage(kind, seed, write=log.write, facts=Facts(), **choices)
        stage.keep_cycles = keep_cycles
        KINDS[kind](stage, days)
        return {"kind": kind, "seed": seed, "days": days, "lines": stage.console.lines, "until_ms": stage.kernel.now_us // 1000,
                "tables": [t for layer in stage.layers for t in layer.tables], "cycles": [told(c) for c in stage.cycles]}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument("--start", default=MONDAY, help="midnight UTC before the first line")
    parser.add_argument("--log", required=True, help="the log to write")
    parser.add_argument("--truth", help="JSON file for the truth")
    parser.add_argument("--frame", choices=FRAMES, default="plain")
    parser.add_argument("--undated", action="store_true", help="Prefect's own format: times without a date")
    parser.add_argument("--parallel", action="store_true", help="a layer's tables at once, as with .submit()")
    parser.add_argument("--newer", action="store_true", help="the texts from March 2026 on")
    args = parser.parse_args(argv)
    truth = write_flow(args.log, args.kind, args.seed, args.days, monday=args.start, frame=args.frame, dated=not args.undated,
                       parallel=args.parallel, newer=args.newer)
    if args.truth:
        Path(args.truth).write_text(json.dumps(truth) + "\n", encoding="utf-8")
    runs = [r for c in truth["cycles"] for r in c["runs"]]
    print(json.dumps({k: truth[k] for k in ("kind", "seed", "days", "lines", "until_ms")}
                     | {"cycles": len(truth["cycles"]), "runs": len(runs), "rows": sum(r["rows"] or 0 for r in runs)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
