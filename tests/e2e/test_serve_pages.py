# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pages of tables and cycles of `agent serve` say: the numbers of the history, links that lead somewhere, and hostile names as text."""
import html
import html.parser
import json
import re
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path
from urllib.parse import quote, urljoin

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import report_history as history   # noqa: E402
from agent import BINARY   # noqa: E402
from test_report_golden import ACTIVE   # noqa: E402
from web import ENVIRONMENT, Balanced, Case, command_json, make_history   # noqa: E402

TIMEOUT_S = 300
HOSTILE = (history.EVIL, "<script>alert(1)</script>", "a/b/../../c", "100%", "\"'&;<>`", "x" * 255, "\u202eelbat\u200b", "..", ".", "a?b#c", "tab\tbreak\n",
           "%2e%2e", "\u00e9\u4e2d" * 40)
SHOWN_MOST = 200        # include/base/budgets.h, SERVE_CYCLES_MAX


class Tables(html.parser.HTMLParser):
    """The tables of a page as lists of rows, each a list of texts; the links; the ids; the texts of title and desc in pictures."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.links, self.ids, self.cell, self.pictures = [], [], [], None, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs["href"]] if tag == "a" else []
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.pictures += tag == "svg"
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.cell)
            self.cell = None


def number(text):
    return int(text.replace(",", ""))


class Numbers(Case):
    def setUp(self):
        self.database = make_history(self.directory())
        self.db = sqlite3.connect(self.database)
        self.addCleanup(self.db.close)
        self.server = self.serve(self.database)

    def page(self, path):
        answer = self.server.ask(path)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(Balanced(answer.text).open, [])
        page = Tables(answer.text)
        self.assertEqual(len(page.ids), len(set(page.ids)), "an id is given twice")
        return answer.text, page

    def test_a_table_has_the_numbers_of_its_runs(self):
        for name in (history.BINANCE, history.KRAKEN):
            runs, failed, rows = self.db.execute("SELECT count(*), sum(outcome IN ('failed', 'timeout', 'aborted')), sum(rows) FROM run "
                                                 "WHERE table_name = ?", (name,)).fetchone()
            for span in ("day", "month", "year"):
                with self.subTest(name=name, span=span):
                    text, page = self.page(f"/tables/{name}?span={span}")
                    figures = [number(figure) for figure in re.findall(r'class="figure">([\d,]+)</p>', text)]
                    self.assertEqual(figures, [runs, failed, rows])
                    charts = {table[0][1]: table[1:] for table in page.tables if table[0][0] == "From"}
                    self.assertEqual(sum(number(row[1]) for row in charts["Rows"]), rows)
                    self.assertEqual(sum(number(row[1]) for row in charts["Runs"]), runs)
                    self.assertEqual(sum(number(row[2]) for row in charts["Runs"]), failed)
                    self.assertEqual(set(charts), {"Rows", "Runs", "Longest run", "Highest lag"})
                    self.assertLessEqual(max(len(rows) for rows in charts.values()), 122)

    def test_its_lag_is_that_of_the_status(self):
        lag = {one["table"]: one for one in command_json(self.database, "status")["lag"]}
        for name, one in lag.items():
            text, _ = self.page(f"/tables/{name}")
            self.assertIn(f'<header class="{ {"OK": "good"}.get(one["level"], one["level"].lower()) }">', text)
            self.assertIn("last success " + one["last_success"][:19].replace("T", " "), text)
        _, page = self.page("/tables")
        self.assertEqual({row[0] for row in page.tables[0][1:]}, set(lag))

    def test_the_highest_lag_is_the_longest_time_without_a_success(self):
        ends = [at for at, in self.db.execute("SELECT ended_at FROM run WHERE table_name = ? AND outcome = 'success' ORDER BY ended_at", (history.KRAKEN,))]
        highest = max(b - a for a, b in zip(ends, ends[1:]))
        text, _ = self.page(f"/tables/{history.KRAKEN}?span=year")
        words = re.search(r'<desc id="lag-words">[^<]* the highest is ([^<]*)\.</desc>', text)[1]
        hours, minutes = re.fullmatch(r"(?:(\d+) h )?(\d+) min(?: \d+ s)?", words).groups()
        self.assertEqual(int(hours or 0) * 60 + int(minutes), round(highest / 60000))

    def test_failures_and_incidents_have_links(self):
        text, page = self.page(f"/tables/{history.KRAKEN}?span=month")
        failed = [f"/cycles/{number}" for number, in self.db.execute("SELECT cycle_id FROM run WHERE table_name = ? AND outcome <> 'success' ORDER BY id DESC "
                                                                     "LIMIT 10", (history.KRAKEN,))]
        self.assertEqual([link for link in page.links if re.match(r"/cycles/\d", link)], failed)
        self.assertIn("/incidents/1", page.links)
        self.assertIn("Last failures", text)

    def test_incidents_that_are_not_shown_are_said(self):
        columns = ", ".join(row[1] for row in self.db.execute("PRAGMA table_info(incident)") if row[1] != "id")
        for count, cut in ((19, False), (1, True)):     # besides the one that is there
            for _ in range(count):
                self.db.execute(f"INSERT INTO incident ({columns}) SELECT {columns} FROM incident WHERE id = 1")
            self.db.commit()
            server = self.serve(self.database)
            text = server.ask(f"/tables/{history.KRAKEN}?span=month").text
            self.assertEqual((len(re.findall(r'href="/incidents/\d', text)), "These are the newest 20." in text), (20, cut))
        for _ in range(500):
            self.db.execute(f"INSERT INTO incident ({columns}) SELECT {columns} FROM incident WHERE id = 1")
        self.db.commit()
        text = self.serve(self.database).ask("/incidents").text
        self.assertEqual((len(re.findall(r'href="/incidents/\d', text)), "These are the newest 500" in text), (500, True))

    def test_a_cycle_has_its_runs(self):
        for cycle, outcome, duration in self.db.execute("SELECT id, outcome, duration_ms FROM cycle").fetchall():
            text, page = self.page(f"/cycles/{cycle}")
            self.assertIn(f'<p class="headline">{outcome}, ', text)
            runs = self.db.execute("SELECT table_name, outcome, rows, error FROM run WHERE cycle_id = ? ORDER BY id", (cycle,)).fetchall()
            self.assertEqual([row[:2] for row in page.tables[0][1:]], [[name, result] for name, result, _, _ in runs])
            for (_, _, rows, _), row in zip(runs, page.tables[0][1:]):
                self.assertEqual(row[3], "not said" if rows is None else f"{rows:,}")
            self.assertEqual("What the failed runs said" in text, any(error for *_, error in runs))

    def test_the_cycles_are_listed_and_chosen_by_time(self):
        _, page = self.page("/cycles")
        known = [number for number, in self.db.execute("SELECT id FROM cycle ORDER BY started_at DESC")]
        self.assertEqual([number(row[0]) for row in page.tables[0][1:]], known)
        _, page = self.page("/cycles?since=2026-03-03+12:00&until=2026-03-03+13:00")
        chosen = [number for number, in self.db.execute("SELECT id FROM cycle WHERE started_at >= ? AND started_at < ? ORDER BY started_at DESC",
                                                        (history.at("12:00:00"), history.at("13:00:00")))]
        self.assertEqual([number(row[0]) for row in page.tables[0][1:]], chosen)
        self.assertIn("There is no such cycle", self.server.ask("/cycles?until=2020-01-01").text)

    def test_one_can_walk_from_cycle_to_cycle(self):
        known = [number for number, in self.db.execute("SELECT id FROM cycle ORDER BY started_at")]
        at, seen = f"/cycles/{known[0]}", []
        while at:
            text, _ = self.page(at)
            seen.append(int(at.rsplit("/", 1)[1]))
            found = re.search(r'<a href="(/cycles/\d+)">The cycle after</a>', text)
            at = found and found[1]
        self.assertEqual(seen, known)

    def test_long_lists_go_on_at_another_page(self):
        set_back = 1743868800000        # 2025-04-06 03:00 in Sydney became 02:00, and the pages show local time
        self.db.executemany("INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome) VALUES (?, ?, ?, 1000, 'success')",
                            [(10_000 + n, at, at + 1000) for n, at in enumerate(range(set_back + 180 * 60_000, set_back - 420 * 60_000, -60_000))])
        self.db.commit()
        wanted = [number for number, in self.db.execute("SELECT id FROM cycle WHERE started_at < ? ORDER BY started_at DESC", (history.at("14:00:00"),))]
        at, seen = "/cycles?until=2026-03-03+14:00", []
        while at:
            _, page = self.page(at)
            shown = [number(row[0]) for row in page.tables[0][1:]]
            self.assertLessEqual(len(shown), SHOWN_MOST)
            seen += shown
            at = next((link for link in page.links if link.startswith("/cycles?")), None)
        self.assertEqual(seen, wanted)


class Links(Case):
    def test_a_report_leads_to_its_page(self):
        database = make_history(self.directory())
        server = self.serve(database)
        base = f"http://127.0.0.1:{server.port}"
        for arguments, title in ((("--incident", "1"), "Incident 1"), (("--since", "2026-03-03", "--until", "2026-03-03"), "2026-03-03")):
            for form in ("text", "markdown", "html"):
                for given in (base, base + "/"):
                    said = subprocess.run([BINARY, "report", *arguments, "--format", form, "--db", database, "--set", f"links.serve={given}"],
                                          env={**ENVIRONMENT, "COLUMNS": "200"}, capture_output=True, text=True, timeout=600, check=True).stdout
                    path = html.unescape(re.search(rf"{base}(/[^\s<>\"]*)", said)[1])
                    with self.subTest(path=path, form=form):
                        answer = server.ask(path)
                        self.assertEqual(answer.status, 200)
                        self.assertIn(title, answer.text)
            said = subprocess.run([BINARY, "report", *arguments, "--db", database], env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=True).stdout
            self.assertNotIn("Live page", said)


class Hostile(Case):
    def test_any_name_is_text_and_its_page_is_found(self):
        database = make_history(self.directory())
        with sqlite3.connect(database) as db:
            cycle, started = db.execute("SELECT id, started_at FROM cycle ORDER BY started_at DESC LIMIT 1").fetchone()
            for n, name in enumerate(HOSTILE):
                history.put(db, "run", id=5000 + n, cycle_id=cycle, table_name=name, started_at=started, ended_at=started + 1000, duration_ms=1000,
                            outcome="failed" if n % 2 else "success", rows=n, error=history.EVIL if n % 2 else None)
                db.execute("UPDATE incident SET tables = ? WHERE id = 3", (json.dumps(list(HOSTILE)),))
        db.close()
        server, walked, todo = self.serve(database), set(), ["/", "/tables", "/cycles", f"/cycles/{cycle}"]
        while todo:
            path = todo.pop()
            if path in walked:
                continue
            walked.add(path)
            answer = server.ask(path)
            self.assertEqual(answer.status, 200, f"{path}: {answer.text}")
            if not answer.headers["Content-Type"].startswith("text/html"):
                continue
            self.assertEqual(Balanced(answer.text).open, [], path)
            self.assertIsNone(ACTIVE.search(answer.text), path)
            self.assertIsNone(re.search("[\x00-\x08\x0b-\x1f\u200b\u202a-\u202e]", answer.text), path)
            todo += [urljoin(path, html.unescape(link)) for link in Tables(answer.text).links if link.startswith("/")]
        for name in HOSTILE:
            self.assertEqual(f"/tables/{quote(name, safe='')}" in walked, name not in (".", ".."), name)


if __name__ == "__main__":
    unittest.main()
