# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of `agent serve`: what each says, what is refused and how, clients that are slow or hostile, and that nothing is ever written."""
import contextlib
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.parse import quote

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import promise   # noqa: E402
import report_history as history   # noqa: E402
from agent import BINARY, wait_until   # noqa: E402
from test_report_golden import ACTIVE   # noqa: E402
from web import ENVIRONMENT, Balanced, Case, Server, command_json, make_history   # noqa: E402

PAGES = ("/", "/tables", "/tables/bronze_trades_kraken", "/tables/bronze_trades_kraken?span=month", "/tables/bronze_trades_kraken?span=year", "/cycles",
         "/cycles?since=2026-03-03+12:00&until=2026-03-03+13:00", "/cycles/7", "/incidents", "/incidents/1", "/incidents/2", "/incidents/3", "/report", "/report?since=2026-03-03&until=2026-03-04")
DATA = {"/api/v1/status": ("status",), "/api/v1/incidents": ("incidents", "--limit", "0"), "/api/v1/incidents/1": ("report", "--incident", "1")}
OTHERS = {"/icon.svg": "image/svg+xml",
          "/style.css": "text/css; charset=utf-8", "/refresh.js": "text/javascript; charset=utf-8", "/metrics": "text/plain; version=0.0.4; charset=utf-8", "/badge.svg": "image/svg+xml"}
SERVE_CONNECTIONS_MAX = 64    # include/base/budgets.h


class Pages(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="agent-serve-"))
        cls.database = make_history(cls.home)
        cls.server = Server(cls.database, **{"serve__title": "Offload <of> Sydney"})

    @classmethod
    def tearDownClass(cls):
        code, said = cls.server.close()
        assert code == 0, said

    def check_headers(self, answer):
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy + answer.text)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual([name for name in answer.headers if name.lower().startswith(("set-cookie", "access-control"))], [])

    def test_each_page_is_whole_and_its_style_is_allowed_and_nothing_else_is(self):
        for path in PAGES:
            with self.subTest(path):
                answer = self.server.ask(path)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
                self.check_headers(answer)
                self.assertIn('<link rel="stylesheet" href="/style.css">', answer.text)
                page = Balanced(answer.text)
                self.assertEqual(page.open, [])
                self.assertEqual(page.tags & {"style", "iframe", "img"}, set())
                self.assertEqual([name for name in page.attributes if name == "style" or name.startswith("on")], [])
                self.assertIsNone(ACTIVE.search(answer.text))
                self.assertIn('name="viewport"', answer.text)

    def test_the_style_sheet_and_the_script_are_files_of_its_own(self):
        style, script = self.server.ask("/style.css"), self.server.ask("/refresh.js")
        self.assertEqual((style.status, style.headers["Content-Type"]), (200, "text/css; charset=utf-8"))
        self.assertEqual((script.status, script.headers["Content-Type"]), (200, "text/javascript; charset=utf-8"))
        self.assertIn("prefers-color-scheme:dark", style.text)
        self.assertIn("form {", style.text)
        self.assertTrue(script.text.startswith("// SPDX"))
        for answer in (style, script):
            self.assertNotIn("//", re.sub(r"(?m)^ *// .*", "", answer.text))      # leads nowhere else
            self.check_headers(answer)

    def test_the_pages_say_what_the_commands_say(self):
        page = self.server.ask("/").text
        self.assertIn("<title>WARNING - Offload &lt;of&gt; Sydney</title>", page)
        self.assertIn('<h1 class="words">cycle running since 16:45', page)
        self.assertRegex(page, r'<a href="/incidents/3">cycle running since 16:45 \([^<]*</a>')
        self.assertIn("<p class=\"note\">Run first:</p>\n<pre><code>docker stats --no-stream</code></pre>", page)
        self.assertIn("<dd>pager: nothing waits, last delivery 2 h 56 min ago</dd>", page)
        self.assertIn('<noscript><meta http-equiv="refresh" content="60"></noscript>', page)
        self.assertIn("made at 2026-03-03 18:00:00 UTC+11:00 of what was known 10 min before", page)
        self.assertRegex(page, 'role="alert">The agent is not running: nobody watches the pipeline.* which is 10 min ago')
        report = self.server.ask("/incidents/1").text
        done = subprocess.run([BINARY, "report", "--incident", "1", "--format", "html", "--db", self.database, "--set", "notify.host=offload-1"],
                              env=ENVIRONMENT, capture_output=True, timeout=600, check=True)
        made = re.sub(r"<meta http-equiv=\"Content-Security-Policy\".*?>\n", "", done.stdout.decode())
        made = re.sub(r"<style>.*?</style>\n", '<link rel="stylesheet" href="/style.css">\n<link rel="icon" href="/icon.svg">\n', made, flags=re.DOTALL)
        self.assertEqual(re.sub(r"<nav.*?</nav>\n", "", report), made)

    def test_the_data_are_those_of_the_commands(self):
        for path, arguments in DATA.items():
            with self.subTest(path):
                answer = self.server.ask(path)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
                self.check_headers(answer)
                self.assertEqual(json.loads(answer.text), command_json(self.database, *arguments))

    def test_the_filters_choose(self):
        chosen = {"": [3, 2, 1], "open=yes": [3], "open=no": [3, 2, 1], "alert=SchedulerDown": [2], "alert=*Slow": [3], "table=*kraken": [1],
                  "table=nothing": [], "until=2026-03-03+14:00": [1], "since=2026-03-03%2014:00": [3, 2],
                  "since=2026-03-03T14:00&until=2026-03-03T16:00&table=&alert=": [2]}
        for query, wanted in chosen.items():
            with self.subTest(query):
                answer = self.server.ask(f"/api/v1/incidents?{query}")
                self.assertEqual([incident["id"] for incident in json.loads(answer.text)["incidents"]], wanted)
                links = re.findall(r'href="/incidents/(\d+)"', self.server.ask(f"/incidents?{query}").text)
                self.assertEqual([int(number) for number in links], wanted)
        evil = self.server.ask("/incidents?table=" + quote('"><script>alert(1)</script>'))
        self.assertIn('value="&quot;&gt;&lt;script&gt;', evil.text)
        self.assertNotIn("<script>", evil.text)

    def test_what_is_no_answer_is_refused_with_the_reason(self):
        wrong = {"/incidents?since=soon": "since: &#39;soon&#39; is no time", "/incidents?open=maybe": "say yes or no", "/?x=1": "This page does not take a parameter of that name\\.",
                 "/incidents?since=1d&since=2d": "given twice", "/incidents?table=%00": "no text", "/incidents?table=%ff": "no text",
                 "/incidents?table=%4": "no text", "/report?since=1d&until=2d": "ends before it begins", "/report?open=yes": "does not take",
                 "/incidents/1?since=1d": "does not take", "/tables/bronze_trades_kraken?span=week": "day, month or year", "/cycles?since=2d&until=3d": "ends before it begins"}
        for path, why in wrong.items():
            with self.subTest(path):
                answer = self.server.ask(path)
                self.assertEqual(answer.status, 400, answer.text)
                self.assertRegex(answer.text, why.replace("&#39;", "(&#39;|&apos;|')"))
                self.check_headers(answer)

    def test_there_is_nothing_at_other_addresses(self):
        for path in ("/incidents/", "/incidents/99", "/tables/nothing", "/tables/", "/tables/..", "/cycles/0", "/cycles/999", "/incidents/0", "/incidents/-1", "/incidents/01", "/incidents/1/", "/incidents/1x", "//", "/./",
                     "/incidents/99999999999999999999", "/../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/", "/incidents%2f1", "/api", "/api/v1/",
                     "/api/v1/incidents/99", "/index.html", "/healthz/", "/metrics%00", "/\\..\\", "*", "http://127.0.0.1/"):
            with self.subTest(path):
                head = self.server.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).split("\r\n")[0]
                self.assertRegex(head, r"^HTTP/1\.1 40[04] ")
        self.assertIn("There is no such page", self.server.ask("/nothing").text)

    def test_head_says_what_get_says_and_nothing_else_is_allowed(self):
        for path in (*PAGES, *DATA, *OTHERS, "/nothing", "/healthz"):
            got, head = self.server.ask(path), self.server.ask(path, "HEAD")
            self.assertEqual((head.status, head.headers["Content-Length"], head.body), (got.status, str(len(got.body)), b""), path)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
            answer = self.server.ask("/", method)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"), method)
        big = self.server.raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
        self.assertRegex(big, r"^(HTTP/1\.1 405 |$)")

    def test_only_its_own_names_are_asked_for(self):
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:1"):
            self.assertEqual(self.server.ask("/", Host=host).status, 200, host)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:x", "", "127.0.0.1@evil.example", "::1", "[::1"):
            answer = self.server.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            self.assertRegex(answer, r"^HTTP/1\.1 4(21|00) ", host)
            self.assertNotIn("incident", answer)
        for request in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"):
            self.assertRegex(self.server.raw(request), r"^HTTP/1\.[01] 4(21|00) ")

    def test_long_addresses_and_headers_are_refused(self):
        query = "/incidents?table="
        self.assertEqual(self.server.ask(query + "x" * (2048 - len(query))).status, 200)
        self.assertEqual(self.server.ask(query + "x" * (2049 - len(query))).status, 414)
        self.assertEqual(self.server.ask("/", X="y" * 7900).status, 200)
        self.assertEqual(self.server.ask("/", X="y" * 8192).status, 431)
        for size in (30_000, 1_000_000):
            head = f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {'y' * size}\r\n\r\n".encode()
            self.assertRegex(self.server.raw(head), r"^(HTTP/1\.1 431 |$)")
            self.assertRegex(self.server.raw(f"GET /{'y' * size} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()), r"^(HTTP/1\.1 414 |$)")
        self.assertEqual(self.server.ask("/").status, 200)

    def test_what_is_no_request_is_refused_and_nothing_of_it_comes_back(self):
        """By libmicrohttpd's own short pages, or by closing the connection."""
        good = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nCookie: a="b"; c=d\r\n\r\n'
        chance = random.Random(9)
        mark = "k7q3"
        heads = [b"GET /k7q3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: k7q3\r\n\r\n", b"GET /k7q3 HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: k7q3\r\n\r\n", b"GET / HTTP/1.1\r\n : \r\n\r\n", b"\x16\x03\x01\r\n\r\n",
                 b"GET /?" + b"k7q3&" * 400 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"k7q3=b;" * 1100 + b"\r\n\r\n"]
        for _ in range(300):
            head = bytearray(good)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(head))
                head[at:at + chance.randint(0, 2)] = bytes(chance.choice((0, 9, 10, 13, 32, 37, 47, 58, 65, 127, 255)) for _ in range(chance.randint(0, 2)))
            heads.append(bytes(head) + b"\r\n\r\n")
        for head in heads:
            answer = self.server.raw(head, and_no_more=True)
            self.assertRegex(answer, r"^(HTTP/1\.1 [245]\d\d |$)", head)
            self.assertNotIn(mark, answer, head)
        self.assertEqual(self.server.ask("/").status, 200)

    def test_the_other_answers(self):
        for path, kind in OTHERS.items():
            answer = self.server.ask(path)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, kind))
            self.check_headers(answer)
        metrics = self.server.ask("/metrics").text
        self.assertRegex(metrics, r"(?m)^iceberg_offload_agent_up\{log=\"[^\"]*\"\} 0$")
        self.assertIn(">WARNING</text>", self.server.ask("/badge.svg").text)
        health = self.server.ask("/healthz")
        self.assertEqual(health.status, 503)
        self.assertIn("the agent is not running", health.text)

    def test_clients_that_are_slow_do_not_keep_the_others_waiting(self):
        idle = [self.server.connect() for _ in range(40)]
        for number, client in enumerate(idle):
            client.sendall(b"GET / HT" if number % 2 else b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        began = time.monotonic()
        self.assertEqual(self.server.ask("/").status, 200)
        self.assertLess(promise.since(began), 5)
        for client in idle:
            client.close()

    def test_heads_that_never_end_give_up_their_places(self):
        """As many as there are places, and each byte comes late."""
        idle = [self.server.connect() for _ in range(SERVE_CONNECTIONS_MAX + 30)]
        for client in idle:
            client.sendall(b"GET / HT")
        began = time.monotonic()
        self.assertEqual(self.server.ask("/").status, 200)
        self.assertLess(promise.since(began), 5)
        for client in idle:
            client.close()

    def held_while_full(self):
        """Clients that have not asked yet, and hold all places of a server that stands still. It does not let them have these for long."""
        for _ in range(20):
            idle = [self.server.connect() for _ in range(SERVE_CONNECTIONS_MAX + 6)]
            time.sleep(0.1)
            self.server.process.send_signal(signal.SIGSTOP)
            if self.server.open_connections() == SERVE_CONNECTIONS_MAX:
                return idle
            self.server.process.send_signal(signal.SIGCONT)
            for client in idle:
                client.close()
        raise AssertionError(f"{self.server.open_connections()} are open")

    def test_more_connections_than_it_takes_only_wait(self):
        # In one turn of the server they are all gone, and it must take the next ones all the same.
        for client in self.held_while_full():
            client.close()
        self.server.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.server.ask("/").status, 200)
        wait_until(lambda: self.server.open_connections() == 0, 10, lambda: f"{self.server.open_connections()} are open")


class Files(Case):
    def listing(self, directory):
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.iterdir()}, directory.stat().st_mtime_ns

    def test_nothing_is_written(self):
        directory = self.directory()
        database = make_history(directory)
        before = self.listing(directory)
        server = self.serve(database)
        if "not confined" in server.said():
            self.skipTest("here no Landlock keeps it from writing what SQLite would write as this user")
        for path in (*PAGES, *DATA, *OTHERS, "/healthz"):
            server.ask(path)
        self.assertEqual(self.listing(directory), before)
        wait_until(lambda: server.open_connections() == 0, 10, "a connection stays open")
        wait_until(lambda: not [path for path in server.files() if path.startswith(str(directory))], 10, "the history stays open")

    def test_a_history_that_nobody_writes_is_opened_once_until_somebody_does(self):
        """An agent that was killed leaves a write-ahead log, which a reader that may not write has to read first. It must not do so for each page."""
        for has_log in (False, True):
            directory, source = self.directory(), self.directory()
            original = make_history(source)
            with contextlib.closing(sqlite3.connect(original)) as db:
                db.execute("PRAGMA wal_autocheckpoint = 0")
                if has_log:
                    db.execute("UPDATE run SET rows = 4711 WHERE id = 1")
                    db.commit()
                for path in source.iterdir():
                    if not path.name.endswith("-shm"):
                        shutil.copy(path, directory)
            database = directory / "history.db"
            self.assertEqual(database.with_name("history.db-wal").exists(), has_log)
            server = self.serve(database)
            if "not confined" in server.said():
                self.skipTest("here no Landlock keeps it from writing what SQLite would write as this user")
            versions = {server.ask(path).headers["ETag"].split("-")[1] for path in ("/cycles", "/tables", "/incidents", "/cycles/1", "/report")}
            self.assertEqual(len(versions), 1, versions)
            self.assertEqual("4,711" in server.ask("/cycles/1").text, has_log)
            with contextlib.closing(sqlite3.connect(database)) as db, db:
                db.execute("UPDATE run SET rows = 815000 WHERE id = 1")
            wait_until(lambda: "815,000" in server.ask("/cycles/1").text, 5, "what was written is not seen")   # pylint: disable=cell-var-from-loop

    def test_no_history_a_damaged_one_and_a_later_one(self):
        directory = self.directory()
        database = directory / "history.db"
        server = self.serve(database)
        self.assertEqual(server.ask("/").status, 503)
        self.assertIn("no history here yet", server.ask("/").text)
        self.assertEqual(server.ask("/healthz").status, 503)
        self.assertEqual(server.ask("/metrics").status, 503)
        self.assertEqual(json.loads(server.ask("/api/v1/status").text)["status"], 503)
        make_history(directory)
        self.assertEqual(server.ask("/").status, 200)
        whole = database.read_bytes()
        for damaged in (b"no database at all" * 1000, whole[:5000], whole[:4096] + b"\xff" * (len(whole) - 4096), b""):
            database.write_bytes(damaged)
            for path in (*PAGES, *DATA):
                answer = server.ask(path)
                self.assertIn(answer.status, (200, 404, 503), path)
                if path in PAGES:
                    self.assertEqual(Balanced(answer.text).open, [])
        database.write_bytes(whole)
        self.assertEqual(server.ask("/").status, 200)
        self.assertEqual(server.close()[0], 0)

    def test_a_hostile_history_acts_nowhere(self):
        database = make_history(self.directory())
        with sqlite3.connect(database) as db:
            for column in ("table_name", "summary", "likely_cause", "first_command", "runbook", "scenario_title"):
                with contextlib.suppress(sqlite3.IntegrityError):
                    db.execute(f"UPDATE incident SET {column} = ?", (history.EVIL,))
            db.execute("UPDATE incident SET tables = ?", (json.dumps([history.EVIL]),))
            with contextlib.suppress(sqlite3.IntegrityError):
                db.execute("UPDATE run SET table_name = ?", (history.EVIL,))
        db.close()
        server = self.serve(database)
        for path in (*PAGES, "/badge.svg"):
            text = server.ask(path).text
            self.assertLessEqual(set(re.findall("<script.*?</script>", text)), {'<script src="/refresh.js" defer></script>'}, path)
            self.assertNotIn("<script", text.replace('<script src="/refresh.js" defer></script>', ""), path)
            self.assertIsNone(ACTIVE.search(text), path)
            self.assertEqual(Balanced(text).open, [])
        for path in DATA:
            json.loads(server.ask(path).text)


if __name__ == "__main__":
    unittest.main()
