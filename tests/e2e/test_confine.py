# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running agent gave up: privileges, core dumps, and by Landlock the files that are none of its business."""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

SYS_LANDLOCK_CREATE_RULESET = 444   # the same number on every architecture
LANDLOCK = ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, 1) > 0
SETTINGS = {"notify.reminder": "0", "schedule.restart_grace": "1h"}


NOBODY = 65534


def status_of(pid, key):
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(line.split()[1] for line in lines if line.startswith(key + ":"))


@unittest.skipIf(os.environ.get("AGENT_CONFINE") == "no", "AGENT_CONFINE=no: an instrument needs what would be given up")
class Confined(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-confine-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        for name in ("logs/today", "state", "conf", "elsewhere"):
            (self.directory / name).mkdir(parents=True)
        self.log = self.directory / "logs" / "today" / "scheduler.log"
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.config = self.directory / "conf" / "agent.conf"

    def configure(self, token):
        self.config.write_text(f"[webhook test]\nurl = {self.receiver.url('/hook')}\ntoken_file = {token}\n", encoding="utf-8")
        self.config.chmod(0o600)

    def agent(self):
        agent = Agent(self.log, self.directory / "state" / "history.db", None, SETTINGS)
        agent.command += ["--config", str(self.config)]
        return agent

    def secret(self, place, text):
        path = self.directory / place / "token"
        path.write_text(text, encoding="ascii")
        return path

    def test_every_thread_gains_no_privileges_and_no_core_is_dumped(self):
        self.configure(self.secret("conf", "right"))
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            pid = agent.process.pid
            threads = os.listdir(f"/proc/{pid}/task")
            self.assertGreater(len(threads), 1, "the sender has a thread of its own")
            self.assertEqual({status_of(f"{pid}/task/{thread}", "NoNewPrivs") for thread in threads}, {"1"})
            self.assertEqual(resource.prlimit(pid, resource.RLIMIT_CORE), (0, 0))
            agent.process.send_signal(signal.SIGSEGV)
            self.assertEqual(agent.process.wait(10), -signal.SIGSEGV)
            self.assertFalse(list(self.directory.rglob("core*")))

    def agent_of_an_ordinary_user(self):
        """Root may read any memory, so the agent must be somebody else's process. That user needs to read the binary and the files."""
        agent = self.agent()
        if os.geteuid() == 0:
            binary = shutil.copy(agent.command[0], self.directory / "agent")
            agent.command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(binary), *agent.command[1:]]
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        return agent

    def test_its_memory_is_closed_to_other_processes_of_its_user(self):
        """The kernel gives the files of a process that may not be dumped to root, so its user can neither read its memory nor trace it."""
        self.configure(self.secret("conf", "right"))
        for confined in (False, True):
            with self.subTest(confined=confined), Scheduler(self.log) as scheduler:
                agent = self.agent_of_an_ordinary_user().start({} if confined else {"AGENT_CONFINE": "no"})
                self.addCleanup(agent.end)
                before = (agent.rows("SELECT count(*) FROM cycle") or [(0,)])[0][0]
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", before + 1)
                user = NOBODY if os.geteuid() == 0 else os.geteuid()
                self.assertEqual(os.stat(f"/proc/{agent.process.pid}/mem").st_uid, 0 if confined else user)
                agent.end()

    @unittest.skipUnless(LANDLOCK, "this kernel has no Landlock")
    def test_a_token_is_read_beside_the_configuration_and_nowhere_else(self):
        """A reload may name another file, but the reach of the process is what it was at its start."""
        self.configure(self.secret("conf", "right"))
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            scheduler.kill()
            first, = self.receiver.wait(1, timeout=10, path="/hook")
            self.assertEqual(first.headers["authorization"], "Bearer right")

            stolen = self.secret("elsewhere", "stolen")
            self.configure(stolen)
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "read again" in agent.said(), 10, "no reload")
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM outbox WHERE status = 'pending' AND last_error LIKE '%Permission denied%'", 1)
            self.assertEqual(self.receiver.at("/hook"), [first])

    @unittest.skipUnless(LANDLOCK, "this kernel has no Landlock")
    def test_whatever_file_a_webhook_names_is_within_reach(self):
        password, template = self.secret("elsewhere", "right"), self.directory / "forms" / "page.json"
        template.parent.mkdir()
        template.write_text('{"first": "${summary}"}', encoding="ascii")
        self.config.write_text(f"[webhook form]\nurl = {self.receiver.url('/hook')}\ntemplate = {template}\n[webhook mail]\nformat = email\n"
                               "url = smtp://127.0.0.1:9\nfrom = a@example.com\nto = b@example.com\nuser = a\nstarttls = no\n"
                               f"password_file = {password}\n", encoding="utf-8")
        self.config.chmod(0o600)
        with Scheduler(self.log) as scheduler, self.agent() as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle", 1)
            scheduler.kill()
            self.receiver.wait(1, timeout=10, path="/hook")
            agent.wait_for("SELECT count(*) > 0 FROM outbox WHERE webhook = 'mail' AND last_error IS NOT NULL", 1)
            self.assertEqual(agent.rows("SELECT last_error FROM outbox WHERE last_error LIKE '%Permission denied%'"), [])
            template.write_text('{"second": "${summary}"}', encoding="ascii")
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "read again" in agent.said(), 10, "no reload")

    @unittest.skipUnless(LANDLOCK, "this kernel has no Landlock")
    def test_a_reload_names_each_file_that_only_a_restart_brings_within_reach(self):
        """Of each key of which agent.conf(5) says so: a file in a known directory is taken, one elsewhere is named. How a webhook needs the
        file does not matter, so most keys stand in a section with what they need."""
        facts = json.loads(run("--describe").stdout)
        keys = [key for key in facts["keys"] if "directory" in key["reload"]]
        self.assertGreaterEqual(len(keys), 9)
        sections = {"template": "", "routing_key_file": "format = pagerduty\n",
                    "password_file": "format = email\nfrom = a@example.com\nto = b@example.com\nuser = a\nstarttls = no\n"}
        texts = {"patterns": "[events]\ncycle_started = OFFLOAD CYCLE STARTED$\n", "template": "{}", "file": ""}

        def place(key, folder, number):
            path = self.directory / folder / f"{key['section']}-{key['name']}-{number}"
            path.write_text(texts.get(key["name"], "secret"), encoding="ascii")
            path.chmod(0o600)
            return path

        def write(changed=None, folder="conf", number=1):
            text = ""
            for key in keys:
                url = self.receiver.url("/hook") if key["name"] != "password_file" else "smtp://127.0.0.1:9"
                path = place(key, folder if key is changed else "conf", number if key is changed else 1)
                text += (f"[webhook {key['name']}]\nurl = {url}\n{sections.get(key['name'], '')}" if key["named"] else f"[{key['section']}]\n")
                text += f"{key['name']} = {path}\n"
            self.config.write_text(text, encoding="utf-8")
            self.config.chmod(0o600)

        def reload(agent):
            before = len(agent.said())
            agent.process.send_signal(signal.SIGHUP)
            wait_until(lambda: re.search("read again|the old one stays", agent.said()[before:]), 10, "no answer to the reload")
            return agent.said()[before:]

        write()
        with self.agent() as agent:
            agent.wait_for("SELECT count(*) > 0 FROM state", 1)
            for key in keys:
                with self.subTest(key=f"{key['section']}.{key['name']}"):
                    write(key, "conf", 2)
                    said = reload(agent)
                    self.assertIn("read again", said)
                    self.assertNotIn("needs a restart", said)
                    write(key, "elsewhere", 3)
                    name = f"{key['section']}{' ' + key['name'] if key['named'] else ''}.{key['name']}"
                    self.assertRegex(reload(agent), rf"\b{re.escape(name)}: .*a change needs a restart")
                    write()
                    self.assertNotIn("needs a restart", reload(agent))

    def test_a_log_directory_that_is_replaced_is_still_within_reach(self):
        self.configure(self.secret("conf", "right"))
        with self.agent() as agent:
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", 1)
            self.log.parent.rename(self.log.parent.with_name("yesterday"))
            self.log.parent.mkdir()
            with Scheduler(self.log) as scheduler:
                scheduler.cycle()
                agent.wait_for("SELECT count(*) FROM cycle", 2)

    def test_what_could_not_be_applied_is_said(self):
        self.configure(self.secret("conf", "right"))
        os.environ["AGENT_CONFINE"] = "no"
        self.addCleanup(os.environ.pop, "AGENT_CONFINE")
        with self.agent() as agent:
            wait_until(lambda: "not confined as far as could be: AGENT_CONFINE=no is set" in agent.said(), 10, "not said")


if __name__ == "__main__":
    unittest.main()
