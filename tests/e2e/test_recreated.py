# SPDX-License-Identifier: GPL-2.0-or-later
"""The container of the Prefect worker is made anew, in mid-cycle and between cycles, in every frame: the broken cycle is aborted when the new
worker says that it began, and only a worker that does not come back is news."""
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator.flow.stage import HOUR, MINUTE, MONDAY, FlowStage    # noqa: E402

AGENT = os.environ.get("AGENT", str(ROOT / "build/agent"))
DOWN = "IcebergOffloadSchedulerDown"
EIGHT = 8 * HOUR


class Recreated(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.at = Path(directory.name)

    def replay(self, stage):
        log, database = self.at / "flow.log", self.at / "history.db"
        log.write_text(stage.text(), encoding="utf-8")
        for old in self.at.glob("history.db*"):
            old.unlink()
        until = datetime.strptime(MONDAY, "%Y-%m-%d %H:%M:%S") + timedelta(seconds=stage.now)
        done = subprocess.run([AGENT, "replay", "--format", "json", "--db", database, "--tz", "UTC", "--until", f"{until:%Y-%m-%dT%H:%M:%SZ}",
                               "--set", "log.pipeline=k2-prefect", "--set", f"log.format={stage.console.frame}",
                               "--set", "schedule.interval=15m", log], capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        with sqlite3.connect(database) as history:
            aborted = history.execute("SELECT started_at, ended_at FROM cycle WHERE outcome = 'aborted'").fetchall()
        history.close()
        return [((n["status"], n["severity"], n["alert"]), (at_of(n["time"]) - EIGHT) / MINUTE) for n in told], aborted

    def stages(self, frames=("docker", "cri"), dated=(False, True)):
        for frame in frames:
            for has_date in dated:
                for parallel in (False, True):
                    with self.subTest(frame=frame, dated=has_date, parallel=parallel):
                        stage = FlowStage("recreated", 5, frame=frame, dated=has_date, parallel=parallel)
                        stage.run(EIGHT)
                        yield stage

    def test_in_mid_cycle(self):
        for how in ("stopped", "killed"):
            for stage in self.stages():
                stage.run(EIGHT + 12)
                (stage.stop_worker if how == "stopped" else stage.kill_worker)()
                self.assertEqual(stage.cycles[-1].outcome, "crashed", "the simulation is another one than it was")
                stage.wait(EIGHT + 40)
                stage.start_worker()
                stage.run(EIGHT + 2 * HOUR)
                told, aborted = self.replay(stage)
                self.assertEqual(told, [], how)
                self.assertEqual(len(aborted), 1)
                self.assertLess(aborted[0][1] - aborted[0][0], 45_000)

    def test_between_cycles_and_over_the_time_of_one(self):
        for begin, away in ((5 * MINUTE, 50), (15 * MINUTE - 20, 55)):
            for stage in self.stages():
                stage.run(EIGHT + begin)
                stage.recreate(away)
                stage.run(EIGHT + 2 * HOUR)
                self.assertEqual(self.replay(stage), ([], []), begin)

    def test_a_worker_that_does_not_come_back_pages(self):
        for stage in self.stages():
            stage.run(EIGHT + 12)
            stage.stop_worker()
            stage.wait(EIGHT + HOUR)
            stage.run(EIGHT + 2 * HOUR)
            told, aborted = self.replay(stage)
            self.assertEqual({what[2] for what, _ in told}, {DOWN})
            minutes = {what: minute for what, minute in reversed(told)}
            self.assertLess(minutes["firing", "critical", DOWN], 18)
            self.assertEqual(told[-1][0][0], "resolved")
            self.assertEqual(len(aborted), 1)

    def test_without_a_frame_it_is_known_from_the_next_cycle(self):
        for stage in self.stages(frames=("plain",), dated=(True,)):
            stage.run(EIGHT + 5 * MINUTE)
            stage.recreate(50)
            stage.run(EIGHT + 30 * MINUTE + 12)
            stage.recreate(20)
            stage.run(EIGHT + 2 * HOUR)
            told, aborted = self.replay(stage)
            self.assertEqual({minute > 30 for _, minute in told}, {True})
            self.assertEqual(told[-1][0][0], "resolved")
            self.assertEqual(len(aborted), 1)


def at_of(text):
    """Seconds since the Monday on which the log begins."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).replace(tzinfo=None)
    return (at - datetime.strptime(MONDAY, "%Y-%m-%d %H:%M:%S")).total_seconds()


if __name__ == "__main__":
    unittest.main()
