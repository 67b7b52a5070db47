# SPDX-License-Identifier: GPL-2.0-or-later
"""Page, status, incidents and report speak of an incident in the same words and the same numbers, whatever the history holds."""
import csv
import io
import json
import os
import pty
import random
import re
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report_history as history                # noqa: E402
from test_report_golden import AGENT, ROOT, Agent   # noqa: E402

FIXTURES = ("cycle-exception-burst", "clickhouse-refused-nested-stderr", "one-table-timeout", "silent-zero-rows", "graceful-stop-and-restart")
NEGATIVE = re.compile(r"(?<![\d.:-])-\d[\d.,]* ?(ms|s|min|h|d)\b")
CRYPTIC = re.compile(r"only us|\bLead\b(?! and)|\bkept\b|given up|cannot be seen here|first wrong event|\bTook\b|\bInhibited\b")
FORMATS = (("status",), ("status", "--format", "json"), ("incidents",), ("incidents", "--format", "json"), ("incidents", "--format", "csv"),
           *(("report", *which, "--format", form) for which in ((), ("--since", "1970-01-01"), ("--review", "--since", "1970-01-01"))
             for form in ("text", "markdown", "html", "json")))
# Differences that may be below 0 by what they mean: how much later than Prometheus, and the source behind the table.
SIGNED = {"lead_ms", "lead_median_ms", "lead_least_ms", "ahead_ms", "witnessed_rows"}


def environment(**more):
    return {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "LC_ALL": "C.UTF-8", "COLUMNS": "120", "AGENT_CONFIG": "/dev/null", **more}


def agent(*arguments, **more):
    return subprocess.run([AGENT, *arguments], env=environment(**more), capture_output=True, timeout=600, check=False)


def instant(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else 0


def negative_numbers(value, name=""):
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in negative_numbers(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in negative_numbers(inner, name)]
    return [(name, value)] if isinstance(value, (int, float)) and value < 0 and name not in SIGNED else []


class Agreement(unittest.TestCase):
    """Each fixture, replayed into a history an hour beyond its end."""

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory()
        cls.pages = {}
        for name in FIXTURES:
            told = agent("replay", "--format", "json", "--db", cls.db(name), "--until", "+1h", str(ROOT / "fixtures/logs" / f"{name}.log"))
            cls.pages[name] = [json.loads(line) for line in told.stdout.decode().splitlines()]

    @classmethod
    def tearDownClass(cls):
        cls.home.cleanup()

    @classmethod
    def db(cls, name):
        return str(Path(cls.home.name) / f"{name}.db")

    def ask(self, name, *arguments):
        return agent(*arguments, "--db", self.db(name)).stdout.decode()

    def faces(self, name):
        """Of each incident: its row of `incidents`, its report, its row of `status` or None, and its newest page."""
        listed = {row["id"]: row for row in json.loads(self.ask(name, "incidents", "--format", "json"))["incidents"]}
        status = {row["id"]: row for row in json.loads(self.ask(name, "status", "--format", "json"))["incidents"]}
        newest = {page["incident"]: page for page in self.pages[name]}
        self.assertTrue(listed)
        self.assertEqual(set(listed), set(newest))
        self.assertEqual({number for number, row in listed.items() if row["state"] == "open"}, set(status))
        for number, row in listed.items():
            report = json.loads(self.ask(name, "report", "--incident", str(number), "--format", "json"))["incident"]
            yield number, row, report, status.get(number), newest[number]

    def test_the_programs_faces_agree(self):
        same = ("onset", "duration_ms", "tables", "likely_cause", "runbook", "scenario", "scenario_title", "first_command", "evidence", "summary")
        for name in FIXTURES:
            spread = {int(row["id"]): row for row in csv.DictReader(io.StringIO(self.ask(name, "incidents", "--format", "csv"), newline=""))}
            for number, row, report, open_row, page in self.faces(name):
                with self.subTest(name, incident=number):
                    self.assertEqual({key: row[key] for key in same}, {key: report[key] for key in same})
                    self.assertEqual(row["tables"], page["tables"])
                    self.assertEqual(row["runbook"], page["runbook"])
                    self.assertEqual(row["onset"], spread[number]["onset"])
                    self.assertEqual(row["duration_ms"], round(float(spread[number]["duration_seconds"]) * 1000))
                    self.assertEqual(", ".join(row["tables"]), spread[number]["tables"])
                    if open_row:
                        shown = ("onset", "duration_ms", "likely_cause", "runbook", "scenario", "scenario_title", "first_command", "summary")
                        self.assertEqual({key: row[key] for key in shown}, {key: open_row[key] for key in shown})

    def test_nobody_is_asked_about_a_catch_up_that_has_not_come(self):
        """Here no table has caught up; the golden reports hold the question where two have."""
        questions = json.loads(self.ask("clickhouse-refused-nested-stderr", "report", "--incident", "1", "--format", "json"))["open_questions"]
        self.assertEqual([], [text for text in questions if "catch-up" in text])

    def test_the_longest_cycle_may_still_run(self):
        """A cycle counts as slow while it runs, so it is the longest one too."""
        db = str(Path(self.home.name) / "running.db")
        agent("replay", "--db", db, "--until", "+1h", str(ROOT / "fixtures/logs/killed-in-cycle.log"))
        totals = json.loads(agent("report", "--since", "2026-03-01", "--until", "2026-03-31", "--format", "json", "--db", db).stdout)["totals"]
        self.assertEqual((1, 1), (totals["cycles_slow"], totals["cycles_too_slow"]))
        self.assertEqual(3_600_000, totals["cycle_longest_ms"])

    def test_webhooks_are_told_the_same(self):
        """The newest notification of each incident, as every webhook gets it, against what the incident says in the end."""
        columns = ("onset_at", "tables", "runbook", "likely_cause", "scenario", "first_command")
        for name in FIXTURES:
            with history.sqlite3.connect(self.db(name)) as db:
                told = db.execute(f"SELECT {', '.join('n.' + column for column in columns)}, {', '.join('i.' + column for column in columns)}"
                                  " FROM incident i JOIN notification n ON n.incident_id = i.id"
                                  " WHERE n.id = (SELECT max(id) FROM notification WHERE incident_id = i.id)").fetchall()
            db.close()
            self.assertTrue(told)
            for row in told:
                with self.subTest(name):
                    self.assertEqual(row[:len(columns)], row[len(columns):])

    def test_the_duration_counts_from_the_onset(self):
        for name in FIXTURES:
            as_of = instant(json.loads(self.ask(name, "incidents", "--format", "json"))["as_of"])
            for number, row, _, _, page in self.faces(name):
                with self.subTest(name, incident=number):
                    end = instant(row["resolved"]) or as_of
                    self.assertEqual(end - instant(row["onset"]), row["duration_ms"])
                    if row["resolved"]:
                        self.assertEqual(row["duration_ms"], row["recover_ms"])
                        self.assertEqual(instant(row["resolved"]), instant(page["time"]))

    def test_people_read_the_same_words(self):
        for name in FIXTURES:
            status, listed = self.ask(name, "status"), self.ask(name, "incidents")
            for number, row, _, open_row, page in self.faces(name):
                with self.subTest(name, incident=number):
                    report = self.ask(name, "report", "--incident", str(number))
                    line = next(line for line in listed.splitlines() if re.match(rf" *{number}  ", line))
                    words = re.search(r"(?:open|resolved|verified) +(\d.*?)(?:  |$)", line)[1]
                    self.assertRegex(report, rf"(open for|resolved after) {re.escape(words)}\b")
                    self.assertRegex(report, rf"Time to recover +{re.escape(words)}\b")
                    if row["resolved"]:
                        self.assertIn(words, page["summary"])       # "scheduler runs again after 29 min"
                    if open_row:
                        self.assertIn(words, status)
                        since = re.search(r"since (\d\d:\d\d)", page["summary"])
                        self.assertIn(f"since {since[1]} ({words}", status)
                        self.assertIn(f" {since[1]} ", line)        # rounded in the same way
                        self.assertIn(row["first_command"], " ".join(status.split()))
                        place = row["runbook"] + (f", scenario {row['scenario'].split('/')[1]}: {row['scenario_title']}" if row["scenario_title"] else "")
                        self.assertIn(place, " ".join(status.split()))
                        self.assertIn(place, " ".join(report.split()))

    def test_status_names_the_worst_first_and_speaks_as_of_the_end(self):
        for name, words in (("clickhouse-refused-nested-stderr", "ClickHouse cannot be read: 2 tables without new data for 2 h 30 min (incident 1)"),
                            ("one-table-timeout", "cycles slow since 10:15 (2 h 25 min), now that of 11:15 (incident 1)"),
                            ("graceful-stop-and-restart", "scheduler late since 10:15 (45 min), the promised run has not begun (incident 2)")):
            with self.subTest(name):
                said = agent("status", "--db", self.db(name))
                lines = said.stdout.decode().splitlines()
                self.assertEqual(2, said.returncode)
                self.assertTrue(lines[0].startswith(f"CRITICAL - {words}"), lines[0])
                self.assertTrue(lines[0].endswith(", at the end of the replayed log"), lines[0])
                self.assertNotIn("IcebergOffload", said.stdout.decode())
                self.assertEqual("", lines[1])
                self.assertTrue(lines[2].startswith("Open  "), lines[2])
                self.assertIn("a replay filled; all ages are as of its end", " ".join(" ".join(lines).split()))
                self.assertNotRegex(said.stdout.decode(), r"\d{2,} d ")     # of today's clock

    def test_the_evidence_tells_why(self):
        for name in FIXTURES:
            for number, row, *_ in self.faces(name):
                with self.subTest(name, incident=number):
                    self.assertNotRegex(row["evidence"] or "", "Offload failed|====|Generic Offload Job")
        name = "clickhouse-refused-nested-stderr"
        row = next(row for number, row, *_ in self.faces(name) if number == 1)
        self.assertIn("ERROR - Failed to read from ClickHouse", row["evidence"])
        with history.sqlite3.connect(self.db(name)) as db:      # what each page had: the first is sent before the job's output is read
            sent = db.execute("SELECT evidence FROM notification WHERE incident_id = 1").fetchall()
        db.close()
        self.assertGreaterEqual(len(sent), 2)
        for (evidence,) in sent:
            self.assertIn("ERROR - Failed to read from ClickHouse", evidence)

    def test_a_jobs_output_is_folded_for_people_and_whole_for_programs(self):
        name = "clickhouse-refused-nested-stderr"
        for form in ("text", "markdown", "html"):
            story = self.ask(name, "report", "--incident", "1", "--format", form)
            self.assertNotIn("=====", story)
            self.assertNotIn("Generic Offload Job", story)
            self.assertRegex(story, "… [0-9]+ lines")
        self.assertIn("=====", self.ask(name, "report", "--incident", "1", "--format", "json"))


class Fixed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()

    @classmethod
    def tearDownClass(cls):
        cls.agent.close()

    def say(self, *arguments, **more):
        return self.agent.run(*arguments, **more).stdout.decode()

    def change(self, *statements):
        with history.sqlite3.connect(self.agent.db) as db:
            for sql in statements:
                db.execute(sql)
        db.close()

    def test_no_face_says_what_nobody_understands(self):
        for command in FORMATS:
            if "json" not in command and "csv" not in command:
                with self.subTest(command):
                    self.assertNotRegex(self.say(*command), CRYPTIC)

    def test_no_line_is_wider_than_a_narrow_terminal(self):
        for width in (40, 60, 80):
            for command in (("status",), ("incidents",), ("report", "--incident", "1"), ("report", "--since", "9h"), ("report", "--review")):
                with self.subTest(command, width=width):
                    lines = self.say(*command, COLUMNS=str(width)).splitlines()
                    self.assertLessEqual(max(map(len, lines[command == ("status",):])), width)

    def test_tables_stand_in_the_list_at_every_width(self):
        for width in (40, 60, 80, 120):
            with self.subTest(width):
                said = " ".join(self.say("incidents", COLUMNS=str(width)).split())
                self.assertRegex(said, "2 tables|bronze_trades_binance, bronze_trades_kraken")
                for row in ("2026-03-03 12:00", "53 min"):
                    self.assertIn(row, said)

    def test_somebody_at_a_terminal_reads_the_first_line_wrapped(self):
        leader, follower = pty.openpty()
        subprocess.run([AGENT, "status", "--db", self.agent.db], stdout=follower, env=environment(COLUMNS="40", TERM="dumb"), timeout=600, check=False)
        os.close(follower)
        self.assertLessEqual(max(map(len, os.read(leader, 65536).decode().splitlines())), 40)
        os.close(leader)

    def test_witnesses_that_are_well_take_one_line(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                db.executemany("INSERT INTO witness (name, state, words, said_at, since_at) VALUES (?, ?, ?, ?, ?)", [
                    (name, state, words, history.at(said), history.at("09:00:00")) for name, state, words, said in (
                        ("iceberg", "well", "5 rows added", "17:49:00"), ("source", "trouble", "login refused", "17:48:00"),
                        ("watermark", "well", "2 rows", "17:45:00"))])
            db.close()
            self.assertIn("Witnesses    source trouble, 2 min ago: login refused\n             iceberg, watermark well, each heard within 5 min\n",
                          own.run("status").stdout.decode())
        finally:
            own.close()

    def test_incidents_are_chosen(self):
        ids = lambda *arguments: [row["id"] for row in json.loads(self.say("incidents", "--format", "json", *arguments))["incidents"]]
        self.assertEqual([3, 2, 1], ids())
        self.assertEqual([3], ids("--open"))
        self.assertEqual([3, 2], ids("--since", "2026-03-03 13:30"))
        self.assertEqual([2, 1], ids("--until", "2026-03-03 15:00"))
        self.assertEqual([2], ids("--since", "2026-03-03 13:30", "--until", "2026-03-03 15:00"))
        self.assertEqual([2], ids("--until", "2026-03-03 15:00", "--limit", "1"))
        self.assertEqual("no incident is open\n", self.say("incidents", "--open", "--until", "2026-03-03 10:00"))
        for wrong in (("--since", "soon"), ("--since", "1h", "--until", "2h"), ("--limit", "x")):
            said = self.agent.run("incidents", *wrong)
            self.assertEqual((2, b""), (said.returncode, said.stdout))

    def test_no_cell_is_a_formula(self):
        own = Agent()
        try:
            texts = ['=cmd|" /C calc"!A0', "+1", "-1", "@SUM(A1)", "\ttab", "\rreturn", 'a "quoted", text\r\nof two lines', "plain"]
            with history.sqlite3.connect(own.db) as db:
                for number, text in enumerate(texts, 10):
                    # Who wrote "resolved" and not when, is in the list all the same.
                    history.incident(db, number, "IcebergOffloadCycleSlow", severity="warning", state=("open", "resolved")[number % 2], opened_at=history.NOW, cause=text,
                                     summary=text, tables=[text])
            db.close()
            said = own.run("incidents", "--format", "csv", "--limit", "0").stdout.decode()
            rows = list(csv.reader(io.StringIO(said, newline=""), strict=True))
            self.assertTrue(said.endswith("\r\n"))
            self.assertEqual({len(rows[0])}, set(map(len, rows)))
            self.assertEqual([], [cell for row in rows for cell in row if cell and cell[0] in "=+-@\t\r"])
            causes = {row[0]: row[rows[0].index("cause")] for row in rows[1:]}
            for number, text in enumerate(texts, 10):
                self.assertEqual(text, causes[str(number)].removeprefix("'"))
        finally:
            own.close()

    def test_the_title_of_a_report_is_in_plain_words(self):
        for form, mark in (("text", ""), ("markdown", "# "), ("html", "<title>")):
            with self.subTest(form):
                self.assertIn(f"{mark}Incident 1: runs failed", self.say("report", "--incident", "1", "--format", form))

    def test_a_review_counts_each_runbook(self):
        review = json.loads(self.say("report", "--review", "--format", "json"))
        rows = {row["runbook"]: row for row in review["runbooks"]}
        failure, scheduler = rows["iceberg-offload-failure.md"], rows["iceberg-scheduler-recovery.md"]
        self.assertEqual((1, 1, 1, 0, 1), tuple(failure[key] for key in ("incidents", "critical", "resolved", "within_promise", "without_cause")))
        self.assertEqual((1, 0, 1), tuple(scheduler[key] for key in ("incidents", "without_cause", "with_deviations")))
        self.assertEqual(4546800, failure["recover_median_ms"])     # 12:00:01.2 to 13:15:48
        unused = rows["iceberg-offload-lag.md"]
        self.assertEqual((0, None, None), tuple(unused[key] for key in ("incidents", "recover_median_ms", "recover_longest_ms")))
        self.assertIsNone(rows[None]["promise_most_ms"])
        self.assertIn("The root cause is unknown of incidents 1, 3:", review["questions"][0])
        for form in ("text", "markdown", "html"):
            said = re.sub(r"<[^>]*>", " ", self.say("report", "--review", "--format", form))
            for words in ("host rebooted instead of a restart", "15 to 30 min" if form != "text" else "0 of 1", "root cause is unknown", "Offload Failure"):
                self.assertIn(words, " ".join(said.split()))
        self.assertEqual([], json.loads(self.say("report", "--review", "--since", "1h", "--until", "30m", "--format", "json"))["incidents"][1:])

    def test_a_promise_that_was_kept_counts(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                db.execute("UPDATE incident SET resolved_at = onset_at + 300000 WHERE id = 2")      # the scheduler's runbook: 5 min
            db.close()
            rows = json.loads(own.run("report", "--review", "--format", "json").stdout)["runbooks"]
            self.assertEqual(1, next(row for row in rows if row["runbook"] == "iceberg-scheduler-recovery.md")["within_promise"])
        finally:
            own.close()

    def test_what_was_not_observed_is_no_availability(self):
        own = Agent()
        try:
            period = lambda: json.loads(own.run("report", "--since", "9h", "--format", "json").stdout)["totals"]
            before = period()
            self.assertEqual(10 * history.MINUTE, before["unobserved_ms"])       # the agent was last alive at 17:50
            with history.sqlite3.connect(own.db) as db:
                history.incident(db, 9, "IcebergOffloadLogUnreadable", severity="critical", state="resolved", onset_at=history.at("10:00:00"),
                                 opened_at=history.at("10:00:00"), critical_at=history.at("10:00:00"), resolved_at=history.at("12:30:00"))
            db.close()
            after = period()
            self.assertEqual(160 * history.MINUTE, after["unobserved_ms"])
            self.assertEqual(before["critical_ms"] - (history.at("12:30:00") - history.at("12:00:01.2")), after["critical_ms"])
            text = own.run("report", "--since", "9h").stdout.decode()
            self.assertRegex(" ".join(text.split()), r"Not observed 2 h 40 min of 9 h; it ends at [\d :-]+; the log could not be read for 2 h 30 min")
            report = own.run("report", "--incident", "1").stdout.decode()
            self.assertIn("Not observed     30 min of it, because the log could not be read", report)
        finally:
            own.close()

    def test_many_missed_cycles_are_a_range(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                db.execute("DELETE FROM cycle WHERE started_at BETWEEN ? AND ?", (history.at("10:10:00"), history.at("16:20:00")))
            db.close()
            said = " ".join(own.run("report", "--since", "9h").stdout.decode().split())
            self.assertIn("25 scheduled cycles did not start: 10:15:00 to 16:15:00", said)
        finally:
            own.close()

    def test_who_acknowledged_is_shown(self):
        own = Agent()
        try:
            with history.sqlite3.connect(own.db) as db:
                history.put(db, "timeline", incident_id=1, at=history.at("12:20:00"), kind="acknowledged", text="by maria: on it")
            db.close()
            self.assertIn("Acknowledged     2026-03-03 12:20:00, 4 min 58 s after detection, by maria: on\n", own.run("report", "--incident", "1").stdout.decode())
            self.assertEqual("2026-03-03T12:20:00.000+11:00", json.loads(own.run("report", "--incident", "1", "--format", "json").stdout)["acknowledged"])
            for form in ("text", "markdown", "html"):
                self.assertIn("acknowledged", own.run("report", "--incident", "1", "--format", form).stdout.decode())
        finally:
            own.close()


class Random(unittest.TestCase):
    """Histories with any times in any order."""
    CASES = 12

    def moment(self, dice):
        kind = dice.randrange(8)
        return (None, 0, -1, 2**53, history.NOW + dice.randrange(10**10), history.NOW - dice.randrange(10**11))[min(kind, 5)]

    def spoil(self, db, dice):
        for table, columns in (("incident", ("onset_at", "opened_at", "critical_at", "resolved_at", "verified_at", "escalated_at", "prometheus_at")),
                               ("timeline", ("at",)), ("notification", ("at",)), ("outbox", ("created_at", "delivered_at")),
                               ("silence", ("starts_at", "ends_at", "ended_at")), ("cycle", ("started_at", "ended_at", "duration_ms")),
                               ("run", ("started_at", "ended_at"))):
            for (identity,) in db.execute(f"SELECT id FROM {table}").fetchall():
                for column in columns:
                    if dice.random() < 0.5:
                        db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE id = ?", (self.moment(dice), identity))
                        db.execute(f"UPDATE {table} SET {column} = 0 WHERE id = ? AND {column} IS NULL AND '{column}' IN ('opened_at', 'at')", (identity,))
        db.execute("UPDATE incident SET state = ? WHERE id = ?", (dice.choice(("open", "resolved")), dice.randrange(1, 4)))

    def test_no_duration_is_negative(self):
        for seed in range(self.CASES):
            dice, own = random.Random(seed), Agent()
            try:
                db = history.sqlite3.connect(own.db)
                db.execute("PRAGMA ignore_check_constraints = ON")
                self.spoil(db, dice)
                db.commit()
                db.close()
                for command in dice.sample(FORMATS, 6):
                    with self.subTest(seed, command=command):
                        said = own.run(*command)
                        self.assertIn(said.returncode, (0, 1, 2, 3), said.stderr)
                        text = said.stdout.decode()
                        self.assertNotRegex(text, NEGATIVE)
                        if "json" in command:
                            self.assertEqual([], negative_numbers(json.loads(text)))
            finally:
                own.close()


if __name__ == "__main__":
    unittest.main()
