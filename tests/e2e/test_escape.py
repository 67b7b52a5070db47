# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile text in the history never acts on a terminal, in a page or in a document, whichever command shows it."""
import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report_history as history                            # noqa: E402
from test_report_golden import ACTIVE, Agent, Page          # noqa: E402

EVIL = history.EVIL
# Everything that is ever shown, though the agent itself would never write some of it so.
POISON = (
    "UPDATE incident SET table_name = :evil, tables = :evil_array, alert = 'IcebergOffload' || :evil, cause = :evil,"
    " deviations = :evil, likely_cause = :evil, scenario = :evil, runbook = :evil, first_command = :evil, evidence = :evil,"
    " summary = :evil, state = 'open', resolved_at = NULL",
    "UPDATE timeline SET kind = CASE kind WHEN 'evidence' THEN kind ELSE :evil END, text = :evil",
    "UPDATE notification SET status = :evil, summary = :evil, escalate_to = :evil",
    "UPDATE outbox SET webhook = :evil, last_error = :evil",
    "UPDATE silence SET reason = :evil, ends_at = 4102444800000, ended_at = NULL",
    "UPDATE run SET table_name = :evil || table_name, error = :evil",
    "UPDATE run SET outcome = 'failed' WHERE id > (SELECT max(id) FROM run) - 3",
    "UPDATE cycle SET outcome = :evil WHERE id = (SELECT max(id) FROM cycle)",
    "UPDATE state SET value = replace(value, '=bronze_trades_kraken', '=' || :line) || 'log_path =' || :line || char(10)"
    " WHERE key = 'agent'",
)
COMMANDS = (("status",), ("incidents",), ("report", "--incident", "1"), ("report", "--incident", "3"), ("report", "--since", "9h"),
            ("silence", "--list"))
FORMATS = {"status": ("text", "json"), "incidents": ("text", "json"), "report": ("text", "json", "markdown", "html")}
LOCALES = ("C.UTF-8", "C")


class Escaped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        values = {"evil": EVIL, "evil_array": json.dumps([EVIL]), "line": EVIL.replace("\n", " ")}
        with history.sqlite3.connect(cls.agent.db) as db:
            for sql in POISON:
                assert db.execute(sql, values).rowcount > 0, sql
        db.close()

    @classmethod
    def tearDownClass(cls):
        cls.agent.close()

    def said(self):
        for command in COMMANDS:
            for form in FORMATS.get(command[0], (None,)):
                for locale in LOCALES:
                    words = (*command, *(("--format", form) if form else ()))
                    result = self.agent.run(*words, LC_ALL=locale)
                    yield " ".join((locale, *words)), form, result.stdout.decode("utf-8"), result.stderr.decode("utf-8")

    def test_nothing_acts_and_everything_is_shown(self):
        seen = 0
        for name, form, text, errors in self.said():
            seen += 1
            with self.subTest(name):
                self.assertIsNone(ACTIVE.search(text + errors))
                self.assertIn("alert", text)            # the hostile text is there, as text
                if form == "json":
                    self.assertIn(EVIL, strings(json.loads(text)))
        self.assertGreater(seen, 20)

    def test_a_page_has_no_markup_of_the_log(self):
        pages = [text for _, form, text, _ in self.said() if form == "html"]
        for text in pages:
            page = Page(text)
            self.assertFalse(page.tags & {"script", "a", "img", "link", "iframe", "object"})
            self.assertEqual([], [name for name, value in page.attributes
                                  if name.startswith("on") or name in ("src", "href") or "://" in (value or "")])
        self.assertTrue(pages)

    def test_a_document_has_no_markup_of_the_log(self):
        documents = [text for _, form, text, _ in self.said() if form == "markdown"]
        for text in documents:
            outside = re.sub(r"(`+) .*? \1(?!`)", "", text)
            self.assertNotRegex(outside, r"(?<!\\)<script|(?<!\\)\[a\]|(?<!\\)`tick")
        self.assertTrue(documents)


def strings(document):
    """Every text in it."""
    if isinstance(document, dict):
        return [text for key, value in document.items() for text in [key, *strings(value)]]
    if isinstance(document, list):
        return [text for value in document for text in strings(value)]
    return [document] if isinstance(document, str) else []


if __name__ == "__main__":
    unittest.main()
