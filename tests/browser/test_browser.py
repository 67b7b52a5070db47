# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML reports in a real browser: valid, legible in both themes, on a phone and on paper, and without any request."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser     # noqa: E402
from browser import DARK, LIGHT     # noqa: E402

TIMEOUT_S = 400
# Hosts that the browser itself asks, whatever page it shows.
BROWSER_OWN = re.compile(r"(google|googleapis|gvt1|gstatic)\.com\b")


def luminance(pixel):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    parts = [value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in pixel[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.eye = browser.Browser()
        cls.pages = browser.pages(cls.eye.home)

    @classmethod
    def tearDownClass(cls):
        cls.eye.close()

    def setUp(self):
        self.eye.proxy.asked.clear()

    def asked(self):
        return [line for line in self.eye.proxy.asked if not BROWSER_OWN.search(line)]

    def look(self, name, theme, width, height):
        target = self.eye.home / "look.png"
        self.eye.picture(self.pages[name], target, theme, width, height)
        return browser.pixels(target)

    def test_tidy_finds_no_fault(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                said = subprocess.run([shutil.which("tidy"), "-q", "-e", page], capture_output=True, timeout=60, check=False)
                self.assertEqual((0, b""), (said.returncode, said.stderr))

    def test_no_request_leaves_the_page(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                self.eye.document(page)
                self.assertEqual([], self.asked())

    def test_a_request_would_have_been_seen(self):
        page = self.eye.home / "leaky.html"
        page.write_text("<!DOCTYPE html><title>x</title><img alt='' src='http://leak.example/pixel.png'>")
        self.eye.document(page)
        self.assertTrue(any("leak.example" in line for line in self.asked()), self.eye.proxy.asked)

    def test_the_policy_of_the_page_stops_markup_that_gets_in(self):
        """If log text became markup by mistake, the page's content security policy would still let nothing load."""
        page = self.eye.home / "forced.html"
        text = self.pages["incident-1.html"].read_text(encoding="utf-8")
        page.write_text(text.replace("</main>", "<img alt='' src='http://leak.example/x.png'>"
                                     "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
        self.assertNotIn("<title>ran</title>", self.eye.document(page))
        self.assertEqual([], self.asked())

    def test_log_text_stays_text(self):
        seen = self.eye.document(self.pages["incident-1.html"])
        self.assertIn("&lt;script&gt;alert('x')&lt;/script&gt;", seen)
        self.assertIsNone(re.search(r"<(script|img|iframe|a)\b", seen))
        self.assertIsNone(re.search("[\x00-\x08\x1b\u202a-\u202e\u200b]", seen))

    def test_both_themes_are_legible(self):
        for name in self.pages:
            for theme, is_dark in ((LIGHT, False), (DARK, True)):
                with self.subTest(name=name, theme=theme):
                    _, height, rows, step = self.look(name, theme, 1000, 900)
                    ground = rows[height // 2][:3]
                    self.assertEqual(is_dark, luminance(ground) < 0.2)
                    # The strongest text colour of the page's upper part, against the background beside it.
                    ink = {bytes(row[at:at + 3]) for row in rows[40:300] for at in range(0, len(row), step)}
                    self.assertGreater(max(contrast(pixel, ground) for pixel in ink), 10)

    def test_a_phone_shows_it_without_scrolling_sideways(self):
        for name in self.pages:
            with self.subTest(name):
                page = self.eye.home / "frame.html"
                page.write_text("<!DOCTYPE html><meta charset=utf-8><title>x</title><body style='margin:0'>"
                                f"<iframe src='{name}' width=360 height=3000 style='border:0'></iframe>"
                                "<script>onload = () => { const root = document.querySelector('iframe')"
                                ".contentDocument.documentElement; document.title = root.scrollWidth + '/' "
                                "+ root.clientWidth; }</script>", encoding="utf-8")
                seen = self.eye.run("--allow-file-access-from-files", "--dump-dom", page.as_uri()).decode()
                wide, room = map(int, re.search(r"<title>(\d+)/(\d+)</title>", seen).groups())
                self.assertEqual(360, room)
                self.assertLessEqual(wide, room)

    def test_paper_shows_all_of_it(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                target = self.eye.home / "paper.pdf"
                self.eye.paper(page, target)
                paper = target.read_bytes()
                self.assertTrue(paper.startswith(b"%PDF-"))
                self.assertIn(len(re.findall(rb"/Type\s*/Page\b", paper)), range(1, 7))

    def test_an_incident_with_six_failures_takes_two_pages(self):
        """Each table of the fixture fails in six cycles, with the job's output in the log."""
        database, page, target = (self.eye.home / name for name in ("six.db", "six.html", "six.pdf"))
        log = browser.ROOT / "fixtures/logs/clickhouse-refused-nested-stderr.log"
        environment = {"PATH": os.environ["PATH"], "TZ": "Australia/Sydney", "AGENT_CONFIG": "/dev/null"}
        agent = lambda *arguments: subprocess.run([browser.golden.AGENT, *arguments, "--db", database], env=environment, capture_output=True,
                                                  timeout=60, check=True).stdout
        agent("replay", "--until", "+1h", log)
        self.assertEqual(6, json.loads(agent("report", "--incident", "1", "--format", "json"))["tables"][0]["failed"])
        page.write_bytes(agent("report", "--incident", "1", "--format", "html"))
        self.eye.paper(page, target)
        self.assertIn(len(re.findall(rb"/Type\s*/Page\b", target.read_bytes())), (1, 2))


if __name__ == "__main__":
    unittest.main()
