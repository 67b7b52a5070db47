# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit as systemd runs it: a real service manager in a throw-away machine starts the installed agent in its sandbox."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.agent import has_sanitizer   # noqa: E402
from tests.lib.machine import Machine, why_not   # noqa: E402

AGENT = pathlib.Path(os.environ.get("AGENT", str(ROOT / "build" / "agent")))
UNIT = "iceberg-offload-agent"
LOG = "/tmp/iceberg-offload-scheduler.log"
TIMEOUT_S = 240


def why_not_this():
    """A sanitizer's run-time wants more memory and system calls than the unit leaves."""
    return "built for a sanitizer" if has_sanitizer() else why_not()


@unittest.skipIf(why_not_this(), why_not_this())
class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        share = cls.enterClassContext(tempfile.TemporaryDirectory())
        subprocess.run(["make", "--no-print-directory", "-C", str(ROOT), f"BUILD={os.path.relpath(AGENT.parent, ROOT)}", f"DESTDIR={share}",
                        "PREFIX=/usr", "install-built"],
                       check=True, capture_output=True, timeout=600)
        shutil.copy(ROOT / "fixtures/logs/one-table-timeout.log", f"{share}/log")
        cls.machine = cls.enterClassContext(Machine(share))
        cls.machine.run("cp -a /run/share/usr/. /usr/ && systemd-sysusers iceberg-offload-agent.conf"
                        f" && mkdir -p /etc/systemd/system/{UNIT}.service.d /etc/iceberg-offload-agent"
                        " && printf '[Service]\\nWatchdogSec=3\\n'"
                        f" >/etc/systemd/system/{UNIT}.service.d/test.conf && systemctl daemon-reload")
        cls.machine.receive()

    def setUp(self):
        self.machine.run(f"systemctl reset-failed {UNIT} 2>/dev/null; rm -f {LOG};"
                         f" timeout 40 systemctl restart {UNIT} || {{ journalctl --no-pager -n 20 -u {UNIT}; false; }}")

    def pid(self):
        return self.machine.show(UNIT, "MainPID")

    def restarted(self, before):
        self.machine.wait_for(f'p=$(systemctl show -P MainPID {UNIT}); test "$p" != {before} && test "$p" != 0'
                              f" && systemctl is-active -q {UNIT}")

    def test_it_starts_without_a_log_as_its_own_user_with_one_capability_and_a_filter(self):
        status = self.machine.run(f"cat /proc/{self.pid()}/status").stdout
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        user = self.machine.run("id -u iceberg-offload-agent").stdout.strip()
        self.assertEqual(fields["Uid"].split(), [user] * 4)
        self.assertEqual(int(fields["CapBnd"], 16), 1 << 28)
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))
        self.assertNotIn("not confined as far as could be", self.machine.run(f"journalctl -u {UNIT}").stdout)
        self.assertEqual(self.machine.run("stat -c '%U %a' /var/lib/iceberg-offload-agent").stdout,
                         "iceberg-offload-agent 750\n")

    def test_it_reads_the_log_in_the_real_tmp(self):
        self.machine.run(f"cp /run/share/log {LOG}; chmod 644 {LOG}")
        database = "/var/lib/iceberg-offload-agent/history.db"
        count = f"python3 -c \"import sqlite3; print(sqlite3.connect('{database}').execute('SELECT count(*) FROM cycle').fetchone()[0])\""
        self.machine.wait_for(f'export PATH={os.path.dirname(sys.executable)}:$PATH; test "$({count})" -gt 0')

    def test_a_reload_leaves_it_running(self):
        """Also where procps, whose program kill is, is not installed."""
        before = self.pid()
        self.machine.run("mv /usr/bin/kill /usr/bin/kill.away")
        self.addCleanup(self.machine.run, "mv /usr/bin/kill.away /usr/bin/kill")
        self.machine.run(f"timeout 20 systemctl reload {UNIT}")
        self.machine.wait_for(f"journalctl -u {UNIT} | grep -q 'configuration read again'")
        self.assertEqual(self.pid(), before)

    def test_one_that_is_killed_is_started_again(self):
        before = self.pid()
        self.machine.run(f"kill -9 {before}")
        self.restarted(before)

    def test_a_history_that_cannot_be_written_is_tried_until_it_can(self):
        """Root ran the agent by hand, and the history is root's now."""
        state = "/var/lib/iceberg-offload-agent"
        self.machine.run(f"systemctl stop {UNIT}; cp /run/share/log {LOG}; chmod 644 {LOG}; rm -f {state}/history.db*;"
                         f" install -m 600 /dev/null {state}/history.db; chown root: {state}/history.db; chmod 550 {state}")
        self.addCleanup(self.machine.run, f"rm -f {state}/history.db*; chmod 750 {state}")
        self.machine.run(f"timeout 40 systemctl restart {UNIT}")
        before = self.pid()
        self.machine.wait_for(f"systemctl show -P StatusText {UNIT} | grep -q 'history cannot be written'")
        self.machine.run(f"chown -R iceberg-offload-agent: {state}; chmod 750 {state}")
        self.machine.wait_for(f"journalctl -u {UNIT} | grep -q 'history: writing again'", timeout=60)
        self.assertEqual(self.pid(), before)

    def test_a_loop_that_stops_is_found_by_the_watchdog(self):
        before = self.pid()
        self.machine.run(f"kill -STOP {before}")
        self.restarted(before)
        self.assertIn("atchdog timeout", self.machine.run(f"journalctl -u {UNIT}").stdout)

    def test_a_bad_configuration_is_not_tried_again_and_again(self):
        self.machine.run("echo '[detct]' >/etc/iceberg-offload-agent/agent.conf")
        self.addCleanup(self.machine.run, "rm /etc/iceberg-offload-agent/agent.conf")
        self.machine.run(f"timeout 40 systemctl restart {UNIT}", check=False)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "failed")
        self.assertEqual(self.machine.show(UNIT, "ExecMainStatus"), "2")

    def configure(self, name, text, drop_in, unit):
        """Configuration and drop-in of a unit, until the test's end."""
        conf, folder = f"/etc/iceberg-offload-agent/{name}.conf", f"/etc/systemd/system/{unit}.service.d"
        self.machine.run(f"mkdir -p {folder} && cat >{conf} <<'END' && printf '[Service]\\n%s\\n' '{drop_in}' >{folder}/more.conf"
                         f" && systemctl daemon-reload\n{text}\nEND")
        self.addCleanup(self.machine.run, f"systemctl stop {unit}; rm {conf} {folder}/more.conf; systemctl daemon-reload")

    def page(self, path):
        """The first notification to this path of the receiver, from inside the sandbox."""
        self.machine.wait_for(f"grep -q '\"{path}\"' /run/share/requests")
        return self.machine.requests(path)[0]

    def test_a_credential_goes_to_the_webhook(self):
        self.configure("agent", "[webhook oncall]\nurl = http://127.0.0.1:9000/token\ntoken_file = oncall",
                       "LoadCredential=oncall:/etc/oncall.token", UNIT)
        # A log that is a link is refused, which is told at once.
        self.machine.run(f"echo sesame >/etc/oncall.token; chmod 600 /etc/oncall.token; ln -s /etc/hostname {LOG};"
                         f" timeout 40 systemctl restart {UNIT}")
        self.assertEqual(self.page("/token")["headers"]["authorization"], "Bearer sesame")

    def test_an_instance_of_the_template_has_its_own_log_history_and_metrics(self):
        collector, unit = "/var/lib/node-exporter-test", f"{UNIT}@second"
        self.configure("second", f"[log]\npath = /tmp/second.log\n[webhook oncall]\nurl = http://127.0.0.1:9000/second\n"
                       f"[metrics]\ntextfile = {collector}/second.prom", f"ReadWritePaths={collector}", unit)
        self.machine.run(f"install -d -o iceberg-offload-agent {collector}; ln -s /etc/hostname /tmp/second.log;"
                         f" timeout 40 systemctl start {unit}")
        self.assertIn("/tmp/second.log", str(self.page("/second")["body"]))
        self.machine.wait_for(f"grep -q iceberg_offload {collector}/second.prom && test -s /var/lib/iceberg-offload-agent/second/history.db")
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.machine.wait_for(f"systemctl show -P StatusText {unit} | grep -q 'incident open'")
