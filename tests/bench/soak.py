#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hours of cycles through the live agent behind ten years of history: memory, descriptors and files must stay what they were.

    soak.py AGENT [--minutes N] [--a-second N] [--tables N] [--years N] [--alone] [--json FILE] [--samples FILE]

Ten years of hourly cycles of 64 tables lie in the history before it begins. Every witness is configured, with a stand-in; the agent pages
two receivers and writes its metrics; `agent serve` is asked for its pages a few times a second. The log is rotated every 60 cycles. Every 120
cycles all tables fail for a while, one of them stalls, a cycle is slow, and the scheduler is started anew.

Said of each figure: the level, the slope an hour, the rise over the time that is judged, and the verdict. The file of the history may grow by
the rows of its cycles, as much at the end as before, and by nothing else. Behind the soak the agent is started anew with a retention that makes it prune as many old cycles
as were added: then the file must be as large as it was. Exits 1 if anything grew. With --alone, two tables, no past, no witness and no server, at 300 cycles a second: what the agent
itself does with ten years of cycles (--minutes 20).
"""
import argparse
import contextlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import decade                                                      # noqa: E402
import flat                                                        # noqa: E402
import measure                                                     # noqa: E402
from lib.receiver import Receiver                                  # noqa: E402
from lib.scheduler import WallClock                                # noqa: E402
from lib.stand_ins import StandIns                                 # noqa: E402
from serve import serving                                          # noqa: E402
from simulator.voice import CLICKHOUSE_REFUSED, Voice, stderr_of   # noqa: E402
from simulator.world import container_clock                        # noqa: E402

PERIOD, ROTATE = 120, 60                   # cycles
FAILING, STALLING, SLOW = range(40, 43), range(60, 70), 80
SAMPLE_S, SAY_S, ASK_S, BEHIND_MOST = 3, 60, 0.25, 3
PATHS = ("/", "/incidents", "/tables", "/cycles", "/api/v1/status", "/api/v1/incidents", "/api/v1/tables", "/metrics", "/report?since=7d")
ROWS = 3000


def settings_of(step_s, past):
    """Durations that go with a cycle every few seconds, or every few milliseconds."""
    step = f"{max(100, round(step_s * 1000))}ms"
    chosen = {"schedule.interval": step, "schedule.table_timeout": "60s", "schedule.late_warning": "60s", "schedule.late_critical": "90s",
              "schedule.stop_grace": "60s", "schedule.restart_grace": "60s", "detect.burst": "100ms", "detect.lag_warning": "60s",
              "detect.lag_critical": "90s", "detect.cycle_slow": f"{max(150, round(step_s * 2000))}ms", "detect.cycle_too_slow": "60s",
              "notify.reminder": "0"}
    if past:
        chosen["history.retention"] = "20000d"
    return chosen


class Writer:
    """The scheduler: one write a record."""

    def __init__(self, path, tables, step_s, moved):
        self.path, self.tables, self.step_s, self.moved = path, tables, step_s, moved
        self.log = self.open()
        self.voice = Voice(lambda text: os.write(self.log, text.encode()), WallClock, 15, len(tables))
        self.written, self.cycles, self.rotations = 0, 0, 0

    def open(self):
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def rotate(self):
        """As logrotate with two kept, and a handler that notices."""
        if os.path.exists(f"{self.path}.1"):
            os.replace(f"{self.path}.1", f"{self.path}.2")
        os.rename(self.path, f"{self.path}.1")
        fresh = self.open()
        self.written += os.fstat(self.log).st_size
        self.rotations += 1
        os.close(self.log)
        self.log = fresh

    def cycle(self):
        voice, turn = self.voice, self.cycles % PERIOD
        if turn == 0:
            voice.started()
        begun = time.monotonic()
        voice.cycle_started(len(self.tables))
        for table in self.tables:
            voice.run_started(table)
            rows = 0 if turn in STALLING and table == self.tables[0] else ROWS
            if turn in FAILING:
                voice.run_failed(table, *stderr_of(CLICKHOUSE_REFUSED, container_clock(0), table), 1.0)
            else:
                self.moved(table, rows)
                voice.run_completed(table, rows, 1.0)
        if turn == SLOW:
            time.sleep(self.step_s * 3)
        count = len(self.tables)
        voice.cycle_completed(time.monotonic() - begun, *((0, count) if turn in FAILING else (count, 0)), 0, ROWS * count)
        voice.next_run(datetime.now() + timedelta(seconds=self.step_s), self.step_s)
        if turn == PERIOD - 1:
            voice.signal()
            voice.stopped()
        self.cycles += 1
        if self.cycles % ROTATE == 0:
            self.rotate()


class Reader(threading.Thread):
    """A person at the web pages, and a collector at the metrics."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.answers, self.ended = port, {}, threading.Event()
        self.start()

    def run(self):
        turn = 0
        while not self.ended.wait(ASK_S):
            path = PATHS[turn % len(PATHS)]
            turn += 1
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                    answer.read()
                    said = answer.status
            except urllib.error.HTTPError as error:
                said = error.code
            except OSError as error:
                said = type(error).__name__
            self.answers[f"{path} {said}"] = self.answers.get(f"{path} {said}", 0) + 1


def of_process(name, pid):
    own, resident = measure.memory_kb(pid)
    return {f"{name}, own kB": own, f"{name}, resident kB": resident, f"{name}, descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            f"{name}, threads": len(os.listdir(f"/proc/{pid}/task"))}


def size_kb(path):
    return path.stat().st_size / 1024 if path.exists() else 0


def kept_cycles(database):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as history:
        return history.execute("SELECT count(*) FROM cycle").fetchone()[0]


def of_files(directory, others):
    """The history with its cycles, its write-ahead log, and all else that the agent keeps."""
    database = directory / "history.db"
    wal = size_kb(Path(f"{database}-wal"))
    ours = sum(size_kb(path) for path in directory.iterdir() if path.is_file() and path.name not in others)
    return {"history kB": size_kb(database), "cycles in it": kept_cycles(database), "write-ahead log kB": wal,
            "other files kB": ours - size_kb(database) - wal}


# name of a figure -> the share of its level, and the amount, by which it may rise. The write-ahead log goes up and down below 24 MB (checkpoint.c),
# as fast as its thread gets a processor. Questions to witnesses are a few threads and connections at a time.
BOUNDS = {"own kB": (0.02, 256), "resident kB": (0.02, 512), "descriptors": (0, 3), "threads": (0, 2),
          "log kB": (0.05, 8192), "files kB": (0.05, 128), "ms a cycle": (0.1, 0)}


def judge(samples):
    """Of each figure its facts, by flat.judge."""
    times = [sample["at"] for sample in samples]
    judged = {}
    for name in samples[0]:
        bound = next((limits for end, limits in BOUNDS.items() if name.endswith(end)), None)
        if bound:
            judged[name] = flat.judge(times, [sample[name] for sample in samples], *bound)
    cycles, sizes = ([sample[name] for sample in samples] for name in ("cycles in it", "history kB"))
    judged["history, kB a cycle"] = flat.judge_growth(times, cycles, sizes, 0.2, 1)
    return judged


def show(judged):
    print(f"\n{'':38}{'first':>12}{'last':>12}{'most':>12}{'an hour':>12}{'rise':>10}{'bound':>10}")
    for name, facts in judged.items():
        print(f"{name:38}" + "".join(f"{facts[key]:12.1f}" for key in ("first", "last", "most", "an_hour")) +
              f"{facts['rise']:10.1f}{facts['bound']:10.1f}  {'flat' if facts['flat'] else 'GROWS'}")


def command_of(agent, directory, settings):
    command = [agent, "run", "--log", directory / "log", "--db", directory / "history.db"]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return list(map(str, command))


def start(command, directory, environment):
    with open(directory / "pages", "ab") as pages, open(directory / "errors", "ab") as errors:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pages, stderr=errors, env={**os.environ, **environment})


def steady_clock(database):
    """As if the wall clock had been steady for long: what is due is pruned at the start and not an hour later."""
    booted_ms = int((time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)) * 1000)
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as history, history:
        history.execute("REPLACE INTO state (key, value) VALUES ('clock', ?)", (f"{booted_ms} 0",))


def put_last_ids(database):
    """A history that no agent wrote has no state: what it gives numbers to goes on behind what is there."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as history, history:
        last = [f"last_{name} {history.execute(f'SELECT ifnull(max(id), 0) FROM {name}').fetchone()[0]}\n" for name in ("cycle", "run", "incident")]
        history.execute("REPLACE INTO state (key, value) VALUES ('engine.now', ?)", ("".join(last),))


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.3)
    return condition()


class Soak:
    def __init__(self, agent, directory, args):
        self.agent, self.directory, self.args = agent, directory, args
        self.database = directory / "history.db"
        self.step_s = 1 / args.a_second
        self.tables = [f"bronze_trades_{i:02d}" for i in range(args.tables)]
        self.past = 0 if args.alone else round(args.years * 365 * 24)
        self.samples, self.facts, self.row_kb, self.waited_s = [], {}, 0.0, 0.0

    def make_past(self):
        begun = time.monotonic()
        made = decade.make(self.agent, self.directory, int(time.time() * 1000), self.args.years, is_open=False)
        made.rename(self.database)
        steady_clock(self.database)
        put_last_ids(self.database)
        self.row_kb = size_kb(self.database) / self.past
        print(f"{self.past} cycles of {decade.TABLES} tables, {size_kb(self.database) / 1024:.0f} MB of history "
              f"({time.monotonic() - begun:.0f} s)", flush=True)

    def sample(self, begun, process, server, cpu):
        now = {"at": time.monotonic() - begun, **of_process("agent", process.pid)}
        if server:
            now.update(of_process("serve", server))
        now.update(of_files(self.directory, {"log", "log.1", "log.2", "pages", "errors"}))
        now.update(cpu)
        self.samples.append(now)
        return now

    def keep_pace(self, stand_ins):
        """On a busy machine the stand-ins answer more slowly than the runs end, and questions about runs would pile up in the agent (up to
        TABLE_QUESTIONS_MAX): the next cycle waits for them, which is counted."""
        begun = time.monotonic()
        while stand_ins and stand_ins.behind() > BEHIND_MOST * len(self.tables) and time.monotonic() - begun < 60:
            time.sleep(0.1)
        self.waited_s += time.monotonic() - begun

    def write(self, writer, process, server, reader, stand_ins):
        begun = said = sampled = time.monotonic()
        cycles, used, cost, late_s = 0, measure.cpu_s(process.pid), 0.0, 0.0
        while time.monotonic() - begun < self.args.minutes * 60 and process.poll() is None:
            writer.cycle()
            self.keep_pace(stand_ins)
            late_s = max(late_s, time.monotonic() - begun - writer.cycles * self.step_s)
            time.sleep(max(0.0, begun + writer.cycles * self.step_s - time.monotonic()))
            now = time.monotonic()
            if now - sampled < SAMPLE_S:
                continue
            if writer.cycles - cycles >= PERIOD:       # a whole period: all of them do the same
                cost = (measure.cpu_s(process.pid) - used) / (writer.cycles - cycles) * 1000
                cycles, used = writer.cycles, measure.cpu_s(process.pid)
            sample = self.sample(begun, process, server, {"agent, CPU ms a cycle": cost} if cost else {})
            if cost and "agent, CPU ms a cycle" not in self.samples[0]:
                for earlier in self.samples:
                    earlier["agent, CPU ms a cycle"] = cost
            sampled = time.monotonic()
            if now - said >= SAY_S:
                said = now
                asked = stand_ins.forget() if stand_ins else {}
                print(f"{(now - begun) / 60:5.1f} min, {writer.cycles} cycles: " + ", ".join(
                    f"{name} {value:.0f}" for name, value in sample.items() if name != "at") +
                    (f"; asked since: {asked}" if asked else ""), flush=True)
        self.facts.update(minutes=(time.monotonic() - begun) / 60, cycles=writer.cycles, rotations=writer.rotations, late_s=round(late_s, 1),
                          waited_for_stand_ins_s=round(self.waited_s, 1),
                          log_mb=round(writer.written / 1e6), asked_of_serve=reader.answers if reader else {})

    def run(self):
        args = self.args
        with contextlib.ExitStack() as stack:
            settings, environment, stand_ins = settings_of(self.step_s, self.past), {}, None
            if not args.alone:
                self.make_past()
                stand_ins = stack.enter_context(StandIns(self.directory / "beside", self.tables))
                receiver = stack.enter_context(Receiver())
                settings.update(stand_ins.settings)
                settings.update({"webhook hook.url": receiver.url("/hook"), "webhook am.url": receiver.url("/"),
                                 "webhook am.format": "alertmanager", "metrics.textfile": self.directory / "agent.prom"})
                environment = stand_ins.environment
                self.facts["absent"] = stand_ins.absent
            command = command_of(self.agent, self.directory, settings)
            writer = Writer(self.directory / "log", self.tables, self.step_s, stand_ins.moved if stand_ins else lambda *_: None)
            process = start(command, self.directory, environment)
            stack.callback(process.kill)
            wait_until(lambda: self.database.exists() and not Path(f"{self.database}-journal").exists(), 20)
            server, port = stack.enter_context(serving(self.agent, self.database)) if not args.alone else (None, None)
            reader = Reader(port) if port else None
            self.write(writer, process, server, reader, stand_ins)
            if reader:
                reader.ended.set()
                self.facts["notifications"] = len(receiver.at("/hook"))
            self.end(process, writer)
            if self.past:
                self.prune(settings, environment)

    def ours(self):
        """How many of the cycles of this soak are in the history."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as history:
            return history.execute("SELECT count(*) FROM cycle WHERE id > ?", (self.past,)).fetchone()[0]

    def end(self, process, writer):
        wait_until(lambda: self.ours() >= writer.cycles, 60)
        process.terminate()
        self.facts.update(exit=process.wait(30), stored=self.ours(), pages=(self.directory / "pages").read_text().count("\n"),
                          lines_said=(self.directory / "errors").read_text().count("\n"))

    def oldest_kept_s(self):
        """How long ago the oldest cycle began that is kept if there are to be as many as at the beginning."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as history:
            at, = history.execute("SELECT started_at FROM cycle ORDER BY started_at DESC LIMIT 1 OFFSET ?", (self.past,)).fetchone()
        return time.time() - at / 1000

    def prune(self, settings, environment):
        """As a start does it, and every hour."""
        steady_clock(self.database)
        settings = {**settings, "history.retention": f"{round(self.oldest_kept_s())}s"}
        process = start(command_of(self.agent, self.directory, settings), self.directory, environment)
        wait_until(lambda: kept_cycles(self.database) <= self.past + 1, 300)
        time.sleep(3)
        process.terminate()
        process.wait(30)
        self.facts["pruned"] = {"cycles": kept_cycles(self.database), "kB": size_kb(self.database), "kB before": self.past * self.row_kb}


def verdicts(soak):
    """(what, met) of all that is asked."""
    facts = soak.facts
    yield from ((f"{name} is flat", found["flat"]) for name, found in judge(soak.samples).items())
    yield f"every cycle is stored ({facts['stored']} of {facts['cycles']})", facts["stored"] == facts["cycles"]
    yield f"the agent ended well (exit {facts['exit']})", facts["exit"] == 0
    bad = {what: count for what, count in facts["asked_of_serve"].items() if not what.endswith(" 200")}
    yield f"the web server answered all that it was asked {bad or ''}".strip(), not bad
    if "pruned" in facts:
        after = facts["pruned"]
        more_kb = max(0.0, judge(soak.samples)["history, kB a cycle"]["last"] - soak.row_kb) * facts["cycles"]   # what the witnesses said of each run
        yield (f"pruned to {after['cycles']} cycles, the file has {after['kB'] / 1024:.1f} MB, and {after['kB before'] / 1024:.1f} MB at the beginning",
               after["kB"] <= after["kB before"] * 1.02 + more_kb + 2048)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--a-second", type=float)
    parser.add_argument("--tables", type=int)
    parser.add_argument("--years", type=int, default=decade.YEARS)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--samples", help="a file for every sample, as lines of JSON")
    args = parser.parse_args()
    args.a_second = args.a_second or (300 if args.alone else 0.25)
    args.tables = args.tables or (2 if args.alone else decade.TABLES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="soak.") as name:
        (Path(name) / "beside").mkdir()
        soak = Soak(str(Path(args.agent).resolve()), Path(name), args)
        soak.run()
    if args.samples:
        Path(args.samples).write_text("".join(json.dumps(sample) + "\n" for sample in soak.samples))
    judged, said = judge(soak.samples), list(verdicts(soak))
    show(judged)
    print("\n" + "\n".join(f"{name}: {value}" for name, value in soak.facts.items()) + "\n")
    print("\n".join(f"{'met    ' if met else 'NOT MET'} {what}" for what, met in said))
    if args.json:
        Path(args.json).write_text(json.dumps({"facts": soak.facts, "judged": judged}, indent=1) + "\n")
    return 0 if all(met for _, met in said) else 1


if __name__ == "__main__":
    sys.exit(main())
