# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line costs as more is known: tables, open incidents, webhooks, and logs on one host.

    growth_tables.py AGENT [AGENT ...] [--sizes 2,12,64] [--only tables,incidents,webhooks,logs] [--json FILE]

Two agents (before and after a change) are measured in turn, each size with the one and then with the other. mtail, where it is installed,
replays the same logs. A live line is written every 10 ms.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure                                   # noqa: E402
from live import running                         # noqa: E402
from lib.receiver import Receiver                # noqa: E402
from simulator.voice import Voice                # noqa: E402

SIZES, INCIDENTS, WEBHOOKS, LOGS = (2, 12, 64, 256, 2000, 10000), (1, 100, 1000), 100, 20
RUNS, PAUSE_S, LINES = 60000, 0.01, 600
PARTS = ("tables", "incidents", "webhooks", "logs")
# Nothing but what the log says is judged, so that what is measured is the same at every size.
QUIET = {"log.timezone": "UTC", "history.retention": "20000d", "detect.lag_warning": "1d", "detect.lag_critical": "2d",
         "schedule.late_warning": "1d", "schedule.late_critical": "2d", "detect.cycle_slow": "2h", "detect.cycle_too_slow": "3h"}


class Hand:
    """A clock that is moved by hand, as a Voice asks for one."""

    def __init__(self, at):
        self.at = at

    def stamp(self):
        return self.at.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]

    def isoformat(self):
        return self.at.isoformat()


def names(tables):
    return [f"bronze_trades_{i:05d}" for i in range(tables)]


def write_log(path, tables, cycles, failing=0):
    """Cycles of 200 s, the last of which ended a moment ago. The first tables fail, each for a reason of its own. Returns the lines."""
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
    with open(path, encoding="utf-8") as log:
        return sum(1 for _ in log)


def written(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return int(io.read().split("wchar: ")[1].split()[0])


def live_lines(voice, tables, count):
    """The lines of cycles, or of a part of one, each by itself. Returns how many lines were written."""
    lines = 0
    while lines < count:
        voice.cycle_started(tables)
        lines += 5
        for i, name in enumerate(names(tables)):
            for say in (lambda: voice.run_started(name), lambda: voice.run_completed(name, 1000 + i % 89, 1.0)):
                say()
                time.sleep(PAUSE_S)
            lines += 2
            if lines >= count:
                break
        else:
            voice.cycle_completed(200.0, tables, 0, 0, 1000 * tables)
            lines += 6
    return lines


def live(agent, directory, database, tables):
    with running(agent, directory, QUIET, database) as (process, voice, _, seconds):
        time.sleep(1)
        bytes_before, cpu_before = written(process.pid), measure.cpu_s(process.pid)
        lines = live_lines(voice, tables, LINES)
        time.sleep(1)
        return {"start_ms": seconds * 1e3, "line_bytes": (written(process.pid) - bytes_before) / lines,
                "line_ms": (measure.cpu_s(process.pid) - cpu_before) / lines * 1e3,
                "own_mb": measure.memory_kb(process.pid)[0] / 1024}


def one_size(agent, place, log, lines, tables):
    found = {"replay_us": min(measure.once([agent, "replay", "--tz", "UTC", log])["cpu_s"] for _ in range(3)) / lines * 1e6}
    with tempfile.TemporaryDirectory(prefix="size.", dir=place) as directory:
        directory = Path(directory)
        database = directory / "history.db"
        measure.once([agent, "replay", "--tz", "UTC", "--db", database, log])
        for name, words in (("status_ms", ["status"]), ("report_ms", ["report", "--since", "1d"])):
            found[name] = min(measure.once([agent, *words, "--db", database])["wall_s"] for _ in range(3)) * 1e3
        found.update(live(agent, directory, database, tables))
    return found


def mtail_us(place, log, lines):
    if not shutil.which("mtail"):
        return None
    programs = Path(place) / "programs"
    programs.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("scheduler.mtail"), programs)
    return measure.once(["mtail", "--one_shot", "--progs", programs, "--logs", log])["cpu_s"] / lines * 1e6


def by_tables(agents, place, sizes):
    rows = []
    for tables in sizes:
        log = Path(place) / "tables.log"
        lines = write_log(log, tables, max(3, RUNS // tables))
        for agent in agents:
            rows.append({"agent": agent, "tables": tables, **one_size(agent, place, log, lines, tables)})
        rows.append({"agent": "mtail", "tables": tables, "replay_us": mtail_us(place, log, lines)})
    return rows


def by_incidents(agents, place):
    """1,200 tables, of which so many fail, each for a reason of its own."""
    rows = []
    for count in INCIDENTS:
        log = Path(place) / "incidents.log"
        lines = write_log(log, 1200, 6, failing=count)
        for agent in agents:
            rows.append({"agent": agent, "failing": count, **one_size(agent, place, log, lines, 1200)})
    return rows


def by_webhooks(agents, place):
    """How soon the last of many webhooks is told, of which one never answers."""
    rows = []
    for agent in agents:
        with tempfile.TemporaryDirectory(prefix="webhooks.", dir=place) as directory, Receiver() as receiver:
            receiver.plan("/0", "never")
            chosen = {**QUIET, "detect.failures_warning": "1"}
            chosen.update({f"webhook w{i}.url": receiver.url(f"/{i}") for i in range(WEBHOOKS)})
            with running(agent, Path(directory), chosen) as (process, voice, _, _):
                voice.cycle_started(1)
                voice.run_started("a")
                begun = time.monotonic()
                voice.run_failed("a", 1, "boom", 1.0)
                while sum(1 for i in range(1, WEBHOOKS) if receiver.at(f"/{i}")) < WEBHOOKS - 1 and time.monotonic() < begun + 60:
                    time.sleep(0.005)
                rows.append({"agent": agent, "webhooks": WEBHOOKS, "told_ms": (time.monotonic() - begun) * 1e3,
                             "own_mb": measure.memory_kb(process.pid)[0] / 1024})
    return rows


def shares_mb(pid):
    """(own, shared) memory: what would be free without the process, and what others use as well."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as rollup:
        for line in list(rollup)[1:]:
            name, _, value = line.partition(":")
            found[name] = int(value.split()[0])
    return ((found["Private_Clean"] + found["Private_Dirty"]) / 1024, (found["Shared_Clean"] + found["Shared_Dirty"]) / 1024)


def by_logs(agents, place):
    """So many agents on one host, each with a log of its own, and nothing to do."""
    rows = []
    for agent in agents:
        with ExitStack() as stack:
            pids = []
            for _ in range(LOGS):
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="logs.", dir=place)))
                pids.append(stack.enter_context(running(agent, directory, QUIET))[0].pid)
            time.sleep(3)
            before = sum(measure.wakeups(pid) for pid in pids)
            time.sleep(30)
            shares = [shares_mb(pid) for pid in pids]
            rows.append({"agent": agent, "logs": LOGS, "own_mb": sum(own for own, _ in shares) / LOGS,
                         "shared_mb": sum(shared for _, shared in shares) / LOGS,
                         "wakeups_a_minute": (sum(measure.wakeups(pid) for pid in pids) - before) * 2 / LOGS})
    return rows


def show(title, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    print(f"\n{title}\n" + "".join(f"{name:>18}" for name in columns))
    for row in rows:
        print("".join(f"{'-':>18}" if row.get(name) is None else f"{row[name]:>18.3g}" if isinstance(row[name], float)
                      else f"{str(row[name])[-17:]:>18}" for name in columns), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--json")
    options = parser.parse_args()
    agents = [str(Path(agent).resolve()) for agent in options.agents]
    found, only = {}, options.only.split(",")
    with tempfile.TemporaryDirectory(prefix="bench.") as place:
        if "tables" in only:
            found["tables"] = by_tables(agents, place, [int(size) for size in options.sizes.split(",")])
            show("tables", found["tables"])
        for name, measured in (("incidents", by_incidents), ("webhooks", by_webhooks), ("logs", by_logs)):
            if name in only:
                found[name] = measured(agents, place)
                show(name, found[name])
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
