# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a series of samples is flat: its slope, and what that amounts to over the whole time."""

import random
import statistics

PAIRS = 20000


def slope(times, values):
    """Theil and Sen's: the median slope of pairs of samples, which outliers do not move. Of many pairs, some are drawn."""
    count, chance = len(times), random.Random(1)
    if count * (count - 1) // 2 <= PAIRS:
        pairs = [(i, j) for i in range(count) for j in range(i)]
    else:
        pairs = [chance.sample(range(count), 2) for _ in range(PAIRS)]
    found = [(values[i] - values[j]) / (times[i] - times[j]) for i, j in pairs if times[i] != times[j]]
    return statistics.median(found) if found else 0.0


def warmed_up(times):
    """Where the last two thirds of the time begin, which are judged."""
    begin = times[0] + (times[-1] - times[0]) / 3
    return next(i for i, at in enumerate(times) if at >= begin)


def judge(times, values, share, least):
    """The first third of the time warms up and is left out. Flat is what rises over the rest by no more than a share of its level, or by
    `least`, whichever is more: both by its slope, and from the first to the last fifth of the rest."""
    begin = warmed_up(times)
    at, rest = times[begin:], values[begin:]
    fifth = max(1, len(rest) // 5)
    first, last = statistics.median(rest[:fifth]), statistics.median(rest[-fifth:])
    a_second = slope(at, rest)
    rise = a_second * (at[-1] - at[0])
    bound = max(share * first, least)
    return {"first": first, "last": last, "most": max(values), "an_hour": a_second * 3600, "rise": rise, "bound": bound,
            "flat": max(rise, last - first) <= bound}


def judge_growth(times, counts, values, share, least):
    """What grows by the same amount for each one that is counted grows as it should: the amount in the last half of what is judged is that in
    its first half, but for a share of it, or for `least`."""
    begin = warmed_up(times)
    middle = (begin + len(times)) // 2
    first, last = slope(counts[begin:middle], values[begin:middle]), slope(counts[middle:], values[middle:])
    bound = max(share * first, least)
    return {"first": first, "last": last, "most": max(first, last), "an_hour": slope(times[begin:], values[begin:]) * 3600,
            "rise": last - first, "bound": bound, "flat": last - first <= bound}
