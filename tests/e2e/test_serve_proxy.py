# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent serve` behind a real nginx that speaks TLS, as the manual says: over a socket in a directory and over a port."""
import http.client
import re
import shutil
import socket
import ssl
import subprocess
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

from agent import wait_until   # noqa: E402
from ports import free_port   # noqa: E402
from promtool import installed   # noqa: E402
from web import Answer, Balanced, Case, Server, make_history   # noqa: E402

NAME = "offload.example.org"
ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "agent/manual/iceberg-offload-agent.7.in"


def snippet(upstream):
    """The manual's own lines for nginx, with this test's upstream."""
    text = re.search(r"^server \{\n.*?^\}\n", MANUAL.read_text(encoding="utf-8"), re.M | re.S)[0]
    return re.sub(r"proxy_pass \S+;", f"proxy_pass {upstream};", text.replace("\\&", ""))


@unittest.skipUnless(installed("nginx") and shutil.which("openssl"), "no nginx here (Debian: nginx)")
class Proxy(Case):
    def proxy(self, upstream, token):
        home, port = self.directory(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
                        "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", home / "key.pem", "-out", home / "cert.pem"],
                       check=True, capture_output=True, timeout=600)
        server = snippet(upstream).replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl default_server;")
        server = re.sub(r"(ssl_certificate) \S+;", rf"\1 {home}/cert.pem;", server)
        server = re.sub(r"(ssl_certificate_key) \S+;", rf"\1 {home}/key.pem;", server)
        server = re.sub(r"Bearer \w+", f"Bearer {token}", server)
        self.assertIn(f"server_name {NAME};", server)
        temporary = "".join(f"{what}_temp_path {home}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (home / "nginx.conf").write_text(f"daemon off;\nuser root;\npid {home}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{server}}}\n")
        process = subprocess.Popen([installed("nginx"), "-p", home, "-c", home / "nginx.conf", "-e", "stderr"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        context = ssl.create_default_context(cafile=home / "cert.pem")

        def ask(path, method="GET", **headers):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=600, context=context)
            connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname=NAME)
            try:
                connection.request(method, path, headers={"Host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}})
                return Answer(connection.getresponse())
            finally:
                connection.close()

        def is_up():
            try:
                return ask("/healthz").status != 502
            except OSError:
                return process.poll() is not None and self.fail(process.stderr.read())

        wait_until(is_up, 20, "nginx does not answer")
        return ask

    def behind(self, listen):
        directory = self.directory()
        (directory / "token").write_text("s3cret\n")
        (directory / "token").chmod(0o600)
        path = directory / "web.sock"
        server = Server(make_history(directory), listen=f"unix:{path}" if listen == "unix" else listen, serve__token_file=directory / "token",
                        links__serve=f"https://{NAME}/")
        self.addCleanup(server.close)
        return server, f"http://unix:{path}" if listen == "unix" else f"http://127.0.0.1:{server.port}"

    def check(self, listen):
        server, upstream = self.behind(listen)
        ask = self.proxy(upstream, "s3cret")
        page = ask("/")
        self.assertEqual(page.status, 200)
        self.assertEqual(Balanced(page.text).open, [])
        self.assertIn("default-src 'none'", page.headers["Content-Security-Policy"])
        self.assertEqual(re.findall(r'(?:href|src|action)="(https?:[^"]*)"', page.text), [])       # every link stays behind the proxy
        for path in ("/incidents/1", "/api/v1/status", "/metrics", "/style.css", "/badge.svg"):
            self.assertEqual(ask(path).status, 200, path)
        self.assertEqual(ask("/", "HEAD").body, b"")
        self.assertEqual(ask("/", "POST").status, 405)
        # Who asks nginx by another name is refused behind it, and what a client says of forwarding counts for nothing.
        self.assertEqual(ask("/", Host="evil.example").status, 421)
        for header in ({"X_Forwarded_Host": "evil.example"}, {"Forwarded": "host=evil.example;for=1.2.3.4"}, {"X_Forwarded_Proto": "http"},
                       {"X_Original_URL": "/incidents"}, {"Authorization": "Bearer wrong"}):
            answer = ask("/badge.svg", **header)
            self.assertEqual(answer.status, 200, header)
            self.assertNotIn("evil", answer.text + str(answer.headers))
        self.assertIn(ask("/..%2f..%2fetc/passwd").status, (400, 404))        # nginx itself looks at such paths
        wrong = self.proxy(upstream, "other")
        self.assertEqual(wrong("/").status, 401)
        self.assertEqual(server.close()[0], 0)

    def test_over_a_socket_in_a_directory(self):
        self.check("unix")

    def test_over_a_port(self):
        self.check("127.0.0.1:0")


if __name__ == "__main__":
    unittest.main()
