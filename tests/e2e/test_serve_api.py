# SPDX-License-Identifier: GPL-2.0-or-later
"""/api/v1 of `agent serve`: what it answers is what its OpenAPI description says, errors too; cycles and tables by page."""
import contextlib
import json
import re
import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

import report_history as history   # noqa: E402
from openapi import Description   # noqa: E402
from web import Case, Server, make_history   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GOOD = ("/api/v1/status", "/api/v1/incidents", "/api/v1/incidents?open=yes", "/api/v1/incidents?table=*kraken&since=2026-03-01", "/api/v1/incidents/1",
        "/api/v1/incidents/2", "/api/v1/incidents/3", "/api/v1/cycles", "/api/v1/cycles?limit=3", "/api/v1/cycles?table=*kraken&limit=200",
        "/api/v1/cycles?since=2026-03-03+12:00&until=2026-03-03+13:00", "/api/v1/cycles?since=2030-01-01", "/api/v1/tables", "/api/v1/tables?limit=1",
        "/api/v1/tables?table=none*", "/api/v1/tables?since=2020-01-01", "/api/v1/tables?until=2026-03-01", "/api/v1/openapi.json", "/metrics", "/badge.svg")
WRONG = {400: ("/api/v1/cycles?limit=0", "/api/v1/cycles?limit=201", "/api/v1/cycles?limit=x", "/api/v1/cycles?before=0", "/api/v1/cycles?before=-1",
               "/api/v1/cycles?after=1", "/api/v1/cycles?since=soon", "/api/v1/cycles?since=1d&until=2d", "/api/v1/tables?limit=1001", "/api/v1/tables?open=yes",
               "/api/v1/tables?until=never", "/api/v1/status?x=1", "/api/v1/incidents?open=maybe", "/api/v1/incidents?since=1d&since=1d"),
         404: ("/api/v1/incidents/99",), 503: ("/healthz",)}


class Api(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="agent-serve-"))
        cls.database = make_history(cls.home)
        cls.server = Server(cls.database)
        cls.description = Description(cls.server.ask("/api/v1/openapi.json").text)

    @classmethod
    def tearDownClass(cls):
        code, said = cls.server.close()
        assert code == 0, said

    def get(self, path, server=None, **headers):
        answer = (server or self.server).ask(path, **headers)
        self.description.check(path, answer.status, answer.headers["Content-Type"], answer.text)
        return answer

    def test_what_is_answered_is_what_is_described(self):
        for path in GOOD:
            self.assertEqual(self.get(path).status, 200, path)
        for status, paths in WRONG.items():
            for path in paths:
                self.assertEqual(self.get(path).status, status, path)
        self.get("/api/v1/status", Host="evil.example")
        self.get("/metrics", Accept="application/openmetrics-text")
        answer = self.server.ask("/api/v1/nothing")
        self.assertEqual((answer.status, json.loads(answer.text)["status"]), (404, 404))

    def test_the_description_is_the_file_and_describes_no_more_than_there_is(self):
        self.assertEqual(self.server.ask("/api/v1/openapi.json").body, (ROOT / "agent/serve/openapi.json").read_bytes())
        self.assertEqual({f"#/components/schemas/{name}" for name in self.description.document["components"]["schemas"]} - self.description.used, set())
        described = {path.replace("{id}", "") for path in self.description.document["paths"]}
        routes = set(re.findall(r'\{ "(/[^"]*)", ROUTE_(?:API_\w+|METRICS|HEALTH|BADGE)', (ROOT / "agent/serve/request.c").read_text()))
        self.assertEqual(described, routes)

    def test_a_wrong_answer_would_be_noticed(self):
        answer = json.loads(self.server.ask("/api/v1/cycles?limit=1").text)
        for change in (lambda it: it.pop("next"), lambda it: it.update(more=1), lambda it: it["cycles"][0].update(outcome="fine"),
                       lambda it: it["cycles"][0].update(rows="1"), lambda it: it["cycles"][0]["runs"][0].pop("error"), lambda it: it.update(version=2),
                       lambda it: it["cycles"][0].update(started="yesterday"), lambda it: it["cycles"][0].update(rows=-1)):
            wrong = json.loads(json.dumps(answer))
            change(wrong)
            with self.assertRaises(ValueError):
                self.description.check("/api/v1/cycles", 200, "application/json", json.dumps(wrong))

    def test_the_pages_together_are_the_whole(self):
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            known = [row[0] for row in db.execute("SELECT id FROM cycle ORDER BY started_at DESC, id DESC")]
            runs = dict(db.execute("SELECT cycle_id, count(*) FROM run GROUP BY cycle_id"))
        for first in ("/api/v1/cycles?limit=7", "/api/v1/cycles?limit=7&table=*kraken", "/api/v1/cycles"):
            path, seen = first, []
            while path:
                page = json.loads(self.get(path).text)
                seen += page["cycles"]
                path = page["next"]
            self.assertEqual([cycle["id"] for cycle in seen], known)
            for cycle in seen:
                self.assertEqual(len(cycle["runs"]), 1 if "table" in first else runs[cycle["id"]])
        page = json.loads(self.get("/api/v1/tables?until=2026-03-01+10:00").text)
        self.assertEqual((page["since"][:19], page["until"][:19]), ("2026-02-28T10:00:00", "2026-03-01T10:00:00"))
        page = json.loads(self.get("/api/v1/tables?limit=1").text)
        rest = json.loads(self.get(page["next"]).text)
        self.assertEqual([table["table"] for table in page["tables"] + rest["tables"]], ["bronze_trades_binance", "bronze_trades_kraken"])
        self.assertIsNone(rest["next"])

    def test_a_history_with_odd_rows_is_described_as_well(self):
        directory = self.directory()
        database = make_history(directory)
        with contextlib.closing(sqlite3.connect(database)) as db, db:
            db.execute("UPDATE run SET rows = 9223372036854775807, duration_ms = -5, outcome = 'success' WHERE id % 3 = 0")
            db.execute("UPDATE run SET rows = NULL, exit_code = 'x', error = x'ff00fe' WHERE id % 5 = 0")
            db.execute("UPDATE cycle SET rows = -1, duration_ms = 1e300, ended_at = 'soon' WHERE id % 4 = 0")
            db.execute("UPDATE incident SET summary = ?, tables = 'no json'", (history.EVIL,))
            db.execute("UPDATE run SET ended_at = 9223372036854775807 WHERE id % 7 = 0")
            db.execute("UPDATE incident SET resolved_at = 9223372036854775807 WHERE id = 1")
        server = self.serve(database)
        for path in GOOD:
            self.assertEqual(self.get(path, server).status, 200, path)

    def test_no_history_is_an_error_that_is_described(self):
        server = self.serve(self.directory() / "history.db")
        for path in ("/api/v1/status", "/api/v1/incidents", "/api/v1/incidents/1", "/api/v1/cycles", "/api/v1/tables", "/metrics", "/healthz", "/badge.svg"):
            answer = self.get(path, server)
            self.assertEqual(answer.status, 503, path)
            self.assertIn("no history here yet", answer.text)


if __name__ == "__main__":
    unittest.main()
