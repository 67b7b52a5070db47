# SPDX-License-Identifier: GPL-2.0-or-later
"""[log] format: what a container wrote is read out of its frames, on every way into the agent; times without a date get their day; and no line
is lost or doubled over rotations, splits and kills. FRAMES_DAYS=30 counts a simulated month in each format (`make frames-month`)."""
import datetime
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from framed import FORMATS, PATTERNS, Flow, frames, rotate_docker, rotate_kubelet   # noqa: E402

UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2026, 2, 17, 22, 30, 0, 112000, tzinfo=UTC)
DAYS = float(os.environ.get("FRAMES_DAYS", "1"))
CYCLE_S = 0.02       # instead of a quarter of an hour
TIMEOUT_S = 900


class FramesCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-frames-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.patterns = self.directory / "patterns.conf"
        self.patterns.write_text(PATTERNS, encoding="utf-8")
        self.log = self.directory / "box" / "0.log"
        self.log.parent.mkdir()

    def settings(self, form, **more):
        return ["--set", f"log.patterns={self.patterns}", "--set", "log.timezone=UTC", "--set", f"log.format={form}",
                *(word for key, value in more.items() for word in ("--set", f"{key}={value}"))]

    def write(self, data, at, mode="ab"):
        with open(self.log, mode) as file:
            file.write(data)
        os.utime(self.log, (at.timestamp(), at.timestamp()))


class OneShot(FramesCase):
    def events(self, form, *options):
        done = run("parse", *self.settings(form), *options, self.log)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [{key: value for key, value in json.loads(line).items() if key != "offset"} for line in done.stdout.splitlines()], done.stderr

    def test_all_formats_say_the_same(self):
        said = {}
        for form in FORMATS:
            flow = Flow(form, BEGIN, 1)
            self.write(b"".join(flow.cycle() for _ in range(200)), flow.now - datetime.timedelta(minutes=14), "wb")
            events, stderr = self.events(form)
            self.assertEqual(stderr if form == "plain" else "", "")
            said[form] = [event for event in events if event["event"] != "ignore"]
            completed = [event for event in events if event["event"] == "run_completed"]
            self.assertEqual([(event["table"], event["number"]) for event in completed], [(table, rows) for table, _, rows in flow.truth])
            started = [datetime.datetime.fromisoformat(event["time"]).timestamp() for event in events if event["event"] == "run_started"]
            self.assertEqual([round(at * 1000) for at in started], [at for _, at, _ in flow.truth], form)
        self.assertEqual(said["docker"], said["cri"])
        self.assertEqual(said["docker"], said["plain"])

    def test_an_offset_is_a_byte_of_the_file(self):
        for form in ("docker", "cri"):
            flow = Flow(form, BEGIN, 2)
            data = b"".join(flow.cycle() for _ in range(20))
            self.write(data, flow.now, "wb")
            for line in run("parse", *self.settings(form), self.log).stdout.splitlines():
                event = json.loads(line)
                frame = data[event["offset"]:].split(b"\n")[0]
                self.assertTrue(event["offset"] == 0 or data[event["offset"] - 1:event["offset"]] == b"\n")
                if "table" in event:
                    self.assertIn(event["table"].encode(), frame)

    def test_broken_frames_are_said_and_stop_nothing(self):
        flow = Flow("docker", BEGIN, 3)
        data = b'{"log":"half\n' + flow.cycle() + b"\0\0\0\n" + flow.cycle() + b'not a frame\n{"log":"open'
        self.write(data, flow.now, "wb")
        events, stderr = self.events("docker")
        self.assertEqual(len([event for event in events if event["event"] == "run_completed"]), 6)
        lines = data.count(b"\n") + 1
        self.assertIn(f"4 of {lines} lines are no frames of the format docker and taken as they are; the first begins at byte 0", stderr)
        replayed = run("replay", *self.settings("docker"), self.log)
        self.assertIn("lines are no frames of the format docker", replayed.stderr)
        self.assertEqual(replayed.returncode, 0)

    def test_a_day_can_be_said(self):
        flow = Flow("plain", BEGIN, 4)
        self.write(b"".join(flow.cycle() for _ in range(30)), datetime.datetime.now(UTC), "wb")
        events, _ = self.events("plain", "--date", "2026-02-17")
        started = [event["time"] for event in events if event["event"] == "cycle_started"]
        self.assertEqual(started[0][:19], "2026-02-17T22:30:00")
        self.assertEqual(started[6][:19], "2026-02-18T00:00:00")
        self.assertNotEqual(run("parse", *self.settings("plain"), "--date", "soon", self.log).returncode, 0)
        events, _ = self.events("plain")      # by the last write, which is now
        last = datetime.datetime.fromisoformat(events[-1]["time"])
        self.assertLess(abs((datetime.datetime.now(UTC) - last).total_seconds()), 43200 + 60)

    def test_whole_days_that_are_missing_are_said(self):
        flow = Flow("plain", BEGIN, 5)
        self.write(flow.cycle(), flow.now - datetime.timedelta(minutes=14), "wb")
        second = self.directory / "second.log"
        flow.now += datetime.timedelta(days=3)
        second.write_bytes(flow.cycle())
        at = (flow.now - datetime.timedelta(minutes=14)).timestamp()
        os.utime(second, (at, at))
        done = run("parse", *self.settings("plain"), self.log, second)
        self.assertIn("3 days are missing", done.stderr)
        started = [json.loads(line)["time"][:10] for line in done.stdout.splitlines() if "cycle_started" in line]
        self.assertEqual(started, ["2026-02-17", "2026-02-20"])

    def test_a_doctor_guesses_the_format(self):
        for form in ("docker", "cri"):
            flow = Flow(form, BEGIN, 6)
            self.write(flow.cycle(), flow.now, "wb")
            done = run("doctor", *self.settings("plain", **{"history.db": self.directory / "none.db"}), "--set", f"log.path={self.log}", "--format", "json")
            self.assertIn(f"log.format is plain, and the newest line looks like {form}", done.stdout)
            done = run("doctor", *self.settings(form, **{"history.db": self.directory / "none.db"}), "--set", f"log.path={self.log}", "--format", "json")
            self.assertNotIn("looks like", done.stdout)
            self.assertIn("are understood", done.stdout)
            self.assertIn(f"[log]\nformat = {form}\n", run("doctor", "--suggest", "--set", f"log.path={self.log}").stdout)


class Counted(FramesCase):
    """A log that is written now, in pieces that end anywhere, and rotated, while the agent is killed again and again: each run once."""

    def agent(self, form, path=None):
        slow = {f"schedule.{key}": "1h" for key in ("late_warning", "table_timeout", "restart_grace", "stop_grace", "hang_grace")}
        return Agent(path or self.log, self.directory / f"{form}.db", None,
                     {**slow, "schedule.late_critical": "2h", "schedule.interval": "500ms", "detect.lag_warning": "1h", "detect.lag_critical": "2h",
                      "log.patterns": self.patterns, "log.timezone": "UTC", "log.format": form, "notify.reminder": "0"})

    def rotate(self, form, compress):
        if form == "cri":
            rotate_kubelet(str(self.log))
        else:
            rotate_docker(str(self.log), compress=compress)

    def put(self, data):
        """In pieces, as a pipe and a full buffer make them."""
        while data:
            size = self.chance.randint(1, len(data))
            with open(self.log, "ab") as file:
                file.write(data[:size])
            data = data[size:]

    def read_all(self, agent, flow):
        if os.stat(self.log).st_size == 0:
            self.put(flow.cycle())     # the position in a new file is stored with its first line
        def is_read():
            status = os.stat(self.log)
            return (status.st_ino, status.st_size) in agent.rows("SELECT inode, offset FROM source")
        wait_until(is_read, 20, lambda: f"not read to its end: {agent.rows('SELECT inode, offset FROM source')}, {os.stat(self.log)}; {agent.said()}")

    def may_die(self, agent):
        """Three deaths in a row before the first commit make the next start do without its state: faults/test_starts."""
        return agent.rows("SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 2") in ([], [(0,)])

    def counted(self, form, seed, path=None):
        self.chance = random.Random(seed)
        flow = Flow(form, None, seed)
        compress = self.chance.random() < 0.5
        kills = rotations = unread = 0
        self.put(flow.cycle())
        agent = self.agent(form, path).start()
        self.read_all(agent, flow)
        turn_at = time.monotonic() + 0.2
        while flow.cycles < DAYS * 96:
            self.put(flow.cycle())
            time.sleep(CYCLE_S)
            if self.chance.random() < 0.05 and unread < 3:
                self.rotate(form, compress)
                rotations, unread = rotations + 1, unread + 1
            if time.monotonic() < turn_at or not self.may_die(agent):
                continue
            if agent.process.poll() is None and unread < 3:
                agent.kill()
                kills += 1
            elif agent.process.poll() is None:
                self.read_all(agent, flow)
                unread = 0
            else:
                agent.start()
            turn_at = time.monotonic() + self.chance.uniform(0.02, 0.35)
        if agent.process.poll() is not None:
            agent.start()
        self.read_all(agent, flow)
        agent.end()
        self.assertEqual(agent.rows("SELECT table_name, started_at, rows FROM run ORDER BY id"), [tuple(run) for run in flow.truth], agent.said())
        self.assertEqual(agent.rows("SELECT count(*) FROM cycle WHERE outcome = 'success'"), [(flow.cycles,)])
        print(f"# held: {form}: {flow.cycles} cycles, {len(flow.truth)} runs, {rotations} rotations, {kills} kills: none lost, none doubled")

    def test_docker(self):
        self.counted("docker", 11)

    def test_cri_by_its_link(self):
        link = self.directory / "containers.log"
        link.symlink_to(self.log)
        self.counted("cri", 12, link)

    def test_plain_without_dates(self):
        self.counted("plain", 13)


if __name__ == "__main__":
    unittest.main()
