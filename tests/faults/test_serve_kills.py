# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve` cannot write: strace shows it, and whatever it is doing when it is killed, the history's bytes are as they were."""
import contextlib
import http.client
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parents[1] / "e2e")]

from agent import BINARY, Agent, wait_until   # noqa: E402
from scheduler import Scheduler   # noqa: E402
from web import ENVIRONMENT, Case, make_history   # noqa: E402

PATHS = ("/", "/incidents", "/incidents/1", "/report?since=2026-01-01", "/tables", "/cycles", "/api/v1/status", "/api/v1/cycles", "/api/v1/tables", "/metrics",
         "/healthz", "/badge.svg", "/nothing")
CALLS = "open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,truncate,ftruncate,link,linkat,symlink,symlinkat,mkdir,mkdirat,rmdir,chmod,fchmod," \
        "fchmodat,chown,fchown,fchownat,utimensat,fallocate,mknod,mknodat"
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")


def left_behind(directory, shared=True):
    """A history whose agent was killed: part of it is in the write-ahead log alone. shared: with that log's index."""
    database = make_history(directory)
    script = ("import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA wal_autocheckpoint = 0'); "
              "db.execute(\"UPDATE incident SET summary = 'only in the log' WHERE id = 3\"); db.commit(); os._exit(0)")
    subprocess.run([sys.executable, "-c", script, database], check=True, timeout=600)
    if not shared:
        Path(f"{database}-shm").unlink()
    assert Path(f"{database}-wal").stat().st_size > 0
    return database


def contents(directory):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path(directory).iterdir() if path.name.startswith("history")}


class Kills(Case):
    def confined(self, server):
        if "not confined" in server.said():
            self.skipTest("here no Landlock keeps it from writing what SQLite would write as this user")

    def test_a_write_ahead_log_that_was_left_is_read_and_stays(self):
        for shared in (True, False):
            with self.subTest(shared=shared):
                directory = self.directory()
                database = left_behind(directory, shared)
                before = contents(directory)
                server = self.serve(database)
                self.confined(server)
                for _ in range(3):
                    self.assertIn("only in the log", server.ask("/api/v1/incidents").text)
                    time.sleep(0.3)
                self.assertEqual(server.close()[0], 0)
                self.assertEqual(contents(directory), before)

    def test_it_opens_nothing_for_writing(self):
        strace = shutil.which("strace") or self.skipTest("no strace here")
        for prepare in (make_history, left_behind, lambda directory: left_behind(directory, False)):
            directory = self.directory()
            database = prepare(directory)
            before = contents(directory)
            trace = directory / "trace"
            with tempfile.NamedTemporaryFile("w+") as said:
                process = subprocess.Popen([strace, "-f", "-qq", "-y", "-e", f"trace={CALLS}", "-o", trace, BINARY, "serve", "--db", database, "--listen",
                                            "127.0.0.1:0"], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
                try:
                    wait_until(lambda: " shows " in Path(said.name).read_text() or process.poll() is not None, 20, "it does not serve")
                    text = Path(said.name).read_text()
                    if "not confined" in text:
                        self.skipTest("no Landlock here")
                    port = int(re.search(r":(\d+)/ shows", text)[1])
                    for path in PATHS:
                        subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True, timeout=600)
                finally:
                    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                    for child in children:
                        os.kill(int(child), signal.SIGTERM)
                    process.wait(20)
            changed, calls = [], trace.read_text(errors="replace").splitlines()
            self.assertTrue(any("history.db" in call for call in calls))
            for call in calls:
                done = re.search(r"= (-?\d+)", call)
                name = re.match(r"\d+ +(\w+)\(", call)
                if not done or not name or int(done[1]) < 0 or (name[1].startswith("open") and not WRITES.search(call)):
                    continue
                # Its own directory is for SQLite's temporary files; and where root runs it, SQLite gives the -wal and the -shm the database's owner.
                if "agent-web." not in call and not re.search(r"fchown\(\d+<[^>]*-(wal|shm)>", call):
                    changed.append(call)
            self.assertEqual(changed, [])
            self.assertEqual(contents(directory), before)

    def load(self, server, ends):
        chance = random.Random(3)
        while not ends.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.ask(chance.choice(PATHS))

    def test_killed_at_any_moment_it_has_changed_nothing(self):
        chance = random.Random(7)
        directory = self.directory()
        database = left_behind(directory)
        before = contents(directory)
        for _ in range(12):
            server = self.serve(database)
            self.confined(server)
            ends = threading.Event()
            clients = [threading.Thread(target=self.load, args=(server, ends)) for _ in range(4)]
            for client in clients:
                client.start()
            time.sleep(chance.uniform(0.01, 0.4))
            server.process.kill()
            server.process.wait(10)
            ends.set()
            for client in clients:
                client.join(30)
            self.assertEqual(contents(directory), before)
        print("# held: 12 kills of the web server under load: the history's bytes and times stayed", flush=True)

    def test_beside_a_live_agent_it_disturbs_nothing(self):
        directory = self.directory()
        log = directory / "scheduler.log"
        with Scheduler(log) as scheduler, Agent(log, directory / "history.db") as agent:
            for number in range(8):
                server = self.serve(directory / "history.db", environment={"SOURCE_DATE_EPOCH": ""})
                ends = threading.Event()
                client = threading.Thread(target=self.load, args=(server, ends))
                client.start()
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", number + 1)
                server.process.kill()
                server.process.wait(10)
                ends.set()
                client.join(30)
            self.assertEqual(agent.stop()[0], 0)
            self.assertNotIn("history:", agent.said())
        with contextlib.closing(sqlite3.connect(directory / "history.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            self.assertEqual(db.execute("SELECT count(*) FROM cycle").fetchone()[0], 8)


if __name__ == "__main__":
    unittest.main()
