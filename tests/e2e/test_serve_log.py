# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of the log on a cycle's page of `agent serve`: the right ones, also where the log was rotated or packed, and a word where they are gone."""
import gzip
import html
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest
from datetime import datetime, timedelta
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "lib"), str(Path(__file__).resolve().parent)]

from agent import BINARY   # noqa: E402
from web import ENVIRONMENT, Case   # noqa: E402

TIMEOUT_S = 300
LOGS = Path(__file__).resolve().parents[2] / "fixtures/logs"
STARTED = "OFFLOAD CYCLE STARTED"


class Log(Case):
    def replayed(self, text, **settings):
        """A directory with the log, and the history that a replay made of it."""
        self.home = self.directory()
        self.log = self.home / "offload.log"
        self.log.write_text(text, encoding="utf-8")
        self.database = self.home / "history.db"
        given = [part for key, value in settings.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]
        subprocess.run([BINARY, "replay", *given, "--db", self.database, self.log], env=ENVIRONMENT, stdout=subprocess.DEVNULL, timeout=600, check=True)
        self.server = self.serve(self.database, log__path=self.log, **settings)
        with sqlite3.connect(self.database) as db:
            cycles = db.execute("SELECT id, started_at, ended_at FROM cycle ORDER BY id").fetchall()
        db.close()
        return cycles

    def changed(self):
        """The log is another one now: a server that has answered nothing yet shows it."""
        self.server.close()
        self.server = self.serve(self.database, log__path=self.log)

    def section(self, cycle):
        answer = self.server.ask(f"/cycles/{cycle}")
        self.assertEqual(answer.status, 200)
        return re.search(r"<h2>The log</h2>\n(.*?)</section>", answer.text, re.DOTALL)[1]

    def lines(self, cycle):
        found = re.search(r"<pre><code>(.*?)</code></pre>", self.section(cycle), re.DOTALL)
        return html.unescape(found[1]).split("\n") if found else []

    def check_all(self, text, cycles):
        """Each cycle shows its own lines of the file, without a gap, and none of another cycle."""
        whole = text.rstrip("\n").split("\n")
        for cycle, _, _ in cycles:
            shown = self.lines(cycle)
            self.assertTrue(shown, f"cycle {cycle}: {self.section(cycle)}")
            at = next((n for n in range(len(whole)) if whole[n:n + len(shown)] == shown), None)
            self.assertIsNotNone(at, f"cycle {cycle}: these lines are not in the log one behind the other")
            self.assertEqual(sum(STARTED in line for line in shown), 1, f"cycle {cycle}")

    def fixture(self, name):
        return (LOGS / name).read_text(encoding="utf-8")

    def test_each_cycle_has_its_own_lines(self):
        for name in ("healthy-day.log", "clickhouse-refused-nested-stderr.log", "killed-in-cycle.log", "one-table-timeout.log"):
            with self.subTest(name):
                text = self.fixture(name)
                self.check_all(text, self.replayed(text))

    def test_a_rotated_and_a_packed_log_still_have_them(self):
        text = self.fixture("healthy-day.log")
        cycles = self.replayed(text)
        lines = text.splitlines(keepends=True)
        starts = [n - 1 for n, line in enumerate(lines) if STARTED in line]
        first, second = starts[len(starts) // 3], starts[2 * len(starts) // 3]
        with gzip.open(f"{self.log}.2.gz", "wt", encoding="utf-8") as packed:
            packed.write("".join(lines[:first]))
        Path(f"{self.log}.1").write_text("".join(lines[first:second]), encoding="utf-8")
        self.log.write_text("".join(lines[second:]), encoding="utf-8")
        self.changed()
        self.check_all(text, cycles)
        self.log.unlink()
        self.changed()
        self.assertTrue(self.lines(cycles[0][0]))
        self.assertRegex(self.section(cycles[-1][0]), "Nothing of this time was found in .* cannot be read: No such file")

    def test_the_lines_of_a_container_come_out_of_their_frames(self):
        """Docker's and containerd's log of the same lines, the latter reached by a link as kubelet makes them."""
        text = self.fixture("one-table-timeout.log")
        zone = timedelta(hours=11)      # Sydney, on that day
        for form in ("docker", "cri"):
            framed, written = [], "2026-03-03T00:00:00.000000000Z"
            for line in text.splitlines():
                if found := re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ", line):
                    written = (datetime.fromisoformat(found[1]) - zone).strftime("%Y-%m-%dT%H:%M:%S.") + found[2] + "000000Z"
                framed.append(json.dumps({"log": line + "\n", "stream": "stderr", "time": written}) if form == "docker" else f"{written} stderr F {line}")
            with self.subTest(form):
                cycles = self.replayed("\n".join(framed) + "\n", log__format=form)
                if form == "cri":
                    moved = self.home / "0.log"
                    self.log.rename(moved)
                    self.log.symlink_to(moved)
                self.check_all(text, cycles)

    def test_what_is_gone_is_said(self):
        text = self.fixture("clickhouse-refused-nested-stderr.log")
        cycles = self.replayed(text)
        lines = text.splitlines(keepends=True)
        last = max(n for n, line in enumerate(lines) if STARTED in line) - 1
        self.log.write_text("".join(lines[last:]), encoding="utf-8")
        self.changed()
        section = self.section(cycles[0][0])
        self.assertRegex(section, r"These lines are gone: the oldest one that is left in .* is of " + re.escape(lines[last][:19]))
        failed = next(cycle for cycle, started, _ in cycles if "Connection refused" in self.section(cycle) or "The history keeps of it" in self.section(cycle))
        self.assertIn("The history keeps of it", self.section(failed))
        self.assertTrue(self.lines(cycles[-1][0]))
        for content, said in (("", "no line with a time"), ("nothing\n" * 1000, "no line with a time")):
            self.log.write_text(content, encoding="utf-8")
            self.changed()
            self.assertIn(said, self.section(cycles[0][0]))

    def test_what_is_no_log_is_not_opened(self):
        cycles = self.replayed(self.fixture("killed-in-cycle.log"))
        moved = self.home / "elsewhere"
        self.log.rename(moved)
        self.log.symlink_to(moved)
        self.changed()
        self.assertIn("a symbolic link, which is not followed", self.section(cycles[0][0]))
        self.log.unlink()
        self.log.mkdir()
        self.changed()
        self.assertIn("cannot be read", self.section(cycles[0][0]))

    def test_the_history_does_not_say_which_file_is_read(self):
        cycles = self.replayed(self.fixture("killed-in-cycle.log"))
        secret = self.home / "secret"
        shutil.move(self.log, secret)
        with sqlite3.connect(self.database) as db:
            db.execute("INSERT OR REPLACE INTO state (key, value) VALUES ('agent', ?)", (f"log_path {len(str(secret))} {secret}\nlog_path={secret}\n",))
        db.close()
        self.assertEqual(self.lines(cycles[0][0]), [])

    def test_secrets_are_masked_and_markup_is_text(self):
        text = self.fixture("killed-in-cycle.log")
        lines = text.splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if STARTED in line)
        key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
        lines.insert(at + 1, "<script>alert(1)</script> password=hunter2 \u202e\n" + key)
        cycles = self.replayed("".join(lines))
        section = self.section(cycles[0][0])
        self.assertIn("&lt;script&gt;", section)
        for evil in ("<script", "hunter2", "MIIEvQ", "hkiG9w0", "\u202e"):
            self.assertNotIn(evil, section)

    def test_a_large_log_is_searched_and_not_read(self):
        begin, parts = datetime(2026, 1, 1), []
        for n in range(12_000):
            stamp = (begin + timedelta(seconds=60 * n)).strftime("%Y-%m-%d %H:%M:%S,000 - __main__ - INFO - ")
            parts.append(stamp + STARTED + "\n" + "".join(f"{stamp}Starting offload: table_{k:02} → cold.table_{k:02}\n{stamp}✓ Offload completed: table_{k:02} "
                                                          "(1,000 rows in 0.0s)\n" for k in range(8)) +
                         f"{stamp}OFFLOAD CYCLE COMPLETED\n{stamp}Duration: 0.0s\n")
        cycles = self.replayed("".join(parts))
        self.assertEqual(len(cycles), 12_000)
        self.assertGreater(self.log.stat().st_size, 16 << 20)
        for cycle in (1, 2, 6000, 11_999, 12_000):
            before = time.process_time()
            self.assertTrue("\n".join(self.lines(cycle)) + "\n" == parts[cycle - 1], f"cycle {cycle}: {self.lines(cycle)[:2]}")
            self.assertLess(time.process_time() - before, 5)
        read = int(re.search(r"rchar: (\d+)", Path(f"/proc/{self.server.process.pid}/io").read_text())[1])
        self.assertLess(read, 40 << 20, "it reads much more than it shows")

    def test_an_hour_that_happens_twice_has_two_cycles_of_the_same_time(self):
        # On 2026-04-05 at 03:00 the clocks of Sydney went back to 02:00.
        clocks = [f"{hour:02}:{minute:02}" for hour in (0, 1, 2, 2, 3) for minute in (0, 15, 30, 45)]
        record = "2026-04-05 {}:{} - __main__ - INFO - {}\n"
        parts = [record.format(clock, "00,000", STARTED) + record.format(clock, "00,500", f"number {n}") * 500 + record.format(clock, "00,900", "OFFLOAD CYCLE COMPLETED")
                 + record.format(clock, "00,900", f"Next run scheduled at: 2026-04-05 {after}:00")
                 for n, (clock, after) in enumerate(zip(clocks, [*clocks[1:], "04:00"]))]
        cycles = self.replayed("".join(parts))
        self.assertEqual(len(cycles), len(parts))
        self.assertEqual(cycles[12][1] - cycles[8][1], 3600_000)
        for (number, _, _), part in zip(cycles, parts):
            self.assertTrue("\n".join(self.lines(number)) + "\n" == part, f"cycle {number}: {self.lines(number)[:2]}")


if __name__ == "__main__":
    unittest.main()
