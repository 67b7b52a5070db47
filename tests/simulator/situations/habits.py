# SPDX-License-Identifier: GPL-2.0-or-later
"""Harmless patterns: what recurs at its hour is learnt, and no news after two weeks."""

from ..due import SLOW, STALE, THROUGHPUT, at_most, habit, incidents_at_most, no_critical, nothing
from ..stage import DAY, HOUR, WEEK, at
from . import situation

FOUR_WEEKS, FIVE_WEEKS = 4 * WEEK, 5 * WEEK


def hour(t):
    return t % DAY / HOUR


def weekday(t):
    return int(t // DAY) % 7


def between(t, first, last):
    """Whether the time of day lies in [first, last), which may pass midnight."""
    return first <= hour(t) < last if first < last else hour(t) >= first or hour(t) < last


def slow_at(stage, is_slow, factor=4.0, usual=40.0, until=FOUR_WEEKS):
    stage.cycle_seconds(lambda t: usual * factor if is_slow(t) else usual)
    stage.run(until)


@situation()
def daily_batch_hour(stage):
    """A batch hour each night is a habit: the page is for what nobody expects."""
    first = stage.rng.randrange(1, 5)
    slow_at(stage, lambda t: between(t, first, first + 1))
    return habit()


@situation()
def daily_batch_of_uneven_beginning(stage):
    """A batch that starts when another job ends is the same habit, up to an hour earlier or later."""
    begins = [stage.rng.uniform(1.4, 2.6) for _ in range(40)]
    slow_at(stage, lambda t: begins[int(t // DAY)] <= hour(t) < begins[int(t // DAY)] + 1.5)
    return habit()


@situation()
def daily_batch_of_six_hours(stage):
    """Compaction from 22:00 to 04:00 triples the cycles each night."""
    slow_at(stage, lambda t: between(t, 22, 4), 3.0)
    return habit()


@situation()
def daily_batch_that_grows(stage):
    """The nightly batch grows by half within four weeks, with its data: still the same habit."""
    stage.cycle_seconds(lambda t: 40 * (3 + 1.5 * t / FOUR_WEEKS) if between(t, 2, 4) else 40)
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def daily_batch_of_uneven_length(stage):
    """The batch takes two to five times as long, by the day's amount of data."""
    by_day = [stage.rng.uniform(2.5, 5.0) for _ in range(40)]
    stage.cycle_seconds(lambda t: 40 * by_day[int(t // DAY)] if between(t, 3, 4.5) else 40)
    stage.run(FOUR_WEEKS)
    return [at_most(3, until=at(14)), at_most(1, since=at(14)), no_critical()]


@situation()
def two_batches_a_day(stage):
    """Batches at 02:00 and at 13:00 are two habits; learning both may cost a word each."""
    slow_at(stage, lambda t: between(t, 2, 3) or between(t, 13, 14))
    return [at_most(4, until=at(14)), nothing(since=at(14))]


@situation()
def one_slow_cycle_a_day(stage):
    """One slow cycle at 06:00 each day is a hiccup that nobody needs to know of."""
    slow_at(stage, lambda t: between(t, 6, 6.2), 5.0)
    return habit(times=0)


@situation()
def daily_swing_of_one_to_four(stage):
    """Cycles of 30 s at night and 120 s at noon are the day's load."""
    stage.cycle_seconds(lambda t: 40 * (stage.daily_rows(t, 1.0, 4.0, 0.0)) * 1.5)
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def batch_on_workdays(stage):
    """The batch of Monday to Friday is still known on the Monday after a weekend."""
    slow_at(stage, lambda t: between(t, 2, 3) and weekday(t) < 5)
    return habit()


@situation()
def weekly_batch(stage):
    """Maintenance of the tables on Sunday from 03:00 to 05:00 is known after two Sundays."""
    slow_at(stage, lambda t: between(t, 3, 5) and weekday(t) == 6, until=FIVE_WEEKS)
    return [at_most(2, until=3 * WEEK), nothing(since=3 * WEEK)]


@situation()
def busy_monday_morning(stage):
    """Each Monday from 06:00 to 09:00 the cycles take three times as long: known after two Mondays."""
    slow_at(stage, lambda t: between(t, 6, 9) and weekday(t) == 0, 3.0, until=FIVE_WEEKS)
    return [at_most(2, until=15 * DAY), nothing(since=15 * DAY)]


@situation()
def month_end(stage):
    """The first day of the month triples the cycles: a word each time, no more, and over with the day."""
    slow_at(stage, lambda t: int(t // DAY) in (12, 40), 3.0, until=6 * WEEK)
    return [at_most(2), no_critical(), at_most(0, since=at(13, 2), until=at(40))]


@situation()
def bimodal_durations(stage):
    """One cycle in ten, by chance, is a full load of 150 s instead of 40 s: two in a row are chance too."""
    stage.runs = lambda tables, t: choose(stage, tables)
    state = {"slow": False}

    def choose(stage, tables):
        state["slow"] = stage.rng.random() < 0.1
        return tables
    stage.cycle_seconds(lambda t: 150 if state["slow"] else 40)
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def every_second_cycle_is_a_full_load(stage):
    """Full and incremental loads take turns, 120 s and 40 s."""
    slow_at(stage, lambda t: int((t + 60) // 900) % 2 == 0, 3.0, until=2 * WEEK)
    return habit(first=at(7), times=1)


@situation()
def full_load_at_each_full_hour(stage):
    """The cycle at :00 takes 130 s, the other three 40 s."""
    slow_at(stage, lambda t: (t + 60) % HOUR < 600, 3.25, until=2 * WEEK)
    return habit(first=at(7), times=1)


@situation()
def quiet_nights(stage):
    """A market that closes from 00:00 to 06:00 has no rows then: a closed night seen twice is a habit."""
    stage.rows = lambda table, t: 0 if between(t, 0, 6) else stage.daily_rows(t)
    stage.run(FOUR_WEEKS)
    return habit(STALE) + [nothing(since=at(14))]


@situation()
def quiet_nights_of_one_table(stage):
    """The same for one table of three, from 22:00 to 05:00."""
    stage.tables = ["a", "b", "c"]
    stage.rows = lambda table, t: 0 if table == "b" and between(t, 22, 5) else stage.daily_rows(t)
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def market_hours(stage):
    """An exchange that trades from 14:30 to 21:00 on workdays has rows only then."""
    trades = lambda t: between(t, 14.5, 21) and weekday(t) < 5
    stage.rows = lambda table, t: stage.daily_rows(t) if table != stage.tables[1] or trades(t) else 0
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def rows_swing_of_one_to_ten(stage):
    """A tenth of the rows at night is the market's day."""
    stage.rows = lambda table, t: stage.daily_rows(t, ratio=10.0)
    stage.run(FOUR_WEEKS)
    return habit()


@situation()
def lunch_dip(stage):
    """From 12:00 to 13:00 on workdays an eighth of the rows comes."""
    dips = lambda t: between(t, 12, 13) and weekday(t) < 5
    stage.rows = lambda table, t: stage.daily_rows(t) / (8 if dips(t) else 1)
    stage.run(FOUR_WEEKS)
    return habit(THROUGHPUT) + [nothing(since=at(14))]


@situation()
def quiet_weekends(stage):
    """A tenth of the rows at weekends: a word on each of the first two, none after."""
    stage.rows = lambda table, t: stage.daily_rows(t) / (10 if weekday(t) >= 5 else 1)
    stage.run(FIVE_WEEKS)
    return [at_most(2, until=at(14)), nothing(since=at(14)), no_critical()]


@situation()
def weekend_closure(stage):
    """A table that is closed from Friday 21:00 to Sunday 21:00 costs one warning, once: within its first week a silence cannot be known for a stall."""
    closed = lambda t: weekday(t) == 5 or (weekday(t) == 4 and hour(t) >= 21) or (weekday(t) == 6 and hour(t) < 21)
    stage.rows = lambda table, t: 0 if table == stage.tables[1] and closed(t) else stage.daily_rows(t)
    stage.run(FIVE_WEEKS)
    return [at_most(1), no_critical(), nothing(since=at(7))]


@situation()
def weekend_closure_of_six_tables(stage):
    """Six tables that close together are one habit, not six; a second word may name more of them."""
    stage.tables = list("abcdefgh")
    closed = lambda t: weekday(t) == 5 or (weekday(t) == 4 and hour(t) >= 21) or (weekday(t) == 6 and hour(t) < 21)
    stage.rows = lambda table, t: 0 if table in "abcdef" and closed(t + 60) else stage.daily_rows(t)
    stage.run(FOUR_WEEKS)
    return [incidents_at_most(1), at_most(2), no_critical(), nothing(since=at(7))]


@situation()
def bank_holiday(stage):
    """After four usual weekends the market stays closed on Monday too: one incident, which ends with the first rows."""
    closed = lambda t: weekday(t) == 5 or (weekday(t) == 4 and hour(t) >= 21) or (weekday(t) == 6 and hour(t) < 21)
    holiday = lambda t: at(27, 21) <= t < at(28, 21)
    stage.rows = lambda table, t: 0 if table == stage.tables[1] and (closed(t) or holiday(t)) else stage.daily_rows(t)
    stage.run(FIVE_WEEKS)
    return [at_most(0, since=at(7), until=at(27, 21)), at_most(1, since=at(27, 21), severity="warning"),
            at_most(1, since=at(27, 21), severity="critical"), nothing(since=at(28, 22), alert=SLOW + (STALE, THROUGHPUT))]
