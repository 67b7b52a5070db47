# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent: a real file, a real writer, a real receiver."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import promise   # noqa: E402
from agent import QUICK, Agent, run, wait_until   # noqa: E402
from receiver import Receiver, pages   # noqa: E402
from scheduler import Scheduler   # noqa: E402
from simulator.simulator import start_of, write_healthy   # noqa: E402

KRAKEN = "bronze_trades_kraken"
ORDINARY = {"notify.reminder": "0"}   # the real thresholds: nothing but events decides
TIMEOUT_S = 180


class LiveCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-live-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.database = self.directory / "history.db"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def agent(self, settings=None, name="history", webhook="/hook"):
        return Agent(self.log, self.directory / f"{name}.db", self.receiver.url(webhook) if webhook else None, settings)


class Live(LiveCase):
    def test_with_nothing_to_do_it_sleeps(self):
        """No log, one that nobody ever wrote to, one that lost its writer, one that waits for the next run."""
        def cpu_s(agent):
            tasks = Path(f"/proc/{agent.process.pid}/task").iterdir()
            return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9

        def assert_sleeps(agent, case):
            wait_until(lambda: agent.rows("SELECT count(*) FROM cycle"), 10, "no history")
            time.sleep(1)
            before = cpu_s(agent)
            time.sleep(2)
            self.assertLess(cpu_s(agent) - before, 0.1, case)

        with self.agent(ORDINARY, "absent") as agent:
            assert_sleeps(agent, "no log")
        self.log.touch()
        with self.agent(ORDINARY, "empty") as agent:
            assert_sleeps(agent, "an empty log without a writer")
        with self.agent(ORDINARY, "waiting") as agent:
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
                assert_sleeps(agent, "between two runs")
            assert_sleeps(agent, "the writer is gone")

    def test_the_first_notification_comes_within_a_second_of_its_line(self):
        with Scheduler(self.log) as scheduler, self.agent(ORDINARY) as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            scheduler.raw("2026-01-01 00:00:00,000 - other - INFO - not ours\n")
            for _ in range(3):
                scheduler.cycle(wait_s=900, failing=[KRAKEN])
                time.sleep(0.05)
            # A burst is one attempt, so nothing yet: the thresholds are the real ones.
            time.sleep(0.5)
            self.assertEqual(self.receiver.at("/hook"), [])
        with Scheduler(self.log, interval=1, script="healthy 3, fail " + KRAKEN + " 4") as scheduler, \
                self.agent(name="quick") as agent:
            at = scheduler.wait_for("✗ Offload failed", 2)
            wait_until(lambda: any(a == "IcebergOffloadConsecutiveFailures" for a, _, _ in
                                   pages(self.receiver.at("/hook"))), 10, "no page")
            first = next(r for r in self.receiver.at("/hook")
                         if r.json()["alerts"][0]["labels"]["alertname"] == "IcebergOffloadConsecutiveFailures")
            self.assertLess(promise.between_walls(at, first.wall), 1.0)

    def test_a_killed_writer_is_known_within_a_second_and_critical_after_its_grace(self):
        with Scheduler(self.log) as scheduler, self.agent({**ORDINARY, "schedule.restart_grace": "2s"}) as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            at = scheduler.kill()
            requests = self.receiver.wait(2, timeout=10, path="/hook")
            self.assertEqual(pages(requests), [("IcebergOffloadSchedulerDown", "firing", "warning"),
                                                ("IcebergOffloadSchedulerDown", "firing", "critical")])
            self.assertLess(promise.between_walls(at, requests[0].wall), 1.0)
            opened, critical = agent.rows("SELECT opened_at, critical_at FROM incident")[0]
            self.assertGreaterEqual(critical - opened, 1900)
            self.assertLess(promise.between_walls(requests[0].wall, requests[1].wall), 3.0)

    def test_a_writer_that_comes_back_in_time_is_no_critical(self):
        with self.agent({**ORDINARY, "schedule.restart_grace": "3s"}) as agent:
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            self.receiver.wait(1, timeout=5, path="/hook")
            time.sleep(1)
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                requests = self.receiver.wait(2, timeout=5, path="/hook")
                time.sleep(3)
                self.assertEqual(pages(self.receiver.at("/hook")),
                                 [("IcebergOffloadSchedulerDown", "firing", "warning"),
                                  ("IcebergOffloadSchedulerDown", "resolved", "warning")])
                self.assertEqual(requests[0].json()["alerts"][0]["fingerprint"],
                                 requests[1].json()["alerts"][0]["fingerprint"])

    @unittest.skipUnless(subprocess.run(["unshare", "-Ur", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0,
                         "needs user namespaces")
    def test_without_inotify_it_learns_by_looking_what_is_written_rotated_and_dead(self):
        good = "SELECT count(*) FROM cycle WHERE outcome = 'success'"
        agent = self.agent({**ORDINARY, "schedule.restart_grace": "2s"})
        agent.command = ["unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_inotify_instances; exec "$@"', "sh",
                         *agent.command]
        with Scheduler(self.log) as old, agent:
            old.cycle()
            agent.wait_for(good, 1)
            self.log.rename(f"{self.log}.1")
            old.cycle()
            agent.wait_for(good, 2)
            with Scheduler(self.log) as new:
                new.cycle()
                agent.wait_for(good, 3)
                old.kill()
                new.cycle()
                agent.wait_for(good, 4)
                self.assertEqual(self.receiver.at("/hook"), [])
                new.kill()
                requests = self.receiver.wait(2, timeout=20, path="/hook")
        self.assertEqual(pages(requests), [("IcebergOffloadSchedulerDown", "firing", "warning"),
                                            ("IcebergOffloadSchedulerDown", "firing", "critical")])
        self.assertEqual(agent.said().count("looking every"), 1, agent.said())

    def test_an_echo_into_the_log_is_no_death(self):
        with Scheduler(self.log) as scheduler, self.agent(ORDINARY) as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            for _ in range(5):
                with open(self.log, "a", encoding="utf-8") as log:
                    log.write("somebody's remark\n")
                time.sleep(0.1)
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 2)
            self.assertEqual(self.receiver.at("/hook"), [])

    def test_it_waits_for_a_log_that_is_not_there_and_stops_within_a_second(self):
        with self.agent(ORDINARY) as agent:
            time.sleep(0.5)
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
                status, seconds = agent.stop()
                self.assertEqual(status, 0)
                self.assertLess(seconds, 1.0)

    def test_a_partial_line_waits_for_its_end(self):
        with Scheduler(self.log) as scheduler, self.agent(ORDINARY) as agent:
            scheduler.cycle_started()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S,000")
            scheduler.raw(f"{stamp} - __main__ - INFO - OFFLOAD CYC")
            time.sleep(0.3)
            self.assertEqual(agent.rows("SELECT outcome FROM cycle"), [("running",)])
            scheduler.raw("LE COMPLETED\n")
            agent.wait_for("SELECT outcome FROM cycle", "success")

    def test_old_news_does_not_page(self):
        fixture = Path(__file__).resolve().parents[2] / "fixtures" / "logs" / "graceful-stop-and-restart.log"
        shutil.copy(fixture, self.log)
        with self.agent({**ORDINARY, "history.retention": "20000d"}) as agent:
            agent.wait_for("SELECT state FROM incident WHERE id = 1", "resolved")
            requests = self.receiver.wait(1, timeout=5, path="/hook")
            # What began and ended is recorded only; that the log's scheduler is long silent is news.
            self.assertEqual(agent.rows("SELECT count(*) FROM notification WHERE incident_id = 1"), [(0,)])
            self.assertEqual(pages(requests)[0], ("IcebergOffloadSchedulerDown", "firing", "critical"))

    def test_a_backlog_of_weeks_is_judged_by_its_own_times(self):
        """The agent was away, the scheduler was not: nothing that happens while it reads makes half a cycle a hung one."""
        write_healthy(self.log, 3, days=20, start=start_of(20), tables=4, interval=15, sparse=0.0, failures=0.0, hiccups=0.0)
        cycles = self.log.read_text(encoding="utf-8").count("OFFLOAD CYCLE STARTED")
        patient = {**ORDINARY, "log.timezone": "UTC", "schedule.late_warning": "1h", "schedule.late_critical": "2h",
                   "detect.lag_warning": "2h", "detect.lag_critical": "3h"}
        for webhook in ("/hook", None):
            with open(self.log, "ab"), self.agent(patient, "paging" if webhook else "printing", webhook) as agent:
                agent.wait_for("SELECT offset FROM source", self.log.stat().st_size, 30)
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'running'", 0)
                self.assertEqual(agent.rows("SELECT count(*) FROM cycle"), [(cycles,)])
                self.assertEqual(agent.rows("SELECT alert, opened_at, resolved_at FROM incident"), [])
        self.assertEqual(self.receiver.at("/hook"), [])

    def test_a_slow_receiver_does_not_delay_detection(self):
        self.receiver.plan("/hook", "never")
        with Scheduler(self.log, interval=1, script="healthy 2, fail " + KRAKEN + " 2, healthy 9") as scheduler, \
                self.agent() as agent:
            at = scheduler.wait_for("✗ Offload failed", 2)
            agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures'", 1, timeout=2)
            self.assertLess(promise.between_walls(at, time.time()), 1.0)
            scheduler.wait_for("OFFLOAD CYCLE COMPLETED", 7)
            agent.wait_for("SELECT count(*) >= 7 FROM cycle WHERE ended_at IS NOT NULL", 1, timeout=2)
            status, seconds = agent.stop()
            self.assertEqual(status, 0)
            self.assertLess(seconds, 1.5)
        self.receiver.release()


class KilledAgent(LiveCase):
    """kill -9 at any moment: the same rows as an undisturbed agent's, and no notification lost or doubled."""

    ROWS = {
        "cycle": "SELECT id, started_at, ended_at, duration_ms, outcome, succeeded, failed, timed_out, rows FROM cycle ORDER BY id",
        "run": "SELECT id, cycle_id, table_name, started_at, ended_at, outcome, rows, exit_code, error FROM run ORDER BY id",
        "incident": "SELECT id, alert, table_name, severity, state, onset_at, opened_at, critical_at, resolved_at FROM incident ORDER BY id",
        "notification": "SELECT incident_id, sequence, at, status, severity, alert FROM notification ORDER BY id",
    }

    def may_die_early(self, agent):
        """Three deaths in a row before the first commit make the next start do without its state: faults/test_starts."""
        early = "SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 2"
        return not agent.database.exists() or agent.rows(early) in ([], [(0,)])

    def test_kills_change_nothing(self):
        # No thresholds on time: both agents shall see the same log, whatever the machine's load.
        settings = {**QUICK, "detect.cycle_slow": "100s", "detect.cycle_too_slow": "200s", "schedule.table_timeout": "100s",
                    "schedule.late_warning": "100s", "schedule.late_critical": "200s",
                    "detect.lag_warning": "100s", "detect.lag_critical": "200s"}
        dice = random.Random(20260303)
        script = f"healthy 3, fail {KRAKEN} 3, healthy 3, exception 2, healthy 2, fail * 3, healthy 60"
        with Scheduler(self.log, interval=0.5, script=script, run_seconds=0.1) as scheduler:
            quiet = self.agent(settings, "quiet", "/quiet")
            killed = self.agent(settings, "killed", "/killed")
            # Before, each agent would miss the log for as long as the scheduler takes to begin.
            scheduler.wait_for("OFFLOAD CYCLE STARTED", 1)
            with quiet, killed:
                kills = 0
                while sum("CYCLE COMPLETED" in line for _, line in scheduler.lines) < 16:
                    time.sleep(dice.uniform(0.02, 0.5))
                    wait_until(lambda: self.may_die_early(killed), 30, killed.said)
                    killed.kill()
                    killed.start()
                    kills += 1
                for agent in (quiet, killed):
                    agent.wait_for("SELECT count(*) > 0 AND count(*) = sum(state = 'resolved') FROM incident", 1)
                scheduler.process.send_signal(19)   # SIGSTOP: the log stands still, its writer lives
                at = len(self.log.read_text(encoding="utf-8").split("OFFLOAD CYCLE STARTED")) - 1
                for agent in (quiet, killed):
                    agent.wait_for("SELECT count(*) FROM cycle", at)
                time.sleep(0.5)
                for name, query in self.ROWS.items():
                    self.assertEqual(quiet.rows(query), killed.rows(query), f"{name} differs after {kills} kills")
                self.assertGreater(len(quiet.rows("SELECT 1 FROM notification")), 5)
                for agent in (quiet, killed):
                    agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0)
        self.assertGreater(kills, 15)
        keys = {path: [r.headers["idempotency-key"] for r in self.receiver.at(path)] for path in ("/quiet", "/killed")}
        self.assertEqual(len(set(keys["/quiet"])), len(keys["/quiet"]))
        self.assertEqual(set(keys["/quiet"]), set(keys["/killed"]))   # at least once, never under another key


class BadInput(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-bad-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def test_a_configuration_error_is_said_with_file_and_line_and_ends_it(self):
        config = self.directory / "agent.conf"
        config.write_text("[schedule]\ninterval = 15m\n\n[detect]\ncycle_slwo = 5m\n", encoding="utf-8")
        for command in (["run"], ["check-config"]):
            result = run(*command, "--config", config)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{config}:5:", result.stderr)
            self.assertIn("cycle_slow", result.stderr)

    def test_a_directory_as_the_database_is_refused(self):
        result = run("run", "--log", self.log, "--db", self.directory)
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(self.directory), result.stderr)
        self.assertIn("directory", result.stderr)

    def test_a_log_that_is_no_file_is_said_and_read_once_it_is_one(self):
        self.log.mkdir()
        with Agent(self.log, self.directory / "h.db", settings=ORDINARY) as agent:
            wait_until(lambda: "directory" in agent.said(), 5, "it did not say what is wrong")
            self.log.rmdir()
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def test_a_webhook_that_refuses_is_said_and_recorded(self):
        with Receiver() as receiver:
            receiver.plan("/hook?token=geheim", "404")
            with Scheduler(self.log) as scheduler, \
                    Agent(self.log, self.directory / "h.db", receiver.url("/hook?token=geheim"), ORDINARY) as agent:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
                scheduler.kill()
                agent.wait_for("SELECT status FROM outbox", "refused")
                self.assertIn("404", agent.rows("SELECT last_error FROM outbox")[0][0])
                self.assertIn("404", agent.said())
                self.assertNotIn("geheim", agent.said() + str(agent.rows("SELECT * FROM outbox")))
                self.assertEqual(len(receiver.at("/hook?token=geheim")), 2)   # and once in the shortest form

    def test_an_unknown_command_or_option_names_the_nearest(self):
        for arguments, nearest in ((["repotr"], "report"), (["run", "--verbsoe"], "verbose")):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(nearest, result.stderr)


if __name__ == "__main__":
    unittest.main()
