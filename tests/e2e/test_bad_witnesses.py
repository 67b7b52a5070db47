# SPDX-License-Identifier: GPL-2.0-or-later
"""Witnesses that hang, flood, lie, are slow or die while they are asked: the log's own detection goes on, memory stays flat, it is said once."""
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import QUICK, Agent, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler   # noqa: E402
from warehouse import ClickHouse, Warehouse   # noqa: E402

SETTINGS = {**QUICK, "schedule.interval": "4s", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "schedule.late_warning": "1h",
            "schedule.late_critical": "2h", "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}
YEAR_9998_S = 253_339_228_800
UNREAD = "the source does not say how its tables are"
HEAD = b"HTTP/1.1 200 OK\r\n"
TIMEOUT_S = 180
# A sanitizer keeps memory of its own for what the agent touches, and the thread sanitizer has a thread that wakes up by the clock.
SANITIZED = "build-" in os.environ.get("AGENT", "")


class Server:
    """Calls answer(connection) for each connection to a port, with the request read."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            try:
                connection.recv(65536)
                self.answer(connection)
            except OSError:
                pass

    def close(self):
        self.socket.close()


def hang(connection):
    connection.recv(1)      # until the agent gives up


def flood(connection):
    connection.sendall(HEAD + b"\r\n")
    while True:
        connection.sendall(b"7" * 65536)


def flood_of_headers(connection):
    connection.sendall(HEAD)
    while True:
        connection.sendall(b"X-Filler: " + b"x" * 4000 + b"\r\n")


def die(connection):
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n17")


class BadWitnesses(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-bad-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.warehouse = Warehouse(self.directory / "warehouse")
        for table in TABLES:
            self.warehouse.commit(f"cold.{table}", 1000, at=time.time() - 3600)

    def server(self, answer):
        server = Server(answer)
        self.addCleanup(server.close)
        return server

    def agent(self, url, **settings):
        """An agent all of whose witnesses but the warehouse are asked at this URL."""
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"),
                     {**SETTINGS, "iceberg.warehouse": self.directory / "warehouse", "source.url": url, "source.timeout": "500ms",
                      "metrics.url": url, "probe clickhouse.url": url, "probe clickhouse.timeout": "500ms", **settings})

    def cycle(self, failing=()):
        self.scheduler.cycle_started()
        for table in TABLES:
            self.scheduler.run_started(table)
            if table in failing:
                self.scheduler.run_failed(table)
            else:
                self.scheduler.run_completed(table, 0, 1.0)
        self.scheduler.cycle_completed(2.0, len(TABLES) - len(failing), len(failing), 0, 0)
        self.scheduler.next_run(900)

    def pages(self):
        return [request.json()["alerts"][0]["labels"]["alertname"].removeprefix("IcebergOffload") for request in self.receiver.at("/hook")]

    @staticmethod
    def memory_kb(agent):
        status = Path(f"/proc/{agent.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))

    def cycle_is_committed(self, agent, number, failing=()):
        begun = time.monotonic()
        self.cycle(failing)
        agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", number)
        return time.monotonic() - begun

    def assert_nothing_stops(self, answer, said):
        server = self.server(answer)
        with self.agent(server.url) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle_is_committed(agent, 1)
            before = self.memory_kb(agent)
            for number in range(2, 5):
                self.assertLess(self.cycle_is_committed(agent, number, TABLES[:1]), 2)
                time.sleep(0.2)   # beyond a burst
            wait_until(lambda: "ConsecutiveFailures" in self.pages(), 10, "no page")
            wait_until(lambda: UNREAD in agent.said(), 10, "it is not said")
            self.cycle_is_committed(agent, 5)
            wait_until(lambda: server.asked >= 4, 10, "nobody asks")
            if not SANITIZED:
                self.assertLess(self.memory_kb(agent) - before, 4096)
            lines = [line for line in agent.said().splitlines() if UNREAD in line]
            self.assertEqual(len(lines), 1, agent.said())
            self.assertIn(said, lines[0])
            agent.stop()

    def test_hang(self):
        self.assert_nothing_stops(hang, "does not answer within 0.5 s")

    def test_flood(self):
        self.assert_nothing_stops(flood, "answer is too long")

    def test_a_flood_of_headers(self):
        self.assert_nothing_stops(flood_of_headers, "answer is too long")

    def test_death_while_asked(self):
        self.assert_nothing_stops(die, "ClickHouse cannot be asked")

    def test_nonsense(self):
        self.assert_nothing_stops(lambda connection: connection.sendall(b"\0\xff" * 5000), "ClickHouse")

    def assert_not_believed(self, newest, words):
        """A source that lies about its newest row: no stall is certain then, and it is said."""
        server = self.server(lambda connection: connection.sendall(HEAD + f"Content-Length: {len(newest)}\r\n\r\n{newest}".encode()))
        with self.agent(server.url, **{"probe clickhouse.url": f"tcp://127.0.0.1:{server.url[17:-1]}"}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle_is_committed(agent, 1)
            self.cycle_is_committed(agent, 2)
            wait_until(lambda: UNREAD in agent.said(), 10, "it is not said")
            self.assertIn(words, agent.said())
            self.assertEqual(self.pages(), [])

    def test_a_source_of_the_year_9998(self):
        self.assert_not_believed(f"{YEAR_9998_S}000\n", "rows from the future")

    def test_a_source_before_1970(self):
        self.assert_not_believed("-86400000\n", "not one number")

    def test_a_source_that_answers_just_in_time_is_believed(self):
        def answer(connection):
            time.sleep(0.9)
            connection.sendall(HEAD + f"Content-Length: 14\r\n\r\n{int(time.time() * 1000)}\n".encode())
        server = self.server(answer)
        with self.agent(server.url, **{"source.timeout": "1s"}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle()
            wait_until(self.pages, 20, "no page")
            self.assertEqual(set(self.pages()), {"WatermarkStale"})
            self.assertNotIn(UNREAD, agent.said())

    @unittest.skipIf(SANITIZED, "a sanitizer's own thread wakes up")
    def test_a_witness_that_is_not_asked_wakes_nobody(self):
        """The threads beside the main one sleep until there is a question. A minute of the whole agent is measured by `make bench`."""
        clickhouse = ClickHouse(lambda table: time.time() - 86400)      # nothing is wrong, so nobody asks the host
        self.addCleanup(clickhouse.close)
        # Where there is no bus, the thread that asks systemd tries again after ever longer pauses.
        with self.agent(clickhouse.url, **{"scheduler.unit": ""}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle_is_committed(agent, 1)
            wait_until(lambda: len(clickhouse.asked) >= len(TABLES), 10, "nobody asks")
            time.sleep(0.5)

            def woken():
                others = [task for task in Path(f"/proc/{agent.process.pid}/task").iterdir() if task.name != str(agent.process.pid)]
                return {task.name: int((task / "status").read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0]) for task in others}

            before = woken()
            self.assertTrue(before)
            time.sleep(3)
            self.assertEqual(woken(), before)

    def test_a_warehouse_that_lies(self):
        """Rows that are fewer than none, and a snapshot of the year 9998."""
        clickhouse = ClickHouse()
        self.addCleanup(clickhouse.close)
        with self.agent(clickhouse.url) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for table in TABLES:
                self.warehouse.commit(f"cold.{table}", -5, at=time.time())
            self.cycle_is_committed(agent, 1)
            for table in TABLES:
                self.warehouse.commit(f"cold.{table}", 10 ** 30, at=YEAR_9998_S)
            self.cycle_is_committed(agent, 2)
            self.cycle_is_committed(agent, 3)
            wait_until(lambda: "the Iceberg warehouse does not say" in agent.said(), 10, "it is not said")
            self.assertEqual(self.pages(), [])
            self.assertEqual(agent.rows("SELECT count(*) FROM run WHERE rows < 0 OR rows > 1000000"), [(0,)])
            agent.stop()


if __name__ == "__main__":
    unittest.main()
