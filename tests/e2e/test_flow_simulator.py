# SPDX-License-Identifier: GPL-2.0-or-later
"""The flow's simulator speaks as the platform's flow does, in every frame, and its truth is what its log says."""
import json
import re
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from simulator.flow.console import SPLIT_BYTES              # noqa: E402
from simulator.flow.stage import HOUR, MINUTE, FlowStage    # noqa: E402
from simulator.flow_simulator import write_flow             # noqa: E402
from simulator.voice import CLICKHOUSE_REFUSED              # noqa: E402

RECORD = re.compile(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{3} \| (INFO   |ERROR  ) \| (.*)")


def unwrap(text, frame):
    """The lines as the container's programs wrote them."""
    if frame == "plain":
        return text
    out = []
    for line in text.splitlines():
        if frame == "docker":
            out.append(json.loads(line)["log"])
        else:
            _, _, tag, rest = line.split(" ", 3)
            out.append(rest + ("\n" if tag == "F" else ""))
    return "".join(out)


class Writing(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name, "flow.log")

    def write(self, seed=3, days=2, kind="rough", **choices):
        truth = write_flow(self.log, kind, seed, days, **choices)
        return truth, self.log.read_text(encoding="utf-8")

    def test_the_same_seed_writes_the_same_bytes(self):
        first = self.write(days=1)
        self.assertEqual(self.write(days=1), first)
        self.assertNotEqual(self.write(seed=4, days=1)[1], first[1])

    def test_every_frame_holds_the_same_lines(self):
        truth, plain = self.write(parallel=True)
        self.assertEqual(plain.count("\n"), truth["lines"])
        self.assertTrue(any(len(line) > SPLIT_BYTES for line in plain.splitlines()), "no line is so long that it is split")
        for frame in ("docker", "cri"):
            framed_truth, text = self.write(parallel=True, frame=frame)
            self.assertEqual(framed_truth, truth)
            self.assertEqual(unwrap(text, frame), plain, frame)
            self.assertGreater(text.count("\n"), plain.count("\n"), f"{frame}: no line was split")

    def test_without_a_date_only_the_date_is_missing(self):
        dated, undated = self.write()[1], self.write(dated=False)[1]
        self.assertEqual(re.sub(r"(?m)^\d{4}-\d\d-\d\d (?=\d\d:\d\d:\d\d\.\d{3} \| )", "", dated), undated)

    def test_the_truth_is_what_the_lines_say(self):
        for parallel in (False, True):
            truth, text = self.write(days=4, parallel=parallel)
            runs = [r for c in truth["cycles"] for r in c["runs"]]
            rows = [int(m.replace(",", "")) for m in re.findall(r"Task run '[^']*' -   Rows: ([\d,]+)\n", text)]
            self.assertEqual(Counter(rows), Counter(r["rows"] for r in runs if r["outcome"] == "success"))
            exhausted = re.findall(r"(?m)Task run 'offload-table-\w+' - Task run failed .* - Retries are exhausted$", text)
            self.assertEqual(len(exhausted), sum(r["outcome"] in ("failed", "timeout") for r in runs))
            self.assertEqual(text.count("for flow 'iceberg-offload-main'"), len(truth["cycles"]))
            self.assertEqual(text.count("Starting offload: "), sum(r["attempts"] for r in runs))
            self.assertIn("iceberg-maintenance-main", text)

    def test_times_never_go_back(self):
        stamps = [m[0] for m in re.finditer(r"(?m)^2026-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}(?= \| )", self.write(parallel=True)[1])]
        self.assertEqual(stamps, sorted(stamps))

    def test_newer_texts_are_those_of_the_submission(self):
        self.assertIn("Completed submission of flow run '", self.write(days=1)[1])
        newer = self.write(days=1, newer=True)[1]
        self.assertNotIn("Completed submission", newer)
        self.assertRegex(newer, r"Flow run '[a-z-]+' submitted to infrastructure")


class Living(unittest.TestCase):
    def test_a_layer_is_tried_again_and_then_ends_the_cycle(self):
        stage = FlowStage("test", 1)
        stage.fate = lambda a: CLICKHOUSE_REFUSED if a.table == "bronze_trades_kraken" else None
        stage.run(30 * MINUTE)
        cycle = stage.cycles[0]
        self.assertEqual((cycle.outcome, len(cycle.not_reached)), ("failed", 8))
        self.assertEqual([(r.table, r.outcome, r.attempts) for r in cycle.runs],
                         [("bronze_trades_binance", "success", 1), ("bronze_trades_kraken", "failed", 3)] * 2)
        self.assertEqual(stage.text().count("Received non-final state 'AwaitingRetry'"), 1)

    def test_missed_runs_start_at_once_after_an_outage_and_none_after_a_pause(self):
        stage = FlowStage("test", 1)
        stage.run(20 * MINUTE)
        stage.kill_worker()
        stage.wait(2 * HOUR + 5 * MINUTE)
        stage.run(2 * HOUR + 6 * MINUTE)
        late = [c for c in stage.cycles if c.started_us > stage.monday_us + 2 * HOUR * 1_000_000]
        self.assertEqual(len(late), 7)
        stage.run(3 * HOUR + MINUTE)
        stage.pause()
        before = len(stage.cycles)
        stage.run(5 * HOUR + 5 * MINUTE)
        stage.resume()
        stage.run(5 * HOUR + 10 * MINUTE)
        self.assertEqual(len(stage.cycles), before)

    def test_a_container_that_is_recreated_has_a_file_of_its_own(self):
        stage = FlowStage("test", 1, frame="docker")
        stage.run(20 * MINUTE)
        stage.recreate()
        stage.run(40 * MINUTE)
        self.assertEqual(len(stage.containers), 2)
        self.assertIn("Beginning flow run", "".join(stage.containers[1]))

    def test_every_record_is_in_the_console_format(self):
        stage = FlowStage("test", 1)
        stage.run(20 * MINUTE)
        bare = [line for line in stage.text().splitlines() if not RECORD.fullmatch(line)]
        self.assertEqual(len(bare), 2, bare)         # what the worker prints when it starts


if __name__ == "__main__":
    unittest.main()
