# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for Prefect's API: the three filters that the agent asks, as Prefect 3.6 answers them, and a server that misbehaves."""

import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POOL, FLOW = "iceberg-offload", "iceberg-offload-main"


def worker(name="ProcessWorker 1a2b", status="ONLINE"):
    return {"id": "5f0c9b5e-0000-4000-8000-000000000001", "name": name, "work_pool_id": "5f0c9b5e-0000-4000-8000-000000000002",
            "last_heartbeat_time": "2026-02-18T06:14:50.000000Z", "heartbeat_interval_seconds": 30, "status": status}


def deployment(name="every-15-minutes", paused=False, active=True):
    return {"id": "5f0c9b5e-0000-4000-8000-000000000003", "name": name, "paused": paused, "status": "READY", "work_pool_name": POOL,
            "schedules": [{"active": active, "schedule": {"cron": "*/15 * * * *", "timezone": "UTC"}}]}


def flow_run(minutes_late):
    due = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes_late, seconds=5)
    return {"id": "5f0c9b5e-0000-4000-8000-000000000004", "name": "tacky-mongoose", "state_type": "SCHEDULED", "state_name": "Late",
            "expected_start_time": due.isoformat().replace("+00:00", "Z"), "parameters": {}}


class PrefectApi:
    """Use as a context. `deployments`, `workers` and `runs` are what it says; `answer` (a function of the handler) replaces all that."""

    def __init__(self):
        self.deployments, self.workers, self.runs = [deployment()], [worker()], []
        self.answer = None
        self.asked = []                # (path, body, headers)
        self.released = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.asked.append((self.path, json.loads(body), dict(self.headers)))
                if api.answer:
                    api.answer(self)
                    return
                known = {"/api/deployments/filter": api.deployments, f"/api/work_pools/{POOL}/workers/filter": api.workers,
                         "/api/flow_runs/filter": api.runs}
                if self.path in known:
                    self.give(200, json.dumps(known[self.path]).encode())
                else:
                    self.give(404, b'{"detail":"Not Found"}')

            def give(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def says(text):
    """An answer that is whatever text."""
    return lambda handler: handler.give(200, text if isinstance(text, bytes) else text.encode())


def fails(status):
    return lambda handler: handler.give(status, b"Internal Server Error")


def hangs(api):
    return lambda handler: api.released.wait(60)


def floods(handler):
    """A list without an end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        handler.wfile.write(b"[")
        while True:
            handler.wfile.write(json.dumps(worker()).encode() + b"," + b" " * 1000)
    except OSError:
        handler.close_connection = True
