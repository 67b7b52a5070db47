# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent under its shipped unit, beside a scheduler under the real systemd: stopped, killed, out of memory, given up."""
import json
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.machine import Machine, why_not                            # noqa: E402
from tests.package.test_package import APT, CONF, NAME, STATE, the_package   # noqa: E402

LOG = "/tmp/iceberg-offload-scheduler.log"
UNIT = "iceberg-offload-scheduler"
TIMEOUT_S = 900
ALONE = True

# It writes as the scheduler does, and then does what /run/share/fate says: live on, or die in one of several ways.
SCHEDULER = r'''
import datetime, pathlib, signal, sys, time
log = open("/tmp/iceberg-offload-scheduler.log", "a", buffering=1, encoding="utf-8")
def say(text):
    log.write(f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S},{datetime.datetime.now().microsecond // 1000:03d} - __main__ - INFO - {text}\n")
say("OFFLOAD CYCLE STARTED"); say("Tables: 1")
say("Starting offload: bronze_trades_kraken → cold.bronze_trades_kraken")
say("✓ Offload completed: bronze_trades_kraken (5000 rows in 0.1s)")
say("OFFLOAD CYCLE COMPLETED"); say("Duration: 0.1s"); say("Success: 1, Failed: 0, Timeout: 0"); say("Total rows offloaded: 5000")
say(f"Next run scheduled at: {datetime.datetime.now() + datetime.timedelta(minutes=15):%Y-%m-%d %H:%M:%S}")
fate = pathlib.Path("/run/share/fate")
while True:
    what = fate.read_text() if fate.exists() else ""
    if what == "exit":
        sys.exit(1)
    if what == "memory":
        hoard = []
        while len(hoard) < 32:
            hoard.append(bytearray(b"x" * (8 << 20)))
    time.sleep(0.05)
'''

SERVICE = """[Unit]
StartLimitIntervalSec=60
StartLimitBurst=3
DefaultDependencies=no
[Service]
ExecStart={python} /run/share/scheduler.py
Restart={restart}
RestartSec={pause}
MemoryAccounting=yes
MemoryMax=64M
MemorySwapMax=0
"""


@unittest.skipIf(why_not(), why_not())
class SchedulerUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.share = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        shutil.copy(the_package(), cls.share / "new.deb")
        (cls.share / "scheduler.py").write_text(SCHEDULER, encoding="utf-8")
        cls.machine = cls.enterClassContext(Machine(cls.share))
        cls.machine.run("rm -f /usr/sbin/policy-rc.d")
        cls.machine.receive()
        cls.machine.run("mkdir -p /run/dbus && (systemctl start dbus.socket dbus.service || systemd-run -q --unit=bus"
                        " dbus-daemon --system --nofork --nopidfile)")
        cls.machine.wait_for("busctl --system status org.freedesktop.systemd1")
        cls.machine.run(f"{APT} /run/share/new.deb", timeout=300)

    def setUp(self):
        self.number = getattr(type(self), "number", 0) + 1
        type(self).number = self.number
        self.machine.run(f"systemctl stop {UNIT} {NAME}; systemctl reset-failed; rm -f {LOG} {STATE}/history.db* /run/share/fate", check=False)
        (self.share / "requests").write_text("")
        self.addCleanup(self.machine.run, f"systemctl stop {UNIT}; systemctl reset-failed {UNIT}", check=False)

    def begin(self, restart="on-failure", pause="100ms"):
        """A scheduler under systemd whose good cycle the agent has seen, and an agent under its shipped unit."""
        text = SERVICE.format(python=sys.executable, restart=restart, pause=pause)
        pathlib.Path(self.share, "unit").write_text(text, encoding="utf-8")
        self.machine.run(f"cp /run/share/unit /etc/systemd/system/{UNIT}.service && systemctl daemon-reload && systemctl start {UNIT}")
        self.machine.wait_for(f"grep -q 'Next run' {LOG}")
        pathlib.Path(self.share, "conf").write_text("[webhook oncall]\nurl = http://127.0.0.1:9000/page\n[schedule]\nstop_grace = 3s\n",
                                                    encoding="utf-8")
        self.machine.run(f"cp /run/share/conf {CONF} && systemctl start {NAME}")
        self.machine.wait_for(f"grep -q . /proc/$(systemctl show -P MainPID {NAME})/comm")
        self.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)

    def ask(self, question):
        script = (f"import json, sqlite3, sys; print(json.dumps(sqlite3.connect('file:{STATE}/history.db?mode=ro', uri=True)"
                  ".execute(sys.argv[1]).fetchall()))")
        done = self.machine.run(f'{sys.executable} -c "{script}" "{question}"', check=False)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def wait_for(self, question, wanted):
        until = time.monotonic() + 30
        while time.monotonic() < until and self.ask(question) != [[wanted]]:
            time.sleep(0.2)
        self.assertEqual(self.ask(question), [[wanted]], self.machine.run(f"journalctl -u {NAME} -n 20").stdout)

    def pages(self):
        return [(alert["status"], alert["labels"]["severity"], alert["annotations"]["summary"])
                for request in self.machine.requests("/page") for alert in request["body"]["alerts"]]

    def wait_for_page(self, severity, *words, timeout=20):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if any(page[:2] == ("firing", severity) and all(word in page[2] for word in words) for page in self.pages()):
                return
            time.sleep(0.2)
        self.fail(f"no {severity} with {words}: {self.pages()}\n{self.machine.run(f'journalctl -u {NAME} -n 20').stdout}"
                  f"{self.machine.run(f'systemctl status {UNIT}', check=False).stdout}")

    def assert_cause(self, *words):
        """What the first line had no room for."""
        cause = self.ask("SELECT likely_cause FROM incident ORDER BY id DESC LIMIT 1")[0][0]
        for word in words:
            self.assertIn(word, cause)

    def kill(self, name):
        self.machine.run(f"systemctl kill -s {name} {UNIT}")

    def test_a_signal_is_named_and_what_systemd_does_about_it(self):
        self.begin(pause="20s")
        self.kill("SIGKILL")
        self.wait_for_page("warning", "killed by SIGKILL", "systemd restarts it")

    def test_one_that_is_not_restarted_is_critical_at_once_with_its_exit_code(self):
        self.begin(restart="no")
        (self.share / "fate").write_text("exit")
        self.wait_for_page("critical", "and not restarted", "exited with code 1")
        self.assert_cause("exited with code 1", "systemd does not restart it (Restart=no)")

    def test_the_start_limit_is_critical_at_once(self):
        self.begin()
        (self.share / "fate").write_text("exit")
        self.wait_for_page("critical", "given up after 3 starts")
        self.assert_cause("given up after 3 starts; the last one exited with code 1")

    def test_an_out_of_memory_kill(self):
        if "memory" not in self.machine.run("cat /sys/fs/cgroup/cgroup.controllers").stdout.split():
            self.skipTest("no memory controller of control groups in the machine")
        self.begin(pause="20s")
        (self.share / "fate").write_text("memory")
        self.wait_for_page("warning", "out of memory")
        self.assertEqual(self.machine.show(UNIT, "Result"), "oom-kill")

    def test_a_restart_by_hand_is_no_news_and_a_stop_by_hand_is_after_its_grace(self):
        self.begin()
        self.machine.run(f"systemctl restart {UNIT}")
        self.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 2)
        time.sleep(3.5)   # schedule.stop_grace
        self.assertEqual(self.pages(), [])
        self.machine.run(f"systemctl stop {UNIT}")
        self.wait_for_page("warning", "scheduler stopped since ", "stopped by hand at ")
        self.assertEqual([page[1] for page in self.pages()], ["warning"])


if __name__ == "__main__":
    unittest.main()
