# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of `agent serve` for pictures: a day with harmless texts beside an agent that runs, and a log in which ClickHouse was refused."""
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parents[1] / "e2e")]

import devtools    # noqa: E402
import report_history as history    # noqa: E402
from agent import BINARY    # noqa: E402
from web import ENVIRONMENT, Server    # noqa: E402

LOG = Path(__file__).resolve().parents[2] / "fixtures/logs/clickhouse-refused-nested-stderr.log"
DAY, REFUSED = "day", "refused"
# name, history, path, width, height, dark
VIEWS = (("serve-status.png", DAY, "/", 1000, 1320, False), ("serve-status-dark.png", DAY, "/", 1000, 900, True), ("serve-phone.png", DAY, "/", 390, 1240, False),
         ("serve-table.png", DAY, f"/tables/{history.KRAKEN}", 1000, 1180, False), ("serve-cycle.png", REFUSED, "/cycles/20", 1000, 1100, True))


def day(home):
    """The fixed history, whose agent is this process: it runs."""
    path = Path(home, "day.db")
    with mock.patch.object(history, "EVIL", "(clickhouse:8123 refused the connection)"), history.make(BINARY, path) as db:
        history.agent_state(db, os.getpid())
        text, = db.execute("SELECT value FROM state WHERE key = 'agent'").fetchone()
        db.execute("UPDATE state SET value = ? WHERE key = 'agent'", (text.replace(f"started_ms {history.BEGIN}", f"started_ms {time.time_ns() // 1_000_000}"),))
    db.close()
    return Server(path, log__path=Path(home, "none.log"))


def refused(home):
    path = Path(home, "refused.db")
    subprocess.run([BINARY, "replay", "--db", path, LOG], env=ENVIRONMENT, stdout=subprocess.DEVNULL, timeout=60, check=True)
    log = Path(home, "iceberg-offload-scheduler.log")
    log.write_bytes(LOG.read_bytes())
    return Server(path, log__path=log)


def pictures(home, folder):
    """Each is taken when its page stands still."""
    with contextlib.ExitStack() as ends:
        servers = {DAY: day(home), REFUSED: refused(home)}
        for server in servers.values():
            ends.callback(server.close)
        eye = devtools.Browser()
        ends.callback(eye.close)
        for name, which, path, width, height, dark in VIEWS:
            page = eye.page()
            page.look(width, height, dark, scripts=False)
            page.go(f"http://{servers[which].host}:{servers[which].port}{path}")
            page.photograph(Path(folder, name))
            page.close()
