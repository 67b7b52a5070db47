# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics that a scheduler would export if its alerts were to work as meant, scraped every 15 s.

The process exports them, so they vanish with it and stand still, but for the ages, when it hangs. Lag and watermark come
from the watermark table and survive a restart; error counters and the cycle's duration do not. A cycle's exception
counts one error for each table it cost, once a slot, however often the loop spins within that slot's second.
"""

from .clock import MINUTE, SECOND

SCRAPE_US = 15 * SECOND
BEFORE_US = 60 * MINUTE            # the rules look back 50 minutes
AFTER_US = 30 * MINUTE
LONGEST_US = 180 * MINUTE          # after the onset: the slowest alert needs 65 minutes
BURST_US = MINUTE
JOB = "iceberg-scheduler"


class Exporter:
    """The scheduler's state as of a moment, fed with facts in order."""

    def __init__(self, tables, zero_us):
        self.tables, self.zero_us = tables, zero_us
        self.up = True
        self.last_ok, self.last_rows = {}, {}
        self.errors = dict.fromkeys(tables, 0)
        self.last_error = {}
        self.duration = None

    def feed(self, fact):
        if fact.kind == "up":
            self.up = True
        elif fact.kind == "down":
            self.up = False
            self.errors = dict.fromkeys(self.tables, 0)
            self.duration = None
        elif fact.kind == "ok":
            self.last_ok[fact.table] = fact.us
            if fact.value:
                self.last_rows[fact.table] = fact.us
        elif fact.kind == "failed":
            if fact.us - self.last_error.get(fact.table, -BURST_US) >= BURST_US:
                self.errors[fact.table] += 1
            self.last_error[fact.table] = fact.us
        elif fact.kind == "cycle_end":
            self.duration = round(fact.value, 1)

    def scrape(self, now_us):
        yield f'up{{job="{JOB}"}}', 1 if self.up else 0
        yield f'offload_cycle_duration_seconds{{job="{JOB}"}}', self.duration if self.up else None
        for table in self.tables:
            label = f'{{job="{JOB}",table="{table}"}}'
            ok, rows = self.last_ok.get(table), self.last_rows.get(table)
            yield f"offload_errors_total{label}", self.errors[table] if self.up else None
            lag = round((now_us - ok) / MINUTE, 4) if self.up and ok is not None else None
            yield f"offload_lag_minutes{label}", lag
            age = round((rows - self.zero_us) / SECOND, 3) if self.up and rows is not None else None
            yield f"watermark_timestamp_seconds{label}", age


def series_of(truth, facts, rng):
    """{"zero_ms", "step_s", "onset_s", "series": {name: [values]}}: second 0 of the series lies an hour and a random phase
    (of scrapes and evaluations) before the onset; None is no sample."""
    onset_us = truth["onset_ms"] * 1000
    zero_us = onset_us - BEFORE_US - rng.randrange(5 * MINUTE)
    end_us = (truth["recovered_ms"] or truth["end_ms"]) * 1000 + AFTER_US
    if truth["kind"] != "flapping":
        end_us = min(end_us, onset_us + LONGEST_US)
    exporter = Exporter(truth["tables"], zero_us)
    pending = list(facts.all)
    series = {}
    now_us = zero_us
    at = 0
    while now_us <= end_us:
        while at < len(pending) and pending[at].us <= now_us:
            exporter.feed(pending[at])
            at += 1
        for name, value in exporter.scrape(now_us):
            series.setdefault(name, []).append(value)
        now_us += SCRAPE_US
    return {"zero_ms": zero_us // 1000, "step_s": SCRAPE_US // SECOND, "onset_s": (onset_us - zero_us) // SECOND,
            "series": series}
