# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said in the container: by the flow's own code, by Prefect in the flow's process, and by the worker.

The texts are those of Prefect 3.6.12; `newer` has those from March 2026 on where they differ.
"""

from ..clock import SECOND

RULE = "=" * 80
BEAM = "=" * 78
API = "http://prefect-server:4200/api"
SOURCE = "/app/flows/iceberg_offload_flow.py"
CANNOT_CONNECT = "httpx.ConnectError: All connection attempts failed"
REFUSED_BY_API = f"Request to {API}/flow_runs/ failed: {CANNOT_CONNECT}."
EXPLANATION = {-9: ("INFO", "This indicates that the process exited due to a SIGKILL signal. Typically, this is either caused by manual "
                            "cancellation or high memory usage causing the operating system to terminate the process."),
               137: ("INFO", "This indicates that the process exited due to a SIGKILL signal. Typically, this is caused by high memory "
                             "usage causing the operating system to terminate the process."),
               1: ("ERROR", "The process exited with an unhandled exception.")}


def traceback_of(error, line):
    return ("Traceback (most recent call last):\n"
            f'  File "/usr/local/lib/python3.13/site-packages/prefect/flow_engine.py", line {line}, in run_context\n'
            "    yield self\n"
            f'  File "{SOURCE}", line {line - 600}, in offload_table\n'
            f"    raise RuntimeError(error_msg)\n{error}")


def repr_of(error):
    """RuntimeError('text'), as Python shows it: line breaks and quotes escaped."""
    kind, _, text = error.partition(": ")
    return f"{kind}({text!r})"


class Voice:
    """`now` tells the time in microseconds UTC, `console` writes."""

    def __init__(self, console, now, newer=False):
        self.console, self.now, self.newer = console, now, newer
        self.worker_name = "ProcessWorker 00000000-0000-4000-9000-000000000000"

    def flow(self, name, message, level="INFO"):
        self.console.record(self.now(), f"Flow run '{name}'", message, level)

    def task(self, name, message, level="INFO"):
        self.console.record(self.now(), f"Task run '{name}'", message, level)

    def logger(self, name, message, level="INFO"):
        self.console.record(self.now(), name, message, level)

    def printed(self, text, stream="stdout"):
        self.console.raw(self.now(), text, stream)

    # The flow's own code.

    def box(self, name, title):
        self.flow(name, f"╔{BEAM}╗")
        self.flow(name, f"║{title:^78}║")
        self.flow(name, f"╚{BEAM}╝")

    def layer_heading(self, name, heading):
        for message in (RULE, heading, RULE):
            self.flow(name, message)

    def layer_complete(self, name, word, tables):
        self.flow(name, f"✓ {word} layer offload complete ({tables} table{'s' if tables != 1 else ''})")

    def run_started(self, task, table):
        self.task(task, f"Starting offload: {table} → cold.{table}")

    def run_completed(self, task, table):
        self.task(task, f"✓ Offload completed: {table}")

    def run_figures(self, task, seconds, rows):
        self.task(task, f"  Duration: {seconds:.2f}s")
        self.task(task, f"  Rows: {rows:,}")

    def attempt_failed(self, task, table, exit_code, stderr):
        self.task(task, f"✗ Offload failed: {table}", "ERROR")
        self.task(task, f"  Exit code: {exit_code}", "ERROR")
        self.task(task, f"  Stderr: {stderr}", "ERROR")

    def attempt_timeout(self, task, table):
        self.task(task, f"✗ Offload timeout: {table} (exceeded 10 minutes)", "ERROR")

    def summary(self, name, done, tables, rows, seconds, counts):
        self.box(name, "OFFLOAD COMPLETE")
        self.flow(name, f"  Total tables offloaded: {done}/{tables}")
        self.flow(name, f"  Total rows: {rows:,}")
        self.flow(name, f"  Total duration: {seconds:.2f}s")
        self.flow(name, "  " + " | ".join(f"{word}: {count}{'' if word == 'Silver' else ' tables'}" for word, count in counts))

    # Prefect, in the flow's process.

    def flow_begins(self, name, flow, url):
        self.flow(name, f"Beginning flow run '{name}' for flow '{flow}'")
        self.flow(name, f"View at {API.removesuffix('/api')}/runs/flow-run/{url}")

    def subflow_begins(self, name, flow):
        self.flow(name, f"Beginning subflow run '{name}' for flow '{flow}'")

    def completed(self, say, name):
        say(name, "Finished in state Completed()")

    def task_retries(self, task, error, number, of, seconds):
        self.task(task, f"Task run failed with exception: {repr_of(error)} - Retry {number}/{of} will start {seconds} second(s) from now")

    def task_exhausted(self, task, error):
        self.task(task, f"Task run failed with exception: {repr_of(error)} - Retries are exhausted\n{traceback_of(error, 812)}", "ERROR")
        self.task(task, f'Finished in state Failed("Task run encountered an exception {error.splitlines()[0]}")', "ERROR")

    def flow_exception(self, name, error):
        self.flow(name, f"Encountered exception during execution: {repr_of(error)}\n{traceback_of(error, 784)}", "ERROR")

    def layer_waits(self, name):
        self.flow(name, "Received non-final state 'AwaitingRetry' when proposing final state 'Failed' and will attempt to run again...")

    def flow_failed(self, name, error):
        self.flow(name, f'Finished in state Failed("Flow run encountered an exception: {error.splitlines()[0]}")')

    def crash_detected(self, name, why):
        self.flow(name, f"Crash detected! {why}", "ERROR")

    def engine_failed(self, run_id, error):
        self.logger("prefect.engine", f"Execution of flow run '{run_id}' exited with unexpected exception\n{traceback_of(error, 906)}", "ERROR")

    # The worker.

    def worker_started(self, worker_name):
        self.worker_name = worker_name
        self.printed("Discovered type 'process' for work pool 'iceberg-offload'.")
        self.printed(f"Worker '{worker_name}' started!")

    def worker_stopped(self):
        self.printed(f"Worker '{self.worker_name}' stopped!")

    def submitting(self, run_id):
        self.logger("prefect.flow_runs.worker", f"Worker '{self.worker_name}' submitting flow run '{run_id}'")

    def submitted(self, name, run_id):
        self.logger("prefect.flow_runs.runner", "Opening process...")
        self.logger("prefect.flow_runs.worker",
                    f"Flow run '{name}' submitted to infrastructure" if self.newer else f"Completed submission of flow run '{run_id}'")

    def process_exited(self, name, run_id, code, crashed=False):
        if code == 0:
            self.logger("prefect.flow_runs.runner", f"Process for flow run '{name}' exited cleanly.")
            return
        level, explanation = EXPLANATION[code]
        self.logger("prefect.flow_runs.runner", f"Process for flow run '{name}' exited with status code: {code}; {explanation}", level)
        if crashed:
            self.logger("prefect.flow_runs.worker", f"Reported flow run '{run_id}' as crashed: Flow run infrastructure exited with "
                                                    f"non-zero status code {code}.", "ERROR")

    def server_unreachable(self):
        self.printed("Failed the last 3 attempts. Please check your environment and configuration.\nExamples of recent errors:\n\n"
                     "Traceback (most recent call last):\n"
                     '  File "/usr/local/lib/python3.13/site-packages/httpcore/_backends/anyio.py", line 115, in connect_tcp\n'
                     "    stream: anyio.abc.ByteStream = await anyio.connect_tcp(\n"
                     f"OSError: All connection attempts failed\n\n{CANNOT_CONNECT}\n", "stderr")

    # The second flow of the same worker.

    def maintenance(self, task, mark, verb, table, level="INFO"):
        self.task(task, f"{mark}{verb}: {table}", level)


def seconds_between(start_us, end_us):
    return (end_us - start_us) / SECOND
