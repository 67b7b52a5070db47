#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A webhook's receiver that can fail in every way that receivers do. Records what arrives, and when.

In a test:

    with Receiver() as receiver:
        receiver.plan("/hook", "500x3 429:2 200")       # what each request to /hook gets; the last step repeats
        ...
        requests = receiver.wait(4, timeout=20)         # or AssertionError; Request: path, headers, body, json(), ...
        receiver.url("/hook")                           # "http://127.0.0.1:PORT/hook"
        receiver.release()                              # lets every request that hangs go on

By hand, a JSON line for each request on stdout (or --journal FILE):

    receiver.py --port 9000 --plan "/hook=500x3 200" [--cert FILE --key FILE]

A plan's steps, separated by blanks; each may end in xN (N times):

    200 404 500 ...     that status
    429:5 503:5         with "Retry-After: 5"
    429@5 503@5         with Retry-After as a date, 5 s from now
    302:URL             a redirect to URL
    late:SECONDS        200, but so much later
    never               takes the request and never answers
    half                "200", half of the promised body, then closes
    head                half of the status line, then closes
    cut                 takes the request, then closes without a word
    reset               the same with a TCP reset
    slam                reads the request's head only, then closes: what is still being sent meets a closed door
    endless             200, and a body that does not end
    heads               200, and headers that do not end
    heads:COUNT         200, with COUNT headers
    informs             "100 Continue" again and again, and no answer
    drip                200, and a body that comes byte by byte and does not end
    says:TEXT           200, with TEXT as the body
    body:BYTES          200, with a body of so many bytes
    echo                400, with the request's path and headers as the body

Paths without a plan get 200. TLS: Receiver(certificate=(cert, key)); make_certificate() makes a self-signed one.
"""
import argparse
import email.utils
import http.server
import itertools
import json
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

STEP = re.compile(r"(?P<kind>\d{3}|late|never|half|heads|head|cut|reset|slam|endless|informs|drip|says|body|echo)"
                  r"(?P<mark>[:@])?(?P<value>\S*?)(x(?P<times>\d+))?$")


def pages(requests):
    """What generic requests tell: (alert name, status, severity) of each alert, in order."""
    return [(alert["labels"]["alertname"], alert["status"], alert["labels"].get("severity") or alert["annotations"]["severity"])
            for request in requests for alert in request.json()["alerts"]]


class Step:
    """One entry of a plan: how to answer one request."""

    def __init__(self, text):
        match = STEP.match(text)
        if not match or bool(match["mark"]) != bool(match["value"]):
            raise ValueError(f"not a step: {text!r}")
        self.text = text
        self.kind, self.mark, self.value = match["kind"], match["mark"], match["value"]
        self.times = int(match["times"] or 1)

    def headers(self):
        if self.kind.startswith("3") and self.value:
            return {"Location": self.value}
        if self.kind.isdigit() and self.mark == ":":
            return {"Retry-After": self.value}
        if self.kind.isdigit() and self.mark == "@":
            return {"Retry-After": email.utils.formatdate(time.time() + float(self.value), usegmt=True)}
        return {}


class Plan:
    """Steps in turn; the last one for ever."""

    def __init__(self, text):
        steps = [Step(word) for word in text.split()]
        if not steps:
            raise ValueError("an empty plan")
        self._steps = itertools.chain.from_iterable(itertools.repeat(step, step.times) for step in steps)
        self._last = steps[-1]

    def next(self):
        return next(self._steps, self._last)


class Request:
    """What arrived; monotonic and wall: the clocks (seconds) when it was complete; answer: the step that it got."""

    def __init__(self, number, handler, body, answer, connection):
        self.number, self.method, self.path = number, handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body, self.answer, self.connection = body, answer, connection
        self.monotonic, self.wall = time.monotonic(), time.time()

    def json(self):
        return json.loads(self.body)

    def line(self):
        """As a line of the journal; the body as JSON if it is."""
        try:
            body = json.loads(self.body)
        except ValueError:
            body = self.body.decode("utf-8", "replace")
        return json.dumps({**vars(self), "body": body})


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Connections that a client gives up are what many tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.receiver = self.server.receiver
        self.connection_number = self.receiver.count_connection()

    def log_message(self, *_):
        pass

    def do_POST(self):
        step = self.receiver.next_step(self.path)
        body = b"" if step.kind == "slam" else self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.receiver.take(self, body, step)
        getattr(self, f"answer_{step.kind}", self.answer_status)(step)

    do_GET = do_PUT = do_POST

    def send(self, status, headers=(), body=b"ok\n", length=None):
        """In one write: nothing of the timing is the kernel's."""
        lines = [f"HTTP/1.1 {status} {http.server.BaseHTTPRequestHandler.responses.get(status, ('',))[0]}",
                 f"Content-Length: {len(body) if length is None else length}"]
        lines += [f"{name}: {value}" for name, value in dict(headers).items()]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def answer_status(self, step):
        status = int(step.kind)
        self.send(status, step.headers(), b"" if status in (204, 304) else f"answer {status}\n".encode())

    def answer_late(self, step):
        self.receiver.released.wait(float(step.value))
        self.send(200)

    def answer_never(self, _):
        self.receiver.released.wait()
        self.hang_up()

    def answer_half(self, _):
        self.send(200, body=b"half of it", length=20)
        self.hang_up()

    def answer_head(self, _):
        self.wfile.write(b"HTTP/1.1 20")
        self.hang_up()

    def answer_cut(self, _):
        self.hang_up()

    def answer_reset(self, _):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def answer_slam(self, _):
        """With bytes unread, closing resets the connection."""
        self.close_connection = True
        self.connection.close()

    def answer_endless(self, _):
        self.send(200, length=1 << 40)
        self.flood(b"x" * 65536)

    def flood(self, piece, pause=0):
        """Sends the piece for ever: until the other end closes, or the receiver is released."""
        while not self.receiver.released.wait(pause):
            self.wfile.write(piece)
        self.hang_up()

    def answer_heads(self, step):
        if step.value:
            self.send(200, {f"X-{number}": "1" for number in range(int(step.value) - 1)})   # beside Content-Length
        else:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self.flood(b"X: 1\r\n" * 100)

    def answer_informs(self, _):
        self.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    def answer_drip(self, _):
        self.send(200, length=1 << 40)
        self.flood(b"x", pause=0.05)

    def answer_says(self, step):
        self.send(200, {"Content-Type": "application/json"}, step.value.encode())

    def answer_body(self, step):
        self.send(200, body=b"x" * int(step.value))

    def answer_echo(self, _):
        self.send(400, body=f"cannot {self.command} {self.path}\n{self.headers}".encode())


class Receiver:
    """The server, in threads of this process, from the constructor to close(). port 0: a free one."""

    def __init__(self, port=0, certificate=None, journal=None, host="127.0.0.1"):
        self.requests, self.connections = [], 0
        self.released = threading.Event()
        self._plans, self._changed = {}, threading.Condition()
        self._journal = open(journal, "a", encoding="utf-8") if isinstance(journal, (str, Path)) else journal
        self._server = _Server((host, port), _Handler)
        self._server.receiver = self
        self.host, self.port = host, self._server.server_address[1]
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake happens in the connection's thread, at its first read: one that fails holds up nobody.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the server; connections that are open are closed with the threads' next step."""
        self.release()
        self._server.shutdown()
        self._server.server_close()
        if self._journal not in (None, sys.stdout):
            self._journal.close()

    def url(self, path="/", host=None):
        return f"{self._scheme}://{host or self.host}:{self.port}{path}"

    def plan(self, path, text):
        """What the requests to path get from now on."""
        plan = Plan(text)
        with self._changed:
            self._plans[path] = plan

    def release(self):
        """Ends all that hangs, now and later."""
        self.released.set()

    def at(self, path):
        """The requests to path so far, in their order."""
        with self._changed:
            return [request for request in self.requests if path in (None, request.path)]

    def wait(self, count, timeout=10, path=None):
        """The requests (to path), once there are count of them; fair seconds."""
        left = fair.Left(timeout)
        with self._changed:
            while True:
                found = [request for request in self.requests if path in (None, request.path)]
                if len(found) >= count:
                    return found
                if left.over():
                    raise AssertionError(f"{len(found)} of {count} requests to {path or 'any path'} within {timeout} s")
                self._changed.wait(0.1)

    # For the handlers.
    def count_connection(self):
        with self._changed:
            self.connections += 1
            return self.connections

    def next_step(self, path):
        with self._changed:
            plan = self._plans.get(path)
            return plan.next() if plan else Step("200")

    def take(self, handler, body, step):
        with self._changed:
            request = Request(len(self.requests) + 1, handler, body, step.text, handler.connection_number)
            self.requests.append(request)
            if self._journal:
                self._journal.write(request.line() + "\n")
                self._journal.flush()
            self._changed.notify_all()


def make_certificate(directory, name="localhost", days=2):
    """A self-signed certificate for name and 127.0.0.1 (unless name is another host's): (certificate, key) as paths."""
    certificate, key = Path(directory) / f"{name}.crt", Path(directory) / f"{name}.key"
    names = f"DNS:{name}" + (",IP:127.0.0.1" if name == "localhost" else "")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", str(days), "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
    return str(certificate), str(key)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", default=None, help="append the journal to this file instead of stdout")
    parser.add_argument("--plan", action="append", default=[], metavar="PATH=STEPS")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    certificate = (options.cert, options.key) if options.cert else None
    with Receiver(options.port, certificate, options.journal or sys.stdout) as receiver:
        for plan in options.plan:
            path, _, steps = plan.partition("=")
            receiver.plan(path, steps)
        print(f"receiving at {receiver.url()}", file=sys.stderr, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
