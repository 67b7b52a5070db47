# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-ins for the components that the agent asks: a port that answers as told, and Docker's API on a Unix socket."""

import http.server
import json
import os
import socket
import socketserver
import threading
import urllib.parse


class Port:
    """A TCP port; each connection gets these bytes and is closed, or is held open if they are None."""

    def __init__(self, answer=None):
        self.answer, self.held = answer, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.held.append(connection)
            if self.answer is not None:
                try:
                    connection.recv(4096)
                    connection.sendall(self.answer)
                    connection.close()
                except OSError:
                    pass

    def close(self):
        self.socket.close()


def http_answer(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode() + body


def container(status="running", exit_code=0, oom=False, restarts=0, health=None):
    """The part of an inspection that the agent reads, in Docker's shape."""
    state = {"Status": status, "Running": status in ("running", "paused", "restarting"), "Paused": status == "paused",
             "Restarting": status == "restarting", "OOMKilled": oom, "Dead": status == "dead", "Pid": 4711,
             "ExitCode": exit_code, "Error": "", "StartedAt": "2026-03-03T09:00:00.123456789Z"}
    if health:
        state["Health"] = {"Status": health, "FailingStreak": 0, "Log": []}
    return {"Id": "4f" * 32, "Created": "2026-03-01T09:00:00Z", "State": state, "RestartCount": restarts,
            "Config": {"Env": ["PASSWORD=never-shown"]}}


class _Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urllib.parse.unquote(self.path)
        self.server.asked.append(path)
        name = path.removeprefix("/containers/").removesuffix("/json")
        found = self.server.listed if path == "/containers/json?all=1" else self.server.containers.get(name)
        code = 200 if found is not None else 404
        body = found if isinstance(found, bytes) else json.dumps(found if found is not None else {"message": "No such container"}).encode()
        if isinstance(found, int):
            code, body = found, b'{"message": "trouble"}'
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that gives up is what some tests are about."""


class Docker:
    """What `docker inspect` would say. containers: name -> container(), bytes as they are, or a status code to fail with;
    listed: what it would list of all of them, in one of these forms."""

    def __init__(self, path, containers, listed=()):
        self.path = str(path)
        self.server = _Server(self.path, _Handler)
        self.server.containers, self.server.listed, self.server.asked = containers, listed, []
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def asked(self):
        return self.server.asked

    @property
    def host(self):
        return "unix://" + self.path

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
