# SPDX-License-Identifier: GPL-2.0-or-later
"""A real SMTP server on loopback (Debian's python3-aiosmtpd), in a test's hand.

    with MailServer(directory, "--certificate", crt, key) as server:
        server.url()                # "smtp://127.0.0.1:PORT"
        server.wait(2)              # the mails so far, once there are two of them: Mail(sender, recipients, message, raw, tls)
        server.said()               # what was asked and answered, a line each

What a recipient's name says is done to it: gone@ is refused with 550, grey@ and grey2@ are told to come again at the first time (451),
full@ refuses the message with 552. Options of the server: --certificate CRT KEY (STARTTLS), --tls (from the first byte on),
--login USER PASSWORD, --busy COUNT (so many connections are turned away with 421), --deaf (no answer to QUIT).
"""
import email
import email.policy
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

PYTHON = "/usr/bin/python3"     # Debian's own, which has Debian's module


def mailserver_installed():
    return shutil.which(PYTHON) is not None and subprocess.run([PYTHON, "-c", "import aiosmtpd"], capture_output=True).returncode == 0


class Mail:
    def __init__(self, path):
        record = json.loads(path.read_text(encoding="utf-8"))
        self.sender, self.recipients, self.tls = record["sender"], record["recipients"], record["tls"]
        self.raw = record["raw"].encode("latin-1")
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    def part(self, kind):
        return self.message.get_body((kind,)).get_content().replace("\r\n", "\n")


class MailServer:
    def __init__(self, directory, *options):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen([PYTHON, __file__, self.directory, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        fair.wait(self.process, 10)
        self.process.stdout.close()

    def url(self, scheme="smtp"):
        return f"{scheme}://localhost:{self.port}"

    def mails(self):
        return [Mail(path) for path in sorted(self.directory.glob("*.mail"))]

    def wait(self, count, timeout=30):
        left = fair.Left(timeout)
        while len(list(self.directory.glob("*.mail"))) < count:
            if left.over():
                raise AssertionError(f"{len(self.mails())} of {count} mails within {timeout} s; the server: {self.said()}")
            time.sleep(0.02)
        return self.mails()

    def said(self):
        path = self.directory / "said"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def serve(arguments):
    import argparse
    import asyncio
    import ssl

    from aiosmtpd.smtp import SMTP, AuthResult

    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--certificate", nargs=2)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--deaf", action="store_true")
    options = parser.parse_args(arguments)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.certificate)
    seen, connections, mails = set(), [0], [0]

    def say(text):
        with open(options.directory / "said", "a", encoding="utf-8") as said:
            said.write(text + "\n")

    class Handler:
        async def handle_RCPT(self, _server, _session, envelope, address, _options):
            name = address.partition("@")[0]
            say(f"RCPT {address}")
            if name == "gone":
                return "550 5.1.1 no such user here"
            if name.startswith("grey") and address not in seen:
                seen.add(address)
                return "451 4.7.1 greylisted, come again"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server, session, envelope):
            if any(address.startswith("full@") for address in envelope.rcpt_tos):
                return "552 5.2.2 mailbox full"
            mails[0] += 1
            path = options.directory / f"{mails[0]:04}.mail"
            record = {"sender": envelope.mail_from, "recipients": envelope.rcpt_tos, "tls": bool(session.ssl or options.tls),
                      "raw": envelope.original_content.decode("latin-1")}
            path.with_suffix(".new").write_text(json.dumps(record), encoding="utf-8")
            os.rename(path.with_suffix(".new"), path)
            return "250 OK: queued"

        async def handle_QUIT(self, _server, _session, _envelope):
            say("QUIT")
            if options.deaf:
                await asyncio.sleep(3600)
            return "221 Bye"

    class Server(SMTP):
        async def _handle_client(self):
            connections[0] += 1
            if connections[0] <= options.busy:
                await self.push("421 4.3.2 busy, come again")
                self.transport.close()
                return
            await super()._handle_client()

    def authenticate(_server, _session, _envelope, mechanism, data):
        good = [data.login.decode(), data.password.decode()] == options.login
        say(f"AUTH {mechanism} {'good' if good else 'bad'}")
        return AuthResult(success=good, handled=False)

    def make():
        return Server(Handler(), hostname="mail.test", tls_context=None if options.tls else context, authenticator=authenticate if options.login else None,
                      auth_required=bool(options.login), auth_require_tls=False, enable_SMTPUTF8=False)

    async def main():
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context if options.tls else None)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


if __name__ == "__main__":
    serve(sys.argv[1:])
