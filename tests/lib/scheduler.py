#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A live stand-in for the offload scheduler: a real process, a real log, a schedule as short as you like.

It writes as Python's FileHandler does: append mode, one descriptor held open for life, one flush a record; so it can be
rotated away, killed and asked for like the real one. By hand:

    scheduler.py --log /tmp/s.log --interval 1 --script "healthy 20, fail bronze_trades_kraken 4, healthy 5, stop"
    scheduler.py --log /tmp/s.log --interval 1 --scenario stall

From a test, either step by step (no interval), or on its own schedule with steps queued at will:

    with Scheduler(log) as s:
        s.cycle_started(); s.run_started("bronze_trades_kraken"); at = s.run_failed("bronze_trades_kraken")
        s.kill()
    with Scheduler(log, interval=1.0, script="healthy 5") as s:
        s.do("zero bronze_trades_kraken 4"); s.wait_for("(0 rows in", count=4); s.terminate()

Steps of a script (TABLE may be *; N is a number of cycles, 1 if left out):
    healthy N | fail TABLE N | timeout TABLE N | zero TABLE N | skip TABLE N | slow SECONDS N | exception N
    hang (for ever in a run) | freeze (for ever between runs) | stop | crash | die (SIGKILL) | say TEXT
After the last step it goes on healthily.
"""

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulator.voice import CLICKHOUSE_REFUSED, Voice, stderr_of   # noqa: E402
from simulator.world import container_clock                        # noqa: E402

TABLES = ("bronze_trades_binance", "bronze_trades_kraken")
USUAL_ROWS = {"bronze_trades_binance": 200_000}
SCENARIOS = {
    "healthy": "healthy 1000000",
    "failures": "healthy 20, fail bronze_trades_kraken 4, healthy 10",
    "outage": "healthy 20, fail * 4, healthy 10",
    "slow": "healthy 20, slow 2 2, healthy 10",
    "stall": "healthy 20, zero bronze_trades_kraken 6, healthy 10",
    "exceptions": "healthy 20, exception 3, healthy 10",
    "hang": "healthy 20, hang",
    "freeze": "healthy 20, freeze",
    "death": "healthy 20, die",
    "crash": "healthy 20, crash",
    "stop": "healthy 20, stop",
}


# ---- the process -------------------------------------------------------------------------------------------------------------


class WallClock:
    """The host's local time, as logging shows it."""

    @staticmethod
    def stamp():
        now = time.time()
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f",{int(now * 1000) % 1000:03d}"

    @staticmethod
    def isoformat():
        return datetime.now().isoformat()


class Interrupted(Exception):
    """SIGTERM, while waiting."""


class LiveProcess:
    def __init__(self, args):
        self.interval = args.interval
        self.run_seconds = args.run_seconds
        self.log = os.open(args.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.echo = args.control
        self.voice = Voice(self.write, WallClock, 15, len(TABLES), args.metrics_logger, args.log)
        self.steps = collections.deque()
        self.steps_changed = threading.Condition()
        self.stopping = threading.Event()
        self.rng = random.Random(args.seed)
        self.add_steps(args.script)

    def write(self, text):
        """One write a record, as FileHandler's flush makes it; unbuffered, so that a signal may interrupt at any point.

        A byte that is no UTF-8 comes as a surrogate ("\\udcff").
        """
        os.write(self.log, text.encode(errors="surrogateescape"))
        if self.echo:
            self.tell({"at": time.time(), "line": text.rstrip("\n")})

    @staticmethod
    def tell(answer):
        os.write(sys.stdout.fileno(), (json.dumps(answer) + "\n").encode())

    def add_steps(self, script):
        """Each step is kept once per cycle; what is no cycle at all is kept as it is."""
        for text in filter(None, (part.strip() for part in (script or "").replace("\n", ",").split(","))):
            words = text.split()
            repeat = int(words.pop()) if words[0] not in ("say",) and len(words) > 1 and words[-1].isdigit() \
                and not (words[0] == "slow" and len(words) == 2) else 1
            with self.steps_changed:
                self.steps.append([words, repeat])

    def next_step(self):
        with self.steps_changed:
            if not self.steps:
                return ["healthy"]
            words, repeat = self.steps[0]
            if repeat > 1:
                self.steps[0][1] -= 1
            else:
                self.steps.popleft()
            return words

    # On its own schedule.

    def live(self):
        self.voice.started()
        self.voice.initial_cycle()
        while True:
            self.step(self.next_step())
            if self.stopping.is_set():
                break
            slot, wait_s = self.next_slot()
            self.voice.next_run(slot, wait_s)
            if self.stopping.wait(wait_s):
                break
        self.voice.stopped()

    def next_slot(self):
        now = datetime.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        step = timedelta(seconds=self.interval)
        slot = midnight + ((now - midnight) // step + 1) * step
        return slot, (slot - now).total_seconds()

    def step(self, words):
        name, *rest = words
        if name == "exception":
            self.voice.cycle_started(len(TABLES))
            self.voice.run_started(TABLES[0])
            self.voice.cycle_exception()
        elif name == "hang":
            self.voice.cycle_started(len(TABLES))
            self.voice.run_started(TABLES[0])
            threading.Event().wait()
        elif name == "freeze":
            threading.Event().wait()
        elif name == "stop":
            os.kill(os.getpid(), signal.SIGTERM)
            self.stopping.wait()
        elif name == "crash":
            self.voice.crashed("[Errno 28] No space left on device", "OSError")
            os._exit(1)
        elif name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif name == "say":
            self.voice.say(" ".join(rest))
        elif name in ("healthy", "fail", "timeout", "zero", "skip", "slow"):
            self.cycle(name, *rest)
        else:
            raise SystemExit(f"scheduler.py: unknown step: {' '.join(words)}")

    def cycle(self, what, whom="*"):
        concerned = TABLES if whom == "*" or what == "slow" else (whom,)
        tables = [t for t in TABLES if not (what == "skip" and t in concerned)]
        counts = {"ok": 0, "fail": 0, "timeout": 0}
        total = 0
        start = time.monotonic()
        self.voice.cycle_started(len(tables))
        for table in tables:
            if self.stopping.is_set():
                self.voice.shutdown_requested()
                break
            self.voice.run_started(table)
            run_start = time.time()
            time.sleep(float(whom) / len(tables) if what == "slow" else self.run_seconds * self.rng.uniform(0.9, 1.1))
            outcome = what if what in ("fail", "timeout") and table in concerned else "ok"
            counts[outcome] += 1
            rows = 0 if what == "zero" and table in concerned else self.rows(table)
            total += rows if outcome == "ok" else 0
            self.end_run(table, outcome, rows, run_start)
        self.voice.cycle_completed(time.monotonic() - start, counts["ok"], counts["fail"], counts["timeout"], total)

    def rows(self, table):
        return round(USUAL_ROWS.get(table, 3_500) * self.rng.uniform(0.8, 1.25))

    def end_run(self, table, outcome, rows, run_start):
        seconds = time.time() - run_start
        if outcome == "ok":
            self.voice.run_completed(table, rows, seconds)
        elif outcome == "timeout":
            self.voice.run_timeout(table)
        else:
            clock = container_clock(round(run_start * 1e6) - 11 * 3600 * 1_000_000)
            self.voice.run_failed(table, *stderr_of(CLICKHOUSE_REFUSED, clock, table), seconds)

    # Told what to do, line by line on stdin.

    def obey(self):
        for line in sys.stdin:
            name, *values = json.loads(line)
            if name == "do":
                self.add_steps(*values)
            else:
                getattr(self, "order_" + name)(*values)
            self.tell({"at": time.time(), "done": name})
        os._exit(1)       # the test is gone: so is its scheduler

    def order_started(self):
        self.voice.started()
        self.voice.initial_cycle()

    def order_cycle_started(self, tables):
        self.voice.cycle_started(tables)

    def order_run_started(self, table):
        self.voice.run_started(table)

    def order_run_completed(self, table, rows, seconds):
        self.voice.run_completed(table, rows, seconds)

    def order_run_failed(self, table, exit_code, stderr):
        self.voice.run_failed(table, exit_code, stderr, 2.0)

    def order_run_timeout(self, table):
        self.voice.run_timeout(table)

    def order_cycle_completed(self, seconds, succeeded, failed, timed_out, rows):
        self.voice.cycle_completed(seconds, succeeded, failed, timed_out, rows)

    def order_next_run(self, wait_s):
        self.voice.next_run(datetime.now() + timedelta(seconds=wait_s), wait_s)

    def order_cycle_exception(self, text):
        self.voice.cycle_exception(text)

    def order_crashed(self, text):
        self.voice.crashed(text, "RuntimeError")

    def order_say(self, text):
        self.voice.say(text)

    def order_raw(self, text):
        self.write(text)

    def on_signal(self, number, _frame):
        """Outside a schedule nothing else runs that could notice: say it all and go."""
        self.voice.signal(number)
        self.stopping.set()
        if self.interval is None:
            self.voice.stopped()
            os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True)
    parser.add_argument("--interval", type=float, help="seconds between cycles; none: only what is ordered on stdin")
    parser.add_argument("--run-seconds", type=float, default=0.05, help="of a table's run (0.05)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--script", help="steps, separated by commas")
    what.add_argument("--scenario", choices=SCENARIOS)
    parser.add_argument("--metrics-logger", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="orders as JSON on stdin, what was done on stdout")
    args = parser.parse_args()
    if args.scenario:
        args.script = SCENARIOS[args.scenario]
    if args.interval is None and not args.control:
        parser.error("--interval is needed without --control")
    process = LiveProcess(args)
    signal.signal(signal.SIGTERM, process.on_signal)
    signal.signal(signal.SIGINT, process.on_signal)
    if args.interval is None:
        process.obey()
    if args.control:
        threading.Thread(target=process.obey, daemon=True).start()
    process.live()


# ---- the handle --------------------------------------------------------------------------------------------------------------


class Scheduler:
    """A scheduler process in a test's hand. Every order returns the wall-clock time (s) at which its lines were written."""

    def __init__(self, log, interval=None, script=None, run_seconds=0.05, metrics_logger=False):
        command = [sys.executable, str(Path(__file__).resolve()), "--log", str(log), "--control",
                   "--run-seconds", str(run_seconds)]
        if interval is not None:
            command += ["--interval", str(interval)]
        if script:
            command += ["--script", script]
        if metrics_logger:
            command.append("--metrics-logger")
        self.lines = []                # (time, record), everything written so far
        self._news = threading.Condition()
        self._answers = collections.deque()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if interval is None:
            self._order("started")

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self._news:
                if "line" in answer:
                    self.lines.append((answer["at"], answer["line"]))
                else:
                    self._answers.append(answer)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _order(self, name, *values, timeout=fair.ENDS_S):
        with self._news:
            self.process.stdin.write(json.dumps([name, *values]) + "\n")
            self.process.stdin.flush()
            if not self._news.wait_for(lambda: self._answers, timeout):
                raise TimeoutError(f"the scheduler did not answer to {name}")
            return self._answers.popleft()["at"]

    def do(self, script):
        """Queues steps on a scheduler with an interval."""
        return self._order("do", script)

    def cycle_started(self, tables=len(TABLES)):
        return self._order("cycle_started", tables)

    def run_started(self, table=TABLES[0]):
        return self._order("run_started", table)

    def run_completed(self, table=TABLES[0], rows=200_000, seconds=6.0):
        return self._order("run_completed", table, rows, seconds)

    def run_failed(self, table=TABLES[0], exit_code=1, stderr="Connection refused"):
        return self._order("run_failed", table, exit_code, stderr)

    def run_timeout(self, table=TABLES[0]):
        return self._order("run_timeout", table)

    def cycle_completed(self, seconds=12.0, succeeded=len(TABLES), failed=0, timed_out=0, rows=203_500):
        return self._order("cycle_completed", seconds, succeeded, failed, timed_out, rows)

    def next_run(self, wait_s=900):
        return self._order("next_run", wait_s)

    def cycle_exception(self, text="[Errno 2] No such file or directory: 'docker'"):
        return self._order("cycle_exception", text)

    def crashed(self, text="maximum recursion depth exceeded"):
        return self._order("crashed", text)

    def say(self, text):
        return self._order("say", text)

    def raw(self, text):
        """Bytes as they come, no record around them."""
        return self._order("raw", text)

    def cycle(self, rows=None, failing=(), timing_out=(), seconds=12.0, wait_s=900, stderr="Connection refused"):
        """A whole cycle at once; rows maps tables to counts, where they are not as usual."""
        self.cycle_started()
        total = 0
        for table in TABLES:
            self.run_started(table)
            count = (rows or {}).get(table, USUAL_ROWS.get(table, 3_500))
            if table in failing:
                self.run_failed(table, stderr=stderr)
            elif table in timing_out:
                self.run_timeout(table)
            else:
                self.run_completed(table, count, seconds / len(TABLES))
                total += count
        self.cycle_completed(seconds, len(TABLES) - len(failing) - len(timing_out), len(failing), len(timing_out), total)
        return self.next_run(wait_s)

    def wait_for(self, text, count=1, since=0.0, timeout=30):
        """The time of the count-th record that contains text, written after `since`."""
        def found():
            hits = [at for at, line in self.lines if text in line and at >= since]
            return hits[count - 1] if len(hits) >= count else None
        with self._news:
            left = fair.Left(timeout)
            while not left.over() and not self._news.wait_for(lambda: found() is not None or self.process.poll() is not None, 0.1):
                pass
            at = found()
        if at is None:
            raise TimeoutError(f"the scheduler did not write {text!r} {count} times")
        return at

    def terminate(self, timeout=10):
        """A graceful stop by SIGTERM; returns the exit status."""
        self.process.terminate()
        return fair.wait(self.process, timeout)

    def kill(self):
        """SIGKILL: no line, no goodbye. Returns the time just before."""
        at = time.time()
        if self.process.poll() is None:
            self.process.kill()
        fair.wait(self.process, 10)
        self._reader.join(10)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        return at


if __name__ == "__main__":
    main()
