# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at any moment changes nothing.

Two agents follow the same log, a month compressed into minutes (lib/month.py) that is rotated every day. One is left alone,
the other one is killed all the time: at random moments from outside, and within chosen system calls by kill_shim.so. At the
end both histories are the same row by row, and both receivers got the same notifications under the same keys.

    AGENT_KILLS=500 tests/run.py build faults        # a month; without it, some days
"""
import bisect
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import month                                      # noqa: E402
from agent import BINARY, Agent, wait_until       # noqa: E402
from receiver import Receiver                     # noqa: E402

KILLS = int(os.environ.get("AGENT_KILLS", "45"))
LIFE_S = 0.55                                     # of an agent, on average, with what its start takes; longer where a start takes long
TIMEOUT_S = 1800
SHIM = Path(os.environ.get("BUILD", Path(BINARY).parent)).resolve() / "tests" / "kill_shim.so"

# The classes of calls to die in, and up to which one: a checkpoint or an answer comes seldom, a page is written often.
AIMS = (("read", 60), ("write", 40), ("write", 250), ("within", 15), ("sync", 3), ("send", 3), ("answer", 3))
WITHIN = "history_prune"

# What somebody must have died at, and the aims for that. A busy machine gets an agent less far in its life than the dice expect: from
# a third of the kills on, what still lacks a death is aimed at, and its agent lives until it comes to that.
WANTED = {"reading": ("read", 60), "committing": ("write", 40), "pruning": ("within", 15), "sending": ("send", 3)}
WANTED_IN_A_MONTH = {"checkpoint": ("sync", 3), "opening": ("write", 40)}
PATIENCE_S = 10

# What an agent is at when one of these is on its stack; the first that fits.
WORK = (("pruning", {"history_prune"}), ("checkpoint", {"history_note_wal", "checkpoint_thread"}),
        ("committing", {"history_commit", "commit_once"}), ("opening", {"history_open", "history_connect"}),
        ("reading", {"follow_read", "tail_read", "tail_open", "follow_look"}), ("closing", {"history_close"}))

# Compared whole but for how an entry was sent. An escalation goes out in the moment after the one that made it due, or when the
# crowded hour is over: in another one, if the agent was dead in that. So whether there was one counts, and not when.
TABLES = ("cycle", "run", "incident", "timeline", "notification", "outbox")
SENDING = ("attempts", "next_attempt_at", "delivered_at", "last_error")
WHENEVER = {
    ("incident", "escalated_at"): "escalated_at IS NOT NULL",
    ("timeline", "at"): "CASE WHEN kind = 'notified' AND text LIKE 'escalated%' THEN 0 ELSE at END",
    ("notification", "at"): "CASE status WHEN 'escalated' THEN 0 ELSE at END",
    ("outbox", "created_at"): "(SELECT CASE status WHEN 'escalated' THEN 0 ELSE created_at END FROM notification WHERE id = notification_id)",
}


def functions():
    """The program's functions by address: (addresses, names)."""
    lines = subprocess.run(["nm", "--defined-only", BINARY], capture_output=True, text=True, check=True).stdout.splitlines()
    symbols = (line.split() for line in lines)   # what the linking optimised has symbols without a name, too
    known = sorted((int(symbol[0], 16), symbol[2]) for symbol in symbols if len(symbol) == 3 and symbol[1] in "tT")
    return [address for address, _ in known], [name for _, name in known]


def work_of(line, addresses, names):
    """What a line of the shim's journal says the agent was at."""
    kind, _, *offsets = line.split()
    stack = {names[bisect.bisect(addresses, int(offset, 16)) - 1] for offset in offsets if int(offset, 16) >= addresses[0]}
    for work, marks in WORK:
        if stack & marks:
            return work
    return {"send": "sending", "answer": "sending"}.get(kind, "elsewhere")


class WaitingWriter(unittest.TestCase):
    def test_no_line_is_older_than_its_writing(self):
        """However long a busy machine keeps the writer waiting: that is what the comparison of the two agents rests on."""
        with tempfile.TemporaryDirectory(prefix="agent-kills-") as directory:
            log = Path(directory) / "scheduler.log"
            writer = month.Writer(log, 0.1, 7)
            slept, sleep = [], time.sleep

            def oversleep(seconds):
                slept.append(seconds)
                sleep(seconds + (month.AHEAD_S + 0.5 if len(slept) == 40 else 0.0))

            with mock.patch.object(month.time, "sleep", oversleep):
                writer.start()
                writer.join()
            self.assertGreater(len(slept), 80)
            self.assertLess(writer.oldest_s, -month.AHEAD_S / 2)
            stamps = [line[:23] for path in sorted(log.parent.iterdir(), reverse=True) for line in path.read_text().splitlines()
                      if line[4:5] == "-" and line[10:11] == " "]
            self.assertEqual(len(stamps), writer.records)
            self.assertEqual(stamps, sorted(stamps))


class Kills(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-kills-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.journal = self.directory / "journal"
        self.dice = random.Random(os.environ.get("AGENT_SEED", "20260303"))
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.seconds, self.spared, self.life_s = KILLS * LIFE_S, 0, LIFE_S
        self.kept_s = max(6, round(self.seconds * 0.5))     # half of the rows are compared; in the other half of the time the killed one dies while it prunes, too

    def agent(self, name):
        settings = {**month.SETTINGS, "history.retention": f"{self.kept_s}s"}
        return Agent(self.directory / "scheduler.log", self.directory / f"{name}.db", self.receiver.url(f"/{name}"), settings)

    def may_die_early(self, agent):
        """Three deaths in a row before the first commit make the next start do without its state: faults/test_starts."""
        return agent.rows("SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 2") in ([], [(0,)])

    def deaths(self):
        """How often somebody died at which work."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return collections.Counter(work_of(line, *self.functions) for line in lines)

    def lacking(self):
        """The aims for what nobody died at yet."""
        deaths = self.deaths()
        wanted = WANTED | (WANTED_IN_A_MONTH if KILLS >= 300 else {})
        return [aim for work, aim in wanted.items() if not deaths[work]]

    def kill(self, agent, aims):
        """One life and its end; true if it ended where it was aimed at. `aims` says where it must be, or is empty."""
        if not self.may_die_early(agent):
            self.spared += 1
            begun_s = time.monotonic()
            agent.start()
            agent.wait_for("SELECT value FROM state WHERE key = 'starts'", "0", 30)
            self.life_s = max(self.life_s, 2 * (time.monotonic() - begun_s))
            time.sleep(self.dice.uniform(0.0, self.life_s))
            agent.kill()
            return False
        if not aims and self.dice.random() < 0.25:
            agent.start()
            time.sleep(self.dice.uniform(0.0, 2 * self.life_s))
            agent.kill()
            return False
        aim, most = self.dice.choice(aims or AIMS)
        agent.start({"LD_PRELOAD": str(SHIM), "KILL_JOURNAL": str(self.journal), "KILL_WITHIN": self.within,
                     "KILL_AT": f"{aim}:{self.dice.randint(1, most)}"})
        try:
            agent.process.wait(PATIENCE_S if aims else 2 * self.life_s)
        except subprocess.TimeoutExpired:
            pass
        aimed = agent.process.poll() is not None
        if aimed:
            self.assertEqual(agent.process.returncode, -9, agent.said()[-2000:])
        agent.kill()
        return aimed

    def rows(self, agent, table):
        """id -> row"""
        columns = [name for _, name, *_ in agent.rows(f"PRAGMA table_info({table})") if table != "outbox" or name not in SENDING]
        found = agent.rows(f"SELECT {', '.join(WHENEVER.get((table, name), name) for name in columns)} FROM {table}")
        return {row[0]: row for row in found}

    def compare(self, quiet, killed):
        """Retention works at every start and goes on meanwhile, so what the killed agent lacks must be old; all else is the same."""
        pruned = 0
        rows_left = {table: self.rows(killed, table) for table in TABLES}
        cut_ms = round((time.time() - self.kept_s) * 1000)
        old_incidents = {row[0] for row in quiet.rows("SELECT id FROM incident WHERE resolved_at < ?", cut_ms)}
        for table in TABLES:
            ours, theirs = self.rows(quiet, table), rows_left[table]
            differing = [(ours.get(key), row) for key, row in theirs.items() if ours.get(key) != row]
            self.assertEqual(differing[:3], [], f"{table}: {len(differing)} rows differ (left: the undisturbed agent's)")
            missing = set(ours) - set(theirs)
            pruned += len(missing)
            if table == "cycle":
                old = {row[0] for row in quiet.rows("SELECT id FROM cycle WHERE started_at < ?", cut_ms)}
            elif table == "run":
                old = {row[0] for row in quiet.rows("SELECT id FROM run WHERE cycle_id IN"
                                                    " (SELECT id FROM cycle WHERE started_at < ?)", cut_ms)}
            else:
                key = "id" if table == "incident" else "incident_id"
                old = {row[0] for row in quiet.rows(f"SELECT id, {key} FROM {table}") if row[1] in old_incidents}
            lost = sorted(missing - old)
            self.assertEqual(lost, [], f"{table}: missing since {cut_ms}: {[ours[key] for key in lost[:3]]}")
        return pruned

    def test_kills_change_nothing(self):
        self.functions = addresses, names = functions()
        at = names.index(WITHIN)
        self.within = f"{addresses[at]:x}:{addresses[at + 1]:x}"
        writer = month.Writer(self.directory / "scheduler.log", self.seconds / month.DAY_S, 7)
        quiet, killed = self.agent("quiet"), self.agent("killed")
        kills = aimed = 0
        writer.start()
        wait_until(lambda: self.directory.joinpath("scheduler.log").stat().st_size > 0)     # an empty log is an incident by the clock
        with quiet:
            aims = []
            while writer.is_alive() or kills < KILLS or (aims and kills < 3 * KILLS):
                aimed += self.kill(killed, aims)
                kills += 1
                aims = self.lacking() if kills >= KILLS / 3 else []
            writer.join()
            self.assertLess(writer.oldest_s, 0, "a line was written after the time of its stamp: its rows show when it was read")
            with killed:
                self.settle(quiet, killed)
                pruned = self.compare(quiet, killed)
                for query in ("SELECT offset, inode, fingerprint, fingerprint_len FROM source",
                              "SELECT value FROM state WHERE key IN ('agent.parser', 'engine.cycles')",
                              "SELECT * FROM table_windows"):
                    self.assertEqual(quiet.rows(query), killed.rows(query), query)
                told = len(quiet.rows("SELECT 1 FROM notification"))
                kinds = quiet.rows("SELECT DISTINCT alert FROM incident ORDER BY 1")
        keys = {name: [request.headers["idempotency-key"] for request in self.receiver.at(f"/{name}")]
                for name in ("quiet", "killed")}
        self.assertEqual(len(set(keys["quiet"])), len(keys["quiet"]))
        self.assertEqual(list(dict.fromkeys(keys["quiet"])), list(dict.fromkeys(keys["killed"])))
        deaths = self.deaths()
        print(f"{writer.records} records, each {-writer.oldest_s:.1f} s before its stamp or more, rotations {writer.rotations};"
              f" {kills} kills, {aimed} of them aimed, {self.spared} behind a first commit: {dict(deaths)};"
              f" {told} notifications of {[kind[0][14:] for kind in kinds]}, {len(keys['killed']) - len(set(keys['killed']))}"
              f" sent again under the same key; {pruned} rows pruned by the killed one; 0 differences", file=sys.stderr)
        self.assertGreaterEqual(len(kinds), 4 if KILLS >= 300 else 3)     # some days may lack one
        self.assertNotIn(0, writer.rotations.values())
        self.assertGreater(pruned, 0)
        self.assertLess(self.spared, kills / 4)     # nearly all may come at any moment
        self.assertEqual(self.lacking(), [], f"nobody died where these aim: {deaths}")

    def settle(self, quiet, killed):
        """Until both have read all and sent all."""
        size = self.directory.joinpath("scheduler.log").stat().st_size
        for agent in (quiet, killed):
            wait_until(lambda one=agent: one.rows("SELECT max(id), offset FROM source") and
                       one.rows("SELECT offset FROM source ORDER BY id DESC LIMIT 1") == [(size,)] and
                       one.rows("SELECT count(*) FROM outbox WHERE status = 'pending'") == [(0,)], 30,
                       f"not at {size}: {agent.rows('SELECT * FROM source')}; {agent.said()[-2000:]}")


if __name__ == "__main__":
    unittest.main()
