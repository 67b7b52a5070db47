# SPDX-License-Identifier: GPL-2.0-or-later
"""Where `agent serve` listens and whom it lets in, and whether it is well."""
import http.client
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

from agent import BINARY, Agent, wait_until   # noqa: E402
from web import ENVIRONMENT, WEB, Case, Server, make_history   # noqa: E402


class Linked(Case):
    def test_the_agent_is_not_linked_with_the_web_server_s_library(self):
        library = b"libmicrohttpd.so"
        self.assertNotIn(library, Path(BINARY).read_bytes())
        self.assertIn(library, WEB.read_bytes())


class Doors(Case):
    def test_a_token_is_needed_where_one_is_configured(self):
        directory = self.directory()
        database = make_history(directory)
        (directory / "token").write_text("s3cret-of-ours\n")
        (directory / "token").chmod(0o600)
        server = self.serve(database, serve__token_file=directory / "token")
        for path in ("/", "/healthz", "/metrics", "/nothing"):
            self.assertEqual(server.ask(path).status, 401)
            for wrong in ("Bearer", "Bearer ", "Bearer s3cret-of-our", "Bearer s3cret-of-ours ours", "Bearer s3cret-of-ourss", "Basic s3cret-of-ours",
                          "s3cret-of-ours", "Bearer s3cret-of-ourss3cret-of-ours"):
                answer = server.ask(path, Authorization=wrong)
                self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"), wrong)
                self.assertNotIn("s3cret", answer.text)
        self.assertEqual(server.ask("/", Authorization="Bearer s3cret-of-ours").status, 200)

    def test_others_are_let_in_with_a_token_only(self):
        directory = self.directory()
        database = make_history(directory)
        server = Server(database, listen="0.0.0.0:0")
        code, said = server.close()
        self.assertEqual(code, 2)
        self.assertIn("set [serve] token_file", said)
        for listen in ("nonsense", "127.0.0.1", "host.example:80", "127.0.0.1:99999", "unix:relative", "[::1:80"):
            code, said = Server(database, listen=listen).close()
            self.assertEqual(code, 2, listen)
            self.assertRegex(said, r"agent: serve: .*(no address|needs a path)")
        (directory / "token").write_text("")
        code, said = Server(database, serve__token_file=directory / "token").close()
        self.assertNotEqual(code, 0)
        (directory / "token").write_text("x1")
        server = self.serve(database, listen="0.0.0.0:0", serve__token_file=directory / "token", links__serve="https://offload.example.org/agent")
        server.host = "127.0.0.1"
        self.assertEqual(server.ask("/", Host="offload.example.org", Authorization="Bearer x1").status, 200)
        self.assertEqual(server.ask("/", Host="example.org", Authorization="Bearer x1").status, 421)

    def test_what_it_cannot_work_with_is_said_by_the_check_too(self):
        directory = self.directory()
        database = make_history(directory)
        (directory / "bad").write_text("two words\n")
        (directory / "good").write_text("one-word\n")
        for name in ("bad", "good"):
            (directory / name).chmod(0o600)
        wrong = {"listen = nonsense": "serve.listen: 'nonsense' is no address", "listen = 0.0.0.0:9188": "serve.listen: anybody on the network could read",
                 "listen = unix:web": "serve.listen: unix:PATH needs", f"token_file = {directory}/bad": "serve.token_file: .*: a token is one line",
                 "title = " + "x" * 201: "serve.title: a title has 200 bytes", "allow_origin = *": "serve.allow_origin: '\\*' is no origin",
                 "allow_origin = https://a.example/": "is no origin", "allow_origin = https://a.example, http://B.example": "'http://B.example' is no origin",
                 "allow_origin = null": "is no origin", "idle_exit = soon": "serve.idle_exit"}
        for number, (line, why) in enumerate(wrong.items()):
            file = directory / f"{number}.conf"
            file.write_text(f"[serve]\n{line}\n")
            for command in (["check-config"], ["serve", "--db", str(database)]):
                done = subprocess.run([BINARY, *command, "--config", file], env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
                self.assertEqual(done.returncode, 2, (line, command))
                self.assertRegex(done.stderr, f"{number}.conf:2: .*{why}", command)
        file = directory / "good.conf"
        file.write_text(f"[serve]\nlisten = 0.0.0.0:9188\ntoken_file = {directory}/good\nallow_origin = https://a.example, http://localhost:3000\n")
        done = subprocess.run([BINARY, "check-config", "--config", file], env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_pages_of_a_named_origin_may_read(self):
        directory = self.directory()
        database = make_history(directory)
        (directory / "token").write_text("s3cret\n")
        (directory / "token").chmod(0o600)
        ours = "https://grafana.example.org"
        server = self.serve(database, serve__token_file=directory / "token", serve__allow_origin=f"{ours},http://localhost:3000")
        for origin in (ours, "http://localhost:3000"):
            for path in ("/api/v1/status", "/metrics", "/api/v1/openapi.json"):
                answer = server.ask(path, Origin=origin, Authorization="Bearer s3cret")
                self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Origin"]), (200, origin))
                self.assertIn("Origin", ", ".join(answer.headers.get_all("Vary")))
        self.assertEqual(server.ask("/api/v1/nothing", Origin=ours, Authorization="Bearer s3cret").headers["Access-Control-Allow-Origin"], ours)
        for path in ("/", "/incidents", "/incidents/1", "/report", "/style.css", "/nothing?", "/?x=1"):       # are for people
            self.assertEqual(server.ask(path, Origin=ours, Authorization="Bearer s3cret").headers["Access-Control-Allow-Origin"], None, path)
        asks = {"Origin": ours, "Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "authorization"}
        answer = server.ask("/api/v1/status", "OPTIONS", **asks)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual((answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Allow-Headers"]), (ours, "Authorization"))
        self.assertIsNone(answer.headers["Access-Control-Allow-Credentials"])
        for other in ("https://evil.example", ours + ".evil.example", "null", ours.upper(), ours + ":443", "http://grafana.example.org"):
            answer = server.ask("/api/v1/status", Origin=other, Authorization="Bearer s3cret")
            self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Origin"]), (200, None), other)
            self.assertNotEqual(server.ask("/api/v1/status", "OPTIONS", **{**asks, "Origin": other}).status, 204)
        for change in ({"Host": "evil.example"}, {"Access_Control_Request_Method": "POST"}):
            self.assertNotEqual(server.ask("/api/v1/status", "OPTIONS", **{**asks, **change}).status, 204)
        self.assertEqual(server.ask("/api/v1/status", Origin=ours).status, 401)
        closed = self.serve(database)
        self.assertEqual(closed.ask("/api/v1/status", "OPTIONS", **asks).status, 405)
        self.assertIsNone(closed.ask("/api/v1/status", Origin=ours).headers["Access-Control-Allow-Origin"])

    def test_a_socket_in_a_directory(self):
        directory = self.directory()
        database = make_history(directory)
        path = directory / "web.sock"
        for _ in range(2):      # the second one finds what the first one left
            server = Server(database, listen=f"unix:{path}")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"HTTP/1.1 503 ", client.recv(4096))
            self.assertEqual(server.close()[0], 0)

    def test_the_socket_of_systemd_is_taken(self):
        database = make_history(self.directory())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            script = f'exec 3<&{listening.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
            process = subprocess.Popen(["/bin/sh", "-c", script, "sh", BINARY, "serve", "--db", database], env=ENVIRONMENT,
                                       pass_fds=[listening.fileno()], stderr=subprocess.PIPE, text=True)
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
                connection.request("GET", "/")
                self.assertEqual(connection.getresponse().status, 200)
                connection.close()
            finally:
                process.terminate()
                _, said = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, said)

    def test_on_a_socket_of_systemd_it_ends_when_nobody_has_asked_for_long(self):
        database = make_history(self.directory())
        with socket.create_server(("127.0.0.1", 0)) as listening:
            script = f'exec 3<&{listening.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
            process = subprocess.Popen(["/bin/sh", "-c", script, "sh", BINARY, "serve", "--db", database, "--set", "serve.idle_exit=1500ms"],
                                       env=ENVIRONMENT, pass_fds=[listening.fileno()], stderr=subprocess.PIPE, text=True)
            began = time.monotonic()
            while time.monotonic() - began < 3:      # it stays as long as it is asked
                connection = http.client.HTTPConnection("127.0.0.1", listening.getsockname()[1], timeout=600)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                connection.close()
                time.sleep(0.3)
                self.assertIsNone(process.poll())
            _, said = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("nobody has asked for long", said)

    def test_it_is_well_while_the_agent_is(self):
        directory = self.directory()
        log = directory / "scheduler.log"
        log.write_text("")
        with Agent(log, directory / "history.db") as agent:
            agent.wait_for("SELECT count(*) FROM state WHERE key = 'agent'", 1)
            server = self.serve(directory / "history.db", environment={"SOURCE_DATE_EPOCH": ""})
            wait_until(lambda: server.ask("/healthz").status == 200, 10, lambda: server.ask("/healthz").text)
            self.assertEqual(server.ask("/healthz").text, "well\n")
            agent.kill()
            answer = server.ask("/healthz")
            self.assertEqual((answer.status, answer.text), (503, "the agent is not running\n"))


if __name__ == "__main__":
    unittest.main()
