# SPDX-License-Identifier: GPL-2.0-or-later
"""A real PostgreSQL of Debian's package, in a directory of its own, on a Unix socket and a port of the loopback interface."""
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ports import free_port

sys.path.insert(0, str(Path(__file__).resolve().parent))

import fair   # noqa: E402

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
# As the platform makes it (docker/postgres/ddl).
TABLE = """CREATE TABLE offload_watermarks (
    table_name TEXT PRIMARY KEY, last_offload_timestamp TIMESTAMPTZ NOT NULL, last_offload_max_sequence BIGINT NOT NULL DEFAULT 0,
    last_offload_row_count BIGINT DEFAULT 0, status TEXT NOT NULL DEFAULT 'initialized', last_successful_run TIMESTAMPTZ,
    last_run_duration_seconds INTEGER, failure_count INTEGER DEFAULT 0, last_error_message TEXT,
    created_at TIMESTAMPTZ DEFAULT NOW(), updated_at TIMESTAMPTZ DEFAULT NOW())"""


class Postgres:
    """Its user `agent` has the password quince and may read; `job` is the superuser."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-pg-", dir="/tmp"))
        self.port = free_port()
        self.server = None
        self.user = {}
        if os.geteuid() == 0:   # PostgreSQL refuses to be started by root
            other = pwd.getpwnam("nobody")
            os.chown(self.directory, other.pw_uid, other.pw_gid)
            self.user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}
        self.directory.chmod(0o755)
        data = self.directory / "data"
        (self.directory / "words").write_text("quince\n")
        self._run("initdb", "--no-sync", "--username=job", f"--pwfile={self.directory}/words", "--auth-host=scram-sha-256",
                  "--auth-local=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-D", data)
        with open(data / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.directory}'\n"
                           "fsync = off\nmax_connections = 5\nsuperuser_reserved_connections = 2\nlog_statement = 'all'\n")
        self.start()
        self.sql("CREATE USER agent PASSWORD 'quince'", TABLE, "GRANT SELECT ON offload_watermarks TO agent")

    def _run(self, program, *arguments):
        subprocess.run([PROGRAMS[-1] / program, *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=fair.ENDS_S, cwd="/", **self.user)

    def start(self):
        self._run("pg_ctl", "-D", self.directory / "data", "-l", self.directory / "log", "-w", "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.directory / "data", "-m", "immediate", "stop")

    def close(self):
        if (self.directory / "data/postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def dsn(self, user="agent", database="postgres"):
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"

    def psql(self, *statements):
        """The command that runs the statements as the job, to be started by a test that wants it to last."""
        commands = [part for statement in statements for part in ("-c", statement)]
        return [PROGRAMS[-1] / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.directory, "-p", str(self.port), "-U", "job",
                "-d", "postgres", "-At", *commands]

    def sql(self, *statements):
        done = subprocess.run(self.psql(*statements), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=fair.ENDS_S, cwd="/", check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # --- what the platform's job writes ---

    def job_known(self, *tables):
        for table in tables:
            self.sql(f"INSERT INTO offload_watermarks (table_name, last_offload_timestamp) VALUES ('{table}', now() - interval '1 hour')"
                     " ON CONFLICT (table_name) DO UPDATE SET last_offload_timestamp = excluded.last_offload_timestamp, failure_count = 0,"
                     " status = 'initialized', last_error_message = NULL, updated_at = now() - interval '1 hour'")

    def job_succeeded(self, table, rows, behind="1 second"):
        self.sql(f"UPDATE offload_watermarks SET last_offload_timestamp = now() - interval '{behind}', last_offload_row_count = {rows},"
                 f" status = 'success', last_successful_run = now(), failure_count = 0, updated_at = now() WHERE table_name = '{table}'")

    def job_failed(self, table, text):
        quoted = text.replace("'", "''")
        self.sql(f"UPDATE offload_watermarks SET status = 'failed', last_error_message = '{quoted}', failure_count = failure_count + 1,"
                 f" updated_at = now() WHERE table_name = '{table}'")
