#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the test programs and counts.

    tests/run.py [--valgrind | --under COMMAND] [--held] BUILD [unit] [fuzz] [layers] [e2e] [faults] [analyse] [browser] [package] [servers] [grafana] [replay] [faults/test_sender ...]

Without names everything but `browser`, `package`, `servers`, `grafana` and `replay` runs, what lasts longest first. A test program is a cmocka binary, a fuzz harness over its
inputs in fixtures/fuzz, check_layers.py, check_format.py or check_cycles.py (all are `layers`), an analyser (a target of the Makefile, behind the others: it takes what they leave of the
processors), or a Python unittest module in tests/e2e, tests/faults, tests/browser, tests/package, tests/servers or tests/grafana; each says in TAP ("ok 1 - name")
what passed. A program that crashes, ran no test, or outlives its time fails as such. A module may set TIMEOUT_S = 300 (default 120) and
ALONE = True (not beside another program). At least one program for each processor runs at any time, and more while the machine has
time to spare: most programs wait most of the time. The line of a program says how long it took, and the processor's time in that.
--under runs unit and fuzz behind a command, such as an emulator of another processor.
What a program says in lines "# held: ..." (what was injected, and what held) is collected and said at the end with --held.
AGENT and BUILD in the environment tell the modules what to drive. The last line is "N passed, N failed[, N skipped]".
"""
import collections
import concurrent.futures
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
DEFAULT_TIMEOUT_S = 120
VALGRIND_ERROR = 99
VALGRIND = ["valgrind", "--quiet", f"--suppressions={TESTS / 'valgrind.supp'}", f"--error-exitcode={VALGRIND_ERROR}",
            "--leak-check=full", "--errors-for-leak-kinds=definite", "--child-silent-after-fork=yes"]
PREFIX_SLOWDOWN = 5
MOST_PATIENCE = 8
# Whatever the load is, a program has no longer than this, or its own time if that is longer, so that one that hangs ends within an
# hour and a half with all others, which is what continuous integration gives.
LONGEST_S = 2400
# What lasts longest, longest first: begun first, so that nothing long is left over at the end. A module that is not named here is none
# of the long ones; a name that is gone does no harm.
LONGEST = ("faults/test_clock", "e2e/test_live", "e2e/test_serve_metrics", "e2e/test_service", "faults/test_kills",
           "unit/core/test_property", "e2e/test_build", "faults/test_storage", "faults/test_sender", "unit/history/test_history_faults",
           "e2e/test_terminal", "e2e/test_hostile_history", "e2e/test_blind", "faults/test_hostile_history", "e2e/test_alertmanager",
           "faults/test_follow_strangers", "faults/test_rotation", "e2e/test_unit_state", "e2e/test_formats", "e2e/test_heartbeat",
           "faults/test_delivery", "e2e/test_watermark", "e2e/test_silence", "e2e/test_serve_live", "e2e/test_prefect", "e2e/test_valgrind")
# Programs at once: so many for each processor at the most; a further one is let in when this share of the machine was left unused in
# the last second.
MOST_FOR_A_PROCESSOR = 4
SPARE = 0.25
ANALYSERS = ("cppcheck", "clang-tidy", "gcc-analyser")
ANALYSER_TIMEOUT_S = 540
# Anywhere in a line: a test may have left its own output without a newline before it.
TAP = re.compile(r"(not ok|ok) \d+ (- |# SKIP ?)(\S.*)?$", re.MULTILINE)
# Why is said behind it by Python's modules, and before it by the programs of cmocka (skip_because), of which cmocka 1 says "not ok".
SKIPPED = re.compile(r"^(?:# skipped: (.*)\n)?(?:not )?ok \d+ # SKIP (\S+).*(?:\n# (?!skipped: )(.*))?", re.MULTILINE)
HELD = re.compile(r"^# held: (.*)$", re.MULTILINE)
PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
SANITIZERS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
              "UBSAN_OPTIONS": "print_stacktrace=1"}


class Program:
    """A test program: what to run, and how."""

    def __init__(self, name, argv, source=None, slowdown=1, timeout_s=DEFAULT_TIMEOUT_S):
        self.name, self.argv = name, argv
        text = source.read_text(encoding="utf-8") if source else ""
        said = re.search(r"^TIMEOUT_S = (\d+)", text, re.MULTILINE)
        self.timeout_s = (int(said[1]) if said else timeout_s) * slowdown
        self.alone = re.search(r"^ALONE = True", text, re.MULTILINE) is not None


class Outcome:
    """What became of a program; `worked_s` is the processor's time, its own and that of what it waited for."""

    def __init__(self, program, seconds, output, returncode, worked_s=0.0):
        results = TAP.findall(output)
        self.program, self.seconds, self.output, self.worked_s = program, seconds, output, worked_s
        self.skipped = sum(mark.startswith("# SKIP") for _, mark, _ in results)
        self.passed = sum(said == "ok" and mark == "- " for said, mark, _ in results)
        self.failed = sum(said == "not ok" and mark == "- " for said, mark, _ in results)
        self.trouble = self._trouble(output, returncode, len(results))
        if self.trouble:
            self.failed += 1

    def _trouble(self, output, returncode, ran):
        """Why the program failed beyond what its tests said, or None."""
        planned = sum(int(count) for count in PLAN.findall(output))
        if returncode is None:
            return f"killed: not done after {self.seconds:.0f} s, where it has {self.program.timeout_s} s on an idle machine"
        if returncode < 0:
            return f"crashed: {signal.Signals(-returncode).name}"
        if ran == 0:
            return f"ran no test (exit {returncode})"
        if planned != ran:
            return f"planned {planned} tests, ran {ran} (exit {returncode})"
        if returncode != 0 and self.failed == 0:
            return f"exit {returncode} although no test failed"
        return None


def wait_fairly(process, timeout_s):
    """The exit code, or None after so many seconds, and the processor's time. The seconds pass slower while more programs want to run
    than there are processors."""
    left, last = timeout_s, time.monotonic()
    end = last + max(timeout_s, LONGEST_S)
    while left > 0 and last < end:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_utime + usage.ru_stime
        time.sleep(0.02)
        now = time.monotonic()
        left -= (now - last) / min(MOST_PATIENCE, max(1, os.getloadavg()[0] / os.cpu_count()))
        last = now
    return None, 0.0


def run(program, env):
    """Runs a program in a process group of its own, which does not outlive it."""
    began = time.monotonic()
    # A file, not a pipe: a grandchild that keeps the descriptor open must not hold us.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(program.argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            return Outcome(program, 0, f"cannot be started: {error}", 127)
        returncode, worked_s = wait_fairly(process, program.timeout_s)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return Outcome(program, time.monotonic() - began, text, returncode, worked_s)


class Meter:
    """How much of the machine was unused since the last look. What runs at a lower priority than this program counts as unused."""

    def __init__(self):
        self.last = self._read()

    @staticmethod
    def _read():
        """(unused, all) in the kernel's ticks since the boot."""
        line = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
        user, nice, system, idle, iowait, *others = map(int, line.split()[1:9])
        lower = nice if os.getpriority(os.PRIO_PROCESS, 0) <= 0 else 0
        return idle + iowait + lower, user + nice + system + idle + iowait + sum(others)

    def unused(self):
        now, before = self._read(), self.last
        self.last = now
        return (now[0] - before[0]) / max(1, now[1] - before[1])


def report(outcome):
    """One line for a passing program; for a failing one all that it said, but for the tests that passed."""
    counts = [f"{outcome.passed} passed"]
    if outcome.failed:
        counts.append(f"{outcome.failed} FAILED")
    if outcome.skipped:
        counts.append(f"{outcome.skipped} skipped")
    if outcome.failed:
        said = [line for line in outcome.output.splitlines() if not line.startswith("ok ")]
        print(f"--- {outcome.program.name}", *said, sep="\n")
        if outcome.trouble:
            print(f"{outcome.program.name}: {outcome.trouble}")
        print("---")
    print(f"{outcome.program.name:34} {outcome.seconds:6.1f} s {outcome.worked_s:6.1f} s   {', '.join(counts)}", flush=True)
    for before, name, behind in SKIPPED.findall(outcome.output):
        print(f"    skipped: {name}: {before or behind or 'no reason said'}", flush=True)


def report_held(outcomes):
    """What the programs injected, and what held."""
    for outcome in outcomes:
        held = HELD.findall(outcome.output)
        if held:
            print(outcome.program.name, *(f"    {what}" for what in held), sep="\n")


def find_programs(build, wanted, prefix):
    """The programs of the kinds wanted, or wanted by name; unit, fuzz and replay behind the words of `prefix`."""
    named = {name for name in wanted if "/" in name}
    if named:
        kinds = [name.split("/")[0] for name in named]
        return [program for program in find_programs(build, kinds, prefix)
                if program.name in named] + find_programs(build, [kind for kind in wanted if "/" not in kind], prefix)
    runner = [sys.executable, __file__]
    slowdown = PREFIX_SLOWDOWN if prefix else 1
    programs = []
    if "unit" in wanted:
        for source in sorted((TESTS / "unit").rglob("test_*.c")):
            name = source.relative_to(TESTS).with_suffix("").as_posix()
            programs.append(Program(name, prefix + [str(build / "tests" / name)], slowdown=slowdown))
    if "fuzz" in wanted:
        for source in sorted((TESTS / "fuzz").glob("fuzz_*.c")):
            inputs = ROOT / "fixtures/fuzz" / source.stem.removeprefix("fuzz_")
            programs.append(Program(f"fuzz/{source.stem}", prefix + [str(build / "tests" / source.stem), str(inputs)],
                                    slowdown=slowdown))
    if "layers" in wanted:
        programs.append(Program("layers", [sys.executable, str(TESTS / "check_layers.py")]))
        programs.append(Program("format", [sys.executable, str(TESTS / "check_format.py")]))
        programs.append(Program("cycles", [sys.executable, str(TESTS / "check_cycles.py"), str(build)]))
    if "replay" in wanted:
        programs.append(Program("replay", runner + ["--replay", str(build / "agent")] + prefix, slowdown=slowdown))
    for kind in ("e2e", "faults", "browser", "package", "servers", "grafana"):
        if kind in wanted:
            for module in sorted((TESTS / kind).glob("test_*.py")):
                programs.append(Program(f"{kind}/{module.stem}", runner + ["--module", str(module)], module))
    if "analyse" in wanted:
        for name in ANALYSERS:
            programs.append(Program(f"analyse/{name}", runner + ["--make", name], timeout_s=ANALYSER_TIMEOUT_S))
    return programs


def in_order(programs):
    """What lasts longest first, then the modules, then the small programs."""
    place = {name: number for number, name in enumerate(LONGEST)}
    return sorted(programs, key=lambda program: (place.get(program.name, len(place)), not program.name.startswith(("e2e/", "faults/"))))


def run_beside(programs, env):
    """Runs programs side by side, as many as the machine has time for; yields the outcomes as they come."""
    waiting, running, meter, let_in = collections.deque(in_order(programs)), set(), Meter(), time.monotonic()
    processors = os.cpu_count()
    with concurrent.futures.ThreadPoolExecutor(MOST_FOR_A_PROCESSOR * processors) as pool:
        while waiting or running:
            spare = False
            if time.monotonic() - let_in >= 1:
                spare, let_in = meter.unused() > SPARE and len(running) < MOST_FOR_A_PROCESSOR * processors, time.monotonic()
            while waiting and (len(running) < processors or spare):
                running.add(pool.submit(run, waiting.popleft(), env))
                spare = False
            done, running = concurrent.futures.wait(running, 0.25, concurrent.futures.FIRST_COMPLETED)
            yield from (job.result() for job in done)


def run_all(programs, build):
    """Runs the programs, side by side where they allow it and the analysers behind them; returns the outcomes."""
    env = {**SANITIZERS, **os.environ, "AGENT": str(build / "agent"), "BUILD": str(build),
           "CMOCKA_MESSAGE_OUTPUT": "TAP", "PYTHONDONTWRITEBYTECODE": "1"}
    env["PATH"] += f":/usr/sbin:/sbin:{ROOT / '.tools/usr/bin'}"
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "STATE_DIRECTORY", "MAKEFLAGS", "MFLAGS"):
        env.pop(name, None)
    outcomes = []

    def take(outcome):
        outcomes.append(outcome)
        report(outcome)

    with concurrent.futures.ThreadPoolExecutor(1) as behind:
        analysed = [behind.submit(run, program, env) for program in programs if program.name.startswith("analyse/")]
        for outcome in run_beside([program for program in programs if not program.alone and not program.name.startswith("analyse/")], env):
            take(outcome)
        for job in analysed:
            take(job.result())
    for program in programs:
        if program.alone:
            take(run(program, env))
    return outcomes


class TapResult(unittest.TestResult):
    """Says each result on `stream` as it comes, so that a killed module's results still count."""

    def __init__(self, stream):
        super().__init__()
        self.stream, self.ran = stream, 0

    def say(self, verdict, test, why=""):
        self.ran += 1
        name = " ".join(str(test).split())
        comment = "".join(f"# {line}\n" for line in why.rstrip().splitlines())
        self.stream.write(f"{verdict.format(self.ran)} {name}\n{comment}")
        self.stream.flush()

    def addSuccess(self, test):
        self.say("ok {} -", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok {} -", test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok {} -", test, self.failures[-1][1])

    def addSkip(self, test, reason):
        self.say("ok {} # SKIP", test, reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say("not ok {} -", subtest, self._exc_info_to_string(err, test))

    def addExpectedFailure(self, test, err):
        self.say("not ok {} -", test, "marked as an expected failure: mend it or remove it")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.say("not ok {} -", test, "marked as an expected failure, and passes")


def run_module(path):
    """Runs one unittest module; TAP on stdout, all else on stderr. Siblings and tests/ can be imported."""
    tap, sys.stdout = sys.stdout, sys.stderr
    module = pathlib.Path(path)
    sys.path[:0] = [str(module.parent), str(TESTS), str(ROOT)]
    result = TapResult(tap)
    unittest.defaultTestLoader.loadTestsFromName(module.stem).run(result)
    tap.write(f"1..{result.ran}\n")
    return 0 if result.wasSuccessful() else 1


def run_make(target):
    """Makes a target; one test, which passes if that does."""
    made = subprocess.run(["nice", "-n", "5", "make", "--no-print-directory", target], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(f"{'not ok' if made.returncode else 'ok'} 1 - {target} has nothing to complain of\n1..1")
    if made.returncode:
        print(made.stdout)
    return made.returncode


def run_replay(agent, prefix):
    """Replays every log of the fixtures under `prefix` (valgrind): whatever was found wrong, the exit code says it."""
    logs = sorted((ROOT / "fixtures/logs").glob("*.log"), key=lambda log: log.stat().st_size)[:8]
    failed = 0
    for number, log in enumerate(logs, 1):
        done = subprocess.run(prefix + [agent, "replay", "--tz", "UTC", str(log)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False)
        failed += done.returncode != 0
        print(f"{'not ok' if done.returncode else 'ok'} {number} - {log.name}\n{done.stderr}", flush=True)
    print(f"1..{len(logs)}")
    return 1 if failed else 0


def main(args):
    # A shell lets what it begins in the background ignore these, and the programs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if args[:1] == ["--module"]:
        return run_module(args[1])
    if args[:1] == ["--make"]:
        return run_make(args[1])
    if args[:1] == ["--replay"]:
        return run_replay(args[1], args[2:])
    prefix = []
    if args[:1] == ["--valgrind"]:
        prefix, args = VALGRIND, args[1:]
    elif args[:1] == ["--under"]:
        prefix, args = shlex.split(args[1]), args[2:]
    held = args[:1] == ["--held"]
    args = args[held:]
    if not args:
        print(__doc__, file=sys.stderr)
        return 2
    build = pathlib.Path(args[0]).resolve()
    outcomes = run_all(find_programs(build, args[1:] or ["unit", "fuzz", "layers", "e2e", "faults", "analyse"], prefix), build)
    passed, failed, skipped = (sum(getattr(outcome, count) for outcome in outcomes)
                               for count in ("passed", "failed", "skipped"))
    if held:
        report_held(outcomes)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
