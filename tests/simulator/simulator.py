#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what the offload scheduler would have logged: healthy years, and incidents with their ground truth.

    simulator.py healthy --seed 1 --days 365 --log healthy.log
    simulator.py incident --kind stall_one --seed 7 --log stall.log --truth stall.json --metrics stall.series.json
    simulator.py kinds
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = "simulator"

from .clock import DAY, HOUR, SECOND, Clock, us_from_text
from .facts import Facts
from .incidents import KINDS, make_scene
from .metrics import series_of
from .process import Fate, simulate
from .truth import ground_truth
from .voice import Voice
from .world import World, make_tables

BUFFER_BYTES = 1 << 20


def open_log(path):
    return open(path, "w", encoding="utf-8", newline="\n", buffering=BUFFER_BYTES)


def run(log, zone, start_us, until_us, world, fates, facts, metrics_logger=False):
    clock = Clock(start_us, zone)
    voice = Voice(log.write, clock, world.interval_minutes, len(world.tables), metrics_logger)
    simulate(clock, voice, world, facts, fates, until_us)


def healthy_world(rng, interval=None, tables=None, sparse=None, at_night=None, quiet_weekends=None, failures=0.001,
                  hiccups=0.002, rows_unknown=False):
    """What is not given is left to the seed."""
    count = tables or rng.choice((1, 2, 2, 2, 3, 4, 6, 8, 12))
    sparse = rng.choice((0.0, 0.0, 0.1, 0.3, 0.45)) if sparse is None else sparse
    at_night = rng.random() < 0.5 if at_night is None else at_night
    quiet = rng.random() < 0.5 if quiet_weekends is None else quiet_weekends
    return World(rng, make_tables(rng, count, sparse, at_night), interval or rng.choice((5, 15, 15, 15, 30)),
                 hiccups, failures, quiet, rows_unknown)


def planned_restarts(rng, start_us, days, per_year):
    """Deployments: stopped gracefully, back within seconds."""
    moments = sorted(start_us + round(rng.uniform(1, days) * DAY) for _ in range(round(per_year * days / 365)))
    return [Fate(at, "stop", at + round(rng.uniform(2, 20) * SECOND)) for at in moments]


def start_of(days, ended_days_ago=0):
    """Of so many days that end between two cycles, every quarter of an hour one, at whatever time of day this runs."""
    end_s = time.time() // 900 * 900 - 300 - ended_days_ago * 86400
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(end_s - days * 86400))


def write_healthy(path, seed, days=365, zone="UTC", start="2026-01-01 00:00:07", metrics_logger=False, restarts=0,
                  **choices):
    """Returns what the seed chose."""
    rng = random.Random(f"healthy {seed}")
    world = healthy_world(rng, **choices)
    start_us = us_from_text(start)
    until_us = start_us + round(days * DAY)
    fates = planned_restarts(rng, start_us, days, restarts)
    with open_log(path) as log:
        run(log, zone, start_us, until_us, world, fates, Facts(), metrics_logger)
    return {"seed": seed, "days": days, "interval_minutes": world.interval_minutes, "tables": len(world.tables),
            "zeros": [round(t.zeros, 3) for t in world.tables], "zeros_at_night": any(t.zeros_at_night for t in world.tables),
            "quiet_weekends": world.quiet_weekends, "until_ms": until_us // 1000}


def write_incident(path, kind, seed, zone="UTC", recovery_hours=None, interval=15, metrics_logger=False):
    """Returns the ground truth, and the metric series around the incident."""
    scene = make_scene(kind, seed, recovery_hours, interval)
    facts = Facts(scene.begin_us - 3 * HOUR)
    with open_log(path) as log:
        run(log, zone, scene.start_us, scene.until_us, scene.world, scene.fates, facts, metrics_logger)
    truth = ground_truth(scene, facts)
    return truth, series_of(truth, facts, random.Random(f"phase {kind} {seed}"))


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    healthy = commands.add_parser("healthy", help="a time in which nothing is wrong")
    incident = commands.add_parser("incident", help="a week of health, an incident, its end")
    commands.add_parser("kinds", help="the kinds of incidents")
    for sub in (healthy, incident):
        sub.add_argument("--seed", type=int, default=1)
        sub.add_argument("--log", required=True, help="the log to write")
        sub.add_argument("--zone", default="UTC", help="the host's zone (UTC)")
        sub.add_argument("--interval", type=int, help="minutes between cycles")
        sub.add_argument("--metrics-logger", action="store_true", help="with the metrics module's own records")
    healthy.add_argument("--days", type=float, default=365)
    healthy.add_argument("--start", default="2026-01-01 00:00:07", help="UTC")
    healthy.add_argument("--tables", type=int)
    healthy.add_argument("--sparse", type=float, help="highest share of honest runs without rows, of every second table")
    healthy.add_argument("--at-night", action=argparse.BooleanOptionalAction, help="cluster those in the night")
    healthy.add_argument("--quiet-weekends", action=argparse.BooleanOptionalAction)
    healthy.add_argument("--rows-unknown", action="store_true", help="the row count always reads 0")
    healthy.add_argument("--failures", type=float, default=0.001)
    healthy.add_argument("--hiccups", type=float, default=0.002)
    healthy.add_argument("--restarts", type=float, default=0, help="planned restarts a year")
    incident.add_argument("--kind", choices=KINDS, required=True)
    incident.add_argument("--recovery-hours", type=float, help="at least 3, if Prometheus shall have time to fire")
    incident.add_argument("--truth", help="JSON file for the ground truth")
    incident.add_argument("--metrics", help="JSON file for the metric series")
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_arguments(argv)
    if args.command == "kinds":
        print("\n".join(KINDS))
    elif args.command == "healthy":
        print(json.dumps(write_healthy(
            args.log, args.seed, args.days, args.zone, args.start, args.metrics_logger, args.restarts,
            interval=args.interval, tables=args.tables, sparse=args.sparse, at_night=args.at_night,
            quiet_weekends=args.quiet_weekends, failures=args.failures, hiccups=args.hiccups,
            rows_unknown=args.rows_unknown)))
    else:
        truth, series = write_incident(args.log, args.kind, args.seed, args.zone, args.recovery_hours,
                                       args.interval or 15, args.metrics_logger)
        if args.truth:
            Path(args.truth).write_text(json.dumps(truth, indent=1) + "\n")
        if args.metrics:
            Path(args.metrics).write_text(json.dumps(series) + "\n")
        print(json.dumps(truth))
    return 0


if __name__ == "__main__":
    sys.exit(main())
