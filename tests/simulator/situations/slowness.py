# SPDX-License-Identifier: GPL-2.0-or-later
"""Slow cycles: how soon they are told, and what is a hiccup."""

from ..due import ANY, SLOW, a_day_at_most, at_most, ended, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from . import situation


def slower(stage, factor, usual=lambda t: 40.0, hours=3, day=15, tables=2):
    """The cycles take `factor` times as long for some hours; returns when that begins."""
    from_t = at(day, stage.rng.randrange(24), stage.rng.choice((0, 15, 30, 45)))
    stage.tables = stage.tables[:tables]
    stage.cycle_seconds(lambda t: usual(t) * (factor if from_t - MINUTE <= t < from_t + hours * HOUR else 1))
    stage.run(from_t + (hours + 4) * HOUR)
    return from_t


def told_within(from_t, seconds, hours=3):
    return [nothing(until=from_t - MINUTE), told(SLOW, from_t, seconds), ended(SLOW, from_t + hours * HOUR, 4 * HOUR), at_most(2)]


@situation(share=0.8)
def cycles_times_2(stage):
    """Twice as slow as ever, at 40 s: told within the hour."""
    return told_within(slower(stage, 2.0), HOUR)


@situation(share=0.8)
def cycles_times_3(stage):
    """Three times as slow as ever, at 40 s: told within the hour."""
    return told_within(slower(stage, 3.0), HOUR)


@situation(share=0.8)
def cycles_times_3_in_a_daily_swing(stage):
    """Three times what this hour takes, though not more than noon takes: told within the hour."""
    curve = lambda t: 30 * stage.daily_rows(t, 2.0, 4.0, 0.0)
    return told_within(slower(stage, 3.0, curve), HOUR)


@situation(share=0.8)
def cycles_times_3_of_one_table(stage):
    """One table of three takes seven times as long, so the cycle three times."""
    from_t = at(15, stage.rng.randrange(24))
    stage.tables = ["a", "b", "c"]
    stage.seconds = lambda table, t: 13 * stage.spread(0.12) * (7 if table == "b" and from_t - MINUTE <= t < from_t + 3 * HOUR else 1)
    stage.run(from_t + 6 * HOUR)
    return told_within(from_t, HOUR)


@situation(share=0.8)
def batch_at_night_three_times_as_long(stage):
    """The nightly batch of 120 s takes 360 s tonight: beyond 300 s it is told whatever the habit."""
    night = at(16, 2)
    stage.cycle_seconds(lambda t: (120 if 2 * HOUR - MINUTE <= t % DAY < 4 * HOUR else 40) * (3 if night - MINUTE <= t < night + 2 * HOUR else 1), sigma=0.05)
    stage.run(night + 8 * HOUR)
    return [told(SLOW, night, 6 * MINUTE), ended(SLOW, night + 2 * HOUR, 2 * HOUR)]


@situation(share=0.8)
def daytime_as_slow_as_the_batch(stage):
    """What is usual at 02:00 is not at 14:00."""
    from_t = at(16, 14)
    stage.cycle_seconds(lambda t: 160 if 2 <= t % DAY / HOUR < 3 or from_t - MINUTE <= t < from_t + 3 * HOUR else 40)
    stage.run(from_t + 7 * HOUR)
    return [told(SLOW, from_t, HOUR), ended(SLOW, from_t + 3 * HOUR, 4 * HOUR)]


@situation()
def cycles_times_2_below_the_floor(stage):
    """From 20 s to 40 s is below detect.slow_floor: nobody waits for it."""
    slower(stage, 2.0, lambda t: 20.0)
    return [nothing()]


@situation()
def one_hiccup(stage):
    """One cycle of 200 s among those of 40 s, now and then, is a hiccup."""
    hiccups = [at(d, stage.rng.randrange(24), 15) for d in (3, 5, 9, 12)]
    stage.cycle_seconds(lambda t: 200 if any(h - MINUTE <= t < h + 600 for h in hiccups) else 40)
    stage.run(at(14))
    return [nothing()]


@situation()
def one_hiccup_beyond_300(stage):
    """One cycle of 320 s is a warning at 300 s, over with the next cycle."""
    hiccup = at(9, stage.rng.randrange(24), 15)
    stage.cycle_seconds(lambda t: 330 if hiccup - MINUTE <= t < hiccup + 600 else 40, sigma=0.03)
    stage.run(at(11))
    return [told(SLOW, hiccup, 302), at_most(1), ended(SLOW, hiccup, 17 * MINUTE)]


@situation()
def cycles_of_400(stage):
    """Beyond 300 s it is told while the cycle runs; below 600 s it is a warning."""
    from_t = at(9, stage.rng.randrange(24))
    stage.cycle_seconds(lambda t: 400 if from_t - MINUTE <= t < from_t + 3 * HOUR else 40, sigma=0.03)
    stage.run(from_t + 5 * HOUR)
    return [told(SLOW, from_t, 302), at_most(1), no_critical(), ended(SLOW, from_t + 3 * HOUR, HOUR)]


@situation()
def cycles_of_1200(stage):
    """Beyond 600 s it is critical, and lag is its symptom, not a page of its own."""
    from_t = at(9, stage.rng.randrange(24))
    stage.tables = list("abcdefgh")
    stage.cycle_seconds(lambda t: 1200 if from_t - MINUTE <= t < from_t + 3 * HOUR else 40, sigma=0.03)
    stage.run(from_t + 6 * HOUR)
    return [told(SLOW, from_t, 302), told(SLOW, from_t, 602, severity="critical"), at_most(2), ended(SLOW, from_t + 3 * HOUR, 2 * HOUR)]


@situation()
def hovering_at_300_for_a_day(stage):
    """Cycles of 280 to 320 s for a day: told at once, and not at each crossing."""
    from_t = at(9, 6)
    stage.cycle_seconds(lambda t: stage.rng.uniform(280, 320) if from_t - MINUTE <= t < from_t + DAY else 40, sigma=0.0)
    stage.run(from_t + 2 * DAY)
    return [told(SLOW, from_t, HOUR), a_day_at_most(12, SLOW), no_critical(), ended(SLOW, from_t + DAY, 3 * HOUR)]


@situation()
def hovering_at_300_for_good(stage):
    """A level at the threshold is flapping from the fourth opening on: at most 12 notifications a day."""
    stage.cycle_seconds(lambda t: stage.rng.uniform(280, 320), sigma=0.0)
    stage.run(at(10))
    return [told(SLOW, 0, 2 * HOUR), a_day_at_most(12, ANY), no_critical()]


@situation()
def hovering_at_60(stage):
    """Cycles around detect.slow_floor are short, whatever their median."""
    stage.cycle_seconds(lambda t: stage.rng.uniform(52, 70), sigma=0.0)
    stage.run(at(14))
    return [nothing()]


@situation()
def drift_within_a_day(stage):
    """From 10 s to 400 s within a day is told before the first cycle of 300 s."""
    from_t = at(9, stage.rng.randrange(24))
    stage.cycle_seconds(lambda t: 10 * 40 ** min(1.0, max(0.0, (t - from_t) / DAY)), sigma=0.03)
    stage.run(from_t + 28 * HOUR)
    return [nothing(until=from_t), told(SLOW, from_t, 22 * HOUR), no_critical()]


@situation()
def backlog_after_an_outage(stage):
    """The first cycle after two hours of maintenance catches up for 250 s: no news beside the stop."""
    stage.cycle_seconds(lambda t: 250 if at(9, 12) <= t < at(9, 12, 10) else 40)
    stage.run(at(9, 10, 5))
    stage.stop()
    stage.away(2 * HOUR)
    stage.run(at(10))
    return [at_most(0, SLOW), told("SchedulerDown", at(9, 10), 20 * MINUTE)]


@situation()
def backfill_that_slows_the_cycles(stage):
    """A backfill of eight hours with cycles of 200 s is one warning, over with it."""
    from_t = at(9, 8)
    filling = lambda t: from_t - MINUTE <= t < from_t + 8 * HOUR
    stage.cycle_seconds(lambda t: 200 if filling(t) else 40)
    stage.rows = lambda table, t: stage.daily_rows(t) * (10 if filling(t) else 1)
    stage.run(from_t + 2 * DAY)
    return [at_most(1), no_critical(), ended(SLOW, from_t + 8 * HOUR, 4 * HOUR)]


@situation()
def cycles_longer_than_the_interval(stage):
    """At a cadence of 5 minutes, cycles of 400 s for three hours: told at 300 s, one incident."""
    from_t = at(4, stage.rng.randrange(24))
    stage.minutes = 5
    stage.cycle_seconds(lambda t: 400 if from_t - MINUTE <= t < from_t + 3 * HOUR else 40, sigma=0.03)
    stage.run(from_t + 6 * HOUR)
    return [told(SLOW, from_t, 303), at_most(2), ended(ANY, from_t + 3 * HOUR, 2 * HOUR)]


@situation()
def twelve_tables_slow(stage):
    """All of twelve tables three times as slow is one incident."""
    stage.tables = list("abcdefghijkl")
    from_t = slower(stage, 3.0, lambda t: 90.0, tables=12)
    return [told(SLOW, from_t, HOUR), at_most(2), no_critical()]
