# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line costs does not grow with what is known: the bytes that the live agent writes, and the benchmark that says more."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import flat   # noqa: E402
import measure   # noqa: E402
import report_history   # noqa: E402
import side_by_side   # noqa: E402
from agent import BINARY, Agent, run   # noqa: E402
from simulator.voice import Voice   # noqa: E402

load_tests = side_by_side.load_tests

BYTES_MOST = 8000
SETTINGS = {"log.timezone": "UTC", "history.retention": "20000d", "detect.lag_warning": "1d", "detect.lag_critical": "2d",
            "schedule.late_warning": "1d", "schedule.late_critical": "2d"}


def written(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return int(io.read().split("wchar: ")[1].split()[0])


class Now:
    @staticmethod
    def stamp():
        return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]

    @staticmethod
    def isoformat():
        return datetime.now(timezone.utc).replace(tzinfo=None).isoformat()


class Growth(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-growth-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def bytes_a_line(self, tables, cycles):
        """The mean over cycles whose lines come one by one, checkpoints and all."""
        names = [f"bronze_trades_{i:05d}" for i in range(tables)]
        with open(self.log, "w", encoding="utf-8") as log, Agent(self.log, self.directory / f"{tables}.db", settings=SETTINGS) as agent:
            voice = Voice(lambda text: (log.write(text), log.flush()), Now(), tables=tables)

            def cycle(pause_s):
                voice.cycle_started(tables)
                for name in names:
                    voice.run_started(name)
                    time.sleep(pause_s)
                    voice.run_completed(name, 3000, 1.0)
                    time.sleep(pause_s)
                voice.cycle_completed(1.0, tables, 0, 0, 3000 * tables)

            for _ in range(3):
                cycle(0)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 3)
            time.sleep(0.5)
            before, lines = written(agent.process.pid), len(self.log.read_text().splitlines())
            for _ in range(cycles):
                cycle(0.01)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 3 + cycles)
            time.sleep(0.5)
            return (written(agent.process.pid) - before) / (len(self.log.read_text().splitlines()) - lines)

    def test_a_line_writes_what_it_changed(self):
        for tables, cycles in ((2, 20), (64, 2), (256, 1)):
            with self.subTest(tables=tables):
                self.assertLess(self.bytes_a_line(tables, cycles), BYTES_MOST)

    def test_the_benchmark_measures_each_part_and_judges_it(self):
        """In small; only what does not depend on the time of day is judged here."""
        figures = self.directory / "figures.json"
        bench = Path(__file__).resolve().parents[1] / "bench/growth_tables.py"
        done = subprocess.run([sys.executable, bench, BINARY, "--sizes", "2,12", "--incidents", "3", "--runs", "200", "--lines", "60", "--rounds", "1",
                               "--webhooks", "5", "--logs", "2", "--idle", "1", "--json", figures], capture_output=True, text=True, timeout=120, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        found = json.loads(figures.read_text(encoding="utf-8"))
        self.assertEqual([row["tables"] for row in found["tables"] if row["agent"] == BINARY], [2, 12])
        self.assertEqual([(row["webhooks"], row["deaf"]) for row in found["webhooks"]], [(5, 0), (5, 1)])
        self.assertGreaterEqual(found["incidents"][0]["open"], 3)
        self.assertEqual(found["logs"][0]["logs"], 2)
        self.assertGreater(found["idle"][1]["serve_mb"], 0)
        for part in ("tables", "incidents"):
            for row in (row for row in found[part] if row["agent"] == BINARY):
                self.assertLess(row["line_bytes"], BYTES_MOST, row)
        self.assertRegex(done.stdout, r"12 tables: bytes written a line +[\d.]+ +<= 8000 +met\n")


class Reports(unittest.TestCase):
    """As many runs, of few tables and of many."""

    RUNS = 60000

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-growth-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def history(self, tables):
        path = self.directory / f"{tables}.db"
        db = report_history.create(BINARY, path)
        begin, cycles = int(time.time() * 1000) - 11 * 3_600_000, self.RUNS // tables
        with db:
            db.execute("WITH RECURSIVE n(c) AS (SELECT 1 UNION ALL SELECT c + 1 FROM n WHERE c < ?1) INSERT INTO cycle (id, started_at, ended_at,"
                       " duration_ms, outcome, tables, succeeded, failed, timed_out, rows)"
                       " SELECT c, ?2 + c * 60000, ?2 + c * 60000 + 50000, 50000, 'success', ?3, ?3, 0, 0, ?3 * 10 FROM n", (cycles, begin, tables))
            db.execute("WITH RECURSIVE t(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM t WHERE k < ?1 - 1) INSERT INTO run (id, cycle_id, table_name,"
                       " started_at, ended_at, duration_ms, outcome, rows) SELECT (id - 1) * ?1 + k + 1, id, printf('t%05d', k), started_at, ended_at,"
                       " 1000, 'success', 10 FROM cycle, t", (tables,))
        db.close()
        return path

    def cpu_s(self, path):
        return measure.once([BINARY, "report", "--since", "12h", "--db", path])["cpu_s"]

    def test_a_run_costs_no_more_with_many_tables_and_those_without_a_place_are_added_up(self):
        few, many = self.history(200), self.history(3000)
        took = [(self.cpu_s(few), self.cpu_s(many)) for _ in range(3)]
        self.assertLess(min(pair[1] for pair in took), 2 * min(pair[0] for pair in took), took)
        tables = json.loads(run("report", "--since", "12h", "--format", "json", "--db", many).stdout)["tables"]
        runs = {table["table"]: table["runs"] for table in tables}
        self.assertEqual((len(tables), len(runs)), (1000, 1000))
        self.assertEqual((runs["t00000"], runs["t00998"]), (20, 20))
        self.assertEqual(runs["all other tables"], 2001 * 20)


class Flat(unittest.TestCase):
    """What the soak judges by."""

    TIMES = list(range(0, 3600, 5))

    def judge(self, value):
        return flat.judge(self.TIMES, [value(at) for at in self.TIMES], 0.02, 256)

    def test_what_stays_is_flat(self):
        self.assertTrue(self.judge(lambda at: 4000)["flat"])

    def test_what_warms_up_and_then_stays_is_flat(self):
        self.assertTrue(self.judge(lambda at: min(4000, 1000 + 5 * at))["flat"])

    def test_what_comes_and_goes_is_flat(self):
        self.assertTrue(self.judge(lambda at: 4000 + (3000 if at % 100 == 0 else 0) + at * 37 % 200)["flat"])

    def test_a_leak_below_the_noise_of_each_sample_is_found(self):
        found = self.judge(lambda at: 4000 + at * 37 % 200 + at * 0.2)
        self.assertFalse(found["flat"])
        self.assertAlmostEqual(found["an_hour"], 720, delta=20)

    def test_a_step_in_the_middle_of_what_is_judged_is_found(self):
        self.assertFalse(self.judge(lambda at: 4000 if at < 2600 else 4400)["flat"])

    def test_what_grows_with_what_is_counted_and_by_nothing_else(self):
        counts = [at // 10 for at in self.TIMES]
        self.assertTrue(flat.judge_growth(self.TIMES, counts, [5000 + count * 12 for count in counts], 0.2, 1)["flat"])
        self.assertFalse(flat.judge_growth(self.TIMES, counts, [5000 + count * 12 + count * count * 0.02 for count in counts], 0.2, 1)["flat"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
