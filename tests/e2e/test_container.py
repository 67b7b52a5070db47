# SPDX-License-Identifier: GPL-2.0-or-later
"""[log] container: the log of a container, by its file or through Docker's API, against a stand-in with the API's documented answers
(tests/servers/test_docker_log.py has a real Engine): nothing lost or doubled over kills, restarts and a container that is made anew, and its
death known within a second."""
import datetime
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import promise   # noqa: E402
from agent import Agent, run, wait_until   # noqa: E402
from docker_api import Docker, environment   # noqa: E402
from framed import PATTERNS, clock   # noqa: E402
from receiver import Receiver, pages   # noqa: E402

NAME = "k2-prefect-worker"
TABLES = ("bronze_trades_binance", "silver_trades")
SLOW = {**{f"schedule.{key}": "1h" for key in ("late_warning", "table_timeout", "stop_grace", "hang_grace")}, "schedule.late_critical": "2h",
        "schedule.interval": "500ms", "detect.lag_warning": "1h", "detect.lag_critical": "2h", "notify.reminder": "0"}
TIMEOUT_S = 300


class ContainerCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="agent-container-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        (self.directory / "patterns.conf").write_text(PATTERNS, encoding="utf-8")
        self.docker = self.enterContext(Docker(self.directory))
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.truth, self.cycles = [], 0

    def agent(self, **settings):
        agent = Agent("unused", self.directory / "history.db", self.receiver.url("/hook"),
                      {**SLOW, "schedule.restart_grace": "1h", "log.container": NAME, "log.timezone": "UTC", "log.patterns": self.directory / "patterns.conf",
                       **{key.replace("__", "."): value for key, value in settings.items()}})
        agent.command = [word for i, word in enumerate(agent.command) if word != "--log" and agent.command[i - 1] != "--log"]
        self.addCleanup(self.end, agent)
        return agent

    def end(self, agent):
        if agent.process and agent.process.poll() is None:
            agent.stop()

    def start(self, agent):
        return agent.start({"DOCKER_HOST": self.docker.host})

    def say(self, container, text, **more):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.docker.log(container, f"{clock(now)} | INFO    | {text}", **more)
        return now

    def cycle(self, container):
        name = f"run-{self.cycles}"
        self.say(container, f"Flow run '{name}' - Beginning flow run '{name}' for flow 'iceberg-offload-main'")
        for table in TABLES:
            self.say(container, f"Task run '{table}' - Starting offload: {table} → cold.{table}")
            self.say(container, f"Flow run '{name}' - chatter", stream="stdout")
            rows = len(self.truth) + 1
            self.say(container, f"Task run '{table}' - ✓ Offload completed: {table} ({rows:,} rows in 12.5s)")
            self.truth.append((table, rows))
        self.say(container, f"Flow run '{name}' - Finished in state Completed()")
        self.cycles += 1

    def wait_counted(self, agent, timeout=15):
        wait_until(lambda: agent.rows("SELECT count(*) FROM cycle WHERE outcome = 'success'") == [(self.cycles,)], timeout,
                   lambda: f"{agent.rows('SELECT count(*) FROM cycle')} of {self.cycles}: {agent.said()}")
        self.assertEqual(agent.rows("SELECT table_name, rows FROM run ORDER BY id"), self.truth, agent.said())


class Counted(ContainerCase):
    def follow_through_everything(self, steps, seed, **kind):
        chance = random.Random(seed)
        container = self.docker.create(NAME, **kind)
        agent = self.start(self.agent())
        self.cycle(container)
        self.wait_counted(agent)
        for _ in range(steps):
            self.cycle(container)
            time.sleep(chance.uniform(0, 0.05))
            step = chance.choice(("kill", "restart", "anew", "daemon", "long", "none", "none"))
            if step == "kill":
                if agent.rows("SELECT count(*) FROM state WHERE key = 'starts' AND CAST(value AS INTEGER) >= 1") in ([], [(0,)]):
                    agent.kill()
                    self.cycle(container)
                    self.start(agent)
            elif step == "restart":
                self.docker.die(container, 137)
                time.sleep(0.05)
                self.docker.restart(container)
            elif step == "anew":
                self.cycle(container)
                if not kind.get("keeps_file", True):
                    self.wait_counted(agent)      # of a container that is removed, Docker's API has no log any more
                self.docker.die(container, 0)
                time.sleep(0.3)
                self.docker.remove(container)
                container = self.docker.create(NAME, **kind)
            elif step == "daemon":
                self.docker.stop()
                self.cycle(container)
                time.sleep(0.1)
                self.docker.start()
            elif step == "long" and not kind.get("tty"):
                ns = time.time_ns()
                for part in ("x" * 16384, "y" * 16384):
                    self.docker.log(container, part, stream="stdout", ns=ns, end="")
                    self.say(container, "Flow run 'x' - chatter")
                self.docker.log(container, "its end", stream="stdout", ns=ns)
        self.cycle(container)
        self.wait_counted(agent, 40)
        agent.end()

    def test_by_its_file(self):
        self.follow_through_everything(14, 1)

    def test_through_the_api(self):
        self.follow_through_everything(14, 2, keeps_file=False)

    def test_through_the_api_with_a_terminal(self):
        self.follow_through_everything(8, 3, keeps_file=False, tty=True)

    def test_messages_with_the_same_stamp_are_each_taken_once(self):
        container = self.docker.create(NAME, keeps_file=False)
        agent = self.agent()
        now = time.time_ns() - 10**9
        at = clock(datetime.datetime.fromtimestamp(now / 1e9, datetime.timezone.utc))
        for number in range(4):
            for text in (f"Flow run 'f' - Beginning flow run 'f' for flow 'iceberg-offload-main'", "Flow run 'f' - Finished in state Completed()"):
                self.docker.log(container, f"{at} | INFO    | {text}", ns=now + number % 2)      # as if out of order
            self.cycles += 1
            self.start(agent)
            self.wait_counted(agent)
            agent.kill()
        self.start(agent)
        self.cycle(container)
        self.wait_counted(agent)
        spool = (self.directory / "container.log").read_bytes().splitlines()
        self.assertEqual(len(spool), len(container.messages))
        self.assertEqual(os.stat(self.directory / "container.log").st_mode & 0o777, 0o600)


class Lives(ContainerCase):
    def death(self, how, **kind):
        container = self.docker.create(NAME, **kind)
        agent = self.start(self.agent(schedule__restart_grace="300ms"))
        self.cycle(container)
        self.wait_counted(agent)
        died_at = time.monotonic()
        how(container)
        agent.wait_for("SELECT count(*) FROM incident WHERE alert = 'IcebergOffloadSchedulerDown'", 1, 5)
        return agent, promise.since(died_at)

    def test_its_death_is_known_within_a_second(self):
        for kind in ({}, {"keeps_file": False}):
            agent, took = self.death(lambda container: self.docker.die(container, 137, oom=True), **kind)
            self.assertLess(took, 1.3 + 0.3)      # the grace, and what the commit takes
            wait_until(lambda a=agent: "OOM-killed" in a.said(), 5, agent.said)
            agent.end()
            for path in self.directory.glob("history*"):
                path.unlink()
            (self.directory / "container.log").unlink(missing_ok=True)
            self.cycles, self.truth = 0, []
            self.docker.remove(self.docker.find(NAME))

    def test_a_container_that_is_missing_is_said_and_waited_for(self):
        agent = self.start(self.agent())
        wait_until(lambda: "Docker knows no such container" in agent.said(), 5, agent.said)
        container = self.docker.create(NAME)
        self.cycle(container)
        self.wait_counted(agent)

    def test_a_daemon_that_is_away_is_said_and_asked_again(self):
        container = self.docker.create(NAME)
        self.docker.stop()
        agent = self.start(self.agent())
        wait_until(lambda: "Docker cannot be asked" in agent.said(), 5, agent.said)
        status = run("status", "--db", self.directory / "history.db")
        self.assertNotEqual(status.returncode, 0)
        self.docker.start()
        self.cycle(container)
        self.wait_counted(agent)
        self.docker.stop()
        wait_until(lambda: agent.said().count("Docker cannot be asked") >= 2, 5, agent.said)
        self.docker.start()
        self.cycle(container)
        self.wait_counted(agent)

    def test_waiting_costs_nothing(self):
        self.docker.create(NAME, keeps_file=False)
        agent = self.start(self.agent())
        time.sleep(1)
        tasks = lambda: sum(int((task / "schedstat").read_text(encoding="ascii").split()[0])   # noqa: E731
                            for task in pathlib.Path(f"/proc/{agent.process.pid}/task").iterdir()) / 1e9
        before = tasks()
        time.sleep(1.5)
        self.assertLess(tasks() - before, 0.1)

    def named(self, container, name, *messages):
        for message in messages:
            self.say(container, f"{name} - {message}")

    def test_one_that_is_made_anew_in_mid_cycle_is_no_news(self):
        begins = "Beginning flow run 'otter' for flow 'iceberg-offload-main'"
        for keeps_file in (True, False):
            with self.subTest(keeps_file=keeps_file):
                container = self.docker.create(NAME, keeps_file=keeps_file)
                agent = self.start(self.agent(log__patterns="built-in:k2-prefect", schedule__interval="15m"))
                self.named(container, "Flow run 'newt'", begins)
                self.named(container, "Task run 't-1'", "Starting offload: a → cold.a")
                agent.wait_for("SELECT outcome FROM run", "running")
                self.docker.log(container, "Worker 'W 1' stopped!", stream="stdout")
                agent.wait_for("SELECT outcome FROM cycle", "aborted")
                self.docker.die(container, 0)
                time.sleep(0.3)
                self.docker.remove(container)
                container = self.docker.create(NAME, keeps_file=keeps_file)
                self.docker.log(container, "Discovered type 'process' for work pool 'iceberg-offload'.", stream="stdout")
                self.docker.log(container, "Worker 'W 2' started!", stream="stdout")
                self.named(container, "Flow run 'otter'", begins)
                self.named(container, "Task run 't-2'", "Starting offload: a → cold.a", "✓ Offload completed: a", "  Rows: 5",
                           "Finished in state Completed()")
                self.named(container, "Flow run 'otter'", "Finished in state Completed()")
                agent.wait_for("SELECT group_concat(outcome) FROM (SELECT outcome FROM cycle ORDER BY id)", "aborted,success")
                self.assertEqual(agent.rows("SELECT count(*) FROM incident"), [(0,)], agent.said())
                agent.end()
                self.docker.remove(container)
                for path in self.directory.glob("history*"):
                    path.unlink()
                (self.directory / "container.log").unlink(missing_ok=True)

    def test_check_config(self):
        bad = run("check-config", "--set", "log.container=a/b", env=environment(self.docker))
        self.assertEqual(bad.returncode, 2)
        self.assertIn("'a/b' is not the name of a container", bad.stderr)


if __name__ == "__main__":
    unittest.main()
