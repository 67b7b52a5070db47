# SPDX-License-Identifier: GPL-2.0-or-later
"""What README.md shows of a report and a status is what the agent says today; `make pictures` writes both anew."""
import re
import sys
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

import report_history as history           # noqa: E402
from test_report_golden import ROOT, Agent      # noqa: E402

PICTURES = ROOT / "fixtures" / "pictures"
README = ROOT / "README.md"
SHOWN = {"report.txt": ("report", "--incident", "1"), "status.txt": ("status",)}
# Each text stands in README.md as a block of its own, which begins like it.
BLOCK = {"report.txt": r"(?<=```text\n)Incident 1: .*?(?=```\n)", "status.txt": r"(?<=```text\n)WARNING - .*?(?=```\n)"}


def peaceful_agent():
    """What hostile logs may hold is for other tests."""
    with mock.patch.object(history, "EVIL", "(clickhouse:8123 refused the connection)"):
        return Agent()


def texts(agent):
    return {name: agent.run(*arguments).stdout.decode() for name, arguments in SHOWN.items()}


def readme_with(shown):
    text = README.read_text(encoding="utf-8")
    for name, block in BLOCK.items():
        text, count = re.subn(block, lambda _, name=name: shown[name], text, flags=re.DOTALL)
        assert count == 1, f"README.md shows {name} {count} times"
    return text


class Readme(unittest.TestCase):
    def test_the_kept_texts_are_what_the_agent_says(self):
        agent = peaceful_agent()
        try:
            said = texts(agent)
        finally:
            agent.close()
        for name in SHOWN:
            with self.subTest(name):
                self.assertEqual((PICTURES / name).read_text(encoding="utf-8"), said[name], "make pictures")

    def test_readme_shows_the_kept_texts(self):
        kept = {name: (PICTURES / name).read_text(encoding="utf-8") for name in SHOWN}
        self.assertEqual(readme_with(kept), README.read_text(encoding="utf-8"), "make pictures")

    def test_every_picture_that_is_kept_is_shown_and_the_other_way_round(self):
        shown = set(re.findall(r"\(fixtures/pictures/([\w.-]+)\)", README.read_text(encoding="utf-8")))
        self.assertEqual({path.name for path in PICTURES.glob("*.png")}, shown)


if __name__ == "__main__":
    unittest.main()
