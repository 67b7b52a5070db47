# SPDX-License-Identifier: GPL-2.0-or-later
"""Report, list and status of a fixed history in every format, character by character. With --update this file writes them anew."""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import report_history as history    # noqa: E402

AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
GOLDEN = ROOT / "tests" / "golden"
NO_PROCESS = 2 ** 22 + 1            # beyond the kernel's largest pid
CASES = {
    "incident-1.txt": ("report", "--incident", "1"),
    "incident-2-narrow-ascii.txt": ("report", "--incident", "2"),
    "incident-3-open.txt": ("report",),
    "incident-1.md": ("report", "--incident", "1", "--format", "markdown"),
    "incident-1.json": ("report", "--incident", "1", "--format", "json"),
    "incident-1.html": ("report", "--incident", "1", "--format", "html"),
    "period.txt": ("report", "--since", "9h"),
    "period.md": ("report", "--since", "2026-03-03", "--until", "2026-03-03", "--format", "markdown"),
    "period.json": ("report", "--since", "9h", "--format", "json"),
    "period.html": ("report", "--since", "9h", "--format", "html"),
    "incidents.txt": ("incidents",),
    "incidents.json": ("incidents", "--format", "json"),
    "status.txt": ("status",),
    "status.json": ("status", "--format", "json"),
}
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Agent:
    """Runs the agent's commands on a history of its own."""

    def __init__(self):
        self.home = tempfile.mkdtemp()
        self.db = os.path.join(self.home, "history.db")
        with history.make(AGENT, self.db) as db:
            history.agent_state(db, NO_PROCESS)
        db.close()

    def run(self, *arguments, **environment):
        env = {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "LC_ALL": "C.UTF-8", "COLUMNS": "80",
               "AGENT_CONFIG": "/dev/null", "SOURCE_DATE_EPOCH": str(history.NOW // 1000)}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(environment)
        return subprocess.run([AGENT, *arguments, "--db", self.db, "--set", "notify.host=offload-1"], env=env, timeout=600,
                              capture_output=True)

    def golden(self, name):
        narrow = {"COLUMNS": "60", "LC_ALL": "C"} if "narrow" in name else {}
        return re.sub(rb"by agent [0-9.]+", b"by agent VERSION.", self.run(*CASES[name], **narrow).stdout)

    def close(self):
        shutil.rmtree(self.home)


class Page(html.parser.HTMLParser):
    """The tags and attributes that a browser would find in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


class Golden(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()

    @classmethod
    def tearDownClass(cls):
        cls.agent.close()

    def test_every_format_is_as_recorded(self):
        for name in CASES:
            with self.subTest(name):
                self.assertEqual((GOLDEN / name).read_bytes().decode(), self.agent.golden(name).decode())

    def test_log_text_cannot_act(self):
        for name in CASES:
            with self.subTest(name):
                self.assertIsNone(ACTIVE.search(self.agent.golden(name).decode("utf-8")))

    def test_log_text_is_no_markup_in_the_page(self):
        page = Page(self.agent.golden("incident-1.html").decode())
        self.assertFalse(page.tags & {"script", "a", "img", "link", "iframe", "object"})
        self.assertEqual([], [name for name, value in page.attributes
                              if name.startswith("on") or name in ("src", "href") or "://" in (value or "")])

    def test_log_text_is_no_markup_in_markdown(self):
        text = self.agent.golden("incident-1.md").decode()
        outside = re.sub(r"(`+) .*? \1(?!`)", "", text)
        self.assertNotRegex(outside, r"(?<!\\)<script|(?<!\\)\[a\]|(?<!\\)`tick")
        tables = [line for line in outside.splitlines() if line.startswith("| ")]
        self.assertTrue(tables)

    def test_json_carries_the_whole_text(self):
        document = json.loads(self.agent.golden("incident-1.json"))
        self.assertEqual(1, document["version"])
        self.assertEqual("Stderr: " + history.EVIL, document["incident"]["evidence"])
        self.assertEqual([history.BINANCE, history.KRAKEN], document["incident"]["tables"])
        self.assertEqual(1199000, document["incident"]["lead_ms"])

    def test_the_runbook_is_linked_where_it_has_an_address(self):
        base, file = "https://wiki.example.com/runbooks/", "iceberg-offload-failure.md"
        linked = lambda form: self.agent.run("report", "--incident", "1", "--format", form, "--set",
                                             f"links.runbook_base={base}").stdout.decode()
        page = Page(linked("html"))
        self.assertEqual([("href", base + file)], [pair for pair in page.attributes if pair[0] == "href"])
        self.assertIn(f"Runbook's page   {base}{file}\n", linked("text"))
        self.assertIn(f"<{base}{file}>\n", linked("markdown"))
        self.assertEqual(base + file, json.loads(linked("json"))["incident"]["runbook_url"])
        for command in (("incidents",), ("status",)):
            document = json.loads(self.agent.run(*command, "--format", "json", "--set", f"links.runbook_base={base}").stdout)
            self.assertIn(base + "iceberg-offload-performance.md", [row["runbook_url"] for row in document["incidents"]])

    def test_no_face_shows_a_bare_number_of_a_scenario(self):
        for name in CASES:
            if not name.endswith(".json"):   # for programs, which get the title beside it
                with self.subTest(name):
                    self.assertNotRegex(self.agent.golden(name).decode(), r"scenario \d/\d|\b[1-5]/[1-9]\b(?!\d)")

    def test_bytes_that_are_no_utf8_become_visible(self):
        agent = Agent()
        try:
            with history.sqlite3.connect(agent.db) as db:
                db.execute("UPDATE incident SET likely_cause = CAST(x'61ff62c0af9b' AS TEXT)")
            db.close()
            self.assertIn(rb"a\xffb\xc0\xaf\x9b", agent.run("report").stdout)
            for form in ("markdown", "html", "json"):
                agent.run("report", "--format", form).stdout.decode("utf-8")
            json.loads(agent.run("report", "--format", "json").stdout)
        finally:
            agent.close()

    def test_no_line_is_wider_than_the_terminal(self):
        for width in (60, 80, 110):
            for case in (("report", "--incident", "1"), ("report", "--incident", "2"), ("report", "--since", "9h"),
                         ("incidents",), ("status",)):
                with self.subTest(width=width, case=case):
                    lines = self.agent.run(*case, COLUMNS=str(width)).stdout.decode().splitlines()
                    headline = 1 if case == ("status",) else 0     # one line for monitoring systems, however long
                    self.assertLessEqual(max(len(line) for line in lines[headline:]), width)

    def test_ascii_terminals_get_ascii(self):
        for case in (("report", "--incident", "1"), ("status",), ("incidents",)):
            self.assertTrue(self.agent.run(*case, LC_ALL="C").stdout.isascii())

    def test_tidy_finds_no_fault(self):
        tidy = shutil.which("tidy")
        if not tidy:
            self.skipTest("tidy is not installed")
        for name in ("incident-1.html", "period.html"):
            said = subprocess.run([tidy, "-q", "-e"], input=self.agent.golden(name), capture_output=True, timeout=600)
            self.assertEqual(b"", said.stderr)

    def test_a_wrong_request_is_answered_with_the_reason(self):
        for arguments, words in ((("report", "--incident", "99"), b"no incident 99"),
                                 (("report", "--format", "pdf"), b"none of text, markdown, json, html"),
                                 (("report", "--since", "soon"), b"is no time"),
                                 (("report", "--since", "1h", "--until", "2h"), b"ends before it begins"),
                                 (("annotate", "99", "--cause", "x"), b"no incident 99")):
            with self.subTest(arguments):
                result = self.agent.run(*arguments)
                self.assertNotEqual(0, result.returncode)
                self.assertIn(words, result.stderr)
                self.assertEqual(b"", result.stdout)


class Changes(unittest.TestCase):
    def setUp(self):
        self.agent = Agent()

    def tearDown(self):
        self.agent.close()

    def incident(self, identity):
        return json.loads(self.agent.run("report", "--incident", str(identity), "--format", "json").stdout)

    def test_an_annotation_answers_an_open_question(self):
        before = self.incident(1)["open_questions"]
        self.assertEqual(0, self.agent.run("annotate", "1", "--cause", "a full disk").returncode)
        after = self.incident(1)
        self.assertEqual("a full disk", after["incident"]["cause"])
        self.assertEqual(len(before) - 1, len(after["open_questions"]))
        self.assertEqual(0, self.agent.run("annotate", "1", "--deviations", "none").returncode)
        self.assertEqual("a full disk", self.incident(1)["incident"]["cause"])

    def test_a_silence_begins_is_listed_and_ends(self):
        self.assertIn(b"no silence is in force", self.agent.run("silence", "--end").stdout)
        begun = self.agent.run("silence", "2h", "--reason", "upgrade")
        self.assertEqual(0, begun.returncode, begun.stderr)
        self.assertRegex(self.agent.run("silence", "--list").stdout.decode(), r"in force .* upgrade")
        self.assertIn(b"1 silence ended", self.agent.run("silence", "--end").stdout)
        self.assertRegex(self.agent.run("silence", "--list").stdout.decode(), r"ended by hand .* upgrade")

    def test_a_silence_needs_a_duration(self):
        for arguments in (("silence",), ("silence", "soon"), ("silence", "0s"), ("silence", "1h", "--list")):
            self.assertEqual(2, self.agent.run(*arguments).returncode)


class Status(unittest.TestCase):
    def setUp(self):
        self.agent = Agent()
        self.process = subprocess.Popen(["sleep", "60"])
        self.change("DELETE FROM outbox")
        self.change("UPDATE incident SET state = 'resolved', resolved_at = opened_at + 1000 WHERE id = 3")

    def tearDown(self):
        self.process.kill()
        self.process.wait()
        self.agent.close()

    def change(self, sql):
        with history.sqlite3.connect(self.agent.db) as db:
            db.execute(sql)
        db.close()

    def live(self, started_ms=None):
        """Makes this test's child the running agent of the history."""
        with history.sqlite3.connect(self.agent.db) as db:
            history.agent_state(db, self.process.pid)
            if started_ms is None:
                db.execute("UPDATE state SET value = replace(value, 'started_ms ', 'started_ms 9') WHERE key = 'agent'")
        db.close()

    def status(self):
        result = self.agent.run("status")
        return result.returncode, result.stdout.decode().splitlines()[0]

    def test_all_is_well(self):
        self.live()
        self.assertEqual((0, "OK - last cycle 12.4 s, lag 15 min, 0 open incidents"), self.status())

    def test_a_dead_agent_is_a_warning(self):
        self.assertEqual((1, "WARNING - the agent is not running"), self.status())

    def test_a_pid_of_another_process_is_no_agent(self):
        self.live(started_ms=history.BEGIN)
        self.assertEqual(1, self.status()[0])

    def test_an_open_warning(self):
        self.live()
        self.change("UPDATE incident SET state = 'open', resolved_at = NULL WHERE id = 3")
        self.assertEqual((1, "WARNING - cycle running since 16:45 (1 h 15 min, incident 3)"), self.status())

    def test_an_open_critical(self):
        self.live()
        self.change("UPDATE incident SET state = 'open', resolved_at = NULL WHERE id = 2")
        self.assertEqual((2, "CRITICAL - scheduler dead since 14:52 (3 h 08 min), not started again (incident 2)"), self.status())

    def test_lag_over_the_thresholds(self):
        self.live()
        for count, code in ((1, 1), (2, 2)):
            self.change(f"UPDATE run SET outcome = 'failed' WHERE table_name = '{history.KRAKEN}' AND cycle_id >"
                        f" (SELECT max(id) FROM cycle) - {count}")
            returncode, line = self.status()
            self.assertEqual(code, returncode, line)
            self.assertIn("bronze_trades_kraken", line)

    def test_a_notification_that_is_not_delivered(self):
        self.live()
        self.change("INSERT INTO outbox (incident_id, notification_id, webhook, status, created_at) VALUES"
                    f" (1, 1, 'chat', 'pending', {history.NOW - 6 * 60000})")
        self.assertEqual((1, "WARNING - webhook chat does not deliver"), self.status())

    def test_no_history_is_unknown(self):
        self.agent.db += ".absent"
        returncode, line = self.status()
        self.assertEqual(3, returncode)
        self.assertTrue(line.startswith("UNKNOWN - "), line)

    def test_an_agent_that_never_ran_is_unknown(self):
        self.change("DELETE FROM state")
        self.assertEqual((3, "UNKNOWN - the agent never ran on this history"), self.status())

    def test_usage_errors_are_unknown_not_critical(self):
        self.assertEqual(3, self.agent.run("status", "--format", "xml").returncode)
        self.assertEqual(3, self.agent.run("status", "--wach").returncode)


def update():
    agent = Agent()
    GOLDEN.mkdir(exist_ok=True)
    for name in CASES:
        (GOLDEN / name).write_bytes(agent.golden(name))
    agent.close()


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        unittest.main()
