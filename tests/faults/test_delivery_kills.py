# SPDX-License-Identifier: GPL-2.0-or-later
"""A full outbox: kill -9 at any moment of its delivery, and a receiver that recovers after hours.

KILLS=200 asks for that many kills instead of 30, QUEUED=10000 for that many waiting notifications instead of 2000.
"""

import collections
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, has_sanitizer, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402

TIMEOUT_S = 600
KILLS = int(os.environ.get("KILLS", 30))
QUEUED = int(os.environ.get("QUEUED", 2000))
INCIDENTS = 20
PATHS = {"generic": "/generic", "slack": "/slack"}


def fill(database, webhooks, count, age_s):
    """count notifications of INCIDENTS incidents, in turn, as the documented tables keep them."""
    begun_ms = int((time.time() - age_s) * 1000)
    with sqlite3.connect(database) as db:
        for number in range(count):
            incident, sequence, at = number % INCIDENTS + 1, number // INCIDENTS + 1, begun_ms + number
            cursor = db.execute(
                "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, tables, onset_at, opened_at, summary)"
                " VALUES (?, ?, ?, 'reminder', 'critical', 'IcebergOffloadSchedulerDown', '[]', ?, ?, ?)",
                (incident, sequence, at, begun_ms, begun_ms + incident, f"number {number}"))
            for webhook in webhooks:
                db.execute("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at)"
                           " VALUES (?, ?, ?, 'pending', ?)", (incident, cursor.lastrowid, webhook, at))
    db.close()


def own_memory_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def numbers(requests):
    """(incident, number) of every alert in generic requests, as they arrived."""
    return [(alert["labels"]["incident"], int(alert["annotations"]["summary"].split()[1]))
            for request in requests for alert in request.json()["alerts"]]


class QueueCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-queue-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def agent(self, formats):
        settings = {"notify.reminder": "0"}
        for name in formats:
            settings[f"webhook {name}.url"] = self.receiver.url(PATHS[name])
            settings[f"webhook {name}.format"] = name
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", settings=settings)

    def prepared(self, formats, count, age_s):
        """An agent that is not running yet, with a history that waits for it."""
        agent = self.agent(formats)
        with agent:
            wait_until(lambda: agent.rows("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'"), 10, "no history")
            agent.stop()
        fill(agent.database, formats, count, age_s)
        return agent

    def wait_delivered(self, agent, timeout=200):
        agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0, timeout)

    def assert_in_order(self, arrived):
        """First arrivals, per incident."""
        last, seen = collections.defaultdict(lambda: -1), set()
        for incident, number in arrived:
            if number not in seen:
                self.assertGreater(number, last[incident])
                last[incident] = number
                seen.add(number)


class Killed(QueueCase):
    def test_every_notification_arrives_and_again_only_under_its_own_key(self):
        dice = random.Random(1917)
        count = KILLS * 20
        agent = self.prepared(["generic"], count, 0)
        self.receiver.plan("/generic", "late:0.003")
        kills = 0
        with agent:
            while kills < KILLS:
                before = len(self.receiver.at("/generic"))
                wait_until(lambda: len(self.receiver.at("/generic")) > before, 30, "nothing more arrives")
                time.sleep(dice.uniform(0, 0.03))
                agent.kill()
                kills += 1
                agent.start()
            self.assertGreater(agent.rows("SELECT count(*) FROM outbox WHERE status = 'pending'")[0][0], 0,
                               "the kills came after the delivery")
            self.wait_delivered(agent)
        requests = self.receiver.at("/generic")
        arrived = numbers(requests)
        self.assertEqual({number for _, number in arrived}, set(range(count)))
        self.assert_in_order(arrived)
        keys = collections.defaultdict(set)
        for request in requests:
            for _, number in numbers([request]):
                keys[number].add(request.headers["idempotency-key"])
        self.assertEqual([number for number, found in keys.items() if len(found) != 1], [])
        print(f"# {kills} kills, {len(requests)} requests for {count} notifications", flush=True)


class Recovered(QueueCase):
    def test_a_queue_of_now_arrives_whole_in_order_and_in_flat_memory(self):
        agent = self.prepared(["generic"], QUEUED, 0)
        self.receiver.plan("/generic", "500 200")
        with agent:
            self.receiver.wait(QUEUED // 10, 60, "/generic")
            before = own_memory_kib(agent.process.pid)
            self.wait_delivered(agent)
            after = own_memory_kib(agent.process.pid)
        arrived = numbers(self.receiver.at("/generic"))
        self.assertEqual({number for _, number in arrived}, set(range(QUEUED)))
        self.assert_in_order(arrived)
        print(f"# {QUEUED} notifications: own memory {before} KiB, then {after} KiB", flush=True)
        if not has_sanitizer():
            self.assertLess(after - before, 1024)

    def test_what_became_stale_is_no_flood(self):
        agent = self.prepared(["generic", "slack"], QUEUED, 6 * 3600)
        with agent:
            self.wait_delivered(agent)
        arrived = numbers(self.receiver.at("/generic"))
        self.assert_in_order(arrived)
        for path in PATHS.values():
            count = len(self.receiver.at(path))
            print(f"# {QUEUED} stale notifications: {count} requests to {path}", flush=True)
            self.assertLessEqual(count, QUEUED // 50 + 1)


if __name__ == "__main__":
    unittest.main()
