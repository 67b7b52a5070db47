# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent and the real Alertmanager: its API shows our alerts, its silences, cluster and restarts do what they promise."""

import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import QUICK, Agent, run, wait_until   # noqa: E402
from alertmanager import Alertmanager, launcher   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

DOWN, SLOW, TOO_SLOW = "IcebergOffloadSchedulerDown", "IcebergOffloadCycleSlow", "IcebergOffloadCycleTooSlow"
ORDINARY = {"notify.reminder": "0", "schedule.restart_grace": "1h"}   # a death is a warning and nothing more
TIMEOUT_S = 240


@unittest.skipIf(launcher() is None, "prometheus-alertmanager is not there, or cannot be given its templates")
class AlertmanagerCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-alertmanager-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def alertmanager(self, **options):
        made = Alertmanager(self.receiver.url("/team"), **options)
        self.addCleanup(made.close)
        return made

    def agent(self, *receivers, host="host-1", settings=None):
        chosen = {**(ORDINARY if settings is None else settings), "notify.host": host}
        for number, receiver in enumerate(receivers):
            chosen |= {f"webhook am{number}.url": receiver.url, f"webhook am{number}.format": "alertmanager",
                       f"webhook am{number}.resend": "1s"}
        agent = Agent(self.log, self.directory / f"{host}.db", settings=chosen)
        agent.start()
        self.addCleanup(agent.end)
        return agent

    def scheduler(self, agent=None, cycles=1):
        """One that has done a cycle, which the agent has read."""
        scheduler = Scheduler(self.log)
        self.addCleanup(scheduler.kill)
        scheduler.cycle()
        if agent:
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", cycles)
        return scheduler

    def told(self):
        """What reached the team: (status, alert name, host) of each alert, in order."""
        return [(alert["status"], alert["labels"]["alertname"], alert["labels"]["host"])
                for request in self.receiver.at("/team") for alert in request.json()["alerts"]]


class One(AlertmanagerCase):
    def test_an_incident_fires_and_shows_and_resolves(self):
        manager = self.alertmanager()
        agent = self.agent(manager)
        self.scheduler(agent).kill()
        manager.wait(lambda: manager.names() == [(DOWN, "warning")], "no alert")
        alert = manager.alerts(DOWN)[0]
        self.assertEqual(alert["labels"], {"alertname": DOWN, "severity": "warning", "incident": "1", "host": "host-1",
                                           "log": str(self.log), "job": "iceberg-offload-agent"})
        self.assertIn("scheduler died ", alert["annotations"]["summary"])
        self.assertEqual(alert["annotations"]["runbook"], "iceberg-scheduler-recovery.md")
        self.assertEqual(alert["annotations"]["first_command"], "systemctl status iceberg-offload-scheduler")
        left = datetime.fromisoformat(alert["endsAt"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
        self.assertGreater(left.total_seconds(), 2 * 86400)   # an agent that dies resolves nothing
        wait_until(lambda: self.told() == [("firing", DOWN, "host-1")], 10, "the team was not told")
        self.scheduler(agent, 2)
        manager.wait(lambda: manager.names() == [], "the alert did not end")
        wait_until(lambda: self.told() == [("firing", DOWN, "host-1"), ("resolved", DOWN, "host-1")], 10, "no resolve")

    def test_its_own_silence_holds(self):
        manager = self.alertmanager()
        agent = self.agent(manager)
        scheduler = self.scheduler(agent)
        silence = manager.silence(alertname=DOWN, host="host-1")
        scheduler.kill()
        manager.wait(lambda: manager.names() == [(DOWN, "warning")], "no alert")
        manager.wait(lambda: manager.alerts()[0]["status"]["silencedBy"] == [silence], "it is not silenced")
        time.sleep(2)
        self.assertEqual(self.told(), [])

    def test_another_name_ends_the_first_alert(self):
        manager = self.alertmanager()
        settings = {**QUICK, "schedule.table_timeout": "60s", "detect.lag_warning": "60s", "detect.lag_critical": "60s",
                    "schedule.late_warning": "60s", "schedule.late_critical": "60s"}
        agent = self.agent(manager, settings=settings)
        scheduler = self.scheduler(agent)
        scheduler.cycle_started()
        manager.wait(lambda: manager.names() == [(SLOW, "warning")], "no warning")
        manager.wait(lambda: manager.names() == [(TOO_SLOW, "critical")], "no critical in the warning's place")
        scheduler.cycle_completed()
        scheduler.cycle()
        manager.wait(lambda: manager.names() == [], "they did not end")
        wait_until(lambda: ("resolved", TOO_SLOW, "host-1") in self.told(), 10, "no resolve")

    def test_it_is_told_again_after_it_lost_its_memory(self):
        manager = self.alertmanager()
        agent = self.agent(manager)
        self.scheduler(agent).kill()
        manager.wait(lambda: manager.names() == [(DOWN, "warning")], "no alert")
        agent.wait_for("SELECT status FROM outbox", "delivered")
        manager.lose_memory()
        manager.wait(lambda: manager.names() == [(DOWN, "warning")], "it was not told again")
        # And by an agent that was not there when the incident began.
        agent.kill()
        manager.lose_memory()
        self.assertEqual(manager.names(), [])
        agent.start()
        manager.wait(lambda: manager.names() == [(DOWN, "warning")], "the new agent did not tell it again")
        self.assertEqual(agent.rows("SELECT count(*) FROM outbox"), [(1,)])
        self.scheduler(agent, 2)
        manager.wait(lambda: manager.names() == [], "the alert did not end")

    def test_a_test_is_shown_as_one_and_is_over_by_itself(self):
        manager = self.alertmanager()
        done = run("test-webhook", "--log", self.log, "--db", self.directory / "t.db", "--set", f"webhook am.url={manager.url}",
                   "--set", "webhook am.format=alertmanager")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        manager.wait(lambda: manager.names() == [("IcebergOffloadTest", "warning")], "no test alert")
        ends = datetime.fromisoformat(manager.alerts()[0]["endsAt"].replace("Z", "+00:00"))
        self.assertLess((ends - datetime.now(timezone.utc)).total_seconds(), 301)
        wait_until(lambda: [name for _, name, _ in self.told()] == ["IcebergOffloadTest"], 10, "the team was not told")


class Two(AlertmanagerCase):
    def test_a_cluster_hears_it_twice_and_tells_it_once_for_each_host(self):
        first = self.alertmanager(clustered=True)
        second = self.alertmanager(peers=[first])
        agents = [self.agent(first, second, host=host) for host in ("host-1", "host-2")]
        scheduler = self.scheduler(agents[0])
        agents[1].wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
        scheduler.kill()
        for manager in (first, second):
            manager.wait(lambda m=manager: sorted(a["labels"]["host"] for a in m.alerts(DOWN)) == ["host-1", "host-2"],
                         "not both hosts")
        both = [("firing", DOWN, "host-1"), ("firing", DOWN, "host-2")]
        wait_until(lambda: sorted(self.told()) == both, 15, "the team was not told")
        time.sleep(6)   # longer than the second would wait for the first
        self.assertEqual(sorted(self.told()), both)


if __name__ == "__main__":
    unittest.main()
