# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets planted everywhere: they reach their own receiver and nothing else."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import BINARY, Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

TIMEOUT_S = 180
KRAKEN = "bronze_trades_kraken"

# Each is found by its middle, whatever stands around it.
IN_URL = {"path": "PATHsecretA1b2", "query": "QUERYsecretC3d4", "user": "USERsecretE5f6", "password": "PASSsecretG7h8"}
HEADER, TOKEN, ROUTING_KEY, BEAT = "HEADERsecretI9j0", "TOKENsecretK1l2", "ROUTINGsecretM3n4", "BEATsecretO5p6"
CONFIGURED = [*IN_URL.values(), HEADER, TOKEN, ROUTING_KEY, BEAT]
EXCERPT = {
    "password": "password=EVIDsecretP1",
    "jdbc": "jdbc:postgresql://offload:EVIDsecretP2@db:5432/x refused",
    "query": "jdbc:clickhouse://ch:8123/d?user=a&password=EVIDsecretP3",
    "bearer": "Authorization: Bearer EVIDsecretP4abc",
    "aws": "key AKIAEVIDSECRETP5ABCD used",
    "s3": "fs.s3a.secret.key=EVIDsecretP6/abc",
    "key": "-----BEGIN RSA PRIVATE KEY-----\nEVIDsecretP7MIIEowIBAAKCAQEA\nEVIDsecretP8qLmN0pQ\n-----END RSA PRIVATE KEY-----",
}
LOGGED = [f"EVIDsecretP{number}" for number in (1, 2, 3, 4, 6, 7, 8)] + ["AKIAEVIDSECRETP5ABCD", "EVIDsecretX1"]


class Secrets(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-secrets-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.log, self.database = self.directory / "scheduler.log", self.directory / "history.db"
        self.textfile = self.directory / "agent.prom"
        self.config = self.directory / "agent.conf"
        for name, secret in (("token", TOKEN), ("key", ROUTING_KEY)):
            (self.directory / name).write_text(secret + "\n", encoding="ascii")
        self.path = f"/{IN_URL['path']}/hook?v={IN_URL['query']}"
        at = f"{IN_URL['user']}:{IN_URL['password']}@127.0.0.1:{self.receiver.port}"
        self.config.write_text(f"""
[log]
path = {self.log}
[history]
db = {self.database}
[notify]
reminder = 0
[metrics]
textfile = {self.textfile}
[heartbeat]
url = {self.receiver.url('/' + BEAT)}
every = 1s
[webhook url]
url = http://{at}{self.path}
[webhook headers]
url = {self.receiver.url('/headers')}
header = X-Custom: {HEADER}
token_file = {self.directory / 'token'}
[webhook duty]
url = {self.receiver.url('/duty')}
format = pagerduty
routing_key_file = {self.directory / 'key'}
""", encoding="utf-8")
        self.config.chmod(0o600)

    def agent(self, wrapper=()):
        agent = Agent(self.log, self.database, settings={})
        agent.command = [*wrapper, BINARY, "run", "--config", str(self.config), "--verbose"]
        return agent

    def dump(self):
        with sqlite3.connect(self.database) as database:
            text = "\n".join(database.iterdump())
        database.close()
        return text

    def assert_clean(self, name, text, secrets):
        for secret in secrets:
            self.assertNotIn(secret.lower(), text.lower(), f"{name} shows {secret}")

    def outputs(self):
        where = ["--config", self.config]
        for arguments in (["status"], ["status", "--verbose"], ["incidents"], ["report"], ["report", "--format", "markdown"],
                          ["report", "--format", "json"], ["report", "--format", "html"],
                          ["report", "--incident", "1"], ["report", "--since", "1d"],
                          ["check-config", "--verbose"], ["test-webhook"], ["replay", "--until", "+1h", self.log],
                          ["replay", "--until", "+1h", "--format", "json", self.log], ["parse", self.log]):
            result = run(*arguments, *where)
            yield " ".join(map(str, arguments)), result.stdout + result.stderr

    def test_no_output_and_no_row_shows_one(self):
        # Receivers that repeat the whole request, as many error pages do.
        for path in (self.path, "/headers", "/duty", "/" + BEAT):
            self.receiver.plan(path, "echo")
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            self.trouble(scheduler, agent)
            agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending'", 0, 20)
            wait_until(self.textfile.exists, 10, "no textfile")
            wait_until(lambda: "heartbeat" in agent.said(), 10, "no heartbeat failed")
            for name, text in self.outputs():
                self.assertTrue(text.strip(), f"{name} says nothing")
                self.assert_clean(name, text, CONFIGURED + LOGGED)
            agent.stop()
        self.assertGreater(self.dump().count("***"), len(EXCERPT))
        for name, text in (("the log", agent.said()), ("standard output", agent.printed()), ("the history", self.dump()),
                           ("the textfile", self.textfile.read_text(encoding="utf-8"))):
            self.assert_clean(name, text, CONFIGURED + LOGGED)
        for request in self.receiver.at(None):
            self.assert_clean(f"the request to {request.path}", request.body.decode(), LOGGED)
        for file in self.directory.glob("history.db*"):
            self.assert_clean(file.name, file.read_bytes().decode("latin-1"), CONFIGURED + LOGGED)

    def trouble(self, scheduler, agent):
        """After one good cycle: a failure for each kind of secret in its excerpt, an exception, the scheduler's death."""
        for count, excerpt in enumerate(EXCERPT.values(), 2):
            scheduler.cycle_started()
            scheduler.run_started(KRAKEN)
            scheduler.run_failed(KRAKEN, 1, excerpt)
            scheduler.cycle_completed(12.0, 0, 1, 0, 0)
            scheduler.next_run()
            agent.wait_for("SELECT count(*) FROM cycle WHERE ended_at IS NOT NULL", count)
        scheduler.cycle_started()
        scheduler.run_started(KRAKEN)
        scheduler.cycle_exception("cannot open postgresql://offload:EVIDsecretX1@db/x")
        agent.wait_for("SELECT count(*) FROM run WHERE outcome = 'aborted'", 1)
        scheduler.kill()
        agent.wait_for("SELECT count(*) > 0 FROM incident WHERE alert = 'IcebergOffloadSchedulerDown'", 1)

    def test_the_kernel_sees_each_go_to_its_own_receiver_only(self):
        if not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
            self.skipTest("strace cannot trace here")
        if os.geteuid() != 0:
            self.skipTest("needs root: the agent lets no other process of its user read its memory")
        trace = self.directory / "trace"
        wrapper = ["strace", "-D", "-f", "-q", "-s", "100000", "-o", str(trace), "-e", "trace=network,write,writev,execve"]
        with Scheduler(self.log) as scheduler, self.agent(wrapper) as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            scheduler.kill()
            agent.wait_for("SELECT count(*) > 0 AND count(*) = sum(status = 'delivered') FROM outbox", 1, 30)
            self.receiver.wait(1, 10, "/" + BEAT)
        lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
        mine = {"/headers": [HEADER, TOKEN], "/duty": [ROUTING_KEY], self.path: [IN_URL["path"], IN_URL["query"]], "/" + BEAT: [BEAT]}
        for line in lines:
            for owner, secrets in mine.items():
                for secret in secrets:
                    if secret in line:
                        self.assertRegex(line, r" send(to|msg)\(| write\(")
                        self.assertIn(f"{owner} HTTP/1.1", line, f"{secret} went elsewhere")
        self.assertTrue(any(TOKEN in line for line in lines), "the trace saw nothing")
        self.assertEqual(sum("execve(" in line for line in lines), 1)   # its own: it starts nobody

    def test_a_file_that_others_may_read_is_warned_about(self):
        self.config.chmod(0o644)
        result = run("check-config", "--config", self.config)
        self.assertRegex(result.stderr, "warning.*(others|read)")
        self.config.chmod(0o600)
        self.assertNotIn("others", run("check-config", "--config", self.config).stderr)

    def test_an_error_in_the_configuration_does_not_repeat_a_secret(self):
        for line in (f"url = https://h/{IN_URL['path']} x", f"url = htps://u:{IN_URL['path']}@h/", f"url https://h/{IN_URL['path']}",
                     f"header = {IN_URL['path']}", f"urll = https://h/{IN_URL['path']}"):
            with self.subTest(line=line):
                self.config.write_text(f"[webhook a]\n{line}\n", encoding="utf-8")
                result = run("check-config", "--config", self.config)
                self.assertEqual(result.returncode, 2)
                self.assert_clean("the error", result.stderr, [IN_URL["path"]])

    def test_a_proxys_password_is_not_shown(self):
        secret = "PROXYsecretQ7r8"
        with Receiver() as proxy:
            proxy.plan("http://receiver.invalid/hook", "echo")
            self.config.write_text("[webhook a]\nurl = http://receiver.invalid/hook\n", encoding="utf-8")
            result = run("test-webhook", "--config", self.config,
                         env={**os.environ, "http_proxy": f"http://robot:{secret}@127.0.0.1:{proxy.port}"})
            self.assertEqual(len(proxy.at(None)), 1)
            self.assertIn("proxy-authorization", proxy.at(None)[0].headers)
            self.assert_clean("test-webhook", result.stdout + result.stderr, [secret, "cm9ib3Q6UFJPWFlzZWNyZXRRN3I4"])

    def test_a_proxys_password_is_not_shown_by_the_running_agent(self):
        secret, encoded = "PROXYsecretS9t0", "cm9ib3Q6UFJPWFlzZWNyZXRTOXQw"
        with Receiver() as proxy:
            for path in (f"http://127.0.0.1:{self.receiver.port}{self.path}", self.receiver.url("/duty")):
                proxy.plan(path, "echo")
            proxied = {"http_proxy": f"http://robot:{secret}@127.0.0.1:{proxy.port}", "no_proxy": "", "NO_PROXY": ""}
            agent = self.agent(["env", *(f"{name}={value}" for name, value in proxied.items())])
            with Scheduler(self.log) as scheduler, agent:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
                scheduler.kill()
                agent.wait_for("SELECT count(*) > 0 AND sum(status = 'pending') = 0 FROM outbox", 1, 30)
                agent.stop()
            self.assertTrue(all("proxy-authorization" in request.headers for request in proxy.at(None)))
            self.assertGreaterEqual(len(proxy.at(None)), 3)
        self.assertIn("refused", agent.said())
        for name, text in (("the log", agent.said()), ("standard output", agent.printed()), ("the history", self.dump()),
                           *self.outputs()):
            self.assert_clean(name, text, [secret, encoded, *IN_URL.values()])


if __name__ == "__main__":
    unittest.main()
