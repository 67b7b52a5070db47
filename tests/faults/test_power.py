# SPDX-License-Identifier: GPL-2.0-or-later
"""The power goes while the agent works: what the disk may hold then is a whole number of transactions, and reading goes on there.

A live agent is stopped for an instant and its database copied as a disk may keep it: the write-ahead log is whole as far as it
was synced (its index says how far a checkpoint went), and behind that torn, zeroed, full of holes or gone. An agent is started
on each such copy over the same log; in the end it has what the one has whose power stayed, and used the same keys.

    AGENT_POWER_CUTS=100 tests/run.py build faults/test_power        # a dozen without it
"""
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

import test_storage                               # noqa: E402
from agent import wait_until                      # noqa: E402
from scheduler import Scheduler                   # noqa: E402
from test_storage import KRAKEN                   # noqa: E402

CUTS = int(os.environ.get("AGENT_POWER_CUTS", "12"))
LOOKS = 25                                        # at ways in which the same moment may be kept, beside the one that an agent goes on with
AGENTS_AT_ONCE = 12
TIMEOUT_S = 900
WAL_HEADER, FRAME = 32, 24 + 4096
# In the first page of the WAL's index: the frames that are committed, those moved to the database, those about to be.
FRAMES_AT, MOVED_AT, MOVING_AT = 16, 96, 128

WHOLE = {
    "SELECT count(*) FROM cycle": b"OFFLOAD CYCLE STARTED",
    "SELECT count(*) FROM run": b"Starting offload: ",
    "SELECT count(*) FROM run WHERE outcome = 'success'": b"Offload completed: ",
}
ENDED = "SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL"
KEYS = ("SELECT i.id, i.opened_at, n.sequence FROM outbox o JOIN notification n ON n.id = o.notification_id"
        " JOIN incident i ON i.id = n.incident_id")
LOOSE = ("SELECT count(*) FROM notification WHERE incident_id NOT IN (SELECT id FROM incident)",
         "SELECT count(*) FROM outbox WHERE notification_id NOT IN (SELECT id FROM notification)",
         "SELECT count(*) FROM timeline WHERE incident_id NOT IN (SELECT id FROM incident)")


def ends(read):
    """How many cycles ended in this part of the log. Behind a failure with a short stderr the last end is held until the next run is
    announced, or nothing follows for a second: then both numbers are right. Every other end is known."""
    count, last = read.count(b"OFFLOAD CYCLE COMPLETED"), read.rpartition(b"OFFLOAD CYCLE STARTED")[2]
    held = b"OFFLOAD CYCLE COMPLETED" in last and b"Offload failed: " in last and b"Next run scheduled at" not in last
    return (count - 1, count) if held else (count,)


class Moment:
    """The database of a running agent at one moment, and how much of its WAL cannot be lost any more."""

    def __init__(self, agent):
        database = Path(agent.database)
        agent.process.send_signal(signal.SIGSTOP)
        try:
            stat = Path(f"/proc/{agent.process.pid}/stat")
            wait_until(lambda: stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "T")
            self.database = database.read_bytes()
            self.wal = Path(f"{database}-wal").read_bytes()
            index = Path(f"{database}-shm").read_bytes()
        finally:
            agent.process.send_signal(signal.SIGCONT)
        self.frames, self.moved, moving = (struct.unpack_from("=I", index, at)[0] for at in (FRAMES_AT, MOVED_AT, MOVING_AT))
        self.synced = WAL_HEADER + FRAME * max(self.moved, moving) if max(self.moved, moving) else 0
        self.end = WAL_HEADER + FRAME * self.frames

    def keep(self, path, dice):
        """Writes what may be left of it. Returns how."""
        wal, at = bytearray(self.wal), dice.randint(min(self.synced, self.end), self.end)
        how = dice.choice(("torn", "zeroes", "holes", "gone"))
        if how == "gone" and self.synced:
            how = "torn"
        if how == "torn":
            del wal[at:]
        elif how == "zeroes":
            wal[at:] = bytes(len(wal) - at)
        elif how == "holes":
            for block in range(at // 4096 + 1, self.end // 4096 + 1):
                if dice.random() < 0.3:
                    wal[block * 4096:(block + 1) * 4096] = bytes(len(wal[block * 4096:(block + 1) * 4096]))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.database)
        if how != "gone":
            Path(f"{path}-wal").write_bytes(wal)
        return f"{how} at {at} of {self.end}, synced to {self.synced}"


class PowerLoss(test_storage.StorageCase):
    def assert_whole(self, path, how):
        """What the database says of the log is what stands before the reading position, no more and no less."""
        with contextlib.closing(sqlite3.connect(path)) as database:
            def one(query):
                return database.execute(query).fetchone()[0]
            self.assertEqual(one("PRAGMA quick_check"), "ok", how)
            offset = one("SELECT coalesce(max(offset), 0) FROM source")
            read = self.log.read_bytes()[:offset]
            for query, text in WHOLE.items():
                self.assertEqual(one(query), read.count(text), f"{query}; {how}; read up to {offset}")
            self.assertIn(one(ENDED), ends(read), f"{how}; read up to {offset}")
            for query in LOOSE:
                self.assertEqual(one(query), 0, f"{query}; {how}")
            self.assert_parts_are_as_new(database, how)
        return offset

    def assert_parts_are_as_new(self, database, how):
        """The rows of the state by part are of the same transaction as the rows of runs and incidents."""
        states = {re.search("^table =(.*)$", value, re.M)[1]: int((re.search(r"^success_run (\d+)$", value, re.M) or "00")[1])
                  for value, in database.execute("SELECT value FROM table_state")}
        runs = dict.fromkeys((name for name, in database.execute("SELECT table_name FROM run")), 0)
        runs.update((name, run if outcome == "success" else 0) for name, outcome, run in database.execute(
            "SELECT table_name, outcome, id FROM run WHERE ended_at IS NOT NULL ORDER BY id"))
        self.assertEqual(states, runs, how)
        opened, known = (set(database.execute(query)) for query in ("SELECT id FROM incident WHERE state = 'open'",
                                                                    "SELECT incident_id FROM incident_state"))
        self.assertLessEqual(opened, known, how)

    def checkpoint(self):
        """As the agent's own, which waits for more than the test writes."""
        with contextlib.closing(sqlite3.connect(self.directory / "steady.db")) as database:
            database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def test_what_a_power_cut_leaves_is_whole_and_goes_on_to_the_same_end(self):
        dice = random.Random(os.environ.get("AGENT_SEED", "20260303"))
        offsets, checkpointed, cycles = set(), 0, 0
        with contextlib.ExitStack() as stack:
            scheduler = stack.enter_context(Scheduler(self.log))
            steady = stack.enter_context(self.agent(self.directory / "steady.db", "/steady"))
            self.cycles(scheduler, 2)
            steady.wait_for(test_storage.GOOD, 2)
            cycles = 2
            for first in range(0, CUTS, AGENTS_AT_ONCE):
                survivors = []
                for number in range(first, min(CUTS, first + AGENTS_AT_ONCE)):
                    count = dice.randint(2, 5)
                    self.cycles(scheduler, count, failing=[KRAKEN] if number % 2 else [])
                    cycles += count
                    if dice.random() < 0.4:
                        self.checkpoint()
                    keys = set(self.keys("/steady"))
                    moment = Moment(steady)
                    checkpointed += moment.moved > 0
                    for _ in range(LOOKS):
                        path = self.directory / "look" / "history.db"
                        offsets.add(self.assert_whole(path, moment.keep(path, dice)))
                        shutil.rmtree(path.parent)
                    path = self.directory / f"cut-{number}" / "history.db"
                    how = moment.keep(path, dice)
                    survivors.append((stack.enter_context(self.agent(path, f"/cut-{number}")), f"/cut-{number}", keys, how))
                self.cycles(scheduler, 2)
                cycles += 2
                self.assert_the_same_end(steady, survivors, cycles)
        print(f"{CUTS} cuts, {CUTS * LOOKS} looks: {len(offsets)} different positions, {checkpointed} behind a checkpoint",
              file=sys.stderr)
        self.assertGreater(len(offsets), CUTS)
        self.assertGreater(checkpointed, 0)

    def assert_the_same_end(self, steady, survivors, cycles):
        for agent in (steady, *(survivor[0] for survivor in survivors)):
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", cycles, 30)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0, 30)
        log = next(iter(self.keys("/steady"))).rsplit("#", 1)[0]
        for agent, path, sent_before, how in survivors:
            self.assert_same_rows(steady, agent)
            # What newer news overtook before it was sent differs with the moment.
            known, told = ({f"{log}#{incident}@{opened}/{sequence}" for incident, opened, sequence in agent.rows(KEYS + condition)}
                           for condition in ("", " WHERE o.status != 'superseded'"))
            keys = set(self.keys(path))
            self.assertLessEqual(keys, known, f"another key; {how}")
            self.assertLessEqual(told, keys | sent_before, f"a page is missing; {how}")
            self.assertNotIn("corrupt", agent.said(), how)
            agent.kill()


if __name__ == "__main__":
    unittest.main()
