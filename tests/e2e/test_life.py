# SPDX-License-Identifier: GPL-2.0-or-later
"""Everyday situations of tests/simulator/situations that are right, and what judges them. `tests/bench/life.py` knows the others."""
import os
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build/agent"))
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/bench")]

import life                                                                  # noqa: E402
import life_series                                                           # noqa: E402
from simulator import due, series                                            # noqa: E402
from simulator.situations import catalogue                                   # noqa: E402
from simulator.stage import DAY, HOUR, MINUTE, Stage, at                     # noqa: E402

SEED = 1
# A part of those that are right, short ones from each group, so that all take some seconds.
HELD = """
    one_slow_cycle_a_day every_second_cycle_is_a_full_load full_load_at_each_full_hour
    level_shift_down rows_up_for_good failures_after_a_level_shift
    cycles_times_3 one_hiccup one_hiccup_beyond_300 cycles_of_400 cycles_of_1200 drift_within_a_day cycles_longer_than_the_interval
    backfill_of_rows flash_crowd volume_spike_that_slows rows_divided_by_20_at_cadence_5
    stall_without_honest_zeros stall_of_all_tables rows_never_known zeros_of_one_run
    left_out_by_mistake order_of_tables_changes
    deployment maintenance_window power_cut one_crash hang_in_a_run
    cadence_05 cadence_30 log_begins_in_mid_life summer_time_ends_at_cadence_15 summer_time_ends_while_a_table_fails gap_in_the_log
    one_wrong_stamp old_log_appended
    table_fails_for_good exceptions timeouts one_failure_each_night
    flow_table_recovers_on_a_retry flow_table_fails_for_good flow_two_tables_fail_at_once flow_table_times_out flow_layer_recovers_on_its_retry flow_clickhouse_down
    flow_worker_killed flow_server_down flow_deployment_paused flow_maintenance_fails flow_container_recreated
    flow_container_recreated_in_mid_cycle flow_container_does_not_come_back flow_process_killed
    forged_success_in_stderr forged_start_in_stderr doubled_lines_of_a_failing_table long_stderr
""".split()


def note(t, status="firing", severity="warning", alert=due.FAILURES, incident=1, tables=("a",), summary="2 failures in a row"):
    return {"t": t, "status": status, "severity": severity, "alert": alert, "incident": incident, "tables": list(tables),
            "table": tables[0] if tables else None, "summary": summary}


class Situations(unittest.TestCase):
    def test_each_is_told_as_it_is_due(self):
        self.assertEqual(set(HELD) - set(catalogue()), set())
        with ThreadPoolExecutor(2) as pool:
            for name, _, wrong, told in pool.map(life.judge, [(AGENT, name, SEED, None) for name in HELD]):
                with self.subTest(name):
                    self.assertEqual(wrong, [], "\n".join(told))

    def test_each_says_why_in_one_sentence(self):
        for name, situation in catalogue().items():
            with self.subTest(name):
                self.assertRegex(situation.why, r"^[A-Z].*\.$")

    def test_a_seed_plays_the_same_life_twice(self):
        known = catalogue()["restarts_by_hand"]
        texts = []
        for seed in (1, 1, 2):
            stage = known.stage(seed)
            known.play(stage)
            texts.append(stage.text())
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])


class Conditions(unittest.TestCase):
    def right(self, condition, *notes):
        self.assertIsNone(condition(list(notes)))

    def wrong(self, condition, *notes):
        self.assertIsNotNone(condition(list(notes)))

    def test_told_wants_the_alert_in_time(self):
        condition = due.told(due.FAILURES, HOUR, 10 * MINUTE, table="a", severity="critical")
        self.right(condition, note(HOUR + 600, severity="critical"))
        self.wrong(condition)
        self.wrong(condition, note(HOUR + 601, severity="critical"))
        self.wrong(condition, note(HOUR - 1, severity="critical"))
        self.wrong(condition, note(HOUR + 5))
        self.wrong(condition, note(HOUR + 5, severity="critical", tables=("b",)))
        self.wrong(condition, note(HOUR + 5, severity="critical", alert=due.STALE))
        self.wrong(condition, note(HOUR + 5, severity="critical", status="escalated"))

    def test_ended_wants_each_incident_that_fired_to_be_resolved(self):
        condition = due.ended(due.FAILURES, HOUR, HOUR)
        self.right(condition)
        self.right(condition, note(10), note(HOUR, "resolved"))
        self.wrong(condition, note(10), note(2 * HOUR + 1, "resolved"))
        self.wrong(condition, note(10), note(20, incident=2), note(HOUR, "resolved"))

    def test_limits_count_what_is_told(self):
        self.right(due.at_most(1), note(1), note(2, "resolved"))
        self.wrong(due.at_most(1), note(1), note(2))
        self.right(due.at_most(1, until=2), note(1), note(2))
        self.wrong(due.nothing(), note(1, "escalated"))
        self.wrong(due.no_critical(), note(1, severity="critical"))
        self.right(due.incidents_at_most(1), note(1), note(2, severity="critical"))
        self.wrong(due.incidents_at_most(1), note(1), note(2, incident=2))
        self.right(due.a_day_at_most(2), note(1), note(2), note(2 + DAY))
        self.wrong(due.a_day_at_most(2), note(1), note(2, "resolved"), note(3))
        self.wrong(due.never_says("hangs"), note(1, summary="the scheduler hangs"))

    def test_tables_are_named_and_kept_apart(self):
        self.right(due.named("ab", 0, HOUR), note(1), note(2, tables=("b",)))
        self.wrong(due.named("ab", 0, HOUR), note(1), note(2 * HOUR, tables=("b",)))
        self.right(due.apart("a", "b", 0, HOUR), note(1), note(2, incident=2, tables=("b",)))
        self.wrong(due.apart("a", "b", 0, HOUR), note(1, tables=("a", "b")))
        self.wrong(due.apart("a", "b", 0, HOUR), note(1))


class Stages(unittest.TestCase):
    def test_a_stop_in_a_cycle_ends_it_with_fewer_tables(self):
        stage = Stage("test", 1)
        stage.tables = ["a", "b"]
        stage.cycle_seconds(lambda t: 60)
        stage.run(at(0, 1) + 10)
        stage.stop()
        tail = stage.text().splitlines()[-12:]
        self.assertIn("Received signal 15", tail[2])
        self.assertIn("Offload completed: a", tail[3])
        self.assertIn("Shutdown requested", tail[4])
        self.assertIn("Success: 1, Failed: 0, Timeout: 0", tail[8])
        self.assertIn("Scheduler stopped gracefully", tail[-1])

    def test_a_process_goes_on_where_a_run_left_it(self):
        whole, parts = Stage("test", 1), Stage("test", 1)
        whole.run(at(1))
        for minute in range(0, 24 * 60 + 1, 7):
            parts.run(minute * MINUTE)
        parts.run(at(1))
        self.assertEqual(whole.text(), parts.text())


class RealSeries(unittest.TestCase):
    def test_a_value_becomes_a_run_time(self):
        values = dict(enumerate([10.0] * 500 + [20.0] * 499 + [1000.0]))
        one = series.Series("x", "g", ("dur",), [], 15, values, values)
        self.assertEqual([series.prop40(one)(v) for v in (20.0, 5.0, 0.0, 1000.0)], [40.0, 10.0, 1.0, 285.0])
        self.assertEqual([series.lin5_200(one)(v) for v in (10.0, 1000.0, -1e6, 1e6)], [5.0, 200.0, 2.0, 285.0])

    def test_windows_reach_from_ten_minutes_before_to_three_hours_after(self):
        windows = [(10_000, 20_000), (100_000, 100_000)]
        for t in (9_400, 20_000 + 3 * HOUR):
            self.assertEqual(life_series.windows_with(windows, [t]), {0})
        self.assertEqual(life_series.windows_with(windows, [9_399, 20_001 + 3 * HOUR]), set())

    def test_chance_is_what_shifted_firings_would_hit(self):
        self.assertAlmostEqual(life_series.hits_by_chance([(0, 50_000 - 3 * HOUR)], [5.0], 0, 100_000), 0.5, delta=0.02)

    def test_each_series_is_there_and_is_mapped(self):
        index = series.index()
        self.assertEqual({path.name for path in series.FOLDER.glob("*.csv.gz")}, {f"{key}.csv.gz" for key in index})
        key = "nab-realTraffic-speed_7578"
        one = series.read(key, index[key])
        self.assertEqual(series.mappings(one), ["prop40", "lin5-200"])
        log, _ = series.play(one, "prop40")
        self.assertGreater(log.count("OFFLOAD CYCLE COMPLETED"), 200)
