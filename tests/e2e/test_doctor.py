# SPDX-License-Identifier: GPL-2.0-or-later
"""`agent doctor`: what is well, what is not, and the command that mends it."""

import json
import os
import shutil
import sys
import tempfile
import time
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import QUICK, Agent, run   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

# What the machine of the test is like is not the test's.
OF_THE_HOST = {"clock", "unit", "scheduler", "disk"}


class Doctor(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="agent-doctor-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.log = self.directory / "scheduler.log"
        self.database = self.directory / "history.db"

    def doctor(self, *more, code=None):
        """The findings by check; where one check found several things, the worst."""
        result = run("doctor", "--format", "json", "--log", self.log, "--db", self.database, *more)
        if code is not None:
            self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        answer = json.loads(result.stdout)
        order = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
        self.assertEqual(order[result.returncode], answer["level"])
        found = {}
        for finding in answer["checks"]:
            self.assertEqual(finding["level"] == "OK", finding["mend"] is None, finding)
            known = found.get(finding["check"])
            if not known or order.index(known["level"]) < order.index(finding["level"]):
                found[finding["check"]] = finding
        return found

    def assert_found(self, found, check, level, text):
        self.assertEqual((found[check]["level"], text in found[check]["text"]), (level, True), found[check])

    def write(self, logger="__main__", hours=0, message="OFFLOAD CYCLE STARTED", lines=1):
        stamp = datetime.fromtimestamp(time.time() + hours * 3600).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{stamp} - {logger} - INFO - {message}\n" * lines)

    def test_where_all_is_well_every_check_says_so(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        with Scheduler(self.log) as scheduler, Agent(self.log, self.database, receiver.url("/hook"), QUICK) as agent:
            scheduler.cycle()
            agent.wait_for("SELECT count(*) FROM cycle WHERE outcome = 'success'", 1)
            found = self.doctor("--set", f"webhook test.url={receiver.url('/hook')}")
        self.assertLessEqual({"log", "inotify", "writer", "patterns", "zone", "newest line", "agent", "history", "webhook",
                              "heartbeat", "probes"}, set(found))
        self.assertEqual([finding for check, finding in found.items() if finding["level"] != "OK" and check not in OF_THE_HOST], [])
        self.assertEqual(receiver.at("/hook"), [], "it sends nothing")
        self.assert_found(found, "patterns", "OK", "(100 %)")
        self.assert_found(found, "writer", "OK", "a process holds the log open")

    def test_a_log_that_is_not_there(self):
        found = self.doctor(code=3)
        self.assert_found(found, "log", "CRITICAL", f"{self.log}: No such file or directory")
        self.assertIn("log.path", found["log"]["mend"])
        self.assert_found(found, "history", "WARNING", "cannot be read")
        self.assert_found(found, "webhook", "WARNING", "nobody is paged")

    def test_what_is_no_log(self):
        self.log.mkdir()
        self.assert_found(self.doctor(code=3), "log", "CRITICAL", "is not a file")
        self.log.rmdir()
        self.log.symlink_to(os.devnull)
        self.assert_found(self.doctor(code=3), "log", "CRITICAL", "is a symbolic link")
        self.log.unlink()
        os.mkfifo(self.log)
        self.assert_found(self.doctor(code=3), "log", "CRITICAL", "is not a file")
        self.log.unlink()
        self.log.touch()
        self.assert_found(self.doctor(code=3), "log", "WARNING", "is empty")

    def test_a_log_of_another_user(self):
        self.write()
        other = "nobody" if os.geteuid() == 0 else "root"
        found = self.doctor("--set", f"log.owner={other}")
        self.assert_found(found, "log", "CRITICAL", "log.owner")

    def test_lines_that_are_not_understood(self):
        self.write(logger="other.name", lines=20)
        found = self.doctor(code=3)
        self.assert_found(found, "patterns", "CRITICAL", "none of 20 lines is understood")
        self.assertIn("its logger is other.name", found["patterns"]["text"])
        self.assertIn("agent parse", found["patterns"]["mend"])
        self.write()
        self.write(message="a word that nobody knows")
        self.assert_found(self.doctor(), "patterns", "WARNING", "1 of the scheduler's 22 newest records")

    def test_only_the_end_of_a_long_log_is_read(self):
        self.write(logger="other.name", lines=20_000)
        self.write(message="Scheduler stopped gracefully", lines=10_000)
        self.assert_found(self.doctor(), "patterns", "OK", "(100 %)")

    def test_a_log_in_another_zone(self):
        self.write(hours=-5.5)
        self.assert_found(self.doctor(), "zone", "WARNING", "330 minutes before the last write")

    def test_a_log_that_is_not_written(self):
        self.write()
        os.utime(self.log, (time.time() - 7200, time.time() - 7200))
        found = self.doctor()
        self.assert_found(found, "newest line", "WARNING", "written 2 h")
        self.assert_found(found, "writer", "WARNING", "no process holds the log open")

    def test_what_the_agent_says_of_itself(self):
        with Agent(self.log, self.database, None, QUICK) as agent:
            agent.wait_for("SELECT count(*) FROM incident", 1)
            self.assert_found(self.doctor(code=3), "agent", "WARNING", "it is blind: the log is missing")
        self.assert_found(self.doctor(code=3), "agent", "CRITICAL", "it does not run")

    def test_webhooks_that_cannot_work(self):
        self.write()
        config = self.directory / "agent.conf"
        config.write_text("[webhook a]\nurl = http://127.0.0.1:9/\ntoken_file = /nowhere/token\n"
                          "[webhook b]\nurl = https://127.0.0.1:9/\nca_file = /nowhere/ca.pem\n"
                          "[probe clickhouse]\nurl = tcp://127.0.0.1:9\ntimeout = 1s\n")
        found = self.doctor("--config", config)
        self.assert_found(found, "webhook", "CRITICAL", "a: /nowhere/token: No such file")
        self.assert_found(found, "probe", "WARNING", "clickhouse (tcp://127.0.0.1:9) is down")

    def test_a_mail_password_that_is_not_there(self):
        self.write()
        config = self.directory / "agent.conf"
        config.write_text("[webhook c]\nurl = smtp://127.0.0.1:9\nformat = email\nfrom = a@example.com\nto = b@example.com\nuser = a\n"
                          "password_file = /nowhere/password\n")
        self.assert_found(self.doctor("--config", config), "webhook", "CRITICAL", "c: /nowhere/password: No such file")
        self.assertIn("webhook c: password_file: /nowhere/password: No such file", run("check-config", "--config", config).stderr)

    def test_text_for_people_has_the_same_and_a_bad_configuration_is_unknown(self):
        result = run("doctor", "--log", self.log, "--db", self.database)
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r"^UNKNOWN - \d+ of \d+ checks found something\n\n")
        self.assertIn("No such file or directory", " ".join(result.stdout.split()))
        self.assertIn("sudo lsof", result.stdout)
        self.assertEqual(run("doctor", "--set", "log.path=~/x").returncode, 3)
        self.assertEqual(run("doctor", "--nonsense").returncode, 3)


if __name__ == "__main__":
    unittest.main()
