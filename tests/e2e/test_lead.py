# SPDX-License-Identifier: GPL-2.0-or-later
"""One incident of each kind: caught, before Prometheus's critical alert, and Prometheus modelled as promtool evaluates it."""
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/bench"), str(ROOT / "tests/lib")]

from lead import limit_missed                                                                 # noqa: E402
from lead_measure import CRITICAL_FIRST, SCHEDULER_KINDS as KINDS, UNSEEN_DEATHS, measure_incidents      # noqa: E402
from promtool import promtool_path                                                            # noqa: E402

TIMEOUT_S = 300
AGENT = os.environ.get("AGENT", str(ROOT / "build/agent"))
SEED = 2001
SCRAPE_S = 15
EVALUATION_S = {"IcebergOffloadSchedulerDown": 300, "IcebergOffloadLagElevated": 60, "IcebergOffloadCycleSlow": 60}
# The scheduler's end cannot be dated from a log that just stops: the model then counts from the last sign of life.
UNDATED = UNSEEN_DEATHS


@unittest.skipUnless(promtool_path(), "promtool is not installed (Debian: apt-get install promtool, or prometheus before Debian 13)")
class Lead(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = {r["kind"]: r for r in measure_incidents(AGENT, [(kind, SEED) for kind in KINDS])}

    def test_every_kind_is_caught_and_resolved(self):
        for kind, result in self.results.items():
            with self.subTest(kind):
                self.assertTrue(result["caught"], result)
                self.assertTrue(result["resolved"], result)

    def test_nothing_is_paged_in_the_healthy_week_before(self):
        for kind, result in self.results.items():
            with self.subTest(kind):
                self.assertEqual(result["before"], [])

    def test_the_page_comes_before_the_critical_alert(self):
        compared = 0
        for kind, result in self.results.items():
            with self.subTest(kind):
                if result["lead_critical_s"] is not None and kind not in UNSEEN_DEATHS:
                    self.assertGreater(result["lead_critical_s"], 0)
                    compared += 1
        self.assertGreater(compared, 10, "Prometheus hardly fired: nothing was compared")

    def test_the_critical_page_comes_before_the_critical_alert_where_the_log_shows_the_trouble(self):
        for kind, result in self.results.items():
            with self.subTest(kind):
                if kind in CRITICAL_FIRST:
                    self.assertIsNotNone(result["critical_lead_s"])
                    self.assertGreater(result["critical_lead_s"], 0)

    def test_the_times_to_beat_are_beaten(self):
        for kind, result in self.results.items():
            with self.subTest(kind):
                self.assertEqual(list(limit_missed(result)), [])

    def test_the_agent_knows_when_prometheus_would_have_fired(self):
        """The model counts neither scrape nor evaluation intervals: promtool is later by at most both."""
        compared = set()
        for kind, result in self.results.items():
            with self.subTest(kind):
                for alert, late_s in result["model"].items():
                    self.assertGreaterEqual(late_s, -1, alert)
                    if kind not in UNDATED:
                        self.assertLessEqual(late_s, SCRAPE_S + EVALUATION_S.get(alert, 30) + 1, alert)
                        compared.add(alert)
        self.assertGreaterEqual(len(compared), 5, compared)


if __name__ == "__main__":
    unittest.main()
