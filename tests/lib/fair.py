# SPDX-License-Identifier: GPL-2.0-or-later
"""Seconds on a busy machine, where a program gets a part of a processor only, and that late.

While twice as much wants to run as there are processors, fair seconds pass half as fast; on an idle machine they are seconds. A test
that waits for what merely must happen gives up after fair seconds (and promise.py measures in them):

    left = fair.Left(10)
    while not left.over():
        ...
"""
import os
import subprocess
import time

ENDS_S = 600     # for a command that merely must end; run.py ends a module that hangs before that


def slowness():
    """How many times as long as on an idle machine a program takes now. The mean of the last minute counts too, since it knows also of
    what waits for the disk."""
    with open("/proc/loadavg", encoding="ascii") as file:
        words = file.read().split()
    return max(1.0, max(float(words[0]), int(words[3].split("/")[0]) - 1) / os.cpu_count())


class Left:
    """So many fair seconds from now on."""

    def __init__(self, seconds):
        self.seconds, self.last = seconds, time.monotonic()

    def pass_time(self):
        """What is left."""
        now = time.monotonic()
        self.seconds -= (now - self.last) / slowness()
        self.last = now
        return self.seconds

    def over(self):
        return self.pass_time() <= 0


def wait(process, seconds):
    """A process's exit status; subprocess.TimeoutExpired if it has none after fair seconds."""
    left = Left(seconds)
    while True:
        try:
            return process.wait(0.1)
        except subprocess.TimeoutExpired:
            if left.over():
                raise
