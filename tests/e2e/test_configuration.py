# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line and the configuration as a person meets them: check-config, test-webhook, help, and typing errors."""
import json
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.lib.receiver import Receiver   # noqa: E402

AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
COMMANDS = ["run", "report", "status", "incidents", "replay", "annotate", "silence", "test-webhook", "check-config", "parse"]


class Configuration(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name, "agent.conf")

    def tearDown(self):
        self.directory.cleanup()

    def agent(self, *arguments, config=None, **env):
        if config is not None:
            self.path.write_text(config, encoding="utf-8")
            self.path.chmod(stat.S_IRUSR | stat.S_IWUSR)
            arguments = (*arguments, "--config", str(self.path))
        return subprocess.run([AGENT, *arguments], capture_output=True, text=True, timeout=600, check=False,
                              env={**os.environ, **env})


class CheckConfig(Configuration):
    def test_a_good_configuration_is_said_to_be_one(self):
        done = self.agent("check-config", config="[log]\npath = /dev/null\n[detect]\ncycle_slow = 200s\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "configuration OK\n", ""))

    def test_every_error_comes_with_file_and_line(self):
        done = self.agent("check-config", config="[detct]\n[detect]\ncycle_slwo = 1s\nslow_z = x\n")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr,
                         f"agent: {self.path}:1: [detct]: unknown section; the nearest is [detect]\n"
                         f"agent: {self.path}:3: detect.cycle_slwo: unknown key; the nearest is 'cycle_slow'\n"
                         f"agent: {self.path}:4: detect.slow_z: bad value 'x': needs a number above 0\n")

    def test_an_unknown_time_zone_comes_with_its_line(self):
        done = self.agent("check-config", config="[log]\ntimezone = Mars/Olympus\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{self.path}:2: log.timezone: unknown time zone 'Mars/Olympus'", done.stderr)

    def test_an_error_in_the_patterns_is_an_error_of_the_configuration(self):
        patterns = pathlib.Path(self.directory.name, "patterns")
        patterns.write_text("run_failed (unclosed\n", encoding="utf-8")
        done = self.agent("check-config", config=f"[log]\npatterns = {patterns}\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{patterns}:1: ", done.stderr)

    def test_a_file_that_was_named_must_be_there(self):
        for how in ({"arguments": ("--config", "/nonexistent.conf")}, {"AGENT_CONFIG": "/nonexistent.conf"}):
            done = self.agent("check-config", *how.pop("arguments", ()), **how)
            self.assertEqual(done.returncode, 2)
            self.assertIn("/nonexistent.conf: No such file or directory", done.stderr)

    def test_verbose_shows_what_is_in_effect_without_secrets(self):
        config = "[webhook ops]\nurl = https://hooks.slack.com/services/T/B/secret\nheader = X-Key: secret\n"
        done = self.agent("check-config", "--verbose", "--set", "detect.cycle_slow=200s", config=config)
        self.assertEqual(done.returncode, 0)
        self.assertIn("cycle_slow = 3m20s\n", done.stdout)
        self.assertIn("url = https://hooks.slack.com/***\n", done.stdout)
        self.assertNotIn("secret", done.stdout + done.stderr)

    def test_a_secret_that_others_may_read_is_warned_of(self):
        self.path.write_text("[webhook ops]\nurl = https://hooks.slack.com/services/T/B/X\n", encoding="ascii")
        self.path.chmod(0o644)
        done = self.agent("check-config", "--config", str(self.path))
        self.assertEqual(done.returncode, 0)
        self.assertIn("holds a secret", done.stderr)
        self.assertNotIn("services", done.stderr)

    def test_the_sample_is_a_good_configuration(self):
        sample = self.agent("check-config", "--sample").stdout
        self.assertIn("# cycle_slow = 300s\n", sample)
        self.assertEqual(self.agent("check-config", config=sample).returncode, 0)


class TestWebhook(Configuration):
    def test_each_webhook_gets_a_marked_notification(self):
        with Receiver() as receiver:
            config = (f"[webhook a]\nurl = {receiver.url('/a')}\n[webhook b]\nurl = {receiver.url('/b')}\nformat = slack\n"
                      f"min_severity = critical\n")
            done = self.agent("test-webhook", config=config)
            (generic,), (slack,) = receiver.wait(1, path="/a"), receiver.wait(1, path="/b")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^a \(http://127\.0\.0\.1:\d+/\*\*\*\): delivered: HTTP 200 after \d+ ms$")
        self.assertIn("[TEST]", generic.json()["alerts"][0]["annotations"]["summary"])
        self.assertEqual(generic.json()["alerts"][0]["labels"]["severity"], "warning")
        self.assertIn(": [TEST]", slack.json()["text"])
        self.assertIn("critical", json.dumps(slack.json()["blocks"][-1]))

    def test_what_keeps_state_is_told_that_the_test_is_over(self):
        key = pathlib.Path(self.directory.name, "key")
        key.write_text("R0UTE\n", encoding="ascii")
        with Receiver() as receiver:
            config = f"[webhook pd]\nurl = {receiver.url('/pd')}\nformat = pagerduty\nrouting_key_file = {key}\n"
            done = self.agent("test-webhook", config=config)
            events = [request.json() for request in receiver.wait(2)]
        self.assertEqual(done.returncode, 0)
        self.assertEqual([event["event_action"] for event in events], ["trigger", "resolve"])
        self.assertEqual({event["routing_key"] for event in events}, {"R0UTE"})
        self.assertEqual(len({event["dedup_key"] for event in events}), 1)

    def test_a_failure_is_said_and_fails(self):
        with Receiver() as receiver:
            receiver.plan("/secret", "403")
            receiver.plan("/never", "never")
            config = (f"[webhook bad]\nurl = {receiver.url('/secret')}\n[webhook good]\nurl = {receiver.url('/good')}\n"
                      f"[webhook deaf]\nurl = {receiver.url('/never')}\ntimeout = 500ms\n")
            done = self.agent("test-webhook", config=config)
            receiver.release()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^bad .*: refused: HTTP 403: ")
        self.assertRegex(done.stdout, r"(?m)^good .*: delivered")
        self.assertRegex(done.stdout, r"(?m)^deaf .*: failed, would be tried again: ")
        self.assertNotIn("secret", done.stdout)

    def test_no_webhook_is_nothing_proven(self):
        done = self.agent("test-webhook", config="")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no webhook is configured", done.stderr)


class CommandLine(Configuration):
    def test_help_lists_every_command_and_each_has_its_own(self):
        overview = self.agent("--help")
        self.assertEqual(overview.returncode, 0)
        self.assertEqual(self.agent("help").stdout, overview.stdout)
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", overview.stdout)
            one = self.agent(command, "--help")
            self.assertEqual((one.returncode, one.stderr), (0, ""), command)
            self.assertTrue(one.stdout.startswith(f"usage: agent {command} [OPTION]..."))
            self.assertIn("--config FILE", one.stdout)

    def test_a_mistyped_name_is_answered_with_the_nearest(self):
        for arguments, answer in ((("chekc-config",), "chekc-config: unknown command; the nearest is 'check-config'"),
                                  (("report", "--fromat", "x"), "--fromat: unknown or ambiguous option; the nearest is --format"),
                                  (("check-config", "--set"), "--set: needs an argument"),
                                  (("check-config", "-x"), "-x: unknown option"),
                                  (("check-config", "--verbose=1"), "--verbose: takes no argument"),
                                  ((), "no command given")):
            done = self.agent(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(answer, done.stderr)

    def test_a_full_disk_behind_stdout_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([AGENT, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("stdout: No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
