# SPDX-License-Identifier: GPL-2.0-or-later
"""What the offload jobs do when nothing is wrong: volumes by the hour, log-normal durations, small accidents."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .clock import DAY, HOUR, MINUTE, SECOND
from .voice import CAUSES, CLICKHOUSE_REFUSED

TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Table:
    name: str
    rows: float = 200_000          # median of a quarter of an hour
    rows_sigma: float = 0.25       # of ln(rows), beyond the day's curve
    seconds: float = 6.0           # median of a run
    seconds_sigma: float = 0.13
    zeros: float = 0.0             # chance of an honest run without rows
    zeros_at_night: bool = False   # the same share, clustered in the night


@dataclass
class Outcome:
    kind: str                      # ok, failed, timeout, exception
    seconds: float
    rows: int = 0
    cause: tuple = CLICKHOUSE_REFUSED


EXCHANGES = ("binance", "kraken", "coinbase", "bybit", "okx", "bitfinex", "bitstamp", "gemini", "huobi", "kucoin",
             "deribit", "gateio")


def make_tables(rng, count, sparse=0.0, at_night=False):
    """The first two are like the platform's own; `sparse` is the highest share of honest zero runs."""
    tables = []
    for i, exchange in enumerate(EXCHANGES[:count]):
        rows = (200_000, 3_500)[i] if i < 2 else math.exp(rng.uniform(math.log(500), math.log(400_000)))
        zeros = rng.uniform(0.3, 1.0) * sparse if sparse and i % 2 == 1 else 0.0
        tables.append(Table(f"bronze_trades_{exchange}", rows, rng.uniform(0.2, 0.5) if i else 0.25,
                            (7.0, 5.2)[i] if i < 2 else rng.uniform(3.5, 9.0), rng.uniform(0.09, 0.18),
                            zeros, at_night and zeros > 0))
    return tables


@dataclass
class World:
    rng: object
    tables: list
    interval_minutes: int = 15
    hiccups: float = 0.002         # a cycle with one run much longer than usual
    failures: float = 0.001        # a run, never two of a table in a row
    quiet_weekends: bool = False
    rows_unknown: bool = False     # a host on which the row count always reads 0
    effect: object = None          # an incident: (table, now_us, outcome) -> outcome
    skips: object = None           # an incident: (table, now_us) -> whether the cycle leaves it out
    _last_rows_us: dict = field(default_factory=dict)
    _failed_before: set = field(default_factory=set)
    _hiccup_table: object = None

    def cycle_tables(self, now_us):
        rng = self.rng
        tables = [t for t in self.tables if not (self.skips and self.skips(t, now_us))]
        self._hiccup_table = rng.choice(tables) if tables and rng.random() < self.hiccups else None
        return tables

    def run(self, table, now_us):
        outcome = self._healthy(table, now_us)
        if self.effect:
            outcome = self.effect(table, now_us, outcome) or outcome
        if outcome.kind == "ok":
            self._failed_before.discard(table.name)
            if outcome.rows:
                self._last_rows_us[table.name] = now_us
        else:
            self._failed_before.add(table.name)
        return outcome

    def _healthy(self, table, now_us):
        rng = self.rng
        seconds = table.seconds * math.exp(rng.gauss(0.0, table.seconds_sigma))
        if table is self._hiccup_table:
            seconds += math.exp(rng.uniform(math.log(10), math.log(200)))
        if rng.random() < self.failures and table.name not in self._failed_before:
            return Outcome("failed", rng.uniform(1.5, 4.0), cause=rng.choice(CAUSES))
        return Outcome("ok", seconds, 0 if self.rows_unknown else self._rows(table, now_us))

    def _rows(self, table, now_us):
        rng = self.rng
        day, of_day = divmod(now_us, DAY)
        hour = of_day / HOUR
        weekend = self.quiet_weekends and (day + 3) % 7 >= 5      # 1970-01-01 was a Thursday
        zeros = table.zeros
        if table.zeros_at_night:
            zeros = min(0.97, zeros * 24 / 9) if hour < 9 else 0.02
        if zeros and weekend:
            zeros = min(0.9, zeros * 1.5)
        if zeros and rng.random() < zeros:
            return 0
        since = now_us - self._last_rows_us.get(table.name, now_us - self.interval_minutes * MINUTE)
        minutes = min(since / MINUTE, 24 * 60) if not zeros else self.interval_minutes
        level = table.rows * minutes / 15 * math.exp(0.55 * math.sin((hour - 9.0) / 12 * math.pi))
        return max(1, round(level * (0.25 if weekend else 1.0) * math.exp(rng.gauss(0.0, table.rows_sigma))))


def container_clock(start_us):
    """The job's clock: UTC, whatever the host's zone."""
    def text(milliseconds):
        moment = datetime.fromtimestamp((start_us + milliseconds * 1000) / SECOND, timezone.utc)
        return f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03d}"
    return text
