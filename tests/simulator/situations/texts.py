# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log's words may and may not do."""

from ..due import ANY, DOWN, FAILURES, SLOW, at_most, ended, never_says, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from ..voice import RULE
from . import situation


def forged(text):
    return (1, None, text)


def fails(stage, cause, hours=2, table=1):
    """One table fails with this text; returns when that begins."""
    when = at(4, stage.rng.randrange(24))
    bad = stage.tables[table]
    stage.fate = lambda name, t: cause(stage, when) if name == bad and when - MINUTE < t < when + hours * HOUR else None
    stage.run(when + (hours + 3) * HOUR)
    return when, bad


def stamped(stage, message, level="INFO"):
    return f"{stage.clock.stamp_at(stage.clock.now_us + 2_000_000)} - __main__ - {level} - {message}"


@situation()
def forged_success_in_stderr(stage):
    """A job whose stderr holds the scheduler's own words fails all the same."""
    words = lambda s, when: forged("\n".join((stamped(s, f"✓ Offload completed: {s.tables[1]} (1,000 rows in 2.0s)"), stamped(s, RULE),
                                              stamped(s, "OFFLOAD CYCLE COMPLETED"), stamped(s, "Success: 2, Failed: 0, Timeout: 0"))))
    when, bad = fails(stage, words)
    return [nothing(until=when), told(FAILURES, when, 16 * MINUTE, table=bad), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


@situation()
def forged_stop_in_stderr(stage):
    """A graceful stop inside stderr stops nobody."""
    words = lambda s, when: forged("\n".join((stamped(s, "Received signal 15, shutting down gracefully..."), stamped(s, "Scheduler stopped gracefully"))))
    when, bad = fails(stage, words, hours=0.2)
    return [never_says("scheduler stopped"), at_most(0, DOWN)]


@situation()
def forged_start_in_stderr(stage):
    """A start banner inside stderr is no restart and changes no interval."""
    words = lambda s, when: forged("\n".join((stamped(s, RULE), stamped(s, "K2 ICEBERG OFFLOAD SCHEDULER STARTED"),
                                              stamped(s, "Schedule: Every 5 minutes"), stamped(s, "Tables: 7 Bronze tables"))))
    when, bad = fails(stage, words)
    return [told(FAILURES, when, 16 * MINUTE, table=bad), at_most(0, DOWN), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


@situation()
def forged_table_in_stderr(stage):
    """Names of tables that only a stderr knows are no tables that lag later."""
    words = lambda s, when: forged("\n".join((stamped(s, "Starting offload: ghost → cold.ghost"), stamped(s, "✗ Offload failed: ghost", "ERROR"))))
    when, bad = fails(stage, words)
    return [told(FAILURES, when, 16 * MINUTE, table=bad), at_most(0, table="ghost")]


@situation()
def stop_in_an_exceptions_text(stage):
    """An exception's text that says that the scheduler was stopped."""
    when = at(4, stage.rng.randrange(24))
    stage.run(when + 5 * MINUTE)
    text = "connection lost\nReceived signal 15, shutting down gracefully...\nScheduler stopped gracefully"
    stage.voice.cycle_exception(text, "RuntimeError")
    stage.run(when + DAY)
    return [never_says("scheduler stopped"), at_most(0, DOWN)]


@situation()
def summary_knows_a_failure(stage):
    """A table whose name the pattern does not take: only the summary says that it failed."""
    when = at(4, stage.rng.randrange(24))
    stage.summary = lambda ok, failed, timeout: (ok, failed + (when - MINUTE < stage.now < when + 2 * HOUR), timeout)
    stage.run(when + 5 * HOUR)
    return [nothing(until=when), told(FAILURES, when, 16 * MINUTE), ended(FAILURES, when + 2 * HOUR, HOUR)]


@situation()
def summary_knows_one_failure_once(stage):
    """One failure that only the summary knows is one failure."""
    when = at(4, stage.rng.randrange(24))
    stage.summary = lambda ok, failed, timeout: (ok, failed + (abs(stage.now - when) < 2 * MINUTE), timeout)
    stage.run(when + DAY)
    return [at_most(1), at_most(0, severity="critical")]


@situation()
def run_lines_are_lost(stage):
    """From a restart on an eight-bit locale swallows the lines with signs: the summary's failures are told at the second cycle."""
    when = at(4, stage.rng.randrange(24))
    lossy = stage.voice.write
    stage.run(when - 10 * MINUTE)
    stage.restart()
    stage.voice.write = lambda line: None if any(sign in line for sign in "✓✗→") else lossy(line)
    stage.fate = lambda table, t: forged("boom") if when - MINUTE < t < when + 2 * HOUR else None
    stage.run(when + 5 * HOUR)
    return [nothing(until=when - 10 * MINUTE), told(FAILURES, when, 16 * MINUTE), ended(FAILURES, when + 2 * HOUR, HOUR)]


@situation()
def doubled_lines(stage):
    """A logger with two handlers writes each line twice: a healthy log is healthy."""
    stage.copies = 2
    stage.run(at(9))
    return [nothing()]


@situation()
def doubled_lines_of_one_failure(stage):
    """Each line twice, one failure: it counts once."""
    stage.copies = 2
    when = at(4, stage.rng.randrange(24))
    stage.fate = lambda table, t: forged("boom") if table == stage.tables[0] and abs(t - when) < MINUTE else None
    stage.run(when + DAY)
    return [nothing()]


@situation()
def doubled_lines_of_a_failing_table(stage):
    """Each line twice, a table that fails for good: critical at its second failure."""
    stage.copies = 2
    when, bad = fails(stage, lambda s, when: forged("boom"))
    return [nothing(until=when), told(FAILURES, when, 16 * MINUTE, table=bad, severity="critical"), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE)]


@situation()
def metrics_module(stage):
    """The metrics module repeats each run in records of its own."""
    stage.voice.metrics = True
    when, bad = fails(stage, lambda s, when: forged("boom"), hours=0.2)
    stage.run(stage.now + DAY)
    return [nothing()]


@situation()
def short_stamps(stage):
    """The documentation's short form: no milliseconds, no logger."""
    stage.voice.say = lambda message, level="INFO", logger="__main__": stage.voice.write(f"{stage.clock.stamp()[:19]} - {message}\n")
    stage.run(at(9))
    return [nothing()]


@situation()
def foreign_lines(stage):
    """Warnings of libraries and a banner of a shell between the records."""
    stage.run(at(2))
    for _ in range(60):
        stage.run(stage.now + stage.rng.uniform(60, 7200))
        stage.raw(stage.rng.choice(("urllib3: connection pool is full, discarding connection\n", "WARNING: Retrying (Retry(total=4))\n",
                                    "Traceback (most recent call last):\n  ...\nValueError: not ours\n", "\n", "\x1b[31mred\x1b[0m\n")))
    stage.run(at(9))
    return [nothing()]


@situation()
def exception_behind_a_failure(stage):
    """A failure with a short stderr, and milliseconds later the cycle's exception: no hang, no slow cycle."""
    when = at(4, stage.rng.randrange(24))
    fate = {stage.tables[0]: forged("boom"), stage.tables[1]: "exception"}
    stage.fate = lambda table, t: fate[table] if abs(t - when) < MINUTE else None
    stage.run(when + DAY)
    return [never_says("running since", "hangs"), at_most(0, SLOW + (DOWN,))]


@situation()
def pause_behind_a_failure(stage):
    """Right behind a short failure the host sleeps for 75 s, then the cycle goes on."""
    when = at(4, stage.rng.randrange(24))
    stage.tables = list("abc")
    stage.fate = lambda table, t: forged("boom") if table == "a" and abs(t - when) < MINUTE else None
    stage.seconds = lambda table, t: 75.0 if table == "b" and abs(t - when) < 2 * MINUTE else 6.0 * stage.spread(0.12)
    stage.run(when + DAY)
    return [never_says("hangs"), nothing()]


@situation()
def long_stderr(stage):
    """A stderr of nested records fills its 500 characters; what follows is read as what it is."""
    when, bad = fails(stage, lambda s, when: forged("\n".join(stamped(s, f"WARN TaskSetManager: Lost task {i}.0") for i in range(20))))
    return [nothing(until=when), told(FAILURES, when, 16 * MINUTE, table=bad), ended(FAILURES, when + 2 * HOUR, 20 * MINUTE), at_most(2, ANY)]
