# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Postfix of Debian's package, which tests/install-deps.sh unpacks below .tools/servers. It listens on loopback, its directories are its
own, and its users exist only for it: it runs in a mount namespace with an /etc/passwd of its own, which needs root.

    with Postfix() as postfix:
        postfix.url("plain")     # without TLS; "starttls": with it, "smtps": from the first byte on, "closed": refuses every client
        postfix.wait(2)          # the mails in the mailbox once there are two: (the message, its Received header)

gone@example.com is refused with 550. grey@example.com is told to come again (451) at the first time, by a policy server as greylisting has one.
"""
import email
import email.policy
import os
import pathlib
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

from ports import free_port
from receiver import make_certificate

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fair   # noqa: E402

TOOLS = pathlib.Path(__file__).resolve().parents[2] / ".tools" / "servers"
MASTER = "usr/lib/postfix/sbin/master"
UID, DROP_GID = 12025, 12026
PORTS = ("plain", "starttls", "smtps", "closed")
MAIN = """compatibility_level = 3.6
queue_directory = {place}/spool
data_directory = {place}/data
command_directory = {tools}/usr/sbin
daemon_directory = {tools}/usr/lib/postfix/sbin
shlib_directory = {tools}/usr/lib/postfix
meta_directory = {place}/conf
mail_owner = postfix
setgid_group = postdrop
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG LD_LIBRARY_PATH TZ
maillog_file = {place}/log
maillog_file_prefixes = {place}
myhostname = mail.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {place}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_received_header = yes
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ gone@example.com = 550 5.1.1 no such user here }} }},
  check_policy_service inet:127.0.0.1:{policy}, permit_mynetworks, reject
"""
SERVICES = """127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_tls_security_level=none
127.0.0.1:{starttls} inet n - n - - smtpd -o smtpd_tls_security_level=may
127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{closed} inet n - n - - smtpd -o smtpd_client_restrictions=reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""
START = 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && exec "$2" -c "$1/conf" -d'


def why_not():
    """Why no server can run here, or None."""
    if not (TOOLS / MASTER).exists():
        return "no postfix here (tests/install-deps.sh servers unpacks Debian's)"
    if os.geteuid() != 0:
        return "Postfix needs root"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "no mount namespace can be made here"
    return None


class _Policy(socketserver.StreamRequestHandler):
    """Greylisting, as Postfix's SMTPD_POLICY_README has it."""

    def handle(self):
        attributes = {}
        for line in self.rfile:
            name, equals, value = line.decode(errors="replace").strip().partition("=")
            if equals:
                attributes[name] = value
                continue
            recipient = attributes.get("recipient", "")
            is_new = recipient.startswith("grey") and recipient not in self.server.seen
            self.server.seen.add(recipient)
            self.wfile.write(f"action={'451 4.7.1 greylisted, come again' if is_new else 'DUNNO'}\n\n".encode())
            attributes = {}


class _PolicyServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    seen = frozenset()


class Postfix:
    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="postfix-"))
        self.certificate, key = make_certificate(self.place)
        self.ports = {name: free_port() for name in PORTS}
        self.policy = _PolicyServer(("127.0.0.1", 0), _Policy)
        self.policy.seen = set()
        threading.Thread(target=self.policy.serve_forever, daemon=True).start()
        self._make_directories()
        (self.place / "conf/main.cf").write_text(MAIN.format(
            place=self.place, tools=TOOLS, uid=UID, certificate=self.certificate, key=key, policy=self.policy.server_address[1]))
        (self.place / "conf/master.cf").write_text(SERVICES.format(**self.ports))
        (self.place / "conf/dynamicmaps.cf").touch()
        self.process = None

    def _make_directories(self):
        self.place.chmod(0o755)
        for name, owner, group, mode in (("conf", 0, 0, 0o755), ("data", UID, UID, 0o700), ("mail", UID, UID, 0o700), ("spool", 0, 0, 0o755),
                                         ("spool/pid", 0, 0, 0o755), ("spool/public", UID, DROP_GID, 0o710), ("spool/maildrop", UID, DROP_GID, 0o730),
                                         *((f"spool/{queue}", UID, UID, 0o700) for queue in (
                                             "incoming", "active", "deferred", "bounce", "defer", "corrupt", "flush", "hold", "private", "saved", "trace"))):
            path = self.place / name
            path.mkdir()
            os.chown(path, owner, group)
            path.chmod(mode)
        (self.place / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + f"postfix:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin\n")
        (self.place / "group").write_text(pathlib.Path("/etc/group").read_text() + f"postfix:x:{UID}:\npostdrop:x:{DROP_GID}:\n")

    def __enter__(self):
        with open(self.place / "said", "w", encoding="utf-8") as said:
            self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", START, "sh", self.place, TOOLS / MASTER], stdin=subprocess.DEVNULL, stdout=said,
                                            stderr=said, env={**os.environ, "LD_LIBRARY_PATH": str(TOOLS / "usr/lib/postfix")}, start_new_session=True)
        left = fair.Left(20)
        while "daemon started" not in self.log():
            if self.process.poll() is not None or left.over():
                said = self.log() + (self.place / "said").read_text(encoding="utf-8", errors="replace")
                self.__exit__()
                raise RuntimeError(f"Postfix does not start: {said[-2000:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.policy.shutdown()
        self.policy.server_close()
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)   # master's session is its own, and its daemons' too
            except ProcessLookupError:
                pass
            fair.wait(self.process, 10)
        shutil.rmtree(self.place, ignore_errors=True)

    def url(self, which):
        return f"{'smtps' if which == 'smtps' else 'smtp'}://localhost:{self.ports[which]}"

    def log(self):
        path = self.place / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def mails(self):
        """What is in the mailbox, in the order in which it came."""
        paths = sorted((self.place / "mail/inbox/new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def empty(self):
        for path in (self.place / "mail/inbox/new").glob("*"):
            path.unlink()

    def wait(self, count, timeout=30):
        left = fair.Left(timeout)
        while len(self.mails()) < count:
            if left.over():
                raise AssertionError(f"{len(self.mails())} of {count} mails within {timeout} s; Postfix: {self.log()[-2000:]}")
            time.sleep(0.05)
        return self.mails()
