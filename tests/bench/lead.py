#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long before Prometheus does the agent page, and how often for nothing?

    tests/bench/lead.py build/agent                  320 incidents of the scheduler and the Prefect flow, 10 healthy years and 12 months, on seeds that thresholds were not tuned on
    tests/bench/lead.py build/agent --tuning         the same on the seeds that thresholds may be tuned on
    tests/bench/lead.py build/agent --quick          one incident of each kind, no year
    tests/bench/lead.py build/agent --flow           the Prefect flow alone, 65 incidents and 12 healthy months

A Markdown table goes to stdout, everything else as JSON to --json. Exit 1 if an incident was missed, a healthy year
was paged critical, or a time to beat was not beaten.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lead_measure import (CRITICAL_FIRST, HELD_OUT_FROM, KINDS, SLACK_S, TARGETS, UNSEEN_DEATHS, measure_incidents,   # noqa: E402
                          flow, measure_years, spread)

SHOWN = 25                    # of what was not met; the rest is in the JSON


def clock(seconds):
    """-90.5 -> "-1:30.5"; hours where they help."""
    if seconds is None:
        return "–"
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if seconds >= 3 * 3600:
        return f"{sign}{seconds / 3600:.1f} h"
    return f"{sign}{int(seconds // 60)}:{seconds % 60:04.1f}"


def pair(values, worst):
    """median / worst of what there is."""
    values = [v for v in values if v is not None]
    return f"{clock(statistics.median(values))} / {clock(worst(values))}" if values else "–"


def limit_missed(result):
    """The times to beat that this incident did not meet, in words."""
    target = TARGETS[result["kind"]]
    for name, limit in (("warning", target.warning_s), ("critical", target.critical_s)):
        value = result[name + "_s"]
        if limit is not None and (value is None or value > limit + SLACK_S):
            yield f"{name} after {clock(value)}, limit {clock(limit)}"
    if result["kind"] not in UNSEEN_DEATHS and result["lead_critical_s"] is not None and result["lead_critical_s"] <= 0:
        yield f"first page {clock(-result['lead_critical_s'])} after the critical alert"
    if result["kind"] in CRITICAL_FIRST and result["critical_lead_s"] is not None and result["critical_lead_s"] <= 0:
        yield f"critical page {clock(-result['critical_lead_s'])} after the critical alert"


def incident_table(results):
    yield ("| incident | caught | page after: median / worst (to beat) | critical after: median / worst (to beat) "
           "| Prometheus, as meant | its earliest alert by promtool: median / worst | its critical alert "
           "| lead of the page over the earliest alert: median / worst | over the critical alert "
           "| of the critical page over it |")
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for kind in KINDS:
        rows = [r for r in results if r["kind"] == kind]
        if not rows:
            continue
        target = TARGETS[kind]
        to_beat = [f" ({clock(s)})" if s is not None else "" for s in (target.warning_s, target.critical_s)]
        column = {name: [r[name] for r in rows] for name in rows[0]}
        measured = [pair([min(r["prometheus"].values(), default=None) for r in rows], max),
                    pair([r["prometheus_critical_s"] for r in rows], max)]
        yield (f"| {kind} | {sum(column['caught'])}/{len(rows)} | {pair(column['warning_s'], max)}{to_beat[0]} "
               f"| {pair(column['critical_s'], max)}{to_beat[1]} | {target.prometheus} | {measured[0]} | {measured[1]} "
               f"| {pair(column['lead_earliest_s'], min)} | {pair(column['lead_critical_s'], min)} "
               f"| {pair(column['critical_lead_s'], min)} |")


def year_table(years):
    yield "| healthy year | cadence, tables | honest zeros | criticals | warnings |"
    yield "|---|---|---|---|---|"
    for year in years:
        zeros = max(year["zeros"], default=0)
        habits = f"up to {zeros:.0%}{' at night' if year['zeros_at_night'] else ''}" if zeros else "none"
        what = f"flow, {year['days']:.0f} days, " if year.get("of_flow") else ""
        yield (f"| {what}seed {year['seed']} | {year['interval_minutes']} min, {year['tables']} | {habits}"
               f"{', quiet weekends' if year['quiet_weekends'] else ''} | {len(year['criticals'])} | {len(year['warnings'])} |")


def notes(results, first_seed, years):
    seeds = sorted({r["seed"] for r in results}) or ["none"]
    tuned = "on which thresholds may have been tuned" if first_seed < HELD_OUT_FROM else "held out: nothing was tuned on them but how far ahead a drift is looked for"
    yield f"Incident seeds {seeds[0]}–{seeds[-1]}, year seeds {[y['seed'] for y in years]}: {tuned}."
    early = sum(len(r["before"]) for r in results)
    yield f"Pages in the healthy week before an incident: {early} in {len(results)} weeks."
    yield f"Resolved after recovery: {sum(r['resolved'] for r in results)}/{sum(r['warning_s'] is not None for r in results)}."
    yield ("Times count from the onset (for killed_waiting and stopped from the promised run), minutes:seconds. "
           "Replay sees only the log: of a SIGKILL it learns from the promise that is broken, "
           "a live agent from the kernel at once.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", nargs="?", default="build/agent")
    parser.add_argument("--incidents", type=int, default=320)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--months", type=int, default=12, help="healthy months of the Prefect flow")
    parser.add_argument("--flow", action="store_true", help="only the Prefect flow")
    parser.add_argument("--kind", choices=KINDS, help="only this kind")
    parser.add_argument("--tuning", action="store_true", help="seeds below the held-out ones")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--prometheus-only", action="store_true", help="do not run the agent")
    parser.add_argument("--json", default="build/bench-lead.json")
    args = parser.parse_args()
    first_seed = 1 if args.tuning else HELD_OUT_FROM + 1
    kinds = list(flow.KINDS) if args.flow else list(KINDS)
    if args.flow:
        args.incidents, args.years = 5 * len(kinds), 0
    if args.quick:
        args.incidents, args.years, args.months = len(kinds), 0, 0
    jobs = spread(args.incidents, first_seed, kinds)
    if args.kind:
        jobs = [(args.kind, first_seed + i) for i in range(args.incidents)]
    agent = None if args.prometheus_only else shutil.which(str(Path(args.agent).resolve()))
    if not agent and not args.prometheus_only:
        parser.error(f"{args.agent} is no program: build it first")

    begun = time.monotonic()
    results = measure_incidents(agent, jobs)
    years = measure_years(agent, range(first_seed, first_seed + args.years))
    years += measure_years(agent, range(first_seed, first_seed + args.months), of_flow=True)
    print("\n".join(incident_table(results)), end="\n\n")
    if years:
        print("\n".join(year_table(years)), end="\n\n")
    print("\n".join(notes(results, first_seed, years)))
    Path(args.json).parent.mkdir(parents=True, exist_ok=True)
    Path(args.json).write_text(json.dumps({"incidents": results, "years": years}, indent=1) + "\n")
    print(f"{len(results)} incidents, {len(years)} years in {time.monotonic() - begun:.0f} s; all figures in {args.json}.")
    if args.prometheus_only:
        return 0

    bad = [f"{r['kind']} seed {r['seed']}: " + why for r in results
           for why in ([] if r["caught"] else ["missed"]) + list(limit_missed(r))]
    bad += [f"year {y['seed']}: critical at {c['time']}: {c['alert']}, {c['summary']}" for y in years for c in y["criticals"]]
    if bad:
        print(f"\nNot met ({len(bad)}):\n" + "\n".join("- " + b for b in bad[:SHOWN]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
