# SPDX-License-Identifier: GPL-2.0-or-later
"""The second flow of the same worker: compact, expire and audit the tables, daily at 02:00 UTC. It is no cycle, but slows one down."""

from . import names

FLOW = "iceberg-maintenance-main"
STEPS = (("compact", "compact-table", (20, 60)), ("expire", "expire-snapshots", (2, 6)), ("audit", "audit-table", (1, 3)))
RETRIES, RETRY_S = 1, 60


def maintenance_flow(stage, job):
    """`job` has name and run_id. A table whose compaction fails does not stop the others."""
    voice = stage.voice
    voice.flow_begins(job.name, FLOW, job.run_id)
    voice.box(job.name, "K2 ICEBERG MAINTENANCE PIPELINE")
    failed = []
    for word, task, span in STEPS:
        voice.flow(job.name, f"Starting {word} of {len(names.TABLES)} tables")
        for table in names.TABLES:
            yield from one_table(stage, word, names.task_run(stage.rng, task), table, span, failed)
    if stage.audit_missing:
        voice.flow(job.name, "Audit missing", "ERROR")
        failed.append("audit")
    if failed:
        error = f"RuntimeError: Maintenance failed for {', '.join(failed)}"
        voice.flow_exception(job.name, error)
        voice.flow_failed(job.name, error)
        voice.engine_failed(job.run_id, error)
    else:
        voice.box(job.name, "MAINTENANCE COMPLETE")
        voice.completed(voice.flow, job.name)
    yield stage.moment(0.5, 2.0)
    voice.process_exited(job.name, job.run_id, 1 if failed else 0)


def one_table(stage, word, task, table, span, failed):
    voice, title = stage.voice, word.capitalize()
    for number in range(RETRIES + 1):
        voice.task(task, f"Starting {word}: {table}")
        yield stage.moment(*span)
        if not stage.maintenance_fails(word, table):
            voice.task(task, f"✓ {title} completed: {table}")
            voice.completed(voice.task, task)
            return
        error = f"RuntimeError: {title} failed for {table}: No space left on device"
        voice.task(task, f"✗ {title} failed: {table}", "ERROR")
        if number < RETRIES:
            voice.task_retries(task, error, number + 1, RETRIES, RETRY_S)
            yield RETRY_S + stage.moment(0.0, 0.5)
    voice.task_exhausted(task, error)
    failed.append(table)
