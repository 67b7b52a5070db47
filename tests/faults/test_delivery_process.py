# SPDX-License-Identifier: GPL-2.0-or-later
"""What receivers and name servers do to the process that waits for them: nothing.

With a receiver that slams its door on a body of a megabyte, a reader of standard output that is gone, and a name server
that never answers, the agent lives, delivers to its other webhooks at once, and stops when it is told to.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, wait_until   # noqa: E402
from receiver import Receiver, make_certificate   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 180
HOUR_MS = 3_600_000
STOP_S = 5.0     # the sender's own limit is below one second


class ProcessCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-process-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"

    def open_receiver(self, **options):
        receiver = Receiver(**options)
        self.addCleanup(receiver.close)
        return receiver

    def agent(self, webhooks, wrapper=()):
        settings = {"notify.reminder": "0"}
        for name, keys in webhooks.items():
            settings.update({f"webhook {name}.{key}": value for key, value in keys.items()})
        agent = Agent(self.log, self.directory / "history.db", settings=settings)
        agent.command = [*wrapper, *agent.command]
        self.addCleanup(agent.end)
        return agent

    def page(self, agent):
        """A cycle, then the scheduler's death: the first notification."""
        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def stop(self, agent):
        status, took_s = agent.stop()
        self.assertEqual(status, 0, agent.said())
        self.assertLess(took_s, STOP_S)


class ClosedDoors(ProcessCase):
    """SIGPIPE ends whoever does not expect it."""

    def fill(self, database, webhook, count=50):
        """What waits since hours goes out as one request: here of half a megabyte."""
        at = int(time.time() * 1000) - 6 * HOUR_MS
        with sqlite3.connect(database) as db:
            for number in range(1, count + 1):
                cursor = db.execute(
                    "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, tables, onset_at, opened_at,"
                    " summary, evidence) VALUES (1, ?, ?, 'reminder', 'critical', 'IcebergOffloadSchedulerDown', ?, ?, ?, ?, ?)",
                    (number, at + number, json.dumps(["bronze_trades_kraken"]), at, at, "🔥" * 2000, "🔥" * 2000))
                db.execute("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at)"
                           " VALUES (1, ?, ?, 'pending', ?)", (cursor.lastrowid, webhook, at + number))
        db.close()

    def large_body(self, certificate=None):
        receiver, good = self.open_receiver(certificate=certificate), self.open_receiver()
        receiver.plan("/hook", "slamx3 200")
        keys = {"url": receiver.url("/hook", host="localhost")}
        if certificate:
            keys["ca_file"] = certificate[0]
        agent = self.agent({"slamming": keys, "good": {"url": good.url("/good")}})
        agent.start()
        wait_until(lambda: agent.rows("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'"), 10, "no history")
        agent.stop()
        self.fill(agent.database, "slamming")
        agent.start()
        receiver.wait(1, 20, "/hook")
        self.page(agent)
        good.wait(1, 10, "/good")
        arrived = receiver.wait(4, 40, "/hook")[3]
        self.assertGreater(len(arrived.body), 400_000)
        agent.wait_for("SELECT count(*) FROM outbox WHERE status <> 'delivered'", 0, 20)
        self.stop(agent)

    def test_a_receiver_that_closes_while_a_large_body_is_written_ends_nobody(self):
        self.large_body()

    def test_nor_one_that_speaks_tls(self):
        self.large_body(make_certificate(self.directory))

    def test_a_reader_of_standard_output_that_is_gone_ends_nobody(self):
        agent = self.agent({})
        reader, writer = os.pipe()
        with open(agent.errors, "ab") as errors:
            agent.process = subprocess.Popen(agent.command, stdout=writer, stderr=errors, stdin=subprocess.DEVNULL)
        os.close(writer)
        os.close(reader)
        self.page(agent)
        wait_until(lambda: "the notification waits" in agent.said(), 20, lambda: f"the agent said: {agent.said()}")
        self.assertEqual(agent.rows("SELECT status FROM outbox"), [("pending",)])
        self.stop(agent)


class DeafNameServer(ProcessCase):
    """A resolv.conf of its own, in a mount namespace, names a server that takes questions and never answers."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not shutil.which("unshare"):
            self.skipTest("a mount namespace needs root")
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        try:
            self.server.bind(("127.0.0.153", 53))
        except OSError as error:
            self.skipTest(f"no name server can be played here: {error}")
        resolv = self.directory / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.153\noptions timeout:30 attempts:2\n", encoding="ascii")
        hosts = self.directory / "nsswitch.conf"
        hosts.write_text("passwd: files\ngroup: files\nhosts: files dns\n", encoding="ascii")
        script = f'mount --bind {resolv} /etc/resolv.conf && mount --bind {hosts} /etc/nsswitch.conf && exec "$@"'
        self.wrapper = ["unshare", "-m", "sh", "-c", script, "sh"]
        if subprocess.run([*self.wrapper, "true"], capture_output=True).returncode:
            self.skipTest("no mount namespace here")

    def asked(self):
        self.server.settimeout(20)
        return self.server.recv(512)

    def test_a_deaf_name_server_delays_no_other_webhook_and_not_the_end(self):
        receiver = self.open_receiver()
        agent = self.agent({"lost": {"url": "http://hooks.example.net/hook", "timeout": "2s"},
                            "good": {"url": receiver.url("/good")}}, self.wrapper)
        agent.start()
        self.page(agent)
        receiver.wait(1, 10, "/good")
        self.assertIn(b"hooks", self.asked())
        # The timeout holds although the resolver's own is a minute, and the news of the others goes on.
        agent.wait_for("SELECT attempts >= 2 FROM outbox WHERE webhook = 'lost'", 1, 30)
        self.assertRegex(agent.rows("SELECT last_error FROM outbox WHERE webhook = 'lost'")[0][0].lower(), "timed out|timeout")
        with Scheduler(self.log) as scheduler:
            scheduler.cycle()
            receiver.wait(2, 10, "/good")
            wait_until(lambda: self.asked(), 10)     # a question is on its way
            status, took_s = agent.stop(signal.SIGTERM)
        self.assertEqual(status, 0, agent.said())
        self.assertLess(took_s, STOP_S)


if __name__ == "__main__":
    unittest.main()
