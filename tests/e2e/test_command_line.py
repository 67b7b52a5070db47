# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: where options may stand, how help is asked for, and what is said about a mistyped word."""
import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
LOG = ROOT / "fixtures" / "logs" / "clickhouse-refused-nested-stderr.log"
NOWHERE = "/nonexistent/history.db"


def agent(*arguments, **environment):
    """The exit code, stdout and stderr of the agent."""
    done = subprocess.run([AGENT, *arguments], env={**os.environ, "AGENT_CONFIG": "/dev/null", "TZ": "UTC", **environment}, capture_output=True,
                          text=True, timeout=600, check=False)
    return done.returncode, done.stdout, done.stderr


class Help(unittest.TestCase):
    def test_the_version_has_three_names(self):
        version = agent("--version")
        self.assertRegex(version[1], r"^iceberg-offload-agent \d+\.\d+\.\d+\n$")
        self.assertEqual(version, agent("-V"))
        self.assertEqual(version, agent("version"))

    def test_help_of_a_command_is_asked_for_before_or_behind_its_name(self):
        for command in ("report", "silence", "run"):
            code, text, errors = agent("help", command)
            self.assertEqual((code, errors), (0, ""))
            self.assertTrue(text.startswith(f"usage: agent {command} "), text)
            self.assertEqual(text, agent(command, "--help")[1])
            self.assertEqual(text, agent("--verbose", command, "-h")[1])
        self.assertEqual(agent("help"), agent("--help"))

    def test_help_fits_the_screen_and_keeps_what_is_copied_in_one_piece(self):
        commands = [command["name"] for command in json.loads(agent("--describe")[1])["commands"]]
        for width, least in ((80, 80), (120, 110)):
            texts = [agent("help", *command, COLUMNS=str(width))[1] for command in ((), *((name,) for name in commands))]
            longest = max(len(line) for text in texts for line in text.splitlines())
            self.assertTrue(least - 20 <= longest <= width, (width, longest))
            self.assertTrue(any('"2026-03-03 10:15"' in line for text in texts for line in text.splitlines()))
        self.assertEqual(agent("help", "help"), agent("help"))

    def test_help_of_no_command_is_refused(self):
        self.assertEqual(agent("help", "reprot"),
                         (2, "", "agent: reprot: unknown command; the nearest is 'report' (`agent --help` lists all)\n"))

    def test_a_time_with_a_blank_is_quoted_in_the_help(self):
        for command in ("report", "replay"):
            self.assertIn('"2026-03-03 10:15"', agent("help", command)[1])


class OptionsBeforeTheCommand(unittest.TestCase):
    def test_they_are_what_they_are_behind_it(self):
        behind = agent("status", "--db", NOWHERE)
        self.assertEqual(behind[:2], (3, f"UNKNOWN - {NOWHERE}: no history here yet\n"))
        self.assertEqual(behind, agent("--db", NOWHERE, "status"))
        self.assertEqual(behind, agent(f"--db={NOWHERE}", "status"))
        self.assertEqual(behind, agent("--verbose", "--set", f"history.db={NOWHERE}", "status"))

    def test_an_argument_that_is_called_like_a_command_is_an_argument(self):
        self.assertEqual(agent("--db", "incidents", "status")[1], "UNKNOWN - incidents: no history here yet\n")

    def test_the_last_one_wins_wherever_it_stands(self):
        self.assertIn("/nonexistent/second", agent("--db", "/nonexistent/first", "status", "--db", "/nonexistent/second")[1])

    def test_what_is_wrong_is_said(self):
        for arguments, words in ((("--db",), "--db: needs an argument"), (("--verbose=1", "status"), "--verbose: takes no argument"),
                                 (("--format", "json", "status"), "--format: unknown before the command"), (("--verbose",), "no command given")):
            code, text, errors = agent(*arguments)
            self.assertEqual((code, text), (2, ""), arguments)
            self.assertIn(f"agent: {words}", errors)


class Mistyped(unittest.TestCase):
    def test_a_word_that_is_near_is_suggested(self):
        for word, near in (("statsu", "status"), ("incident", "incidents"), ("chekc-cofnig", "check-config")):
            self.assertIn(f"{word}: unknown command; the nearest is '{near}'", agent(word)[2])
        self.assertIn("--sicne: unknown or ambiguous option; the nearest is --since", agent("report", "--sicne", "2h")[2])

    def test_a_word_that_is_far_from_all_is_not_guessed_at(self):
        for arguments in (("xyzzy",), ("stop",), ("report", "--output", "x")):
            code, text, errors = agent(*arguments)
            self.assertEqual((code, text), (2, ""))
            self.assertIn("unknown", errors)
            self.assertNotIn("nearest", errors)

    def test_an_operand_too_many_is_named(self):
        for command in ("run", "report", "incidents", "test-webhook", "check-config"):
            self.assertEqual(agent(command, "surplus"), (2, "", f"agent: {command}: 'surplus': unexpected operand (agent {command} "
                                                                "--help says what it takes)\n"))
        self.assertEqual(agent("status", "surplus")[0], 3)      # 2 would be critical


class NoHistory(unittest.TestCase):
    STRANGERS = {"folder": "is a directory, not a history", "pipe": "is no regular file, so no history", "text": "is a text file, not a history",
                 "other": "the database is not one of this agent's"}
    NOT_YET = {"empty": "is empty: there is no history in it yet", "absent": "no history here yet",
               "bare": "a database without tables: there is no history in it yet"}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        (self.path / "empty").touch()
        (self.path / "folder").mkdir()
        (self.path / "text").write_text("a text, but no database\n", encoding="utf-8")
        os.mkfifo(self.path / "pipe")
        for name, statement in (("other", "CREATE TABLE bookmarks (id)"), ("bare", "PRAGMA application_id = 7")):
            with contextlib.closing(sqlite3.connect(self.path / name)) as db:
                db.execute(statement)

    def test_what_is_no_history_is_called_what_it_is(self):
        for name, words in {**self.STRANGERS, **self.NOT_YET}.items():
            for command in (("status",), ("incidents",), ("report",), ("silence", "--list"), ("silence", "1h"), ("annotate", "1", "--cause", "x")):
                code, text, errors = agent(*command, "--db", str(self.path / name))
                self.assertEqual(code, 3 if command == ("status",) else 1)
                self.assertRegex(text + errors, f"^(UNKNOWN - |agent: {command[0]}: ){self.path / name}: {words}\\n$")
            self.assertIn(words, " ".join(agent("doctor", "--db", str(self.path / name))[1].split()))

    def test_what_is_no_history_is_not_written_to(self):
        """Somebody named the wrong file. It is neither renamed nor changed."""
        before = {path: path.read_bytes() for path in self.path.iterdir() if path.name in ("text", "other")}
        for name, words in self.STRANGERS.items():
            for command in (("run",), ("replay", str(LOG))):
                self.assertEqual(agent(*command, "--log", str(LOG), "--db", str(self.path / name)), (1, "", f"agent: {self.path / name}: {words}\n"))
        self.assertEqual({path: path.read_bytes() for path in before}, before)
        self.assertEqual([path.name for path in self.path.iterdir() if "corrupt" in path.name], [])


class ClosedDescriptors(unittest.TestCase):
    def replay(self, folder, *closed):
        """The result of a replay into a history, started without these descriptors."""
        command = ["bash", "-c", 'exec "$@" ' + " ".join(f"{descriptor}>&-" for descriptor in closed), "bash", AGENT, "replay", "--tz", "UTC",
                   "--format", "json", "--until", "+40d", "--db", f"{folder}/history.db", str(LOG)]     # reminders fill more than a buffer
        return subprocess.run(command, env={**os.environ, "AGENT_CONFIG": "/dev/null"}, capture_output=True, text=True, timeout=600, check=False)

    def test_nothing_is_printed_into_a_file_of_the_agent(self):
        for closed in ((1,), (0, 1), (0, 1, 2)):
            with tempfile.TemporaryDirectory() as folder:
                done = self.replay(folder, *closed)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr, "" if 2 in closed else "agent: stdout: Bad file descriptor\n")
                for file in pathlib.Path(folder).iterdir():
                    self.assertFalse(b'"incident":' in file.read_bytes(), file)

    def test_a_closed_input_or_error_output_is_no_matter(self):
        for closed in ((0,), (2,), (0, 2)):
            with tempfile.TemporaryDirectory() as folder:
                done = self.replay(folder, *closed)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertGreater(len(done.stdout), 2 * 4096)     # more than the buffer of a pipe


class Arguments(unittest.TestCase):
    def test_what_is_wrong_is_said_with_what_would_be_right(self):
        for arguments, words in (
                (("annotate",), "annotate: which incident? agent annotate ID --cause TEXT"),
                (("annotate", "x", "--cause", "y"), "annotate: which incident?"), (("annotate", "0", "--cause", "y"), "annotate: which incident?"),
                (("annotate", "9223372036854775808", "--cause", "y"), "annotate: which incident?"),
                (("annotate", "1"), "annotate: nothing to write: --cause TEXT or --deviations TEXT"),
                (("silence",), "silence: say one of DURATION, --list and --end"), (("silence", "2h", "--list"), "silence: say one of"),
                (("silence", "--list", "--end"), "silence: say one of"), (("silence", "0s"), "silence: '0s' is no duration"),
                (("incidents", "--limit", "-1"), "incidents: --limit: '-1' is no count"), (("incidents", "--limit", ""), "'' is no count"),
                (("incidents", "--format", "xml"), "incidents: --format: 'xml' is none of text, json, csv"),
                (("replay", "--format", "html", "-"), "replay: --format: 'html' is none of text, json"), (("replay",), "no log named"),
                (("replay", "--tz", "Mars/Olympus", "-"), "replay: --tz: 'Mars/Olympus' is no time zone"),
                (("replay", "--until", "soon", "-"), "replay: --until: 'soon' is neither a time nor +DURATION"),
                (("replay", "--explain", "why", "-"), "replay: --explain: 'why' is neither 'all' nor a time"),
                (("report", "--incident", "0"), "--incident: '0' is no incident's id")):
            code, text, errors = agent(*arguments, "--db", NOWHERE)
            with self.subTest(arguments):
                self.assertEqual((code, text, errors.count("\n")), (2, "", 1))
                self.assertTrue(errors.startswith("agent: ") and words in errors, errors)
        code, text, errors = agent("status", "--format", "xml")
        self.assertEqual((code, text, errors), (3, "", "agent: status: --format: 'xml' is none of text, json\n"))


class Times(unittest.TestCase):
    def test_any_time_of_rfc3339_is_taken(self):
        for time in ("2026-03-03T10:15:02.5Z", "2026-03-03t10:15:02.123456789012z", "2026-03-03 10:15:02.1234567891+05:30", "2026-03-03T10:15:02-00:00",
                     "2026-03-03 10:15:02,743"):
            for command in (("report", "--since", time), ("report", "--since", "2020-01-01", "--until", time)):
                self.assertEqual(agent(*command, "--db", NOWHERE), (1, "", f"agent: report: {NOWHERE}: no history here yet\n"))
            self.assertEqual(agent("replay", "--tz", "UTC", "--explain", time, "--until", time, str(LOG))[0], 0)

    def test_what_is_no_time_is_refused(self):
        for time in ("26-03-03", "2026-03-03T10:15:02.Z", "2026-03-03T10:15:02+25:00"):
            self.assertEqual(agent("report", "--since", time, "--db", NOWHERE)[0], 2)


class Durations(unittest.TestCase):
    def test_a_number_without_a_unit_is_refused(self):
        code, _, errors = agent("silence", "2", "--db", NOWHERE)
        self.assertEqual((code, errors), (2, "agent: silence: '2' has no unit: say 2m, 2h or 2d\n"))
        for arguments in (("report", "--since", "7"), ("replay", "--until", "+90", str(LOG))):
            code, _, errors = agent(*arguments, "--db", NOWHERE)
            self.assertEqual(code, 2, errors)

    def test_with_a_unit_it_is_taken(self):
        self.assertEqual(agent("silence", "2h", "--db", NOWHERE), (1, "", f"agent: silence: {NOWHERE}: no history here yet\n"))
        self.assertEqual(agent("replay", "--tz", "UTC", "--until", "+90m", str(LOG))[0], 0)


if __name__ == "__main__":
    unittest.main()
