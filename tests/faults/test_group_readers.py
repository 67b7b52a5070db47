# SPDX-License-Identifier: GPL-2.0-or-later
"""A member of the service's group reads the history in every state in which the agent, or root, can leave its files.

He may read the files and enter their directory, and may write neither. All of it needs root, who plays the three users.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import side_by_side                               # noqa: E402
from agent import BINARY, Agent                   # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from test_storage import SETTINGS                 # noqa: E402

TIMEOUT_S = 240
load_tests = side_by_side.load_tests
SERVICE, MEMBER = 64242, 64343
CYCLES = 5
CLOSED = ["sh", "-c", 'umask 027; exec "$@"', "sh"]      # what is made then is closed to everybody but the group


class GroupReaders(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("only root may play the service and a member of its group")
        self.directory = Path(tempfile.mkdtemp(prefix="agent-group-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o755)
        self.binary = self.directory / "agent"
        shutil.copy(BINARY, self.binary)
        self.state = self.directory / "state"
        self.state.mkdir()
        os.chown(self.state, SERVICE, SERVICE)
        self.state.chmod(0o750)
        self.temporary = self.directory / "temporary"
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)
        self.database = self.state / "history.db"
        self.log = self.directory / "scheduler.log"
        os.environ["TZ"] = "UTC"

    def as_user(self, user, groups, *arguments):
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={groups}", "--no-new-privs"]
        return [*who, str(self.binary), *map(str, arguments), "--log", str(self.log), "--db", str(self.database)]

    def agent(self):
        agent = Agent(self.log, self.database, settings=SETTINGS)
        agent.errors, agent.output = self.directory / "stderr", self.directory / "stdout"
        who = self.as_user(SERVICE, SERVICE)[:-5]
        agent.rows = lambda query: self.rows(query)      # as root, SQLite would make files that the agent then may not write
        agent.command = [*CLOSED, *who, str(self.binary), *agent.command[1:]]
        return agent

    def rows(self, query):
        script = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute(sys.argv[2]).fetchall()))"
        done = subprocess.run(["setpriv", f"--reuid={SERVICE}", f"--regid={SERVICE}", "--clear-groups", sys.executable, "-c", script,
                               str(self.database), query], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def look(self):
        """What a member of the group sees: the cycles of a report."""
        environment = {**os.environ, "TMPDIR": str(self.temporary)}
        for command in (["status"], ["incidents"]):
            done = subprocess.run(self.as_user(MEMBER, SERVICE, *command), capture_output=True, text=True, timeout=600, env=environment, check=False)
            self.assertIn(done.returncode, (0, 1, 2), done.stdout + done.stderr)
        done = subprocess.run(self.as_user(MEMBER, SERVICE, "report", "--since", "1d", "--format", "json"), capture_output=True, text=True, timeout=600,
                              env=environment, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(self.temporary.iterdir()), [])
        return done.stdout

    def files(self):
        return sorted((path.name, path.stat().st_size) for path in self.state.iterdir())

    def assert_seen(self, what):
        before = self.files()
        self.assertIn(f'"cycles":{CYCLES}', self.look().replace(" ", ""), what)
        self.assertEqual(self.files(), before, what)

    def leave(self, how):
        """A history of CYCLES cycles, left by an agent that was stopped or killed."""
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.log.chmod(0o644)
            for _ in range(CYCLES):
                scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", CYCLES)
            if how == "live":
                self.assert_seen("the agent runs")
            if how == "killed":
                agent.kill()
        self.assertEqual(self.database.stat().st_mode & 0o777, 0o640)

    def beside(self, suffix):
        return Path(f"{self.database}{suffix}")

    def test_while_the_agent_runs_and_after_its_end(self):
        self.leave("live")
        self.assert_seen("the agent was stopped")

    def test_after_roots_word_on_a_stopped_agents_history(self):
        self.leave("stopped")
        subprocess.run([*CLOSED, str(self.binary), "silence", "1h", "--reason", "x", "--log", str(self.log), "--db", str(self.database)], check=True,
                       capture_output=True)
        self.assertTrue(self.beside("-wal").exists() and self.beside("-shm").exists())   # as an agent leaves them
        self.assert_seen("root wrote a silence")
        sqlite3.connect(self.database).execute("SELECT count(*) FROM cycle").fetchone()
        self.assert_seen("root looked with sqlite3")

    def test_after_a_kill_with_and_without_the_files_beside(self):
        self.leave("killed")
        self.assertGreater(self.beside("-wal").stat().st_size, 0)
        self.assert_seen("the agent was killed")
        self.beside("-shm").unlink()
        self.assert_seen("the index of the write-ahead log is gone")

    def test_after_an_end_with_and_without_the_files_beside(self):
        self.leave("stopped")
        self.beside("-shm").unlink()
        self.assert_seen("the index of the write-ahead log is gone")
        os.truncate(self.beside("-wal"), 0)
        self.assert_seen("the write-ahead log is empty")
        self.beside("-wal").unlink()
        self.assert_seen("both are gone")
        self.beside("-lock").unlink()
        self.assert_seen("and the lock's file")

    def test_a_copy_in_another_place(self):
        """A name with all that has a meaning in a URI, and no file beside it."""
        self.leave("stopped")
        copy = self.state / "a %3f?b#c.db"
        shutil.copy(self.database, copy)
        os.chown(copy, SERVICE, SERVICE)
        copy.chmod(0o640)
        self.database = copy
        self.assert_seen("a copy")

    def test_somebody_writes_and_the_files_may_not_be_read(self):
        """No answer from half of the files: an agent holds the lock, and its write-ahead log is closed to the group."""
        self.leave("killed")
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", CYCLES + 1)
            self.beside("-shm").chmod(0o600)
            done = subprocess.run(self.as_user(MEMBER, SERVICE, "status"), capture_output=True, text=True, timeout=600, check=False)
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn(str(self.database), done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
