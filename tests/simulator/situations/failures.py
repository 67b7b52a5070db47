# SPDX-License-Identifier: GPL-2.0-or-later
"""Failures: one, many, in turns, of several causes."""

from ..due import ANY, FAILURES, LAG, RATE, a_day_at_most, apart, at_most, ended, incidents_at_most, named, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from ..voice import CAUSES, CLICKHOUSE_REFUSED, NO_CONTAINER, OUT_OF_MEMORY, POSTGRES_DOWN, WATERMARK_DUPLICATE
from . import situation


def cycle_number(stage, t):
    return int((t + MINUTE) // (stage.minutes * MINUTE))


def flap(stage, pattern, hours=48, day=5, tables=1):
    """A table fails by a pattern such as "FFo", a character a cycle; returns when that begins, and the table."""
    from_t = at(day, stage.rng.randrange(24))
    first = cycle_number(stage, from_t)
    bad = stage.tables[:tables]
    flaps = lambda t: from_t - MINUTE <= t < from_t + hours * HOUR and pattern[(cycle_number(stage, t) - first) % len(pattern)] == "F"
    stage.fate = lambda table, t: OUT_OF_MEMORY if table in bad and flaps(t) else None
    stage.run(from_t + (hours + 6) * HOUR)
    return from_t, bad[0]


def flapping(pattern, minutes=15, tables=1):
    def play(stage):
        stage.minutes, stage.tables = minutes, list("abcd")
        from_t, table = flap(stage, pattern, tables=tables)
        interval = minutes * MINUTE
        streak = "FF" in pattern + pattern[0]
        soon = told(FAILURES, from_t, interval * (pattern + pattern).index("FF") + interval + 30, table=table) if streak \
            else told(ANY, from_t, interval * 5 * len(pattern), table=table)
        kinds = [a_day_at_most(12, kind) for kind in (FAILURES, RATE, LAG)]
        return [nothing(until=from_t), soon, ended(FAILURES, from_t + 48 * HOUR, 2 * HOUR)] + kinds
    return play


for word, rhythm, cadence, count in (("every_second", "Fo", 15, 1), ("two_of_three", "FFo", 15, 1), ("three_of_four", "FFFo", 15, 1),
                                     ("one_of_four", "Fooo", 15, 1), ("two_of_six", "FFoooo", 15, 1), ("hour_by_hour", "FFFFoooo", 15, 1),
                                     ("six_hours_by_six_hours", "F" * 24 + "o" * 24, 15, 1), ("two_of_three_at_cadence_5", "FFFo", 5, 1),
                                     ("every_second_at_cadence_60", "Fo", 60, 1), ("of_three_tables", "FFFo", 5, 3)):
    situation(name=f"flapping_{word}", why=f"A table that fails like {rhythm[:8]} for two days is told, and at most 12 times a day.")(
        flapping(rhythm, cadence, count))


def failing_at_random(stage, share, since=0.0, weeks=4):
    bad = stage.tables[1]
    stage.fate = lambda table, t: stage.rng.choice(CAUSES) if table == bad and t >= since and stage.rng.random() < share else None
    stage.run(at(7 * weeks))
    return bad


@situation()
def one_failure_in_a_thousand(stage):
    """One failure in a thousand runs mends itself with the next run."""
    failing_at_random(stage, 0.001)
    return [nothing()]


@situation(share=0.8)
def one_failure_in_a_hundred(stage):
    """One in a hundred is a failure a day, which the report shows: a page once a fortnight at most."""
    failing_at_random(stage, 0.01)
    return [incidents_at_most(2)]


@situation(share=0.8)
def failures_from_1_to_20_percent(stage):
    """A failure rate that rises from 1 % to 20 % is told within six hours, and not all day long."""
    from_t = at(10, stage.rng.randrange(24))
    bad = stage.tables[1]
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == bad and stage.rng.random() < (0.2 if t >= from_t - MINUTE else 0.01) else None
    stage.run(from_t + 2 * DAY)
    return [told((FAILURES, RATE), from_t, 6 * HOUR, table=bad), a_day_at_most(12, FAILURES), a_day_at_most(12, RATE)]


@situation()
def table_fails_for_good(stage):
    """The second failure in a row is critical: waiting tells nobody anything."""
    when = at(6, stage.rng.randrange(24))
    bad = stage.tables[0]
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == bad and when - MINUTE < t < when + 6 * HOUR else None
    stage.run(when + 9 * HOUR)
    return [nothing(until=when), told(FAILURES, when, 15 * MINUTE + 20, table=bad, severity="critical"), incidents_at_most(1),
            at_most(1), at_most(2, statuses=("escalated", "reminder")), ended(FAILURES, when + 6 * HOUR, 20 * MINUTE)]


@situation()
def only_table_fails(stage):
    """A scheduler of one table."""
    stage.tables = stage.tables[:1]
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: OUT_OF_MEMORY if when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, 15 * MINUTE + 20, severity="critical"), at_most(1), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


def odd_name(name):
    def play(stage):
        stage.tables[1] = name
        when = at(6, stage.rng.randrange(24))
        stage.fate = lambda table, t: OUT_OF_MEMORY if table == name and when - MINUTE < t < when + 2 * HOUR else None
        stage.run(when + 5 * HOUR)
        return [nothing(until=when), told(FAILURES, when, 16 * MINUTE), ended(FAILURES, when + 2 * HOUR, HOUR)]
    return play


for word, odd in (("an_umlaut", "bronze_größe"), ("a_blank", "Bronze Trades"), ("a_dot", "cold.db.trades"), ("a_sign", "trades→old")):
    situation(name=f"table_with_{word}_fails", why=f"A table called {odd} fails: whatever the pattern takes, the summary knows it.")(odd_name(odd))


@situation()
def one_failure_each_night(stage):
    """A run that fails once each night beside the backup, and is well with the next one."""
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == stage.tables[0] and abs(t % DAY - 2 * HOUR) < MINUTE else None
    stage.run(at(21))
    return [nothing()]


@situation()
def failures_each_night(stage):
    """An hour of failures each night is told each night, once: what recurs is no less true."""
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == stage.tables[0] and 2 * HOUR - MINUTE < t % DAY < 3 * HOUR - MINUTE else None
    stage.run(at(10))
    return [a_day_at_most(3)] + [told(FAILURES, at(day, 2), 16 * MINUTE) for day in range(1, 10)]


@situation()
def relapse_beside_an_open_incident(stage):
    """A table that was well for two days and fails anew is news, whatever keeps its old incident open."""
    stage.tables = list("abc")
    again = at(8, stage.rng.randrange(24))
    fails_a = lambda t: at(6) - MINUTE < t < at(6, 1) - MINUTE or t > again - MINUTE
    stage.fate = lambda table, t: CLICKHOUSE_REFUSED if table == "b" and t > at(6) - MINUTE or table == "a" and fails_a(t) else None
    stage.run(again + 6 * HOUR)
    return [told(FAILURES, at(6), 16 * MINUTE, table="a"), told(FAILURES, again, 45 * MINUTE, table="a")]


@situation()
def relapse_of_another_cause(stage):
    """The same with another cause five hours later."""
    stage.tables = list("abc")
    again = at(6, 6)
    first = lambda t: at(6) - MINUTE < t < at(6, 1) - MINUTE
    stage.fate = lambda table, t: (CLICKHOUSE_REFUSED if table == "b" and t > at(6) - MINUTE or table == "a" and first(t)
                                   else OUT_OF_MEMORY if table == "a" and t > again - MINUTE else None)
    stage.run(again + 6 * HOUR)
    return [told(FAILURES, again, 31 * MINUTE, table="a")]


@situation()
def two_causes(stage):
    """An OutOfMemoryError and a duplicate key a quarter of an hour later are two pages, and two ends."""
    stage.tables = list("abc")
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: (OUT_OF_MEMORY if table == "a" and when - MINUTE < t < when + HOUR - MINUTE else
                                   WATERMARK_DUPLICATE if table == "b" and when + 14 * MINUTE < t < when + 3 * HOUR else None)
    stage.run(when + 6 * HOUR)
    return [apart("a", "b", when, 32 * MINUTE), ended(FAILURES, when + HOUR, 20 * MINUTE, table="a"),
            ended(FAILURES, when + 3 * HOUR, 20 * MINUTE, table="b"), incidents_at_most(2)]


@situation()
def three_causes(stage):
    """Three tables, three causes, at the same time: three pages."""
    stage.tables = list("abcd")
    when = at(6, stage.rng.randrange(24))
    causes = dict(zip("abc", (OUT_OF_MEMORY, NO_CONTAINER, POSTGRES_DOWN)))
    stage.fate = lambda table, t: causes.get(table) if when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [apart(x, y, when, 17 * MINUTE) for x, y in ("ab", "bc", "ac")] + [ended(FAILURES, when + 2 * HOUR, HOUR), incidents_at_most(3)]


@situation()
def twelve_tables_one_cause(stage):
    """ClickHouse is down under twelve tables: one incident, and by the cycle's end all are named."""
    stage.tables = list("abcdefghijkl")
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: CLICKHOUSE_REFUSED if when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [told(FAILURES, when, 15 * MINUTE + 5, severity="critical"), named(stage.tables, when, 17 * MINUTE), incidents_at_most(1),
            told(FAILURES, when, 17 * MINUTE, words="12"),
            at_most(3), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE), at_most(1, statuses=("resolved",))]


@situation()
def twelve_tables_one_after_another(stage):
    """A dead component that takes the tables down one by one, a table a cycle: still one incident, and all are named."""
    stage.tables = list("abcdefghijkl")
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: POSTGRES_DOWN if when + stage.tables.index(table) * 15 * MINUTE - MINUTE < t < when + 6 * HOUR else None
    stage.run(when + 9 * HOUR)
    return [named(stage.tables, when, 4 * HOUR), incidents_at_most(12), at_most(16), ended(FAILURES, when + 6 * HOUR, 20 * MINUTE)]


@situation()
def exceptions(stage):
    """Docker is gone: each cycle dies at once. Its second slot is critical, and the burst within a slot is one attempt."""
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: "exception" if when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, 16 * MINUTE, severity="critical"), incidents_at_most(1), at_most(2),
            ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


@situation()
def one_exception(stage):
    """One cycle that dies of an exception, and the next is well."""
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: "exception" if abs(t - when) < MINUTE else None
    stage.run(when + DAY)
    return [nothing()]


@situation()
def timeouts(stage):
    """A table that runs into its 600 s: 300 s, 600 s, and one incident."""
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: "timeout" if table == stage.tables[1] and when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [told(ANY, when, 302), told(ANY, when, 620, severity="critical"), at_most(4), ended(ANY, when + 2 * HOUR, 40 * MINUTE)]


@situation()
def one_timeout(stage):
    """One timeout is a warning and a critical of one incident, over with the next cycle."""
    when = at(6, stage.rng.randrange(24))
    stage.fate = lambda table, t: "timeout" if table == stage.tables[1] and abs(t - when) < MINUTE else None
    stage.run(when + DAY)
    return [told(ANY, when, 302), incidents_at_most(1), at_most(2), ended(ANY, when, 20 * MINUTE)]


@situation()
def failures_before_a_graceful_restart(stage):
    """Somebody restarts the scheduler because a table fails: the incident goes on, and is told once."""
    when = at(6, stage.rng.randrange(20))
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == stage.tables[1] and when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 50 * MINUTE)
    stage.restart()
    stage.run(when + 5 * HOUR)
    return [told(FAILURES, when, 16 * MINUTE, severity="critical"), incidents_at_most(1), at_most(2), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


@situation()
def failure_in_the_last_cycle_before_a_stop(stage):
    """A single failure, then a graceful stop of 20 s and a good first cycle."""
    when = at(6, 10)
    stage.fate = lambda table, t: OUT_OF_MEMORY if abs(t - when) < MINUTE else None
    stage.run(when + 3 * MINUTE)
    stage.restart()
    stage.run(at(8))
    return [nothing(), no_critical()]
