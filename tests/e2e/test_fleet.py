# SPDX-License-Identifier: GPL-2.0-or-later
"""Many hosts, and another scheduler: agents that know nothing of each other meet in what they notify; and a Prefect flow's log is read."""

import datetime
import json
import re
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "fixtures/patterns/k2-prefect.log"
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-fleet-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)


class Fleet(Case):
    def agent(self, host, pair):
        settings = {"notify.host": host, "notify.reminder": "0", "metrics.textfile": str(self.directory / f"{host}.prom")}
        for number, receiver in enumerate(pair):
            settings[f"webhook am{number}.url"] = receiver.url("/")
            settings[f"webhook am{number}.format"] = "alertmanager"
        return Agent(self.directory / f"{host}.log", self.directory / f"{host}.db", settings=settings)

    def test_two_hosts_and_a_pair_of_receivers(self):
        """Each host's alert reaches both of the pair, under the same labels there, and under others than the other host's."""
        with Receiver() as one, Receiver() as two:
            for host in ("left", "right"):
                with Scheduler(self.directory / f"{host}.log") as scheduler, self.agent(host, (one, two)) as agent:
                    scheduler.cycle()
                    agent.wait_for(CYCLES, 1)
                    scheduler.kill()
                    agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'delivered'", 2)
                    agent.stop()
            pushed = [[alert for request in receiver.at("/api/v2/alerts") for alert in request.json()] for receiver in (one, two)]
        labels = [{json.dumps(alert["labels"], sort_keys=True) for alert in alerts} for alerts in pushed]
        self.assertEqual(labels[0], labels[1])
        self.assertEqual({json.loads(text)["host"] for text in labels[0]}, {"left", "right"})
        self.assertEqual(len(labels[0]), 2)
        self.assertEqual(len({alert["annotations"]["dedup_key"] for alert in pushed[0]}), 2)
        files = [(self.directory / f"{host}.prom").read_text() for host in ("left", "right")]
        series = [{line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")} for text in files]
        self.assertFalse(series[0] & series[1], "node_exporter would refuse the directory")


class Prefect(Case):
    """fixtures/patterns/k2-prefect.log: a table fails for good in the third and the fourth flow run, and in the first try of the fifth."""
    SETTINGS = {"log.pipeline": "k2-prefect", "schedule.interval": "15m"}
    OPTIONS = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]

    def test_a_replay_pages_for_the_flow_runs_that_failed(self):
        done = run("replay", "--tz", "UTC", *self.OPTIONS, "--format", "json", LOG)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(page["status"], page["severity"], page["alert"], page["table"], len(page["tables"])) for page in said],
                         [("firing", "critical", "IcebergOffloadConsecutiveFailures", "bronze_trades_kraken", 1),
                          ("firing", "critical", "IcebergOffloadConsecutiveFailures", "bronze_trades_kraken", 9),      # not reached
                          ("resolved", "critical", "IcebergOffloadConsecutiveFailures", "bronze_trades_kraken", 9)])
        self.assertEqual(said[0]["time"][:16], "2026-03-03T06:46")     # at the second failure, as that of the scheduler
        self.assertIn("ClickHouse", said[0]["summary"])

    def test_the_built_in_files_are_those_of_the_source(self):
        """Patterns and causes of the pipeline, each named as a file, do the same."""
        built_in = run("replay", "--tz", "UTC", *self.OPTIONS, LOG).stdout
        patterns = ("--set", f"log.patterns={ROOT / 'fixtures/patterns/k2-prefect.conf'}")
        causes = ("--set", f"runbooks.file={ROOT / 'fixtures/causes/k2-prefect.conf'}", "--set", "schedule.interval=15m")
        self.assertEqual(run("replay", "--tz", "UTC", *patterns, *causes, LOG).stdout, built_in)
        parsed = [run("parse", "--set", "log.timezone=UTC", *options, LOG) for options in (self.OPTIONS, patterns)]
        self.assertEqual(parsed[0].stdout, parsed[1].stdout)
        self.assertIn("run_completed", parsed[0].stdout)
        self.assertEqual(run("parse", "--misses", "--set", "log.timezone=UTC", *self.OPTIONS, LOG).stdout, "")
        self.assertIn("scenario 2: ClickHouse Connectivity Failure", built_in)

    def test_the_process_has_its_name(self):
        for pipeline, name in (("k2-prefect", "worker"), ("k2-scheduler", "scheduler")):
            options = ("--set", f"log.pipeline={pipeline}", "--set", "log.patterns=built-in:k2-prefect", "--set", "schedule.interval=15m")
            said = run("replay", "--tz", "UTC", *options, "--until", "2026-03-03T08:00:00Z", LOG).stdout
            self.assertIn(f"{name} late since 07:30", said)

    def test_a_running_agent_stores_flow_runs_as_cycles_and_tasks_as_runs(self):
        log = self.directory / "prefect.log"
        text = LOG.read_text()
        # The last flow run to the newest slot: runs are promised for the slots of the interval, so it moves by whole ones.
        now = datetime.datetime.now() - datetime.timedelta(seconds=90)
        slot = now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)
        shift = slot - datetime.datetime(2026, 3, 3, 7, 15)
        log.write_text(re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?=\.)",
                              lambda m: str(datetime.datetime.fromisoformat(m[0]) + shift), text, flags=re.M))
        with Receiver() as receiver, open(log, "a", encoding="utf-8"), \
                Agent(log, self.directory / "h.db", receiver.url("/hook"), {"notify.reminder": "0", **self.SETTINGS}) as agent:
            agent.wait_for(CYCLES, 4)
            self.assertEqual(agent.rows("SELECT outcome, failed FROM cycle ORDER BY id"),
                             2 * [("success", 0)] + 2 * [("partial", 1)] + 2 * [("success", 0)])
            self.assertEqual(agent.rows("SELECT count(*), sum(rows > 0), sum(outcome = 'failed') FROM run"), [(50, 45, 5)])
            self.assertEqual(agent.rows("SELECT alert, table_name, state, scenario, scenario_title FROM incident WHERE table_name IS NOT NULL"),
                             [("IcebergOffloadConsecutiveFailures", "bronze_trades_kraken", "resolved", "1/2", "ClickHouse Connectivity Failure")])
            stamp = time.strftime("%Y-%m-%d %H:%M:%S.000")
            with open(log, "a", encoding="utf-8") as more:
                more.write(f"{stamp} | INFO    | Flow run 'gray-dingo' - Beginning flow run 'gray-dingo' for flow 'iceberg-offload-main'\n")
            agent.wait_for("SELECT outcome FROM cycle WHERE id = 7", "running")


if __name__ == "__main__":
    unittest.main()
