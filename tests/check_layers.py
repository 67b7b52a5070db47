#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the rooms of the house: which room may include and call what. TAP on stdout, a line for each violation.

A room is a folder. Its public headers lie in include/ (ROOMS names them); a header beside the sources is private to its room, but for
the rooms below agent/commands, whose headers the other commands may include. Arrows point down only: a room may include the public
headers of the rooms in its row. The pure rooms turn text and events into values, with no clock, no file and no library but PCRE2, so
that the live agent, a replay and a test run the very same code.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_FILE = 450

# Base headers that neither read nor change anything outside the process's memory.
PURE_BASE = ["base/archive.h", "base/budgets.h", "base/cut.h", "base/fnv.h", "base/slice.h", "base/strbuf.h", "base/text.h", "base/time_words.h",
             "base/utf8.h"]
BASE = PURE_BASE + ["base/clock.h", "base/json.h", "base/mask.h", "base/reach.h", "base/say.h", "base/thread.h",
                    "base/zone.h"]

# Each room: its public headers below include/, and the rooms whose public headers it may include.
WORLD = ["agent/base", "agent/core", "agent/config", "agent/history"]
ALL = WORLD + ["parsers", "agent/follow", "agent/notify", "agent/witness", "agent/metrics", "agent/daemon"]
ROOMS = {
    "agent/base": (BASE, []),
    "parsers": (["causes.h", "event.h", "frame.h", "parser.h"], ["pure base"]),
    "agent/core": (["alerts.h", "blind.h", "cycle.h", "engine.h", "first_line.h", "incident.h", "settings.h", "silence.h", "telling.h"], ["pure base", "parsers"]),
    "agent/config": (["config.h", "config_keys.h", "durations.h", "listen_address.h", "nearest.h", "secrets.h", "template.h"], ["agent/base", "agent/core", "parsers"]),
    "agent/history": (["history.h", "message.h", "reader.h", "source_position.h"], ["agent/base", "agent/core", "agent/config"]),
    "agent/follow": (["follow.h", "past_log.h"], WORLD),
    "agent/notify": (["notify.h", "payload.h", "sender.h"], WORLD + ["parsers"]),
    "agent/witness": (["witness.h"], WORLD + ["parsers"]),
    "agent/metrics": (["exposition.h", "metrics.h"], WORLD + ["parsers"]),
    "agent/daemon": (["daemon.h", "first_day.h", "ingest.h", "scrub.h", "state.h"], ALL),
    "agent/commands": ([], ALL),
    "agent/commands/show": ([], ["agent/base", "agent/config", "parsers"]),
    "agent/commands/status": ([], ALL),
    "agent/commands/report": ([], ALL),
    "agent/commands/doctor": ([], ALL),
    "agent": ([], ALL),
    "agent/watermark": ([], ["agent/base"]),    # a program of its own
    "agent/serve": ([], ALL),                   # likewise
}
# The commands' own rooms: whose headers, beside their sources, a room of the commands may include.
COMMANDS = {
    "agent": ["agent/commands"],
    "agent/commands": ["agent/commands/show", "agent/commands/status", "agent/commands/report"],
    "agent/commands/doctor": ["agent/commands", "agent/commands/show", "agent/commands/status"],
    "agent/commands/report": ["agent/commands", "agent/commands/show", "agent/commands/status"],
    "agent/commands/status": ["agent/commands", "agent/commands/show"],
    "agent/commands/show": [],
    # It shows in a browser what the commands print, and takes the command line of `agent serve`.
    "agent/serve": ["agent/commands", "agent/commands/show", "agent/commands/status", "agent/commands/report"],
}
PURE_ROOMS = ("parsers", "agent/core")

# The C library as far as it neither reads nor changes anything outside the process. stdio.h is for snprintf.
PURE_HEADERS = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
                "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "strings.h"}
PARSER_HEADERS = {"pcre2.h", "regex.h"}
# time.h converts local time there; it is not asked what time it is. ini.h reads a file that replaces the patterns.
HEADER_EXCEPTIONS = {
    "parsers/timestamp.c": {"time.h"},
    "parsers/patterns_file.c": {"ini.h", "patterns/k2-prefect.inc"},      # the build makes the second one of fixtures/patterns
    "agent/core/silence.c": {"fnmatch.h"},      # compares a text with a glob
}
# A library is used in the rooms that are there for it, so that another one could take its place.
LIBRARY_ROOMS = {
    "curl/": {"agent/base", "agent/config", "agent/notify", "agent/witness"},   # in base and config only to take a URL apart
    "inotifytools/": {"agent/follow"},
    "zlib.h": {"agent/follow", "agent/witness"},
    "systemd/": {"agent/witness"},
    "libpq-fe.h": {"agent/watermark"},     # with OpenSSL 3, which does not go with libinotifytools
    "microhttpd.h": {"agent/serve"},
}

CLOCKS = ["time", "clock", "clock_gettime", "gettimeofday", "timespec_get", "ftime", "times", "sleep", "usleep", "nanosleep"]
FILES = ["fopen", "fdopen", "freopen", "open", "openat", "creat", "fread", "fgets", "getline", "fscanf", "read", "write",
         "tmpfile", "popen", "system", "getenv", "printf", "vprintf", "puts", "putchar", "perror", "fprintf", "vfprintf",
         "fputs", "fwrite"]
CALL_EXCEPTIONS = {
    # Running out of memory is said and ends the process: the one place where pure code speaks.
    "agent/base/strbuf.c": {"fputs"},
    # The patterns that replace the built-in ones, read once at start.
    "parsers/patterns_file.c": {"fopen", "fgets"},
}

COMMENTS_AND_STRINGS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# A definition, from the beginning of a line: "static int64_t *name(".
STATIC_FUNCTION = re.compile(r"^(?:__attribute__\(\([^\n]*?\)\) )?static (?:[a-z_0-9]+ )*[a-z_0-9]+[ *]+([a-z_0-9]+)\((?=[^;{]*\)\s*\{)", re.MULTILINE)


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
        self.sources = sorted(path for folder in ("include", "parsers", "agent") for pattern in ("*.c", "*.h")
                              for path in (ROOT / folder).rglob(pattern))
        self.text = {path: path.read_text(encoding="utf-8") for path in self.sources}
        self.owner = {f"include/{header}": room for room, (headers, _) in ROOMS.items() for header in headers}

    def includes(self):
        for path in self.sources:
            for found in INCLUDE.finditer(self.text[path]):
                where = f"{path.relative_to(ROOT).as_posix()}:{line_of(self.text[path], found.start())}"
                yield path, where, found[2], resolve(path, found[2])

    def room(self, path):
        """The room that a source or a header belongs to; None where no room knows it."""
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("include/"):
            return self.owner.get(name)
        folder = path.parent.relative_to(ROOT).as_posix()
        return folder if folder in ROOMS else None

    def pure(self, path):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("include/base/", "agent/base/")):
            return f"base/{path.stem}.h" in PURE_BASE
        return self.room(path) in PURE_ROOMS

    def check_every_file_lives_in_a_room(self):
        for path in self.sources:
            if self.room(path) is None:
                yield f"{path.relative_to(ROOT).as_posix()}:1: in no room that tests/check_layers.py knows"
        for header in self.owner:
            if not (ROOT / header).is_file():
                yield f"{header}:1: named in tests/check_layers.py, and not there"

    def may_include(self, room, target):
        folder = pathlib.PurePath(target).parent.as_posix()
        if folder in COMMANDS.get(room, ()):
            return True
        owner = self.owner.get(target)
        if owner is None:
            return False
        allowed = ROOMS[room][1]
        return owner == room or owner in allowed or (target.removeprefix("include/") in PURE_BASE and "pure base" in allowed)

    def check_arrows_point_down(self):
        for path, where, _, target in self.includes():
            room = self.room(path)
            if target is None or room is None or pathlib.PurePath(target).parent.as_posix() == room:
                continue
            if not self.may_include(room, target):
                yield f"{where}: {room} may not include {target}"

    def check_pure_rooms_include_only_pure_headers(self):
        for path, where, name, target in self.includes():
            if target is not None or not self.pure(path):
                continue
            allowed = PURE_HEADERS | HEADER_EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), set())
            if self.room(path) == "parsers":
                allowed = allowed | PARSER_HEADERS
            if name not in allowed:
                yield f"{where}: a pure room may not include <{name}>"

    def check_libraries_stay_in_their_rooms(self):
        for path, where, name, target in self.includes():
            for library, rooms in LIBRARY_ROOMS.items():
                if target is None and name.startswith(library) and self.room(path) not in rooms:
                    yield f"{where}: <{name}> belongs to {', '.join(sorted(rooms))}"

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

    def check_pure_rooms_touch_no_file_and_print_nothing(self):
        return self.calls_in_pure_rooms(FILES)

    def check_one_file_reads_the_clocks(self):
        call = re.compile(r"(?<![\w.>])(" + "|".join(CLOCKS) + r")\s*\(")
        for path in self.sources:
            name = path.relative_to(ROOT).as_posix()
            code = COMMENTS_AND_STRINGS.sub(blank, self.text[path])
            for found in call.finditer(code):
                if name != "agent/base/clock.c":
                    yield f"{name}:{line_of(code, found.start())}: include/base/clock.h takes the place of {found[1]}()"

    def check_static_functions_have_names_of_their_own(self):
        """A backtrace shows a function's name and no file: the same name in two files says too little."""
        places = {}
        for path in self.sources:
            for found in STATIC_FUNCTION.finditer(self.text[path]) if path.suffix == ".c" else ():
                where = f"{path.relative_to(ROOT).as_posix()}:{line_of(self.text[path], found.start())}"
                first = places.setdefault(found[1], where)
                if first.split(":")[0] != where.split(":")[0]:
                    yield f"{where}: {found[1]}() is a function of {first} too"

    def check_every_header_has_its_guard(self):
        for path in self.sources:
            if path.suffix == ".h" and not re.search(r"^#ifndef (\w+)\n#define \1\n.*^#endif$", self.text[path],
                                                     re.DOTALL | re.MULTILINE):
                yield f"{path.relative_to(ROOT).as_posix()}:1: no include guard"


def readable_files():
    """Everything that people read and that has a licence: sources, tests, build."""
    done = [path for pattern in ("*.c", "*.h", "*.py", "*.sh") for folder in ("include", "parsers", "agent", "tests")
            for path in sorted((ROOT / folder).rglob(pattern))]
    return done + [ROOT / "Makefile", ROOT / "tests/targets.mk", ROOT / ".ci/run"]


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
