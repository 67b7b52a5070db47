# SPDX-License-Identifier: GPL-2.0-or-later
"""Notifications by e-mail through a real Postfix into a mailbox: encryption, refusals, greylisting, and what the mails hold when they arrive."""
import sys
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "e2e")]

from agent import Agent, wait_until   # noqa: E402
from postfix import Postfix, why_not   # noqa: E402
from test_email import INJECTION, MailCase, Tags   # noqa: E402

TIMEOUT_S = 200
ALL_BYTES = "größe 🔥 =?utf-8?B?eA==?= " + "x" * 1200 + "\n.\n..\nFrom nobody\n\ttab and \\ and = at the end="


class Server:
    """A port of Postfix, as the e-mail tests ask for a server."""

    def __init__(self, postfix, which):
        self.postfix, self.which = postfix, which

    def url(self):
        return self.postfix.url(self.which)


@unittest.skipIf(why_not(), why_not())
class ThroughPostfix(MailCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = cls.enterClassContext(Postfix())

    def setUp(self):
        super().setUp()
        self.postfix.empty()

    def port(self, which):
        return Server(self.postfix, which)

    def send(self, which, **webhook):
        return self.try_out(self.port(which), **webhook)

    def delivered_by(self, agent, count):
        with agent:
            wait_until(lambda: agent.rows("SELECT DISTINCT status FROM outbox WHERE incident_id = 7") == [("delivered",)], 60, agent.said)
        mails = self.postfix.wait(count)
        for mail in mails:
            for part in mail.walk():
                self.assertEqual(part.defects, [], part.get_content_type())
        return mails

    def test_without_encryption_where_that_is_allowed(self):
        self.assertEqual(self.send("plain").returncode, 0)
        mail, = self.postfix.wait(1)
        self.assertIn("with ESMTP id", mail["Received"])
        done = self.send("plain", starttls="required")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no encryption by STARTTLS", done.stdout)
        self.assertEqual(len(self.postfix.mails()), 1)

    def test_encrypted_by_starttls_and_from_the_first_byte_on(self):
        for which in ("starttls", "smtps"):
            self.postfix.empty()
            done = self.send(which, starttls="required", ca_file=self.postfix.certificate)
            self.assertEqual(done.returncode, 0, done.stdout)
            mail, = self.postfix.wait(1)
            self.assertIn("with ESMTPS id", mail["Received"])
            self.assertIn("using TLSv1.3", mail["Received"])
            self.assertEqual(self.send(which, starttls="required").returncode, 1)   # nobody knows who signed the certificate

    def test_a_server_that_refuses_everybody_is_said(self):
        done = self.send("closed")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r": refused: 554 5\.7\.1 ")

    def test_who_is_gone_keeps_no_mail_from_the_others(self):
        self.assertRegex(self.send("plain", to="gone@example.com").stdout, r": refused: 550 5\.1\.1 ")
        agent = self.agent_for(["oncall@example.com", "gone@example.com"])
        mail, = self.delivered_by(agent, 1)
        self.assertEqual(mail["Delivered-To"], "oncall@example.com")

    def test_who_is_greylisted_gets_it_later_and_the_others_once(self):
        agent = self.agent_for(["oncall@example.com", "grey@example.com"])
        mails = self.delivered_by(agent, 2)
        self.assertEqual([mail["Delivered-To"] for mail in mails], ["oncall@example.com", "grey@example.com"])
        self.assertEqual(len({mail["Message-ID"] for mail in mails}), 1)
        self.assertIn("greylisted, come again", self.postfix.log())

    def agent_for(self, recipients):
        config = self.directory / "agent.conf"
        config.write_text("\n".join(["[notify]", "host = offload-1", "[webhook mail]", f"url = {self.postfix.url('plain')}", "format = email",
                                     "from = agent@example.com", "starttls = no", *(f"to = {to}" for to in recipients)]) + "\n", encoding="utf-8")
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", settings={})
        agent.command += ["--config", config]
        self.waiting(agent, {"summary": "x"}, ("firing",))
        return agent

    def test_an_incident_is_a_thread_and_arrives_as_it_was_written(self):
        agent = self.agent(self.port("plain"))
        self.waiting(agent, {"summary": "no new data " + INJECTION, "command": "docker logs clickhouse", "evidence": ALL_BYTES})
        first, last = self.delivered_by(agent, 2)
        self.assertEqual(last["In-Reply-To"], first["Message-ID"])
        self.assertEqual(last["References"].split(), [first["Message-ID"]])
        self.assertTrue(str(last["Subject"]).startswith("RESOLVED offload-1: "))
        self.assertEqual(first["Return-Path"], "<agent@example.com>")
        self.assertNotIn("Bcc", first)
        plain, page = (first.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
        self.assertTrue(all(f"\n    {line}\n" in plain for line in (".", "..", "From nobody")))
        self.assertIn("größe 🔥 =?utf-8?B?eA==?= " + "x" * 1200, plain)
        self.assertNotIn("script", [tag for tag, _ in Tags(page).tags])
        self.assertIn("größe 🔥", Tags(page).text)


if __name__ == "__main__":
    unittest.main()
