# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve` and those who ask too much of it: ten years of history, ten thousand connections, histories that are none."""
import contextlib
import random
import re
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import promise   # noqa: E402
from agent import BINARY   # noqa: E402
from web import Balanced, Case, Server, make_history   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PATHS = ("/", "/incidents", "/incidents/1", "/report?since=2026-03-01", "/tables", "/tables/bronze_trades_kraken", "/cycles", "/cycles/3", "/api/v1/status",
         "/api/v1/incidents", "/api/v1/incidents/1", "/api/v1/cycles", "/api/v1/tables", "/metrics", "/healthz", "/badge.svg")
TIMEOUT_S = 240
MEMORY_KB = 16 * 1024


def anonymous_kb(pid):
    return int(re.search(r"^Anonymous: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


class TenYears(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="agent-serve-"))
        cls.database = Path(cls.home, "history.db")
        subprocess.run([sys.executable, ROOT / "tests/bench/make_history.py", BINARY, cls.database, "10"], check=True, stdout=subprocess.DEVNULL, timeout=600)
        cls.server = Server(cls.database, environment={"SOURCE_DATE_EPOCH": ""})

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def took_s(self, path):
        began = time.monotonic()
        status = self.server.ask(path).status
        return promise.since(began), status

    def test_whether_all_is_well_is_told_while_long_reports_are_made(self):
        heavy, ends = [], threading.Event()

        def ask_long():
            number = 0
            while not ends.is_set():
                number += 1             # each is another one, so that none was made before
                heavy.append(self.took_s(f"/report?since=2016-01-01&until=2026-01-{number % 28 + 1:02d}+00:{number // 28 % 60:02d}"))

        threads = [threading.Thread(target=ask_long) for _ in range(3)]
        for thread in threads:
            thread.start()
        quick = [self.took_s("/healthz") for _ in range(100) if not time.sleep(0.03)]
        ends.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual({status for _, status in quick}, {503})        # no agent runs
        long, short = statistics.median(took for took, _ in heavy), statistics.median(took for took, _ in quick)
        self.assertLess(short, 0.5)         # some milliseconds on an idle machine
        self.assertLess(short, long / 3)
        print(f"# held: a report of ten years {long * 1000:.0f} ms in the median, /healthz beside it {short * 1000:.1f} ms", flush=True)

    def test_the_first_page_is_as_fast_as_on_a_short_history(self):
        took = [self.took_s("/")[0] for _ in range(50)]
        self.assertLess(statistics.median(took), 0.5)


class TooMuch(Case):
    def test_ten_thousand_connections(self):
        wanted = 10_000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 200), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = self.serve(make_history(self.directory()))
        clients = []
        try:
            for number in range(min(hard - 200, wanted)):
                client = socket.socket()
                client.setblocking(False)
                clients.append(client)
                with contextlib.suppress(BlockingIOError):
                    client.connect((server.host, server.port))
                if number % 3 == 0:
                    with contextlib.suppress(OSError):
                        client.send(b"GET / HTTP/1.1\r\nHo")
            self.assertLess(anonymous_kb(server.process.pid), MEMORY_KB)
            self.assertIsNone(server.process.poll())
        finally:
            for client in clients:
                client.close()
        self.assertEqual(server.ask("/").status, 200)
        self.assertEqual(server.close()[0], 0)

    def answers_are_sound(self, server, what):
        for path in PATHS:
            answer = server.ask(path)
            self.assertIn(answer.status, (200, 404, 500, 503), (what, path))
            if answer.headers["Content-Type"].startswith("text/html"):
                self.assertEqual(Balanced(answer.text).open, [], (what, path))
        self.assertIsNone(server.process.poll(), what)

    def test_histories_with_bytes_of_chance_cut_short_and_without_tables(self):
        chance = random.Random(20)
        directory = self.directory()
        database = make_history(directory)
        whole = database.read_bytes()
        server = self.serve(database)
        for number in range(12):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 60)):
                at = chance.randrange(100, len(damaged) - 8)
                damaged[at:at + 8] = chance.randbytes(8)
            database.write_bytes(damaged)
            self.answers_are_sound(server, f"damage {number}")
        for size in (100, 4096, 4097, len(whole) // 2, len(whole) - 1):
            database.write_bytes(whole[:size])
            self.answers_are_sound(server, f"{size} bytes")
        for table in ("cycle", "run", "incident", "timeline", "outbox", "state", "notification"):
            database.unlink()
            database.write_bytes(whole)
            with contextlib.closing(sqlite3.connect(database)) as db, db:
                db.execute(f"DROP TABLE {table}")
            self.answers_are_sound(server, f"no {table}")
        for column in ("started_at", "ended_at", "duration_ms", "outcome", "rows"):
            database.unlink()
            database.write_bytes(whole)
            with contextlib.closing(sqlite3.connect(database)) as db, db:
                for value in ("x'00ff'", "'soon'", "1e300", "-9223372036854775808"):
                    with contextlib.suppress(sqlite3.Error):
                        db.execute(f"UPDATE run SET {column} = {value} WHERE id % 7 = abs(random()) % 7")
                        db.execute(f"UPDATE cycle SET {column} = {value} WHERE id % 7 = abs(random()) % 7")
            self.answers_are_sound(server, f"odd {column}")
        database.write_bytes(whole)
        self.assertEqual(server.close()[0], 0)


if __name__ == "__main__":
    unittest.main()
