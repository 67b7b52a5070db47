# SPDX-License-Identifier: GPL-2.0-or-later
"""The running agent asks its probes while an incident is open, and never waits for them."""
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, wait_until   # noqa: E402
from components import Docker, Port, container, http_answer   # noqa: E402
from ports import free_port   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TABLE = "bronze_trades_kraken"
# Nothing but the third failure in a row, or a probe, makes failures critical.
PATIENT = {**QUICK, "schedule.interval": "20s", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "detect.burst": "100ms",
           "schedule.late_warning": "1h", "schedule.late_critical": "2h", "detect.cycle_slow": "1h",
           "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}


class Probes(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-probes-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def agent(self, settings):
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"),
                     {**PATIENT, **settings})

    def port(self, answer=None):
        port = Port(answer)
        self.addCleanup(port.close)
        return port

    def fail(self, times=1, **how):
        for _ in range(times):
            time.sleep(0.12)        # beyond a burst
            self.scheduler.cycle(failing={TABLE}, **how)

    def pages(self):
        """(status, severity) in the order of arrival."""
        alerts = [request.json()["alerts"][0] for request in self.receiver.at("/hook")]
        return [(alert["status"], alert["labels"]["severity"]) for alert in alerts]

    def story(self, agent):
        return [text for text, in agent.rows("SELECT text FROM timeline WHERE kind = 'probe' ORDER BY id")]

    def wait_story(self, agent, *wanted, timeout=10):
        wait_until(lambda: sorted(self.story(agent)) == sorted(wanted), timeout, lambda: f"not {wanted}: {self.story(agent)}")

    def test_a_first_failure_is_critical_by_the_component_that_is_down(self):
        with self.agent({"probe clickhouse.url": f"tcp://127.0.0.1:{free_port()}"}) as agent:
            self.fail()
            agent.wait_for("SELECT severity FROM incident", "critical")
            self.assertEqual(agent.rows("SELECT likely_cause, scenario, scenario_title FROM incident"),
                             [("ClickHouse unreachable", "1/2", "ClickHouse connectivity failure")])
            self.wait_story(agent, "clickhouse is down: Connection refused")
            self.fail()
            wait_until(self.pages)
            time.sleep(0.3)
            self.assertEqual([("firing", "critical")], self.pages())
            body = self.receiver.at("/hook")[0].body.decode()
            self.assertIn("ClickHouse unreachable", body)
            self.assertIn("scenario 2: ClickHouse connectivity failure", body)
            self.scheduler.cycle()
            agent.wait_for("SELECT state FROM incident", "resolved")

    def test_one_failure_that_nothing_explains_is_no_incident(self):
        """A dashboard explains nothing, a component that is well neither. Each is asked once for a first failure."""
        port, well = self.port(http_answer(b"", "503 Unavailable")), self.port(http_answer(b"Ok."))
        with self.agent({"probe grafana.url": f"http://127.0.0.1:{port.number}/ping",
                         "probe clickhouse.url": f"http://127.0.0.1:{well.number}/ping"}) as agent:
            self.fail()
            wait_until(lambda: port.held and well.held, 10, "nobody was asked")
            time.sleep(1.6)
            self.assertEqual((1, 1), (len(port.held), len(well.held)))
            self.assertEqual([], agent.rows("SELECT * FROM incident"))

    def test_a_probe_explains_what_its_cause_says(self):
        with self.agent({"probe box.url": f"tcp://127.0.0.1:{free_port()}", "probe box.cause": "spark-container-down"}) as agent:
            self.scheduler.cycle_started()
            self.scheduler.run_started(TABLE)
            self.scheduler.run_failed(TABLE, stderr="something new")
            agent.wait_for("SELECT likely_cause FROM incident", "the Spark container is not running")

    def test_a_component_that_answers_is_noted_and_worsens_nothing(self):
        port = self.port(http_answer(b"Ok.\n"))
        page = self.port(http_answer(f'offload_lag_minutes{{table="{TABLE}"}} 16\n'.encode()))
        with self.agent({"probe clickhouse.url": f"http://127.0.0.1:{port.number}/ping",
                         "metrics.url": f"http://127.0.0.1:{page.number}/metrics"}) as agent:
            self.fail(2)
            self.wait_story(agent, "clickhouse is up: HTTP 200", f"the metrics page is up: HTTP 200; {TABLE}: lag 16m")
            time.sleep(0.3)
            self.assertEqual([("warning",)], agent.rows("SELECT severity FROM incident"))

    def test_another_component_or_the_metrics_page_explains_nothing(self):
        """The failures speak of ClickHouse: PostgreSQL down is a fact of the story, no more."""
        with self.agent({"probe postgres.url": f"tcp://127.0.0.1:{free_port()}",
                         "metrics.url": f"http://127.0.0.1:{free_port()}/metrics"}) as agent:
            self.fail(2, stderr="Failed to read from ClickHouse: Connection refused")
            self.wait_story(agent, "postgres is down: Connection refused", "the metrics page is down: Connection refused")
            time.sleep(0.3)
            self.assertEqual([("warning",)], agent.rows("SELECT severity FROM incident"))

    def test_a_component_that_is_down_is_more_than_a_guess(self):
        """A refused connection that nobody is named with is ClickHouse's only by guess."""
        with self.agent({"probe postgres.url": f"tcp://127.0.0.1:{free_port()}"}) as agent:
            self.fail()
            agent.wait_for("SELECT severity || ', ' || likely_cause FROM incident", "critical, PostgreSQL unreachable")

    def test_a_component_that_goes_down_later_is_noticed(self):
        containers = {"ch": container()}
        docker = Docker(self.directory / "docker.sock", containers)
        self.addCleanup(docker.close)
        os.environ["DOCKER_HOST"] = docker.host
        self.addCleanup(os.environ.pop, "DOCKER_HOST")
        with self.agent({"probe clickhouse.container": "ch"}) as agent:
            self.fail(2)
            self.wait_story(agent, "clickhouse is up: running")
            containers["ch"] = container("exited", 137, True)
            agent.wait_for("SELECT severity FROM incident", "critical")
            self.assertIn("clickhouse is down: exited, exit code 137, OOM-killed", self.story(agent))
            self.scheduler.cycle()
            agent.wait_for("SELECT state FROM incident", "resolved")
            time.sleep(1.6)         # an answer that was on its way, and a round
            asked = len(docker.asked)
            time.sleep(1.5)
            self.assertEqual(asked, len(docker.asked))       # no incident, no question

    def test_detecting_does_not_wait_for_a_probe_that_hangs(self):
        hanging = self.port()
        with self.agent({"probe clickhouse.url": f"http://127.0.0.1:{hanging.number}/", "probe clickhouse.timeout": "60s"}) as agent:
            self.fail(2)
            wait_until(lambda: hanging.held, what="the probe was not asked")
            self.fail()             # the third in a row is critical by itself
            begun = time.monotonic()
            agent.wait_for("SELECT severity FROM incident", "critical", timeout=30)
            self.assertLess(promise.since(begun), 15)
            self.assertEqual([], self.story(agent))
            code, seconds = agent.stop()
            self.assertEqual(0, code)
            self.assertLess(seconds, 9)

    def test_a_restart_asks_again(self):
        settings = {"probe clickhouse.url": f"tcp://127.0.0.1:{free_port()}"}
        with self.agent({}) as agent:
            self.fail(2)
            agent.wait_for("SELECT severity FROM incident", "warning")
            agent.stop()
        with self.agent(settings) as agent:
            agent.wait_for("SELECT severity FROM incident", "critical")


if __name__ == "__main__":
    unittest.main()
