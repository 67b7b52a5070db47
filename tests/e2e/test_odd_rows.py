# SPDX-License-Identifier: GPL-2.0-or-later
"""What the faces make of rows that an agent writes seldom or never."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report_history as history                # noqa: E402
from test_report_golden import Agent            # noqa: E402


class OddRows(unittest.TestCase):
    def test_a_long_acknowledgement_does_not_fill_the_screen(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                history.put(db, "acknowledgement", incident_id=3, at=history.at("17:00:00"), by_name="b" * 3000, note="n" * 3000)
                db.execute("UPDATE cycle SET outcome = 'aborted' WHERE id = (SELECT max(id) FROM cycle)")
            db.close()
            said = own.run("status").stdout.decode()
            self.assertIn("b…", said)
            self.assertIn("n…", said)
            self.assertLess(said.count("b" * 10) + said.count("n" * 10), 40)
            self.assertIn("aborted after ", said)       # not "in", as if it had reached an end
            self.assertIn("n" * 3000, own.run("report", "--incident", "3", "--format", "json").stdout.decode())
        finally:
            own.close()

    def test_a_resolved_incident_without_an_end_does_not_last_on(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                for number, alert in ((8, "IcebergOffloadCycleTooSlow"), (9, "IcebergOffloadLogUnreadable")):
                    history.incident(db, number, alert, severity="critical", state="resolved", onset_at=history.at("10:00:00"),
                                     opened_at=history.at("10:05:00"), critical_at=history.at("10:10:00"), resolved_at=(None, 0)[number % 2])
                # The other way round: what is open has not ended, whatever stands there.
                db.execute("UPDATE incident SET resolved_at = opened_at WHERE id = 3")
            db.close()
            ask = lambda *command: json.loads(own.run(*command, "--format", "json").stdout)
            for command in (("incidents",), ("incidents", "--since", "2026-03-03 10:07"), ("report", "--since", "2026-03-03 10:07"),
                            ("report", "--review", "--since", "2026-03-03 10:07")):
                with self.subTest(command):
                    rows = {row["id"]: row for row in ask(*command)["incidents"]}
                    self.assertEqual({1, 2, 3, 8, 9}, set(rows))
                    self.assertEqual([600_000] * 2, [rows[number]["duration_ms"] for number in (8, 9)])
                    self.assertIsNone(rows[3]["resolved"])
            self.assertNotIn(8, [row["id"] for row in ask("incidents", "--since", "2026-03-03 10:11")["incidents"]])
            self.assertEqual([9], [row["id"] for row in ask("report", "--incident", "8")["related"]])
            self.assertIn("critical, resolved after 10 min\n", own.run("report", "--incident", "8").stdout.decode())
            self.assertIn("warning, open for ", own.run("report", "--incident", "3").stdout.decode())
            unobserved = [ask("report", "--since", since)["totals"]["unobserved_ms"] for since in ("2026-03-03 10:00", "2026-03-03 10:10")]
            self.assertEqual(600_000, unobserved[0] - unobserved[1])
        finally:
            own.close()

    def test_a_cause_that_tells_nothing_does_not_stand_first(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                db.execute("UPDATE incident SET likely_cause = 'the log does not say why (it has a banner)' WHERE id = 1")
            db.close()
            line = json.loads(own.run("report", "--incident", "1", "--format", "json").stdout)["one_line"]
            self.assertTrue(line.startswith("offload-1: runs failed: bronze_trades_binance, bronze_trades_kraken, "), line)
        finally:
            own.close()


if __name__ == "__main__":
    unittest.main()
