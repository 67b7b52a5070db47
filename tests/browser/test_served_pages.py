# SPDX-License-Identifier: GPL-2.0-or-later
"""Every page of `agent serve` in a real browser: on ten years of 64 tables and on an empty history, in both themes, at a desk and on a phone, with and without
scripts. No error, no request to anywhere else, nothing wider than the window, every text legible, every link within the keyboard's reach."""
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parents[1] / "e2e")]

import decade    # noqa: E402
import devtools     # noqa: E402
import report_history as history    # noqa: E402
from agent import BINARY, wait_until    # noqa: E402
from web import Server    # noqa: E402

TIMEOUT_S = 900
VIEWS = [(width, height, dark, scripts) for width, height in ((1000, 900), (360, 740)) for dark in (False, True) for scripts in (True, False)]
LONG = ("/", "/tables", "/tables/bronze_trades_07", "/tables/bronze_trades_07?span=month", "/tables/bronze_trades_07?span=year", "/cycles", "/cycles/87600",
        "/cycles/87550", "/cycles/1", "/incidents", "/incidents/1", "/incidents/126", "/report?since=7d", "/report?since=10d", "/nothing", "/cycles?since=soon")
EMPTY = ("/", "/tables", "/cycles", "/incidents", "/report?since=7d", "/tables/none", "/cycles/1")
REFUSED = {"/nothing": 404, "/cycles?since=soon": 400, "/tables/none": 404}
REACHED_MOST = 60


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = Path(tempfile.mkdtemp(prefix="agent-served-"))
        cls.eye = devtools.Browser()
        cls.long = Server(decade.make(BINARY, cls.home), schedule__interval="1h", log__path=cls.home / "offload.log")
        empty = cls.home / "empty.db"
        history.create(BINARY, empty).close()
        cls.empty = Server(empty, log__path=cls.home / "offload.log")

    @classmethod
    def tearDownClass(cls):
        cls.eye.close()
        cls.long.close()
        cls.empty.close()
        shutil.rmtree(cls.home, ignore_errors=True)

    def setUp(self):
        self.page = self.eye.page()
        self.addCleanup(self.page.close)

    def check(self, server, path):
        base = f"http://{server.host}:{server.port}"
        for width, height, dark, scripts in VIEWS:
            with self.subTest(path=path, width=width, dark=dark, scripts=scripts):
                self.page.look(width, height, dark, scripts)
                self.page.go(base + path)
                seen = self.page.measure()
                refused = [error for error in self.page.errors() if f"status of {REFUSED.get(path, 404)}" not in error or path not in (*REFUSED, "/cycles/1")]
                self.assertEqual(refused, [])
                self.assertEqual([address for address in self.page.asked() if not address.startswith(base + "/")], [])
                self.assertEqual(seen["faint"], [])
                self.assertLessEqual(seen["wide"], 0)
                self.assertEqual((seen["dark"], seen["unnamed"]), (dark, 0))
                self.assertNotEqual(seen["title"], "")

    def test_every_page_of_ten_years(self):
        for path in LONG:
            self.check(self.long, path)

    def test_every_page_of_an_empty_history(self):
        for path in EMPTY:
            self.check(self.empty, path)

    def test_a_fault_would_be_seen(self):
        self.page.look()
        self.page.go(f"http://{self.empty.host}:{self.empty.port}/cycles")
        self.assertEqual((self.page.errors(), self.page.measure()["faint"]), ([], []))
        rule = "document.styleSheets[0].insertRule({!r}, document.styleSheets[0].cssRules.length)"
        self.page.ask(rule.format(".note{color:#999}"))
        self.page.ask(rule.format("main{width:3000px;max-width:none}"))
        self.page.ask(rule.format("a:focus-visible{outline:none}"))
        seen = self.page.measure()
        self.assertIn("There is no such cycle.", [text for *_, text in seen["faint"]])
        self.assertGreater(seen["wide"], 1000)
        self.assertFalse(all(shown for *_, shown in self.page.walk(3)))
        self.page.ask("new Image().src = 'http://leak.example/x.png'; document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = 1' }))")
        self.page.ask("setTimeout(() => { throw new Error('a fault') })")
        errors = []
        wait_until(lambda: errors.extend(self.page.errors()) or len(errors) >= 2, 10, lambda: f"seen are only {errors}")
        self.assertNotEqual(self.page.ask("document.title"), "1", "the policy let a script in the page run")

    def test_the_keyboard_reaches_every_link_and_shows_where_it_is(self):
        for server, paths in ((self.long, LONG), (self.empty, EMPTY)):
            for path in paths:
                with self.subTest(path=path):
                    self.page.look(scripts=False)
                    self.page.go(f"http://{server.host}:{server.port}{path}")
                    wanted = min(self.page.measure()["reach"], REACHED_MOST)
                    reached = [one for one in self.page.walk(wanted + 10) if one[0] != "DIV"]      # what scrolls is reached too
                    self.assertGreaterEqual(len(reached), wanted)
                    self.assertEqual([one for one in reached if not one[2]], [])

    def test_the_numbers_behind_a_chart_open_without_a_script(self):
        self.page.look(scripts=False)
        self.page.go(f"http://{self.long.host}:{self.long.port}/tables/bronze_trades_07")
        self.assertEqual(self.page.ask("document.querySelectorAll('details').length"), 4)
        self.page.ask("document.querySelector('summary').focus()")
        self.page.press("Enter", 13)
        self.page.press(" ", 32)
        opened = self.page.ask("[document.querySelector('details').open, document.querySelector('details table').getClientRects().length > 0]")
        self.page.press(" ", 32)
        again = self.page.ask("document.querySelector('details').open")
        self.assertNotEqual(opened[0], again)


class Refreshing(unittest.TestCase):
    """The script of the first page."""

    def setUp(self):
        self.home = Path(tempfile.mkdtemp(prefix="agent-served-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.database = self.home / "history.db"
        with history.make(BINARY, self.database) as db:
            db.execute("PRAGMA journal_mode = WAL")
        db.close()
        self.server = Server(self.database, log__path=self.home / "offload.log")
        self.addCleanup(self.server.close)
        self.eye = devtools.Browser()
        self.addCleanup(self.eye.close)
        self.page = self.eye.page()
        self.page.look()
        self.page.go(f"http://{self.server.host}:{self.server.port}/")

    def text(self):
        return self.page.ask("document.querySelector('main').innerText")

    def test_what_happens_shows_within_two_seconds_and_what_was_opened_stays(self):
        self.page.ask("document.querySelector('details').open = true; document.querySelector('a[href=\"/cycles\"]').focus()")
        self.page.ask("window.sameDocument = true")
        db = sqlite3.connect(self.database)
        self.addCleanup(db.close)
        for sql, shown in (("INSERT INTO incident (id, alert, tables, severity, state, onset_at, opened_at, summary) VALUES (77, 'IcebergOffloadSchedulerDown', '[]', "
                            f"'warning', 'open', {history.NOW - 60000}, {history.NOW}, 'the test opened it')", True),
                           ("UPDATE incident SET severity = 'critical', critical_at = opened_at WHERE id = 77", True),
                           ("UPDATE incident SET state = 'resolved', resolved_at = opened_at WHERE id = 77", False)):
            with db:
                db.execute(sql)
            began, pattern = time.monotonic(), "critical\\s*the test" if "critical_at" in sql else "the test opened it"
            wait_until(lambda shown=shown, pattern=pattern: bool(re.search(pattern, self.text())) == shown, 10, lambda: self.text()[:400])
            self.assertLess(time.monotonic() - began, 2, sql)
        self.assertEqual(self.page.ask("[window.sameDocument, document.querySelector('details').open, document.activeElement.getAttribute('href')]"),
                         [True, True, "/cycles"])
        self.assertEqual(self.page.errors(), [])

    def test_a_page_that_is_held_by_its_reader_says_how_old_it_is(self):
        self.page.ask("getSelection().selectAllChildren(document.querySelector('h1'))")
        with sqlite3.connect(self.database) as db:
            db.execute("UPDATE incident SET summary = 'the test changed it' WHERE state = 'open'")
        db.close()
        wait_until(lambda: re.search(r", \d+ s ago; what is new waits", self.text()), 20, lambda: self.text()[:600])
        self.assertNotIn("the test changed it", self.text())
        self.page.ask("getSelection().removeAllRanges()")
        wait_until(lambda: "the test changed it" in self.text() and "what is new waits" not in self.text(), 10, lambda: self.text()[:600])

    def test_a_server_that_is_gone_is_said_loudly_and_one_that_came_back_is_not(self):
        self.assertNotIn("has not answered since", self.text())
        port = self.server.port
        self.server.close()
        wait_until(lambda: "The server has not answered since" in self.text(), 10, lambda: self.text()[:400])
        self.server = Server(self.database, listen=f"127.0.0.1:{port}", log__path=self.home / "offload.log")
        self.addCleanup(self.server.close)
        wait_until(lambda: "has not answered since" not in self.text(), 10, lambda: self.text()[:400])


if __name__ == "__main__":
    unittest.main()
