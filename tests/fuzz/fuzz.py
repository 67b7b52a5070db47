#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs libFuzzer's harnesses, one on each processor, and says what they did.

    tests/fuzz/fuzz.py BUILD (--seconds N | --runs N) [--bytes N] [HARNESS...]

Inputs come from fixtures/fuzz, BUILD/seeds and the corpus that earlier runs left in BUILD/fuzz. What a harness says goes to
BUILD/fuzz/HARNESS.log; an input that breaks it stays beside it, and belongs into fixtures/fuzz once the fault is mended.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures/fuzz"
# Bytes of the longest input: a dozen steps, a handful of lines. Longer ones cost more than they find.
LENGTHS = {"fuzz_engine": 96, "fuzz_escape": 200, "fuzz_report": 200, "fuzz_patterns": 250, "fuzz_config": 250}
LENGTH = 300
OPTIONS = ["-timeout=10", "-rss_limit_mb=2048", "-reload=0", "-print_funcs=0", "-print_final_stats=1"]
# Short memory for what was freed, and short traces of who allocated: most of an input's time would go there.
ASAN_OPTIONS = "quarantine_size_mb=8:malloc_context_size=4"


def run(harness, bounds, longest):
    """Returns the harness's name, exit code, seconds and all that it said."""
    name = harness.name
    log, corpus = harness.with_suffix(".log"), harness.with_suffix(".corpus")
    seeds = [FIXTURES / name.removeprefix("fuzz_"), harness.parent.parent / "seeds" / name]
    corpus.mkdir(exist_ok=True)
    argv = [harness, *OPTIONS, bounds, f"-max_len={longest or LENGTHS.get(name, LENGTH)}", f"-artifact_prefix={harness}-", corpus]
    began = time.monotonic()
    with log.open("wb") as out:
        code = subprocess.run([*argv, *(seed for seed in seeds if seed.is_dir())], stdout=out, stderr=out, check=False,
                              env={"ASAN_OPTIONS": ASAN_OPTIONS, "UBSAN_OPTIONS": "print_stacktrace=1", **os.environ}).returncode
    return name, code, time.monotonic() - began, log.read_text(encoding="utf-8", errors="replace")


def number(pattern, text):
    """The last number that the pattern finds, 0 if none."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    bounds = parser.add_mutually_exclusive_group(required=True)
    bounds.add_argument("--seconds", type=int)
    bounds.add_argument("--runs", type=int)
    parser.add_argument("--bytes", type=int, help="of the longest input: 65536 to look for what costs much, in a build without sanitizers")
    parser.add_argument("harness", nargs="*")
    args = parser.parse_intermixed_args()
    bound = f"-runs={args.runs}" if args.runs else f"-max_total_time={args.seconds}"
    names = args.harness or sorted(source.stem for source in pathlib.Path(__file__).parent.glob("fuzz_*.c"))
    failed = 0
    print(f"{'harness':18}{'inputs':>12}{'a second':>10}{'edges':>8}{'corpus':>8}{'MB':>6}   found", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(run, args.build.resolve() / "fuzz" / name, bound, args.bytes) for name in names]
        for job in jobs:
            name, code, seconds, said = job.result()
            inputs = number(r"number_of_executed_units: (\d+)", said)
            edges, corpus = number(r" cov: (\d+)", said), number(r" corp: (\d+)/", said)
            memory, found = number(r"peak_rss_mb: +(\d+)", said), "nothing" if code == 0 else "FAILED"
            print(f"{name:18}{inputs:12,}{inputs / seconds:10,.0f}{edges:8,}{corpus:8,}{memory:6,}   {found}", flush=True)
            if code != 0:
                failed += 1
                kept = [line for line in said.splitlines() if not re.match(r"#\d+\s", line)]
                print(*kept[-40:], sep="\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
