# SPDX-License-Identifier: GPL-2.0-or-later
"""Zero rows: a silent stall, or an honest nothing."""

from ..due import FAILURES, LAG, STALE, at_most, ended, incidents_at_most, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, WEEK, at
from . import situation


def closed_at_weekend(t):
    """From Friday 21:00 to Sunday 21:00."""
    return at(4, 21) <= t % WEEK < at(6, 21)


def stall(stage, honest, day=15, hour=None, hours=9, before=None):
    """One table's rows stop; honest(t) is the chance of a zero that means nothing. Returns when, and the table."""
    from_t = at(day, stage.rng.randrange(24) if hour is None else hour)
    table = stage.tables[1]

    def rows(name, t):
        if name != table:
            return stage.daily_rows(t)
        return 0 if from_t - MINUTE <= t < from_t + hours * HOUR or stage.rng.random() < honest(t) else stage.daily_rows(t)
    stage.rows = rows
    stage.run(from_t + (hours + 4) * HOUR)
    return from_t, table


def told_within(stage, seconds, honest, **when):
    from_t, table = stall(stage, honest, **when)
    return [nothing(until=from_t), told(STALE, from_t, seconds, table=table), ended(STALE, from_t + 9 * HOUR, 4 * HOUR), incidents_at_most(1)]


@situation()
def stall_without_honest_zeros(stage):
    """A table that always moved and now moves nothing: the second such run is a warning, the third critical."""
    from_t, table = stall(stage, lambda t: 0.0, day=8)
    return [nothing(until=from_t), told(STALE, from_t, 16 * MINUTE, table=table), incidents_at_most(1),
            told(STALE, from_t, 31 * MINUTE, table=table, severity="critical"), ended(STALE, from_t + 9 * HOUR, HOUR)]


@situation(share=0.8)
def stall_with_20_percent_zeros(stage):
    """One honest zero in five hides a stall for three hours at most."""
    return told_within(stage, 3 * HOUR, lambda t: 0.2)


@situation(share=0.8)
def stall_with_40_percent_zeros(stage):
    """Two honest zeros in five hide a stall for six hours at most."""
    return told_within(stage, 6 * HOUR, lambda t: 0.4)


@situation()
def sparse_tables(stage):
    """Honest zeros of 10, 20, 40 and 60 % by chance, for eight weeks."""
    share = dict(zip("abcde", (0.0, 0.1, 0.2, 0.4, 0.6)))
    stage.tables = list(share)
    stage.rows = lambda table, t: 0 if stage.rng.random() < share[table] else stage.daily_rows(t, 2000)
    stage.run(8 * WEEK)
    return [at_most(1), no_critical()]


@situation()
def sparse_table_quieter_at_night(stage):
    """A table with zeros in one run of twenty by day and in half of the runs at night."""
    stage.rows = lambda table, t: 0 if table == stage.tables[1] and stage.rng.random() < (0.5 if t % DAY < 7 * HOUR else 0.05) else stage.daily_rows(t)
    stage.run(5 * WEEK)
    return [at_most(1, until=at(14)), nothing(since=at(14))]


@situation()
def table_that_hardly_ever_moves(stage):
    """Nineteen of twenty runs without rows: the row count says nothing about it."""
    stage.rows = lambda table, t: stage.daily_rows(t) if table == stage.tables[0] or stage.rng.random() < 0.05 else 0
    stage.run(4 * WEEK)
    return [nothing()]


@situation()
def rows_never_known(stage):
    """A host on which the count always reads 0, as the documented first cycle does."""
    stage.rows = lambda table, t: 0
    stage.run(2 * WEEK)
    return [nothing()]


@situation()
def rows_unknown_after_a_restart(stage):
    """All tables read 0 from a restart on: the count may be read otherwise now, but a person must look. One incident."""
    stage.run(at(9, 10, 5))
    stage.restart()
    stage.rows = lambda table, t: 0
    stage.run(at(10))
    return [nothing(until=at(9, 10)), told(STALE, at(9, 10, 5), HOUR), incidents_at_most(1)]


@situation()
def stall_on_a_tuesday_after_closures(stage):
    """A table that is closed at weekends and stalls on a Tuesday is told within two hours without any witness."""
    # Critical would need one: nothing in the log tells a bank holiday, which must cost a warning at most, from a stall.
    from_t, table = stall(stage, lambda t: 1.0 if closed_at_weekend(t) else 0.0, day=29, hour=10)
    return [at_most(1, until=from_t), nothing(since=at(7), until=from_t), told(STALE, from_t, 2 * HOUR, table=table),
            ended(STALE, from_t + 9 * HOUR, HOUR)]


@situation()
def stall_on_a_monday_after_one_closure(stage):
    """A closure seen once is no habit: after the first weekend a stall on Monday is told within two hours."""
    from_t, table = stall(stage, lambda t: 1.0 if closed_at_weekend(t) else 0.0, day=7, hour=11)
    return [at_most(1, until=from_t), told(STALE, from_t, 2 * HOUR, table=table), ended(STALE, from_t + 9 * HOUR, HOUR)]


@situation()
def stall_by_day_after_quiet_nights(stage):
    """Nights without rows excuse no morning without rows."""
    from_t, table = stall(stage, lambda t: 1.0 if t % DAY < 6 * HOUR else 0.0, day=22, hour=9)
    return [nothing(since=at(14), until=from_t), told(STALE, from_t, 2 * HOUR, table=table)]


@situation()
def stall_in_the_week_after_a_bank_holiday(stage):
    """A Monday closed once is no habit either: a stall on the Monday after is told within two hours of trading."""
    closed = lambda t: closed_at_weekend(t) or at(20, 21) <= t < at(21, 21)
    from_t, table = stall(stage, lambda t: 1.0 if closed(t) else 0.0, day=28, hour=10)
    return [nothing(since=at(22), until=from_t), told(STALE, from_t, 2 * HOUR, table=table)]


@situation()
def market_that_does_not_open(stage):
    """A market began at 06:00 each day for four weeks; today nothing comes: told within three hours of trading."""
    opening = at(29, 6)
    trades = lambda t: 6 <= t % DAY / HOUR < 22
    stage.rows = lambda table, t: stage.daily_rows(t) if table == stage.tables[0] or (trades(t) and t < opening - HOUR) else 0
    stage.run(opening + 6 * HOUR)
    return [nothing(since=at(14), until=opening), told(STALE, opening, 3 * HOUR, table=stage.tables[1])]


@situation()
def stall_of_all_tables(stage):
    """Four tables that stall together are one incident."""
    from_t = at(8, stage.rng.randrange(24))
    stage.tables = list("abcd")
    stage.rows = lambda table, t: 0 if from_t - MINUTE <= t < from_t + 4 * HOUR else stage.daily_rows(t)
    stage.run(from_t + 6 * HOUR)
    return [told(STALE, from_t, 16 * MINUTE), told(STALE, from_t, 31 * MINUTE, severity="critical"), incidents_at_most(1, STALE),
            ended(STALE, from_t + 4 * HOUR, HOUR)]


@situation()
def second_stall_of_a_table(stage):
    """A stall that was told is not learnt as honest: the next one is told as soon."""
    stalls = [at(9, 10), at(10, 10), at(12, 16)]
    stage.rows = lambda table, t: 0 if any(s - MINUTE <= t < s + 3 * HOUR for s in stalls) else stage.daily_rows(t)
    stage.run(at(13))
    return [told(STALE, s, 31 * MINUTE) for s in stalls] + [nothing(until=stalls[0])]


@situation()
def zeros_of_one_run(stage):
    """One run without rows, four times in two weeks, behind a burst of cycles or a quiet minute."""
    runs = [at(d, stage.rng.randrange(24), 30) for d in (2, 6, 9, 13)]
    stage.rows = lambda table, t: 0 if any(abs(t - r) < 5 * MINUTE for r in runs) else stage.daily_rows(t)
    stage.run(at(14))
    return [nothing()]


@situation()
def stall_is_no_failure(stage):
    """While rows stall the runs succeed: neither lag nor failures are said."""
    stall(stage, lambda t: 0.0, day=8)
    return [at_most(0, LAG), at_most(0, FAILURES)]
