# SPDX-License-Identifier: GPL-2.0-or-later
"""What is new for good becomes normal within thirty hours, and blinds nobody for what comes after."""

from ..due import LAG, SLOW, THROUGHPUT, at_most, ended, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, WEEK, at
from . import situation

THIRTY_HOURS = 30 * HOUR


def steps(stage, *levels):
    """Cycles of so many seconds from those times on: (time, seconds)..."""
    stage.cycle_seconds(lambda t: [seconds for since, seconds in levels if t >= since][-1])


@situation()
def level_shift_up(stage):
    """Four times as slow for good is one warning, and ends by itself when it has become normal."""
    shift = at(7, stage.rng.randrange(24))
    steps(stage, (0, 40), (shift, 160))
    stage.run(shift + WEEK)
    return [told(SLOW, shift, HOUR), at_most(1), no_critical(), ended(SLOW, shift, THIRTY_HOURS), nothing(since=shift + THIRTY_HOURS)]


@situation()
def level_shift_up_to_280(stage):
    """Seven times as slow, close below 300 s: the same, if no cycle crosses 300 s."""
    shift = at(8, 10)
    stage.cycle_seconds(lambda t: 250 if t >= shift else 40, sigma=0.03)
    stage.run(shift + 5 * DAY)
    return [told(SLOW, shift, HOUR), at_most(1), no_critical(), ended(SLOW, shift, THIRTY_HOURS)]


@situation()
def level_shift_down(stage):
    """Faster is no news, and neither are fewer seconds a reason to doubt anything."""
    steps(stage, (0, 160), (at(7, 3), 40))
    stage.run(at(14))
    return [nothing()]


@situation()
def level_shift_in_two_steps(stage):
    """Two deployments that each slow the cycles down: one warning each, and each ends by itself."""
    steps(stage, (0, 40), (at(7, 9), 100), (at(11, 9), 220))
    stage.run(at(15))
    return [at_most(2), no_critical(), ended(SLOW, at(7, 9), THIRTY_HOURS), ended(SLOW, at(11, 9), THIRTY_HOURS)]


@situation()
def level_shift_for_a_week(stage):
    """Slower for a week, well for a week, slower again: at most one warning each time."""
    steps(stage, (0, 40), (at(7, 9), 160), (at(14, 9), 40), (at(21, 9), 160))
    stage.run(at(24))
    return [at_most(2), no_critical(), ended(SLOW, at(7, 9), THIRTY_HOURS), ended(SLOW, at(21, 9), THIRTY_HOURS)]


@situation()
def slow_drift_of_weeks(stage):
    """Twice as slow after three weeks is growth, which the history shows: nobody has to get up."""
    stage.cycle_seconds(lambda t: 40 * 2 ** (t / (3 * WEEK)))
    stage.run(3 * WEEK)
    return [at_most(1), no_critical()]


@situation()
def too_slow_after_a_level_shift(stage):
    """A cycle beyond 300 s is told although the slower level before it once opened an incident."""
    slow = at(9, stage.rng.randrange(24))
    steps(stage, (0, 40), (at(7), 160), (slow, 480), (slow + 2 * HOUR, 160))
    stage.run(slow + 12 * HOUR)
    return [told(SLOW, slow, 22 * MINUTE), no_critical(), ended(SLOW, slow + 2 * HOUR, 6 * HOUR)]


@situation()
def too_slow_within_the_day_of_a_level_shift(stage):
    """The same while the incident of the level is still open."""
    steps(stage, (0, 40), (at(7), 160), (at(7, 10), 480), (at(7, 13), 160))
    stage.run(at(9))
    return [told(SLOW, at(7, 10), 21 * MINUTE), no_critical(), ended(SLOW, at(7, 13), THIRTY_HOURS)]


@situation()
def lag_after_a_level_shift(stage):
    """A table that is no longer run is lag, whatever opened days before."""
    gone = at(9, stage.rng.randrange(24))
    stage.tables = ["a", "b", "c", "d"]
    stage.announced = 4
    steps(stage, (0, 40), (at(7), 160))
    stage.runs = lambda tables, t: [x for x in tables if x != "d" or t < gone - MINUTE]
    stage.run(gone + 3 * HOUR)
    return [told(LAG, gone, 25 * MINUTE, table="d"), told(LAG, gone, 35 * MINUTE, table="d", severity="critical")]


@situation()
def lag_within_the_day_of_a_level_shift(stage):
    """An unusual but not too slow cycle explains no lag."""
    gone = at(7, 8)
    stage.tables = ["a", "b", "c", "d"]
    stage.announced = 4
    steps(stage, (0, 40), (at(7), 160))
    stage.runs = lambda tables, t: [x for x in tables if x != "d" or t < gone - MINUTE]
    stage.run(gone + 3 * HOUR)
    return [told(LAG, gone, 25 * MINUTE, table="d"), told(LAG, gone, 35 * MINUTE, table="d", severity="critical")]


@situation(share=0.8)
def slow_after_a_faster_level(stage):
    """Two weeks after a deployment that made the cycles four times faster, the old length is news again."""
    slow = at(22, stage.rng.randrange(24))
    steps(stage, (0, 160), (at(7), 40), (slow, 160))
    stage.run(slow + 3 * HOUR)
    return [told(SLOW, slow, HOUR), nothing(until=slow)]


@situation()
def rows_up_for_good(stage):
    """Ten times the rows for good, at the same speed, is success."""
    stage.rows = lambda table, t: stage.daily_rows(t) * (10 if t >= at(8, 11) else 1)
    stage.run(at(14))
    return [nothing()]


@situation()
def rows_down_for_good(stage):
    """A source that sends an eighth of its rows from now on is one warning, and normal after a day."""
    shift = at(9, 11)
    stage.rows = lambda table, t: stage.daily_rows(t) / (8 if t >= shift and table == stage.tables[1] else 1)
    stage.run(shift + 4 * DAY)
    return [told(THROUGHPUT, shift, 6 * HOUR, table=stage.tables[1]), at_most(1), no_critical(),
            ended(THROUGHPUT, shift, THIRTY_HOURS), nothing(since=shift + THIRTY_HOURS, alert=SLOW + (THROUGHPUT,))]


@situation()
def stall_after_rows_fell_for_good(stage):
    """A stall is told on the lower level as on the higher."""
    shift, stall = at(9, 11), at(13, 15)
    stage.rows = lambda table, t: 0 if t >= stall else stage.daily_rows(t) / (8 if t >= shift else 1)
    stage.run(stall + 3 * HOUR)
    return [told("WatermarkStale", stall, 31 * MINUTE), told("WatermarkStale", stall, 46 * MINUTE, severity="critical")]


@situation()
def failures_after_a_level_shift(stage):
    """Failures have nothing to do with the slower level: two in a row are critical."""
    fail = at(7, 12)
    steps(stage, (0, 40), (at(7), 160))
    stage.fate = lambda table, t: (1, None, "java.lang.IllegalStateException: bad page header") if t >= fail - MINUTE and table == stage.tables[0] else None
    stage.run(fail + 2 * HOUR)
    return [told("ConsecutiveFailures", fail, 22 * MINUTE, table=stage.tables[0], severity="critical")]
