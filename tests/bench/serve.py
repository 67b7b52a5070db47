#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve` under load beside a live agent, over a year of history, on loopback only.

    tests/bench/serve.py BUILD [--rate N] [--seconds S] [--years Y]

A scheduler writes 100 lines a second. How long the agent needs from a line to its commit, which is the next write into the
write-ahead log, is measured without the load, with it, and without it once more. Exits 1 where a target is missed.
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import live                        # noqa: E402
import measure                     # noqa: E402
from lib.scheduler import WallClock   # noqa: E402
from simulator.voice import Voice  # noqa: E402

LINES_PER_S = 100
P99_MS, MEMORY_KB = 20, 16 * 1024
IN_MODIFY = 2
LIBC = ctypes.CDLL(None, use_errno=True)


class Commits:
    """When the write-ahead log was written, told by the kernel."""

    def __init__(self, database):
        self.fd = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        LIBC.inotify_add_watch(self.fd, os.fsencode(f"{database}-wal"), IN_MODIFY)

    def forget(self):
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 65536):
                pass

    def wait(self, seconds):
        """Until the next one; False: there was none."""
        return bool(select.select([self.fd], [], [], seconds)[0])


def latencies(voice, database, seconds):
    """Milliseconds from the first line behind a commit to the next commit, at LINES_PER_S lines a second. Lines that nobody waits for are
    committed together, so most of it is that wait."""
    commits, took, first = Commits(database), [], None
    lines = ((voice.cycle_started, 1), (voice.run_started, live.TABLE), (voice.run_completed, live.TABLE, 100, 1.0),
             (voice.cycle_completed, 1.0, 1, 0, 0, 100))
    begin = time.monotonic()
    for turn in range(seconds * LINES_PER_S):
        while (left := begin + turn / LINES_PER_S - time.monotonic()) > 0:
            if not commits.wait(left):
                continue
            if first:
                took.append((time.monotonic() - first) * 1000)
            first = None
            commits.forget()
        say, *words = lines[turn % len(lines)]
        first = first or time.monotonic()
        say(*words)
    os.close(commits.fd)
    return took


@contextlib.contextmanager
def serving(agent, database):
    with tempfile.NamedTemporaryFile("r") as said, open(said.name, "w", encoding="utf-8") as errors:
        process = subprocess.Popen([agent, "serve", "--db", str(database), "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stderr=errors)
        try:
            while not (port := re.search(r":(\d+)/ shows ", said.read() + said.seek(0) * "")):
                time.sleep(0.05)
            yield process.pid, int(port[1])
        finally:
            process.terminate()
            process.wait(20)


def anonymous_kb(pid):
    return int(re.search(r"^Anonymous: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def say(what, took):
    print(f"{what}: p50 {measure.percentile(took, 0.5):.2f} ms, p99 {measure.percentile(took, 0.99):.2f} ms, most {max(took):.2f} ms "
          f"({len(took)} lines)", flush=True)


def loaded(build, voice, database, server, port, rate, seconds):
    """The load's own figures, the lines' latencies meanwhile, the server's memory and its share of a processor."""
    most, cpu = [0], measure.cpu_s(server)
    generator = subprocess.Popen([Path(build, "bench/serve_load"), str(port), str(rate), str(seconds), "/"], stdout=subprocess.PIPE, text=True)

    def watch():
        while generator.poll() is None:
            most[0] = max(most[0], anonymous_kb(server))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    took = latencies(voice, database, seconds)
    figures = json.loads(generator.communicate(timeout=60)[0])
    watcher.join()
    return figures, took, most[0], (measure.cpu_s(server) - cpu) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--years", type=float, default=1)
    args = parser.parse_args()
    agent = Path(args.build).resolve() / "agent"
    with tempfile.TemporaryDirectory(prefix="agent-bench-") as home:
        database = Path(home, "history.db")
        subprocess.run([sys.executable, Path(__file__).with_name("make_history.py"), agent, database, str(args.years)], check=True)
        quiet_s = max(5, args.seconds // 4)
        with live.running(agent, Path(home), live.EAGER, database) as (_, voice, _, _), serving(agent, database) as (server, port):
            voice = Voice(voice.write, WallClock, 15, 1, False, "log") if hasattr(voice, "write") else voice
            before = latencies(voice, database, quiet_s)
            say("line to commit, without load", before)
            figures, during, memory, share = loaded(args.build, voice, database, server, port, args.rate, args.seconds)
            say("line to commit, under load", during)
            after = latencies(voice, database, quiet_s)
            say("line to commit, without load", after)
        print(f"{args.rate} requests a second for / over {args.years:g} years: {figures['good']} answered, {figures['bad']} not, p50 {figures['p50_ms']} ms, "
              f"p99 {figures['p99_ms']} ms, most {figures['most_ms']} ms")
        print(f"the server: {memory} kB of its own (anonymous) at the most, {share:.0%} of a processor")
        missed = [what for what, is_missed in (("answers", figures["bad"] > 0), ("p99", figures["p99_ms"] > P99_MS), ("memory", memory > MEMORY_KB))
                  if is_missed]
        if missed:
            sys.exit("missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
