#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Keeps the house in order: which room may include and call what. TAP on stdout, a line for each violation.

Arrows point down only: commands -> shell -> core -> parsers -> include. parsers and core are pure: text and events in, values
out, with no clock, no file and no library but PCRE2, so that the live agent, a replay and a test run the very same code.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_FILE = 450

# What a room may include of the project itself, by path from the root; its own private headers come on top.
CONTRACTS = r"include/[a-z0-9_]+\.h"
SHELL_CONTRACTS = r"include/shell/[a-z0-9_]+\.h"
ROOMS = {
    "include": [CONTRACTS],
    "include/shell": [CONTRACTS, SHELL_CONTRACTS],
    "parsers": [CONTRACTS],
    "agent/core": [CONTRACTS],
    "agent/shell": [CONTRACTS, SHELL_CONTRACTS],
    "agent/commands": [CONTRACTS, SHELL_CONTRACTS],
    "agent": [CONTRACTS, SHELL_CONTRACTS],
}

# The C library as far as it neither reads nor changes anything outside the process. stdio.h is for snprintf.
PURE_HEADERS = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
                "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "strings.h"}
PARSER_HEADERS = {"pcre2.h", "regex.h"}
# time.h converts local time there; it is not asked what time it is. ini.h reads a file that replaces the patterns.
HEADER_EXCEPTIONS = {
    "parsers/timestamp.c": {"time.h"},
    "parsers/patterns.c": {"ini.h"},
}
# The network and inotify live behind the shell's contracts.
SHELL_ONLY_HEADERS = re.compile(r"(curl|inotifytools)/")

CLOCKS = ["time", "clock", "clock_gettime", "gettimeofday", "timespec_get", "ftime", "times", "sleep", "usleep", "nanosleep"]
FILES = ["fopen", "fdopen", "freopen", "open", "openat", "creat", "fread", "fgets", "getline", "fscanf", "read", "write",
         "tmpfile", "popen", "system", "getenv", "printf", "vprintf", "puts", "putchar", "perror", "fprintf", "vfprintf",
         "fputs", "fwrite"]
CALL_EXCEPTIONS = {
    # Out of memory is said and ends the process: the one place where a pure room speaks.
    "parsers/strbuf.c": {"fputs"},
    # The patterns that replace the built-in ones, read once at start.
    "parsers/patterns.c": {"fopen", "fgets"},
    # Whether a zone of that name exists, in the database that the C library itself reads.
    "parsers/timestamp.c": {"getenv", "fopen", "fread"},
}

COMMENTS_AND_STRINGS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(match):
    """A comment or string as blanks, so that positions stay."""
    return re.sub(r"[^\n]", " ", match.group())


def resolve(path, name):
    """The project's file that `name` means in an include of `path`, from the root; None for a system header."""
    for folder in (path.parent, ROOT / "include", ROOT):
        if (folder / name).is_file():
            return (folder / name).resolve().relative_to(ROOT).as_posix()
    return None


class House:
    """The sources, and the rules about them. Each check_ method yields "path:line: why"."""

    def __init__(self):
        self.sources = [path for folder in ROOMS for pattern in ("*.c", "*.h")
                        for path in sorted((ROOT / folder).glob(pattern))]
        self.text = {path: path.read_text(encoding="utf-8") for path in self.sources}

    def includes(self):
        for path in self.sources:
            for found in INCLUDE.finditer(self.text[path]):
                where = f"{path.relative_to(ROOT).as_posix()}:{line_of(self.text[path], found.start())}"
                yield path, where, found[2], resolve(path, found[2])

    @staticmethod
    def room(path):
        return path.parent.relative_to(ROOT).as_posix()

    def pure(self, path):
        return self.room(path) in ("include", "parsers", "agent/core")

    def check_arrows_point_down(self):
        for path, where, _, target in self.includes():
            if target is None or pathlib.PurePath(target).parent.as_posix() == self.room(path):
                continue
            if not any(re.fullmatch(allowed, target) for allowed in ROOMS[self.room(path)]):
                yield f"{where}: {self.room(path)} may not include {target}"

    def check_pure_rooms_include_only_pure_headers(self):
        for path, where, name, target in self.includes():
            if target is not None or not self.pure(path):
                continue
            allowed = PURE_HEADERS | HEADER_EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), set())
            if self.room(path) == "parsers":
                allowed = allowed | PARSER_HEADERS
            if name not in allowed:
                yield f"{where}: a pure room may not include <{name}>"

    def check_network_and_inotify_stay_in_the_shell(self):
        for path, where, name, target in self.includes():
            if target is None and SHELL_ONLY_HEADERS.match(name) and self.room(path) != "agent/shell":
                yield f"{where}: <{name}> belongs to agent/shell"

    def calls_in_pure_rooms(self, functions):
        call = re.compile(r"(?<![\w.>])(" + "|".join(functions) + r")\s*\(")
        for path in self.sources:
            if not self.pure(path):
                continue
            name = path.relative_to(ROOT).as_posix()
            code = COMMENTS_AND_STRINGS.sub(blank, self.text[path])
            for found in call.finditer(code):
                if found[1] not in CALL_EXCEPTIONS.get(name, ()):
                    yield f"{name}:{line_of(code, found.start())}: a pure room may not call {found[1]}()"

    def check_pure_rooms_read_no_clock(self):
        return self.calls_in_pure_rooms(CLOCKS)

    def check_pure_rooms_touch_no_file_and_print_nothing(self):
        return self.calls_in_pure_rooms(FILES)

    def check_every_header_has_its_guard(self):
        for path in self.sources:
            if path.suffix == ".h" and not re.search(r"^#ifndef (\w+)\n#define \1\n.*^#endif$", self.text[path],
                                                     re.DOTALL | re.MULTILINE):
                yield f"{path.relative_to(ROOT).as_posix()}:1: no include guard"


def readable_files():
    """Everything that people read and that has a licence: sources, tests, build."""
    done = [path for pattern in ("*.c", "*.h", "*.py", "*.sh") for folder in ("include", "parsers", "agent", "tests")
            for path in sorted((ROOT / folder).rglob(pattern))]
    return done + [ROOT / "Makefile", ROOT / ".ci/run"]


def check_files_are_short():
    for path in readable_files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            yield f"{path.relative_to(ROOT).as_posix()}:{LONGEST_FILE}: {lines} lines; at most {LONGEST_FILE}"


def check_every_file_names_its_licence():
    for path in readable_files():
        head = "\n".join(path.read_text(encoding="utf-8").splitlines()[:2])
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in head:
            yield f"{path.relative_to(ROOT).as_posix()}:1: no SPDX line"


def main():
    house = House()
    if not house.sources:
        print("Bail out! no sources found", file=sys.stderr)
        return 1
    checks = [getattr(house, name) for name in dir(house) if name.startswith("check_")]
    checks += [check_files_are_short, check_every_file_names_its_licence]
    failed = 0
    print(f"1..{len(checks)}")
    for number, check in enumerate(checks, 1):
        violations = list(check())
        failed += bool(violations)
        title = check.__name__.removeprefix("check_").replace("_", " ")
        print(f"{'not ok' if violations else 'ok'} {number} - {title}")
        for violation in violations:
            print(f"# {violation}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
