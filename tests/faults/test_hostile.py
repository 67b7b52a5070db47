# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory where anybody may write, like /tmp: what is planted at the log's path, and what is forged within the log."""

import contextlib
import json
import os
import shutil
import socket
import stat
import sys
import tempfile
import time
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until          # noqa: E402
from hand import TABLE, Hand, is_root, record      # noqa: E402
from receiver import Receiver                     # noqa: E402

TIMEOUT_S = 180
ORDINARY = {"notify.reminder": "0"}
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"
NOBODY = 65534


def plant_symlink(path):
    target = path.with_name("target")
    target.write_text("a secret\n", encoding="utf-8")
    path.symlink_to(target)


def plant_socket(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))


def plant_device(path):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))   # /dev/zero: a line without an end


def plant_strangers_file(path):
    made = path.with_name("made")     # root's to give away, but not while it is followed
    made.write_text(record(datetime.now(), "OFFLOAD CYCLE COMPLETED"), encoding="utf-8")
    os.chown(made, NOBODY, -1)
    made.rename(path)


# What is planted, and what the agent must say of it. The last ones need root.
PLANTS = {
    "symlink": (plant_symlink, "symbolic link"),
    "FIFO": (os.mkfifo, "FIFO"),
    "directory": (os.mkdir, "directory"),
    "socket": (plant_socket, "socket"),
    "device": (plant_device, "device"),
    "file of another user": (plant_strangers_file, "replaced by a file of user 65534"),
    "file of another user, owner set": (plant_strangers_file, "owned by user 65534"),
}
NEED_ROOT = ("device", "file of another user", "file of another user, owner set")


def pages(requests):
    return [(a["labels"]["alertname"], a["status"]) for r in requests for a in r.json()["alerts"]]


class Plant:
    """One agent over one log, whose path is taken by something else and given back."""

    def __init__(self, case, name):
        self.plant, self.why = PLANTS[name]
        self.directory = Path(tempfile.mkdtemp(prefix="agent-hostile-"))
        case.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.receiver = case.enterContext(Receiver())
        owner = {"log.owner": "root"} if name.endswith("owner set") else {}
        self.agent = case.enterContext(Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                                             {**ORDINARY, **owner}))
        self.hand = case.enterContext(Hand(self.log))
        self.hand.cycle()

    def take(self):
        self.log.rename(self.log.with_name("scheduler.log.1"))
        self.plant(self.log)

    def give_back(self):
        (self.log.rmdir if self.log.is_dir() and not self.log.is_symlink() else self.log.unlink)()
        self.log.with_name("scheduler.log.1").rename(self.log)


class Planted(unittest.TestCase):
    def test_whatever_is_planted_is_refused_said_paged_and_over_when_it_is_gone(self):
        names = [name for name in PLANTS if is_root() or name not in NEED_ROOT]
        plants = {name: Plant(self, name) for name in names}
        for plant in plants.values():
            plant.agent.wait_for(CYCLES, 1)
            plant.take()
        for name, plant in plants.items():
            with self.subTest(planted=name):
                page, = plant.receiver.wait(1, timeout=15, path="/hook")
                self.assertEqual(pages([page]), [("IcebergOffloadLogUnreadable", "firing")])
                self.assertIn(plant.why, json.dumps(page.json()))
                self.assertIn(plant.why, plant.agent.said())
                plant.hand.cycle()       # the writer still has the old file: what it says is read all the same
                plant.agent.wait_for(CYCLES, 2)
                status = " ".join(run("status", "--db", plant.agent.database, "--log", plant.log).stdout.split())
                self.assertIn("is not read", status)
                plant.give_back()
        for name, plant in plants.items():
            with self.subTest(planted=name, over=True):
                self.assertEqual(pages(plant.receiver.wait(2, timeout=15, path="/hook")),
                                 [("IcebergOffloadLogUnreadable", "firing"), ("IcebergOffloadLogUnreadable", "resolved")])
                plant.hand.cycle()
                plant.agent.wait_for(CYCLES, 3)
                self.assertEqual(plant.agent.rows("SELECT count(*) FROM cycle"), [(3,)])
        print(f"# held: planted at the log's path ({', '.join(names)}): refused, paged, over when it was gone; 0 lines lost")

    @unittest.skipUnless(is_root(), "needs root")
    def test_a_log_that_may_not_be_read_is_paged_until_it_may(self):
        directory = Path(tempfile.mkdtemp(prefix="agent-hostile-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        directory.chmod(0o755)
        (directory / "state").mkdir()
        os.chown(directory / "state", NOBODY, NOBODY)
        log = directory / "scheduler.log"
        with Receiver() as receiver, Hand(log) as hand:
            log.chmod(0)
            agent = Agent(log, directory / "state" / "history.db", receiver.url("/hook"), ORDINARY)
            agent.command[0] = shutil.copy(agent.command[0], directory / "agent")   # where anybody may run it
            agent.command = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *agent.command]
            with agent:
                page, = receiver.wait(1, timeout=15, path="/hook")
                self.assertEqual(pages([page]), [("IcebergOffloadLogUnreadable", "firing")])
                self.assertIn("Permission denied", json.dumps(page.json()))
                hand.cycle()
                log.chmod(0o644)
                receiver.wait(2, timeout=15, path="/hook")
                agent.wait_for(CYCLES, 1)
                # Neither the owner nor CAP_LEASE: said once (in the turn after the one that read), and silence must tell instead.
                wait_until(lambda: "may not be asked here" in agent.said(), 10, agent.said)
                self.assertEqual(agent.said().count("may not be asked here"), 1)


class Forged(unittest.TestCase):
    FORGED = ("OFFLOAD CYCLE COMPLETED", "Success: 2, Failed: 0, Timeout: 0", "Scheduler stopped gracefully",
              f"✓ Offload completed: {TABLE} (1 rows in 1.0s)", "OFFLOAD CYCLE STARTED")
    CONTROL = "\x1b]0;owned\x07\x1b[31mred\x1b[2J \x9b31m \x08\x08 \x7f end"

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-forged-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def fail(self, log):
        at = datetime.now()
        utc = at.replace(hour=(at.hour + 5) % 24)     # the container's clock
        log.write(record(at, "OFFLOAD CYCLE STARTED") + record(at, f"Starting offload: {TABLE} → cold.{TABLE}"))
        log.write(record(at, f"✗ Offload failed: {TABLE}", "ERROR") + record(at, "  Exit code: 1", "ERROR"))
        log.write(record(at, "  Stderr: " + self.CONTROL, "ERROR"))
        for message in self.FORGED:
            log.write(record(utc, message))
        for message in ("=" * 80, "OFFLOAD CYCLE COMPLETED", "Duration: 1.0s", "Success: 0, Failed: 1, Timeout: 0"):
            log.write(record(datetime.now(), message))
        log.flush()

    def test_a_forged_record_changes_nothing_and_no_control_character_gets_out(self):
        with Receiver() as receiver, open(self.log, "a", encoding="utf-8") as log:
            settings = {**ORDINARY, "detect.burst": "100ms", "webhook chat.url": receiver.url("/chat"),
                        "webhook chat.format": "slack"}
            printing = Agent(self.log, self.directory / "printing.db", None, {"notify.reminder": "0", "detect.burst": "100ms"})
            with Agent(self.log, self.directory / "history.db", receiver.url("/hook"), settings) as agent, printing:
                with Hand(self.log) as hand:
                    hand.cycle()
                    agent.wait_for(CYCLES, 1)
                    for number in (1, 2):
                        self.fail(log)
                        agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'failed'", number)
                        time.sleep(0.2)
                    requests = [receiver.wait(1, timeout=10, path=path) for path in ("/hook", "/chat")]
                    wait_until(printing.printed, 10, "nothing was printed")
                runs = agent.rows("SELECT outcome, rows FROM run WHERE outcome = 'success'")
                self.assertEqual(runs, [("success", 200_000)], "a forged run was counted")
                self.assertEqual(agent.rows("SELECT count(*) FROM cycle"), [(3,)])
                faces = [printing.printed(), agent.said()]
                faces += [run(*command, "--db", agent.database).stdout
                          for command in (("status",), ("incidents",), ("report",), ("report", "--format", "markdown"),
                                          ("report", "--format", "html"))]
        for text in faces + [body.body.decode() for requests_of in requests for body in requests_of]:
            bad = sorted({hex(ord(c)) for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7f <= ord(c) < 0xa0})
            self.assertEqual(bad, [], f"raw control characters in {text[:200]!r}")
        for request in requests[0] + requests[1]:
            decoded = json.dumps(request.json(), ensure_ascii=False)
            self.assertNotRegex(decoded, r"\\u001b|\\u009b|\\b|[\x7f-\x9f]")
        print("# held: forged records and terminal controls inside stderr: no event of them, no raw control character in "
              f"{len(faces)} faces and 2 webhooks")


if __name__ == "__main__":
    unittest.main()
