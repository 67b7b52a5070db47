# SPDX-License-Identifier: GPL-2.0-or-later
"""The witness of the Iceberg tables inside the shipped unit, which hides /home: without the drop-in that `agent doctor` prints the blind spot
is said, with it the rows are known."""
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/lib"), str(pathlib.Path(__file__).parent)]

from scheduler import TABLES, Scheduler   # noqa: E402
from test_package import APT, CONF, NAME, STATE, the_package   # noqa: E402
from tests.lib.machine import Machine, why_not   # noqa: E402
from warehouse import Warehouse   # noqa: E402

TIMEOUT_S = 600
ALONE = True
WAREHOUSE = "/home/k2/docker/iceberg/warehouse"
BLIND = "the Iceberg warehouse does not say how its tables are"


@unittest.skipIf(why_not(), why_not())
class InTheUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.share = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.share.chmod(0o755)
        shutil.copy(the_package(), cls.share / "agent.deb")
        cls.machine = cls.enterClassContext(Machine(cls.share))
        cls.machine.run("rm -f /usr/sbin/policy-rc.d")
        cls.machine.run(f"{APT} /run/share/agent.deb", timeout=200)

    def cycle(self, added):
        """A cycle whose job tells of 0 rows, while each table gets so many."""
        self.scheduler.cycle_started()
        for table in TABLES:
            self.scheduler.run_started(table)
            self.warehouse.commit(f"cold.{table}", added)
            self.machine.run(f"rm -rf {WAREHOUSE}/* && cp -r /run/share/warehouse/* {WAREHOUSE}/")
            self.scheduler.run_completed(table, 0, 1.0)
        self.scheduler.cycle_completed(2.0, len(TABLES), 0, 0, 0)
        self.scheduler.next_run(900)

    def said(self):
        return self.machine.run(f"journalctl -q -o cat -u {NAME}").stdout

    def drop_in(self):
        """The lines that doctor prints for what is configured."""
        found = json.loads(self.machine.run("agent doctor --format json", check=False).stdout)["checks"]
        text = next(finding["text"] for finding in found if finding["check"] == "drop-in")
        return re.split(r"\s{2,}", text)[1:]

    def test_a_warehouse_below_home(self):
        self.scheduler = Scheduler(self.share / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.warehouse = Warehouse(self.share / "warehouse")
        for table in TABLES:
            self.warehouse.commit(f"cold.{table}", 1000, at=time.time() - 3600)
        self.machine.run(f"systemctl stop {NAME} && mkdir -p {WAREHOUSE} && printf '[log]\\npath = /run/share/scheduler.log\\n[iceberg]\\n"
                         f"warehouse = {WAREHOUSE}\\n' >>{CONF} && systemctl start {NAME}")
        self.cycle(added=77)
        self.machine.wait_for(f"journalctl -q -o cat -u {NAME} | grep -q '{BLIND}'")
        lines = self.drop_in()
        self.assertEqual(lines, ["[Service]", "ProtectHome=tmpfs", f'BindReadOnlyPaths="{WAREHOUSE}"'])
        self.machine.run(f"mkdir -p /etc/systemd/system/{NAME}.service.d && printf '%s\\n' " + " ".join(f"'{line}'" for line in lines) +
                         f" >/etc/systemd/system/{NAME}.service.d/witness.conf && systemctl daemon-reload && systemctl restart {NAME}")
        before = self.said().count(BLIND)
        self.cycle(added=77)
        script = f"import sqlite3; print(sqlite3.connect('{STATE}/history.db').execute('SELECT count(*) FROM run WHERE rows = 77').fetchone()[0])"
        self.machine.wait_for(f'test "$({sys.executable} -c "{script}")" = {len(TABLES)}')
        self.assertEqual(self.said().count(BLIND), before)
        self.assertEqual(self.machine.run(f"nsenter -t {self.machine.show(NAME, 'MainPID')} -m ls -A /home /home/k2").stdout.split(),
                         ["/home:", "k2", "/home/k2:", "docker"])


if __name__ == "__main__":
    unittest.main()
