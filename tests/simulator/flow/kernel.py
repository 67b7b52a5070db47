# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual clock with several strands of work at once: flow runs may overlap, and tables may run side by side.

A strand is a generator. It yields seconds to sleep, or a list of other strands whose end it waits for.
"""

import heapq

from ..clock import SECOND


class Strand:
    def __init__(self, work, group):
        self.work, self.group = work, group
        self.alive = True
        self.waiting_for = 0
        self.waiters = []


class Kernel:
    def __init__(self, now_us):
        self.now_us = now_us
        self._heap = []
        self._count = 0
        self._strands = set()

    def spawn(self, work, group=None, after_s=0.0):
        """`group` names strands that die together, such as all those of one process."""
        strand = Strand(work, group)
        self._strands.add(strand)
        self._wake(strand, after_s)
        return strand

    def kill(self, among):
        """Strands whose group `among` accepts end without another word, and nobody who waits for them is told."""
        for strand in [s for s in self._strands if s.group is not None and among(s.group)]:
            strand.alive = False
            self._strands.discard(strand)
            strand.work.close()

    def run(self, until_us):
        while self._heap and self._heap[0][0] <= until_us:
            at_us, _, strand = heapq.heappop(self._heap)
            if strand.alive:
                self.now_us = max(self.now_us, at_us)
                self._step(strand)
        self.now_us = max(self.now_us, until_us)

    def _wake(self, strand, after_s):
        self._count += 1
        heapq.heappush(self._heap, (self.now_us + round(after_s * SECOND), self._count, strand))

    def _step(self, strand):
        try:
            wish = next(strand.work)
        except StopIteration:
            self._end(strand)
            return
        if not isinstance(wish, list):
            self._wake(strand, max(0.0, wish))
            return
        others = [s for s in wish if s.alive]
        strand.waiting_for = len(others)
        for other in others:
            other.waiters.append(strand)
        if not others:
            self._wake(strand, 0.0)

    def _end(self, strand):
        strand.alive = False
        self._strands.discard(strand)
        for waiter in strand.waiters:
            waiter.waiting_for -= 1
            if waiter.alive and waiter.waiting_for == 0:
                self._wake(waiter, 0.0)
