#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Everyday situations: is the agent told what is due, and nothing else?

    tests/bench/life.py                            every situation of tests/simulator/situations, each over some seeds
    tests/bench/life.py daily_batch -v             those whose name or group holds the word; -v prints what was told, and keeps the logs
    tests/bench/life.py stalls --seeds 5           more seeds
    tests/bench/life.py --list                     what there is, and why

Each line says in how many seeds the situation was right, how many are due, and what was wrong in the first that was not. Exit 1 if any
situation is wrong in more seeds than it may be. AGENT names the binary, else build/agent.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator.due import clock                  # noqa: E402
from simulator.situations import catalogue       # noqa: E402

PREFIX = "IcebergOffload"


def replay(agent, log, situation, stage):
    """The notifications, with `t` in the stage's time and the alert's name without its prefix."""
    zero_s = stage.monday_us / 1e6
    until = datetime.fromtimestamp(zero_s + stage.now + stage.stamp_shift + situation.tail_s, timezone.utc)
    done = subprocess.run([agent, "replay", "--tz", situation.zone, "--format", "json",
                           "--until", until.strftime("%Y-%m-%dT%H:%M:%SZ"), *stage.options, str(log)],
                          capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{situation.name}: agent replay: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    notes = [json.loads(line) for line in done.stdout.splitlines() if line]
    for note in notes:
        note["t"] = datetime.fromisoformat(note["time"]).timestamp() - zero_s
        note["alert"] = note["alert"].removeprefix(PREFIX)
    return notes


def judge(job):
    """(name, seed, what was wrong, what was told)"""
    agent, name, seed, keep = job
    situation = catalogue()[name]
    stage = situation.stage(seed)
    conditions = situation.play(stage)
    with tempfile.TemporaryDirectory(prefix="life-") as directory:
        log = Path(keep or directory, f"{name}-{seed}.log")
        log.write_text(stage.text(), encoding="utf-8", newline="\n")
        notes = replay(agent, log, situation, stage)
    wrong = [said for said in (condition(notes) for condition in conditions) if said]
    return name, seed, wrong, [f"{clock(n['t'])}  {n['time'][:19]}  {n['status']:9} {n['severity']:8} {n['alert']} #{n['incident']}: {n['summary']}"
                               for n in notes]


def due(situation, seeds):
    """Of so many seeds, this many must be right."""
    return max(1, round(situation.share * seeds))


def report(situation, results, verbose):
    """One line, and with `verbose` all that was told in each seed. Returns whether the situation is right."""
    right = sum(not wrong for _, _, wrong, _ in results)
    good = right >= due(situation, len(results))
    worst = next((f"seed {seed}: " + "; ".join(wrong) for _, seed, wrong, _ in results if wrong), "")
    print(f"{'right' if good else 'WRONG'} {situation.name:44} {right}/{len(results)} (due {due(situation, len(results))})"
          f"{'  ' + worst if worst else ''}", flush=True)
    if verbose:
        print(f"      {situation.why}")
        for _, seed, wrong, told in results:
            print(f"      seed {seed}: {'; '.join(wrong) or 'right'}")
            for line in told or ["(nothing was told)"]:
                print(f"        {line}")
    return good


def markdown(found, known):
    """A table of the groups, then what is not yet right: for tests/README.md. found: name -> [(name, seed, wrong, told)]."""
    groups = {}
    for name, results in found.items():
        wrong = [said for _, _, said, _ in results if said]
        good = len(results) - len(wrong) >= due(known[name], len(results))
        groups.setdefault(known[name].group, []).append((name, good, len(results) - len(wrong), len(results), wrong))
    yield "| group | situations | right | not yet right: in how many seeds |"
    yield "|---|---|---|---|"
    for group, rows in groups.items():
        bad = ", ".join(f"{name} ({right} of {seeds})" for name, good, right, seeds, _ in rows if not good)
        yield f"| {group} | {len(rows)} | {sum(good for _, good, *_ in rows)} | {bad or '–'} |"


def chosen(words):
    known = catalogue()
    groups = {s.group for s in known.values()}
    names = [n for n, s in known.items() if not words or any(w == s.group if w in groups else w in n for w in words)]
    exact = [n for n in names if n in words]
    return exact if exact and len(exact) == len(words) else names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names, or groups")
    parser.add_argument("--agent", default=os.environ.get("AGENT", "build/agent"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", help="a folder for the logs (with -v: build/life)")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", help="a file for what was wrong")
    parser.add_argument("--markdown", action="store_true", help="a table at the end")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    known, names = catalogue(), chosen(args.names)
    if args.list:
        print("\n".join(f"{known[n].group:10} {n:44} {known[n].why}" for n in names))
        return 0
    if not names:
        parser.error("no situation has such a name")
    agent = str(Path(args.agent).resolve())
    if not os.access(agent, os.X_OK):
        parser.error(f"{args.agent} is no program: build it first")
    keep = args.keep or (str(ROOT / "build/life") if args.verbose else None)
    if keep:
        Path(keep).mkdir(parents=True, exist_ok=True)
    begun, wrong, found = time.monotonic(), [], {}
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs = [(agent, name, seed, keep) for name in names for seed in seeds]
    with ProcessPoolExecutor(args.jobs) as pool:
        waiting = []
        for result in pool.map(judge, jobs):
            waiting.append(result)
            if len(waiting) == args.seeds:
                name = result[0]
                found[name] = waiting
                if not report(known[name], waiting, args.verbose):
                    wrong.append(name)
                waiting = []
    if args.json:
        Path(args.json).write_text(json.dumps({name: {seed: said for _, seed, said, _ in results} for name, results in found.items()}, indent=1) + "\n", encoding="utf-8")
    if args.markdown:
        print("\n" + "\n".join(markdown(found, known)) + "\n")
    if keep:
        print(f"The logs are in {keep}.")
    print(f"{len(names) - len(wrong)} of {len(names)} situations are right, {args.seeds} seeds each, in {time.monotonic() - begun:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
