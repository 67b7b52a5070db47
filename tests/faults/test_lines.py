# SPDX-License-Identifier: GPL-2.0-or-later
"""What may stand in a log, and how much of it: read by the agent, seen in its history.

BURST_MB and LONG_LINE_MB in the environment ask for other sizes (1024 and 100 are the promise).
"""

import os
import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent, run, wait_until          # noqa: E402
from hand import TABLE, Hand, MemoryWatch, cycle, record   # noqa: E402
from receiver import Receiver                     # noqa: E402
from scheduler import Scheduler                   # noqa: E402

TIMEOUT_S = 600
BURST_MB = int(os.environ.get("BURST_MB", "48"))
LONG_LINE_MB = int(os.environ.get("LONG_LINE_MB", "100"))
MEMORY_KIB = 8 * 1024
ORDINARY = {"notify.reminder": "0", "history.retention": "30000d"}
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"


class LinesCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-lines-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def agent(self, settings=None, webhook=None):
        return Agent(self.log, self.directory / "history.db", webhook, {**ORDINARY, **(settings or {})})


class Much(LinesCase):
    def test_a_burst_while_it_was_stopped(self):
        agent = self.agent()
        with Hand(self.log) as hand:
            hand.offset = timedelta(days=-9000)     # before all of the burst
            hand.cycle()
            hand.offset = timedelta(0)
            with agent:
                agent.wait_for(CYCLES, 1)
                agent.stop()
            count = self.burst(BURST_MB << 20)
            with agent, MemoryWatch(agent.process.pid) as memory:
                begun = time.monotonic()
                agent.wait_for(CYCLES, count + 1, timeout=500)
                seconds = promise.since(begun)
                hand.cycle()
                agent.wait_for(CYCLES, count + 2)
            rows, = agent.rows("SELECT count(DISTINCT rows) FROM cycle")[0]
        self.assertGreaterEqual(rows, count, "each cycle of the burst has its own number of rows")
        print(f"# held: a burst of {BURST_MB} MB while the agent was stopped: {count} cycles, 0 lost, 0 doubled, read in "
              f"{seconds:.1f} s, own memory at most {memory.most} KiB")
        self.assertLess(memory.most, MEMORY_KIB)

    def burst(self, wanted):
        """Cycles of a past that ends before today, as many as fill the bytes, in whole days; how many they are."""
        slots = [f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in range(0, 24 * 60, 15)]
        at = datetime(2026, 1, 1)
        day = "".join(cycle(at.replace(hour=int(slot[:2]), minute=int(slot[3:])), rows=1_111_111) for slot in slots)
        days = -(-wanted // len(day.encode()))
        pattern = day.replace("%", "%%").replace("2026-01-01", "%(day)s").replace("2026-01-02", "%(next)s")
        pieces = pattern.split("1,111,111")        # each cycle says its rows twice
        begin = datetime.now() - timedelta(days=days)
        with open(self.log, "a", encoding="utf-8") as log:
            for number in range(days):
                names = {"day": f"{begin + timedelta(days=number):%Y-%m-%d}",
                         "next": f"{begin + timedelta(days=number + 1):%Y-%m-%d}"}
                rows = [f"{number * len(slots) + slot + 1:,}" for slot in range(len(slots)) for _ in (1, 2)]
                log.write("".join(part for pair in zip(pieces, [*rows, ""]) for part in pair) % names)
        return days * len(slots)

    def test_a_long_line_without_an_end(self):
        with Hand(self.log) as hand, self.agent() as agent:
            hand.cycle()
            agent.wait_for(CYCLES, 1)
            with MemoryWatch(agent.process.pid) as memory, open(self.log, "ab", buffering=0) as log:
                for _ in range(LONG_LINE_MB):
                    log.write(b"x" * (1 << 20))
                wait_until(lambda: "longer than" in agent.said(), 20, "it did not say that the line is long")
                log.write(b"\n")
                hand.cycle()
                agent.wait_for(CYCLES, 2, timeout=60)
            self.assertEqual(agent.said().count("longer than"), 1)
            print(f"# held: a line of {LONG_LINE_MB} MB without an end: said once, the next line is right, own memory at most "
                  f"{memory.most} KiB")
            self.assertLess(memory.most, MEMORY_KIB)


class Odd(LinesCase):
    def test_ends_of_line_and_bytes_of_any_kind(self):
        with self.agent() as agent:
            at = datetime.now()
            with open(self.log, "ab", buffering=0) as log:
                log.write(cycle(at).replace("\n", "\r\n").encode())
                for junk in (b"\0\0\0\n", b"\xff\xfe\xc3\n", b"\r\r\n", b"\x1b[2J\n", "→✓✗".encode("utf-16") + b"\n", b"\n" * 50):
                    log.write(junk)
                    log.write(cycle(datetime.now()).encode())
                agent.wait_for(CYCLES, 7)
                bad = record(datetime.now(), f"✗ Offload failed: {TABLE}", "ERROR").encode()
                bad += record(datetime.now(), "  Exit code: 1", "ERROR").encode()
                bad += record(datetime.now(), "  Stderr: ", "ERROR").encode()[:-1] + b"\0 nul \xff\xfe \xc3( bad utf-8\n"
                log.write(bad)
                agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'failed'", 1)
            self.assertEqual(agent.rows("SELECT count(*) FROM run WHERE outcome = 'success' AND rows = 200000"), [(7,)])
            wait_until(lambda: agent.rows("SELECT error FROM run WHERE outcome = 'failed'")[0][0], 5, "no excerpt")
            self.assertIn("bad utf-8", agent.rows("SELECT error FROM run WHERE outcome = 'failed'")[0][0])
            self.assertEqual(run("report", "--since", "1h", "--db", agent.database).returncode, 0)

    def test_a_line_in_pieces_over_a_kill(self):
        with Hand(self.log) as hand:
            hand.cycle()
            agent = self.agent()
            with agent, open(self.log, "ab", buffering=0) as log:
                agent.wait_for(CYCLES, 1)
                line = record(datetime.now(), f"✗ Offload failed: {TABLE}", "ERROR").encode()
                for cut in range(0, len(line), 16):
                    log.write(line[cut:cut + 16])
                    agent.kill()
                    agent.start()
                agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'failed'", 1)
                hand.cycle()
                agent.wait_for(CYCLES, 2)
                self.assertEqual(agent.rows("SELECT count(*) FROM run"), [(3,)])

    def test_the_last_line_is_news_without_a_next_one_and_a_traceback_is_part_of_its_record(self):
        with Receiver() as receiver, Scheduler(self.log) as scheduler, \
                self.agent(webhook=receiver.url("/hook"), settings={"detect.burst": "100ms"}) as agent:
            scheduler.cycle()
            agent.wait_for(CYCLES, 1)
            for _ in range(2):
                scheduler.next_run(0)
                scheduler.cycle_started()
                scheduler.run_started()
                scheduler.cycle_exception()
                time.sleep(0.3)
            requests = receiver.wait(1, timeout=5, path="/hook")
            self.assertEqual(requests[0].json()["alerts"][0]["labels"]["alertname"], "IcebergOffloadConsecutiveFailures")
            self.assertEqual(agent.rows("SELECT count(*) FROM cycle WHERE outcome = 'aborted'"), [(2,)])

    def test_a_line_that_is_cut_is_said_once(self):
        with Hand(self.log) as hand, self.agent() as agent:
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(record(datetime.now(), "x" * 7_000))
            hand.cycle()
            agent.wait_for(CYCLES, 1)
            self.assertNotIn("of more than", agent.said())
            with open(self.log, "a", encoding="utf-8") as log:
                for _ in range(2):
                    log.write(record(datetime.now(), "x" * 9_000))
            hand.cycle()
            agent.wait_for(CYCLES, 2)
            wait_until(lambda: "of more than 8192 bytes" in agent.said(), 5, "it did not say so")
            self.assertEqual(agent.said().count("of more than"), 1)

    def test_a_pathological_line_is_given_up_counted_and_said(self):
        patterns = self.directory / "patterns"
        patterns.write_text("[events]\ncycle_started = OFFLOAD CYCLE STARTED\ncycle_completed = OFFLOAD CYCLE COMPLETED\n"
                            "ignore = (?:[xy]+)+z\n", encoding="utf-8")
        with Hand(self.log) as hand, self.agent({"log.patterns": str(patterns)}) as agent:
            hand.cycle()
            agent.wait_for(CYCLES, 1)
            begun = time.monotonic()
            with open(self.log, "a", encoding="utf-8") as log:
                for _ in range(20):
                    log.write(record(datetime.now(), "x" * 4_000 + " z"))
            hand.cycle()
            agent.wait_for(CYCLES, 2, timeout=30)
            seconds = promise.since(begun)
            wait_until(lambda: "given up" in agent.said(), 5, "it did not say so")
            self.assertEqual(agent.said().count("given up"), 1)
            status = " ".join(run("status", "--db", agent.database, "--log", self.log).stdout.split())
            self.assertIn("20 pattern matches given up", status)
            print(f"# held: 20 lines that make a pattern backtrack without end: given up after {seconds / 20 * 1000:.0f} ms each, "
                  "counted, said once")
            self.assertLess(seconds, 20)


if __name__ == "__main__":
    unittest.main()
