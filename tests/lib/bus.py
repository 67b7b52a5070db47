# SPDX-License-Identifier: GPL-2.0-or-later
"""A system bus of a test's own, from Debian's dbus-daemon, and a stand-in for systemd on it (tests/faults/systemd_probe.c)."""
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

PROBE = Path(os.environ.get("BUILD", str(Path(__file__).resolve().parents[2] / "build"))).resolve() / "tests" / "systemd_probe"

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


def why_not():
    """Why it cannot run here, or None."""
    return None if shutil.which("dbus-daemon") else "dbus-daemon is not installed (Debian: dbus)"


class Bus:
    """The bus; `environment` makes sd-bus take it for the system's."""

    def __init__(self, folder):
        self.socket = Path(folder) / "bus"
        self.config = Path(folder) / "bus.conf"
        self.config.write_text(CONFIG.format(socket=self.socket), encoding="utf-8")
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.socket}"}
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={self.config}", "--nofork", "--nopidfile"],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        left = fair.Left(10)
        while not self.is_heard():
            assert self.process.poll() is None and not left.over(), "the bus does not start"
            time.sleep(0.01)

    def is_heard(self):
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def close(self):
        self.process.kill()
        fair.wait(self.process, 10)
        self.socket.unlink(missing_ok=True)


class Systemd:
    """The stand-in for systemd, which knows one unit."""

    def __init__(self, bus, unit):
        self.process = subprocess.Popen([str(PROBE), unit], env={**os.environ, **bus.environment}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n", "the stand-in does not start"

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n", line

    def set(self, **properties):
        self.say(" ".join(f"{name}={value}" for name, value in properties.items()))

    def close(self):
        self.process.kill()
        fair.wait(self.process, 10)
        self.process.stdin.close()
        self.process.stdout.close()
