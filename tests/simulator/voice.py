# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scheduler says: every line of its log, for a virtual clock and for a live one."""

RULE = "=" * 80
EXCERPT_CHARACTERS = 500

MISSING_DOCKER = "[Errno 2] No such file or directory: 'docker'"
SOURCE = "/opt/k2/docker/offload/scheduler.py"


class Voice:
    """Writes records; `clock` has stamp() ("2026-02-12 19:34:50,000") and isoformat(), both in local time."""

    def __init__(self, write, clock, interval_minutes=15, tables=2, metrics=False,
                 log_path="/tmp/iceberg-offload-scheduler.log"):
        self.write = write
        self.clock = clock
        self.interval_minutes = interval_minutes
        self.tables = tables
        self.metrics = metrics
        self.log_path = log_path

    def say(self, message, level="INFO", logger="__main__"):
        self.write(f"{self.clock.stamp()} - {logger} - {level} - {message}\n")

    def say_metrics(self, message, level="INFO"):
        if self.metrics:
            self.say(message, level, "metrics")

    def started(self):
        self.say(RULE)
        self.say("K2 ICEBERG OFFLOAD SCHEDULER STARTED")
        self.say(f"Schedule: Every {self.interval_minutes} minutes")
        self.say(f"Tables: {self.tables} Bronze tables")
        self.say(f"Log file: {self.log_path}")
        self.say(RULE)
        if self.metrics:
            self.say_metrics("Prometheus metrics server started on port 8000")
            self.say_metrics("Metrics endpoint: http://localhost:8000/metrics")
            self.say("Prometheus metrics enabled on port 8000")
            self.say_metrics(f"Set pipeline info: v1.0.0, {self.interval_minutes}min schedule, {self.tables} tables")

    def initial_cycle(self):
        self.say("Running initial offload cycle...")

    def cycle_started(self, tables):
        self.say(RULE)
        self.say("OFFLOAD CYCLE STARTED")
        self.say(f"Time: {self.clock.isoformat()}")
        self.say(f"Tables: {tables}")
        self.say(RULE)

    def run_started(self, table):
        self.say(f"Starting offload: {table} → cold.{table}")

    def run_completed(self, table, rows, seconds):
        self.say(f"✓ Offload completed: {table} ({rows:,} rows in {seconds:.1f}s)")
        self.say_metrics(f"Recorded offload success: {table} ({rows:,} rows in {seconds:.1f}s)")

    def run_failed(self, table, exit_code, stderr, seconds):
        self.say(f"✗ Offload failed: {table}", "ERROR")
        self.say(f"  Exit code: {exit_code}", "ERROR")
        self.say(f"  Stderr: {stderr[:EXCERPT_CHARACTERS]}", "ERROR")
        self.say_metrics(f"Recorded offload failure: {table} (process_error) after {seconds:.1f}s", "WARNING")

    def run_timeout(self, table, seconds=600.0):
        self.say(f"✗ Offload timeout: {table} (>10 minutes)", "ERROR")
        self.say_metrics(f"Recorded offload failure: {table} (timeout) after {seconds:.1f}s", "WARNING")

    def cycle_completed(self, seconds, succeeded, failed, timed_out, rows):
        self.say(RULE)
        self.say("OFFLOAD CYCLE COMPLETED")
        self.say(f"Duration: {seconds:.1f}s")
        self.say(f"Success: {succeeded}, Failed: {failed}, Timeout: {timed_out}")
        self.say(f"Total rows offloaded: {rows:,}")
        self.say(RULE)
        if self.metrics:
            attempted = succeeded + failed + timed_out
            status = "success" if succeeded == attempted else "partial" if succeeded else "failure"
            self.say_metrics(f"Recorded cycle complete: {status} ({succeeded}/{attempted} tables, {rows:,} rows, "
                             f"{seconds:.1f}s)")

    def next_run(self, slot, wait_seconds):
        self.say(f"Next run scheduled at: {slot:%Y-%m-%d %H:%M:%S}")
        self.say(f"Waiting {wait_seconds:.0f} seconds...")

    def cycle_exception(self, text=MISSING_DOCKER, error="FileNotFoundError"):
        self.say(f"Offload cycle failed with exception: {text}", "ERROR")
        self.say(f"{text}\n"
                 "Traceback (most recent call last):\n"
                 f'  File "{SOURCE}", line 261, in main\n'
                 "    run_offload_cycle()\n"
                 f'  File "{SOURCE}", line 170, in run_offload_cycle\n'
                 "    result = run_offload_for_table(table_config)\n"
                 f'  File "{SOURCE}", line 95, in run_offload_for_table\n'
                 "    result = subprocess.run(\n"
                 f"{error}: {text}", "ERROR")

    def signal(self, number=15):
        self.say(f"Received signal {number}, shutting down gracefully...")

    def shutdown_requested(self):
        self.say("Shutdown requested, stopping cycle")

    def stopped(self):
        self.say("Scheduler stopped gracefully")

    def crashed(self, text, error):
        self.say(f"Scheduler crashed: {text}", "ERROR")
        self.say(f"{text}\n"
                 "Traceback (most recent call last):\n"
                 f'  File "{SOURCE}", line 289, in <module>\n'
                 "    main()\n"
                 f'  File "{SOURCE}", line 247, in main\n'
                 "    wait_seconds = (next_run - datetime.now()).total_seconds()\n"
                 f"{error}: {text}", "ERROR")


def nested_stderr(clock_text, table, last_line):
    """The Spark job's own log, in the scheduler's format; clock_text(milliseconds) is the container's clock."""
    head = f"{clock_text(0)} - __main__ - INFO - {RULE}\n"
    story = ("Generic Offload Job", f"Source: {table} (ClickHouse)", f"Target: cold.{table} (Iceberg)", "Layer: bronze")
    body = "".join(f"{clock_text(10 * (i + 1))} - __main__ - INFO - {line}\n" for i, line in enumerate(story))
    return head + body + f"{clock_text(2000)} - __main__ - ERROR - {last_line}"


# Texts of failing jobs, by cause: (exit code, last line of the nested log or None, plain text after it).
CLICKHOUSE_REFUSED = (1, "Failed to read from ClickHouse: ",
                      "An error occurred while calling o53.load.\n"
                      ": java.sql.SQLException: Connection refused (Connection refused)")
OUT_OF_MEMORY = (137, None, "26/03/03 10:15:02 ERROR Executor: Exception in task 0.0 in stage 1.0 (TID 1)\n"
                 "java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)")
NO_CONTAINER = (1, None, "Error response from daemon: No such container: k2-spark-iceberg")
WATERMARK_DUPLICATE = (1, "Failed to update watermark: ",
                       'psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint '
                       '"offload_watermarks_pkey"')
POSTGRES_DOWN = (1, None, 'psycopg2.OperationalError: could not connect to server: Connection timed out\n'
                 '\tIs the server running on host "k2-prefect-db" (172.18.0.4) and accepting\n'
                 "\tTCP/IP connections on port 5432?")
CAUSES = (CLICKHOUSE_REFUSED, OUT_OF_MEMORY, NO_CONTAINER, WATERMARK_DUPLICATE, POSTGRES_DOWN)


def stderr_of(cause, clock_text, table):
    exit_code, last_line, plain = cause
    text = plain if last_line is None else nested_stderr(clock_text, table, last_line) + "\n" + plain
    return exit_code, text
