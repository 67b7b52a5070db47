# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log does not say: on the platform it always tells of 0 rows. The Iceberg tables' own metadata and the source know better."""
import json
import os
import re
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, run, wait_until   # noqa: E402
from components import Port   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler   # noqa: E402
from warehouse import ClickHouse, Warehouse   # noqa: E402

# Half an interval of 4 s is allowed between the watermark and the source. Nothing else is news.
SETTINGS = {**QUICK, "schedule.interval": "4s", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "schedule.late_warning": "1h",
            "schedule.late_critical": "2h", "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}
NO_ROWS = {table: 0 for table in TABLES}
STALLED = TABLES[1]


class Witnesses(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-witnesses-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.warehouse = Warehouse(self.directory / "warehouse")
        for table in TABLES:
            self.warehouse.commit(f"cold.{table}", 1000, at=time.time() - 3600)

    def clickhouse(self, *arguments):
        clickhouse = ClickHouse(*arguments)
        self.addCleanup(clickhouse.close)
        return clickhouse

    def agent(self, source_url, **settings):
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"),
                     {**SETTINGS, "iceberg.warehouse": self.directory / "warehouse", "source.url": source_url, **settings})

    def cycle(self, growing=(), failing=()):
        """A cycle whose job says nothing about rows; the tables in `growing` get some during their run."""
        self.scheduler.cycle_started()
        for table in TABLES:
            self.scheduler.run_started(table)
            if table in growing:
                self.warehouse.commit(f"cold.{table}", 500)
            if table in failing:
                self.scheduler.run_failed(table)
            else:
                self.scheduler.run_completed(table, 0, 1.0)
        self.scheduler.cycle_completed(2.0, len(TABLES) - len(failing), len(failing), 0, 0)
        self.scheduler.next_run(900)

    def pages(self):
        """(status, severity, alert, table) in the order of arrival."""
        alerts = [request.json()["alerts"][0] for request in self.receiver.at("/hook")]
        return [(alert["status"], alert["labels"]["severity"], alert["labels"]["alertname"].removeprefix("IcebergOffload"),
                 alert["labels"].get("table")) for alert in alerts]

    def wait_pages(self, *wanted):
        wait_until(lambda: self.pages() == list(wanted), 10, f"not {wanted}")

    def asked_about(self, clickhouse, times):
        wait_until(lambda: len(clickhouse.asked) >= times, 10, f"the source was not asked {times} times")

    def test_a_watermark_that_stops_while_the_source_goes_on(self):
        clickhouse = self.clickhouse()
        with self.agent(clickhouse.url) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle(growing=TABLES)
            self.asked_about(clickhouse, 2)
            time.sleep(2.1)     # more than half an interval passes at the source
            self.cycle(growing=TABLES[:1])
            first = ("firing", "warning", "WatermarkStale", STALLED)
            self.wait_pages(first)
            time.sleep(2.1)
            self.cycle(growing=TABLES[:1])
            second = ("firing", "critical", "WatermarkStale", STALLED)
            self.wait_pages(first, second)
            self.cycle(growing=TABLES)
            self.wait_pages(first, second, ("resolved", "critical", "WatermarkStale", STALLED))
            self.assert_runs_of_the_stall(agent, clickhouse)
            agent.stop()
            rules = [text for text, in agent.rows("SELECT text FROM timeline WHERE kind = 'rule' ORDER BY id")]
            self.assertTrue(rules[0].startswith("certain stall, by its Iceberg metadata and the source: 1 run in a row added 0 rows; "), rules)

    def assert_runs_of_the_stall(self, agent, clickhouse):
        """What the history, `agent status` and a replay know about it."""
        def runs():
            return agent.rows("SELECT rows, rows_from, witnessed_rows, witness, ahead_ms > 2000, watermark_at > 0, answered_at > 0"
                              " FROM run WHERE table_name = ? ORDER BY id", STALLED)
        who = "its Iceberg metadata and the source"
        wanted = [(500, "iceberg", 500, who, 0, 1, 1), (0, "iceberg", 0, who, 1, 1, 1), (0, "iceberg", 0, who, 1, 1, 1),
                  (500, "iceberg", 500, who, 0, 1, 1)]
        wait_until(lambda: runs() == wanted, 10, lambda: f"{runs()}")
        self.assertEqual(agent.rows("SELECT rows FROM cycle ORDER BY id"), [(1000,), (500,), (500,), (1000,)])
        status = self.status(agent)
        self.assertEqual([(witness["name"], witness["state"]) for witness in status["witnesses"]],
                         [("host", "well"), ("iceberg", "well"), ("source", "well")])
        self.assertIn(f"asked about {STALLED}: 500 rows added", [witness["words"] for witness in status["witnesses"]])
        newest = {lag["table"]: lag["witnessed"] for lag in status["lag"]}[STALLED]
        self.assertEqual((newest["rows"], newest["rows_from"], newest["nothing_new_since"]), (500, "iceberg", None))
        report = json.loads(run("report", "--db", agent.database, *self.settings(agent), "--format", "json").stdout)
        tables = {table["table"]: (table["rows"], table["rows_from"], table["catch_up_rows_from"]) for table in report["tables"]}
        self.assertEqual(tables[STALLED][1], ["iceberg"], report)
        self.assertEqual(report["totals"]["rows_from"], ["iceberg"])
        said = [event["text"] for event in report["timeline"] if event["text"].startswith(who)]
        self.assertEqual(said, [f"{who}: 500 rows added, the source has nothing newer"], report["timeline"])
        for form in ("text", "markdown", "html"):
            shown = run("report", "--db", agent.database, *self.settings(agent), "--format", form,
                        env={**os.environ, "COLUMNS": "120"}).stdout
            self.assertRegex(shown, r"\d \(iceberg\)", form)
            self.assertIn("500 rows added, the source has nothing newer", " ".join(shown.split()), form)
        # A replay of the log has what the witnesses answered from the history, and asks none of today.
        asked = len(clickhouse.asked)
        pages = [("firing", "warning"), ("firing", "critical"), ("resolved", "critical")]
        for history, told in ((("--db", agent.database), pages), ((), [])):
            done = run("replay", "--format", "json", "--until", "+10s", *history, *self.settings(agent), agent.database.parent / "scheduler.log")
            self.assertEqual((done.returncode, [(page["status"], page["severity"]) for page in map(json.loads, done.stdout.splitlines())]),
                             (0, told), done.stderr)
        self.assertEqual(len(clickhouse.asked), asked)

    def settings(self, agent):
        """The agent's, for another command."""
        return [word for pair in zip(agent.command, agent.command[1:]) if pair[0] == "--set" for word in pair]

    def status(self, agent, *form):
        done = run("status", "--db", agent.database, *self.settings(agent), *(form or ("--format", "json")))
        return done.stdout if form else json.loads(done.stdout)

    def test_nothing_new_for_three_days_pages_nobody_and_status_says_why(self):
        quiet_since = time.time() - 72 * 3600
        shutil.rmtree(self.directory / "warehouse")
        self.warehouse = Warehouse(self.directory / "warehouse")
        for table in TABLES:
            self.warehouse.commit(f"cold.{table}", 1000, at=quiet_since)
        clickhouse = self.clickhouse(lambda table: quiet_since)
        with self.agent(clickhouse.url) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for count in range(1, 4):
                self.cycle()
                agent.wait_for("SELECT count(*) FROM run WHERE answered_at > 0 AND witnessed_rows = 0", 2 * count)
            newest = [lag["witnessed"] for lag in self.status(agent)["lag"]]
            self.assertEqual([(one["rows"], one["rows_from"], one["ahead_ms"]) for one in newest], [(0, "iceberg", 0)] * 2)
            since = {time.mktime(time.strptime(one["nothing_new_since"][:19], "%Y-%m-%dT%H:%M:%S")) for one in newest}
            self.assertEqual(len(since), 1)
            self.assertLess(abs(since.pop() - quiet_since), 1.1, newest)
            screen = " ".join(self.status(agent, "--format", "text").split())
            self.assertIn(f"{STALLED}: 0 in the run that was asked about", screen)
            self.assertIn(", by iceberg; nothing new at the source since ", screen)
            self.assertIn("so no rows are right", screen)
            self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(0,)])
            self.assertEqual(self.pages(), [])

    def test_a_witness_that_is_silent_or_gone_is_shown_so(self):
        deaf = Port()
        self.addCleanup(deaf.close)
        settings = {"source.timeout": "300ms", "probe spark.container": "spark", "metrics.textfile": self.directory / "agent.prom"}
        with self.agent(f"http://127.0.0.1:{deaf.number}/", **settings) as agent:
            agent.wait_for("SELECT group_concat(name || ' ' || state || ': ' || words, '; ') FROM (SELECT * FROM witness ORDER BY name)",
                           "iceberg silent: not asked yet; source silent: not asked yet; spark silent: not asked yet")
            self.cycle(growing=TABLES)
            agent.wait_for("SELECT state FROM witness WHERE name = 'iceberg'", "well")
            agent.wait_for("SELECT said_at > 0 FROM witness WHERE name = 'source'", 1)
            source = {witness["name"]: witness for witness in self.status(agent)["witnesses"]}["source"]
            self.assertEqual(source["state"], "silent")
            self.assertIn("asked about ", source["words"])
            agent.wait_for("SELECT count(*) FROM run WHERE watermark_at > 0", len(TABLES))
            metrics = self.directory / "agent.prom"
            agent.stop()
        lines = [line for line in metrics.read_text().splitlines() if line.startswith("iceberg_offload_agent_witness_")]
        values = sorted(re.sub(r'^iceberg_offload_agent_witness_|log="[^"]*",', "", line) for line in lines)
        self.assertEqual(values, ['silent{witness="iceberg"} 0', 'silent{witness="source"} 1', 'up{witness="iceberg"} 1'])
        self.assertRegex(metrics.read_text(), r'(?m)^iceberg_offload_agent_watermark_timestamp_seconds\{[^}]*table="%s"[^}]*\} [0-9]' % STALLED)
        # Nothing of it is configured any more.
        with Agent(self.directory / "scheduler.log", self.directory / "history.db", settings=SETTINGS) as agent:
            agent.wait_for("SELECT count(*) FROM witness", 0)
            agent.stop()

    def test_a_source_that_has_nothing_new_is_no_stall(self):
        quiet_since = time.time() - 3600
        clickhouse = self.clickhouse(lambda table: quiet_since)
        with self.agent(clickhouse.url) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for _ in range(3):
                self.cycle()
                time.sleep(0.5)
            self.asked_about(clickhouse, 6)
            self.cycle(failing={STALLED})
            time.sleep(0.2)     # beyond a burst
            self.cycle(failing={STALLED})   # a true page comes, and nothing came before it
            wait_until(lambda: self.pages(), 10, "no page")
            self.assertEqual({alert for _, _, alert, _ in self.pages()}, {"ConsecutiveFailures"})

    def test_witnesses_that_hang_hold_nothing_up_and_are_said_once(self):
        deaf = Port()
        self.addCleanup(deaf.close)
        with self.agent(f"http://127.0.0.1:{deaf.number}/", **{"source.timeout": "300ms"}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle()
            started = time.time()
            self.cycle(failing={STALLED})
            time.sleep(0.2)
            self.cycle(failing={STALLED})
            wait_until(lambda: self.pages(), 10, "no page")
            self.assertLess(promise.between_walls(started, time.time()), 5)
            self.cycle()
            wait_until(lambda: "the source does not say" in agent.said(), 10, "it is not said")
            self.cycle()
            time.sleep(0.8)
            self.assertEqual(agent.said().count("the source does not say"), 1, agent.said())
            agent.stop()

    def test_the_question_names_the_table_and_the_user(self):
        (self.directory / "password").write_text("quince\n")
        (self.directory / "password").chmod(0o600)
        clickhouse = self.clickhouse(lambda table: "Code: 60. DB::Exception: Table k2.trades doesn't exist")
        with self.agent(clickhouse.url, **{"source.user": "agent", "source.password_file": self.directory / "password"}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle()
            self.asked_about(clickhouse, 2)
            query, headers = clickhouse.asked[0]
            self.assertEqual(query, f"SELECT toUnixTimestamp64Milli(max(exchange_timestamp)) FROM k2.{TABLES[0]}")
            self.assertEqual((headers["X-ClickHouse-User"], headers["X-ClickHouse-Key"]), ("agent", "quince"))
            wait_until(lambda: "doesn't exist" in agent.said(), 10, "the reason is not said")
            self.assertNotIn("quince", agent.said())


if __name__ == "__main__":
    unittest.main()
