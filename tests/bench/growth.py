# SPDX-License-Identifier: GPL-2.0-or-later
"""What a long past costs: start, cycles and questions with a month, a year and ten years of history."""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from live import TABLE, running                  # noqa: E402
from simulator.simulator import start_of, write_healthy    # noqa: E402

PASTS = {"a month": 30, "a year": 364, "ten years": 3640}
CYCLES, ROUNDS, STARTS, QUESTIONS = 1000, 5, 5, 3
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


def cost_per_cycle(agent, directory, database):
    """A time in the middle: what comes first warms caches up."""
    with running(agent, directory, KEPT, database) as (process, voice, _, _):
        live_cycles(voice, 200)
        time.sleep(0.5)
        before = measure.cpu_s(process.pid)
        live_cycles(voice, CYCLES)
        time.sleep(0.5)
        return (measure.cpu_s(process.pid) - before) / CYCLES * 1e6


def start_ms(agent, directory, database):
    took = []
    for _ in range(STARTS):
        with running(agent, directory, KEPT, database) as (_, _, _, seconds):
            took.append(seconds * 1e3)
    return min(took)


def question_ms(agent, database, *words):
    return min(measure.once([agent, *words, "--db", database])["wall_s"] for _ in range(QUESTIONS)) * 1e3


def growth(agent, scratch):
    """What is compared is measured in turn: the machine is not the same from one minute to the next."""
    with tempfile.TemporaryDirectory(prefix="bench.", dir=scratch) as place:
        places, found = {}, {}
        for name, days in PASTS.items():
            directory = places[name] = Path(place) / name
            directory.mkdir()
            database = make_past(agent, directory, days)
            found[name] = {"start_ms": start_ms(agent, directory, database), "cycle_us": float("inf"),
                           "database_mb": database.stat().st_size / 1e6}
        for _ in range(ROUNDS):
            for name, directory in places.items():
                cost = cost_per_cycle(agent, directory, directory / "history.db")
                found[name]["cycle_us"] = min(found[name]["cycle_us"], cost)
        for name, directory in places.items():
            database = directory / "history.db"
            found[name].update(status_ms=question_ms(agent, database, "status"),
                               incidents_ms=question_ms(agent, database, "incidents"),
                               report_month_ms=question_ms(agent, database, "report", "--since", "30d"))
    return found
