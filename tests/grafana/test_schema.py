# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard against Grafana's own published types (npm's @grafana/schema), by the TypeScript compiler. `make test-grafana` fetches both."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "fixtures/grafana/iceberg-offload-agent.json"
MODULES = Path(os.environ.get("GRAFANA_MODULES", ROOT / ".tools/grafana/node_modules"))
COMPILER = MODULES / "typescript/bin/tsc"
RAW = MODULES / "@grafana/schema/dist/esm/raw"
# Where the types of a kind of panel are, and what they call its options and its fields' custom part.
PANELS = ("timeseries", "stat", "heatmap")
# What the plugin of Prometheus adds to an annotation's query; the types know only what all data sources have.
OF_PROMETHEUS = ("expr", "step", "titleFormat", "textFormat", "tagKeys", "useValueForTime")
# Enumerations are strings and numbers in JSON.
JSON_TYPE = """
type Json<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T
    : T extends Array<infer U> ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
"""


def types_of(kind, name):
    file, = (RAW / "composable" / kind / "panelcfg/x").glob("*.d.ts")
    return f"import type {{ {name} as {kind}{name} }} from '{str(file)[:-len('.d.ts')]}';\n"


def program(board):
    """A program whose types are right if those of the dashboard are."""
    core, = (RAW / "dashboard/x").glob("dashboard_types.gen.d.ts")
    text = f"import type {{ Dashboard }} from '{str(core)[:-len('.d.ts')]}';\n"
    text += "".join(types_of(kind, name) for kind in PANELS for name in ("Options", *(["FieldConfig"] if kind != "stat" else [])))
    text += JSON_TYPE
    board = json.loads(json.dumps(board))
    for query in board["annotations"]["list"]:
        for key in OF_PROMETHEUS:
            query.pop(key, None)
    for number, panel in enumerate(board["panels"]):
        if panel["type"] not in PANELS:
            continue
        text += f"const options{number}: Json<Partial<{panel['type']}Options>> = {json.dumps(panel['options'])};\n"
        if panel["type"] != "stat":
            custom = panel["fieldConfig"]["defaults"].get("custom", {})
            text += f"const custom{number}: Json<Partial<{panel['type']}FieldConfig>> = {json.dumps(custom)};\n"
    return text + f"const board: Json<Dashboard> = {json.dumps(board, indent=1)};\n"


def why_not():
    if not shutil.which("node"):
        return "no node here (Debian: nodejs)"
    return None if COMPILER.exists() and RAW.exists() else "npm's @grafana/schema and typescript are not here (make test-grafana fetches them)"


@unittest.skipIf(why_not(), why_not())
class Schema(unittest.TestCase):
    def errors(self, board):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "board.ts")
            path.write_text(program(board), encoding="utf-8")
            done = subprocess.run(["node", COMPILER, "--noEmit", "--strict", "--skipLibCheck", "--target", "es2020", "--module", "esnext",
                                   "--moduleResolution", "bundler", "--typeRoots", directory, path],
                                  capture_output=True, text=True, timeout=100, check=False)
        return re.findall(r"error TS\d+: .*(?:\n  .*)*", done.stdout)

    def test_the_dashboard_is_as_grafanas_types_say(self):
        self.assertEqual(self.errors(json.loads(DASHBOARD.read_text(encoding="utf-8"))), [])

    def test_what_is_wrong_is_seen(self):
        for place, key, value in ((lambda b: b, "graphTooltip", 7), (lambda b: b, "titel", "x"), (lambda b: b["panels"][0], "id", "1"),
                                  (lambda b: b["panels"][0], "gridPos", {"x": "0", "y": 0, "w": 1, "h": 1}),
                                  (lambda b: next(p for p in b["panels"] if p["type"] == "timeseries")["options"]["legend"], "displayMode", "tree")):
            board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
            place(board)[key] = value
            with self.subTest(key=key):
                self.assertNotEqual(self.errors(board), [])


if __name__ == "__main__":
    unittest.main()
