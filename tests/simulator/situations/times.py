# SPDX-License-Identifier: GPL-2.0-or-later
"""Cadences, clocks and gaps: what looks late and is not."""

from ..due import DOWN, FAILURES, LAG, at_most, ended, incidents_at_most, never_says, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from ..voice import OUT_OF_MEMORY
from . import situation

CADENCES = (5, 6, 10, 12, 15, 20, 30, 45, 60)


def cadence(minutes, banners, promises):
    def play(stage):
        stage.minutes, stage.banners, stage.promises = minutes, banners, promises
        stage.run(at(8))
        return [nothing()]
    return play


for each in CADENCES:
    situation(name=f"cadence_{each:02d}", why=f"A healthy log at {each} minutes.")(cadence(each, True, True))
    situation(name=f"cadence_{each:02d}_without_banner", why="The banner was rotated away; the promises tell the interval.")(
        cadence(each, False, True))
    situation(name=f"cadence_{each:02d}_without_banner_or_promises", why="Only the cycles tell the interval.")(cadence(each, False, False))


@situation()
def failures_at_cadence_60_without_banner(stage):
    """A table that fails each hour is told at its second failure, whoever says the interval."""
    when = at(5, stage.rng.randrange(24))
    stage.minutes, stage.banners = 60, False
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == stage.tables[1] and when - MINUTE < t < when + 5 * HOUR else None
    stage.run(when + 9 * HOUR)
    return [nothing(until=when), told(FAILURES, when, 61 * MINUTE, table=stage.tables[1]), ended(FAILURES, when + 5 * HOUR, HOUR),
            at_most(0, LAG)]


@situation()
def stopped_at_cadence_60_without_banner(stage):
    """Killed an hour's promise before: late at 60 s, critical at 120 s."""
    stage.minutes, stage.banners = 60, False
    stage.run(at(5, stage.rng.randrange(23), 20))
    stage.kill()
    promised = stage.now + 40 * MINUTE
    stage.away(5 * HOUR)
    return [nothing(until=promised + 55), told(DOWN, promised, 62), told(DOWN, promised, 122, severity="critical")]


def change(first, second, how, banners=True):
    def play(stage):
        stage.minutes, stage.banners = first, banners
        stage.run(at(4, stage.rng.randrange(24), 47))
        if how == "kill":
            stage.kill()
            stage.away(31)
        else:
            stage.restart()
        stage.minutes = second
        stage.rows = lambda table, t: stage.daily_rows(t, level=50_000 * second / first)     # the source goes on as it did
        stage.run(at(8))
        return [nothing()]
    return play


for one, other, manner in ((15, 60, "restart"), (60, 5, "kill"), (60, 5, "restart"), (5, 30, "restart"), (30, 5, "kill"), (15, 30, "kill")):
    situation(name=f"cadence_{one:02d}_becomes_{other:02d}_by_{manner}", why="A new cadence says itself in the banner.")(
        change(one, other, manner))
for one, other in ((15, 60), (60, 15), (5, 30)):
    situation(name=f"cadence_{one:02d}_becomes_{other:02d}_without_banner", why="A new cadence of which only the promises tell.")(
        change(one, other, "restart", banners=False))


@situation()
def log_begins_in_mid_life(stage):
    """The log was rotated in a cycle: the first line belongs to a run that is not there."""
    stage.cycle_seconds(lambda t: 40)
    stage.run(at(2, 10) + 15)
    stage.forget()
    stage.run(at(6))
    return [nothing()]


def zone_change(minutes, seconds):
    def play(stage):
        stage.minutes = minutes
        stage.cycle_seconds(lambda t: seconds)
        stage.run(at(10))
        return [nothing()]
    return play


for each in (5, 15, 30, 60):
    situation(zone="Europe/Berlin", monday="2026-03-23 00:00:00", name=f"summer_time_begins_at_cadence_{each:02d}",
              why="An hour of the log's clock is missing on Sunday 2026-03-29.")(zone_change(each, 40))
    situation(zone="Europe/Berlin", monday="2026-10-19 00:00:00", name=f"summer_time_ends_at_cadence_{each:02d}",
              why="An hour of the log's clock comes twice on Sunday 2026-10-25.")(zone_change(each, 40))


for place, first, what in (("Australia/Lord_Howe", "2026-03-30", "summer time of half an hour ends on Sunday 2026-04-05"),
                           ("Australia/Sydney", "2026-09-28", "summer time begins on Sunday 2026-10-04"),
                           ("America/New_York", "2026-03-02", "summer time begins on Sunday 2026-03-08"),
                           ("Asia/Kathmandu", "2026-06-01", "local time is 5:45 ahead, all year"),
                           ("UTC", "2026-12-28", "a year ends"),
                           ("UTC", "2028-02-28", "February has 29 days")):
    for each in (15, 60):
        situation(zone=place, monday=f"{first} 00:00:00", name=f"calendar_{place.split('/')[-1].lower()}_{first[:4]}_at_cadence_{each}",
                  why=f"In {place} {what}.")(zone_change(each, 40))


@situation(zone="America/New_York", monday="2026-10-26 00:00:00")
def summer_time_ends_while_a_table_fails(stage):
    """Failures across the hour that comes twice are told in time (06:00 UTC on Sunday 2026-11-01)."""
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == stage.tables[0] and at(6, 5, 40) < t < at(6, 9) else None
    stage.run(at(7))
    return [nothing(until=at(6, 5, 40)), told(FAILURES, at(6, 5, 45), 17 * MINUTE, severity="critical"), incidents_at_most(1),
            ended(FAILURES, at(6, 9), HOUR)]


@situation(zone="Europe/Berlin", monday="2026-10-19 00:00:00")
def nightly_batch_over_the_end_of_summer_time(stage):
    """A batch at 02:00 local time comes an hour later in UTC from then on: one more word at most."""
    offset = lambda t: 2 if t < at(6, 1) else 1
    stage.cycle_seconds(lambda t: 160 if 2 <= (t / HOUR + offset(t)) % 24 < 3 else 40)
    stage.run(at(20))
    return [at_most(3), nothing(since=at(9))]


def step(seconds, count=1):
    def play(stage):
        for i in range(count):
            stage.run(at(4 + i, stage.rng.randrange(24)) + stage.rng.uniform(60, 3500))
            stage.stamp_shift += seconds
        stage.run(at(8))
        return [nothing()]
    return play


for each, words in ((3, "3 s forward"), (-3, "3 s back"), (40, "40 s forward"), (-40, "40 s back"), (-900, "a quarter of an hour back"),
                    (-7200, "two hours back")):
    situation(name="clock_steps_" + words.replace(" ", "_").replace("_s_", "s_"), why=f"Somebody sets the host's clock: {words}.")(step(each))


@situation()
def cycles_start_late(stage):
    """A busy host that starts each cycle up to 50 s behind its promise."""
    stage.late = lambda t: stage.rng.uniform(0, 50)
    stage.run(at(9))
    return [nothing()]


@situation()
def bursts_at_the_slot(stage):
    """Cycles of a tenth of a second that begin a second early run again at once, without new rows: one attempt, no stall."""
    last = {}

    def rows(table, t):
        again = t - last.get(table, -HOUR) < 60
        last[table] = t
        return 0 if again else stage.daily_rows(t)
    stage.seconds, stage.rows = lambda table, t: 0.05, rows
    stage.late = lambda t: -0.5
    stage.run(at(9))
    return [nothing()]


@situation()
def clock_that_runs_fast(stage):
    """A clock that gains half a second an hour and is set right each night."""
    for day in range(8):
        for hour in range(24):
            stage.run(at(day, hour, 30))
            stage.stamp_shift += 0.5
        stage.stamp_shift = 0.0
    return [nothing()]


@situation()
def one_wrong_stamp(stage):
    """One record of a logger that read the clock in a bad moment: ten days ahead, or last year."""
    stage.run(at(4, 10, 5))
    shift, stage.stamp_shift = stage.stamp_shift, stage.rng.choice((10 * DAY, -400 * DAY, 3 * HOUR))
    stage.run(stage.now + 0.001)
    stage.voice.say("Configuration reloaded")
    stage.stamp_shift = shift
    stage.run(at(8))
    return [nothing()]


@situation()
def old_log_appended(stage):
    """Somebody appends last week's log to the live one: history, which moves nothing."""
    stage.run(at(3))
    old = stage.text()
    stage.run(at(9, 10, 5))
    stage.raw(old)
    stage.run(at(11))
    return [nothing()]


@situation()
def gap_in_the_log(stage):
    """Two hours of lines were lost, the scheduler ran on: silence is told as such, and is over with the next line."""
    when = at(5, stage.rng.randrange(24), 5)
    stage.run(when)
    kept = len(stage.out)
    stage.run(when + 2 * HOUR)
    del stage.out[kept:]
    stage.run(when + DAY)
    return [incidents_at_most(1), at_most(2), ended(DOWN, when + 2 * HOUR, 20 * MINUTE), nothing(since=when + 2 * HOUR + 20 * MINUTE)]


@situation()
def host_asleep_each_night(stage):
    """A laptop that sleeps from 01:00 to 07:00: no more than one incident a night."""
    for day in range(1, 8):
        stage.run(at(day, 1, 2))
        stage.away(6 * HOUR)
        stage._due = max(stage._due, stage.now)
    stage.run(at(8))
    return [incidents_at_most(7), at_most(14), never_says("hangs")]


@situation()
def lines_of_a_gap_in_a_cycle(stage):
    """The log was full for a minute, in the midst of a cycle: a cycle without an end and one without a beginning."""
    stage.cycle_seconds(lambda t: 40)
    stage.run(at(5, 10) + 25)
    kept = len(stage.out)
    stage.run(at(5, 10, 15) + 25)
    del stage.out[kept:]
    stage.run(at(7))
    return [at_most(3), incidents_at_most(1), ended(DOWN, at(5, 10), HOUR), nothing(since=at(5, 11))]
