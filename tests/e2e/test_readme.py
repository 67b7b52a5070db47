# SPDX-License-Identifier: GPL-2.0-or-later
"""README.md and tests/README.md stay short and true: what they link, name and show exists. `make pictures` makes what is shown anew, and
`test_readme.py --update` the list of alerts in README.md."""
import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

import chat                               # noqa: E402
import check_layers                       # noqa: E402
import report_history as history          # noqa: E402
from test_report_golden import AGENT, ROOT, Agent      # noqa: E402

PICTURES = ROOT / "fixtures" / "pictures"
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "tests" / "README.md")
SHOWN = {"report.txt": ("report", "--incident", "1"), "status.txt": ("status",)}
MOST_LINES = 250
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ALERTS = re.compile(r"^\| alert \|.*\n(?:\|.*\n)*", re.MULTILINE)
# A span of code that begins with one of these names a file or a folder of the repository.
FOLDERS = ("agent/", "parsers/", "include/", "fixtures/", "tests/")


def peaceful_agent():
    """An agent whose history has harmless texts; hostile ones are for other tests."""
    with mock.patch.object(history, "EVIL", "(clickhouse:8123 refused the connection)"):
        return Agent()


def texts(agent):
    return {name: agent.run(*arguments).stdout.decode() for name, arguments in SHOWN.items()}


def read(path):
    return path.read_text(encoding="utf-8")


def describe():
    return json.loads(subprocess.run([AGENT, "--describe"], capture_output=True, text=True, timeout=600, check=True).stdout)


def alerts_table(alerts):
    """The list of alerts as README.md has it."""
    rows = ["| alert | meaning | warning when | critical when | runbook |", "|---|---|---|---|---|"]
    for alert in alerts:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys((alert["warning"], alert["critical"])))
        rows.append(f"| {names} | {alert['means']} | {alert['warning_when']} | {alert['critical_when'] or 'never'} | {alert['runbook'] or ''} |")
    return "\n".join(rows) + "\n"


def commands(document):
    """The command lines of a document's sh blocks and of its spans of code, without comments."""
    text = read(document)
    for language, block in FENCE.findall(text):
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                yield from re.split(r"\s*(?:&&|\|)\s*", re.sub(r"\s+#.*", "", line))
    yield from CODE.findall(FENCE.sub("", text))


class Truth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.facts = describe()
        cls.targets = set(re.findall(r"^([a-z][a-z-]*):", read(ROOT / "Makefile") + read(ROOT / "tests/targets.mk"), re.MULTILINE))

    def test_readme_is_short(self):
        self.assertLessEqual(len(read(README).splitlines()), MOST_LINES)

    def test_links_lead_to_files_of_the_repository(self):
        for document in DOCUMENTS:
            links = LINK.findall(read(document))
            for link in links:
                with self.subTest(document=document.name, link=link):
                    self.assertNotIn("://", link)
                    self.assertTrue((document.parent / link).exists())
        self.assertTrue(LINK.search(read(README)))

    def test_named_files_exist(self):
        for document in DOCUMENTS:
            for span in CODE.findall(FENCE.sub("", read(document))):
                if span.startswith(FOLDERS) and " " not in span:
                    with self.subTest(document=document.name, span=span):
                        self.assertTrue((ROOT / span).exists())

    def test_folders_that_the_tests_readme_lists_exist(self):
        listed = re.findall(r"^\| `(\w+/)` \|", read(DOCUMENTS[1]), re.MULTILINE)
        there = {f"{path.name}/" for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
        self.assertEqual(set(listed), there)

    def test_make_targets_exist(self):
        found = set()
        for document in DOCUMENTS:
            for command in commands(document):
                words = command.removeprefix("sudo ").split()
                if words[:1] == ["make"]:
                    found |= {word for word in words[1:] if re.fullmatch(r"[a-z][a-z-]*", word)}
        self.assertLessEqual({"demo", "run", "deb", "test", "bench", "install"}, found)
        self.assertLessEqual(found, self.targets)

    def test_commands_and_their_options_exist(self):
        known = {command["name"]: {option["name"] for option in command["options"] + self.facts["options"]}
                 for command in self.facts["commands"]} | {"help": set()}
        found = set()
        for document in DOCUMENTS:
            for command in commands(document):
                words = command.removeprefix("sudo ").split()
                if words[:1] in (["agent"], ["build/agent"]) and len(words) > 1 and not words[1].startswith("-"):
                    with self.subTest(document=document.name, command=command):
                        self.assertIn(words[1], known)
                        self.assertLessEqual({word.removeprefix("--").split("=")[0] for word in words if word.startswith("--")},
                                             known[words[1]])
                        found.add(words[1])
        self.assertLessEqual({"replay", "status", "test-webhook", "check-config", "run"}, found)

    def test_no_command_must_be_filled_in_before_the_first_one_works(self):
        first = FENCE.search(read(README))
        self.assertEqual("make demo", re.split(r"\s+#", first[2].splitlines()[0])[0])
        self.assertNotRegex(read(README), r"\b(REPOSITORY|YOUR|TODO|FIXME)\b")

    def test_the_page_of_the_demo_is_what_the_agent_says(self):
        """The demo's story, and the page that it leads to, in the words of the first lines that are held byte for byte."""
        story, page, summary, _ = next(block for language, block in FENCE.findall(read(README)) if language == "text").splitlines()
        self.assertIn(re.sub(r"^ *[\d.]+ s +", "", story), read(ROOT / "tests/demo.py"))
        self.assertRegex(page, r"▶ FIRING warning IcebergOffloadSchedulerDown$")
        said = next(line for line in read(ROOT / "tests/golden/first-lines.txt").splitlines()
                    if re.match(r"scheduler killed +firing +warning ", line)).split(": ", 1)[1]
        self.assertEqual(*(re.sub(r"\d\d:\d\d", "HH:MM", text.strip()) for text in (summary, said)))

    def test_the_configuration_that_is_shown_has_no_unknown_key(self):
        keys = {(key["section"], key["name"]) for key in self.facts["keys"]}
        section, shown = None, set()
        for line in next(block for language, block in FENCE.findall(read(README)) if language == "ini").splitlines():
            found = re.match(r"\[(\w+)", line)
            section = found[1] if found else section
            shown |= {(section, line.split("=")[0].strip())} if not found else set()
        self.assertLessEqual(shown, keys)
        self.assertTrue(shown)

    def test_readme_lists_every_room(self):
        listed = re.findall(r"^\| (`(?:agent|parsers|include)/.*?) \|", read(README), re.MULTILINE)
        listed = {span.rstrip("/") for row in listed for span in CODE.findall(row)}
        rooms = {room for room in check_layers.ROOMS if room.count("/") < 2 and room != "agent"}
        self.assertLessEqual(rooms, listed)

    def test_readme_lists_the_alerts_as_the_agent_does(self):
        self.assertEqual(ALERTS.search(read(README))[0], alerts_table(self.facts["alerts"]), "python3 test_readme.py --update")

    def test_the_list_of_alerts_has_every_alert(self):
        names = re.findall(r'"(IcebergOffload\w+)"', read(ROOT / "agent/core/names.c"))
        self.assertGreater(len(names), 8)
        listed = {alert[severity] for alert in self.facts["alerts"] for severity in ("warning", "critical")}
        self.assertEqual(listed, set(names))


class Pictures(unittest.TestCase):
    def test_the_kept_texts_are_what_the_agent_says(self):
        agent = peaceful_agent()
        try:
            said = texts(agent)
        finally:
            agent.close()
        for name in SHOWN:
            with self.subTest(name):
                self.assertEqual(read(PICTURES / name), said[name], "make pictures")

    @unittest.skipUnless(chat.FAKETIME, "needs libfaketime")
    @unittest.skipIf("SANITIZE" in os.environ or "build-" in AGENT, "libfaketime and a sanitizer exclude each other")
    def test_the_kept_page_is_what_the_agent_sends(self):
        self.assertEqual(json.loads(read(PICTURES / "page-slack.json")), chat.message(), "make pictures")

    def test_every_picture_that_is_kept_is_shown_and_the_other_way_round(self):
        shown = set(re.findall(r"\(fixtures/pictures/([\w.-]+\.png)\)", read(README)))
        self.assertEqual({path.name for path in PICTURES.glob("*.png")}, shown)


def update():
    README.write_text(ALERTS.sub(lambda _: alerts_table(describe()["alerts"]), read(README)), encoding="utf-8")


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    else:
        unittest.main()
