# SPDX-License-Identifier: GPL-2.0-or-later
"""Prefect's API as a witness: it is asked while something is wrong, says why no cycle comes, and whatever it answers holds nothing up."""
import json
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, run, wait_until                                                          # noqa: E402
from ports import free_port                                                                             # noqa: E402
from prefect_api import FLOW, POOL, PrefectApi, deployment, fails, floods, flow_run, hangs, says, worker     # noqa: E402
from receiver import Receiver                                                                           # noqa: E402
from scheduler import Scheduler                                                                         # noqa: E402

RECOVERY = "iceberg-scheduler-recovery.md"
# The log is that of the old scheduler: what writes it does not matter here, only that cycles are missing.
PIPELINE = {**QUICK, "log.pipeline": "k2-prefect", "log.patterns": "built-in:k2-scheduler"}
LYING = ('{"detail": 1}', "[1, 2, 3]", '[{"name": 5, "paused": "no", "status": ["ONLINE"], "schedules": 7, "expected_start_time": 3}]', "null",
         '"text"', "[" * 5000, "not JSON", "", b"\xff\xfe[]", b"[\x00]", '[{"paused": 1e999, "expected_start_time": "99999-99-99"}]')


class Prefect(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-prefect-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.api = PrefectApi()
        self.api.__enter__()
        self.addCleanup(self.api.__exit__)
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def agent(self, **settings):
        settings = {f"prefect.{key}": value for key, value in {"url": self.api.url, **settings}.items()}
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", self.receiver.url("/hook"), {**QUICK, **PIPELINE, **settings})

    def silent_scheduler(self, agent):
        """Its next run is promised, and does not come."""
        self.scheduler.next_run(1)
        agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadSchedulerDown'", 1)

    def cause(self, agent):
        return agent.rows("SELECT likely_cause, runbook, scenario, scenario_title, first_command FROM incident")

    def test_nobody_is_asked_while_all_is_well(self):
        with self.agent():
            for _ in range(3):
                self.scheduler.cycle()
                time.sleep(0.2)
            self.assertEqual(self.api.asked, [])

    def test_a_paused_deployment_is_the_reason_and_no_hung_worker(self):
        self.api.deployments = [deployment(paused=True)]
        with self.agent() as agent:
            self.silent_scheduler(agent)
            agent.wait_for("SELECT likely_cause FROM incident", f"the deployment is paused: {FLOW}/every-15-minutes")
            (_, _, scenario, title, command), = self.cause(agent)
            self.assertEqual((scenario, title), ("5/3", "Worker Running But No Flow Runs Executing"))
            self.assertEqual(command, "docker exec k2-prefect-worker prefect deployment ls")
            wait_until(lambda: any(b"deployment is paused" in r.body for r in self.receiver.at("/hook")), 10, "nobody was told")
            self.assertTrue(any(b"worker" in r.body for r in self.receiver.at("/hook")))

    def test_a_schedule_that_is_off_pauses_it_too_but_one_of_two_does_not(self):
        self.api.deployments = [deployment(active=False), deployment("by-hand", active=False)]
        with self.agent() as agent:
            self.silent_scheduler(agent)
            wait_until(lambda: "deployment is paused" in str(self.cause(agent)))
        self.api.deployments = [deployment(paused=True), deployment("other")]
        self.assertIn("the deployment is not paused", self.doctor())

    def doctor(self, **settings):
        settings = {"url": self.api.url, **settings}
        done = run("doctor", "--format", "json", "--log", self.directory / "scheduler.log", "--db", self.directory / "none.db",
                   *(word for key, value in settings.items() for word in ("--set", f"prefect.{key}={value}")))
        return next(f["text"] for f in json.loads(done.stdout)["checks"] if f["check"] == "prefect")

    def test_a_server_that_is_down_is_the_reason(self):
        with self.agent(url=f"http://127.0.0.1:{free_port()}/api") as agent:
            self.silent_scheduler(agent)
            wait_until(lambda: "the Prefect server is down" in str(self.cause(agent)))
            self.assertEqual(self.cause(agent)[0][2:4], ("5/2", "Prefect Server Down"))

    def test_a_worker_that_is_offline_and_runs_that_are_late(self):
        self.api.workers, self.api.runs = [worker(status="OFFLINE")], [flow_run(45), flow_run(30)]
        with self.agent() as agent:
            self.silent_scheduler(agent)
            agent.wait_for("SELECT likely_cause FROM incident", f"no worker of the pool {POOL} is online")
            self.assertEqual(self.cause(agent)[0][2:4], ("5/1", "Prefect Worker Down"))
            wait_until(lambda: agent.rows("SELECT count(*) FROM timeline WHERE text LIKE '2 flow runs are late, the oldest was due 45 min ago'")[0][0])

    def test_the_questions_are_those_that_the_api_knows(self):
        with self.agent() as agent:
            self.silent_scheduler(agent)
            wait_until(lambda: len(self.api.asked) >= 3)
        asked = {path: body for path, body, _ in self.api.asked}
        self.assertEqual(asked["/api/deployments/filter"]["flows"], {"name": {"any_": [FLOW]}})
        self.assertEqual(asked[f"/api/work_pools/{POOL}/workers/filter"]["workers"], {"status": {"any_": ["ONLINE"]}})
        self.assertEqual(asked["/api/flow_runs/filter"]["flow_runs"], {"state": {"name": {"any_": ["Late"]}}})

    def test_a_token_and_a_password_are_sent_and_never_said(self):
        for text, wanted in (("quince", "Bearer quince"), ("admin:quince", "Basic YWRtaW46cXVpbmNl")):
            secret = self.directory / "secret"
            secret.write_text(text + "\n")
            secret.chmod(0o600)
            self.api.asked.clear()
            said = self.doctor(token_file=secret)
            self.assertEqual({headers.get("Authorization") for _, _, headers in self.api.asked}, {wanted})
            self.assertNotIn("quince", said)

    def test_an_answer_that_lies_accuses_nobody(self):
        for text in LYING:
            with self.subTest(text[:40]):
                self.api.answer = says(text)
                said = self.doctor()
                self.assertNotIn("paused: ", said)
                self.assertLess(len(said), 1000)

    def test_a_flood_is_cut_and_a_server_error_is_down(self):
        self.api.answer = floods
        self.assertIn("its answer is too long", self.doctor())
        self.api.answer = fails(503)
        self.assertRegex(self.doctor(), r"the Prefect server is down \(.*\): HTTP 503")
        self.api.answer = fails(401)
        self.assertIn("HTTP 401", self.doctor())
        self.assertNotIn("is down", self.doctor())

    def test_a_server_that_hangs_holds_nothing_up(self):
        self.api.answer = hangs(self.api)
        with self.agent(timeout="60s") as agent:
            self.silent_scheduler(agent)
            wait_until(lambda: self.api.asked)
            self.scheduler.cycle()
            agent.wait_for("SELECT state FROM incident", "resolved")
            begun = time.monotonic()
        self.assertLess(promise.since(begun), 3)
        self.assertRegex(self.doctor(timeout="300ms"), r"is down \(.*\): no answer within 0.3 s")

    def test_status_says_what_prefect_said(self):
        self.api.deployments = [deployment("naughty\x1b[2J\nname", paused=True)]
        with self.agent() as agent:
            self.silent_scheduler(agent)
            wait_until(lambda: agent.rows("SELECT state FROM witness WHERE name = 'prefect'") == [("trouble",)])
            words, = agent.rows("SELECT words FROM witness WHERE name = 'prefect'")[0]
            self.assertNotIn("\x1b", words)
            self.assertNotIn("\n", words)


if __name__ == "__main__":
    unittest.main()
