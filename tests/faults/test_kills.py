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

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import month                                      # noqa: E402
from agent import BINARY, Agent, wait_until       # noqa: E402
from receiver import Receiver                     # noqa: E402

KILLS = int(os.environ.get("AGENT_KILLS", "45"))
LIFE_S = 0.55                                     # of an agent, on average, with what its start takes
TIMEOUT_S = 1800
ALONE = True
SHIM = Path(os.environ.get("BUILD", Path(BINARY).parent)).resolve() / "tests" / "kill_shim.so"

# The classes of calls to die in, and up to which one: a checkpoint or an answer comes seldom, a page is written often.
AIMS = (("read", 60), ("write", 40), ("write", 250), ("within", 15), ("sync", 3), ("send", 3), ("answer", 3))
WITHIN = "history_prune"

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
    known = sorted((int(address, 16), name) for address, kind, name in map(str.split, lines) if kind in "tT")
    return [address for address, _ in known], [name for _, name in known]


def work_of(line, addresses, names):
    """What a line of the shim's journal says the agent was at."""
    kind, _, *offsets = line.split()
    stack = {names[bisect.bisect(addresses, int(offset, 16)) - 1] for offset in offsets if int(offset, 16) >= addresses[0]}
    for work, marks in WORK:
        if stack & marks:
            return work
    return {"send": "sending", "answer": "sending"}.get(kind, "elsewhere")


class Kills(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-kills-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.journal = self.directory / "journal"
        self.dice = random.Random(os.environ.get("AGENT_SEED", "20260303"))
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.seconds, self.spared = KILLS * LIFE_S, 0
        self.kept_s = max(6, round(self.seconds * 0.5))     # half of the rows are compared; in the other half of the time the killed one dies while it prunes, too

    def agent(self, name):
        settings = {**month.SETTINGS, "history.retention": f"{self.kept_s}s"}
        return Agent(self.directory / "scheduler.log", self.directory / f"{name}.db", self.receiver.url(f"/{name}"), settings)

    def may_die_early(self, agent):
        """Three deaths in a row before the first commit make the next start do without its state: faults/test_starts."""
        return agent.rows("SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 2") in ([], [(0,)])

    def kill(self, agent):
        """One life and its end; true if it ended where it was aimed at."""
        if not self.may_die_early(agent):
            self.spared += 1
            agent.start()
            agent.wait_for("SELECT value FROM state WHERE key = 'starts'", "0", 30)
            time.sleep(self.dice.uniform(0.0, LIFE_S))
            agent.kill()
            return False
        if self.dice.random() < 0.25:
            agent.start()
            time.sleep(self.dice.uniform(0.0, 2 * LIFE_S))
            agent.kill()
            return False
        aim, most = self.dice.choice(AIMS)
        agent.start({"LD_PRELOAD": str(SHIM), "KILL_JOURNAL": str(self.journal), "KILL_WITHIN": self.within,
                     "KILL_AT": f"{aim}:{self.dice.randint(1, most)}"})
        try:
            agent.process.wait(2 * LIFE_S)
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
        addresses, names = functions()
        at = names.index(WITHIN)
        self.within = f"{addresses[at]:x}:{addresses[at + 1]:x}"
        writer = month.Writer(self.directory / "scheduler.log", self.seconds / month.DAY_S, 7)
        quiet, killed = self.agent("quiet"), self.agent("killed")
        kills = aimed = 0
        writer.start()
        wait_until(lambda: self.directory.joinpath("scheduler.log").stat().st_size > 0)     # an empty log is an incident by the clock
        with quiet:
            while writer.is_alive() or kills < KILLS:
                aimed += self.kill(killed)
                kills += 1
            writer.join()
            with killed:
                self.settle(quiet, killed)
                pruned = self.compare(quiet, killed)
                for query in ("SELECT offset, inode, fingerprint, fingerprint_len FROM source",
                              "SELECT value FROM state WHERE key IN ('parser', 'engine.windows')"):
                    self.assertEqual(quiet.rows(query), killed.rows(query), query)
                told = len(quiet.rows("SELECT 1 FROM notification"))
                kinds = quiet.rows("SELECT DISTINCT alert FROM incident ORDER BY 1")
        keys = {name: [request.headers["idempotency-key"] for request in self.receiver.at(f"/{name}")]
                for name in ("quiet", "killed")}
        self.assertEqual(len(set(keys["quiet"])), len(keys["quiet"]))
        self.assertEqual(list(dict.fromkeys(keys["quiet"])), list(dict.fromkeys(keys["killed"])))
        deaths = collections.Counter(work_of(line, addresses, names) for line in self.journal.read_text().splitlines())
        print(f"{len(writer.records)} records, rotations {writer.rotations}; {kills} kills, {aimed} of them aimed, {self.spared} behind a first commit: {dict(deaths)};"
              f" {told} notifications of {[kind[0][14:] for kind in kinds]}, {len(keys['killed']) - len(set(keys['killed']))}"
              f" sent again under the same key; {pruned} rows pruned by the killed one; 0 differences", file=sys.stderr)
        self.assertGreaterEqual(len(kinds), 4 if KILLS >= 300 else 3)     # some days may lack one
        self.assertNotIn(0, writer.rotations.values())
        self.assertGreater(pruned, 0)
        self.assertLess(self.spared, kills / 4)     # nearly all may come at any moment
        for work in ("reading", "committing", "pruning", "sending") + (("checkpoint", "opening") if KILLS >= 300 else ()):
            self.assertGreater(deaths[work], 0, f"nobody died {work}: {deaths}")

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
