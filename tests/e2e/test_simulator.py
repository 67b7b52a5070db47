# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulator speaks as the real scheduler does, keeps its schedule, and tells the truth about its incidents."""
import re
import sys
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator.clock import Clock, us_from_text                              # noqa: E402
from simulator.facts import Facts                                           # noqa: E402
from simulator.incidents import KINDS, make_scene                           # noqa: E402
from simulator.simulator import run, write_healthy, write_incident          # noqa: E402
from simulator.truth import ground_truth                                    # noqa: E402
from simulator.voice import RULE, Voice                                     # noqa: E402

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
RECORD = re.compile(rf"({STAMP}) - (__main__|metrics) - (INFO|ERROR|WARNING) - (.*)", re.S)
ROWS = r"\(([\d,]+) rows in ([\d.]+)s\)"


class Recited:
    """A clock that stands at a record of the fixture."""
    text = iso = ""

    def stamp(self):
        return self.text

    def isoformat(self):
        return self.iso


def number(text):
    return int(text.replace(",", ""))


def speeches(voice):
    """What the scheduler can say: (pattern of its messages, how the voice says the same)."""
    rule = re.escape(RULE)
    return [(re.compile(pattern, re.S), speak) for pattern, speak in (
        (rf"{rule}\nK2 ICEBERG OFFLOAD SCHEDULER STARTED\nSchedule: Every 15 minutes\nTables: 2 Bronze tables\n"
         rf"Log file: \S+\n{rule}\n"
         r"(Prometheus metrics server started.*?Set pipeline info: [^\n]*\n)?", lambda m: voice.started()),
        (r"Running initial offload cycle\.\.\.\n", lambda m: voice.initial_cycle()),
        (rf"{rule}\nOFFLOAD CYCLE STARTED\nTime: (\S+)\nTables: (\d+)\n{rule}\n", lambda m: voice.cycle_started(m[2])),
        (r"Starting offload: (\S+) → cold\.\1\n", lambda m: voice.run_started(m[1])),
        (rf"✓ Offload completed: (\S+) {ROWS}\n(Recorded offload success: [^\n]*\n)?",
         lambda m: voice.run_completed(m[1], number(m[2]), float(m[3]))),
        (r"✗ Offload failed: (\S+)\n  Exit code: (\d+)\n  Stderr: (.{500})\n",
         lambda m: voice.run_failed(m[1], m[2], m[3] + "beyond", 1)),
        (r"✗ Offload timeout: (\S+) \(>10 minutes\)\n", lambda m: voice.run_timeout(m[1])),
        (rf"{rule}\nOFFLOAD CYCLE COMPLETED\nDuration: ([\d.]+)s\nSuccess: (\d+), Failed: (\d+), Timeout: (\d+)\n"
         rf"Total rows offloaded: ([\d,]+)\n{rule}\n(Recorded cycle complete: [^\n]*\n)?",
         lambda m: voice.cycle_completed(float(m[1]), int(m[2]), int(m[3]), int(m[4]), number(m[5]))),
        (r"Next run scheduled at: ([\d: -]+)\nWaiting (\d+) seconds\.\.\.\n",
         lambda m: voice.next_run(datetime.fromisoformat(m[1]), int(m[2]))),
        (r"Offload cycle failed with exception: ([^\n]*)\n\1\nTraceback[^\n]*\n(  [^\n]*\n)*(\w+): \1\n",
         lambda m: voice.cycle_exception(m[1], m[3])),
        (r"Received signal (\d+), shutting down gracefully\.\.\.\n", lambda m: voice.signal(m[1])),
        (r"Scheduler stopped gracefully\n", lambda m: voice.stopped()),
    )]


def recite(path):
    """The fixture said again by the voice, at the fixture's times."""
    lines = path.read_text(encoding="utf-8").splitlines()
    said, clock = [], Recited()
    voice = Voice(said.append, clock, metrics="metrics" in path.name)
    patterns = speeches(voice)
    # The container's clock is hours off: nested records are told from the scheduler's by it.
    bare, stamps, last = [], [], None
    for line in lines:
        match = RECORD.match(line)
        at = match and datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f")
        if at and (last is None or abs(at - last) < timedelta(hours=1)):
            bare.append(match[4])
            last = at
        else:
            bare.append(line)
        stamps.append(f"{last:%Y-%m-%d %H:%M:%S},{last.microsecond // 1000:03d}")
    text, at_line = "\n".join(bare) + "\n", 0
    position = 0
    while position < len(text):
        clock.text = stamps[at_line]
        for pattern, speak in patterns:
            if match := pattern.match(text, position):
                clock.iso = match[1] if "CYCLE STARTED" in match[0] else ""
                speak(match)
                break
        else:
            raise AssertionError(f"{path.name}:{at_line + 1}: nothing is said like {text[position:position + 80]!r}")
        position = match.end()
        at_line += match[0].count("\n")
    return "".join(said)


def records(path):
    """(local time, message) of the scheduler's own records."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if (match := RECORD.match(line)) and match[2] == "__main__":
            yield datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f"), match[4]


def cycle_starts(path):
    return [at for at, message in records(path) if message == "OFFLOAD CYCLE STARTED"]


class Speech(unittest.TestCase):
    def test_every_fixture_can_be_said_again_byte_for_byte(self):
        for path in sorted((ROOT / "fixtures/logs").glob("*.log")):
            if path.stem == "real-job-clickhouse-down":
                continue        # the platform's own job wrote its stderr, which no simulated job does
            with self.subTest(path.name):
                self.assertEqual(recite(path), path.read_text(encoding="utf-8"))


class Schedule(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name, "scheduler.log")

    def test_the_same_seed_writes_the_same_bytes(self):
        write_healthy(self.log, 4, days=3)
        first = self.log.read_bytes()
        write_healthy(self.log, 4, days=3)
        self.assertEqual(self.log.read_bytes(), first)
        write_healthy(self.log, 5, days=3)
        self.assertNotEqual(self.log.read_bytes(), first)

    def test_cycles_start_from_a_second_before_their_slot_to_a_few_after(self):
        write_healthy(self.log, 1, days=20, interval=15, tables=2)
        starts = cycle_starts(self.log)[1:]
        offsets = [((at.minute % 15) * 60 + at.second + at.microsecond / 1e6 + 1) % 900 - 1 for at in starts]
        self.assertGreaterEqual(min(offsets), -1)
        self.assertLess(max(offsets), 5)
        self.assertLess(min(offsets), 0, "none was early")
        self.assertEqual(len(starts), 20 * 96)

    def test_the_zone_changes_what_the_clock_shows_but_not_how_long_is_waited(self):
        for start, gap_hours in (("2026-03-28 12:00:07", 1), ("2026-10-24 12:00:07", -1)):
            with self.subTest(start):
                write_healthy(self.log, 1, days=1, zone="Europe/Berlin", start=start, interval=15, tables=2)
                starts = cycle_starts(self.log)
                gaps = [(b - a).total_seconds() for a, b in zip(starts[1:], starts[2:])]
                jumps = [gap for gap in gaps if abs(gap - 900) > 10]
                self.assertEqual(len(jumps), 1)
                self.assertAlmostEqual(jumps[0], 900 + gap_hours * 3600, delta=10)
                self.assertIn(len(starts), (96, 97))

    def test_a_cycle_longer_than_the_interval_skips_slots(self):
        truth, _ = write_incident(self.log, "cycle_1200", 1)
        starts = [at for at in cycle_starts(self.log) if at.timestamp() * 1000 >= truth["onset_ms"] - 1]
        gaps = [(b - a).total_seconds() for a, b in zip(starts[:6], starts[1:6])]
        self.assertTrue(all(abs(gap - 1800) < 10 for gap in gaps), gaps)

    def test_a_cycle_that_ends_before_the_slot_it_was_early_for_runs_again_at_once(self):
        write_incident(self.log, "exception_burst", 1)
        starts = cycle_starts(self.log)
        bursts = sum((b - a).total_seconds() < 0.1 for a, b in zip(starts, starts[1:]))
        self.assertGreater(bursts, 50)


class Truth(unittest.TestCase):
    def scene(self, kind, seed=1):
        scene = make_scene(kind, seed)
        facts = Facts(scene.begin_us - 3 * 3600 * 1_000_000)
        said = []

        class Log:
            write = staticmethod(said.append)
        run(Log, "UTC", scene.start_us, scene.until_us, scene.world, scene.fates, facts)
        return ground_truth(scene, facts), "".join(said)

    def test_every_kind_begins_after_a_week_of_health_and_ends(self):
        for kind in KINDS:
            with self.subTest(kind):
                truth, _ = self.scene(kind)
                self.assertGreater(truth["begin_ms"] - truth["history_from_ms"], 7 * 86_400_000)
                self.assertGreaterEqual(truth["end_ms"] - truth["begin_ms"], 3 * 3_600_000)
                self.assertLess(truth["onset_ms"], truth["end_ms"])
                self.assertGreaterEqual(truth["recovered_ms"], truth["end_ms"])
                self.assertGreater(truth["until_ms"], truth["recovered_ms"])
                self.assertLessEqual(set(truth["affected"]), set(truth["tables"]))

    def test_the_onset_is_what_the_log_says(self):
        truth, log = self.scene("clickhouse_down")
        at = Clock(truth["onset_ms"] * 1000).stamp()
        self.assertIn(f"{at} - __main__ - ERROR - ✗ Offload failed: {truth['affected'][0]}", log)
        truth, log = self.scene("stall_one")
        at = Clock(truth["onset_ms"] * 1000).stamp()
        after = log[log.index(f"{at} - __main__ - INFO - ✓ Offload completed: {truth['affected'][0]}"):]
        rows = re.findall(rf"✓ Offload completed: {truth['affected'][0]} {ROWS}", after)
        self.assertNotEqual(rows[0][0], "0")
        self.assertEqual({count for count, _ in rows[1:13]}, {"0"})

    def test_a_killed_scheduler_says_nothing_more(self):
        truth, log = self.scene("killed_waiting")
        before, after = log.split("K2 ICEBERG OFFLOAD SCHEDULER STARTED")[1:]
        last = RECORD.match(before.splitlines()[-3])     # before the next banner's rule
        self.assertRegex(last[4], r"Waiting \d+ seconds")
        self.assertLess(us_from_text(last[1].split(",")[0]) // 1000, truth["death_ms"])
        self.assertIn("Running initial offload cycle", after)

    def test_a_failure_is_never_two_in_a_row_in_health(self):
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory, "scheduler.log")
            write_healthy(log, 3, days=20, interval=5, tables=2, failures=0.05)
            outcomes = {}
            for _, message in records(log):
                if match := re.match(r"(✓ Offload completed|✗ Offload failed): (\S+)", message):
                    outcomes.setdefault(match[2], []).append(match[1][0])
            text = ["".join(o) for o in outcomes.values()]
            self.assertTrue(all("✗✗" not in t for t in text))
            self.assertTrue(any("✗" in t for t in text))


if __name__ == "__main__":
    unittest.main()
