# SPDX-License-Identifier: GPL-2.0-or-later
"""The watermark table in a real PostgreSQL: how far the data are, why a run failed, and PostgreSQL's own state."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
import postgres   # noqa: E402
from agent import BINARY, QUICK, Agent, has_sanitizer, wait_until   # noqa: E402
from ports import free_port   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import TABLES, Scheduler   # noqa: E402
from warehouse import ClickHouse   # noqa: E402

# Of the scheduler with the job itself while ClickHouse was down: a good cycle, and two in which each run failed.
REAL_LOG = Path(__file__).resolve().parents[2] / "fixtures/logs/real-job-clickhouse-down.log"
# Nothing but what a witness says makes a first failure an incident.
PATIENT = {**QUICK, "schedule.interval": "4s", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "schedule.late_warning": "1h",
           "schedule.late_critical": "2h", "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h", "schedule.table_timeout": "1h"}
FAILING, WELL = TABLES
OLD_TEXT = "psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint"
INCIDENT = "SELECT severity, likely_cause, scenario FROM incident ORDER BY id"
NO_SPACE = "No space left on device"


class RealLog:
    """The real log, as if its second cycle ended a moment ago, so that another one is over now."""
    CYCLE = timedelta(seconds=6)

    def __init__(self, path):
        lines = REAL_LOG.read_text(encoding="utf-8").splitlines(keepends=True)
        starts = [number for number, line in enumerate(lines) if "OFFLOAD CYCLE STARTED" in line]
        ends = [number for number, line in enumerate(lines) if "Waiting" in line]
        self.first, self.second = lines[:ends[0] + 1], lines[ends[0] + 1:ends[1] + 1]
        assert starts[0] < ends[0] < starts[1] < ends[1]
        stamps = re.findall(r"^(\S+ \S+) - __main__", "".join(self.second), re.MULTILINE)
        self.shift = datetime.now() - datetime.strptime(stamps[-1], "%Y-%m-%d %H:%M:%S,%f") - self.CYCLE
        self.file = open(path, "a", encoding="utf-8")

    def moved(self, match):
        moment = datetime.strptime(match[0], "%Y-%m-%d %H:%M:%S,%f") + self.shift
        return moment.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]

    def write(self, lines):
        text = "".join(lines)
        first = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", self.moved, text)
        promise = re.sub(r"(?<=scheduled at: )(\S+ \S+)", lambda match: (datetime.strptime(match[0], "%Y-%m-%d %H:%M:%S")
                                                                          + self.shift).strftime("%Y-%m-%d %H:%M:%S"), first)
        self.file.write(promise)
        self.file.flush()


@unittest.skipUnless(postgres.PROGRAMS, "PostgreSQL is not installed (postgresql)")
@unittest.skipUnless(Path(BINARY).with_name("agent-watermark").exists(), "agent-watermark is not built (libpq-dev)")
class Watermark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Postgres()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-watermark-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log = self.directory / "scheduler.log"
        self.scheduler = None
        (self.directory / "password").write_text("quince\n")
        (self.directory / "password").chmod(0o600)
        self.server.job_known(*TABLES)

    def agent(self, dsn=None, **settings):
        return Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"),
                     {**PATIENT, "watermark.dsn": dsn or self.server.dsn(), "watermark.password_file": self.directory / "password",
                      **settings})

    def begin(self):
        self.scheduler = Scheduler(self.log)
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def stop_server(self):
        self.server.stop()
        self.addCleanup(self.server.start)

    def cycle(self, failing=None, says=lambda: None, stderr=""):
        """A cycle of a job whose stderr says nothing; `says` is what the failing job does before it ends."""
        time.sleep(0.12)    # beyond a burst
        self.scheduler.cycle_started()
        for table in TABLES:
            self.scheduler.run_started(table)
            if table == failing:
                says()
                self.scheduler.run_failed(table, 1, stderr)
            else:
                self.scheduler.run_completed(table, 0, 1.0)
        self.scheduler.cycle_completed(2.0, len(TABLES) - bool(failing), bool(failing), 0, 0)
        self.scheduler.next_run(900)

    def pages(self):
        return [request.json()["alerts"][0] for request in self.receiver.at("/hook")]

    def story(self, agent, kind):
        return [text for text, in agent.rows("SELECT text FROM timeline WHERE kind = ? ORDER BY id", kind)]

    def wait_incident(self, agent, *wanted):
        wait_until(lambda: agent.rows(INCIDENT) == list(wanted), 10, lambda: f"not {wanted}: {agent.rows(INCIDENT)} {agent.said()}")

    def wait_asked(self, agent, times):
        """Until the agent was asked to ask so often, by PostgreSQL's log."""
        log = self.server.directory / "log"
        wait_until(lambda: log.read_text(errors="replace").count("FROM offload_watermarks WHERE") >= times, 10, lambda: agent.said())

    # --- the failure log of the real job ---

    def real_failure(self, agent, log):
        agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'success'", 2)
        agent.wait_for("SELECT count(*) > 0 FROM source", 1)
        log.write(log.second)

    def test_the_real_job_with_clickhouse_down_and_then_a_full_disk(self):
        log = RealLog(self.log)
        self.addCleanup(log.file.close)
        log.write(log.first)
        with self.agent(**{"probe clickhouse.url": f"tcp://127.0.0.1:{free_port()}", "schedule.interval": "15m"}) as agent:
            self.real_failure(agent, log)
            self.wait_incident(agent, ("critical", "ClickHouse unreachable", "1/2"))
            wait_until(self.pages, 10, "no page")
            page = self.receiver.at("/hook")[0].body.decode()
            self.assertIn("scenario 2: ClickHouse connectivity failure", page)
            self.assertIn("docker exec k2-clickhouse clickhouse-client", page)
            log.shift += log.CYCLE
            for table in TABLES:
                self.server.job_failed(table, f"Failed to write to Iceberg: java.io.IOException: {NO_SPACE}")
            log.write(log.second)
            wait_until(lambda: [row[1] for row in agent.rows(INCIDENT)] and "full" in (agent.rows(INCIDENT)[0][1] or ""), 10,
                       lambda: f"{agent.rows(INCIDENT)} {agent.said()}")
            self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(1,)], agent.rows("SELECT alert, summary, opened_at FROM incident"))
            self.assertIn(f"told of {FAILING}: Failed to write to Iceberg: java.io.IOException: {NO_SPACE}", self.story(agent, "evidence"))
            wait_until(lambda: "full" in self.receiver.at("/hook")[-1].body.decode(), 10, "the better cause is not told")

    def test_the_real_job_with_postgresql_stopped(self):
        log = RealLog(self.log)
        self.addCleanup(log.file.close)
        log.write(log.first)
        self.stop_server()
        with self.agent(**{"schedule.interval": "15m"}) as agent:
            self.real_failure(agent, log)
            self.wait_incident(agent, ("critical", "PostgreSQL unreachable", "4/2"))
            wait_until(self.pages, 10, "no page")
            page = self.receiver.at("/hook")[0].body.decode()
            self.assertIn("scenario 2: PostgreSQL connection issues", page)
            self.assertIn("docker exec k2-prefect-db psql", page)
            told = [text for text in self.story(agent, "evidence") if text.startswith("PostgreSQL is down: ")]
            self.assertIn("Connection refused", told[0])

    # --- whose text it is ---

    def test_the_text_of_this_failure_makes_the_first_page(self):
        self.begin()
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for _ in range(2):
                self.cycle(FAILING, lambda: self.server.job_failed(FAILING, f"token=secretsecretsecret {NO_SPACE}"))
            wait_until(lambda: agent.rows(INCIDENT) and "full" in (agent.rows(INCIDENT)[0][1] or ""), 10, lambda: f"{agent.rows(INCIDENT)}")
            self.assertNotIn("secretsecretsecret", " ".join(self.story(agent, "evidence")))
            self.cycle()
            agent.wait_for("SELECT state FROM incident", "resolved")

    def test_a_text_of_an_earlier_failure_is_not_believed(self):
        """A success leaves the text of the failure before where it is; a job that is killed leaves the row at "running"."""
        self.server.job_failed(FAILING, OLD_TEXT)
        self.server.job_succeeded(FAILING, 10)
        running = f"UPDATE offload_watermarks SET status = 'running', updated_at = now() WHERE table_name = '{FAILING}'"
        self.begin()
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle(FAILING)
            self.cycle(FAILING, lambda: self.server.sql(running))
            agent.wait_for("SELECT count(*) FROM incident", 1)
            self.cycle(WELL, lambda: self.server.job_failed(WELL, NO_SPACE))
            self.cycle(WELL, lambda: self.server.job_failed(WELL, NO_SPACE))
            wait_until(lambda: len(agent.rows(INCIDENT)) == 2 and agent.rows(INCIDENT)[1][1], 10, lambda: f"{agent.rows(INCIDENT)}")
            self.assertNotIn("duplicate", " ".join(self.story(agent, "evidence")))
            self.assertNotIn("4/", str(agent.rows(INCIDENT)[0]))

    def test_a_failure_count_tells_where_no_time_is_known(self):
        query = "SELECT table_name, status, failure_count, last_error_message FROM offload_watermarks WHERE table_name = ANY($1)"
        self.server.job_failed(FAILING, OLD_TEXT)
        self.begin()
        with self.agent(**{"watermark.query": query}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle(FAILING)
            self.cycle(FAILING)
            agent.wait_for("SELECT count(*) FROM incident", 1)
            self.cycle(FAILING, lambda: self.server.job_failed(FAILING, NO_SPACE))
            wait_until(lambda: "full" in (agent.rows(INCIDENT)[0][1] or ""), 10, lambda: f"{agent.rows(INCIDENT)}")
            self.assertNotIn("duplicate", " ".join(self.story(agent, "evidence")))

    # --- PostgreSQL's own state ---

    def first_failure(self, wanted, dsn=None, **settings):
        self.begin()
        with self.agent(dsn, **settings) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle(FAILING)
            self.wait_incident(agent, ("critical", *wanted))
            wait_until(self.pages, 10, "no page")

    def test_the_table_is_missing(self):
        self.server.sql("ALTER TABLE offload_watermarks RENAME TO elsewhere")
        self.addCleanup(self.server.sql, "ALTER TABLE elsewhere RENAME TO offload_watermarks")
        self.first_failure(("the watermark table is missing or empty", "4/3"))

    def test_too_many_clients(self):
        sleepers = [subprocess.Popen(self.server.psql("SELECT pg_sleep(60)"), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for _ in range(3)]     # of five places two are the superuser's
        for sleeper in sleepers:
            self.addCleanup(sleeper.wait, 10)
            self.addCleanup(sleeper.kill)
        self.addCleanup(self.server.sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()")
        wait_until(lambda: self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'") == "3")
        self.first_failure(("PostgreSQL has too many connections", "4/2"))

    def test_a_lock_that_hangs(self):
        holder = subprocess.Popen(self.server.psql("BEGIN", "LOCK offload_watermarks", "SELECT pg_sleep(60)"), cwd="/",
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(holder.wait, 10)
        self.addCleanup(self.server.sql, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")
        wait_until(lambda: self.server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") == "1")
        self.first_failure(("PostgreSQL is blocked by locks, or a statement took too long", "4/2"), **{"watermark.timeout": "5s"})

    def test_a_wrong_password_explains_nothing_and_is_said_once(self):
        (self.directory / "password").write_text("wrong\n")
        self.begin()
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for _ in range(4):
                self.cycle(FAILING)
            wait_until(lambda: "password authentication failed" in agent.said(), 10, agent.said)
            self.assertEqual(agent.said().count("the watermark table does not say"), 1, agent.said())
            self.assertNotIn("4/2", str(agent.rows(INCIDENT)))

    def test_the_password_is_nowhere_to_be_seen(self):
        seen = set()
        self.begin()
        with self.agent(**{"watermark.query": "SELECT pg_sleep(1)::text AS table_name, $1::text[]"}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            self.cycle()
            until = time.monotonic() + 10
            while not seen and time.monotonic() < until:
                for process in Path("/proc").glob("[0-9]*"):
                    try:
                        words = (process / "cmdline").read_bytes()
                        if words.startswith(b"agent-watermark"):
                            status = (process / "status").read_text()
                            if f"PPid:\t{agent.process.pid}\n" in status:
                                seen.add(words + (process / "environ").read_bytes() if os.geteuid() == 0 else words)
                    except OSError:
                        pass
            self.assertTrue(seen, agent.said())
            self.assertNotIn(b"quince", b"".join(seen))

    # --- the data ---

    def test_a_watermark_that_stops_while_the_source_goes_on(self):
        """No Iceberg table is asked: the watermark alone says that a run has moved nothing."""
        clickhouse = ClickHouse()
        self.addCleanup(clickhouse.close)
        self.begin()
        with self.agent(**{"source.url": clickhouse.url}) as agent:
            agent.wait_for("SELECT count(*) > 0 FROM source", 1)
            for table in TABLES:
                self.server.job_succeeded(table, 500)
            self.cycle()
            wait_until(lambda: len(clickhouse.asked) >= 2, 10, agent.said)
            time.sleep(2.1)     # more than half an interval passes at the source
            self.server.job_succeeded(WELL, 500)
            self.cycle()
            agent.wait_for("SELECT alert || ' ' || table_name FROM incident", f"IcebergOffloadWatermarkStale {FAILING}")
            rules = self.story(agent, "rule")
            self.assertIn("certain stall, by the watermark table and the source: 1 run in a row added 0 rows", rules[0])


# What a program in agent-watermark's place may do. It is never believed, and holds nothing up.
LIARS = {
    "hangs": "exec sleep 60",
    "floods": "exec yes '{\"table_name\":\"x\"}'",
    "prints garbage": "head -c 3000 /dev/urandom",
    "is killed": "kill -9 $$",
    "ends without a word": "exit 0",
    "fails": "echo '{\"done\":true}'; exit 3",
    "cannot be loaded": "echo 'agent-watermark: error while loading shared libraries: libpq.so.5' >&2; exit 127",
}
LYING_ROWS = """cat >/dev/null
now=$(date +%s%3N)
for table in {tables}; do
  echo '{{"server_ms":"'$now'","table_name":"'$table'","last_offload_timestamp":"9999-12-31 23:59:59+00","last_offload_row_count":"-5",' \\
       '"status":"success","last_successful_run":"9999-12-31 23:59:59+00","failure_count":"-1","updated_at":"infinity",' \\
       '"last_error_message":"\\u0000\\u001b[2J"}}'
done
echo '{{"done":true}}'"""


class LyingProgram(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-watermark-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.program = self.directory / "agent-watermark"
        self.scheduler = Scheduler(self.directory / "scheduler.log")
        self.addCleanup(self.scheduler.kill)
        self.scheduler.cycle()

    def agent(self, script, **settings):
        self.program.write_text(f"#!/bin/sh\n{script}\n")
        self.program.chmod(0o755)
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", None,
                      {**PATIENT, "watermark.dsn": "host=/nowhere", "watermark.timeout": "400ms", **settings})
        # A script wants an interpreter, which the agent's confinement lets nobody run.
        self.addCleanup(agent.end)
        return agent.start({"AGENT_WATERMARK": str(self.program), "AGENT_CONFINE": "no"})

    def fail_twice(self, agent):
        agent.wait_for("SELECT count(*) > 0 FROM source", 1)
        for _ in range(2):
            time.sleep(0.12)
            self.scheduler.cycle(failing={FAILING})
        started = time.monotonic()
        agent.wait_for("SELECT count(*) FROM incident", 1)
        self.assertLess(promise.since(started), 0.4 if not has_sanitizer() else 2)

    def test_a_program_that_does_not_work_holds_nothing_up_and_is_said_once(self):
        for what, script in LIARS.items():
            with self.subTest(what):
                agent = self.agent(script)
                self.fail_twice(agent)
                for _ in range(2):
                    time.sleep(0.12)
                    self.scheduler.cycle(failing={FAILING})
                wait_until(lambda: "the watermark table does not say" in agent.said(), 10, agent.said)
                self.assertEqual(agent.said().count("the watermark table does not say"), 1, agent.said())
                agent.end()
                for path in self.directory.glob("history*"):
                    path.unlink()

    def test_it_is_shown_from_the_beginning_and_after_a_reload(self):
        agent = self.agent("exit 0", **{"source.url": f"http://127.0.0.1:{free_port()}/"})
        shown = "SELECT state || ': ' || words FROM witness WHERE name = 'watermark'"
        agent.wait_for(shown, "silent: not asked yet")
        self.fail_twice(agent)
        agent.wait_for(shown, "silent: agent-watermark gave no whole answer")
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "read again" in agent.said(), 10, agent.said)
        agent.stop()
        self.assertEqual(agent.rows(shown), [("silent: agent-watermark gave no whole answer",)])

    def test_a_table_without_the_pipeline_s_rows_is_a_blind_spot(self):
        agent = self.agent("echo '{\"done\":true}'")
        agent.wait_for("SELECT count(*) > 0 FROM source", 1)
        self.scheduler.cycle()
        agent.wait_for("SELECT state || ': ' || words FROM witness WHERE name = 'watermark'",
                       f"silent: asked about {TABLES[-1]}: it has no such row")

    def test_the_end_of_a_trouble_is_told_whatever_came_between(self):
        says = self.directory / "says"
        says.write_text('{"error":"query timeout","sqlstate":"","words":"too late"}\n')
        agent = self.agent(f"cat {says}")
        agent.wait_for("SELECT count(*) > 0 FROM source", 1)
        told = "SELECT count(*) FROM timeline WHERE text LIKE 'PostgreSQL is {}%'"
        # One run a question: after two without an answer the program rests.
        self.scheduler.cycle_started()
        self.scheduler.run_started(FAILING)
        self.scheduler.run_failed(FAILING, 1, "")
        agent.wait_for(told.format("down"), 1)
        self.scheduler.cycle_completed(1.0, 0, 1, 0, 0)
        self.scheduler.next_run(900)
        says.write_text("")
        self.scheduler.cycle_started()
        self.scheduler.run_started(FAILING)
        self.scheduler.run_failed(FAILING, 1, "")
        agent.wait_for("SELECT count(*) FROM witness WHERE name = 'watermark' AND words LIKE '%no whole answer%'", 1)
        says.write_text('{"done":true}\n')
        self.scheduler.run_started(WELL)
        self.scheduler.run_completed(WELL, 0, 1.0)
        agent.wait_for(told.format("up"), 1)

    def test_rows_that_cannot_be_so_say_nothing(self):
        clickhouse = ClickHouse()
        self.addCleanup(clickhouse.close)
        agent = self.agent(LYING_ROWS.format(tables=" ".join(TABLES)), **{"source.url": clickhouse.url})
        agent.wait_for("SELECT count(*) > 0 FROM source", 1)
        for _ in range(3):
            time.sleep(0.12)
            self.scheduler.cycle()
        wait_until(lambda: len(clickhouse.asked) >= 6, 10, agent.said)
        self.fail_twice(agent)
        self.assertEqual(agent.rows("SELECT DISTINCT alert FROM incident"), [("IcebergOffloadConsecutiveFailures",)])
        self.assertEqual(agent.rows("SELECT text FROM timeline WHERE text LIKE '%told of%'"), [])

    def test_without_the_program_the_agent_says_so(self):
        agent = Agent(self.directory / "scheduler.log", self.directory / "history.db", None, {**PATIENT, "watermark.dsn": "host=/nowhere"})
        self.addCleanup(agent.end)
        agent.start({"AGENT_WATERMARK": str(self.directory / "nowhere")})
        self.fail_twice(agent)
        wait_until(lambda: "cannot be started: No such file or directory" in agent.said(), 10, agent.said)


if __name__ == "__main__":
    unittest.main()
