# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Alertmanager on loopback, alone or in a cluster, in a test's hand."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ports import free_port
from promtool import installed

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
route:
  receiver: team
  group_by: [alertname, host, incident]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: team
    webhook_configs:
      - url: {url}
"""


def alertmanager_path():
    """None where it is not installed (Debian: prometheus-alertmanager)."""
    return installed("prometheus-alertmanager")


TEMPLATES = ROOT / ".tools/usr/share/prometheus/alertmanager"
# Debian's build finds its templates under /usr/share only. Where it is not installed but unpacked, it sees a /usr/share of its own.
OWN_SHARE = ["unshare", "--mount", "--map-root-user", "sh", "-c",
             "mount -t tmpfs none /usr/share && mkdir -p /usr/share/prometheus && "
             f"cp -r '{TEMPLATES}' /usr/share/prometheus/ && exec \"$@\"", "alertmanager"]


def launcher():
    """What goes before the command; None where it cannot be run."""
    if not alertmanager_path():
        return None
    if Path("/usr/share/prometheus/alertmanager/default.tmpl").exists():
        return []
    possible = TEMPLATES.exists() and subprocess.run([*OWN_SHARE, "true"], capture_output=True, check=False).returncode == 0
    return OWN_SHARE if possible else None


class Alertmanager:
    """receiver_url gets what it notifies of. With peers (other Alertmanagers), or clustered, it gossips."""

    def __init__(self, receiver_url, peers=(), clustered=False):
        self.port, self.cluster_port = free_port(), free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="alertmanager-"))
        (self.directory / "config.yml").write_text(CONFIG.format(url=receiver_url), encoding="utf-8")
        cluster = f"127.0.0.1:{self.cluster_port}" if peers or clustered else ""
        self.command = [*launcher(), alertmanager_path(), f"--config.file={self.directory}/config.yml", f"--storage.path={self.directory}/data",
                        f"--web.listen-address=127.0.0.1:{self.port}", f"--cluster.listen-address={cluster}",
                        "--cluster.advertise-address=" + cluster, "--cluster.peer-timeout=4s", "--cluster.settle-timeout=3s",
                        "--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s",
                        *(f"--cluster.peer=127.0.0.1:{peer.cluster_port}" for peer in peers)]
        self.process = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.wait(lambda: self.get("/-/ready") is not None, "it did not start")

    def stop(self):
        self.process.kill()
        fair.wait(self.process, 10)

    def lose_memory(self):
        """Stopped, robbed of all it knew, started again."""
        self.stop()
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        self.start()

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return answer.read()
        except OSError:
            return None

    def alerts(self, name=None):
        """The active ones, silenced ones included; by name if it is given."""
        wanted = f"?filter={urllib.parse.quote('alertname=' + name)}" if name else ""
        return json.loads(self.get("/api/v2/alerts" + wanted) or b"[]")

    def names(self):
        return sorted((alert["labels"]["alertname"], alert["labels"]["severity"]) for alert in self.alerts())

    def silence(self, **labels):
        now = datetime.now(timezone.utc)
        body = {"matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()],
                "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "test", "comment": "maintenance"}
        request = urllib.request.Request(self.url + "/api/v2/silences", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["silenceID"]

    def wait(self, condition, what, timeout=20):
        left = fair.Left(timeout)
        while not left.over():
            if condition():
                return
            time.sleep(0.05)
        said = (self.directory / "log").read_text(encoding="utf-8")[-2000:]
        raise AssertionError(f"{what}; it shows {self.names()} and said: {said}")
