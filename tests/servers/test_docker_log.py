# SPDX-License-Identifier: GPL-2.0-or-later
"""[log] container against a real Docker Engine: its file and its API's stream, over restarts, a kill, a container that is made anew, lines that
dockerd splits, its rotation, and a restart of the engine itself."""
import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from engine import Engine, why_not   # noqa: E402
from framed import PATTERNS   # noqa: E402

TIMEOUT_S = 300
NAME = "k2-prefect-worker"
SETTINGS = {**{f"schedule.{key}": "1h" for key in ("late_warning", "table_timeout", "stop_grace", "hang_grace", "restart_grace")},
            "schedule.late_critical": "2h", "schedule.interval": "500ms", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "notify.reminder": "0"}
# A flow in busybox's shell: $1 cycles, each with a line that dockerd splits, on two streams. The date of busybox has no milliseconds.
FLOW = r"""
say() { echo "$(date -u +%H:%M:%S).000 | INFO    | $1" >&2; }
long=x; i=0; while [ $i -lt 15 ]; do long=$long$long; i=$((i+1)); done
i=$2; while [ $i -lt $(($1+$2)) ]; do
  say "Flow run 'run-$i' - Beginning flow run 'run-$i' for flow 'iceberg-offload-main'"
  say "Task run 't' - Starting offload: bronze_trades → cold.bronze_trades"
  echo "$(date -u +%H:%M:%S).000 | INFO    | Flow run 'run-$i' - long $long"
  say "Task run 't' - ✓ Offload completed: bronze_trades ($i rows in 1.5s)"
  say "Flow run 'run-$i' - Finished in state Completed()"
  i=$((i+1)); sleep 0.05
done
sleep 1000
"""


@unittest.skipIf(why_not(), why_not())
class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = cls.enterClassContext(Engine())

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-docker-log-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "patterns.conf").write_text(PATTERNS, encoding="utf-8")
        self.addCleanup(lambda: self.engine.docker("rm", "--force", NAME, check=False))

    def agent(self):
        agent = Agent("unused", self.directory / "history.db", None,
                      {**SETTINGS, "log.container": NAME, "log.timezone": "UTC", "log.patterns": self.directory / "patterns.conf"})
        agent.command = [word for i, word in enumerate(agent.command) if word != "--log" and agent.command[i - 1] != "--log"]
        self.addCleanup(lambda: agent.process.poll() is None and agent.kill())
        return agent

    def start(self, agent):
        return agent.start({"DOCKER_HOST": self.engine.host})

    def run_flow(self, cycles, first, *options):
        self.engine.run(NAME, *options, command=("sh", "-c", FLOW, "flow", str(cycles), str(first)))

    def wait_counted(self, agent, cycles):
        wait_until(lambda: agent.rows("SELECT count(*) FROM cycle WHERE outcome = 'success'") == [(cycles,)], 40,
                   lambda: f"{agent.rows('SELECT count(*) FROM cycle')} of {cycles}: {agent.said()}")
        self.assertEqual(agent.rows("SELECT rows FROM run ORDER BY id"), [(number,) for number in range(cycles)], agent.said())

    def through_everything(self, *options):
        self.run_flow(30, 0, *options)
        agent = self.start(self.agent())
        time.sleep(1)
        agent.kill()                       # in the middle of what the flow writes
        time.sleep(0.3)
        self.start(agent)
        self.wait_counted(agent, 30)
        killed_at = time.monotonic()
        self.engine.docker("kill", NAME)
        wait_until(lambda: "exit code 137" in agent.said(), 5, agent.said)
        self.assertLess(time.monotonic() - killed_at, 3)
        self.engine.docker("rm", NAME)
        self.run_flow(30, 30, *options)
        self.wait_counted(agent, 60)
        agent.end()

    def test_by_its_file(self):
        self.through_everything()

    def test_by_its_file_that_dockerd_rotates_and_packs(self):
        self.through_everything("--log-opt", "max-size=200k", "--log-opt", "max-file=8", "--log-opt", "compress=true")

    def test_through_the_api(self):
        self.through_everything("--log-driver", "local")


if __name__ == "__main__":
    unittest.main()
