# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that come, go, change their name, or are left out."""

from ..due import FAILURES, LAG, at_most, ended, incidents_at_most, no_critical, nothing, told
from ..stage import HOUR, MINUTE, at
from ..voice import OUT_OF_MEMORY
from . import situation


@situation()
def removed_table(stage):
    """A table that left the configuration is at most one warning: banner and cycles say that one less is offloaded."""
    stage.tables = ["a", "b", "c"]
    when = at(stage.rng.randrange(3, 9), stage.rng.randrange(24), 7)
    stage.run(when)
    stage.stop()
    stage.away(20)
    stage.tables.remove("b")
    stage.run(when + at(3))
    return [nothing(until=when), at_most(1), no_critical(), nothing(since=when + HOUR)]


@situation()
def removed_tables(stage):
    """Three of six tables removed at once."""
    stage.tables = list("abcdef")
    stage.run(at(5, 9, 50))
    stage.restart()
    stage.tables = list("ace")
    stage.run(at(8))
    return [at_most(1), no_critical(), nothing(since=at(5, 11))]


@situation()
def removed_table_without_a_banner(stage):
    """The banner was lost: that one less is offloaded may be a mistake, so it is lag, one incident."""
    stage.tables = ["a", "b", "c"]
    stage.run(at(5, 9, 50))
    stage.restart()
    stage.tables.remove("b")
    stage.banners = False
    stage.run(at(8))
    return [at_most(2), incidents_at_most(1), at_most(6, statuses=("escalated", "reminder"))]


@situation()
def renamed_table(stage):
    """The old name is gone and a new one is there, as many as before: at most one warning."""
    stage.tables = ["a", "b", "c"]
    stage.run(at(5, stage.rng.randrange(24), 8))
    when = stage.now
    stage.restart()
    stage.tables[1] = "b_v2"
    stage.run(when + at(3))
    return [nothing(until=when), at_most(1), no_critical(), nothing(since=when + HOUR)]


@situation()
def added_table(stage):
    """One more table, after a restart, is no news."""
    stage.run(at(5, stage.rng.randrange(24), 8))
    stage.restart()
    stage.tables.append("c")
    stage.run(at(9))
    return [nothing()]


@situation()
def added_tables_double_the_cycle(stage):
    """Two tables become six, and the cycle three times as long: at most one warning, over in thirty hours."""
    stage.seconds = lambda table, t: 20 * stage.spread(0.12)
    stage.run(at(9, 10, 5))
    stage.restart()
    stage.tables += ["c", "d", "e", "f"]
    stage.run(at(12))
    return [at_most(1), no_critical(), ended(since=at(9, 10), within=30 * HOUR)]


@situation()
def removed_while_it_failed(stage):
    """A failing table that is taken out of the configuration: its incident ends, for it is no longer offloaded."""
    stage.tables = ["a", "b", "c"]
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == "b" and t > at(5, 9) else None
    stage.run(at(5, 11, 5))
    stage.restart()
    stage.tables.remove("b")
    stage.run(at(7))
    return [told(FAILURES, at(5, 9), 31 * MINUTE, table="b"), ended(FAILURES, at(5, 11), 2 * HOUR), at_most(0, LAG, since=at(5, 11)),
            nothing(since=at(5, 13))]


@situation()
def removed_and_back_a_week_later(stage):
    """A table that was away on purpose and returns is no news."""
    stage.tables = ["a", "b", "c"]
    stage.run(at(5, 9, 50))
    stage.restart()
    stage.tables = ["a", "c"]
    stage.run(at(12, 9, 50))
    stage.restart()
    stage.tables = ["a", "b", "c"]
    stage.run(at(14))
    return [at_most(1), no_critical(), nothing(since=at(5, 11))]


@situation()
def table_every_second_cycle(stage):
    """A table that is offloaded every second cycle has always been: at most told twice in two weeks."""
    stage.tables = ["a", "b", "c"]
    stage.runs = lambda tables, t: [x for x in tables if x != "c" or int((t + 60) // 900) % 2 == 0]
    stage.run(at(21))
    return [at_most(2, until=at(14)), nothing(since=at(14))]


@situation()
def table_once_an_hour(stage):
    """The same for a table that each fourth cycle runs."""
    stage.tables = ["a", "b", "c"]
    stage.runs = lambda tables, t: [x for x in tables if x != "c" or int((t + 60) // 900) % 4 == 0]
    stage.run(at(21))
    return [at_most(2, until=at(14)), nothing(since=at(14))]


@situation()
def left_out_by_mistake(stage):
    """Cycles that say three tables and run two: the third lags, a warning after 20 minutes, critical after 30."""
    when = at(5, stage.rng.randrange(24), 30)
    stage.tables, stage.announced = ["a", "b", "c"], 3
    stage.runs = lambda tables, t: [x for x in tables if x != "b" or t < when - MINUTE]
    stage.run(when + 3 * HOUR)
    return [nothing(until=when), told(LAG, when - 15 * MINUTE, 21 * MINUTE, table="b"),
            told(LAG, when - 15 * MINUTE, 31 * MINUTE, table="b", severity="critical")]


@situation()
def left_out_without_a_restart(stage):
    """The same where each cycle says two: without a restart nobody took it out of the configuration."""
    when = at(5, stage.rng.randrange(24), 30)
    stage.tables = ["a", "b", "c"]
    stage.runs = lambda tables, t: [x for x in tables if x != "b" or t < when - MINUTE]
    stage.run(when + 3 * HOUR)
    return [nothing(until=when), told(LAG, when - 15 * MINUTE, 21 * MINUTE, table="b")]


@situation()
def failed_once_then_never_run(stage):
    """One failure explains lag for one cycle only."""
    when = at(5, stage.rng.randrange(24), 30)
    stage.tables, stage.announced = ["a", "b", "c"], 3
    stage.fate = lambda table, t: OUT_OF_MEMORY if table == "b" and t > when - MINUTE else None
    stage.runs = lambda tables, t: [x for x in tables if x != "b" or t < when + MINUTE]
    stage.run(when + 3 * HOUR)
    last = when - 15 * MINUTE
    return [nothing(until=when), told(LAG, last, 32 * MINUTE, table="b"), told(LAG, last, 46 * MINUTE, table="b", severity="critical")]


@situation()
def order_of_tables_changes(stage):
    """A scheduler that shuffles its tables makes no table late."""
    stage.tables = list("abcdefgh")
    stage.runs = lambda tables, t: stage.rng.sample(tables, len(tables))
    stage.run(at(9))
    return [nothing()]


@situation()
def banner_counts_disabled_tables(stage):
    """Banner and cycles have always said five tables, two of which are switched off: nobody misses them."""
    stage.tables, stage.announced = ["a", "b", "c"], 5
    stage.run(at(9))
    return [nothing()]


@situation()
def many_tables(stage):
    """Forty tables, three weeks, nothing wrong."""
    stage.tables = [f"bronze_{i:02d}" for i in range(40)]
    stage.seconds = lambda table, t: 1.5 * stage.spread(0.15)
    stage.run(at(9))
    return [nothing()]
