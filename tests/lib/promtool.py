# SPDX-License-Identifier: GPL-2.0-or-later
"""When would Prometheus's alerts have fired? Answered by `promtool test rules` over simulated series.

promtool tells passes and failures, no times. But an expression test that expects nothing prints what it got, and
the ALERTS series that the rules leave behind can be asked for its first firing sample: one question at the end
of each series, for all alerts at once. promtool ignores the groups' own intervals and evaluates everything at the test
file's, so each group gets a file of its own.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

GROUP = re.compile(r"^  - name: (?P<name>\S+)\n    interval: (?P<interval>\S+)\n", re.M)
SAMPLE = re.compile(r"\{(?P<labels>alertname=[^}]*)\} (?P<value>[+.\dE]+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "fixtures/prometheus/iceberg-offload-alerts-as-meant.yml"


def installed(program):
    """On the system, or unpacked from its Debian package for the tests only; None where it is neither."""
    return shutil.which(program) or shutil.which(program, path=ROOT / ".tools/usr/bin")


def promtool_path():
    """None where it is not installed (Debian: in the package promtool, and before Debian 13 in prometheus)."""
    return installed("promtool")


def split_groups(text):
    """[(name, interval, the group as a rule file of its own)]"""
    found = list(GROUP.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    return [(m["name"], m["interval"], "groups:\n" + text[m.start():end]) for m, end in zip(found, ends)]


def notation(values, step_s):
    """Values in promtool's expanding notation: runs of equal steps become a+bxn, a missing sample after a present one `stale`."""
    words, i, present = [], 0, False
    while i < len(values):
        value = values[i]
        if value is None:
            n = 1
            while i + n < len(values) and values[i + n] is None:
                n += 1
            words += (["stale"] if present else ["_"]) + ([f"_x{n - 1}"] if n > 1 else [])
            present = False
            i += n
            continue
        present = True
        n = 0
        step = None
        while i + n + 1 < len(values) and values[i + n + 1] is not None:
            difference = round(values[i + n + 1] - values[i + n], 4)
            if step is not None and difference != step or step is None and difference not in (0, step_s / 60, step_s):
                break
            step = difference
            n += 1
        words.append(f"{value}+{step}x{n}" if n else f"{value}")
        i += n + 1
    return " ".join(words)


def write_test(path, rule_file, interval, step_s, all_series):
    lines = [f"rule_files: [{rule_file}]", f"evaluation_interval: {interval}", "tests:"]
    for number, series in enumerate(all_series):
        length_s = max(len(v) for v in series["series"].values()) * step_s
        lines += [f"  - interval: {step_s}s", f"    name: scene-{number}", "    input_series:"]
        for name, values in series["series"].items():
            lines += [f"      - series: '{name}'", f"        values: '{notation(values, step_s)}'"]
        # timestamp() tells a sample's own time; the scene's number rides along in the value.
        lines += ["    promql_expr_test:",
                  "      - expr: 'min_over_time(timestamp(ALERTS{alertstate=\"firing\"})"
                  f"[{length_s - series['onset_s']}s:30s]) + {number + 1}e9'",
                  f"        eval_time: {length_s}s"]
    path.write_text("\n".join(lines) + "\n")


def firing_times(all_series, rules=RULES):
    """For each of the series (metrics.series_of): {alert: {table or None: first firing since the onset, Unix ms}}."""
    times = [{} for _ in all_series]
    if not all_series:
        return times
    if not promtool_path():
        raise RuntimeError("promtool is not installed (Debian: apt-get install promtool, or prometheus before Debian 13)")
    step_s = all_series[0]["step_s"]
    with tempfile.TemporaryDirectory(prefix="promtool-") as directory:
        for name, interval, text in split_groups(rules.read_text()):
            rule_file, test_file = Path(directory, f"{name}.yml"), Path(directory, f"{name}-test.yml")
            rule_file.write_text(text)
            write_test(test_file, rule_file.name, interval, step_s, all_series)
            done = subprocess.run([promtool_path(), "test", "rules", test_file.name], cwd=directory, capture_output=True,
                                  text=True, check=False)
            output = done.stdout + done.stderr
            if not re.search(r"\b(FAILED|SUCCESS)\b", output):
                raise RuntimeError(f"promtool: {output[:2000]}")
            for sample in SAMPLE.finditer(output):
                labels = dict(LABEL.findall(sample["labels"]))
                scene, seconds = divmod(float(sample["value"]), 1e9)
                series = times[int(scene) - 1]
                at_ms = all_series[int(scene) - 1]["zero_ms"] + round(seconds * 1000)
                series.setdefault(labels.get("alertname", "?"), {})[labels.get("table")] = at_ms
    return times
