# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of the flow's container told step by step: situations set hooks, let it run up to a time, kill it, pause it, start it again.

Times are seconds (UTC) since the Monday on which the log begins, as in ..stage. Nothing but what a situation asks for goes wrong.
"""

import math
import random
from collections import deque

from ..clock import MINUTE as MINUTE_US, SECOND, us_from_text
from ..facts import Facts
from . import names
from .console import Console
from .kernel import Kernel
from .maintenance import maintenance_flow
from .pipeline import Cycle, crash, end_cycle, main_flow
from .voice import REFUSED_BY_API, Voice

MINUTE, HOUR, DAY = 60, 3600, 86400
MONDAY = "2026-02-23 00:00:00"
AHEAD_S = 10.0                     # the worker asks for runs every ten seconds, and takes those due within ten seconds
POLL_S = (0.5, 9.5)
BOOT_S = (2.5, 5.0)                # of a flow's process, up to its first line


class FlowStage:
    """Hooks take an Attempt (pipeline.py); each may be replaced at any time."""

    def __init__(self, name, seed, monday=MONDAY, now=7.3, frame="plain", dated=True, parallel=False, newer=False, write=None, facts=None):
        self.rng = random.Random(f"flow {name} {seed}")
        self.seed = seed
        self.out = []                  # the lines of the present container, where `write` is not given
        self.containers = [self.out]   # a container that is re-created has a file of its own
        self.parallel = parallel
        self.options = []              # what the agent is told about this log
        self.stamp_shift = 0.0
        self.minutes = 15
        self.layers = names.LAYERS
        self.maintenance_hour = 2
        self.audit_missing = False
        self.maintenance_fails = lambda word, table: False
        self.seconds = lambda a: names.USUAL[a.table][0] * self.spread(0.1)
        self.rows = lambda a: self.daily_rows(a.table, a.t)
        self.fate = lambda a: None     # None, a cause of ..voice, "timeout" or "hang"
        self.stderr = lambda a, text: text
        self.facts = facts or Facts(0)
        self.cycles = []               # every flow run of the offload that began, in order
        self.keep_cycles = True
        self.monday_us = us_from_text(monday)
        digits = random.Random(f"digits {seed}")   # apart, so that every frame tells the same story
        self.console = Console(write or self._write, frame, dated, lambda: digits.randrange(1000))
        self.kernel = Kernel(self.monday_us + round(now * SECOND))
        self.voice = Voice(self.console, lambda: self.kernel.now_us, newer)
        self.worker_up = self.server_up = False
        self.paused = False
        self._maintaining = 0
        self._open = []                # cycles in progress
        self._names = deque(maxlen=200)
        self._late = []                # slots whose runs the server keeps
        self.kernel.spawn(self._schedule())
        self.kernel.spawn(self._schedule_maintenance())

    @property
    def step_us(self):
        return self.minutes * MINUTE_US

    # What a usual table does.

    def spread(self, sigma):
        return math.exp(self.rng.gauss(0.0, sigma))

    def daily_rows(self, table, t, sigma=0.2):
        level = names.USUAL[table][1]
        if table not in names.BRONZE + names.SILVER:
            return level               # candles are as many as there are symbols
        return level * math.exp(0.5 * math.sin((t % DAY / DAY - 0.35) * 2 * math.pi)) * self.spread(sigma)

    def moment(self, least, most):
        return self.rng.uniform(least, most)

    def load(self):
        """Cycles that overlap, and the maintenance, slow each other down."""
        return 1.0 + 0.35 * (len(self._open) - 1 if self._open else 0) + (0.4 if self._maintaining else 0.0)

    # What happens to the containers.

    @property
    def now(self):
        return self.t()

    def t(self):
        return (self.kernel.now_us - self.monday_us) / SECOND

    def run(self, until):
        if not self.worker_up:
            self.start_worker()
        self.wait(until)

    def wait(self, until):
        """Like run(), but a worker that is down stays so."""
        self.kernel.run(self.monday_us + round(until * SECOND))

    def start_worker(self):
        self.server_up = self.worker_up = True
        self.facts.add(self.kernel.now_us, "up")
        self.voice.worker_started(f"ProcessWorker {names.uuid(self.rng)}")
        self._catch_up()

    def kill_worker(self):
        """SIGKILL of the container, the OOM killer, a power cut: no line of anybody."""
        self._end_worker("kill")

    def stop_worker(self):
        """docker compose stop: the flows' processes get the signal, too, and end without a state."""
        self.voice.worker_stopped()
        self._end_worker("stop")

    def recreate(self, seconds=4.0):
        """A new container: its log is a new file."""
        self.stop_worker()
        self.wait(self.now + seconds)
        self.out = []
        self.containers.append(self.out)
        self.start_worker()

    def kill_flow(self, code=-9):
        """The oldest flow process in progress is killed for its memory."""
        cycle = self._open[0]
        self._kill(cycle)
        end_cycle(self, cycle, "crashed")
        self.voice.process_exited(cycle.name, cycle.run_id, code, crashed=True)

    def stop_server(self):
        """Flows in progress crash when next they speak to it, and the worker complains for as long as it lasts."""
        self.server_up = False
        for cycle in list(self._open):
            self.kernel.spawn(self._refused(cycle), after_s=self.moment(0.5, 20.0))
        self.kernel.spawn(self._complain(), after_s=30.0)

    def start_server(self):
        self.server_up = True
        self._catch_up()

    def pause(self):
        """The deployment's schedule is paused: its scheduled runs are deleted, and none comes later for what was left out."""
        self.paused = True
        self._late.clear()

    def resume(self):
        self.paused = False

    def text(self):
        return "".join(line for out in self.containers for line in out)

    # How it works.

    def _write(self, line):
        self.out.append(line)

    def _schedule(self):
        """The server's scheduler: a run for each slot, known to the worker up to ten seconds before."""
        slot = (self.kernel.now_us // self.step_us + 1) * self.step_us
        while True:
            yield (slot - self.kernel.now_us) / SECOND - AHEAD_S
            if not self.paused:
                self._late.append(slot)
                self._catch_up()
            slot += self.step_us

    def _schedule_maintenance(self):
        while True:
            day = (self.kernel.now_us // SECOND) % DAY
            yield (self.maintenance_hour * HOUR - day - 1) % DAY + 1.0
            if self.worker_up and self.server_up and self.maintenance_hour >= 0:
                job = Cycle(self.flow_name(), names.uuid(self.rng), self.kernel.now_us)
                self.kernel.spawn(self._maintain(job), job, self.moment(2.0, 8.0))

    def _maintain(self, job):
        self.voice.submitting(job.run_id)
        yield self.moment(0.2, 0.6)
        self.voice.submitted(job.name, job.run_id)
        yield self.moment(*BOOT_S)
        self._maintaining += 1
        try:
            yield from maintenance_flow(self, job)
        finally:
            self._maintaining -= 1

    def _catch_up(self):
        """All runs that wait start at once, as nothing limits how many."""
        if self.worker_up and self.server_up:
            for slot in self._late:
                cycle = Cycle(self.flow_name(), names.uuid(self.rng), slot)
                self.kernel.spawn(self._submit(cycle), cycle, self.moment(*POLL_S))
            self._late.clear()

    def flow_name(self):
        """Not that of another flow run of these hours, which would be rare."""
        while (name := names.flow_run(self.rng)) in self._names:
            pass
        self._names.append(name)
        return name

    def _submit(self, cycle):
        self.voice.submitting(cycle.run_id)
        yield self.moment(0.2, 0.6)
        self.voice.submitted(cycle.name, cycle.run_id)
        due_s = (cycle.slot_us - self.kernel.now_us) / SECOND
        yield max(due_s + self.moment(0.1, 0.6), self.moment(*BOOT_S))
        if self.keep_cycles:
            self.cycles.append(cycle)
        self._open.append(cycle)
        try:
            yield from main_flow(self, cycle)
        finally:
            if cycle in self._open:
                self._open.remove(cycle)

    def _kill(self, cycle):
        self.kernel.kill(lambda group: group is cycle)
        if cycle in self._open:
            self._open.remove(cycle)

    def _end_worker(self, how):
        for cycle in list(self._open):
            self._kill(cycle)
            end_cycle(self, cycle, "crashed")
        self.kernel.kill(lambda group: True)
        self.worker_up = False
        self.facts.add(self.kernel.now_us, "down", None, how)

    def _refused(self, cycle):
        if cycle.outcome == "running" and not self.server_up:
            self._kill(cycle)
            crash(self, cycle, REFUSED_BY_API)
            self.voice.process_exited(cycle.name, cycle.run_id, 1)
        return
        yield

    def _complain(self):
        while self.worker_up and not self.server_up:
            self.voice.server_unreachable()
            yield self.moment(30.0, 60.0)

