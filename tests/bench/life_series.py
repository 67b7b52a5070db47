#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real series through the agent: how often it is wrong about machines that nobody simulated, and what it finds.

    tests/bench/life_series.py               the figures of fixtures/series, now against due
    tests/bench/life_series.py -v            a line for each series and mapping
    tests/bench/life_series.py tweets        those whose name holds the word (no bounds)

Each series is mapped to run times (`prop40`, `lin5-200`) and row counts (`rows`) as fixtures/series says and tests/simulator/series.py does.
False is what fires outside every labelled window (10 minutes before to 3 hours after it); a window is hit by what fires in it, and by
chance if the same firings, shifted round the series by 64 even steps, hit it. A window may be a fall, or a rise that stays far below
detect.slow_floor: so not every window is news, and hits are compared with chance. Then rows are divided by 5 and by 20, or gone, for six
hours; ThroughputLow, or WatermarkStale, of that table within seven hours is a find. Exit 1 if a bound is not met.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator import series as real            # noqa: E402
from simulator.stage import DAY, HOUR, MINUTE    # noqa: E402

BEFORE_S, AFTER_S, SHIFTS = 10 * MINUTE, 3 * HOUR, 64
YEAR = 365 * DAY
PREFIX = "IcebergOffload"
INJECTED = {"rows / 5": "ThroughputLow", "rows / 20": "ThroughputLow", "stall": "WatermarkStale", "none": None}
# What is due, in warnings and criticals a series-year of each mapping. Series without a cause are rougher than a scheduler.
FALSE_A_YEAR = {"prop40": (4, 0), "lin5-200": (4, 0), "rows": (2, 1)}
HITS_BEYOND_CHANCE = 64
FOUND = {"rows / 5": 0.5, "rows / 20": 0.8, "stall": 0.95}
FOUND_FOR_NOTHING = 0.05


def replay(agent, log):
    """What fired: a notification each, with `t` in epoch seconds."""
    done = subprocess.run([agent, "replay", "--tz", "UTC", "--format", "json", "--until", "+30s", "-"], input=log,
                          capture_output=True, text=True, encoding="utf-8", check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"agent replay: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    notes = [json.loads(line) for line in done.stdout.splitlines() if line]
    for note in notes:
        note["t"] = datetime.fromisoformat(note["time"]).timestamp()
        note["alert"] = note["alert"].removeprefix(PREFIX)
    return [n for n in notes if n["status"] == "firing"]


def windows_with(windows, times):
    """The numbers of the windows in which one of these times lies."""
    return {i for t in times for i, (first, last) in enumerate(windows) if first - BEFORE_S <= t <= last + AFTER_S}


def hits_by_chance(windows, times, start_s, end_s):
    if not times:
        return 0.0
    span = end_s - start_s
    shifts = ((k + 0.5) * span / SHIFTS for k in range(SHIFTS))
    return sum(len(windows_with(windows, [start_s + (t - start_s + shift) % span for t in times])) for shift in shifts) / SHIFTS


def judge_series(agent, key, facts):
    """[(mapping, counts, alerts that were false)]"""
    series = real.read(key, facts)
    results = []
    for mapping in real.mappings(series):
        log, end_s = real.play(series, mapping)
        fired = replay(agent, log)
        false = [n for n in fired if not windows_with(series.windows, [n["t"]])]
        quiet_s = end_s - series.first_s - sum(last - first + BEFORE_S + AFTER_S for first, last in series.windows)
        times = [n["t"] for n in fired]
        results.append((mapping, Counter(
            series=1, years=max(0.0, quiet_s) / YEAR, windows=len(series.windows), hit=len(windows_with(series.windows, times)),
            chance=hits_by_chance(series.windows, times, series.first_s, end_s),
            warning=sum(n["severity"] == "warning" for n in false), critical=sum(n["severity"] == "critical" for n in false)),
            Counter(n["alert"] for n in false)))
    return "series", key, results


def judge_injections(agent, key, facts):
    series = real.read(key, facts)
    if not real.takes_injections(series):
        return "injected", key, None
    counts = Counter(series=1)
    for onset_s in real.onsets(series):
        counts["tried"] += 1
        for what, log in real.inject(series, onset_s):
            told = {n["alert"] for n in replay(agent, log) if n["table"] == real.SERIES and onset_s <= n["t"] <= onset_s + 7 * HOUR}
            counts[what] += bool(told & {"ThroughputLow", "WatermarkStale"}) if what == "none" else INJECTED[what] in told
    return "injected", key, counts


def work(job):
    return job[0](*job[1:])


def a_year(counts, what):
    return counts[what] / max(counts["years"], 0.005)


def print_series(one):
    for key, mapping, counts, alerts in one:
        said = ", ".join(f"{alert} {n}" for alert, n in alerts.most_common())
        print(f"{key:62} {mapping:9} false {counts['warning']:.0f} + {counts['critical']:.0f}, windows {counts['hit']:.0f} of {counts['windows']:.0f}, "
              f"by chance {counts['chance']:.1f}  {said}")


def print_mappings(by_mapping, alerts):
    print("| mapping | series | series-years | false warnings (a year) | false criticals (a year) | windows hit | by chance | false alerts |")
    print("|---|---|---|---|---|---|---|---|")
    for mapping, c in sorted(by_mapping.items()):
        said = ", ".join(f"{alert} {n}" for alert, n in alerts[mapping].most_common())
        print(f"| {mapping} | {c['series']:.0f} | {c['years']:.2f} | {c['warning']:.0f} ({a_year(c, 'warning'):.1f}) "
              f"| {c['critical']:.0f} ({a_year(c, 'critical'):.1f}) | {c['hit']:.0f} of {c['windows']:.0f} | {c['chance']:.1f} | {said} |")


def bounds(by_mapping, injected):
    """(what, now, due, whether it is met)"""
    for mapping, due in FALSE_A_YEAR.items():
        for severity, most in zip(("warning", "critical"), due):
            now = a_year(by_mapping[mapping], severity)
            yield f"false {severity}s a series-year, {mapping}", f"{now:.1f}", f"≤ {most}", now <= most
    total = sum(by_mapping.values(), Counter())
    net = total["hit"] - total["chance"]
    yield ("labelled windows hit, net of chance", f"{total['hit']:.0f} of {total['windows']:.0f}, net {net:.0f}",
           f"net ≥ {HITS_BEYOND_CHANCE}", net >= HITS_BEYOND_CHANCE)
    tried = max(1, injected["tried"])
    for what, share in FOUND.items():
        yield f"{what} for 6 h, told within 7 h", f"{injected[what]} of {tried}", f"≥ {share:.0%}", injected[what] >= share * tried
    yield ("the same hours as they were, told all the same", f"{injected['none']} of {tried}", f"≤ {FOUND_FOR_NOTHING:.0%}",
           injected["none"] <= FOUND_FOR_NOTHING * tried)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the series' names")
    parser.add_argument("--agent", default=os.environ.get("AGENT", "build/agent"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    agent = str(Path(args.agent).resolve())
    if not os.access(agent, os.X_OK):
        parser.error(f"{args.agent} is no program: build it first")
    index = {key: facts for key, facts in real.index().items() if not args.names or any(word in key.lower() for word in args.names)}
    jobs = [(judge, agent, key, facts) for key, facts in index.items() for judge in (judge_series, judge_injections)]
    begun, by_mapping, alerts, injected, one = time.monotonic(), defaultdict(Counter), defaultdict(Counter), Counter(), []
    with ProcessPoolExecutor(args.jobs) as pool:
        for kind, key, result in pool.map(work, jobs):
            if kind == "injected":
                injected.update(result or {})
                if args.verbose and result:
                    print(f"{key:62} injected  " + ", ".join(f"{what} {result[what]} of {result['tried']}" for what in INJECTED))
                continue
            for mapping, counts, said in result:
                by_mapping[mapping].update(counts)
                alerts[mapping].update(said)
                one.append((key, mapping, counts, said))
    if args.verbose:
        print_series(one)
        print()
    print_mappings(by_mapping, alerts)
    print("\n| | now | due | |\n|---|---|---|---|")
    met = True
    for what, now, due, good in bounds(by_mapping, injected):
        print(f"| {what} | {now} | {due} | {'met' if good else 'missed'} |")
        met = met and good
    print(f"\n{len(index)} series, {injected['series']} of them with injections, in {time.monotonic() - begun:.0f} s")
    return 0 if met or args.names else 1


if __name__ == "__main__":
    sys.exit(main())
