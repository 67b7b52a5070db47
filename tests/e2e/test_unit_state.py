# SPDX-License-Identifier: GPL-2.0-or-later
"""What systemd says of the scheduler's unit, over a bus of the test's own; the real systemd is asked in tests/package."""

import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, run, wait_until   # noqa: E402
from bus import Bus, Systemd, why_not        # noqa: E402
from receiver import Receiver                # noqa: E402
from scheduler import Scheduler              # noqa: E402

UNIT = "offload-under-test.service"
# The log alone would tell of a dead scheduler after minutes, and of one that stays away after more.
SETTINGS = {**QUICK, "scheduler.unit": UNIT, "schedule.interval": "15m", "schedule.late_warning": "1m", "schedule.late_critical": "2m",
            "schedule.restart_grace": "5m", "schedule.stop_grace": "1500ms", "detect.lag_warning": "1h", "detect.lag_critical": "2h",
            "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}
DEAD = "SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadSchedulerDown'"
NOTED = "SELECT count(*) FROM timeline WHERE kind = 'note' AND text LIKE '%systemd says%{}%'"


def now_us():
    return int(time.time() * 1e6)


@unittest.skipIf(why_not(), why_not())
class UnitState(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-unit-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.bus = Bus(self.directory)
        self.addCleanup(self.bus.close)
        self.systemd = Systemd(self.bus, UNIT)
        self.addCleanup(self.systemd.close)

    def agent(self, **settings):
        """An agent that has seen a good cycle, and knows that the unit runs."""
        self.systemd.set(ActiveState="active", SubState="running", MainPID=self.scheduler.pid, ActiveEnterTimestamp=now_us() - 60_000_000)
        self.scheduler.cycle()
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), {**SETTINGS, **settings})
        agent.start(self.bus.environment)
        self.addCleanup(agent.end)
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        return agent

    def pages(self):
        alerts = [request.json()["alerts"][0] for request in self.receiver.at("/hook")]
        return [(alert["status"], alert["labels"]["severity"],
                 alert["annotations"]["summary"] + "; " + alert["annotations"].get("cause", "")) for alert in alerts]

    def wait_for_page(self, severity, *words, status="firing"):
        def come():
            return any(page[:2] == (status, severity) and all(word in page[2] for word in words) for page in self.pages())
        wait_until(come, 10, lambda: f"no {severity} with {words}: {self.pages()}")

    def ended(self, **properties):
        now = now_us()
        self.systemd.set(MainPID=0, InactiveEnterTimestamp=now, ExecMainExitTimestamp=now, **properties)

    def test_a_unit_that_is_given_up_is_critical_at_once(self):
        self.agent()
        begun = time.monotonic()
        self.scheduler.kill()
        self.ended(ActiveState="failed", SubState="failed", Result="start-limit-hit", ExecMainCode=1, ExecMainStatus=1)
        self.wait_for_page("critical", "and not restarted", "given up after 5 starts; the last one exited with code 1")
        self.assertLess(promise.since(begun), 5)

    def test_an_out_of_memory_kill_is_named_in_the_first_page(self):
        agent = self.agent()
        self.ended(ActiveState="activating", SubState="auto-restart", Result="oom-kill", ExecMainCode=2, ExecMainStatus=9)
        self.scheduler.kill()
        self.wait_for_page("warning", "killed by SIGKILL (out of memory)", "systemd restarts it")
        agent.wait_for(NOTED.format("out of memory"), 1)
        self.systemd.set(ActiveState="active", SubState="running", MainPID=4711, NRestarts=1, ActiveEnterTimestamp=now_us())
        agent.wait_for(NOTED.format("it runs%as process 4711"), 1)
        agent.stop()
        agent.start(self.bus.environment)     # it is told the same again, and that is no news
        with Scheduler(self.directory / "scheduler.log") as scheduler:
            scheduler.cycle()
            self.wait_for_page("warning", status="resolved")
        agent.wait_for(NOTED.format("it runs%as process 4711"), 1)

    def test_a_restart_by_hand_of_one_that_says_nothing_is_no_news(self):
        agent = self.agent(**{"schedule.stop_grace": "20s"})
        self.systemd.set(ActiveState="deactivating", SubState="stop-sigterm", Job=17)
        self.scheduler.kill()
        self.ended(ActiveState="inactive", SubState="dead", Result="success", ExecMainCode=2, ExecMainStatus=15, Job=17)
        self.systemd.set(ActiveState="active", SubState="running", Job=0, ActiveEnterTimestamp=now_us())
        with Scheduler(self.directory / "scheduler.log") as scheduler:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 2)
            self.assertEqual((self.pages(), agent.rows(DEAD)), ([], [(0,)]))

    def test_a_stop_by_hand_is_told_after_its_grace(self):
        self.agent()
        self.systemd.set(ActiveState="deactivating", SubState="stop-sigterm", Job=17)
        time.sleep(0.5)     # a scheduler needs a moment to end, in which systemd's signal has long arrived
        self.scheduler.kill()
        # systemd forgets a unit that is not enabled as soon as it has ended.
        self.systemd.set(ActiveState="inactive", SubState="dead", Result="success", MainPID=0, Job=0, ActiveEnterTimestamp=0)
        self.wait_for_page("warning", "scheduler stopped since ", "stopped by hand at ")
        self.assertEqual([severity for _, severity, _ in self.pages()], ["warning"])

    def test_an_end_that_systemd_forgets_later_is_the_same_end(self):
        agent = self.agent()
        self.systemd.set(ActiveState="deactivating", SubState="stop-sigterm", Job=17)
        time.sleep(0.5)
        self.scheduler.kill()
        self.ended(ActiveState="inactive", SubState="dead", Result="success", ExecMainCode=2, ExecMainStatus=15, Job=0)
        agent.wait_for(NOTED.format("stopped by hand"), 1)
        time.sleep(0.2)     # so that it is a later moment, and is asked about by itself
        self.systemd.set(InactiveEnterTimestamp=0, ExecMainExitTimestamp=0, ExecMainCode=0, ExecMainStatus=0)
        time.sleep(0.2)
        self.systemd.set(ActiveState="active", SubState="running", MainPID=4711, ActiveEnterTimestamp=now_us())
        agent.wait_for(NOTED.format("it runs%as process 4711"), 1)
        self.assertEqual(agent.rows(NOTED.format("stopped by hand")), [(1,)])

    def test_what_contradicts_the_log_pages_nobody(self):
        agent = self.agent()
        self.ended(ActiveState="failed", SubState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=1)
        self.scheduler.cycle()
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 2)
        self.assertEqual((self.pages(), agent.rows(DEAD)), ([], [(0,)]))

    def test_a_bus_that_answers_nothing_or_nonsense_is_said_once_and_holds_nothing_up(self):
        for mode, why in (("silent", "no answer within 3 s"), ("refuse", "nobody may know"), ("huge", None), ("wrong", None)):
            with self.subTest(mode=mode):
                self.systemd.say(mode)
                for path in self.directory.glob("history.*"):
                    path.unlink()
                agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)
                agent.start(self.bus.environment)
                self.addCleanup(agent.end)
                agent.wait_for("SELECT count(*) > 0 FROM source", 1)
                before = agent.rows("SELECT count(*) FROM cycle")[0][0]
                self.scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", before + 1)
                if why:
                    wait_until(lambda: why in agent.said(), 15, agent.said)
                    self.assertEqual(agent.said().count("systemd cannot be asked"), 1, agent.said())
                status = Path(f"/proc/{agent.process.pid}/status").read_text(encoding="ascii")
                self.assertLess(int(status.split("VmHWM:")[1].split()[0]), 100_000, "kB: below the shipped unit's MemoryMax=")
                status, took = agent.stop()
                self.assertEqual(status, 0)
                self.assertLess(took, 3)

    def test_a_unit_that_is_not_there_is_said_once(self):
        self.systemd.set(LoadState="not-found", ActiveState="inactive", SubState="dead")
        self.scheduler.cycle()
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)
        agent.start(self.bus.environment)
        self.addCleanup(agent.end)
        word = "SELECT count(*) FROM witness WHERE name = 'unit' AND words LIKE '{}%'"
        agent.wait_for(word.format("there is no such unit"), 1)
        for number in range(3):     # each is told, and asked about
            time.sleep(0.1)
            self.systemd.set(NRestarts=number)
        self.systemd.set(LoadState="loaded", ActiveState="active", SubState="running", MainPID=self.scheduler.pid)
        agent.wait_for(word.format("it runs"), 1)
        self.assertEqual(agent.said().count(f"systemd knows no unit {UNIT}"), 1, agent.said())
        self.assertNotIn("systemd answers again", agent.said())

    def test_a_bus_that_comes_back_is_heard_again(self):
        agent = self.agent()
        self.bus.close()
        wait_until(lambda: "systemd cannot be asked" in agent.said(), 15, agent.said)
        self.assertEqual(self.pages(), [])
        self.bus.start()
        self.systemd.close()
        self.systemd = Systemd(self.bus, UNIT)
        self.addCleanup(self.systemd.close)
        self.scheduler.kill()
        self.ended(ActiveState="failed", SubState="failed", Result="signal", ExecMainCode=3, ExecMainStatus=11)
        self.wait_for_page("critical", "killed by SIGSEGV (core dumped)", "systemd does not restart it (Restart=on-failure)")

    def test_doctor_and_status_say_what_systemd_says(self):
        agent = self.agent()
        wait_until(lambda: "it runs" in self.ask("status", agent), 10, lambda: self.ask("status", agent))
        self.assertIn("it runs", self.ask("doctor", agent))
        self.ended(ActiveState="failed", SubState="failed", Result="exit-code", ExecMainCode=1, ExecMainStatus=203)
        self.assertIn("its program cannot be started", self.ask("doctor", agent))
        wait_until(lambda: "its program cannot be started" in self.ask("status", agent), 10, lambda: self.ask("status", agent))
        self.systemd.say("refuse")
        self.assertIn("nobody may know", self.ask("doctor", agent))

    def ask(self, command, agent):
        """What a command prints, as one line."""
        done = run(command, "--log", self.directory / "scheduler.log", "--db", agent.database, "--set", f"scheduler.unit={UNIT}",
                   env={**os.environ, **self.bus.environment})
        return " ".join(done.stdout.split())

    def test_without_a_bus_the_log_is_enough(self):
        self.bus.close()
        self.scheduler.cycle()
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), SETTINGS)
        agent.start(self.bus.environment)
        self.addCleanup(agent.end)
        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        self.scheduler.kill()
        self.wait_for_page("warning", "scheduler died")
        wait_until(lambda: "systemd cannot be asked" in agent.said(), 10, agent.said)


if __name__ == "__main__":
    unittest.main()
