# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers in every state that a real Docker Engine knows, and what the agent says of them."""
import json
import os
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import fair   # noqa: E402
from agent import run   # noqa: E402
from engine import Engine, why_not   # noqa: E402

TIMEOUT_S = 300


@unittest.skipIf(why_not(), why_not())
class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = cls.enterClassContext(Engine())

    def words(self, *names):
        """{container: (state, words)} by one question to all."""
        # The engine of a busy machine takes its time to answer.
        settings = [word for name in names for key, value in (("container", name), ("timeout", "60s"))
                    for word in ("--set", f"probe {name}.{key}={value}")]
        result = run("doctor", "--format", "json", "--log", "/nowhere/log", "--db", "/nowhere/db", *settings,
                     env={**os.environ, "DOCKER_HOST": self.engine.host})
        found = {}
        for finding in json.loads(result.stdout)["checks"]:
            said = re.fullmatch(r"(\S+) \(\S+\) is (up|down|unknown): (.*)", finding["text"])
            if finding["check"] == "probe" and said:
                found[said[1]] = (said[2], said[3])
        return found

    def assert_said(self, **expected):
        self.assertEqual(self.words(*expected), expected)

    def test_running_paused_stopped_and_gone(self):
        self.engine.run("runs")
        self.engine.run("paused")
        self.engine.docker("pause", "paused")
        self.addCleanup(self.engine.docker, "unpause", "paused")
        self.engine.run("killed")
        self.engine.docker("kill", "killed")
        self.engine.run("failed", command=("sh", "-c", "exit 3"))
        self.engine.run("created", verb="create")
        self.engine.run("gone", verb="create")
        self.engine.docker("rm", "gone")
        for name in ("killed", "failed"):
            self.engine.wait_for(name, lambda state: state["Status"] == "exited")
        self.assert_said(runs=("up", "running"), paused=("down", "paused"), killed=("down", "exited, exit code 137"),
                         failed=("down", "exited, exit code 3"), created=("down", "created, but never started, exit code 0"),
                         gone=("down", "no such container"))

    def test_one_that_could_not_be_started_says_why(self):
        self.engine.run("wrong", command=("/no/such/program",), check=False)
        state, words = self.words("wrong")["wrong"]
        self.assertEqual(state, "down")
        self.assertRegex(words, r"^created, but never started, exit code 127: .*")
        self.assertLess(len(words), 250)

    def test_killed_because_memory_was_short(self):
        self.engine.run("greedy", "--memory", "6m", command=("tail", "/dev/zero"))
        self.engine.wait_for("greedy", lambda state: state["Status"] == "exited")
        if not self.engine.state("greedy")["OOMKilled"]:
            self.skipTest("this kernel limits no memory of containers")
        self.assert_said(greedy=("down", "exited, exit code 137, OOM-killed"))

    def test_a_crash_loop_is_down_whenever_it_is_asked(self):
        """Between two crashes it runs; most of the time it waits for its next start."""
        self.engine.run("loops", "--restart", "always", command=("sh", "-c", "sleep 1; exit 7"))
        self.engine.wait_for("loops", lambda state: state["RestartCount"] >= 2)
        seen = set()
        left = fair.Left(60)
        while len(seen) < 2 and not left.over():
            state, words = self.words("loops")["loops"]
            self.assertEqual(state, "down", words)
            said = re.fullmatch(r"(running for less than 10 s|restarting, exit code 7), restarted \d+ times", words)
            self.assertTrue(said, words)
            seen.add(said[1])
        self.assertEqual(len(seen), 2, seen)

    def test_given_up_after_its_restarts(self):
        self.engine.run("ends", "--restart", "on-failure:2", command=("sh", "-c", "exit 9"))
        self.engine.wait_for("ends", lambda state: state["Status"] == "exited" and state["RestartCount"] == 2)
        self.assert_said(ends=("down", "exited, exit code 9, restarted 2 times"))

    def test_its_own_health_check(self):
        self.engine.run("checked", "--health-cmd", "test -e /well", "--health-interval", "1s", "--health-retries", "1",
                        "--health-start-period", "1h")
        self.engine.wait_for("checked", lambda state: state["Health"]["Status"] == "starting")
        self.assert_said(checked=("unknown", "running, its own check has not passed yet"))
        self.engine.docker("exec", "checked", "touch", "/well")
        self.engine.wait_for("checked", lambda state: state["Health"]["Status"] == "healthy")
        self.assert_said(checked=("up", "running"))
        self.engine.docker("exec", "checked", "rm", "/well")
        self.engine.wait_for("checked", lambda state: state["Health"]["Status"] == "unhealthy")
        self.assert_said(checked=("down", "running, unhealthy by its own check"))


if __name__ == "__main__":
    unittest.main()
