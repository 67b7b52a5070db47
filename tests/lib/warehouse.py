# SPDX-License-Identifier: GPL-2.0-or-later
"""An Iceberg warehouse as Spark's Hadoop catalog leaves it on the disk, and a stand-in for the ClickHouse server that the tables come
from, which answers over HTTP as https://clickhouse.com/docs/interfaces/http says."""

import http.server
import json
import re
import threading
import time
import urllib.parse
from pathlib import Path


class Warehouse:
    """With `keep`, only so many snapshots and metadata files of a table are kept, as a job does that expires them."""

    def __init__(self, directory, keep=None):
        self.directory, self.keep = Path(directory), keep
        self.tables = {}   # name -> snapshots, oldest first

    def _folder(self, name):
        folder = self.directory.joinpath(*name.split("."), "metadata")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def commit(self, name, added, operation="append", at=None):
        """A snapshot of `cold.trades`, and the metadata file that makes it current."""
        snapshots = self.tables.setdefault(name, [])
        total = int(snapshots[-1]["summary"]["total-records"]) if snapshots else 0
        version = snapshots[-1]["sequence-number"] + 1 if snapshots else 1
        snapshot = {
            "sequence-number": version, "snapshot-id": 7_000_000_000_000_000_000 + version - 1,
            "timestamp-ms": int((at or time.time()) * 1000),
            "summary": {"operation": operation, "spark.app.id": "local-1", "added-records": str(added), "total-records": str(total + added)},
            "manifest-list": f"/warehouse/{name}/metadata/snap-{version - 1}.avro", "schema-id": 0}
        if snapshots:
            snapshot["parent-snapshot-id"] = snapshots[-1]["snapshot-id"]
        snapshots.append(snapshot)
        folder = self._folder(name)
        new = folder / f"v{version}.metadata.json.part"
        new.write_text(json.dumps({"format-version": 2, "table-uuid": "0-1", "location": f"/warehouse/{name}", "schemas": [{"fields": []}],
                                   "current-snapshot-id": snapshot["snapshot-id"], "refs": {"main": {"snapshot-id": 1, "type": "branch"}},
                                   "snapshots": snapshots, "snapshot-log": []}))
        new.rename(folder / f"v{version}.metadata.json")
        (folder / "version-hint.text").write_text(str(version))
        if self.keep and version > self.keep:
            del snapshots[:-self.keep]
            (folder / f"v{version - self.keep}.metadata.json").unlink()


class _Answers(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("query", [""])[0]     # a probe asks nothing
        if query:
            self.server.asked.append((query, dict(self.headers)))
        asked = re.search(r"FROM k2\.`?([^` ]+)`?", query)
        newest = self.server.newest(asked.group(1)) if asked else 0
        body = newest.encode() if isinstance(newest, str) else f"{int(newest * 1000)}\n".encode()
        self.send_response(500 if isinstance(newest, str) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ClickHouse:
    """newest: a function of the table's name that returns the time of its newest row (s), or a text to fail with."""

    def __init__(self, newest=lambda table: time.time()):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self.server.daemon_threads = True
        self.server.newest, self.server.asked = newest, []
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def asked(self):
        return self.server.asked

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
