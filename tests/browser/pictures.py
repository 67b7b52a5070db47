#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes fixtures/pictures/ anew, which README.md shows: a report and a status as text, the HTML report and the web pages as a browser
shows them, and a page as it arrives in a chat.

    tests/browser/pictures.py
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import browser     # noqa: E402
import chat     # noqa: E402
import served     # noqa: E402
import test_readme     # noqa: E402
from browser import DARK, LIGHT, ROOT     # noqa: E402
from test_readme import PICTURES     # noqa: E402

MOST_BYTES = 200_000
MOST_TRIES = 6
VIEWS = (("report-light.png", LIGHT, 1000, 1180), ("report-dark.png", DARK, 1000, 880), ("report-phone.png", LIGHT, 390, 900))


def picture(eye, page, name, theme, width, height):
    """Taken again until two pictures are the same: on a busy machine Chromium may leave a part unpainted."""
    taken = None
    for _ in range(MOST_TRIES):
        before = taken
        eye.picture(page, PICTURES / name, theme, width, height)
        taken = (PICTURES / name).read_bytes()
        if taken == before:
            return
    raise RuntimeError(f"{name}: {MOST_TRIES} pictures, and no two in a row are the same")


def main():
    PICTURES.mkdir(parents=True, exist_ok=True)
    agent, eye = test_readme.peaceful_agent(), browser.Browser()
    try:
        texts = test_readme.texts(agent)
        for name, text in texts.items():
            (PICTURES / name).write_text(text, encoding="utf-8")
        body = chat.message()
        (PICTURES / "page-slack.json").write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        message = eye.home / "message.html"
        message.write_text(chat.page(body), encoding="utf-8")
        picture(eye, message, "page-slack.png", LIGHT, 720, 385)
        page = eye.home / "report.html"
        page.write_bytes(agent.run("report", "--incident", "1", "--format", "html").stdout)
        for name, theme, width, height in VIEWS:
            picture(eye, page, name, theme, width, height)
        served.pictures(eye.home, PICTURES)
    finally:
        agent.close()
        eye.close()
    for path in sorted(PICTURES.iterdir()):
        size = path.stat().st_size
        print(f"{path.relative_to(ROOT)}  {size:,} bytes")
        if size > MOST_BYTES:
            print(f"{path.name}: more than {MOST_BYTES:,} bytes", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
