# SPDX-License-Identifier: GPL-2.0-or-later
"""The history's storage fails in every way, and the agent goes on watching: nothing is lost, nobody is paged for nothing."""
import contextlib
import datetime
import json
import os
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

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import side_by_side                               # noqa: E402
from agent import Agent, run, wait_until          # noqa: E402
from receiver import Receiver                     # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from simulator.simulator import start_of, write_healthy     # noqa: E402

TIMEOUT_S = 240
load_tests = side_by_side.load_tests
KRAKEN = "bronze_trades_kraken"
# Only events decide, and bursts do not count as one attempt: a test's cycles follow each other at once.
SETTINGS = {"notify.reminder": "0", "schedule.interval": "1s", "detect.burst": "100ms", "schedule.table_timeout": "1h",
            "schedule.late_warning": "1h", "schedule.late_critical": "2h", "detect.lag_warning": "1h",
            "detect.lag_critical": "2h", "log.timezone": "UTC"}
ROWS = ("SELECT id, started_at, ended_at, outcome, succeeded, failed, rows FROM cycle ORDER BY id",
        "SELECT id, cycle_id, table_name, started_at, ended_at, outcome, rows, error FROM run ORDER BY id",
        "SELECT id, alert, table_name, tables, severity, state, opened_at, resolved_at FROM incident ORDER BY id",
        "SELECT incident_id, sequence, status, severity, alert FROM notification ORDER BY id")
GOOD = "SELECT count(*) FROM cycle WHERE outcome = 'success'"


class StorageCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-storage-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        os.environ["TZ"] = "UTC"                  # the scheduler's, which writes local time
        self.log = self.directory / "scheduler.log"
        self.state = self.directory / "state"
        self.state.mkdir()
        self.database = self.state / "history.db"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def agent(self, database=None, path="/hook", log=None):
        return self.apart(Agent(log or self.log, database or self.database, self.receiver.url(path), SETTINGS))

    def apart(self, agent):
        """What it says goes where there is always room."""
        agent.errors = self.directory / f"{agent.database.stem}.stderr"
        agent.output = self.directory / f"{agent.database.stem}.stdout"
        return agent

    def keys(self, path="/hook"):
        return [request.headers["idempotency-key"] for request in self.receiver.at(path)]

    def told(self, path="/hook"):
        return [(alert["status"], alert["labels"]["alertname"]) for request in self.receiver.at(path)
                for alert in request.json()["alerts"]]

    @staticmethod
    def cycles(scheduler, count, **how):
        """Apart in time, as attempts are."""
        for _ in range(count):
            scheduler.cycle(**how)
            time.sleep(0.12)

    def read_bytes(self, agent):
        return int(re.search(r"rchar: (\d+)", Path(f"/proc/{agent.process.pid}/io").read_text(encoding="ascii"))[1])

    def cpu_s(self, agent):
        fields = Path(f"/proc/{agent.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def assert_status_tells(self, agent, trouble):
        """Since when, how often and why the history is not written, although it cannot say so itself; None: that all is well."""
        def ask(*how):
            return run("status", "--log", self.log, "--db", agent.database, *how)
        told = json.loads(ask("--format", "json").stdout)["agent"]["not_written"]
        if trouble is None:
            self.assertIsNone(told)
            self.assertNotIn("not written", ask().stdout)
            return
        self.assertIn(trouble, told["error"])
        self.assertGreaterEqual(told["attempts"], 1)
        since = datetime.datetime.fromisoformat(told["since"]).timestamp()
        self.assertTrue(time.time() - 60 < since <= time.time(), told)
        text = ask()
        self.assertRegex(text.stdout, rf"(?s)not written since .*{trouble}")
        self.assertIn(text.returncode, (1, 2))

    def assert_same_rows(self, one, other, rows=ROWS):
        for query in rows:
            self.assertEqual(one.rows(query), other.rows(query), query)


class FullDisk(StorageCase):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root may mount a small file system to fill")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.state], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no mount here: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=False)
        self.ballast = self.state / "ballast"

    def fill(self):
        with contextlib.suppress(OSError), open(self.ballast, "ab", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 4096)

    def test_a_full_disk_stops_neither_detection_nor_pages_and_loses_nothing(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent, \
                self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            self.cycles(scheduler, 3)
            agent.wait_for(GOOD, 3)
            self.fill()
            self.cycles(scheduler, 60, failing=[KRAKEN])
            wait_until(lambda: len(self.told()) >= 2, 10, lambda: f"no page on a full disk: {agent.said()}")
            wait_until(lambda: "full" in agent.said(), 10, lambda: f"not said: {agent.said()}")
            self.assert_status_tells(agent, "full")
            before = self.cpu_s(agent)
            time.sleep(3)
            self.assertLess(self.cpu_s(agent) - before, 0.5)
            self.cycles(scheduler, 2)
            wait_until(lambda: len(self.told()) >= 3, 10, f"no resolution on a full disk: {self.told()}")
            self.ballast.unlink()
            agent.wait_for(GOOD, 5)
            quiet.wait_for(GOOD, 5)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
            self.assertIn("writing again", agent.said())
            self.assert_status_tells(agent, None)
            self.assert_same_rows(quiet, agent)
            self.assertEqual(self.told(), self.told("/quiet"))
            self.assertEqual(len(set(self.keys())), len(self.keys()))

    def test_a_kill_on_a_full_disk_loses_nothing(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent, \
                self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            self.cycles(scheduler, 3)
            agent.wait_for(GOOD, 3)
            self.fill()
            for _ in range(5):
                self.cycles(scheduler, 6, failing=[KRAKEN])
                agent.kill()
                agent.start()
                time.sleep(0.2)
            self.cycles(scheduler, 2)
            wait_until(lambda: ("resolved", "IcebergOffloadConsecutiveFailures") in self.told(), 10, lambda: f"{self.told()}; {agent.said()}")
            self.ballast.unlink()
            agent.wait_for(GOOD, 5)
            quiet.wait_for(GOOD, 5)
            self.assert_same_rows(quiet, agent)
            self.assertEqual(set(self.keys()), set(self.keys("/quiet")))   # again under the same key, at most

    def test_a_backlog_on_a_full_disk_pages_nobody_and_is_read_when_there_is_room(self):
        healthy = self.directory / "healthy.log"
        write_healthy(healthy, 3, days=240, start=start_of(240, 10), tables=4, interval=15, sparse=0.0, failures=0.0, hiccups=0.0)
        written = healthy.read_bytes()
        first_cycle = written.index(b"\n", written.index(b"Waiting ")) + 1
        self.log.write_bytes(written[:first_cycle])
        quiet_settings = {**SETTINGS, "schedule.interval": "15m", "history.retention": "20000d", "detect.lag_warning": "9000h",
                          "detect.lag_critical": "9001h", "schedule.late_warning": "9000h", "schedule.late_critical": "9001h"}
        with Agent(self.log, self.database, self.receiver.url("/hook"), quiet_settings) as agent:
            agent.wait_for(GOOD, 1)
            agent.stop()
        with open(self.log, "ab") as log:
            log.write(written[first_cycle:])
            holder = log                           # a writer holds the log open: nobody died
            self.fill()
            agent = self.apart(Agent(self.log, self.database, self.receiver.url("/hook"), quiet_settings))
            quiet = Agent(self.log, self.directory / "quiet.db", self.receiver.url("/quiet"), quiet_settings)
            with agent, quiet:
                wait_until(lambda: "going on from memory" in agent.said(), 20, agent.said)
                time.sleep(2)
                before, read_before = self.cpu_s(agent), self.read_bytes(agent)
                time.sleep(3)
                self.assertLess(self.cpu_s(agent) - before, 0.6)
                self.assertLess(self.read_bytes(agent) - read_before, 1 << 20)   # what waits does not grow by each attempt
                anonymous = re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{agent.process.pid}/status").read_text())
                self.assertLess(int(anonymous[1]), 12 * 1024)   # 15 MB without a bound on what is gathered
                self.assertEqual(self.told(), [])
                self.ballast.unlink()
                quiet.wait_for("SELECT offset FROM source", self.log.stat().st_size, 60)
                agent.wait_for("SELECT offset FROM source", self.log.stat().st_size, 60)
                query = "SELECT started_at, ended_at, outcome, rows FROM cycle WHERE started_at < {} ORDER BY started_at"
                until = (time.time() - 86400) * 1000
                self.assertEqual(quiet.rows(query.format(until)), agent.rows(query.format(until)))
                self.assertEqual(self.told(), [])
                for one in (agent, quiet):
                    self.assertEqual(one.rows("SELECT alert, opened_at, resolved_at FROM incident"), [])
            holder.flush()

    def test_a_first_start_on_a_full_disk_watches_and_pages_and_stores_once_there_is_room(self):
        self.fill()
        with Scheduler(self.log) as scheduler, self.agent() as agent, \
                self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            wait_until(lambda: "no room for a new history" in agent.said(), 10, lambda: f"not said: {agent.said()}")
            self.cycles(scheduler, 3)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            wait_until(lambda: len(self.told()) >= 2, 10, lambda: f"no page without a history: {agent.said()}")
            self.assertFalse(self.database.exists())
            self.ballast.unlink()
            self.cycles(scheduler, 2)
            agent.wait_for(GOOD, 5)
            quiet.wait_for(GOOD, 5)
            for one in (agent, quiet):
                one.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
            self.assertIn("writing again", agent.said())
            self.assert_same_rows(quiet, agent)
            self.assertEqual(self.told(), self.told("/quiet"))
            self.assertEqual(len(set(self.keys())), len(self.keys()))


class Locked(StorageCase):
    def test_a_write_lock_held_for_long_delays_rows_only(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 2)
            agent.wait_for(GOOD, 2)
            holder = sqlite3.connect(self.database, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            self.cycles(scheduler, 4, failing=[KRAKEN])
            self.receiver.wait(2, 5, "/hook")
            wait_until(lambda: "locked" in agent.said(), 5, agent.said)
            self.assert_status_tells(agent, "locked")
            before = self.cpu_s(agent)
            time.sleep(3)
            self.assertLess(self.cpu_s(agent) - before, 0.5)
            self.assertEqual(agent.said().count("locked"), 1)
            holder.execute("ROLLBACK")
            self.cycles(scheduler, 1)
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 7)
            self.assert_status_tells(agent, None)
            self.assertIn("writing again", agent.said())
            self.assertEqual(len(set(self.keys())), len(self.keys()))
            self.assertGreater(int(re.search(r"commit_failures (\d+)", agent.rows("SELECT value FROM state WHERE key = 'agent'")[0][0])[1]), 0)

    def test_a_reader_that_does_not_let_go_is_named_and_the_log_shrinks_after(self):
        wal = Path(f"{self.database}-wal")
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 2)
            agent.wait_for(GOOD, 2)
            reader = sqlite3.connect(self.database, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM cycle").fetchall()
            writer = sqlite3.connect(self.database, isolation_level=None)
            self.addCleanup(writer.close)

            def fill():
                """About 3 MB more in the write-ahead log; the agent alone writes little."""
                for step in (1, -1) * 150:
                    writer.execute("UPDATE cycle SET duration_ms = duration_ms + ?", (step,))
                return True

            done = 2
            while "a reader holds" not in agent.said():     # looked at again with every 2 MB
                fill()
                scheduler.cycle()
                done += 1
                agent.wait_for(GOOD, done)
                self.assertLess(wal.stat().st_size, 20 << 20)
            self.assertGreater(wal.stat().st_size, 8 << 20)
            self.assertEqual(agent.said().count("a reader holds"), 1)
            self.assertIn(f"{self.database}-wal", agent.said())
            reader.execute("COMMIT")
            reader.close()
            wait_until(lambda: fill() and scheduler.cycle() and "free again" in agent.said(), 60, agent.said)
            wait_until(lambda: scheduler.cycle() and wal.stat().st_size <= 5 << 20, 60, lambda: f"the WAL stays at {wal.stat().st_size}")


def garbage(path):
    with open(path, "r+b") as file:
        file.write(b"\x5a" * 200)


def truncated(path):
    os.truncate(path, os.path.getsize(path) // 2)


def scribbled(path):
    """Every page but the first, from the middle on."""
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2 // 4096 * 4096)
        file.write(b"\xa5" * 8192)


def no_database(path):
    Path(path).write_text("this is no database\n" * 500, encoding="ascii")


def emptied(path):
    os.truncate(path, 0)


class Corrupt(StorageCase):
    def damage_and_restart(self, damage, said):
        with Scheduler(self.log) as scheduler:
            with self.agent() as agent:
                self.cycles(scheduler, 12)
                self.cycles(scheduler, 3, failing=[KRAKEN])
                self.receiver.wait(2, 5, "/hook")
                agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
                agent.stop()
                with contextlib.closing(sqlite3.connect(self.database)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                rows = agent.rows(ROWS[0])
                damage(self.database)
                agent.start()
                wait_until(lambda: said in agent.said(), 10, lambda: f"not said: {agent.said()}")
                agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 15)
                self.assertEqual(agent.rows(ROWS[0]), rows)
                self.cycles(scheduler, 1)
                wait_until(lambda: ("resolved", "IcebergOffloadConsecutiveFailures") in self.told(), 5, f"{self.told()}")
        keys = self.keys()
        self.assertEqual(len({key.rsplit("/", 1)[0] for key in keys}), 1, keys)   # one incident, one key
        return agent

    def assert_moved_aside_and_rebuilt(self, damage):
        self.damage_and_restart(damage, "the history is corrupt")
        aside = [path.name for path in self.state.glob("history.db.corrupt-2*") if not path.name.endswith(("-wal", "-shm"))]
        self.assertEqual(len(aside), 1, aside)
        self.assertRegex(aside[0], r"corrupt-\d{8}T\d{6}Z")

    def test_garbage_is_moved_aside_and_rebuilt_from_the_log_under_the_same_keys(self):
        self.assert_moved_aside_and_rebuilt(garbage)

    def test_half_a_database_is_moved_aside_and_rebuilt_from_the_log_under_the_same_keys(self):
        self.assert_moved_aside_and_rebuilt(truncated)

    def test_scribbled_pages_are_moved_aside_and_rebuilt_from_the_log_under_the_same_keys(self):
        self.assert_moved_aside_and_rebuilt(scribbled)

    def test_another_file_is_moved_aside_and_the_history_rebuilt_from_the_log_under_the_same_keys(self):
        self.assert_moved_aside_and_rebuilt(no_database)

    def test_an_emptied_database_is_told_and_rebuilt_from_the_log_under_the_same_keys(self):
        agent = self.damage_and_restart(emptied, "the history is empty")
        self.assertEqual(agent.said().count("the history is empty"), 1)
        self.assertEqual(list(self.state.glob("*corrupt*")), [])

    def test_a_damaged_wal_costs_its_end_only_and_that_is_read_again(self):
        with Scheduler(self.log) as scheduler, self.agent(self.directory / "quiet.db", "/quiet") as quiet:
            with self.agent() as agent:
                self.cycles(scheduler, 6)
                self.cycles(scheduler, 3, failing=[KRAKEN])
                agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 9)
                agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
                agent.kill()
                wal = Path(f"{self.database}-wal")
                with open(wal, "r+b") as file:
                    file.seek(wal.stat().st_size * 2 // 3)
                    file.write(b"\xa5" * 5000)
                Path(f"{self.database}-shm").unlink()
                agent.start()
                self.cycles(scheduler, 2)
                for one in (agent, quiet):
                    one.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", 11)
                    one.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
                self.assert_same_rows(quiet, agent)
                self.assertEqual(set(self.keys()), set(self.keys("/quiet")))


class Places(StorageCase):
    def test_a_database_deleted_under_the_agent_is_begun_anew_without_paging_again(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 3)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            self.receiver.wait(2, 5, "/hook")
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.database}{suffix}").unlink()
            self.cycles(scheduler, 1)
            agent.wait_for("SELECT count(*) FROM cycle WHERE id = 7 AND outcome = 'success'", 1)
            wait_until(lambda: len(self.told()) == 3, 5, f"{self.told()}")
            agent.wait_for("SELECT count(*) > 0 AND sum(status = 'delivered') = count(*) FROM outbox", 1)   # else a kill sends it again
            self.assertIn("removed or replaced", agent.said())
            self.assertEqual(len({key.rsplit("/", 1)[0] for key in self.keys()}), 1)
            agent.kill()
            agent.start()
            self.cycles(scheduler, 2)
            agent.wait_for("SELECT count(*) FROM cycle WHERE id = 9 AND outcome = 'success'", 1)
            self.assertEqual(len(self.told()), 3, f"{self.told()}; {self.keys()}; {agent.said()}")

    def test_a_history_that_is_begun_anew_knows_what_is_open(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 3)
            self.cycles(scheduler, 3, failing=[KRAKEN])
            self.receiver.wait(2, 5, "/hook")
            was = agent.rows("SELECT id, alert, severity, state, opened_at FROM incident")
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.database}{suffix}").unlink()
            scheduler.cycle_started()             # which has nothing to do with the incident
            agent.wait_for("SELECT count(*) FROM incident", 1)
            self.assertEqual(agent.rows("SELECT id, alert, severity, state, opened_at FROM incident"), was)
            self.assertEqual(was[0][2:4], ("critical", "open"))
            self.assertEqual(run("status", "--log", self.log, "--db", agent.database).returncode, 2)

    def test_a_second_agent_is_refused_and_names_the_first_until_that_is_killed(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            self.cycles(scheduler, 2)
            agent.wait_for(GOOD, 2)
            refused = run("run", "--log", self.log, "--db", self.database)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"another agent (pid {agent.process.pid})", refused.stderr)
            # A replay only reads a history that holds something.
            was = agent.rows("SELECT * FROM cycle")
            self.assertEqual(run("replay", self.log, "--db", self.database).returncode, 0)
            self.assertEqual(agent.rows("SELECT * FROM cycle"), was)
            self.assertEqual(run("incidents", "--db", self.database).returncode, 0)
            self.assertIn(run("status", "--log", self.log, "--db", self.database).returncode, (0, 1, 2))
            agent.process.send_signal(signal.SIGKILL)
            agent.process.wait(10)
            agent.start()
            self.cycles(scheduler, 1)
            agent.wait_for(GOOD, 3)


if __name__ == "__main__":
    unittest.main()
