# SPDX-License-Identifier: GPL-2.0-or-later
"""Days of the Prefect flow with everything that its worker meets, counted: the log is rotated and the agent killed again and again while it
catches up, and the history has each run of the simulator's truth once, with its rows. FLOW_DAYS=30 counts a month (`make frames-month`)."""
import datetime
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import unittest
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/lib")]

from agent import Agent, wait_until                       # noqa: E402
from framed import rotate_docker, rotate_kubelet          # noqa: E402
from simulator.facts import Facts                         # noqa: E402
from simulator.flow import month                          # noqa: E402
from simulator.flow.pipeline import told                  # noqa: E402
from simulator.flow.stage import DAY, FlowStage           # noqa: E402

DAYS = float(os.environ.get("FLOW_DAYS", "1"))
PIECES_A_DAY = 12
ENDED = ("success", "failed", "timeout")


class Counts(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-flow-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "box-json.log"
        self.log.touch()

    def agent(self, form):
        slow = {f"schedule.{key}": "1h" for key in ("late_warning", "restart_grace", "stop_grace", "hang_grace")}
        return Agent(self.log, self.directory / "h.db", None, {
            **slow, "schedule.late_critical": "2h", "schedule.interval": "15m", "log.pipeline": "k2-prefect", "log.format": form,
            "log.timezone": "UTC", "history.retention": "3650d", "notify.reminder": "0"})

    def life(self, form, **choices):
        """The lines, and the truth. The last day is yesterday."""
        monday = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(days=round(DAYS) + 1)
        stage = FlowStage("counted", self.seed, monday=f"{monday:%Y-%m-%d} 00:00:00", frame=form, facts=Facts(), **choices)
        moments, written = [], stage.console.write
        stage.console.write = lambda line: (written(line), moments.append(stage.kernel.now_us / 1e6))
        month.rough(stage, DAYS)
        if DAYS <= 2:
            month.worker_killed(stage)                 # also in a short life
            stage.run(stage.now + DAY / 12)
        return [line for out in stage.containers for line in out], moments, [told(c) for c in stage.cycles]

    def pieces(self, lines, moments):
        """Bytes that end between two cycles: an agent that has read all believes that it is now, days after the lines, and a cycle that
        were open then would hang. The deaths come in the midst of everything."""
        pauses = [i + 1 for i, (a, b) in enumerate(zip(moments, moments[1:])) if b - a > 120 and "exited cleanly" in lines[i]]
        ends = sorted(self.chance.sample(pauses, min(len(pauses), max(3, round(PIECES_A_DAY * DAYS)))))
        for begin, end in zip([0] + ends, ends + [len(lines)]):
            yield "".join(lines[begin:end]).encode()

    def is_read(self, agent):
        status = os.stat(self.log)
        return agent.database.exists() and (status.st_ino, status.st_size) in agent.rows("SELECT inode, offset FROM source")

    def may_die(self, agent):
        """Three deaths in a row before the first commit make the next start do without its state: faults/test_starts."""
        return agent.rows("SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 2") in ([], [(0,)])

    def feed(self, form, agent, lines, moments):
        """Writes while nobody reads, and lets the agent read for a moment, or to the end."""
        kills = rotations = unread = pieces = 0
        for data in self.pieces(lines, moments):
            with open(self.log, "ab") as file:
                file.write(data)
            agent.start()
            dies = pieces > 0 and unread < 2 and self.chance.random() < 0.6       # the first file must be known before it is rotated
            if dies:
                time.sleep(self.chance.uniform(0.0, 0.25))
                wait_until(lambda: agent.process.poll() is not None or (agent.database.exists() and self.may_die(agent)), 30)
                kills += 1
            else:
                wait_until(lambda: self.is_read(agent), 60, agent.said)
                unread = 0
            agent.kill()
            pieces += 1
            if self.chance.random() < 0.4 and unread < 2:
                (rotate_kubelet if form == "cri" else rotate_docker)(str(self.log))
                rotations, unread = rotations + 1, unread + 1
        return kills, rotations

    def counted(self, form, seed, **choices):
        self.seed, self.chance = seed, random.Random(seed)
        lines, moments, truth = self.life(form, **choices)
        agent = self.agent(form)
        kills, rotations = self.feed(form, agent, lines, moments)
        agent.start()
        last = truth[-1]["started_ms"]
        wait_until(lambda: agent.rows("SELECT count(*) FROM cycle WHERE started_at = ?", last) == [(1,)] or self.is_read(agent), 60, agent.said)
        agent.end()
        runs = [r for c in truth for r in c["runs"]]
        wanted = Counter((r["table"], r["outcome"], r["rows"]) for r in runs if r["outcome"] in ENDED)
        found = Counter(agent.rows("SELECT table_name, outcome, rows FROM run WHERE outcome IN ('success', 'failed', 'timeout')"))
        self.assertEqual((sorted((wanted - found).items())[:5], sorted((found - wanted).items())[:5]), ([], []), "lost, and doubled or wrong")
        self.assertEqual(agent.rows("SELECT (SELECT count(*) FROM cycle), (SELECT count(*) FROM run)"), [(len(truth), len(runs))])
        print(f"# held: {form}: {len(lines)} lines, {len(truth)} cycles, {sum(wanted.values())} runs, "
              f"{sum(r['rows'] or 0 for r in runs)} rows, {rotations} rotations, {kills} kills: none lost, none doubled")

    def test_docker(self):
        self.counted("docker", 21, dated=False, parallel=True)

    def test_cri(self):
        self.counted("cri", 22, dated=False, newer=True)

    def test_plain(self):
        self.counted("plain", 23, parallel=True)


if __name__ == "__main__":
    unittest.main()
