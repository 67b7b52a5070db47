# SPDX-License-Identifier: GPL-2.0-or-later
"""The scheduler's death, as the agent sees it in who holds the log open; and what only looks like one."""

import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import QUICK, Agent, wait_until   # noqa: E402
from hand import is_root              # noqa: E402
from receiver import Receiver, pages   # noqa: E402
from scheduler import Scheduler       # noqa: E402

TIMEOUT_S = 180
KILLS = int(os.environ.get("WRITER_KILLS", "5"))
KILLS_AT_ONCE = 3
CYCLES = "SELECT count(*) FROM cycle WHERE outcome = 'success'"
SETTINGS = {"notify.reminder": "0", "schedule.restart_grace": "1s", "detect.flapping_per_day": "1000"}
HOLD = "import sys, time; f = open(sys.argv[1], 'a'); print('held', flush=True); time.sleep(600)"


DOWN = "IcebergOffloadSchedulerDown"


class Death(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-death-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.receiver = self.enterContext(Receiver())

    def agent(self, settings=None):
        return Agent(self.log, self.directory / "history.db", self.receiver.url("/hook"), {**SETTINGS, **(settings or {})})

    def kill_once(self, number):
        """How long the warning took, and how much later it was critical."""
        log, path = self.directory / f"scheduler-{number}.log", f"/hook/{number}"
        with Scheduler(log) as scheduler, Agent(log, log.with_suffix(".db"), self.receiver.url(path), SETTINGS) as agent:
            scheduler.cycle()
            agent.wait_for(CYCLES, 1)
            at = scheduler.kill()
            told = self.receiver.wait(2, timeout=10, path=path)
            self.assertEqual(pages(told), [(DOWN, "firing", "warning"), (DOWN, "firing", "critical")])
            opened, critical = agent.rows("SELECT opened_at, critical_at FROM incident")[0]
            return promise.between_walls(at, told[0].wall), (critical - opened) / 1000

    def test_a_kill_is_a_warning_within_a_second_and_critical_after_the_grace(self):
        with concurrent.futures.ThreadPoolExecutor(KILLS_AT_ONCE) as pool:
            warnings, graces = zip(*pool.map(self.kill_once, range(KILLS)))
        print(f"# held: SIGKILL of the writer, {KILLS} times: warning after {max(warnings):.2f} s at most, critical after a grace of "
              f"1 s in {min(graces):.2f} to {max(graces):.2f} s")
        self.assertLess(max(warnings), 1)
        self.assertGreater(min(graces), 0.85)   # its clock begins a moment before the warning

    def test_a_restart_within_the_grace_is_no_critical(self):
        with self.agent({"schedule.restart_grace": "5s"}) as agent:
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for(CYCLES, 1)
            self.receiver.wait(1, timeout=10, path="/hook")
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                self.receiver.wait(2, timeout=10, path="/hook")
                time.sleep(1)
                self.assertEqual(pages(self.receiver.at("/hook")), [(DOWN, "firing", "warning"), (DOWN, "resolved", "warning")])

    def test_what_only_looks_like_a_death_fools_nobody(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for(CYCLES, 1)
            for number, disguise in enumerate((self.echo, self.copytruncate, self.reader, self.fork, self.editor), 2):
                disguise()
                time.sleep(0.3)
                scheduler.cycle()
                agent.wait_for(CYCLES, number)
                self.assertEqual(self.receiver.at("/hook"), [], disguise.__name__)
            self.assertEqual(agent.rows("SELECT count(*) FROM cycle"), [(6,)], "a line was read twice")
            at = scheduler.kill()
            told = self.receiver.wait(1, timeout=10, path="/hook")
            self.assertLess(promise.between_walls(at, told[0].wall), 1)
        print("# held: echo >>, copytruncate, a second reader, a fork that closes, an editor's save: no page; the kill after them: one")

    def echo(self):
        for _ in range(5):
            subprocess.run(["sh", "-c", 'echo "a remark" >>"$0"', self.log], check=True)

    def copytruncate(self):
        shutil.copy(self.log, f"{self.log}.1")
        os.truncate(self.log, 0)

    def reader(self):
        subprocess.run(["tail", "-n", "1", self.log], check=True, stdout=subprocess.DEVNULL)

    def fork(self):
        subprocess.run([sys.executable, "-c", "import os, sys; f = open(sys.argv[1], 'a'); os.fork() and os.wait()", self.log],
                       check=True)

    def editor(self):
        subprocess.run(["sed", "-i", "s/nothing at all/nothing/", self.log], check=True)   # a new file of the same text

    def test_a_fork_that_still_holds_the_log_is_a_writer(self):
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for(CYCLES, 1)
            holder = subprocess.Popen([sys.executable, "-S", "-c", HOLD, self.log], stdout=subprocess.PIPE, text=True)
            holder.stdout.readline()
            scheduler.kill()
            time.sleep(1)
            self.assertEqual(self.receiver.at("/hook"), [])
            at = time.time()
            holder.send_signal(signal.SIGKILL)
            holder.communicate()
            told = self.receiver.wait(1, timeout=10, path="/hook")
            self.assertLess(promise.between_walls(at, told[0].wall), 1)

    @unittest.skipUnless(is_root(), "needs root")
    def test_where_nobody_may_ask_the_deadlines_tell(self):
        self.directory.chmod(0o755)
        (self.directory / "state").mkdir()
        os.chown(self.directory / "state", 65534, 65534)
        with Scheduler(self.log, interval=1, script="healthy 100") as scheduler:
            # A scheduler that a busy machine keeps waiting for some seconds is not late yet.
            agent = Agent(self.log, self.directory / "state" / "history.db", self.receiver.url("/hook"),
                          {**QUICK, "schedule.late_warning": "12s", "schedule.late_critical": "15s", "detect.lag_warning": "1h",
                           "detect.lag_critical": "2h", "detect.cycle_slow": "1h", "detect.cycle_too_slow": "2h"})
            agent.command[0] = shutil.copy(agent.command[0], self.directory / "agent")   # where anybody may run it
            agent.command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *agent.command]
            with agent:
                agent.wait_for(f"SELECT ({CYCLES}) > 1", 1)
                self.assertEqual(self.receiver.at("/hook"), [])
                scheduler.kill()
                wait_until(lambda: (DOWN, "firing", "critical") in pages(self.receiver.at("/hook")), 40, "no page")
                self.assertEqual(agent.said().count("may not be asked here"), 1)
                self.assertNotIn("died", str([r.json() for r in self.receiver.at("/hook")]))
        print("# held: without CAP_LEASE: said once, and the broken promise pages")


if __name__ == "__main__":
    unittest.main()
