# SPDX-License-Identifier: GPL-2.0-or-later
"""Fewer rows than ever, and more."""

from ..due import SLOW, THROUGHPUT, at_most, ended, incidents_at_most, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from . import situation

EIGHT_HOURS = 8


def fewer(stage, divisor, ratio=3.0, sigma=0.25, hours=EIGHT_HOURS, day=15):
    """One table's rows fall for some hours; returns when, and the table."""
    from_t = at(day, stage.rng.randrange(24), stage.rng.choice((0, 15, 30, 45)))
    table = stage.tables[1]
    falls = lambda t: from_t - MINUTE <= t < from_t + hours * HOUR
    stage.rows = lambda name, t: stage.daily_rows(t, ratio=ratio, sigma=sigma) / (divisor if name == table and falls(t) else 1)
    stage.run(from_t + (hours + 4) * HOUR)
    return from_t, table


def told_within(from_t, table, seconds):
    return [nothing(until=from_t), told(THROUGHPUT, from_t, seconds, table=table), ended(THROUGHPUT, from_t + EIGHT_HOURS * HOUR, 4 * HOUR),
            at_most(2)]


@situation(share=0.8)
def rows_divided_by_5(stage):
    """A fifth of the rows, under a daily swing of 3:1, is told within three hours."""
    return told_within(*fewer(stage, 5), 3 * HOUR)


@situation(share=0.8)
def rows_divided_by_20(stage):
    """A twentieth of the rows, under a daily swing of 3:1, is told within an hour and a half."""
    return told_within(*fewer(stage, 20), 90 * MINUTE)


@situation(share=0.8)
def rows_divided_by_20_on_a_plain_table(stage):
    """Without a swing it takes no longer."""
    return told_within(*fewer(stage, 20, ratio=1.0), 75 * MINUTE)


@situation(share=0.8)
def rows_divided_by_20_at_cadence_5(stage):
    """More runs an hour tell no later."""
    stage.minutes = 5
    return told_within(*fewer(stage, 20, day=9), 90 * MINUTE)


@situation(share=0.8)
def rows_divided_by_5_in_the_second_week(stage):
    """Eight days of history are enough."""
    return told_within(*fewer(stage, 5, day=8), 3 * HOUR)


@situation()
def rows_divided_by_2(stage):
    """Half the rows for a day is a quiet day."""
    fewer(stage, 2, hours=24)
    return [nothing()]


@situation()
def noisy_rows(stage):
    """Rows that scatter by a factor of three from run to run do so every day: a warning a month at most."""
    stage.rows = lambda table, t: stage.daily_rows(t, sigma=1.1)
    stage.run(at(28))
    return [at_most(1), no_critical()]


@situation()
def few_rows(stage):
    """A table of 0 to 12 rows a run is small, and its zeros are honest."""
    stage.rows = lambda table, t: stage.rng.choice((0, 1, 1, 2, 3, 4, 6, 8, 12)) if table == stage.tables[1] else stage.daily_rows(t)
    stage.run(at(28))
    return [nothing()]


@situation()
def bursts_of_rows(stage):
    """A table of small trickles with a burst now and then has no usual level to fall below."""
    stage.rows = lambda table, t: 200_000 if stage.rng.random() < 0.04 else stage.rng.randrange(20, 400)
    stage.run(at(28))
    return [at_most(1), no_critical()]


@situation()
def backfill_of_rows(stage):
    """Ten times the rows for a day, then the usual again: neither the day nor its end is news."""
    filling = lambda t: at(9, 9) <= t < at(10, 9)
    stage.rows = lambda table, t: stage.daily_rows(t) * (10 if filling(t) else 1)
    stage.run(at(14))
    return [nothing()]


@situation()
def backfill_of_two_weeks(stage):
    """A history that was loaded for two weeks ends: the lower level after it is at most one warning, and normal after thirty hours."""
    stage.rows = lambda table, t: stage.daily_rows(t) * (10 if t < at(14, 9) else 1)
    stage.run(at(19))
    return [incidents_at_most(1), at_most(2), no_critical(), nothing(since=at(15, 15))]


@situation()
def flash_crowd(stage):
    """Rows rise twentyfold within an hour and fall again within two: the fall is no drop."""
    peak = at(9, stage.rng.randrange(24))
    stage.rows = lambda table, t: stage.daily_rows(t) * 20 ** max(0.0, 1 - abs(t - peak) / (2 * HOUR))
    stage.run(at(12))
    return [nothing()]


@situation()
def volume_spike_that_slows(stage):
    """Forty times the rows take 420 s: told at 300 s, and only that."""
    from_t = at(9, stage.rng.randrange(24))
    spike = lambda t: from_t - MINUTE <= t < from_t + 2 * HOUR
    stage.cycle_seconds(lambda t: 420 if spike(t) else 40, sigma=0.03)
    stage.rows = lambda table, t: stage.daily_rows(t) * (40 if spike(t) else 1)
    stage.run(from_t + DAY)
    return [told(SLOW, from_t, 303), at_most(1), no_critical(), ended(SLOW, from_t + 2 * HOUR, HOUR)]


@situation()
def new_table_that_fills(stage):
    """A new table with ever more rows, from ten a run to ten thousand within two weeks, is success."""
    stage.rows = lambda table, t: stage.daily_rows(t, 10 * 1000 ** (t / at(14))) if table == stage.tables[1] else stage.daily_rows(t)
    stage.run(at(16))
    return [nothing()]
