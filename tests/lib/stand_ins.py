# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-ins for all that the agent can ask, at once: three components as probes, the container's engine, the scheduler's metrics page, the
Iceberg tables, their source, the watermark table, systemd, and Prefect's API. For tests of hours: nothing here grows."""
import contextlib
import os
import subprocess
import time
from pathlib import Path

import bus
from components import Docker, Port, container, http_answer
from postgres import PROGRAMS, Postgres
from prefect_api import PrefectApi
from warehouse import ClickHouse, Warehouse

UNIT = "offload-under-test.service"


class StandIns(contextlib.ExitStack):
    """Use as a context. settings and environment are for the agent; `absent` says which could not be played here, and why."""

    def __init__(self, directory, tables):
        super().__init__()
        self.directory, self.tables, self.absent = Path(directory), list(tables), []
        self.settings, self.environment = {}, {}
        self.job, self.moves, self.answered = None, 0, 0

    def __enter__(self):
        super().__enter__()
        self.warehouse = Warehouse(self.directory / "warehouse", keep=3)
        for table in self.tables:
            self.warehouse.commit(f"cold.{table}", 1000)
        self.clickhouse = ClickHouse()
        self.callback(self.clickhouse.close)
        page = "".join(f'offload_lag_minutes{{table="{table}"}} 1\n' for table in self.tables)
        self.port = Port(http_answer(page.encode()))
        self.callback(self.port.close)
        self.docker = Docker(self.directory / "docker.sock", {"k2-spark": container()})
        self.callback(self.docker.close)
        self.prefect = self.enter_context(PrefectApi())
        self.settings.update({"iceberg.warehouse": self.warehouse.directory, "iceberg.table": "cold.{table}", "source.url": self.clickhouse.url,
                              "metrics.url": f"http://127.0.0.1:{self.port.number}/metrics", "prefect.url": self.prefect.url,
                              "probe clickhouse.url": self.clickhouse.url, "probe spark.container": "k2-spark",
                              "probe postgres.url": f"tcp://127.0.0.1:{self.port.number}"})
        self.environment["DOCKER_HOST"] = self.docker.host
        self.play_systemd()
        self.play_postgres()
        return self

    def play_systemd(self):
        if bus.why_not() or not bus.PROBE.exists():
            self.absent.append(f"systemd: {bus.why_not() or 'build/tests/systemd_probe is not built'}")
            return
        one = bus.Bus(self.directory)
        self.callback(one.close)
        systemd = bus.Systemd(one, UNIT)
        self.callback(systemd.close)
        systemd.set(MainPID=os.getpid(), ActiveEnterTimestamp=int(time.time() * 1e6))
        self.environment.update(one.environment)
        self.settings["scheduler.unit"] = UNIT

    def play_postgres(self):
        if not PROGRAMS:
            self.absent.append("the watermark table: PostgreSQL is not installed")
            return
        server = Postgres()
        self.callback(server.close)
        server.sql("ALTER SYSTEM SET log_statement = 'none'", "SELECT pg_reload_conf()")
        server.job_known(*self.tables)
        (self.directory / "pgpass").write_text(f"127.0.0.1:{server.port}:*:agent:quince\n")
        (self.directory / "pgpass").chmod(0o600)
        self.settings.update({"watermark.dsn": server.dsn(), "watermark.passfile": self.directory / "pgpass"})
        self.job = subprocess.Popen([*server.psql()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd="/")
        self.callback(self.job.kill)

    def watermark(self, table, rows):
        """What the job writes behind a run that moved rows."""
        if self.job:
            moved = "last_offload_timestamp = now(), " if rows else ""
            self.job.stdin.write(f"UPDATE offload_watermarks SET {moved}last_offload_row_count = {rows}, status = 'success',"
                                 f" last_successful_run = now(), failure_count = 0, updated_at = now() WHERE table_name = '{table}';\n")
            self.job.stdin.flush()

    def moved(self, table, rows):
        """A run that moved so many rows."""
        self.moves += 1
        if rows:
            self.warehouse.commit(f"cold.{table}", rows)
        self.watermark(table, rows)

    def behind(self):
        """About how many of the runs were not asked about yet."""
        return self.moves - self.answered - len(self.clickhouse.asked)

    def forget(self):
        """What they remember of what they were asked, for tests that look at it. How often each was asked since the last time."""
        asked = {"source": self.clickhouse.asked, "docker": self.docker.asked, "prefect": self.prefect.asked, "port": self.port.held}
        counts = {name: len(list_) for name, list_ in asked.items()}
        self.answered += counts["source"]
        for list_ in asked.values():
            del list_[:]
        return counts
