# SPDX-License-Identifier: GPL-2.0-or-later
"""Real series as a scheduler's life: a value of a machine's or a market's past becomes a run time or a row count.

The mappings are those of fixtures/series: `prop40`, `lin5-200` and `rows`. The stage's time zero is midnight UTC of the series' first day.
"""

import csv
import gzip
import json
import math
import statistics
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from .stage import DAY, HOUR, MINUTE, NAMES, Stage

FOLDER = Path(__file__).resolve().parents[2] / "fixtures/series"
EARLY_S = 2                        # a cycle that starts so long before a slot is meant for it
SERIES, PLAIN = NAMES[:2]          # the table that follows the series, and the healthy one beside it


@dataclass
class Series:
    """Values by slots of the cadence: slot number (epoch seconds / cadence) -> mean and sum of its values."""
    key: str
    group: str
    kinds: tuple
    windows: list
    minutes: int
    means: dict = field(default_factory=dict)
    sums: dict = field(default_factory=dict)

    @property
    def slot_s(self):
        return self.minutes * MINUTE

    @property
    def first_s(self):
        return min(self.sums) * self.slot_s

    @property
    def last_s(self):
        """The beginning of the last slot."""
        return max(self.sums) * self.slot_s


def cadence_of(times):
    """15, 30 or 60 minutes, by the series' own median step."""
    step = statistics.median(b - a for a, b in zip(times, times[1:])) or 300
    return 15 if step <= 15 * MINUTE else 30 if step <= 30 * MINUTE else 60


def read(key, facts):
    with gzip.open(FOLDER / f"{key}.csv.gz", "rt", encoding="ascii") as lines:
        points = [(int(row["t"]), float(row["value"])) for row in csv.DictReader(lines)]
    minutes = cadence_of([t for t, _ in points])
    slots = {}
    for t, value in points:
        slots.setdefault(t // (minutes * MINUTE), []).append(value)
    return Series(key, facts["group"], tuple(facts["kinds"]), [tuple(w) for w in facts["windows"]], minutes,
                  {slot: statistics.fmean(values) for slot, values in slots.items()},
                  {slot: sum(values) for slot, values in slots.items()})


def index():
    return json.loads((FOLDER / "windows.json").read_text(encoding="utf-8"))


def prop40(series):
    """The median value is a run of 40 s. None where the median is no length."""
    ordered = sorted(series.means.values())
    middle = ordered[len(ordered) // 2]
    return (lambda value: min(285.0, max(1.0, value / middle * 40))) if middle > 0 else None


def lin5_200(series):
    """The 0.5 % quantile is a run of 5 s, the 99.9 % quantile one of 200 s. None where the two are one."""
    ordered = sorted(series.means.values())
    low, high = ordered[int(len(ordered) * 0.005)], ordered[int(len(ordered) * 0.999)]
    return (lambda value: min(285.0, max(2.0, 5 + (value - low) / (high - low) * 195))) if high > low else None


DURATIONS = {"prop40": prop40, "lin5-200": lin5_200}


def mappings(series):
    """The names of the mappings that this series can take."""
    names = [name for name, make in DURATIONS.items() if "dur" in series.kinds and make(series)]
    return names + (["rows"] if "rows" in series.kinds else [])


class Held:
    """The value of the slot that a run is meant for: a cycle may start a second early. A slot without a value repeats the last."""

    def __init__(self, values, slot_s, zero_s, first):
        self.values, self.slot_s, self.zero_s = values, slot_s, zero_s
        self.last = values[first]

    def at(self, t):
        self.last = self.values.get(int((self.zero_s + t + EARLY_S) // self.slot_s), self.last)
        return self.last


def plain_rows(stage, t):
    return 50_000 * (1 + 0.5 * math.sin(t / DAY * 2 * math.pi)) * stage.spread(0.25)


def stage_of(series, since_s, seed=1):
    """A stage at the series' time since_s (epoch seconds), with the plain table's habits for both."""
    zero_s = since_s - since_s % DAY
    stage = Stage(f"series {series.key}", seed, datetime.fromtimestamp(zero_s, timezone.utc).strftime("%Y-%m-%d %H:%M:%S"),
                  now=since_s - zero_s + 7.4)
    stage.minutes = series.minutes
    stage.seconds = lambda table, t: 5.0 * stage.spread(0.12)
    stage.rows = lambda table, t: plain_rows(stage, t)
    return stage, zero_s


def play(series, mapping):
    """The whole series through one mapping: (log, time zero, end), both in epoch seconds."""
    stage, zero_s = stage_of(series, series.first_s)
    if mapping == "rows":
        held = Held(series.sums, series.slot_s, zero_s, min(series.sums))
        stage.rows = lambda table, t: held.at(t) if table == SERIES else plain_rows(stage, t)
    else:
        held = Held(series.means, series.slot_s, zero_s, min(series.means))
        seconds = DURATIONS[mapping](series)
        stage.seconds = lambda table, t: seconds(held.at(t)) if table == SERIES else 5.0 * stage.spread(0.1)
    end_s = series.last_s + series.slot_s
    stage.run(end_s - zero_s)
    return stage.text(), end_s


def onsets(series):
    """10:00 on Monday to Thursday nearest before 65, 70 ... 90 % of the series, with seven hours of it behind."""
    found = set()
    for percent in (65, 70, 75, 80, 85, 90):
        t = series.first_s + percent / 100 * (series.last_s - series.first_s)
        t += 10 * HOUR - t % DAY
        while datetime.fromtimestamp(t, timezone.utc).weekday() > 3 or t + 7 * HOUR > series.last_s:
            t -= DAY
        found.add(t)
    return sorted(found)


def takes_injections(series):
    """Row counts of ten days and more, at least half of them not zero; a crash count may fall to zero with joy."""
    zeros = sum(round(10 * value) == 0 for value in series.sums.values())
    return ("rows" in series.kinds and "crash" not in series.key and series.last_s - series.first_s >= 10 * DAY
            and zeros <= len(series.sums) / 2)


def inject(series, onset_s, history_days=28):
    """Yields (what, log): the rows times ten as they were ("none"), then divided by 5, by 20, and none for six hours from the onset on."""
    kept = {slot: value for slot, value in series.sums.items() if slot * series.slot_s >= onset_s - history_days * DAY}
    before, zero_s = stage_of(series, min(kept) * series.slot_s)
    held = Held(kept, series.slot_s, zero_s, min(kept))
    before.rows = lambda table, t: held.at(t) * 10 if table == SERIES else plain_rows(before, t)
    before.run(onset_s - zero_s - 30)
    end_s = min(onset_s + 8 * HOUR, series.last_s)
    for what, factor in (("none", 1.0), ("rows / 5", 0.2), ("rows / 20", 0.05), ("stall", 0.0)):
        after, _ = stage_of(series, onset_s)
        falls = lambda t, f=factor: f if onset_s <= zero_s + t < onset_s + 6 * HOUR else 1.0
        shift_s = onset_s - onset_s % DAY - zero_s
        rest = Held(kept, series.slot_s, zero_s, min(kept))
        rest.last = held.last
        after.rows = lambda table, t: (rest.at(t + shift_s) * 10 * falls(t + shift_s) if table == SERIES
                                       else plain_rows(after, t))
        after.banners = False
        after.now = after._due = onset_s % DAY + 0.2
        after.run(end_s - zero_s - shift_s)
        yield what, before.text() + after.text()
