# SPDX-License-Identifier: GPL-2.0-or-later
"""The source's witness beside a real ClickHouse: what it says about rows, and what its refusals say to a person."""
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import QUICK, Agent, wait_until   # noqa: E402
from clickhouse import ClickHouseServer, why_not   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402
from warehouse import Warehouse   # noqa: E402

# toUnixTimestamp64Milli is younger than Debian's server.
QUERY = "SELECT toInt64(max(exchange_timestamp)) * 1000 FROM k2.{source}"
SETTINGS = {**QUICK, "schedule.interval": "4s", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "schedule.late_warning": "1h",
            "schedule.late_critical": "2h", "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}
UNREAD = "the source does not say how its tables are: "


@unittest.skipIf(why_not(), why_not())
class Source(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.clickhouse = cls.enterClassContext(ClickHouseServer())
        cls.clickhouse.query("CREATE DATABASE k2")
        for table in ("trades", "empty"):
            cls.clickhouse.query(f"CREATE TABLE k2.{table} (exchange_timestamp DateTime) ENGINE = Memory")
        cls.clickhouse.query(f"INSERT INTO k2.trades VALUES ({int(time.time())})")

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-clickhouse-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        warehouse = Warehouse(self.directory / "warehouse")
        for table in ("trades", "empty", "missing"):
            warehouse.commit(f"cold.{table}", 1000, at=time.time() - 3600)
        (self.directory / "password").write_text("quince\n")
        (self.directory / "password").chmod(0o600)
        (self.directory / "wrong").write_text("lemon\n")
        (self.directory / "wrong").chmod(0o600)

    def agent(self, query=QUERY, user=None, password="password", url=None):
        settings = {**SETTINGS, "iceberg.warehouse": self.directory / "warehouse", "source.url": url or self.clickhouse.url,
                    "source.query": query, "source.timeout": "1s"}
        if user:
            settings.update({"source.user": user, "source.password_file": self.directory / password})
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), settings)

    def cycle(self, *tables):
        self.scheduler.cycle_started()
        for table in tables:
            self.scheduler.run_started(table)
            self.scheduler.run_completed(table, 0, 1.0)
        self.scheduler.cycle_completed(2.0, len(tables), 0, 0, 0)
        self.scheduler.next_run(900)

    def pages(self):
        return [request.json()["alerts"][0]["labels"] for request in self.receiver.at("/hook")]

    def assert_stall(self, **login):
        with self.agent(**login) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle("trades")
            wait_until(self.pages, 10, "no page")
            self.assertEqual((self.pages()[0]["alertname"], self.pages()[0]["table"]), ("IcebergOffloadWatermarkStale", "trades"))
            self.assertNotIn(UNREAD, agent.said())

    def assert_refused(self, words, table="trades", **login):
        with self.agent(**login) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle(table, "trades" if table == "missing" else table)
            self.cycle(table, table)
            wait_until(lambda: UNREAD in agent.said(), 10, "it is not said")
            self.assertIn(UNREAD + words, agent.said())
            self.assertNotIn("quince", agent.said())
            self.assertEqual(self.pages(), [])

    def test_rows_that_wait_at_the_source_make_a_stall_certain(self):
        self.assert_stall()

    def test_a_user_who_may_only_read_may_ask_too(self):
        self.assert_stall(user="reader")

    def test_a_source_without_any_row_is_no_stall(self):
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle("empty")
            self.cycle("trades")
            wait_until(self.pages, 10, "no page")
            self.assertEqual([page["table"] for page in self.pages()], ["trades"])

    def test_a_table_that_is_not_there(self):
        self.assert_refused("ClickHouse answers HTTP 404, there is no such table (code 60): Table k2.missing doesn't exist", table="missing",
                            query=QUERY.replace("{source}", "missing"))

    def test_a_wrong_password(self):
        self.assert_refused("ClickHouse answers HTTP 401, it does not take the user and the password (code 193): ", user="reader",
                            password="wrong")

    def test_an_unknown_user(self):
        self.assert_refused("ClickHouse answers HTTP 401, it does not take the user and the password (code 192): ", user="stranger")

    def test_too_little_memory(self):
        self.assert_refused("ClickHouse answers HTTP 500, its memory is short (code 241): Memory limit", user="small",
                            query="SELECT count() FROM (SELECT number FROM system.numbers LIMIT 10000000) GROUP BY number -- {source}")

    def test_a_query_that_is_wrong(self):
        self.assert_refused("ClickHouse answers HTTP 400, the query is not understood (code 62): Syntax error", query="SELEC 1 -- {source}")

    def test_a_function_that_an_old_server_does_not_know(self):
        self.assert_refused("ClickHouse answers HTTP 404, it does not know a function of the query (code 46): "
                            "Unknown function toUnixTimestamp64Milli",
                            query="SELECT toUnixTimestamp64Milli(max(exchange_timestamp)) FROM k2.{source}")

    def test_a_query_that_takes_too_long(self):
        self.assert_refused("ClickHouse does not answer within 1 s",
                            query="SELECT max(number) FROM system.numbers -- {source}")


if __name__ == "__main__":
    unittest.main()
