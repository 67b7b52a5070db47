# SPDX-License-Identifier: GPL-2.0-or-later
"""Prefect's console format, with a date and without, and the frames in which a container's lines reach the host."""

import json
import time

from ..clock import SECOND

SPLIT_BYTES = 16 * 1024            # dockerd and containerd hand on a longer line in parts of this size
FRAMES = ("plain", "docker", "cri")
DELAY_US = 180                     # from the line's own time to that of its frame, at least


class Console:
    """Turns what is said into lines of the file. `write` takes text; `dated` is PREFECT_LOGGING_FORMATTERS_*_DATEFMT."""

    def __init__(self, write, frame="plain", dated=True, digits=None):
        assert frame in FRAMES, frame
        self.write, self.frame, self.dated = write, frame, dated
        self.digits = digits or (lambda: 0)        # the nanoseconds below a microsecond
        self.lines = 0                             # that the programs wrote, before any frame split them
        self._second = self._day = self._time = None

    def record(self, us, speaker, message, level="INFO"):
        """A record of Python's logging; the lines of its message after the first stand alone."""
        self._stamp(us // SECOND)
        date = f"{self._day} " if self.dated else ""
        self.raw(us, f"{date}{self._time}.{us % SECOND // 1000:03d} | {level:<7} | {speaker} - {message}")

    def raw(self, us, text, stream="stderr"):
        """What a program prints without logging."""
        for i, line in enumerate(text.split("\n")):
            self.lines += 1
            self._line(us + DELAY_US + 9 * i, line, stream)

    def _stamp(self, second):
        if second != self._second:
            self._second = second
            self._day, self._time = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second)).split(" ")

    def _line(self, us, line, stream):
        if self.frame == "plain":
            self.write(line + "\n")
            return
        parts = split(line)
        self._stamp(us // SECOND)
        fraction = f"{us % SECOND:06d}{self.digits() % 1000:03d}"
        for part in parts[:-1]:
            self._part(part, stream, fraction, last=False)
        self._part(parts[-1], stream, fraction, last=True)

    def _part(self, text, stream, fraction, last):
        if self.frame == "cri":
            self.write(f"{self._day}T{self._time}.{fraction}+00:00 {stream} {'F' if last else 'P'} {text}\n")
            return
        log = json.dumps(text + ("\n" if last else ""), ensure_ascii=False)
        for sign, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
            log = log.replace(sign, escape)
        shown = fraction.rstrip("0")               # as Go writes RFC 3339 with nanoseconds
        moment = f"{self._day}T{self._time}{'.' + shown if shown else ''}Z"
        self.write(f'{{"log":{log},"stream":"{stream}","time":"{moment}"}}\n')


def split(line):
    """The parts of a line. A character that a cut goes through is lost, as with dockerd."""
    if len(line) * 4 <= SPLIT_BYTES:
        return [line]
    data = line.encode()
    return [data[i:i + SPLIT_BYTES].decode(errors="replace") for i in range(0, max(1, len(data)), SPLIT_BYTES)]
