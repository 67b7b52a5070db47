# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line costs as more is known: tables, open incidents, webhooks, logs on one host, components that are watched.

    growth_tables.py AGENT [AGENT ...] [--sizes 2,12,64] [--incidents 1,100] [--only tables,incidents,webhooks,logs,idle]
                     [--runs N] [--lines N] [--rounds N] [--webhooks N] [--logs N] [--idle SECONDS] [--json FILE]

Several agents (before and after a change) are measured in turn, each round with the one and then with the other; what is judged is the last
one. mtail, where it is installed, replays the same logs. An event is a line that says something, as the pattern of peers.py has it. CPU is
that of all threads, and of a replay that of reading the log without that of starting. A live line is written every 10 ms; its bytes are
`wchar` of /proc/PID/io, with checkpoints and all. Exits 1 where a target is missed.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import growth_beside                             # noqa: E402
import measure                                   # noqa: E402
from live import running                         # noqa: E402
from simulator.voice import Voice                # noqa: E402

SIZES, INCIDENTS, INCIDENT_TABLES = "2,12,64,256,2000,10000", "1,100,1000", 1200
PAUSE_S, STARTS, LIVE_MOST_S, SETTLE_MOST_S = 0.01, 3, 60, 300
PARTS = ("tables", "incidents", "webhooks", "logs", "idle")
# Nothing but what the log says is judged, so that what is measured is the same at every size.
QUIET = {"log.timezone": "UTC", "history.retention": "20000d", "detect.lag_warning": "1d", "detect.lag_critical": "2d",
         "schedule.late_warning": "1d", "schedule.late_critical": "2d", "detect.cycle_slow": "2h", "detect.cycle_too_slow": "3h"}


def say(text):
    print(text, flush=True)


class Hand:
    """A clock that is moved by hand, as a Voice asks for one."""

    def __init__(self, at):
        self.at = at

    def stamp(self):
        return f"{self.at:%Y-%m-%d %H:%M:%S},{self.at.microsecond // 1000:03}"

    def isoformat(self):
        return self.at.isoformat()


def names(tables):
    return [f"bronze_trades_{i:05d}" for i in range(tables)]


def write_log(path, tables, cycles, failing=0):
    """Cycles of 200 s, the last of which ended a moment ago. The first tables fail, each for a reason of its own. Returns the events."""
    hand = Hand(datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=15 * cycles))
    with open(path, "w", encoding="utf-8") as log:
        voice = Voice(log.write, hand, tables=tables)
        voice.started()
        for _ in range(cycles):
            begun = hand.at
            voice.cycle_started(tables)
            for i, name in enumerate(names(tables)):
                voice.run_started(name)
                hand.at += timedelta(seconds=200 / tables)
                if i < failing:
                    voice.run_failed(name, 1, f"java.net.UnknownHostException: warehouse-{i}", 1.0)
                else:
                    voice.run_completed(name, 1000 + i % 89, 1.0)
            voice.cycle_completed(200.0, tables - failing, failing, 0, 1000 * tables)
            hand.at = begun + timedelta(minutes=15)
    return cycles * (2 * tables + 4)


def written(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return int(io.read().split("wchar: ")[1].split()[0])


def settle(pid):
    """Until it does nothing any more for as long as lines wait to be committed."""
    end, used = time.monotonic() + SETTLE_MOST_S, -1.0
    while (now := measure.cpu_s(pid)) > used + 0.001 and time.monotonic() < end:
        used = now
        time.sleep(0.4)


def live_lines(voice, tables, failing, count):
    """The lines of cycles, or of a part of one, each by itself, of tables that do not fail. Returns how many lines were written."""
    lines, end = 0, time.monotonic() + LIVE_MOST_S
    while lines < count and time.monotonic() < end:
        voice.cycle_started(tables)
        lines += 5
        for i, name in list(enumerate(names(tables)))[failing:]:
            for tell in (lambda: voice.run_started(name), lambda: voice.run_completed(name, 1000 + i % 89, 1.0)):
                tell()
                time.sleep(PAUSE_S)
            lines += 2
            if lines >= count:
                break
        else:
            voice.cycle_completed(200.0, tables, 0, 0, 1000 * tables)
            lines += 6
    return lines


def live(agent, directory, database, tables, failing, count):
    with running(agent, directory, QUIET, database) as (process, voice, _, _):
        settle(process.pid)
        bytes_before, cpu_before = written(process.pid), measure.cpu_s(process.pid)
        lines = live_lines(voice, tables, failing, count)
        settle(process.pid)
        return {"line_bytes": (written(process.pid) - bytes_before) / lines,
                "line_ms": (measure.cpu_s(process.pid) - cpu_before) / lines * 1e3,
                "own_mb": measure.memory_kb(process.pid)[0] / 1024}


def start(agent, directory, database):
    """Until it says that it is ready."""
    with running(agent, directory, QUIET, database) as (process, _, _, seconds):
        return {"start_ms": seconds * 1e3, "start_cpu_ms": measure.cpu_s(process.pid) * 1e3}


def questions(agent, database):
    found = {}
    for name, words in (("status", ["status"]), ("report", ["report", "--since", "1d"])):
        once = measure.once([agent, *words, "--db", database])
        found[f"{name}_ms"], found[f"{name}_cpu_ms"] = once["wall_s"] * 1e3, once["cpu_s"] * 1e3
    return found


def keep_least(found, more):
    """Others load the machine: the least of several rounds is nearest to what it costs."""
    for name, value in more.items():
        found[name] = min(value, found.get(name, value))


def replay_us(agent, log, events):
    """CPU without what a replay of nothing takes."""
    return {"replay_us": (measure.once([agent, "replay", "--tz", "UTC", log])["cpu_s"] -
                          measure.once([agent, "replay", "--tz", "UTC", "/dev/null"])["cpu_s"]) / events * 1e6}


def open_incidents(database):
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as history:
        return history.execute("SELECT count(*) FROM incident WHERE state = 'open'").fetchone()[0]


def one_log(agents, place, log, events, tables, options, failing=0):
    """A row of figures for each agent."""
    with tempfile.TemporaryDirectory(prefix="size.", dir=place) as scratch:
        places = [Path(scratch) / str(number) for number in range(len(agents))]
        rows = [{"agent": agent} for agent in agents]
        for agent, directory in zip(agents, places):
            directory.mkdir()
            measure.once([agent, "replay", "--tz", "UTC", "--db", directory / "history.db", log])
        for turn in range(options.rounds):
            for row, agent, directory in zip(rows, agents, places):
                database = directory / "history.db"
                keep_least(row, replay_us(agent, log, events))
                keep_least(row, questions(agent, database))
                for _ in range(STARTS):
                    keep_least(row, start(agent, directory, database))
                keep_least(row, live(agent, directory, database, tables, failing, options.lines))
                if failing:
                    row["open"] = open_incidents(database)
                say(f"  {tables} tables{f', {failing} failing' if failing else ''}, round {turn + 1} of {options.rounds}: "
                    f"{row['line_bytes']:.0f} bytes and {row['line_ms']:.3f} ms a line ({agent})")
    return rows


def mtail_us(place, log, events):
    if not shutil.which("mtail"):
        return None
    programs = Path(place) / "programs"
    programs.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("scheduler.mtail"), programs)
    mtail = ["mtail", "--one_shot", "--progs", programs, "--logs"]
    return (measure.once([*mtail, log])["cpu_s"] - measure.once([*mtail, "/dev/null"])["cpu_s"]) / events * 1e6


def by_tables(agents, place, options):
    for tables in numbers(options.sizes):
        log = Path(place) / "tables.log"
        events = write_log(log, tables, max(3, options.runs // tables))
        rows = [{"tables": tables, **row} for row in one_log(agents, place, log, events, tables, options)]
        mtail = mtail_us(place, log, events)
        if mtail:
            rows[-1]["times_mtail"] = mtail / rows[-1]["replay_us"]
            rows.append({"tables": tables, "agent": "mtail", "replay_us": mtail})
        yield from rows


def by_incidents(agents, place, options):
    """Tables of which so many fail, each for a reason of its own."""
    for failing in numbers(options.incidents):
        log, tables = Path(place) / "incidents.log", max(INCIDENT_TABLES, failing + 200) if failing >= 100 else 200
        events = write_log(log, tables, 6, failing)
        yield from ({"failing": failing, "tables": tables, **row} for row in one_log(agents, place, log, events, tables, options, failing))


def show(title, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    say(f"\n{title}\n" + "".join(f"{name:>17}" for name in columns))
    for row in rows:
        say("".join(f"{'-':>17}" if row.get(name) is None else f"{row[name]:>17.3g}" if isinstance(row[name], float)
                    else f"{str(row[name])[-16:]:>17}" for name in columns))


def tables_targets(rows, agents):
    """(what, value, bound) of the last agent; each value is to be at most the bound."""
    after = {row["tables"]: row for row in rows if row["agent"] == agents[-1]}
    before = {row["tables"]: row for row in rows if row["agent"] == agents[0]}
    for tables, row in after.items():
        yield f"{tables} tables: bytes written a line", row["line_bytes"], 8000
        yield f"{tables} tables: CPU ms a line", row["line_ms"], 0.3
        if tables > 2 and 2 in after:
            yield f"{tables} tables: an event in replay, x that of 2", row["replay_us"] / after[2]["replay_us"], 2
        yield f"{tables} tables: own MB", row["own_mb"], 8 if tables <= 256 else 64
        name, key = ("ready, ms", "start_ms") if os.getloadavg()[0] <= os.cpu_count() else ("ready, ms of CPU (too busy for time)", "start_cpu_ms")
        yield f"{tables} tables: {name}", row[key], 30 if tables <= 256 else 100
    if len(agents) > 1 and 2 in after:
        for name in ("replay_us", "line_bytes", "line_ms", "own_mb", "start_cpu_ms"):
            yield f"2 tables: {name}, x that of before", after[2][name] / before[2][name], 1.05


def incidents_targets(rows, agents):
    for row in (row for row in rows if row["agent"] == agents[-1]):
        yield f"{row['open']} incidents open: bytes written a line", row["line_bytes"], 8000
        yield f"{row['open']} incidents open: CPU ms a line", row["line_ms"], 0.3


def numbers(text):
    return [int(word) for word in text.split(",")]


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown")
    return f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} processors ({model}), load {os.getloadavg()[0]:.1f}"


MEASURED = {"tables": (by_tables, tables_targets), "incidents": (by_incidents, incidents_targets),
            "webhooks": (growth_beside.by_webhooks, growth_beside.webhooks_targets),
            "logs": (growth_beside.by_logs, growth_beside.logs_targets), "idle": (growth_beside.by_idle, growth_beside.idle_targets)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--incidents", default=INCIDENTS)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--runs", type=int, default=100000, help="of all tables together in a log that is replayed")
    parser.add_argument("--lines", type=int, default=600, help="that are written live")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--webhooks", type=int, default=100)
    parser.add_argument("--logs", type=int, default=20)
    parser.add_argument("--idle", type=int, default=60, help="seconds of doing nothing")
    parser.add_argument("--json")
    options = parser.parse_args()
    agents = [str(Path(agent).resolve()) for agent in options.agents]
    found, said = {"when": machine()}, []
    say(found["when"])
    with tempfile.TemporaryDirectory(prefix="bench.") as place:
        for part in options.only.split(","):
            measured, targets = MEASURED[part]
            found[part] = []
            for row in measured(agents, place, options):
                found[part].append(row)
                if options.json:
                    Path(options.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            show(part, found[part])
            said += [(what, value, bound, value <= bound) for what, value, bound in targets(found[part], agents)]
    say(f"\nload {os.getloadavg()[0]:.1f} at the end")
    for what, value, bound, met in said:
        say(f"{what:56}{value:12.3f}  <= {bound:<8} {'met' if met else 'NOT MET'}")
    return 0 if all(met for *_, met in said) else 1


if __name__ == "__main__":
    sys.exit(main())
