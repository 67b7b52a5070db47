# SPDX-License-Identifier: GPL-2.0-or-later
"""Notifications by e-mail, taken by a real SMTP server and read by Python's own parser."""

import json
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent, run, wait_until   # noqa: E402
from mailserver import MailServer, mailserver_installed   # noqa: E402
from receiver import make_certificate   # noqa: E402

TIMEOUT_S = 240
INJECTION = "rows\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script> größe 🔥 =?utf-8?B?eA==?="


class Tags(HTMLParser):
    """The tags of a page, each with its attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@unittest.skipUnless(mailserver_installed(), "python3-aiosmtpd is not installed")
class MailCase(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-email-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def server(self, *options):
        server = MailServer(self.directory / "mail", *options)
        self.addCleanup(server.__exit__)
        return server

    def certificate(self):
        return make_certificate(self.directory)

    def settings(self, server, **webhook):
        chosen = {"url": server.url(), "format": "email", "from": "Eisberg Wächter <agent@example.com>", "to": "oncall@example.com",
                  "starttls": "no", **webhook}
        return {"notify.host": "offload-1", "links.serve": "https://agent.example.com",
                **{f"webhook mail.{key.rstrip('_')}": value for key, value in chosen.items()}}

    def agent(self, server, **webhook):
        return Agent(self.directory / "scheduler.log", self.directory / "history.db", settings=self.settings(server, **webhook))

    def try_out(self, server, **webhook):
        """What `agent test-webhook` says of the webhook."""
        sets = [f"--set={key}={value}" for key, value in self.settings(server, **webhook).items()]
        return run("test-webhook", *sets)

    def waiting(self, agent, texts, statuses=("firing", "resolved")):
        """Messages of one incident that wait in the outbox, a status each."""
        with agent:
            wait_until(lambda: agent.rows("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'"), 10, "no history")
            agent.stop()
        at = int(time.time() * 1000)
        with sqlite3.connect(agent.database) as db:
            for sequence, status in enumerate(statuses, 1):
                cursor = db.execute(
                    "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, table_name, tables, onset_at, opened_at,"
                    " resolved_at, summary, likely_cause, first_command, evidence) VALUES (7, ?, ?, ?, 'critical',"
                    " 'IcebergOffloadLagCritical', 'a', ?, ?, ?, ?, ?, ?, ?, ?)",
                    (sequence, at + sequence, status, json.dumps(["a"]), at - 60_000, at, at if status == "resolved" else None,
                     texts["summary"], texts.get("cause"), texts.get("command"), texts.get("evidence")))
                db.execute("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at)"
                           " VALUES (7, ?, 'mail', 'pending', ?)", (cursor.lastrowid, at))
        db.close()


class Content(MailCase):
    def mails(self, texts, statuses=("firing", "escalated", "resolved"), **webhook):
        server = self.server()
        agent = self.agent(server, **webhook)
        self.waiting(agent, texts, statuses)
        with agent:
            mails = server.wait(len(statuses))
        for mail in mails:
            self.assertEqual(mail.message.defects, [])
            for part in mail.message.walk():
                self.assertEqual(part.defects, [], part.get_content_type())
            self.assertLessEqual(max(map(len, mail.raw.split(b"\r\n"))), 78)
            self.assertNotIn(b"\n", mail.raw.replace(b"\r\n", b""))
            self.assertTrue(mail.raw.isascii())
        return mails

    def test_an_incident_is_a_thread_of_text_and_html(self):
        texts = {"summary": "no new data for 2 tables since 10:00 (35 min), ClickHouse unreachable", "command": "docker logs clickhouse",
                 "evidence": "Code: 210. DB::NetException: a < b & c"}
        first, second, last = self.mails(texts)
        self.assertEqual(first.message["Subject"], "offload-1: " + texts["summary"])
        self.assertEqual(last.message["Subject"], "RESOLVED offload-1: " + texts["summary"])
        self.assertIsNone(first.message["References"])
        self.assertEqual(second.message["References"].split(), [first.message["Message-ID"]])
        self.assertEqual(last.message["References"].split(), [first.message["Message-ID"], second.message["Message-ID"]])
        self.assertEqual(last.message["In-Reply-To"], first.message["Message-ID"])
        self.assertRegex(first.message["Message-ID"], r"^<[0-9a-f]{16}\.1@example\.com>$")
        self.assertEqual(first.message["Auto-Submitted"], "auto-generated")
        self.assertEqual(first.message["Importance"], "high")
        self.assertLess(abs(parsedate_to_datetime(first.message["Date"]).timestamp() - time.time()), 60)
        self.assertEqual(getaddresses([str(first.message["From"])]), [("Eisberg Wächter", "agent@example.com")])
        self.assertEqual(first.message.get_content_type(), "multipart/alternative")
        self.assertIn("\n    docker logs clickhouse\n", first.part("plain"))
        self.assertTrue(first.part("plain").startswith("offload-1: no new data"))
        self.assertNotIn("docker logs", last.part("plain") + last.part("html"))
        page = Tags(first.part("html"))
        self.assertIn(("a", {"href": "https://agent.example.com/incidents/7"}), page.tags)
        self.assertTrue([attrs for tag, attrs in page.tags if tag == "time" and "T" in attrs["datetime"]])
        self.assertIn("a < b & c", page.text)

    def test_no_text_begins_a_header_or_a_tag_of_its_own(self):
        mail, = self.mails({"summary": "größe 🔥 =?utf-8?B?eA==?= " + INJECTION, "cause": INJECTION, "command": INJECTION, "evidence": INJECTION + "\n.\nx"}, ("firing",))
        self.assertNotIn("Bcc", mail.message)
        self.assertEqual(mail.recipients, ["oncall@example.com"])
        self.assertIn("größe 🔥 =?utf-8?B?eA==?=", mail.message["Subject"])
        self.assertNotIn("script", [tag for tag, _ in Tags(mail.part("html")).tags])
        self.assertIn("größe 🔥", mail.part("plain"))
        self.assertIn("\n    .\n", mail.part("plain"))

    def test_names_of_people_are_written_as_mail_writes_them(self):
        for to, name in (("Anna Größe <a@example.com>", "Anna Größe"), ('"Last, First \\ x" <a@example.com>', "Last, First \\ x"),
                         ("a@example.com", ""), ("日本" * 30 + " <a@example.com>", "日本" * 30)):
            mail = self.try_and_take(to)
            # Python's parser leaves the blanks between encoded words, which are no part of the name.
            (found, address), = getaddresses([str(mail.message["To"])])
            self.assertEqual((found if name.isascii() else found.replace(" ", ""), address), (name if name.isascii() else name.replace(" ", ""), "a@example.com"))

    def try_and_take(self, to):
        shutil.rmtree(self.directory / "mail", ignore_errors=True)
        with MailServer(self.directory / "mail") as server:
            self.assertEqual(self.try_out(server, to=to).returncode, 0)
            return server.wait(1)[0]


class Ways(MailCase):
    def test_without_starttls_nothing_is_sent_where_it_is_required(self):
        server = self.server()
        done = self.try_out(server, starttls="required")
        self.assertEqual(done.returncode, 1)
        self.assertIn("would be tried again: no encryption by STARTTLS", done.stdout)
        self.assertEqual(server.mails(), [])

    def test_starttls_encrypts_and_a_strange_certificate_is_not_believed(self):
        certificate, key = self.certificate()
        server = self.server("--certificate", certificate, key)
        self.assertEqual(self.try_out(server, starttls="required").returncode, 1)
        self.assertEqual(server.mails(), [])
        done = self.try_out(server, starttls="required", ca_file=certificate)
        self.assertEqual((done.returncode, server.wait(1)[0].tls), (0, True), done.stdout)
        self.assertRegex(done.stdout, r"^mail \(smtp://localhost:\d+\): delivered: SMTP 250 after \d+ ms\n$")

    def test_where_it_is_optional_mail_goes_with_it_and_without(self):
        certificate, key = self.certificate()
        with MailServer(self.directory / "with", "--certificate", certificate, key) as server:
            self.assertEqual(self.try_out(server, starttls="optional", ca_file=certificate).returncode, 0)
            self.assertTrue(server.wait(1)[0].tls)
        with MailServer(self.directory / "without") as server:
            self.assertEqual(self.try_out(server, starttls="optional").returncode, 0)
            self.assertFalse(server.wait(1)[0].tls)

    def test_smtps(self):
        certificate, key = self.certificate()
        server = self.server("--certificate", certificate, key, "--tls")
        done = self.try_out(server, url=server.url("smtps"), ca_file=certificate)
        self.assertEqual((done.returncode, server.wait(1)[0].tls), (0, True), done.stdout)

    def test_a_login(self):
        password = self.directory / "password"
        password.write_text("s3cret-pass\n", encoding="ascii")
        password.chmod(0o600)
        server = self.server("--login", "agent", "s3cret-pass")
        self.assertEqual(self.try_out(server, user="agent", password_file=password).returncode, 0)
        password.write_text("wrong-pass\n", encoding="ascii")
        done = self.try_out(server, user="agent", password_file=password)
        self.assertEqual(done.returncode, 1)
        self.assertIn(": refused: 535 ", done.stdout)   # as HTTP's 401 is: at once, and the fallback is told
        self.assertNotIn("wrong-pass", done.stdout + done.stderr)

    def test_a_server_that_is_busy_or_greylists_is_tried_again(self):
        server = self.server("--busy", 1)
        with self.running(server, to="grey@example.com") as agent:
            mail, = server.wait(1, 60)
            self.delivered(agent)
        self.assertEqual(mail.recipients, ["grey@example.com"])

    def running(self, server, **webhook):
        agent = self.agent(server, **webhook)
        self.waiting(agent, {"summary": "x"}, ("firing",))
        return agent

    def delivered(self, agent):
        wait_until(lambda: agent.rows("SELECT status FROM outbox WHERE incident_id = 7") == [("delivered",)], 20, "not delivered")

    def test_one_recipient_who_is_gone_keeps_no_mail_from_the_others(self):
        server = self.server()
        done = self.try_out_config(server, ["oncall@example.com", "gone@example.com"])
        self.assertEqual((done.returncode, server.wait(1)[0].recipients), (0, ["oncall@example.com"]))
        self.assertIn("not every recipient got the mail: 550 5.1.1 no such user here", done.stdout)

    def config(self, server, recipients):
        config = self.directory / "agent.conf"
        lines = ["[notify]", "host = offload-1", "[webhook mail]", f"url = {server.url()}", "format = email", "from = a@example.com",
                 "starttls = no", *(f"to = {recipient}" for recipient in recipients)]
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return config

    def try_out_config(self, server, recipients):
        return run("test-webhook", "--config", self.config(server, recipients))

    def test_who_is_greylisted_alone_gets_it_later_and_the_others_once(self):
        server = self.server()
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", settings={})
        agent.command += ["--config", self.config(server, ["oncall@example.com", "grey@example.com", "gone@example.com", "grey2@example.com"])]
        self.waiting(agent, {"summary": "x"}, ("firing",))
        with agent:
            mails = server.wait(2, 60)
            self.delivered(agent)
        self.assertEqual([mail.recipients for mail in mails], [["oncall@example.com"], ["grey@example.com", "grey2@example.com"]])
        self.assertEqual(server.said().count("RCPT gone@example.com"), 1)

    def test_who_is_greylisted_gets_it_later_where_all_others_are_gone(self):
        for to in (["grey@example.com", "gone@example.com"], ["gone@example.com", "grey2@example.com"]):
            with self.subTest(to=to):
                server = self.server()
                agent = Agent(self.directory / "scheduler.log", self.directory / f"{to[0]}.db", settings={})
                agent.command += ["--config", self.config(server, to)]
                self.waiting(agent, {"summary": "x", "command": "agent status"}, ("firing",))
                with agent:
                    wait_until(lambda: agent.rows("SELECT 1 FROM outbox WHERE status IN ('delivered', 'refused')"), 60, "nothing came of it")
                    self.assertEqual(agent.rows("SELECT status FROM outbox WHERE incident_id = 7"), [("delivered",)])
                mail, = server.wait(1)
                self.assertEqual(mail.recipients, [address for address in to if "grey" in address])
                self.assertIn("agent status", mail.part("plain"))   # not the shortest form, in which a refused one is tried once more
                server.__exit__()
                shutil.rmtree(self.directory / "mail")

    def test_what_is_refused_is_refused_and_said(self):
        for to, word in (("gone@example.com", "550"), ("full@example.com", "552")):
            with MailServer(self.directory / to) as server:
                done = self.try_out(server, to=to)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stdout, r": refused: " + word)

    def test_a_server_that_does_not_say_goodbye_holds_up_nothing(self):
        server = self.server("--deaf")
        begun = time.monotonic()
        self.assertEqual(self.try_out(server).returncode, 0)
        server.wait(1)
        self.assertLess(promise.since(begun), 8)


class Configuration(MailCase):
    def errors(self, *lines):
        config = self.directory / "agent.conf"
        config.write_text("\n".join(["[webhook mail]", *lines]) + "\n", encoding="utf-8")
        config.chmod(0o600)
        return run("check-config", "--config", config).stderr

    def test_what_is_missing_or_wrong_is_said(self):
        mail = ["url = smtp://localhost", "format = email", "from = a@example.com", "to = b@example.com"]
        self.assertEqual(self.errors(*mail), "")
        for wrong, word in ((mail[:2] + mail[3:], "webhook mail.from: format email needs it"), (mail[:3], "webhook mail.to: format email needs it"),
                            (["url = http://localhost", *mail[1:]], "format email needs smtp://"), (mail[:1], "only format email has smtp://"),
                            ([*mail[:3], "to = b@x\u00fc.de"], "an e-mail address"), ([*mail[:3], "to = b c@example.com"], "an e-mail address"),
                            ([*mail, "user = u"], "user and password_file go together"), ([*mail, "starttls = maybe"], "required, optional or no")):
            self.assertIn(word, self.errors(*wrong), wrong)


if __name__ == "__main__":
    unittest.main()
