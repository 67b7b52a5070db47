# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance flow of the Prefect worker: its failure is shown, also over a restart, until it completes again, and pages nobody."""
import datetime
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver, pages              # noqa: E402

WITNESS = "SELECT state, words FROM witness WHERE name = 'maintenance'"
NAME, TASK = "Flow run 'calm-newt'", "Task run 'compact-table-1a2'"


class Maintenance(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-maintenance-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "flow.log"
        self.file = self.enterContext(open(self.log, "a", encoding="utf-8"))    # a worker that closes its log is one that died
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def say(self, *messages):
        now = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        self.file.writelines(f"{now} | INFO    | {message}\n" for message in messages)
        self.file.flush()

    def cycle(self):
        self.say("Flow run 'otter' - Beginning flow run 'otter' for flow 'iceberg-offload-main'",
                 "Task run 'offload-table-1' - Starting offload: a → cold.a", "Task run 'offload-table-1' - ✓ Offload completed: a",
                 "Task run 'offload-table-1' -   Rows: 5", "Task run 'offload-table-1' - Finished in state Completed()",
                 "Flow run 'otter' - Finished in state Completed()")

    def status(self):
        return run("status", "--db", self.directory / "history.db").stdout

    def test_its_failure_is_shown_until_it_completes(self):
        self.cycle()
        agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                      {**{f"schedule.{key}": "1h" for key in ("late_warning", "table_timeout", "restart_grace")},
                       "schedule.interval": "15m", "log.pipeline": "k2-prefect", "log.timezone": "UTC", "schedule.late_critical": "2h",
                       "notify.reminder": "0"})
        agent.start()
        self.addCleanup(lambda: agent.process.poll() is None and agent.stop())
        agent.wait_for("SELECT count(*) FROM cycle", 1)
        self.assertEqual(agent.rows(WITNESS), [])
        self.say(f"{NAME} - Beginning flow run 'calm-newt' for flow 'iceberg-maintenance-main'", f"{TASK} - Starting compact: a",
                 f"{TASK} - ✗ Compact failed: a")
        wait_until(lambda: agent.rows(WITNESS) == [("trouble", "the maintenance failed: ✗ Compact failed: a")], 10, agent.said)
        wait_until(lambda: "the maintenance failed: ✗ Compact failed: a" in agent.said(), 5, agent.said)
        self.assertIn("✗ Compact failed: a", " ".join(self.status().split()))
        agent.stop()
        agent.start()
        self.say(f"{NAME} - Audit missing for a")
        wait_until(lambda: agent.rows(WITNESS) == [("trouble", "the maintenance failed: Audit missing for a")], 10, agent.said)
        agent.stop()
        agent.start()
        self.cycle()
        agent.wait_for("SELECT count(*) FROM cycle", 2)
        self.assertEqual(agent.rows(WITNESS)[0][0], "trouble", "a restart forgot it")
        self.say(f"{NAME} - ║{'MAINTENANCE COMPLETE':^78}║")
        wait_until(lambda: agent.rows(WITNESS) == [("well", "the maintenance completed")], 10, agent.said)
        parsed = run("parse", "--set", "log.pipeline=k2-prefect", self.log).stdout
        self.assertRegex(parsed, '"event":"maintenance_failed".*"text":"Audit missing for a"')
        self.assertEqual(agent.rows("SELECT alert, table_name, state, summary FROM incident"), [], agent.said())
        self.assertEqual(pages(self.receiver.at("/hook")), [])


if __name__ == "__main__":
    unittest.main()
