# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for Docker's Engine on a Unix socket: what its API's documentation (v1.41) says of GET /containers/NAME/json, /events and
/containers/ID/logs, for containers whose output a test writes. Each log is kept as dockerd keeps it, in a json-file where `keeps_file` is set."""
import datetime
import json
import os
import pathlib
import socketserver
import struct
import threading
import time
import urllib.parse

UTC = datetime.timezone.utc


def stamp_of(ns):
    return datetime.datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns % 10**9:09}Z"


class Container:
    def __init__(self, name, number, directory, keeps_file, tty):
        self.name, self.id, self.tty = name, f"{number:02x}" * 32, tty
        self.messages = []       # (ns, stream, bytes with its line break unless it is a part)
        self.running, self.exit_code, self.oom, self.restarts, self.removed = True, 0, False, 0, False
        self.started = stamp_of(time.time_ns())
        self.path = pathlib.Path(directory) / self.id / f"{self.id}-json.log" if keeps_file else None
        if self.path:
            self.path.parent.mkdir(parents=True)
            self.path.touch()

    def describe(self):
        status = "running" if self.running else "exited"
        return {"Id": self.id, "Name": "/" + self.name, "LogPath": str(self.path or ""), "RestartCount": self.restarts, "Config": {"Tty": self.tty},
                "State": {"Status": status, "Running": self.running, "Paused": False, "Restarting": False, "OOMKilled": self.oom, "Dead": False,
                          "ExitCode": self.exit_code, "Error": "", "StartedAt": self.started}}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        if not line:
            return
        url = urllib.parse.urlsplit(line.split()[1])
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        docker = self.server.docker
        docker.asked.append(url.path)
        parts = url.path.strip("/").split("/")
        try:
            if parts == ["events"]:
                self.stream(docker.events_from(query), "application/json")
            elif parts[0] == "containers" and parts[2:] == ["json"]:
                container = docker.find(parts[1])
                self.answer(200 if container else 404, container.describe() if container else {"message": f"No such container: {parts[1]}"})
            elif parts[0] == "containers" and parts[2:] == ["logs"]:
                container = docker.find(parts[1])
                if container:
                    self.stream(docker.logs_from(container, query), "application/vnd.docker.raw-stream" if container.tty else "application/vnd.docker.multiplexed-stream")
                else:
                    self.answer(404, {"message": "No such container"})
            else:
                self.answer(404, {"message": "page not found"})
        except OSError:
            pass

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)

    def stream(self, pieces, kind):
        self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
        self.wfile.flush()
        self.server.docker.connections.append(self.connection)
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class Docker:
    """Use as a context: the engine runs. `stop` and `start` are the daemon's own; containers live on."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.change = threading.Condition()
        self.containers, self.events, self.made, self.asked, self.connections = {}, [], 0, [], []
        self.server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.server:
            self.stop()

    def start(self):
        if self.socket.exists():
            self.socket.unlink()
        self.server = Server(str(self.socket), Handler)
        self.server.docker, self.server.over = self, False
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.over = True
        self.server.shutdown()
        self.server.server_close()
        with self.change:
            self.server = None
            self.change.notify_all()
        for connection in self.connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass
        self.connections.clear()
        self.socket.unlink()

    def find(self, name):
        with self.change:
            return next((one for one in self.containers.values() if name in (one.name, one.id)), None)

    # --- what happens -------------------------------------------------------------------------------------------

    def _tell(self, container, action, **attributes):
        self.events.append({"Type": "container", "Action": action, "status": action, "id": container.id,
                            "Actor": {"ID": container.id, "Attributes": {"name": container.name, **attributes}}, "time": int(time.time())})
        self.change.notify_all()

    def create(self, name, keeps_file=True, tty=False):
        with self.change:
            self.made += 1
            container = self.containers[name] = Container(name, self.made, self.directory / "containers", keeps_file, tty)
            self._tell(container, "create")
            self._tell(container, "start")
            return container

    def log(self, container, text, stream="stderr", ns=None, end="\n"):
        """One message as dockerd takes it from the pipe; end="" is a part, or what a process left unfinished."""
        with self.change:
            ns = time.time_ns() if ns is None else ns
            raw = (text + ("\r\n" if container.tty and end else end)).encode()
            container.messages.append((ns, stream, raw))
            if container.path:
                with open(container.path, "ab") as file:
                    file.write(json.dumps({"log": raw.decode(), "stream": stream, "time": stamp_of(ns)}).encode() + b"\n")
            self.change.notify_all()

    def die(self, container, exit_code=1, oom=False):
        with self.change:
            container.running, container.exit_code, container.oom = False, exit_code, oom
            if oom:
                self._tell(container, "oom")
            self._tell(container, "die", exitCode=str(exit_code))

    def restart(self, container):
        with self.change:
            container.running, container.oom, container.started = True, False, stamp_of(time.time_ns())
            container.restarts += 1
            self._tell(container, "start")

    def remove(self, container):
        with self.change:
            del self.containers[container.name]
            container.removed = True
            if container.path:
                for path in container.path.parent.iterdir():
                    path.unlink()
                container.path.parent.rmdir()
            self._tell(container, "destroy")

    # --- streams ------------------------------------------------------------------------------------------------

    def _wait(self, server, condition):
        with self.change:
            while not condition() and self.server is server:
                self.change.wait(1)
            return self.server is server

    def events_from(self, query):
        wanted = json.loads(query.get("filters", "{}")).get("container", [])
        server, at = self.server, len(self.events)
        while self._wait(server, lambda: len(self.events) > at):
            with self.change:
                fresh, at = self.events[at:], len(self.events)
            for event in fresh:
                if not wanted or event["Actor"]["Attributes"]["name"] in wanted or event["id"] in wanted:
                    yield json.dumps(event).encode() + b"\n"

    def logs_from(self, container, query):
        server, since, at = self.server, float(query.get("since", 0)), 0
        while True:
            with self.change:
                fresh, at, alive = container.messages[at:], len(container.messages), container.running and not container.removed
            for ns, stream, raw in fresh:
                if ns < since * 10**9:
                    continue
                message = stamp_of(ns).encode() + b" " + raw
                yield message if container.tty else struct.pack(">BxxxL", 1 if stream == "stdout" else 2, len(message)) + message
            if not alive and not fresh:
                return
            if alive and not self._wait(server, lambda: len(container.messages) > at or not container.running or container.removed):
                return


def environment(docker):
    return {**os.environ, "DOCKER_HOST": docker.host}
