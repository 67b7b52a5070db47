# SPDX-License-Identifier: GPL-2.0-or-later
"""Everyday situations, each with what is due in it. A situation is a function that plays on a stage and returns its conditions (due.py);
its first line of documentation says why they are due."""

import importlib
from dataclasses import dataclass

from ..flow.incidents import FORMS, options_of
from ..flow.stage import FlowStage
from ..stage import MONDAY, Stage

MODULES = ("habits", "levels", "slowness", "volumes", "stalls", "tables", "lives", "times", "failures", "texts", "flow")
KNOWN = {}


@dataclass(frozen=True)
class Situation:
    name: str
    play: object
    group: str
    why: str
    share: float                   # of the seeds in which it must be right
    zone: str
    monday: str
    tail_s: float                  # how long the clock runs on behind the last line
    of_flow: bool = False          # the log is that of the Prefect flow

    def stage(self, seed):
        if self.of_flow:
            frame, dated, parallel, newer = form = FORMS[seed % len(FORMS)]
            stage = FlowStage(self.name, seed, monday=self.monday, frame=frame, dated=dated, parallel=parallel, newer=newer)
            stage.options = options_of(form)
            return stage
        return Stage(self.name, seed, self.monday, self.zone)


def situation(share=1.0, zone="UTC", monday=MONDAY, tail_s=30.0, name=None, why=None, of_flow=False):
    def register(play):
        what = name or play.__name__
        assert what not in KNOWN, what
        KNOWN[what] = Situation(what, play, play.__module__.split(".")[-1], why or play.__doc__.strip().splitlines()[0],
                                share, zone, monday, tail_s, of_flow)
        return play
    return register


def catalogue():
    """All situations by name, in the order of the modules."""
    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}")
    return KNOWN
