# SPDX-License-Identifier: GPL-2.0-or-later
"""What a line costs does not grow with what is known: the bytes that the live agent writes."""

import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent   # noqa: E402
from simulator.voice import Voice   # noqa: E402

BYTES_MOST = 8000
SETTINGS = {"log.timezone": "UTC", "history.retention": "20000d", "detect.lag_warning": "1d", "detect.lag_critical": "2d",
            "schedule.late_warning": "1d", "schedule.late_critical": "2d"}


def written(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return int(io.read().split("wchar: ")[1].split()[0])


class Now:
    @staticmethod
    def stamp():
        return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]

    @staticmethod
    def isoformat():
        return datetime.now(timezone.utc).replace(tzinfo=None).isoformat()


class Growth(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-growth-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def bytes_a_line(self, tables, cycles):
        """The mean over cycles whose lines come one by one, checkpoints and all."""
        names = [f"bronze_trades_{i:05d}" for i in range(tables)]
        with open(self.log, "w", encoding="utf-8") as log, Agent(self.log, self.directory / f"{tables}.db", settings=SETTINGS) as agent:
            voice = Voice(lambda text: (log.write(text), log.flush()), Now(), tables=tables)

            def cycle(pause_s):
                voice.cycle_started(tables)
                for name in names:
                    voice.run_started(name)
                    time.sleep(pause_s)
                    voice.run_completed(name, 3000, 1.0)
                    time.sleep(pause_s)
                voice.cycle_completed(1.0, tables, 0, 0, 3000 * tables)

            for _ in range(3):
                cycle(0)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 3)
            time.sleep(0.5)
            before, lines = written(agent.process.pid), len(self.log.read_text().splitlines())
            for _ in range(cycles):
                cycle(0.01)
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 3 + cycles)
            time.sleep(0.5)
            return (written(agent.process.pid) - before) / (len(self.log.read_text().splitlines()) - lines)

    def test_a_line_writes_what_it_changed(self):
        for tables, cycles in ((2, 20), (64, 2), (256, 1)):
            with self.subTest(tables=tables):
                self.assertLess(self.bytes_a_line(tables, cycles), BYTES_MOST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
