# SPDX-License-Identifier: GPL-2.0-or-later
"""A promise in seconds is held to the fair ones of fair.py. From the import on, how slow the machine is gets noted:

    began = time.monotonic()
    ...
    self.assertLess(promise.since(began), 2)
"""
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fair import slowness   # noqa: E402

SAMPLE_S = 0.05


class Course(threading.Thread):
    """How slow the machine was since the beginning of this process, by the clocks: [(monotonic, wall, slowness from then on)]."""

    def __init__(self):
        super().__init__(daemon=True)
        self.samples = []
        self.take()

    def take(self):
        self.samples.append((time.monotonic(), time.time(), slowness()))

    def run(self):
        while True:
            time.sleep(SAMPLE_S)
            self.take()

    def between(self, clock, begin, end):
        """Fair seconds between two instants of a clock: 0 is the monotonic one, 1 the wall's. Of two samples the slower one counts."""
        self.take()
        samples = list(self.samples)
        passed = max(0.0, min(end, samples[0][clock]) - begin)
        for one, other in zip(samples, samples[1:]):
            passed += max(0.0, min(end, other[clock]) - max(begin, one[clock])) / max(one[2], other[2])
        return passed + max(0.0, end - max(begin, samples[-1][clock]))


COURSE = Course()
COURSE.start()


def since(began):
    """Fair seconds from an instant of time.monotonic() until now."""
    return between(began, time.monotonic())


def between(began, ended):
    """Fair seconds between two instants of time.monotonic()."""
    return COURSE.between(0, began, ended)


def between_walls(began, ended):
    """Fair seconds between two instants of time.time()."""
    return COURSE.between(1, began, ended)
