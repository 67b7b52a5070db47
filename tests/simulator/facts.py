# SPDX-License-Identifier: GPL-2.0-or-later
"""What really happened, apart from what the log says: the ground truth, and what metrics are made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    us: int
    kind: str          # up, down, hung, promise, cycle, cycle_end, ok, failed, end
    table: str = None
    value: object = None


class Facts:
    """Keeps what happened from since_us on; since_us None keeps nothing (a healthy year has no story)."""

    def __init__(self, since_us=None):
        self.since_us = since_us
        self.all = []

    def add(self, us, kind, table=None, value=None):
        if self.since_us is not None and us >= self.since_us:
            self.all.append(Fact(us, kind, table, value))

    def of(self, *kinds, since=0, before=None, tables=None):
        return [f for f in self.all if f.kind in kinds and f.us >= since and (before is None or f.us < before)
                and (tables is None or f.table in tables)]

    def first(self, *kinds, **where):
        found = self.of(*kinds, **where)
        return found[0].us if found else None

    def cycles(self, since=0):
        """(start, end) of completed cycles."""
        start = None
        for fact in self.of("cycle", "cycle_end", since=since):
            if fact.kind == "cycle":
                start = fact.us
            elif start is not None:
                yield start, fact.us
                start = None
