# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve`: each page, what is refused and how, clients that are slow or hostile, and that nothing is ever written."""
import base64
import contextlib
import hashlib
import html.parser
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.parse import quote

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import report_history as history   # noqa: E402
from agent import BINARY, Agent, wait_until   # noqa: E402
from test_report_golden import ACTIVE, NO_PROCESS   # noqa: E402

WEB = Path(BINARY).with_name("agent-web")
TIMEOUT_S = 60
PAGES = ("/", "/incidents", "/incidents/1", "/incidents/2", "/incidents/3", "/report", "/report?since=2026-03-03&until=2026-03-04")
DATA = {"/api/v1/status": ("status",), "/api/v1/incidents": ("incidents", "--limit", "0"), "/api/v1/incidents/1": ("report", "--incident", "1")}
OTHERS = {"/metrics": "text/plain; version=0.0.4; charset=utf-8", "/badge.svg": "image/svg+xml"}
ENVIRONMENT = {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "LC_ALL": "C.UTF-8", "AGENT_CONFIG": "/dev/null",
               "SOURCE_DATE_EPOCH": str(history.NOW // 1000)}
ENVIRONMENT.update({name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "AGENT_CONFINE") if name in os.environ})
VOID = {"meta", "input", "br", "link"}


class Balanced(html.parser.HTMLParser):
    """Whether each element is closed, and which there are."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()
        self.text = self.body.decode()


class Server:
    """`agent serve` over a history, on a port that the system chooses."""

    def __init__(self, database, *arguments, listen="127.0.0.1:0", environment=None, **settings):
        command = [BINARY, "serve", "--db", str(database), "--set", "notify.host=offload-1"]
        command += ["--listen", listen] if listen else []
        for key, value in settings.items():
            command += ["--set", f"{key.replace('__', '.')}={value}"]
        self.errors = tempfile.NamedTemporaryFile("w+")
        self.process = subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
                                        env={**ENVIRONMENT, **(environment or {})})
        wait_until(lambda: " shows " in self.said() or self.process.poll() is not None, 10, "it neither serves nor ends")
        found = re.search(r"http://(\S+):(\d+)/ shows ", self.said())
        self.host, self.port = (found[1], int(found[2])) if found else (None, None)

    def said(self):
        return Path(self.errors.name).read_text(encoding="utf-8")

    def connect(self):
        return socket.create_connection((self.host.strip("[]"), self.port), 20)

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, data):
        """Everything that comes back for these bytes, until the server ends the connection."""
        with self.connect() as client:
            client.sendall(data)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := client.recv(65536):
                    parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10), self.said()


def make_history(directory):
    path = Path(directory, "history.db")
    with history.make(BINARY, path) as db:
        history.agent_state(db, NO_PROCESS)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def command(database, *arguments):
    done = subprocess.run([BINARY, *arguments, "--db", database, "--set", "notify.host=offload-1", "--format", "json"], env=ENVIRONMENT,
                          capture_output=True, timeout=30, check=False)
    return json.loads(done.stdout)


@unittest.skipUnless(WEB.exists(), "agent-web is not built (libmicrohttpd-dev)")
class Case(unittest.TestCase):
    def directory(self):
        directory = Path(tempfile.mkdtemp(prefix="agent-serve-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return directory

    def serve(self, database, *arguments, **settings):
        server = Server(database, *arguments, **settings)
        self.addCleanup(server.close)
        return server


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
                style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)[1]
                digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
                self.assertIn(f"'sha256-{digest}'", answer.headers["Content-Security-Policy"])
                page = Balanced(answer.text)
                self.assertEqual(page.open, [])
                self.assertEqual(page.tags & {"script", "iframe", "img", "link"}, set())
                self.assertEqual([name for name in page.attributes if name == "style" or name.startswith("on")], [])
                self.assertIsNone(ACTIVE.search(answer.text))
                self.assertIn("prefers-color-scheme:dark", style)
                self.assertIn('name="viewport"', answer.text)

    def test_the_pages_say_what_the_commands_say(self):
        page = self.server.ask("/").text
        self.assertIn("<title>Status - Offload &lt;of&gt; Sydney</title>", page)
        self.assertIn("WARNING - cycle running since 16:45", page)
        self.assertIn('<a href="/incidents/3">Incident 3</a>', page)
        self.assertIn("<dt>run first</dt><dd><code>docker stats --no-stream</code></dd>", page)
        self.assertIn("<dd>pager: nothing waits, last delivery 2 h 56 min ago</dd>", page)
        self.assertIn('<meta http-equiv="refresh" content="60">', page)
        self.assertIn("made at 2026-03-03 18:00:00 UTC+11:00 of what was known 10 min before", page)
        report = self.server.ask("/incidents/1").text
        done = subprocess.run([BINARY, "report", "--incident", "1", "--format", "html", "--db", self.database, "--set", "notify.host=offload-1"],
                              env=ENVIRONMENT, capture_output=True, timeout=30, check=True)
        made = re.sub(r"<meta http-equiv=\"Content-Security-Policy\".*?>\n", "", done.stdout.decode())
        self.assertEqual(re.sub(r"<nav.*?</nav>\n", "", report), made)

    def test_the_data_are_those_of_the_commands(self):
        for path, arguments in DATA.items():
            with self.subTest(path):
                answer = self.server.ask(path)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
                self.check_headers(answer)
                self.assertEqual(json.loads(answer.text), command(self.database, *arguments))

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
        self.assertNotIn("<script", evil.text)

    def test_what_is_no_answer_is_refused_with_the_reason(self):
        wrong = {"/incidents?since=soon": "since: &#39;soon&#39; is no time", "/incidents?open=maybe": "say yes or no", "/?x=1": "does not take",
                 "/incidents?since=1d&since=2d": "given twice", "/incidents?table=%00": "no text", "/incidents?table=%ff": "no text",
                 "/incidents?table=%4": "no text", "/report?since=1d&until=2d": "ends before it begins", "/report?open=yes": "does not take",
                 "/incidents/1?since=1d": "does not take"}
        for path, why in wrong.items():
            with self.subTest(path):
                answer = self.server.ask(path)
                self.assertEqual(answer.status, 400, answer.text)
                self.assertRegex(answer.text, why.replace("&#39;", "(&#39;|&apos;|')"))
                self.check_headers(answer)

    def test_there_is_nothing_at_other_addresses(self):
        for path in ("/incidents/", "/incidents/99", "/incidents/0", "/incidents/-1", "/incidents/01", "/incidents/1/", "/incidents/1x", "//", "/./",
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

    def test_the_other_answers(self):
        for path, kind in OTHERS.items():
            answer = self.server.ask(path)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, kind))
            self.check_headers(answer)
        metrics = self.server.ask("/metrics").text
        self.assertIn("# No metrics.textfile is configured. This is what the history knows", metrics)
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
        self.assertLess(time.monotonic() - began, 5)
        for client in idle:
            client.close()


class Files(Case):
    def listing(self, directory):
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.iterdir()}, directory.stat().st_mtime_ns

    def test_nothing_is_written(self):
        directory = self.directory()
        database = make_history(directory)
        before = self.listing(directory)
        server = self.serve(database)
        for path in (*PAGES, *DATA, *OTHERS, "/healthz"):
            server.ask(path)
        self.assertEqual(self.listing(directory), before)
        with_writing = [line for fd in Path(f"/proc/{server.process.pid}/fdinfo").iterdir() for line in fd.read_text().splitlines()
                        if line.startswith("flags:") and int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
                        and Path(f"/proc/{server.process.pid}/fd/{fd.name}").resolve().is_relative_to(directory)]
        self.assertEqual(with_writing, [])

    def test_no_history_a_damaged_one_and_a_later_one(self):
        directory = self.directory()
        database = directory / "history.db"
        server = self.serve(database)
        self.assertEqual(server.ask("/").status, 503)
        self.assertIn("no history here yet", server.ask("/").text)
        self.assertEqual(server.ask("/healthz").status, 503)
        self.assertIn("Neither can the history", server.ask("/metrics").text)
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
            self.assertNotIn("<script", text, path)
            self.assertIsNone(ACTIVE.search(text), path)
            self.assertEqual(Balanced(text).open, [])
        for path in DATA:
            json.loads(server.ask(path).text)

    def test_the_text_file_of_the_agent_is_passed_on(self):
        directory = self.directory()
        (directory / "agent.prom").write_text("iceberg_offload_agent_up 1\n")
        server = self.serve(make_history(directory), metrics__textfile=directory / "agent.prom")
        self.assertEqual(server.ask("/metrics").text,
                         "# As the agent last wrote it into its text file (metrics.textfile).\niceberg_offload_agent_up 1\n")
        (directory / "agent.prom").unlink()
        self.assertIn("cannot be read. This is what the history knows", server.ask("/metrics").text)


class Doors(Case):
    def test_a_token_is_needed_where_one_is_configured(self):
        directory = self.directory()
        database = make_history(directory)
        (directory / "token").write_text("s3cret-of-ours\n")
        (directory / "token").chmod(0o600)
        server = self.serve(database, serve__token_file=directory / "token")
        for path in ("/", "/healthz", "/metrics", "/nothing"):
            self.assertEqual(server.ask(path).status, 401)
            for wrong in ("Bearer", "Bearer ", "Bearer s3cret-of-our", "Bearer s3cret-of-ours ours", "Bearer s3cret-of-ourss", "Basic s3cret-of-ours",
                          "s3cret-of-ours", "Bearer s3cret-of-ourss3cret-of-ours"):
                answer = server.ask(path, Authorization=wrong)
                self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"), wrong)
                self.assertNotIn("s3cret", answer.text)
        self.assertEqual(server.ask("/", Authorization="Bearer s3cret-of-ours").status, 200)

    def test_others_are_let_in_with_a_token_only(self):
        directory = self.directory()
        database = make_history(directory)
        server = Server(database, listen="0.0.0.0:0")
        code, said = server.close()
        self.assertEqual(code, 1)
        self.assertIn("set [serve] token_file", said)
        for listen in ("nonsense", "127.0.0.1", "host.example:80", "127.0.0.1:99999", "unix:relative", "[::1:80"):
            code, said = Server(database, listen=listen).close()
            self.assertEqual(code, 1, listen)
            self.assertRegex(said, r"agent: serve: .*(no address|needs a path)")
        (directory / "token").write_text("")
        code, said = Server(database, serve__token_file=directory / "token").close()
        self.assertNotEqual(code, 0)
        (directory / "token").write_text("x1")
        server = self.serve(database, listen="0.0.0.0:0", serve__token_file=directory / "token", links__serve="https://offload.example.org/agent")
        server.host = "127.0.0.1"
        self.assertEqual(server.ask("/", Host="offload.example.org", Authorization="Bearer x1").status, 200)
        self.assertEqual(server.ask("/", Host="example.org", Authorization="Bearer x1").status, 421)

    def test_a_socket_in_a_directory(self):
        directory = self.directory()
        database = make_history(directory)
        path = directory / "web.sock"
        for _ in range(2):      # the second one finds what the first one left
            server = Server(database, listen=f"unix:{path}")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"HTTP/1.1 503 ", client.recv(4096))
            self.assertEqual(server.close()[0], 0)

    def test_the_socket_of_systemd_is_taken(self):
        database = make_history(self.directory())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            script = f'exec 3<&{listening.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
            process = subprocess.Popen(["/bin/sh", "-c", script, "sh", BINARY, "serve", "--db", database], env=ENVIRONMENT,
                                       pass_fds=[listening.fileno()], stderr=subprocess.PIPE, text=True)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request("GET", "/")
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()
            finally:
                process.terminate()
                _, said = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0, said)

    def test_it_is_well_while_the_agent_is(self):
        directory = self.directory()
        log = directory / "scheduler.log"
        log.write_text("")
        with Agent(log, directory / "history.db") as agent:
            agent.wait_for("SELECT count(*) FROM state WHERE key = 'agent'", 1)
            server = self.serve(directory / "history.db", environment={"SOURCE_DATE_EPOCH": ""})
            wait_until(lambda: server.ask("/healthz").status == 200, 10, lambda: server.ask("/healthz").text)
            self.assertEqual(server.ask("/healthz").text, "well\n")
            agent.kill()
            answer = server.ask("/healthz")
            self.assertEqual((answer.status, answer.text), (503, "the agent is not running\n"))


if __name__ == "__main__":
    unittest.main()
