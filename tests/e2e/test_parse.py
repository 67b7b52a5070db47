# SPDX-License-Identifier: GPL-2.0-or-later
"""agent parse: the events of a log, or with --misses the scheduler's records that no pattern takes; bounded, and what was cut is said."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from agent import has_sanitizer   # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
PARSED, READ = 8192, 512 << 10      # of a line: what the parser looks at, and what is read
MOST_RESIDENT_KB = 40 << 10


def record(second, message, logger="__main__", level="INFO"):
    return f"2026-03-03 10:15:{second:02},000 - {logger} - {level} - {message}"


def parse(log, *options):
    """Lines of stdout and of stderr."""
    """Lines of stdout and of stderr; None as log: an empty standard input."""
    done = subprocess.run([AGENT, "parse", *options], input=log, env={**os.environ, "AGENT_CONFIG": "/dev/null", "TZ": "UTC"},
                          capture_output=True, timeout=600, check=True)
    return done.stdout.decode().splitlines(), done.stderr.decode().splitlines()


def log_of(*lines):
    return ("\n".join(lines) + "\n").encode()


class Misses(unittest.TestCase):
    def test_the_records_that_no_pattern_takes_are_printed_and_no_others(self):
        unknown = [record(1, "Compacting manifests"), record(4, "✗ A message of a newer scheduler", level="ERROR")]
        log = log_of(record(0, "OFFLOAD CYCLE STARTED"), unknown[0], record(2, "chatter", "py4j.clientserver"), "a line that is no record", record(3, "=" * 80),
                     unknown[1], record(5, "OFFLOAD CYCLE COMPLETED"))
        printed, said = parse(log, "--misses")
        self.assertEqual(printed, unknown)
        self.assertEqual(said, ["agent: no pattern took 2 of the scheduler's records; lines: 7, records with a time and a logger: 6, events: 2"])
        events, said = parse(log)
        self.assertEqual([json.loads(event)["event"] for event in events], ["cycle_started", "cycle_completed"])
        self.assertEqual(said, [])

    def test_a_log_that_is_understood_has_none(self):
        for path in sorted((ROOT / "fixtures" / "logs").glob("*.log"))[:3]:
            printed, said = parse(path.read_bytes(), "--misses")
            self.assertEqual((printed, len(said)), ([], 1))
            self.assertTrue(said[0].startswith("agent: no pattern took 0 of the scheduler's records"))

    def test_a_log_of_another_form_is_explained(self):
        printed, said = parse(log_of("Mar  3 10:15:00 host scheduler[1]: OFFLOAD CYCLE STARTED"), "--misses")
        self.assertEqual(printed, [])
        self.assertIn("no line was understood; the first is \"Mar  3 10:15:00 host", said[-1])

    def test_a_pattern_file_is_asked(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as patterns:
            patterns.write("[events]\ncycle_started = Compacting manifests$\n")
            patterns.flush()
            log = log_of(record(1, "Compacting manifests"), record(2, "OFFLOAD CYCLE STARTED"))
            self.assertEqual(parse(log, "--misses", "--set", f"log.patterns={patterns.name}")[0], [record(2, "OFFLOAD CYCLE STARTED")])

    def test_secrets_are_masked_and_nothing_acts_on_a_terminal(self):
        printed, _ = parse(log_of(record(1, "connecting with password=hunter2 \x1b[2J")), "--misses")
        self.assertEqual(len(printed), 1)
        self.assertNotIn("hunter2", printed[0])
        self.assertIn("***", printed[0])
        self.assertNotIn("\x1b", printed[0])


class Cut(unittest.TestCase):
    def test_a_replay_says_it_too(self):
        done = subprocess.run([AGENT, "replay", "-"], input=log_of(record(0, "OFFLOAD CYCLE STARTED"), "x" * (PARSED + 1)), capture_output=True, timeout=600,
                              env={**os.environ, "AGENT_CONFIG": "/dev/null", "TZ": "UTC"}, check=True)
        self.assertEqual(done.stderr.decode(), f"agent: warning: replay: 1 line is longer than {PARSED} bytes: only the beginning was looked at\n")

    def test_of_a_long_record_the_beginning_is_printed_and_the_rest_counted(self):
        head = record(1, "")
        fits, long = head + "a" * (PARSED - len(head)), head + "b" * PARSED
        printed, said = parse(log_of(record(0, "OFFLOAD CYCLE STARTED"), fits, long), "--misses")
        self.assertEqual(printed[0], fits)
        self.assertEqual(printed[1], f"{long[:PARSED]} [cut: the first {PARSED} bytes of {len(long)}]")
        self.assertEqual(said[0], f"agent: warning: 1 line is longer than {PARSED} bytes: only the beginning was looked at")
        self.assertEqual(len(said), 2)

    def test_of_a_line_without_an_end_only_so_much_is_read(self):
        """Where the next line begins is known all the same, wherever the blocks that are read end."""
        for length in (READ, READ + 1, READ + 255 * 1024, 3 * READ + 17):
            log = log_of(record(1, "OFFLOAD CYCLE STARTED"), "x" * length, record(2, "OFFLOAD CYCLE COMPLETED"), "y" * length)
            events, said = parse(log)
            last = json.loads(events[-1])
            self.assertEqual((last["event"], last["offset"]), ("cycle_completed", len(record(1, "OFFLOAD CYCLE STARTED")) + 1 + length + 1))
            first = len(record(1, "OFFLOAD CYCLE STARTED")) + 1
            long = [f"agent: warning: -: 2 lines are longer than {READ} bytes, of which only so much was read; the first begins at byte {first} and has {length}"]
            self.assertEqual(said, (long if length > READ else []) + [f"agent: warning: 2 lines are longer than {PARSED} bytes: only the beginning was looked at"])

    @unittest.skipIf(has_sanitizer(), "a sanitizer has memory of its own")
    def test_the_memory_does_not_grow_with_the_line(self):
        code = "import resource, subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n" \
               "for _ in range(100): p.stdin.write(b'x' * (1 << 20))\n" \
               "p.stdin.close(); p.wait(); print(p.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", code, AGENT, "parse", "--misses"], capture_output=True, text=True, timeout=600, check=True)
        returncode, resident = map(int, done.stdout.split())
        self.assertEqual(returncode, 0)
        self.assertLess(resident, MOST_RESIDENT_KB)


if __name__ == "__main__":
    unittest.main()
