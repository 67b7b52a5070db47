# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve` in a test's hand: over a history that is known, asked by HTTP, and its pages looked through."""
import contextlib
import html.parser
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "e2e"), str(Path(__file__).resolve().parent)]

import fair   # noqa: E402
import report_history as history   # noqa: E402
from agent import BINARY, wait_until   # noqa: E402
from test_report_golden import NO_PROCESS   # noqa: E402

WEB = Path(BINARY).with_name("agent-web")
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
                                        env={name: value for name, value in {**ENVIRONMENT, **(environment or {})}.items() if value is not None})
        wait_until(lambda: " shows " in self.said() or self.process.poll() is not None, 10, "it neither serves nor ends")
        found = re.search(r"http://(\S+):(\d+)/ shows ", self.said())
        self.host, self.port = (found[1], int(found[2])) if found else (None, None)

    def said(self):
        return Path(self.errors.name).read_text(encoding="utf-8")

    def connect(self):
        return socket.create_connection((self.host.strip("[]"), self.port), fair.ENDS_S)

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=fair.ENDS_S)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw(self, data, and_no_more=False):
        """Everything that comes back for these bytes, until the server ends the connection. It may be told that no more will come."""
        with self.connect() as client:
            client.sendall(data)
            if and_no_more:
                client.shutdown(socket.SHUT_WR)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := client.recv(65536):
                    parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")

    def files(self):
        """What its descriptors lead to."""
        for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):        # closed meanwhile
                yield os.readlink(fd)

    def open_connections(self):
        """Those that it has taken, besides its listening socket."""
        return sum(path.startswith("socket:") for path in self.files()) - 1

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return fair.wait(self.process, 10), self.said()


def make_history(directory):
    path = Path(directory, "history.db")
    with history.make(BINARY, path) as db:
        history.agent_state(db, NO_PROCESS)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def command_json(database, *arguments):
    done = subprocess.run([BINARY, *arguments, "--db", database, "--set", "notify.host=offload-1", "--format", "json"], env=ENVIRONMENT,
                          capture_output=True, timeout=fair.ENDS_S, check=False)
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
