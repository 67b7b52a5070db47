# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of another time in the log: an old log appended by mistake, one wrong stamp. The true lines are judged as if the others were
not there, in a replay and live, and it is said once."""

import random
import re
import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from hand import TABLE, cycle, record      # noqa: E402
from receiver import Receiver, pages       # noqa: E402

LOGS = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "logs").glob("*.log"))
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?=,\d{3} - )")
# The scheduler's own words, which stand in no other program's text of these logs.
OWN = re.compile(r"INFO - (Starting offload|OFFLOAD CYCLE|✓|Next run|Waiting|Duration|Success:|Total rows)")
SAID = "with a time far from"


def time_of(line):
    found = STAMP.match(line)
    return found and datetime.fromisoformat(found[0])


def shifted(line, by):
    at = time_of(line)
    return f"{at + by:%Y-%m-%d %H:%M:%S}{line[19:]}" if at else line


def span(lines):
    times = [at for at in map(time_of, lines) if at]
    return times[0], times[-1]


def replay(lines):
    """What is told, without the places of the evidence in the file."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".log") as log:
        log.writelines(lines)
        log.flush()
        done = run("replay", "--tz", "UTC", "--format", "json", "--until", "+30m", log.name)
    return [re.sub(r'"(evidence|offset)":("[^"]*"|\d+),?', "", line) for line in done.stdout.splitlines()], done.stderr


class Replays(unittest.TestCase):
    """Every log of the fixtures with lines of another day, month or year in it, earlier or later ones."""

    def variants(self, lines, other, dice):
        days = dice.choice([1, 2, 10, 31, 366, 3650])
        places = [i for i, line in enumerate(lines) if OWN.search(line)][3:]
        (first, last), (other_first, other_last) = span(lines), span(other)
        before = [shifted(line, first - other_last - timedelta(days=days)) for line in other]
        after = [shifted(line, last - other_first + timedelta(days=days)) for line in other]
        place = dice.choice(places)
        for sign in (-1, 1):
            stray = shifted(lines[place], sign * timedelta(days=days))
            yield f"one line {sign * days} days away", [*lines[:place], stray, *lines[place:]]
        for name, block in (("an earlier log", before), ("a later log", after)):
            yield f"{name} in the middle, {days} days away", [*lines[:place], *block, *lines[place:]]
        yield f"an earlier log at the end, {days} days away", [*lines, *before]
        old, mixed = [line for line in before if time_of(line)], []
        for i, line in enumerate(lines):
            mixed += [old[i % len(old)], line] if i in places else [line]
        yield f"an old line before every new one, {days} days away", mixed

    def test_the_true_lines_are_judged_as_if_the_others_were_not_there(self):
        dice = random.Random(4)
        count = 0
        for log in LOGS:
            lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
            other = dice.choice(LOGS).read_text(encoding="utf-8").splitlines(keepends=True)
            told, said = replay(lines)
            self.assertNotIn(SAID, said)
            for name, mixed in self.variants(lines, other, dice):
                with self.subTest(f"{log.stem}: {name}"):
                    count += 1
                    now_told, said = replay(mixed)
                    self.assertEqual(now_told, told)
                    self.assertEqual(said.count(SAID), 1, said)
        print(f"# held: {count} replays with lines of another time in them told what they told without")


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-stamps-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.file = self.enterContext(open(self.log, "a", buffering=1, encoding="utf-8"))
        self.receiver = self.enterContext(Receiver())
        self.agent = Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                           {"notify.reminder": "0", "metrics.textfile": str(self.directory / "agent.prom")})
        self.cycles = 0

    def cycle(self):
        """A good one, and it is stored."""
        self.file.write(cycle(datetime.now()))
        self.cycles += 1
        self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", self.cycles)

    def failure(self):
        self.file.write(record(datetime.now(), "OFFLOAD CYCLE STARTED") +
                        record(datetime.now(), f"✗ Offload failed: {TABLE}", "ERROR"))

    def settle(self):
        """Nothing was told of what stood in the log until now: what comes after it is seen."""
        self.cycle()
        self.assertEqual(pages(self.receiver.at("/hook")), [], self.agent.said())

    def test_one_line_of_another_time(self):
        with self.agent:
            self.cycle()
            for away in (timedelta(days=-10), timedelta(days=10), timedelta(hours=-1), timedelta(hours=24), timedelta(minutes=-5),
                         timedelta(days=-366), timedelta(days=3650)):
                self.file.write(record(datetime.now() + away, "OFFLOAD CYCLE STARTED"))
                self.settle()
            self.assertEqual(self.agent.said().count(SAID), 1, self.agent.said())

    def test_an_old_log_with_failures_is_appended(self):
        with self.agent:
            self.cycle()
            old = datetime.now() - timedelta(days=40)
            text = "".join(cycle(old + i * timedelta(minutes=15)).replace("✓ Offload completed", "✗ Offload failed") for i in range(96))
            self.file.write(text)
            self.settle()
            self.assertEqual(self.agent.said().count(SAID), 1, self.agent.said())
            state = self.agent.rows("SELECT value FROM state WHERE key = 'agent'")[0][0]
            self.assertRegex(state, rf"(?m)^stray_lines {text.count(chr(10))}$")
            self.agent.stop()
        metrics = (self.directory / "agent.prom").read_text(encoding="utf-8")
        self.assertRegex(metrics, rf"(?m)^iceberg_offload_agent_stray_lines_total\{{.*\}} {text.count(chr(10))}$")

    def test_an_old_line_after_every_new_one(self):
        with self.agent:
            for i in range(6):
                old = datetime.now() - timedelta(days=5) + i * timedelta(minutes=15)
                for line in cycle(datetime.now()).splitlines(keepends=True):
                    self.file.write(line + record(old, f"✗ Offload failed: {TABLE}", "ERROR"))
                self.cycles += 1
                self.agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", self.cycles)
            self.settle()

    def test_true_failures_beside_an_old_log_are_told(self):
        """An old log stands between them, and the agent is killed behind it."""
        old = datetime.now() - timedelta(days=40)
        self.agent.command += ["--set", "detect.burst=100ms"]
        with self.agent:
            self.cycle()
            self.failure()
            self.file.write("".join(cycle(old + i * timedelta(minutes=15)) for i in range(96)))
            self.agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'failed'", 1)
            self.agent.kill()
            self.agent.start()
            time.sleep(0.2)
            self.failure()
            first, = self.receiver.wait(1, timeout=10, path="/hook")
            self.assertEqual(pages([first])[0][0], "IcebergOffloadConsecutiveFailures")
            self.assertEqual(self.agent.rows("SELECT count(*) FROM cycle WHERE started_at < ?", (time.time() - 86400) * 1000), [(0,)])

    def test_an_old_log_that_was_appended_while_the_agent_was_down(self):
        with self.agent:
            self.cycle()
            self.agent.kill()
            old = datetime.now() - timedelta(days=40)
            self.file.write("".join(cycle(old + i * timedelta(minutes=15)) for i in range(96)))
            self.agent.start()
            wait_until(lambda: SAID in self.agent.said(), 10, self.agent.said)
            self.settle()

    def test_an_old_log_that_is_copied_here_piece_by_piece_is_read(self):
        """There was none before, so nothing contradicts it. The last of its lines are of today."""
        text = "".join(cycle(datetime.now() - timedelta(minutes=15) * i) for i in range(300, 0, -1))
        with self.agent:
            for piece in range(0, len(text), 20000):
                self.file.write(text[piece:piece + 20000])
                self.file.flush()
                time.sleep(0.1)
            self.agent.wait_for("SELECT count(*) FROM cycle", 300)
            self.assertNotIn(SAID, self.agent.said())

    def test_a_scheduler_that_was_off_for_a_week_is_believed(self):
        """Its first lines after the pause are written while the agent is down, and read from there."""
        week_ago = datetime.now() - timedelta(days=7)
        self.file.write("".join(cycle(week_ago + i * timedelta(minutes=15)) for i in range(4)))
        self.file.write(cycle(datetime.now() - timedelta(hours=1)) + cycle(datetime.now() - timedelta(minutes=44)))
        with self.agent:
            self.agent.wait_for("SELECT count(*) FROM cycle", 6)
            self.assertNotIn(SAID, self.agent.said())
            newest, = self.agent.rows("SELECT max(started_at) FROM cycle")[0]
            self.assertLess(abs(newest / 1000 - (datetime.now(timezone.utc) - timedelta(minutes=44)).timestamp()), 60)


if __name__ == "__main__":
    unittest.main()
