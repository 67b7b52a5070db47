# SPDX-License-Identifier: GPL-2.0-or-later
"""What is due in a situation: conditions on the notifications that a replay of its log brings.

A condition takes the notifications and returns None where they are right, else what is wrong, in words. Times are those of the stage.
"""

from .stage import DAY, HOUR, MINUTE

LAG = ("LagElevated", "LagCritical")
SLOW = ("CycleSlow", "CycleTooSlow")
FAILURES, RATE, STALE, DOWN, THROUGHPUT = "ConsecutiveFailures", "SuccessRateLow", "WatermarkStale", "SchedulerDown", "ThroughputLow"
ANY = ()
END = 1e12


def clock(t):
    return f"day {int(t // DAY)} {int(t % DAY // HOUR):02d}:{int(t % HOUR // MINUTE):02d}:{int(t % MINUTE):02d}"


def matches(note, alert, table, severity, words):
    alerts = (alert,) if isinstance(alert, str) else alert
    return ((not alerts or note["alert"] in alerts) and (table is None or table in note["tables"] or table == note["table"])
            and severity in (None, note["severity"]) and words in note["summary"])


def select(notes, alert=ANY, table=None, severity=None, words="", since=0.0, until=END, statuses=("firing",)):
    return [n for n in notes if n["status"] in statuses and since <= n["t"] < until and matches(n, alert, table, severity, words)]


def name(alert, table, severity):
    what = "/".join((alert,) if isinstance(alert, str) else alert) or "anything"
    return " ".join(filter(None, (severity, what, table and f"of {table}")))


def told(alert=ANY, since=0.0, within=HOUR, **what):
    """A notification fires, at most so long after."""
    def condition(notes):
        found = select(notes, alert, since=since, **what)
        label = name(alert, what.get("table"), what.get("severity"))
        if not found:
            return f"{label} never told after {clock(since)}, due by {clock(since + within)}"
        if found[0]["t"] > since + within:
            return f"{label} told at {clock(found[0]['t'])}, due by {clock(since + within)}"
        return None
    return condition


def ended(alert=ANY, since=0.0, within=HOUR, **what):
    """Each incident that was told ends, at most so long after, and that is told."""
    def condition(notes):
        begun = {n["incident"] for n in select(notes, alert, until=since + within, **what)}
        over = {n["incident"] for n in select(notes, until=since + within, statuses=("resolved",))}
        open_still = sorted(begun - over)
        return f"not over by {clock(since + within)}: incident {open_still[0]}" if open_still else None
    return condition


def at_most(count, alert=ANY, since=0.0, until=END, statuses=("firing",), **what):
    """So many notifications that fire (or of the statuses given)."""
    def condition(notes):
        found = select(notes, alert, since=since, until=until, statuses=statuses, **what)
        if len(found) <= count:
            return None
        extra = found[count]
        return (f"{name(alert, what.get('table'), what.get('severity'))} told {len(found)} times, due at most {count}: "
                f"{clock(extra['t'])} {extra['severity']} {extra['alert']}: {extra['summary'][:80]}")
    return condition


def incidents_at_most(count, alert=ANY, since=0.0, until=END, **what):
    """So many incidents that were told, each however often."""
    def condition(notes):
        found = {n["incident"] for n in select(notes, alert, since=since, until=until, **what)}
        return None if len(found) <= count else f"{len(found)} incidents of {name(alert, None, None)}, due at most {count}"
    return condition


def nothing(since=0.0, until=END, alert=ANY, **what):
    """Nobody is disturbed: nothing fires, and what fired before is neither escalated nor remembered aloud."""
    return at_most(0, alert, since, until, ("firing", "escalated", "reminder"), **what)


def no_critical(since=0.0, until=END, alert=ANY, **what):
    return at_most(0, alert, since, until, severity="critical", **what)


def a_day_at_most(count, alert=ANY, statuses=("firing", "resolved", "escalated", "reminder"), since=0.0):
    """Within any 24 hours, all that is told counts."""
    def condition(notes):
        times = [n["t"] for n in select(notes, alert, statuses=statuses, since=since)]
        most, first = max(((sum(t <= x < t + DAY for x in times), t) for t in times), default=(0, 0))
        return None if most <= count else f"{most} notifications in the 24 hours from {clock(first)}, due at most {count}"
    return condition


def follows(runbook, alert, since=0.0, until=END):
    """What fires names this runbook."""
    def condition(notes):
        wrong = [n for n in select(notes, alert, since=since, until=until) if n["runbook"] != runbook]
        return f"{wrong[0]['alert']} at {clock(wrong[0]['t'])} names {wrong[0]['runbook']}, due {runbook}" if wrong else None
    return condition


def named(tables, since, within, alert=FAILURES):
    """By then the notifications that fired name all these tables."""
    def condition(notes):
        known = set()
        for note in select(notes, alert, since=since, until=since + within):
            known.update(note["tables"])
        missing = sorted(set(tables) - known)
        return f"{len(missing)} of {len(tables)} tables not named by {clock(since + within)}: {missing[0]}" if missing else None
    return condition


def apart(first, second, since, within, alert=FAILURES):
    """Two tables are paged by then in incidents of their own."""
    def condition(notes):
        ids = [{n["incident"] for n in select(notes, alert, table=t, since=since, until=since + within)} for t in (first, second)]
        if not all(ids):
            return f"{(first, second)[not ids[1]]} not told by {clock(since + within)}"
        return None if ids[0] != ids[1] and (ids[0] - ids[1]) and (ids[1] - ids[0]) else f"{first} and {second} are one incident"
    return condition


def never_says(*words):
    """No notification holds these words: what did not happen."""
    def condition(notes):
        for note in notes:
            for word in words:
                if word in note["summary"]:
                    return f"says \"{word}\" at {clock(note['t'])}: {note['summary'][:80]}"
        return None
    return condition


def habit(alert=ANY, first=14 * DAY, times=2):
    """A harmless pattern: told at most twice while it is new, never after."""
    return [at_most(times, alert, until=first), nothing(since=first)]
