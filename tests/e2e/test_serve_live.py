# SPDX-License-Identifier: GPL-2.0-or-later
"""The first page of `agent serve` beside a live agent: an incident that opens, worsens and resolves is on it within two seconds."""
import contextlib
import os
import re
import signal
import sqlite3
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import promise   # noqa: E402
from agent import Agent, wait_until   # noqa: E402
from scheduler import Scheduler   # noqa: E402
from web import Balanced, Case   # noqa: E402

TIMEOUT_S = 180
KRAKEN = "bronze_trades_kraken"
NOW = {"SOURCE_DATE_EPOCH": None}      # the clock is the host's
WITHIN_S = 2
ASKED_EVERY_S = 0.5                   # as the script of the page does (agent/serve/site.h, PAGE_QUICK_MS)


class Reader(threading.Thread):
    """Asks for the page as its script does, and keeps what it saw when."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.seen, self.ends, self.tag, self.unchanged, self.asked = server, [], False, None, 0, 0.0

    def run(self):
        while not self.ends:
            asked = time.time()
            answer = self.server.ask("/", **({"If_None_Match": self.tag} if self.tag else {}))
            self.asked = asked
            if answer.status == 304:
                self.unchanged += 1
            else:
                self.tag = answer.headers.get("ETag")
                self.seen.append((time.time(), answer.text))
            time.sleep(ASKED_EVERY_S)

    def first(self, pattern, after=0.0):
        return next((at for at, text in self.seen if at >= after and re.search(pattern, text)), None)


class Live(Case):
    def setUp(self):
        self.home = self.directory()
        self.log = self.home / "offload.log"

    def test_opening_worsening_and_resolving_are_on_the_page_within_two_seconds(self):
        script = f"healthy 3, fail {KRAKEN} 6, healthy 60"
        with Scheduler(self.log, interval=1, script=script), Agent(self.log, self.home / "history.db") as agent:
            agent.wait_for("SELECT count(*) > 0 FROM cycle", 1)
            reader = Reader(self.serve(agent.database, environment=NOW, log__path=self.log))
            reader.start()
            # What happened is told by the history, to which the agent wrote it: the clock is the same.
            question = "SELECT min({}) FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures'"
            times = {}
            for what in ("opened_at", "critical_at", "resolved_at"):
                wait_until(lambda what=what: (agent.rows(question.format(what)) or [(None,)])[0][0], 60, f"no {what}")
                times[what] = agent.rows(question.format(what))[0][0] / 1000
            number, = agent.rows("SELECT id FROM incident WHERE alert = 'IcebergOffloadConsecutiveFailures' ORDER BY id LIMIT 1")[0]
            wait_until(lambda: reader.asked > times["resolved_at"] + WITHIN_S, 60, "the page is not asked for")
            reader.ends = True
            reader.join(30)
        card = rf'<article class="card incident %s">\s*<h3><span class="badge %s">%s</span><a href="/incidents/{number}">'
        shown = {"opened_at": reader.first(card % (("(warning|critical)",) * 3)),
                 "critical_at": reader.first(card % (("critical",) * 3)),
                 "resolved_at": reader.first(r"^(?s:(?!/incidents/" + str(number) + r'").)*$', times["resolved_at"])}
        for what, at in times.items():
            self.assertIsNotNone(shown[what], f"{what} was never shown")
            self.assertLess(promise.between_walls(at, shown[what]) if shown[what] > at else 0, WITHIN_S, what)
            print(f"# held: {what[:-3]}: on the first page after {max(0.0, shown[what] - at):.2f} s")
        self.assertEqual(Balanced(reader.seen[-1][1]).open, [])

    def test_a_dead_agent_is_said_loudly_and_one_that_came_back_is_not(self):
        with Scheduler(self.log) as scheduler:
            agent = Agent(self.log, self.home / "history.db")
            agent.start()
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            server = self.serve(agent.database, environment=NOW, log__path=self.log)
            self.assertNotIn('class="alarm', server.ask("/").text)
            agent.kill()
            wait_until(lambda: "The agent is not running: nobody watches the pipeline" in server.ask("/").text, WITHIN_S, "it is not said")
            agent.start()
            wait_until(lambda: 'class="alarm' not in server.ask("/").text, 10, "it is still said")
            agent.end()

    def test_an_agent_that_is_stopped_or_only_left_to_be_buried_does_not_run(self):
        """Its process is there, as where the first process of a container asks for nobody's end, and it watches nothing."""
        with Scheduler(self.log) as scheduler, Agent(self.log, self.home / "history.db") as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            server = self.serve(agent.database, environment=NOW, log__path=self.log)
            for number, status in ((signal.SIGSTOP, 503), (signal.SIGCONT, 200), (signal.SIGKILL, 503)):
                os.kill(agent.process.pid, number)
                wait_until(lambda status=status: server.ask("/healthz").status == status, WITHIN_S, lambda: server.ask("/healthz").text)
                wait_until(lambda status=status: ("The agent is not running" in server.ask("/").text) == (status == 503), WITHIN_S, "the page does not say it")
            self.assertRegex(Path(f"/proc/{agent.process.pid}/stat").read_text(encoding="utf-8"), r"\) Z ")
            agent.kill()

    def test_a_server_that_was_there_first_sees_what_the_agent_writes(self):
        """As long as no agent ran, the server may not even make the files that SQLite shares between processes."""
        with Scheduler(self.log) as scheduler:
            with Agent(self.log, self.home / "history.db") as agent:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", 1)
            # Whoever closes it last and is not the agent takes the write-ahead log away.
            with contextlib.closing(sqlite3.connect(agent.database)) as db:
                db.execute("SELECT count(*) FROM cycle").fetchone()
            self.assertEqual(list(self.home.glob("history.db-[sw]*")), [])
            server = self.serve(agent.database, environment=NOW, log__path=self.log)
            self.assertIn("The agent is not running", server.ask("/").text)
            self.assertIn('href="/cycles/1"', server.ask("/cycles").text)
            with Agent(self.log, self.home / "history.db") as agent:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", 2)
                wait_until(lambda: 'class="alarm' not in server.ask("/").text, WITHIN_S, "the agent's start is not seen")
                wait_until(lambda: 'href="/cycles/2"' in server.ask("/cycles").text, WITHIN_S, "its cycle is not seen")

    def test_nothing_that_changed_costs_next_to_nothing(self):
        with Scheduler(self.log) as scheduler, Agent(self.log, self.home / "history.db") as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            server = self.serve(agent.database, environment=NOW, log__path=self.log)
            wait_until(lambda: server.ask("/").status == 200)
            tag = server.ask("/").headers["ETag"]
            same = server.ask("/", If_None_Match=tag)
            self.assertEqual((same.status, same.body, same.headers["ETag"]), (304, b"", tag))
            self.assertEqual(server.ask("/", If_None_Match='"another"').status, 200)
            # A proxy that compresses calls the tag weak, and a program may know several answers.
            self.assertEqual(server.ask("/", If_None_Match=f'"another", W/{server.ask("/").headers["ETag"]}').status, 304)
            plain, other = server.ask("/metrics"), server.ask("/metrics", Accept="application/openmetrics-text")
            self.assertNotEqual(plain.headers["ETag"], other.headers["ETag"], "two formats are told apart")
            same = server.ask("/metrics", If_None_Match=server.ask("/metrics").headers["ETag"])
            self.assertEqual((same.status, same.headers["Vary"], same.headers["Content-Type"]), (304, "Accept", None))
            self.assertEqual(server.ask("/tables").headers.get("ETag", tag) == tag, False)
            scheduler.cycle()
            wait_until(lambda: server.ask("/", If_None_Match=tag).status == 200, WITHIN_S, "what is new is not sent")


if __name__ == "__main__":
    unittest.main()
