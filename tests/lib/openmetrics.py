# SPDX-License-Identifier: GPL-2.0-or-later
"""A strict reader of OpenMetrics 1.0, written from its specification: what it does not allow is an error here."""
import re

TYPES = {"gauge": ("",), "counter": ("_total", "_created"), "histogram": ("_bucket", "_sum", "_count", "_created"), "info": ("_info",),
         "unknown": ("",), "stateset": ("",), "summary": ("", "_sum", "_count", "_created"), "gaugehistogram": ("_bucket", "_gsum", "_gcount")}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN")


def fail(line, why):
    raise ValueError(f"{why}: {line}")


def labels_of(text, line):
    found, rest = {}, text
    while rest:
        match = LABEL.match(rest)
        if not match or match[1] in found:
            fail(line, "labels")
        found[match[1]] = match[2].replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
        rest = rest[match.end():]
        if rest and not (rest.startswith(",") and len(rest) > 1):
            fail(line, "labels")
        rest = rest[1:]
    return found


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help, self.samples = name, None, None, None, []

    def describe(self, keyword, text, line):
        if self.samples:
            fail(line, "behind the samples of its family")
        if getattr(self, keyword.lower()) is not None:
            fail(line, "twice")
        if keyword == "TYPE" and text not in TYPES:
            fail(line, "no such type")
        if keyword == "UNIT" and text and not self.name.endswith("_" + text):
            fail(line, "the name does not end with the unit")
        setattr(self, keyword.lower(), text)

    def check(self):
        seen = set()
        groups = [tuple(sorted((k, v) for k, v in labels.items() if k != "le")) for _, labels, _ in self.samples]
        if any(groups[i] in groups[:i - 1] and groups[i] != groups[i - 1] for i in range(1, len(groups))):
            fail(self.name, "the samples of one metric are not together")
        for name, labels, value in self.samples:
            key = (name, tuple(sorted(labels.items())))
            if key in seen:
                fail(str(key), "twice")
            seen.add(key)
            if self.type == "counter" and not value >= 0:
                fail(str(key), "a counter below zero")
            if self.type == "info" and value != 1:
                fail(str(key), "an info that is not 1")
        if self.type == "histogram":
            self.check_histogram()

    def check_histogram(self):
        for group in {tuple(sorted((k, v) for k, v in labels.items() if k != "le")) for _, labels, _ in self.samples}:
            of = {}
            for name, labels, value in self.samples:
                if tuple(sorted((k, v) for k, v in labels.items() if k != "le")) == group:
                    of.setdefault(name.removeprefix(self.name), []).append((labels.get("le"), value))
            ends = [le for le, _ in of["_bucket"]]
            for le in ends:
                if le != "+Inf" and "." not in le:
                    fail(le, "the end of a bucket is no float")
            values = [value for _, value in of["_bucket"]]
            if ends[-1] != "+Inf" or [float(le) for le in ends] != sorted(float(le) for le in ends) or values != sorted(values):
                fail(self.name, "buckets")
            if of["_count"][0][1] != values[-1]:
                fail(self.name, "the count is not that of the last bucket")


def read(text):
    """{family: Family}, or ValueError."""
    if not text.endswith("\n# EOF\n") or text.splitlines().count("# EOF") != 1:
        raise ValueError("it does not end with # EOF")
    families, current = {}, None
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("#"):
            match = re.fullmatch(r"# (TYPE|UNIT|HELP) (\S+) (.*)", line)
            if not match or not NAME.fullmatch(match[2]):
                fail(line, "no line of metadata")
            if current is None or current.name != match[2]:
                if match[2] in families:
                    fail(line, "a family in two places")
                current = families[match[2]] = Family(match[2])
            current.describe(match[1], match[3], line)
            continue
        match = re.fullmatch(r"([^{ ]+)(?:\{(.*)\})? (\S+)", line)
        if not match or not NAME.fullmatch(match[1]) or not NUMBER.fullmatch(match[3]):
            fail(line, "no sample")
        if current is None or current.type is None or match[1] not in {current.name + end for end in TYPES[current.type]}:
            fail(line, "a sample outside its family")
        current.samples.append((match[1], labels_of(match[2] or "", line), float(match[3])))
    names = [name for family in families.values() for name in {family.name} | {family.name + end for end in TYPES[family.type]}]
    if len(names) != len(set(names)):
        raise ValueError(f"the names of two families clash: {sorted(name for name in names if names.count(name) > 1)}")
    for family in families.values():
        family.check()
    return families
