# SPDX-License-Identifier: GPL-2.0-or-later
"""`replay --explain`: what the rules compared when an incident opened, was joined, or did not open."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import run   # noqa: E402

LOG = Path(__file__).resolve().parents[2] / "fixtures" / "logs" / "clickhouse-refused-nested-stderr.log"
BINANCE, KRAKEN = "bronze_trades_binance", "bronze_trades_kraken"


def explained(when):
    """(rule, table, verdict) -> text, of what is printed beside the notifications."""
    done = run("replay", "--tz", "UTC", "--format", "json", "--explain", when, LOG)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return [thing for thing in objects if "verdict" in thing], [thing for thing in objects if "status" in thing]


class Explain(unittest.TestCase):
    def newest(self, when):
        judgements, _ = explained(when)
        found = {}
        for judgement in judgements:
            self.assertLessEqual(judgement["time"], when.replace(" ", "T") + "+00:00")
            found[judgement["rule"], judgement["table"], judgement["verdict"]] = judgement["text"]
        return found

    def test_a_first_failure_is_no_news_and_says_what_would_be(self):
        found = self.newest("2026-03-03 10:20:00")
        self.assertIn("failures in a row: 1; detect.failures_warning is 2", found["failures", BINANCE, "nothing"])
        self.assertNotIn("opened", {verdict for _, _, verdict in found})

    def test_an_incident_says_why_it_opened_and_who_joined_it(self):
        found = self.newest("2026-03-03 10:31:00")
        self.assertIn("critical above 1800 s", found["failures", BINANCE, "critical"])
        self.assertTrue(found["failures", BINANCE, "opened"].startswith("incident 1: failures in a row: 2; "))
        self.assertIn("joins incident 1", found["failures", KRAKEN, "joined"])
        self.assertIn(("slow", None, "nothing"), found)

    def test_all_of_it_is_printed_in_the_order_of_time_and_changes_nothing(self):
        judgements, told = explained("all")
        self.assertEqual([judgement["time"] for judgement in judgements], sorted(judgement["time"] for judgement in judgements))
        self.assertGreater(len(judgements), 50)
        plain = run("replay", "--tz", "UTC", "--format", "json", LOG)
        self.assertEqual([json.loads(line) for line in plain.stdout.splitlines()], told)

    def test_a_moment_before_the_log_has_no_judgements(self):
        judgements, told = explained("2026-03-01")
        self.assertEqual(judgements, [])
        self.assertTrue(told)

    def test_as_text(self):
        done = run("replay", "--tz", "UTC", "--explain", "2026-03-03 10:31", LOG)
        self.assertIn(f"2026-03-03T10:30:05.592+00:00 failures of {KRAKEN}: joined: {KRAKEN} joins incident 1\n", done.stdout)


if __name__ == "__main__":
    unittest.main()
