# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs, layers and cycles that have names: several open at once, attempts and retries, and what people are told of it.

The patterns are the shortest ones that read the simulated flow; those that people use are tested with that pipeline.
"""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator.flow.stage import HOUR, MINUTE, FlowStage    # noqa: E402
from simulator.flow_simulator import write_flow             # noqa: E402
from simulator.voice import CAUSES, CLICKHOUSE_REFUSED      # noqa: E402

AGENT = os.environ.get("AGENT", str(ROOT / "build/agent"))
SPARK_OUT_OF_MEMORY = CAUSES[1]
PATTERNS = r"""
[record]
pattern = (?<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \| (?<level>[A-Z]+) *\| (?<message>.*)
[events]
cycle_started = Flow run '(?<cycle>[^']*)' - Beginning flow run '[^']*' for flow 'iceberg-offload-main'
cycle_completed = Flow run '(?<cycle>[^']*)' - Finished in state (?:Completed\(|(?<text>(?!Crashed)[A-Z]\w*\(.*))
cycle_crashed = Flow run '(?<cycle>[^']*)' - (?<text>(?:Finished in state Crashed|Crash detected!).*)
cycle_crashed = prefect[\w.]* - (?<text>Process for flow run '(?<cycle>[^']*)' exited with status code: .*)
layer_started = Flow run '(?<layer>[^']*)' - Beginning subflow run '[^']*' for flow 'offload-\w+-layer'
layer_retry = Flow run '(?<layer>[^']*)' - Received non-final state 'AwaitingRetry'
run_started = Task run '(?<run>[^']*)' - Starting offload: (?<table>[\w.\-]+) →
run_completed = Task run '(?<run>[^']*)' - ✓ Offload completed: (?<table>[\w.\-]+)$
run_duration = Task run '(?<run>[^']*)' - \x20 Duration: (?<seconds>[\d,.]+)s$
run_rows = Task run '(?<run>[^']*)' - \x20 Rows: (?<rows>[\d,]+)$
attempt_failed = Task run '(?<run>[^']*)' - ✗ Offload failed: (?<table>[\w.\-]+)$
run_exit_code = Task run '(?<run>[^']*)' - \x20 Exit code: (?<number>-?\d+)$
run_stderr = Task run '(?<run>[^']*)' - \x20 Stderr:(?: (?<text>.*))?$
attempt_timeout = Task run '(?<run>[^']*)' - ✗ Offload timeout: (?<table>[\w.\-]+)
run_retry = Task run '(?<run>[^']*)' - Task run failed with exception: (?<text>.*) - Retry \d+/\d+ will start
run_failed = Task run '(?<run>[^']*)' - Task run failed with exception: (?<text>.*) - Retries are exhausted
run_ended = Task run '(?<run>[^']*)' - Finished in state (?:Completed\(|(?<text>Failed\(.*))
text_follows = (?:Flow|Task) run '(?<cycle>[^']*)' - Encountered exception during execution
text_follows = prefect\.engine - Execution of flow run '(?<cycle>[^']*)' exited
"""


class Reading(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.at = Path(directory.name)
        (self.at / "patterns.conf").write_text(PATTERNS, encoding="utf-8")

    def agent(self, command, log, *more):
        result = subprocess.run([AGENT, command, "--set", f"log.patterns={self.at / 'patterns.conf'}", "--set", "log.timezone=UTC",
                                 *more, str(log)], capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]

    def history(self, log):
        """The notifications, and a connection to the history."""
        database = self.at / "history.db"
        for old in self.at.glob("history.db*"):
            old.unlink()
        told = self.agent("replay", log, "--format", "json", "--db", str(database))
        connection = sqlite3.connect(database)
        self.addCleanup(connection.close)
        return told, connection


class Counting(Reading):
    def check(self, kind, **choices):
        log = self.at / "flow.log"
        truth = write_flow(log, kind, 11, 5, **choices)
        told, history = self.history(log)
        runs = Counter((r["table"], r["started_ms"], r["outcome"], r["rows"]) for c in truth["cycles"] for r in c["runs"])
        rows = history.execute("SELECT table_name, started_at, outcome, rows FROM run")
        seen = Counter((t, s, o, n if n is not None and n >= 0 else None) for t, s, o, n in rows)
        self.assertEqual(seen - runs, Counter())
        self.assertEqual(runs - seen, Counter())
        words = {"completed": {"success"}, "failed": {"failed", "partial"}, "crashed": {"aborted"}, "running": {"running"}}
        outcomes = dict(history.execute("SELECT started_at, outcome FROM cycle"))
        self.assertEqual(len(outcomes), len(truth["cycles"]))
        for cycle in truth["cycles"]:
            self.assertIn(outcomes[cycle["started_ms"]], words[cycle["outcome"]], cycle["name"])
        return told

    def test_no_run_and_no_row_is_lost_or_doubled_one_after_the_other(self):
        self.check("rough")

    def test_no_run_and_no_row_is_lost_or_doubled_with_tables_at_once(self):
        self.check("rough", parallel=True, newer=True)

    def test_days_in_which_what_fails_recovers_are_quiet(self):
        for parallel in (False, True):
            self.assertEqual(self.check("healthy", parallel=parallel), [])


FAILURES, DOWN, SLOW, TOO_SLOW = ("IcebergOffload" + name for name in ("ConsecutiveFailures", "SchedulerDown", "CycleSlow", "CycleTooSlow"))


class Situations(Reading):
    """Each begins at 08:00, behind eight hours of health."""

    def replay(self, situation, until=12 * HOUR):
        """The notifications, each as (minutes after 8 o'clock, status, severity, alert, tables), of both ways to run the tables."""
        for parallel in (False, True):
            with self.subTest(parallel=parallel):
                stage = FlowStage(situation.__name__, 7, parallel=parallel)
                stage.run(8 * HOUR)
                situation(stage)
                stage.fate = lambda a: None
                stage.run(until)
                log = self.at / "flow.log"
                log.write_text(stage.text(), encoding="utf-8")
                told, self.rows = self.history(log)
                yield [((int(n["time"][11:13]) - 8) * 60 + int(n["time"][14:16]), n["status"], n["severity"], n["alert"], len(n["tables"]))
                       for n in told]

    def assert_first(self, told, severity, alert, by_minute):
        first = next((n for n in told if n[1:4] == ("firing", severity, alert)), None)
        self.assertIsNotNone(first, told)
        self.assertLessEqual(first[0], by_minute, told)
        self.assertEqual(told[-1][1], "resolved", told)

    def test_one_table_fails_once_and_recovers(self):
        def once(stage):
            stage.fate = lambda a: CLICKHOUSE_REFUSED if a.table == "bronze_trades_kraken" and a.number == 0 else None
            stage.run(10 * HOUR)
        for told in self.replay(once):
            self.assertEqual(told, [])
            failed = self.rows.execute("SELECT count(*) FROM run WHERE outcome <> 'success' AND outcome <> 'running'").fetchone()
            self.assertEqual(failed, (0,))

    def test_a_layer_is_run_again_and_recovers(self):
        def layer(stage):
            stage.fate = lambda a: CLICKHOUSE_REFUSED if a.table == "silver_trades" and a.layer_try == 0 else None
            stage.run(8.6 * HOUR)
        for told in self.replay(layer):
            self.assertEqual(told, [])

    def test_one_table_fails_for_good(self):
        def fails(stage):
            stage.fate = lambda a: SPARK_OUT_OF_MEMORY if a.table == "ohlcv_1d" else None
            stage.run(10 * HOUR)
        for told in self.replay(fails):
            self.assert_first(told, "critical", FAILURES, 17)
            self.assertEqual({n[3] for n in told}, {FAILURES})
            self.assertEqual({n[4] for n in told}, {1})

    def test_two_tables_fail_for_good(self):
        def fails(stage):
            stage.fate = lambda a: CLICKHOUSE_REFUSED if a.table in ("ohlcv_1h", "ohlcv_1d") else None
            stage.run(10 * HOUR)
        for told in self.replay(fails):
            self.assert_first(told, "critical", FAILURES, 17)
            self.assertEqual({n[3] for n in told}, {FAILURES})
            self.assertEqual(told[-1][4], 2)

    def test_a_table_times_out(self):
        def slow(stage):
            stage.fate = lambda a: "timeout" if a.table == "ohlcv_1m" else None
            stage.run(9 * HOUR)
        for told in self.replay(slow):
            self.assert_first(told, "warning", SLOW, 5)
            self.assert_first(told, "critical", TOO_SLOW, 10)
            self.assertEqual(sum(n[1] == "resolved" for n in told), 1)

    def test_clickhouse_is_down(self):
        def down(stage):
            stage.fate = lambda a: CLICKHOUSE_REFUSED
            stage.run(9 * HOUR)
        for told in self.replay(down):
            self.assert_first(told, "critical", FAILURES, 17)
            self.assertEqual({n[3] for n in told}, {FAILURES})
            self.assertEqual(told[-1][4], 10)

    def test_the_worker_is_killed_and_nobody_sees_it(self):
        def killed(stage):
            stage.run(8 * HOUR + 8)
            stage.kill_worker()
            stage.wait(8 * HOUR + 50 * MINUTE)
            stage.start_worker()
        for told in self.replay(killed):
            self.assert_first(told, "critical", DOWN, 17)
            self.assertEqual(sum(n[1] == "resolved" for n in told), 1)

    def test_a_flow_is_killed_for_its_memory(self):
        def killed(stage):
            stage.run(8 * HOUR + 15 * MINUTE + 12)
            stage.kill_flow()
        for told in self.replay(killed):
            self.assertEqual(told, [])
            self.assertEqual(self.rows.execute("SELECT count(*) FROM cycle WHERE outcome = 'aborted'").fetchone(), (1,))

    def test_the_server_is_down_and_all_missed_runs_start_at_once(self):
        def down(stage):
            stage.stop_server()
            stage.wait(9 * HOUR)
            stage.start_server()
        for told in self.replay(down):
            self.assert_first(told, "critical", DOWN, 17)
            self.assertEqual({n[3] for n in told}, {DOWN})

    def test_the_deployment_is_paused(self):
        def paused(stage):
            stage.pause()
            stage.run(9 * HOUR)
            stage.resume()
        for told in self.replay(paused):
            self.assert_first(told, "critical", DOWN, 17)
            self.assertEqual({n[3] for n in told}, {DOWN})

    def test_the_maintenance_overlaps(self):
        def nothing(stage):
            stage.run(25 * HOUR)
        for told in self.replay(nothing, until=30 * HOUR):
            self.assertEqual(told, [])


class Texts(Reading):
    def test_no_event_is_taken_out_of_a_jobs_text(self):
        """The job knows the flow's format, the names and the time."""
        stage = FlowStage("forged", 3)
        forged = []

        def stderr(attempt, text):
            names = [attempt.cycle.name, attempt.cycle.runs[-1].task, "offload-table-fff"]
            stamp = stage.console._day + " " + stage.console._time + ".999"        # pylint: disable=protected-access
            said = [f"{stamp} | INFO    | Flow run '{names[0]}' - Finished in state Completed()",
                    f"{stamp} | INFO    | Flow run '{names[0]}' - Finished in state Failed()",
                    f"{stamp} | INFO    | Task run '{names[1]}' - ✓ Offload completed: {attempt.table}",
                    f"{stamp} | INFO    | Task run '{names[1]}' -   Rows: 1,000,000",
                    f"{stamp} | INFO    | Task run '{names[1]}' - Finished in state Completed()",
                    f"{stamp} | INFO    | Task run '{names[2]}' - Starting offload: forged → cold.forged",
                    f"{stamp} | INFO    | Task run '{names[2]}' - ✓ Offload completed: forged",
                    "2026-02-12 19:34:58,462 - __main__ - INFO - OFFLOAD CYCLE COMPLETED"]
            forged.extend(said)
            return "\n".join([text, *said, "the end"])
        stage.run(HOUR)
        stage.stderr = stderr
        stage.fate = lambda a: CLICKHOUSE_REFUSED if a.table == "silver_trades" else None
        stage.run(2 * HOUR)
        log = self.at / "flow.log"
        log.write_text(stage.text(), encoding="utf-8")
        events = self.agent("parse", log)
        self.assertGreater(len(forged), 100)
        self.assertNotIn("forged", {e.get("table") for e in events})
        self.assertNotIn(1_000_000, {e.get("number") for e in events if e["event"] == "run_rows"})
        self.assertEqual(sum(e["event"] == "run_completed" and e["table"] == "silver_trades" for e in events), 3)
        self.assertEqual(sum(e["event"] == "cycle_completed" for e in events), sum(c.outcome != "running" for c in stage.cycles))


if __name__ == "__main__":
    unittest.main()
