# SPDX-License-Identifier: GPL-2.0-or-later
"""What each format makes of each alert and status: tests/golden/formats has a file for each format. tests/unit/notify/test_every_kind.c tells the
stories. The first body stands there whole. Of each other one only what differs stands there: from the first one, or, for what becomes of an
alert, from that alert's own beginning. With --update this file writes them anew."""
import difflib
import email
import email.policy
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from formats import complaints   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "formats"
UNIT = Path(os.environ.get("BUILD", ROOT / "build")) / "tests/unit/notify/test_every_kind"
JSON_FORMATS = ("generic", "slack", "pagerduty", "alertmanager", "ntfy", "teams", "discord", "telegram", "template")
ROUTING_KEY = "0" * 32   # the sender adds it


class Body:
    def __init__(self, line):
        self.format, self.alert, self.status, self.severity, quoted = line.split("\t")
        self.text, = json.loads(quoted)

    def lines(self):
        """As a person reads it: an e-mail with its parts decoded."""
        if self.format != "email":
            return json.dumps(json.loads(self.text), indent=1, ensure_ascii=False).splitlines()
        mail = self.mail()
        # Where a line was folded behind the colon, older versions of Python keep a space.
        lines = [f"{name}: {value.strip()}" for name, value in mail.items()]
        for part in mail.iter_parts():
            lines += ["", f"--- {part.get_content_type()}", *part.get_content().splitlines()]
        return lines

    def mail(self):
        return email.message_from_string(self.text, policy=email.policy.default)

    def complaints(self):
        if self.format == "email":
            parts = list(self.mail().walk())
            return [str(defect) for part in parts for defect in part.defects] + ["no two parts"] * (len(parts) != 3)
        if self.format == "template":
            json.loads(self.text)
            return []
        body = json.loads(self.text)
        if self.format == "pagerduty":
            body["routing_key"] = ROUTING_KEY
        return complaints(self.format, json.dumps(body).encode())


def bodies():
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "bodies")
        subprocess.run([UNIT], env={**os.environ, "BODIES": str(path)}, capture_output=True, timeout=600, check=True)
        return [Body(line) for line in path.read_text(encoding="utf-8").splitlines()]


def differences(before, after):
    """The lines that differ. Of a key that has another value only the new one."""
    found = [line for line in difflib.unified_diff(before, after, n=0, lineterm="") if line[:3] not in ("---", "+++", "@@ ")]
    new = {line[1:].split(":")[0] for line in found if line[0] == "+" and ":" in line}
    return [line for line in found if line[0] == "+" or line[1:].split(":")[0] not in new]


def as_text(of_format):
    first, firing, text = None, {}, ""
    for body in of_format:
        lines = body.lines()
        text += f"=== {body.alert} {body.status} {body.severity}\n"
        if first is None:
            first, shown = lines, lines
        else:
            shown = differences(firing.get(body.alert, first), lines)
        firing.setdefault(body.alert, lines)
        text += "".join(f"{line}\n" for line in shown) + "\n"
    return text


def by_format(found):
    return {name: [body for body in found if body.format == name] for name in (*JSON_FORMATS, "email")}


class Golden(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.bodies = bodies()

    def test_they_are_as_recorded(self):
        for name, of_format in by_format(self.bodies).items():
            with self.subTest(name):
                self.assertEqual((GOLDEN / f"{name}.txt").read_text(encoding="utf-8"), as_text(of_format))
        self.assertEqual({path.stem for path in GOLDEN.iterdir()}, set(by_format([])))

    def test_every_format_has_every_kind_and_status(self):
        self.assertEqual({body.format for body in self.bodies}, set(by_format([])))
        told = {(body.alert, body.status) for body in self.bodies}
        self.assertEqual(len(self.bodies), len(told) * len(by_format([])))
        self.assertEqual(len({alert for alert, _ in told}), 11)
        self.assertEqual({status for _, status in told}, {"firing", "escalated", "reminder", "resolved"})

    def test_each_keeps_its_receivers_rules(self):
        for body in self.bodies:
            self.assertEqual(body.complaints(), [], f"{body.format} {body.alert} {body.status}")

    def test_nothing_is_cryptic_and_an_end_asks_for_nothing(self):
        for body in self.bodies:
            with self.subTest(body.format, alert=body.alert, status=body.status):
                for words in ("only us", "Lead -", "(null)", "patterns given up", "===="):
                    self.assertNotIn(words, body.text)
                if body.status == "resolved":
                    self.assertNotRegex("\n".join(body.lines()), "(?i)first.command:? *(?!\"\")\\S|likely cause")


if __name__ == "__main__":
    if "--update" in sys.argv:
        GOLDEN.mkdir(exist_ok=True)
        for chosen, all_bodies in by_format(bodies()).items():
            (GOLDEN / f"{chosen}.txt").write_text(as_text(all_bodies), encoding="utf-8")
    else:
        unittest.main()
