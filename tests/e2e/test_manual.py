# SPDX-License-Identifier: GPL-2.0-or-later
"""Help, manual pages, completions, sample configuration and unit file: they all say the same, and say it well."""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = os.environ.get("AGENT", str(ROOT / "build" / "agent"))
MOST_EXPOSURE = 1.5
PAGES = ("agent.1", "agent.conf.5", "iceberg-offload-history.5", "iceberg-offload-agent.7")


def agent(*arguments):
    return subprocess.run([AGENT, *arguments], capture_output=True, text=True, timeout=600, check=True).stdout


def generate(name):
    template = ROOT / "agent/manual" / f"{name}.in"
    return subprocess.run([sys.executable, ROOT / "agent/manual/generate.py", AGENT, template], capture_output=True,
                          text=True, timeout=600, check=True).stdout


class OneSource(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.facts = json.loads(agent("--describe"))

    def all_options(self, command):
        return [option["name"] for option in command["options"] + self.facts["options"]]

    def test_the_help_of_each_command_lists_its_options_and_no_others(self):
        listed = re.findall(r"^  ([a-z-]+) ", agent("--help"), re.MULTILINE)
        self.assertEqual(listed, [command["name"] for command in self.facts["commands"]])
        for command in self.facts["commands"]:
            said = re.findall(r"^  --([a-z-]+)", agent(command["name"], "--help"), re.MULTILINE)
            self.assertEqual(said, self.all_options(command), command["name"])
            # The first line of the help names every option of the command itself.
            self.assertEqual(sorted(re.findall(r"--([a-z-]+)", command["usage"])), sorted(option["name"] for option in command["options"]))

    def test_the_version_is_one(self):
        self.assertEqual(agent("--version").split()[-1], self.facts["version"])

    def test_the_manual_page_lists_every_command_and_option(self):
        page = generate("agent.1")
        self.assertEqual(re.findall(r"^\.Ss (\S+)$", page, re.MULTILINE),
                         [command["name"] for command in self.facts["commands"]])
        wanted = [option["name"] for command in self.facts["commands"] for option in command["options"]]
        wanted += [option["name"] for option in self.facts["options"]]
        self.assertEqual(re.findall(r"^\.It Fl -(\S+)", page, re.MULTILINE), wanted)

    def test_the_manual_page_describes_every_format_of_a_webhook(self):
        said = subprocess.run([AGENT, "check-config", "--set", "webhook w.format=0"], capture_output=True, text=True, timeout=600, check=False).stderr
        formats = re.search(r"there are (.*) and (\S+)", said)
        section = re.search(r"(?s)^\.Ss Formats\n(.*?)^\.El", generate("iceberg-offload-agent.7"), re.MULTILINE)[1]
        self.assertEqual(re.findall(r"^\.It Li (\S+)$", section, re.MULTILINE), [*formats[1].split(", "), formats[2]])

    def test_the_manual_page_of_the_configuration_lists_every_key(self):
        self.assertEqual(re.findall(r"^\.It Cm (\S+)", generate("agent.conf.5"), re.MULTILINE),
                         [key["name"] for key in self.facts["keys"]])

    def test_the_manual_page_of_the_configuration_says_of_every_key_what_a_reload_takes(self):
        page = generate("agent.conf.5")
        part = page[page.index("\n.Sh SECTIONS AND KEYS\n"):page.index("\n.Sh SECRETS\n")]
        said = [" ".join(entry.split()) for entry in part.split("\n.It Cm ")[1:]]
        self.assertEqual([re.search(r" Reload: ([^.]*)\.(?: \.|$)", entry)[1] for entry in said], [key["reload"] for key in self.facts["keys"]])
        listed = re.findall(r"^\.It\n\.Li (\w+)(?: No NAME Ns Li )?\.(\w+)$", page[page.index("\n.Sh RELOADING\n"):page.index("\n.Sh PATTERNS\n")], re.MULTILINE)
        self.assertEqual(sorted(listed), sorted((key["section"], key["name"]) for key in self.facts["keys"] if "restart" in key["reload"]))

    def test_the_sample_configuration_lists_every_key_commented(self):
        sample = agent("check-config", "--sample")
        self.assertEqual(re.findall(r"^# ([a-z_]+) =", sample, re.MULTILINE), [key["name"] for key in self.facts["keys"]])
        self.assertEqual([line for line in sample.splitlines() if line and line[0] not in "#["], [])
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(sample)
            file.flush()
            self.assertEqual(agent("check-config", "--config", file.name), "configuration OK\n")

    def test_the_manual_page_of_the_configuration_lists_every_event_of_a_patterns_file(self):
        names = re.findall(r'\[EVENT_\w+\] = "(\w+)"', (ROOT / "parsers/event.c").read_text(encoding="utf-8"))
        from_log = names[:names.index("writer_gone")]
        page = generate("agent.conf.5")
        part, named = page[page.index("\n.Sh PATTERNS\n"):page.index("\n.Ss A Prefect")].split("\n.Ss Runs that have identities\n")
        of_names = from_log.index("scheduler_tables") + 1
        self.assertEqual(re.findall(r"^\.It Li (\w+)$", part, re.MULTILINE), from_log[:of_names] + ["ignore"])
        # There also stands what an event of the first list means where runs have names.
        listed = [name for names in re.findall(r"^\.It Li ([\w ,]+)$", named, re.MULTILINE) for name in names.split(" , ")]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(sorted(set(listed) - set(from_log[:of_names])), sorted(from_log[of_names:]))

    def test_the_manual_page_of_the_history_lists_every_table_and_column(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "history.db")
            agent("replay", "--db", path, "/dev/null")
            with contextlib.closing(sqlite3.connect(path)) as db:
                tables = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"
                                                       " AND name NOT LIKE 'sqlite_%'")]
                wanted = {table: sorted(row[1] for row in db.execute(f"PRAGMA table_info({table})")) for table in tables}
        page = generate("iceberg-offload-history.5")
        told = {}
        for table, rest in re.findall(r"^\.Ss (\w+)\n(.*?)(?=^\.S[sh] )", page[page.index("\n.Sh TABLES"):], re.MULTILINE | re.DOTALL):
            told[table] = sorted(word for row in re.findall(r"^\.It Va (.*)$", rest, re.MULTILINE) for word in row.split(" , "))
        self.assertEqual(told, wanted)

    def test_the_manual_page_of_the_agent_lists_every_metric(self):
        names = {name for source in (ROOT / "agent/metrics").glob("*.c")
                 for name in re.findall(r'(?:exposition_\w+|put_\w+)\(&?out, "(\w+)"|[{] "(\w+)", "(?:counter|gauge)"',
                                        source.read_text(encoding="utf-8"))}
        names = {one or other for one, other in names} - {"cycle_duration_seconds_" + part for part in ("bucket", "sum", "count")}
        page = generate("iceberg-offload-agent.7")
        part = page[page.index("\n.Sh METRICS\n"):page.index("\n.Sh FILES\n")]
        told = {word for row in re.findall(r"^\.It Li (.*)$", part, re.MULTILINE) for word in row.split(" , ")}
        self.assertEqual(told, names)


    def test_the_manual_page_of_the_agent_names_every_limit_with_its_value(self):
        header = (ROOT / "include/base/budgets.h").read_text(encoding="utf-8")
        limits = {}
        for name, value in re.findall(r"\b([A-Z][A-Z_]+) = (.+?)(?=,|;|$| })", header, re.MULTILINE):
            limits[name] = eval(value, {"INT64_C": int}, limits)    # a number, or a product or a shift of numbers and earlier names
        page = generate("iceberg-offload-agent.7")
        told = {name: int(value) for name, value in re.findall(r"\bDv ([A-Z_]+) No = (-?\d+)", page)}
        self.assertTrue(told)
        wrong = {name: limits.get(name, "no such limit") for name in limits | told if told.get(name) != limits.get(name)}
        self.assertEqual(wrong, {}, "each line of the page's list: .It Dv NAME No = VALUE")


class Alerts(unittest.TestCase):
    """The list of alerts: in `agent help alerts` and in agent(1). test_readme.py holds that of README.md."""

    @classmethod
    def setUpClass(cls):
        cls.facts = json.loads(agent("--describe"))
        done = subprocess.run([AGENT, "help", "alerts"], capture_output=True, text=True, timeout=600, check=True, env={**os.environ, "COLUMNS": "80"})
        cls.help = done.stdout

    def names(self):
        return [", ".join(dict.fromkeys((alert["warning"], alert["critical"]))) for alert in self.facts["alerts"]]

    def test_the_help_lists_every_alert_within_80_columns(self):
        self.assertEqual([line for line in self.help.splitlines() if len(line) > 80], [])
        self.assertEqual(re.findall(r"^Iceberg.*$", self.help, re.MULTILINE), self.names())
        flat = " ".join(self.help.split())
        for alert in self.facts["alerts"]:
            for label in ("warning", "critical"):
                self.assertIn(f"{label} {alert[label + '_when'] or 'never'}", flat)
            self.assertIn(f"runbook {alert['runbook']}, which" if alert["runbook"] else "first command", flat)

    def test_the_manual_page_has_the_same_list(self):
        page = generate("agent.1")
        section = page[page.index("\n.Sh LIST OF ALERTS\n"):page.index("\n.Sh WHAT THE RULES")]
        self.assertEqual(re.findall(r"^\.It Li (.*)$", section, re.MULTILINE), [name.replace(", ", " , ") for name in self.names()])
        flat = " ".join(section.split())
        for alert in self.facts["alerts"]:
            self.assertIn(f" Warning: {alert['warning_when']}. .br Critical: {alert['critical_when'] or 'never'}.", flat)

    def test_a_first_command_can_be_copied_as_it_is_printed(self):
        printed = re.findall(r"^  first command:\n((?:    .*\n)+)", self.help, re.MULTILINE)
        wanted = [alert["first_command"] for alert in self.facts["alerts"] if alert["first_command"]]
        self.assertEqual([shlex.split(text.replace("\\\n", " ")) for text in printed], [shlex.split(command) for command in wanted])
        for text in printed:
            self.assertNotRegex(text.replace("\\\n", " "), r"[^;|&]\n.", "a line ends within a command")
            self.assertEqual(subprocess.run(["sh", "-n"], input=text, text=True, timeout=600, check=False).returncode, 0, text)

    def test_the_thresholds_are_the_defaults_of_the_keys_that_are_named(self):
        shown = dict(re.findall(r"^(\w+) = (.*)$", agent("check-config", "--config", "/dev/null", "--verbose"), re.MULTILINE))
        keys = {f"{key['section']}.{key['name']}": key for key in self.facts["keys"]}
        for alert in self.facts["alerts"]:
            texts = f"{alert['means']} {alert['warning_when']} {alert['critical_when']}"
            self.assertNotIn("{", texts)
            for name in filter(None, alert["keys"].split(", ")):
                value = shown[name.split(".")[1]]
                if value == "0s":
                    value = keys[name]["otherwise"].removeprefix("0 means ")
                elif keys[name]["initial"].startswith("1e"):
                    value = keys[name]["initial"]
                self.assertRegex(texts, rf"\b{re.escape(value)}\b", name)


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = 'source /dev/stdin; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _agent; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", *words], input=generate("agent.bash"), capture_output=True,
                              text=True, timeout=600, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_commands_options_values_and_keys(self):
        self.assertEqual(self.complete("agent", "re"), ["report", "replay"])
        self.assertEqual(self.complete("agent", "help", "re"), ["report", "replay"])
        self.assertEqual(self.complete("agent", "help", "al"), ["alerts"])
        self.assertEqual(self.complete("agent", "annotate", "--d"), ["--deviations", "--db"])
        self.assertEqual(self.complete("agent", "report", "--format", "m"), ["markdown"])
        self.assertEqual(self.complete("agent", "run", "--set", "detect.cycle_s"), ["detect.cycle_slow="])

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_accepts_its_script(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(generate("_agent"))
            file.flush()
            done = subprocess.run(["zsh", "-n", file.name], capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Wellformed(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc here")
    def test_mandoc_finds_nothing_wrong_in_the_manual_pages(self):
        for name in PAGES:
            done = subprocess.run(["mandoc", "-Tlint"], input=generate(name), capture_output=True, text=True, timeout=600,
                                  check=False)
            # A page that this host has not installed is no fault of the text.
            found = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
            self.assertEqual(found, [], name)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
    def test_the_units_expose_little(self):
        for name in ("iceberg-offload-agent.service", "iceberg-offload-agent-web.service"):
            with self.subTest(name):
                self.check_exposure(name)

    def check_exposure(self, name):
        unit = (ROOT / "agent" / name).read_text(encoding="utf-8").replace("@BINDIR@", "/usr/bin")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_text(unit, encoding="utf-8")
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)],
                                  capture_output=True, text=True, timeout=600, check=False)
        found = re.search(r"Overall exposure level.*?: ([0-9.]+)", done.stdout)
        if not found:
            self.skipTest(f"this systemd-analyze judges no file: {done.stderr.strip()}")
        self.assertLessEqual(float(found[1]), MOST_EXPOSURE)


class Install(unittest.TestCase):
    def test_install_puts_everything_below_destdir_and_uninstall_removes_it(self):
        with tempfile.TemporaryDirectory() as folder:
            agent = pathlib.Path(os.path.relpath(AGENT, ROOT))
            make = ["make", "--no-print-directory", "-C", str(ROOT), f"BUILD={agent.parent}", f"DESTDIR={folder}", "PREFIX=/usr"]
            # agent-watermark is built where libpq is, and agent-web with its two units and its description where libmicrohttpd is.
            installed = 10 + pathlib.Path(AGENT).with_name("agent-watermark").exists() + 4 * pathlib.Path(AGENT).with_name("agent-web").exists()
            before = pathlib.Path(AGENT).with_name("flags").read_bytes()
            for target, wanted in (("install-built", installed), ("uninstall", 0)):
                # Nothing is compiled again, also not below other tests, and the flags stay those of the last build.
                done = subprocess.run([*make, target], capture_output=True, text=True, timeout=600, check=True)
                self.assertNotIn("  CC ", done.stdout)
                self.assertEqual(pathlib.Path(AGENT).with_name("flags").read_bytes(), before)
                files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
                self.assertEqual(len(files), wanted, files)
                if target == "install-built":
                    template = next(path for path in files if "@" in path.name).read_text(encoding="utf-8")
                    self.assertIn("\nExecStart=/usr/bin/agent run --config /etc/iceberg-offload-agent/%i.conf\n", template)
                    self.assertIn("\nStateDirectory=iceberg-offload-agent/%i\n", template)
