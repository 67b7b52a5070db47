#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the one dialect of C that this project is written in. TAP on stdout.

.clang-format says what it is, and Debian 12's version 14 decides: another version formats a little differently, so that with any
other one the check is skipped and says so. `clang-format -i FILE` mends what it finds.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "14"
# A pointer is asked by itself: `if (!name)`.
COMPARED_WITH_NULL = re.compile(r"(?<!\))\s==\s*NULL\b")


def sources():
    return sorted(path for folder in ("include", "parsers", "agent", "tests") for pattern in ("*.c", "*.h")
                  for path in (ROOT / folder).rglob(pattern))


def installed_version():
    """The major version of clang-format, or None where there is none."""
    try:
        said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    found = re.search(r"version (\d+)\.", said)
    return found[1] if found else None


def badly_formatted():
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", *map(str, sources())], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return [line for line in done.stderr.splitlines() if ": error: " in line]


def compared_with_null():
    for path in sources():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if COMPARED_WITH_NULL.search(line) and not path.is_relative_to(ROOT / "tests"):
                yield f"{path.relative_to(ROOT).as_posix()}:{number}: write !pointer"


def main():
    print("1..2")
    version = installed_version()
    wrong = badly_formatted() if version == VERSION else []
    if version != VERSION:
        print(f"ok 1 # SKIP clang-format\n# its version {VERSION} decides, and there is {version or 'none'} here")
    else:
        print(f"{'not ok' if wrong else 'ok'} 1 - sources are formatted as .clang-format says")
    null = list(compared_with_null())
    print(f"{'not ok' if null else 'ok'} 2 - pointers are not compared with NULL")
    for line in wrong + null:
        print(f"# {line}")
    return 1 if wrong or null else 0


if __name__ == "__main__":
    sys.exit(main())
