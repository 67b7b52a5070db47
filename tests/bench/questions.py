# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a person waits for an answer out of ten years, while the agent runs on the same history."""
import subprocess
import sys
import tempfile
from pathlib import Path

import measure
from live import running

MAKER = Path(__file__).resolve().parent / "make_history.py"
KEPT = {"history.retention": "4000d"}
QUESTIONS = {"status": (("status",), 40), "incidents": (("incidents",), 40), "report": (("report",), 40),
             "report of a year": (("report", "--since", "365d"), 10), "nothing": (("--version",), 40)}


def questions(agent, scratch):
    """Each one's best wall time and CPU; the answer to "nothing" is what the start of the process costs."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench.", dir=scratch) as place:
        database = Path(place) / "history.db"
        subprocess.run([sys.executable, MAKER, agent, database], check=True, stdout=subprocess.DEVNULL)
        with running(agent, Path(place), KEPT, database):
            for name, (words, times) in QUESTIONS.items():
                source = () if name == "nothing" else ("--db", database)
                best = measure.best([measure.once([agent, *words, *source]) for _ in range(times)])
                found[name] = {"wall_ms": best["wall_s"] * 1e3, "cpu_ms": best["cpu_s"] * 1e3, "runs": times}
    return found
