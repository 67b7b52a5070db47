# SPDX-License-Identifier: GPL-2.0-or-later
"""Many hosts, and another scheduler: agents that know nothing of each other meet in what they notify; patterns read Prefect's log."""

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
PATTERNS, LOG = ROOT / "fixtures/patterns/prefect.conf", ROOT / "fixtures/patterns/prefect.log"
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
    OPTIONS = ("--set", f"log.patterns={PATTERNS}", "--set", "schedule.interval=15m")

    def test_a_replay_pages_for_the_flow_runs_that_failed(self):
        done = run("replay", "--tz", "UTC", *self.OPTIONS, "--format", "json", LOG)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(page["status"], page["severity"], page["alert"], page["table"]) for page in said],
                         [("firing", "critical", "IcebergOffloadConsecutiveFailures", "bronze_trades_kraken"),
                          ("resolved", "critical", "IcebergOffloadConsecutiveFailures", "bronze_trades_kraken")])
        self.assertEqual(said[0]["time"][:16], "2026-03-03T06:45")     # at the second failure, as that of the built-in patterns
        self.assertIn("ClickHouse", said[0]["summary"])

    def test_a_running_agent_stores_flow_runs_as_cycles_and_tasks_as_runs(self):
        log = self.directory / "prefect.log"
        text = LOG.read_text()
        # The last flow run to the newest slot: runs are promised for the slots of the interval, so it moves by whole ones.
        now = datetime.datetime.now() - datetime.timedelta(seconds=20)
        slot = now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0)
        shift = slot - datetime.datetime(2026, 3, 3, 7, 15)
        log.write_text(re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
                              lambda m: str(datetime.datetime.fromisoformat(m[0]) + shift), text, flags=re.M))
        with Receiver() as receiver, open(log, "a", encoding="utf-8"), \
                Agent(log, self.directory / "h.db", receiver.url("/hook"), {"notify.reminder": "0", "log.patterns": str(PATTERNS),
                                                                           "schedule.interval": "15m"}) as agent:
            agent.wait_for(CYCLES, 3)
            self.assertEqual(agent.rows("SELECT outcome, succeeded, failed FROM cycle ORDER BY id"),
                             2 * [("success", 2, 0)] + 3 * [("partial", 1, 1)] + [("success", 2, 0)])
            self.assertEqual(agent.rows("SELECT count(*), sum(rows > 0), sum(outcome = 'failed') FROM run"), [(12, 9, 3)])
            self.assertEqual(agent.rows("SELECT alert, table_name, state, scenario FROM incident"),
                             [("IcebergOffloadConsecutiveFailures", "bronze_trades_kraken", "resolved", "1/2")])
            stamp = time.strftime("%Y-%m-%d %H:%M:%S.000")
            with open(log, "a", encoding="utf-8") as more:
                more.write(f"{stamp} | INFO    | Flow run 'gray-dingo' - Beginning flow run 'gray-dingo' for flow 'iceberg-offload'\n")
            agent.wait_for("SELECT outcome FROM cycle WHERE id = 7", "running")


if __name__ == "__main__":
    unittest.main()
