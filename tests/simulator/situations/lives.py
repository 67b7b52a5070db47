# SPDX-License-Identifier: GPL-2.0-or-later
"""The scheduler's lives: restarts, deployments, maintenance, reboots, crash loops."""

from ..due import ANY, DOWN, SLOW, a_day_at_most, at_most, ended, incidents_at_most, never_says, no_critical, nothing, told
from ..stage import DAY, HOUR, MINUTE, at
from . import situation


@situation()
def restarts_by_hand(stage):
    """Eight graceful restarts at any time, in a wait or in a cycle, back within half a minute."""
    for day in range(1, 9):
        stage.run(at(day, stage.rng.randrange(24)) + stage.rng.uniform(0, HOUR))
        stage.restart()
    stage.run(at(10))
    return [nothing()]


def restarts_at(minutes):
    def play(stage):
        stage.minutes = minutes
        for day in range(1, 9):
            stage.run(at(day, stage.rng.randrange(24)) + stage.rng.uniform(0, HOUR))
            stage.restart()
        stage.run(at(10))
        return [nothing()]
    return play


for each in (5, 30, 60):
    situation(name=f"restarts_by_hand_at_cadence_{each:02d}", why=f"Graceful restarts at any time, at {each} minutes.")(restarts_at(each))


@situation()
def restarts_in_a_cycle(stage):
    """Stopped while a table runs: the cycle ends with fewer tables, and the next process runs them all."""
    stage.cycle_seconds(lambda t: 50)
    stage.tables = list("abcd")
    for day in range(1, 9):
        stage.run(at(day, stage.rng.randrange(24)) + stage.rng.uniform(1, 40))
        stage.restart()
    stage.run(at(10))
    return [nothing()]


@situation()
def several_restarts_in_an_hour(stage):
    """Somebody tries a configuration: five graceful restarts within the hour."""
    stage.run(at(6, 10, 3))
    for _ in range(5):
        stage.restart()
        stage.run(stage.now + stage.rng.uniform(3, 12) * MINUTE)
    stage.run(at(8))
    return [nothing()]


@situation()
def restart_over_a_slot(stage):
    """A restart by hand of 50 s that lies over a slot: the first cycle comes at once, nothing is late."""
    for day in range(1, 6):
        stage.run(at(day, 11, 59) + 30)
        stage.restart(50)
    stage.run(at(7))
    return [nothing()]


@situation()
def stopped_by_the_keyboard(stage):
    """Ctrl-C in a terminal, and started again there."""
    stage.run(at(6, stage.rng.randrange(24), 3))
    stage.voice.say("Keyboard interrupt received, shutting down...")
    stage.voice.stopped()
    stage.kill()
    stage.away(20)
    stage.run(at(8))
    return [nothing()]


@situation()
def nightly_restart(stage):
    """Logrotate restarts the scheduler each night."""
    for day in range(1, 15):
        stage.run(at(day, 3, 14) + stage.rng.uniform(0, 59))
        stage.restart(20)
    stage.run(at(16))
    return [nothing()]


@situation()
def deployment(stage):
    """Three minutes without a scheduler that was stopped: at most one warning, no critical before a promised run is late."""
    stage.run(at(6, stage.rng.randrange(24), 4))
    when = stage.now
    stage.stop()
    stage.away(3 * MINUTE)
    stage.run(when + DAY)
    return [at_most(1), no_critical(), ended(DOWN, when, 10 * MINUTE), nothing(since=when + 10 * MINUTE)]


@situation()
def maintenance_window(stage):
    """Stopped for two hours: a warning within minutes, critical once a promised run is 120 s late, over with the first cycle."""
    stage.run(at(6, stage.rng.randrange(24), 4))
    when = stage.now
    stage.stop()
    stage.away(2 * HOUR)
    stage.run(when + 6 * HOUR)
    return [told(DOWN, when, 16 * MINUTE), told(DOWN, when, 14 * MINUTE, severity="critical"), incidents_at_most(1), at_most(2),
            ended(DOWN, when + 2 * HOUR, 5 * MINUTE)]


@situation()
def maintenance_between_two_slots(stage):
    """At a cadence of an hour, a stop of half an hour misses no run: at most one warning."""
    stage.minutes = 60
    stage.run(at(6, stage.rng.randrange(24), 10))
    when = stage.now
    stage.stop()
    stage.away(30 * MINUTE)
    stage.run(when + DAY)
    return [at_most(1), no_critical(), ended(DOWN, when, 40 * MINUTE)]


@situation()
def nightly_maintenance(stage):
    """A stop from 02:00 to 02:40 each night, always well after, is a habit."""
    for day in range(1, 28):
        stage.run(at(day, 2, 1))
        stage.stop()
        stage.away(40 * MINUTE)
    stage.run(at(28, 1))
    return [incidents_at_most(2, until=at(15)), at_most(4, until=at(15)), nothing(since=at(15))]


@situation()
def nightly_maintenance_that_does_not_end(stage):
    """The night on which nobody starts it again is told within half an hour of the usual end."""
    for day in range(1, 20):
        stage.run(at(day, 2, 1))
        stage.stop()
        stage.away(40 * MINUTE)
    stage.run(at(20, 2, 1))
    stage.stop()
    stage.away(4 * HOUR)
    return [told(DOWN, at(20, 2, 1), 70 * MINUTE, severity="critical")]


@situation()
def host_reboot(stage):
    """A reboot of three minutes with a graceful stop, between two slots: at most one warning."""
    stage.run(at(6, stage.rng.randrange(24), 5))
    when = stage.now
    stage.stop()
    stage.away(3 * MINUTE)
    stage.run(when + DAY)
    return [at_most(1), no_critical(), ended(DOWN, when, 10 * MINUTE)]


@situation()
def power_cut(stage):
    """A host that is gone for ten minutes without a word: late at 60 s, critical at 120 s, over with the first cycle."""
    stage.run(at(6, stage.rng.randrange(24), 10))
    when = stage.now
    stage.kill()
    stage.away(15 * MINUTE)
    stage.run(when + DAY)
    return [told(DOWN, when, 6 * MINUTE + 5), told(DOWN, when, 7 * MINUTE + 5, severity="critical"), incidents_at_most(1),
            ended(DOWN, when + 15 * MINUTE, 5 * MINUTE)]


@situation()
def power_cut_between_slots(stage):
    """Gone for two minutes between two slots, and back before anything was due: nothing was missed."""
    stage.run(at(6, stage.rng.randrange(24), 5))
    stage.kill()
    stage.away(2 * MINUTE)
    stage.run(at(8))
    return [nothing()]


@situation()
def power_cut_in_a_cycle(stage):
    """Gone in the midst of a run and back after a minute: the new process's cycle is the answer."""
    stage.cycle_seconds(lambda t: 40)
    stage.run(at(6, stage.rng.randrange(24)) + 20)
    stage.kill()
    stage.away(MINUTE)
    stage.run(at(8))
    return [at_most(1), no_critical()]


@situation()
def one_crash(stage):
    """A crash from which systemd recovers within 31 s: at most one warning."""
    stage.run(at(6, stage.rng.randrange(24), 5))
    when = stage.now
    stage.crash()
    stage.away(31)
    stage.run(when + DAY)
    return [at_most(1), no_critical(), ended(DOWN, when, 15 * MINUTE), nothing(since=when + 15 * MINUTE)]


def loop(stage, back_s, alive_s, minutes, said=True):
    """Dies again and again; back_s() until the next start, alive_s() until the next death. Returns the end of the last good cycle."""
    stage.run(at(6, stage.rng.randrange(24), 4))
    last_good = stage.now - 4 * MINUTE + 12
    until = stage.now + minutes * MINUTE
    usual, stage.seconds = stage.seconds, lambda table, t: 400.0
    while stage.now < until:
        stage.crash() if said else stage.kill()
        stage.away(back_s())
        stage.run(stage.now + alive_s())
    stage.crash() if said else stage.kill()
    stage.away(back_s())
    stage.seconds = usual
    return last_good


def critical_in_time(stage, last_good):
    """Two intervals and 120 s after the last completed cycle, which restarts do not move."""
    return [told(DOWN, last_good, 2 * stage.minutes * MINUTE + 125, severity="critical"), never_says("hangs")]


def recovers(stage, minutes=26 * 60):
    stage.run(stage.now + minutes * MINUTE)
    return [ended(DOWN, stage.now - minutes * MINUTE, minutes * MINUTE)]


@situation()
def crash_loop_of_40_s(stage):
    """A start every 40 s, none of which completes a cycle."""
    last_good = loop(stage, lambda: stage.rng.uniform(30, 31), lambda: stage.rng.uniform(2, 9), 75)
    return critical_in_time(stage, last_good) + [a_day_at_most(12, DOWN)] + recovers(stage)


@situation()
def crash_loop_of_5_minutes(stage):
    """Each life lasts for five minutes of its first run."""
    last_good = loop(stage, lambda: 30.5, lambda: 290.0, 110)
    return critical_in_time(stage, last_good) + [at_most(0, SLOW), a_day_at_most(12, ANY)]


@situation()
def crash_loop_without_words(stage):
    """The OOM killer leaves no line: only the banners tell."""
    last_good = loop(stage, lambda: stage.rng.uniform(30, 31), lambda: stage.rng.uniform(2, 30), 75, said=False)
    return critical_in_time(stage, last_good) + [a_day_at_most(12, DOWN)] + recovers(stage)


@situation()
def crash_loop_at_cadence_5(stage):
    """At five minutes the critical comes after twelve."""
    stage.minutes = 5
    last_good = loop(stage, lambda: stage.rng.uniform(30, 31), lambda: stage.rng.uniform(2, 60), 60)
    return critical_in_time(stage, last_good)


@situation()
def crash_after_each_cycle(stage):
    """Dies after each completed cycle and is started again: many restarts, a warning, and nothing is late."""
    stage.run(at(6, 10, 5))
    when = stage.now
    for _ in range(20):
        stage.crash()
        stage.away(30.5)
        stage.run(stage.now + 14 * MINUTE)
    stage.run(stage.now + 26 * HOUR)
    return [told(DOWN, when, HOUR, words="restart"), no_critical(), a_day_at_most(12, ANY), ended(DOWN, when, 33 * HOUR)]


@situation()
def three_crashes_and_well(stage):
    """Three crashes within an hour are a word about restarts, which a day without one ends."""
    stage.run(at(6, stage.rng.randrange(24), 5))
    when = stage.now
    for _ in range(3):
        stage.crash()
        stage.away(30.5)
        stage.run(stage.now + 20 * MINUTE)
    stage.run(when + 27 * HOUR)
    return [told(DOWN, when, HOUR, words="restart"), at_most(4), no_critical(), ended(DOWN, when, 26 * HOUR)]


@situation()
def crashes_from_the_logs_beginning(stage):
    """The log begins in mid-life: the third restart counts as with the first banner."""
    stage.run(at(1, 10, 5))
    stage.forget()
    for _ in range(3):
        stage.run(stage.now + 28 * MINUTE)
        stage.crash()
        when = stage.now
        stage.away(30.5)
    stage.run(when + 2 * HOUR)
    return [told(DOWN, when - MINUTE, 3 * MINUTE, words="restart"), no_critical()]


@situation()
def two_crashes_a_week(stage):
    """A crash on Tuesday and one on Thursday are two hiccups of systemd's, not a loop."""
    for day in (1, 3, 8, 10):
        stage.run(at(day, stage.rng.randrange(24), 5))
        stage.crash()
        stage.away(30.5)
    stage.run(at(12))
    return [at_most(4), no_critical(), never_says("restarts")]


@situation()
def systemd_gives_up(stage):
    """Five starts, then silence: critical two intervals and 120 s after the last completed cycle at the latest."""
    stage.run(at(6, 9, 35))
    last_good = stage.now - 5 * MINUTE + 12
    stage.seconds = lambda table, t: 60.0
    for _ in range(5):
        stage.crash()
        stage.away(30.5)
        stage.run(stage.now + 5)
    stage.crash()
    stage.away(3 * HOUR)
    return critical_in_time(stage, last_good)


@situation()
def hang_in_a_run(stage):
    """A run that says nothing any more: 300 s, 600 s, and the same incident becomes the scheduler's."""
    when = at(6, stage.rng.randrange(24), 15)
    stage.fate = lambda table, t: "hang" if t > when - MINUTE else None
    stage.run(when + 4 * HOUR)
    return [told(SLOW, when, 302), told(ANY, when, 602, severity="critical"), told(DOWN, when, 12 * MINUTE), incidents_at_most(1)]


@situation()
def stopped_and_forgotten(stage):
    """Stopped on purpose, for good: told, critical, and remembered at most as often as reminders say."""
    stage.run(at(6, stage.rng.randrange(24), 4))
    when = stage.now
    stage.stop()
    stage.away(5 * DAY)
    return [told(DOWN, when, 14 * MINUTE, severity="critical"), at_most(2), at_most(8, statuses=("reminder",)), at_most(1, statuses=("escalated",))]
