# SPDX-License-Identifier: GPL-2.0-or-later
"""A real ClickHouse server of Debian's packages (18.16), which tests/install-deps.sh unpacks below .tools/servers. It listens on loopback,
and its directories are its own, and gone with it. Today's functions it does not know: tests/lib/warehouse.py plays those."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from ports import free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import fair   # noqa: E402

TOOLS = pathlib.Path(__file__).resolve().parents[2] / ".tools" / "servers"
SERVER = "usr/sbin/clickhouse-server"
CONFIG = """<yandex><logger><level>warning</level><console>1</console></logger><listen_host>127.0.0.1</listen_host>
<http_port>{port}</http_port><path>{path}/data/</path><tmp_path>{path}/tmp/</tmp_path><users_config>{path}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>5000000</mark_cache_size></yandex>
"""
USERS = """<yandex><profiles><default/><reader><readonly>1</readonly></reader><small><max_memory_usage>1000000</max_memory_usage></small>
</profiles><quotas><default/></quotas><users>{users}</users></yandex>
"""
USER = "<{0}><password>{1}</password><networks><ip>127.0.0.1</ip></networks><profile>{2}</profile><quota>default</quota></{0}>"


def why_not():
    """Why no server can run here, or None."""
    if not (TOOLS / SERVER).exists():
        return "no clickhouse-server here (tests/install-deps.sh servers unpacks Debian's)"
    return None


class ClickHouseServer:
    """Use as a context. The users reader (readonly = 1) and small (1 MB of memory) have the password quince."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="clickhouse-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process = None

    def __enter__(self):
        for name in ("data", "tmp"):
            (self.directory / name).mkdir()
        users = USER.format("default", "", "default") + "".join(USER.format(name, "quince", name) for name in ("reader", "small"))
        (self.directory / "users.xml").write_text(USERS.format(users=users))
        config = self.directory / "config.xml"
        config.write_text(CONFIG.format(port=self.port, path=self.directory))
        libraries = next((TOOLS / "usr/lib").glob("*-linux-gnu*"))
        with open(self.directory / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([TOOLS / SERVER, f"--config-file={config}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
        left = fair.Left(30)
        while not self._answers():
            if self.process.poll() is not None or left.over():
                said = (self.directory / "log").read_text(encoding="utf-8", errors="replace")
                self.__exit__()
                raise RuntimeError(f"ClickHouse does not start: {said[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.kill()
        fair.wait(self.process, 20)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self):
        try:
            return urllib.request.urlopen(self.url, timeout=60).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def query(self, text):
        return urllib.request.urlopen(self.url, text.encode(), timeout=120).read().decode()
