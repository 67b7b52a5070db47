# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs of a container as they lie on the host: the same messages wrapped by Docker's json-file, by CRI, or not at all; and the ways in
which dockerd, kubelet and logrotate rotate them, with their own names and renames."""
import datetime
import gzip
import json
import os
import random
import shutil

FORMATS = ("plain", "docker", "cri")
PART = 16384     # bytes, beyond which dockerd and containerd split a line

PATTERNS = r"""
[record]
pattern = (?<time>\d\d:\d\d:\d\d\.\d{3}) \| (?<level>[A-Z]+) *\| (?<message>.*)
[events]
cycle_started = Flow run '[^']*' - Beginning flow run '[^']*' for flow 'iceberg-offload-main'
run_started = Task run '[^']*' - Starting offload: (?<table>\w+) →
run_completed = Task run '[^']*' - ✓ Offload completed: (?<table>\w+) \((?<rows>[\d,]+) rows in (?<seconds>[\d.]+)s\)
cycle_completed = Flow run '[^']*' - Finished in state Completed\(
ignore = Flow run '[^']*' - (?:chatter|long)
"""


def clock(at):
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"


def frames(form, at, text, stream="stderr"):
    """The lines of the file that one line of a process becomes, each with its line break."""
    raw = text.encode()
    parts = [raw[i:i + PART] for i in range(0, len(raw), PART)] or [b""]
    if form == "plain":
        return [raw + b"\n"]
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06}345"
    if form == "cri":
        return [b"%s+00:00 %s %s %s\n" % (stamp.encode(), stream.encode(), b"F" if i == len(parts) - 1 else b"P", part) for i, part in enumerate(parts)]
    return [json.dumps({"log": part.decode(errors="replace") + ("\n" if i == len(parts) - 1 else ""), "stream": stream, "time": stamp + "Z"},
                       separators=(",", ":"), ensure_ascii=i % 2 == 0).encode() + b"\n" for i, part in enumerate(parts)]


class Flow:
    """Quarter-hourly cycles of a few tables from a moment on; without one, each line is of the moment at which it is made. `truth` has a row
    for each run: (table, started, rows), in Unix milliseconds."""
    TABLES = ("bronze_trades_binance", "bronze_trades_kraken", "silver_trades")

    def __init__(self, form, begin, seed):
        self.form, self.live, self.random = form, begin is None, random.Random(seed)
        self.now = begin or datetime.datetime.now(datetime.timezone.utc)
        self.truth, self.cycles = [], 0

    def say(self, text, stream="stderr"):
        return b"".join(frames(self.form, self.now, f"{clock(self.now)} | INFO    | {text}", stream))

    def pass_time(self, seconds):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.now = now.replace(microsecond=now.microsecond // 1000 * 1000) if self.live else self.now + datetime.timedelta(milliseconds=round(seconds * 1000))

    def cycle(self):
        """The bytes of one cycle; lines of the other stream and lines that are split come in between."""
        self.pass_time(0)
        name = f"run-{self.cycles}"
        out = [self.say(f"Flow run '{name}' - Beginning flow run '{name}' for flow 'iceberg-offload-main'")]
        for table in self.TABLES:
            self.pass_time(0.3)
            begun = self.now
            out.append(self.say(f"Task run 'offload-{table}' - Starting offload: {table} → cold.{table}"))
            is_long = self.random.random() < 0.1
            if is_long and self.form != "plain":
                long = frames(self.form, self.now, f"{clock(self.now)} | INFO    | Flow run '{name}' - long " + "x" * (2 * PART + 5), "stdout")
                between = self.say(f"Flow run '{name}' - chatter")
                out += [between.join(long)]
            self.pass_time(self.random.uniform(5, 60))
            rows = len(self.truth) + 1
            out.append(self.say(f"Task run 'offload-{table}' - ✓ Offload completed: {table} ({rows:,} rows in 12.5s)"))
            self.truth.append((table, round(begun.timestamp() * 1000), rows))
        self.pass_time(0.2)
        out.append(self.say(f"Flow run '{name}' - Finished in state Completed()"))
        self.cycles += 1
        minutes = 15 - (self.now.minute % 15)
        if not self.live:
            self.now = self.now.replace(second=0, microsecond=112000) + datetime.timedelta(minutes=minutes)
        return b"".join(out)


def rotate_docker(path, most=5, compress=False):
    """As dockerd does it (daemon/logger/loggerutils): PATH.N is shifted, PATH becomes PATH.1, and PATH is made anew; then PATH.1 is packed."""
    end = ".gz" if compress else ""
    if os.path.exists(f"{path}.{most - 1}{end}"):
        os.remove(f"{path}.{most - 1}{end}")
    for number in range(most - 2, 0, -1):
        if os.path.exists(f"{path}.{number}{end}"):
            os.rename(f"{path}.{number}{end}", f"{path}.{number + 1}{end}")
    os.rename(path, f"{path}.1")
    open(path, "xb").close()
    if compress:
        pack(f"{path}.1")


def pack(path):
    when = os.stat(path)
    with open(path, "rb") as plain, gzip.open(path + ".tmp", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    os.utime(path + ".tmp", ns=(when.st_atime_ns, when.st_mtime_ns))
    os.rename(path + ".tmp", path + ".gz")
    os.remove(path)


def rotate_kubelet(path, at=None):
    """As kubelet does it (pkg/kubelet/logs): what was rotated before is packed, PATH becomes PATH.DATE-TIME, and the runtime opens PATH anew."""
    folder, base = os.path.split(path)
    for name in sorted(os.listdir(folder)):
        if name.startswith(base + ".") and not name.endswith(".gz"):
            pack(os.path.join(folder, name))
    at = at or datetime.datetime.now(datetime.timezone.utc)
    while os.path.exists(new := path + at.strftime(".%Y%m%d-%H%M%S")) or os.path.exists(new + ".gz"):
        at += datetime.timedelta(seconds=1)
    os.rename(path, new)
    open(path, "xb").close()
