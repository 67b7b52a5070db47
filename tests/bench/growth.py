#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a long past costs: start, cycles and questions with a month, a year and ten years of history.

    growth.py AGENT [--noise PERCENT] [--rounds N] [--json FILE]

A cycle with ten years of history is compared with one with a month in pairs, one right after the other, in agents that run side by side:
ten pairs in each round, then both are started anew. It ends when the standard error of the ratio over the rounds is below --noise (2 %), or
after --rounds. A pair is a block of cycles with each, in turn; what is counted is the agent's CPU until the block is committed.
Exits 1 if the ratio is beyond 5 %, or too noisy to say.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from live import TABLE, running                  # noqa: E402
from simulator.simulator import start_of, write_healthy    # noqa: E402

PASTS = {"a month": 30, "a year": 364, "ten years": 3640}
BLOCK, PAIRS, ROUNDS_LEAST, ROUNDS_MOST, STARTS, QUESTIONS = 200, 10, 6, 60, 5, 3
NOISE, WITHIN = 0.02, 1.05
COMMITTED_S = 1.1                                # lines that nobody waits for are committed, in so short a block, within a second
KEPT = {"history.retention": "4000d"}


def make_past(agent, directory, days):
    """A history that ends now."""
    log, database = directory / "past.log", directory / "history.db"
    write_healthy(log, 1, days, tables=2, interval=15, start=start_of(days))
    measure.once([agent, "replay", "--tz", "UTC", "--db", database, log])
    log.unlink()
    return database


def live_cycles(voice, count):
    for number in range(count):
        voice.cycle_started(1)
        voice.run_started(TABLE)
        voice.run_completed(TABLE, 3000 + number, 1.0)
        voice.cycle_completed(1.0, 1, 0, 0, 3000)
        time.sleep(0.003)


def block_us(process, voice):
    before = measure.cpu_s(process.pid)
    live_cycles(voice, BLOCK)
    time.sleep(COMMITTED_S)
    return (measure.cpu_s(process.pid) - before) / BLOCK * 1e6


def one_round(agent, directories):
    """Microseconds of CPU a cycle, of each of two histories: PAIRS blocks each, now the one first and now the other."""
    with ExitStack() as stack:
        agents = [stack.enter_context(running(agent, directory, KEPT, directory / "history.db"))[:2] for directory in directories]
        for one in agents:                       # what comes first warms caches up
            block_us(*one)
        took = [[], []]
        for pair in range(PAIRS):
            for which in ((0, 1), (1, 0))[pair % 2]:
                took[which].append(block_us(*agents[which]))
    return [statistics.fmean(blocks) for blocks in took]


def standard_error(logarithms):
    return statistics.stdev(logarithms) / math.sqrt(len(logarithms)) if len(logarithms) > 1 else math.inf


def compare(agent, old, new, noise=NOISE, most=ROUNDS_MOST):
    """The cost of a cycle in `old` and in `new`, their ratio, and how well it is known."""
    costs, logarithms = [], []
    while len(costs) < min(ROUNDS_LEAST, most) or (standard_error(logarithms) > noise and len(costs) < most):
        costs.append(one_round(agent, (old, new)))
        logarithms.append(math.log(costs[-1][1] / costs[-1][0]))
        print(f"  round {len(costs)}: {costs[-1][0]:.0f} and {costs[-1][1]:.0f} us a cycle; ratio so far {math.exp(statistics.fmean(logarithms)):.3f}, "
              f"its standard error {standard_error(logarithms):.3f}", flush=True)
    return {"cycle_us": [statistics.fmean(cost[i] for cost in costs) for i in (0, 1)], "ratio": math.exp(statistics.fmean(logarithms)),
            "noise": standard_error(logarithms), "rounds": len(costs), "pairs": len(costs) * PAIRS}


def start_ms(agent, directory, database):
    took = []
    for _ in range(STARTS):
        with running(agent, directory, KEPT, database) as (_, _, _, seconds):
            took.append(seconds * 1e3)
    return min(took)


def question_ms(agent, database, *words):
    return min(measure.once([agent, *words, "--db", database])["wall_s"] for _ in range(QUESTIONS)) * 1e3


def growth(agent, scratch, noise=NOISE, most=ROUNDS_MOST):
    """name of a past -> its figures; "comparison": ten years beside a month."""
    with tempfile.TemporaryDirectory(prefix="bench.", dir=scratch) as place:
        places, found = {}, {}
        for name, days in PASTS.items():
            directory = places[name] = Path(place) / name
            directory.mkdir()
            database = make_past(agent, directory, days)
            found[name] = {"start_ms": start_ms(agent, directory, database), "database_mb": database.stat().st_size / 1e6}
            for key, words in (("status_ms", ["status"]), ("incidents_ms", ["incidents"]), ("report_month_ms", ["report", "--since", "30d"])):
                found[name][key] = question_ms(agent, database, *words)
            print(f"  {name}: " + ", ".join(f"{key} {value:.1f}" for key, value in found[name].items()), flush=True)
        found["comparison"] = compare(agent, places["a month"], places["ten years"], noise, most)
    return found


def sentence(comparison):
    return (f"a cycle costs {comparison['cycle_us'][0]:.0f} us with a month and {comparison['cycle_us'][1]:.0f} us with ten years of history: "
            f"x {comparison['ratio']:.3f}, standard error {comparison['noise']:.1%} over {comparison['pairs']} pairs in {comparison['rounds']} rounds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent")
    parser.add_argument("--noise", type=float, default=NOISE * 100)
    parser.add_argument("--rounds", type=int, default=ROUNDS_MOST)
    parser.add_argument("--json")
    options = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, load {os.getloadavg()[0]:.1f}", flush=True)
    found = growth(Path(options.agent).resolve(), None, options.noise / 100, options.rounds)
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    comparison = found["comparison"]
    met = comparison["ratio"] <= WITHIN and comparison["noise"] <= options.noise / 100
    print(f"{'met' if met else 'NOT MET'}: {sentence(comparison)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
