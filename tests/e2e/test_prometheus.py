# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules and dashboard over the agent's metrics: real series of a real agent, through the real promtool."""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from agent import Agent, run, wait_until   # noqa: E402
from promtool import installed, promtool_path   # noqa: E402
from receiver import Receiver   # noqa: E402
from scheduler import Scheduler   # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "fixtures/prometheus/iceberg-offload-agent.yml"
ALERTS = ROOT / "fixtures/prometheus/iceberg-offload-agent-alerts.yml"
DASHBOARD = ROOT / "fixtures/grafana/iceberg-offload-agent.json"
NODE_EXPORTER = installed("prometheus-node-exporter")
PREFIX = "iceberg_offload_agent_"
SERIES = re.compile(r"^(iceberg_offload_agent_\w+)(\{.*\}) (\S+)$", re.M)
ALERT = re.compile(r"^      - alert: (\w+)$", re.M)
STEP_MINUTES = 5
STEPS = 26 * 60 // STEP_MINUTES          # a day for the ratios, and two hours of trouble
HEALTHY = STEPS - 120 // STEP_MINUTES

# What a trouble does to the healthy series: name (and a word of the labels) -> its values in the last two hours.
FROZEN = "frozen"           # a timestamp that no longer moves
STILL = "still"             # a counter, likewise
TROUBLES = {
    "IcebergOffloadConsecutiveFailures": {'runs_total outcome="failed"': "step 5", 'runs_total outcome="success"': STILL,
                                          "last_success_timestamp_seconds": FROZEN},
    "IcebergOffloadLagElevated": {"last_success_timestamp_seconds": FROZEN},
    "IcebergOffloadLagCritical": {"last_success_timestamp_seconds": FROZEN},
    "IcebergOffloadCycleSlow": {"running_cycle_start_timestamp_seconds": FROZEN},
    "IcebergOffloadCycleTooSlow": {"last_cycle_duration_seconds": "700"},
    "IcebergOffloadWatermarkStale": {"last_rows_timestamp_seconds": FROZEN},
    "IcebergOffloadSchedulerDown": {"writer_present": "0"},
    "IcebergOffloadSuccessRateLow": {'runs_total outcome="failed"': "step 5"},
    "IcebergOffloadThroughputLow": {"rows_total": STILL},
    "IcebergOffloadIncidentNotTold": {'open_incidents alert="IcebergOffloadSchedulerDown",severity="critical"': "1", 'blind reason="mute"': "1"},
    "IcebergOffloadAgentSilent": {"alive_timestamp_seconds": FROZEN},
    "IcebergOffloadAgentStopped": {"up": "0", "alive_timestamp_seconds": FROZEN},
    "IcebergOffloadAgentPagesRefused": {'notifications_total result="refused"': "step 5"},
    "IcebergOffloadAgentPagesNotArriving": {'notifications_total result="retried"': "step 5"},
    "IcebergOffloadAgentDoesNotUnderstand": {"parse_misses_total": "step 5"},
    "IcebergOffloadAgentBehind": {"offset_behind_bytes": "5e7"},
    "IcebergOffloadAgentHistoryNotWritten": {"commit_failures_total": "step 5"},
    "IcebergOffloadAgentConfigurationRefused": {"config_last_reload_successful": "0"},
}
# An incident that the agent has told, with no trouble in the series that the other rules look at.
TOLD = {'open_incidents alert="IcebergOffloadSchedulerDown",severity="critical"': "1"}


def healthy_values(name, labels, value):
    """(first value, growth a step): a healthy day's, in promtool's time, which begins at 0."""
    if name.endswith("running_cycle_start_timestamp_seconds") or name.endswith("alive_timestamp_seconds") \
            or "_last_" in name and name.endswith("timestamp_seconds"):
        return 0, 60 * STEP_MINUTES
    if name.endswith("next_run_timestamp_seconds"):
        return 900, 60 * STEP_MINUTES
    if name.endswith("rows_total"):
        return 0, 1_000_000
    if name.endswith("success_duration_seconds_total"):
        return 0, 30
    if name.endswith("runs_total") and 'outcome="success"' in labels:
        return 0, 5
    return float(value), 0


def input_series(samples, trouble):
    text = ""
    for name, labels, value in samples:
        first, step = healthy_values(name, labels, value)
        turn = first + step * HEALTHY
        values, rest = f"{first}+{step}x{STEPS}", STEPS - HEALTHY - 1
        for which, what in trouble.items():
            wanted, _, words = which.partition(" ")
            if name != PREFIX + wanted or words not in labels:
                continue
            growth = what.split()[1] if what.startswith("step") else 0
            after = f"{turn if growth or what in (FROZEN, STILL) else what}+{growth}x{rest}"
            values = f"{first}+{step}x{HEALTHY} {after}"
        text += f"      - series: '{name}{labels}'\n        values: '{values}'\n"
    return text


def end_to_end(samples):
    """What a scenario's alerts are at its end, asked of promtool: an expectation of nothing makes it print what it got."""
    scenes = [("healthy", {}), ("told", TOLD)] + list(TROUBLES.items())
    text = f"rule_files: [{RULES}, {ALERTS}]\nevaluation_interval: {STEP_MINUTES}m\ntests:\n"
    for name, trouble in scenes:
        text += f"  - name: {name}\n    interval: {STEP_MINUTES}m\n    input_series:\n" + input_series(samples, trouble)
        at = 30 if name == "IcebergOffloadThroughputLow" else 0     # before its own average has followed
        text += ("    promql_expr_test:\n      - expr: 'count by (alertname, scene) (label_replace(ALERTS{alertstate=\"firing\"},"
                 f" \"scene\", \"{name}\", \"\", \"\"))'\n        eval_time: {STEPS * STEP_MINUTES - at}m\n")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "test.yml").write_text(text, encoding="utf-8")
        done = subprocess.run([promtool_path(), "test", "rules", "test.yml"], cwd=directory, capture_output=True, text=True,
                              timeout=600, check=False)
    output = done.stdout + done.stderr
    if not re.search(r"\b(FAILED|SUCCESS)\b", output):
        raise AssertionError(output[:3000])
    fired = {name: set() for name, _ in scenes}
    for alert, scene in re.findall(r'\{alertname="(\w+)", scene="(\w+)"\}', output):
        fired[scene].add(alert)
    return fired


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="agent-prometheus-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.collector = cls.directory / "collector"
        cls.collector.mkdir()
        with Receiver() as receiver:
            running, waiting = cls.life_of("one", receiver, 2), cls.life_of("two", receiver, 1)
        # One host's series: what only the waiting agent writes (a promise) joins those of the one whose cycle runs.
        only = [line for line in waiting.replace("two.log", "one.log").splitlines()
                if line.split("{")[0] not in running and not line.startswith("#")]
        cls.text = running + "\n".join(only) + "\n"
        cls.samples = [sample for sample in SERIES.findall(cls.text) if "_bucket" not in sample[0]]

    @classmethod
    def life_of(cls, name, receiver, cycles):
        """The last text of an agent that saw a cycle, and perhaps another one that still runs."""
        log, path = cls.directory / f"{name}.log", cls.collector / f"{name}.prom"
        with Scheduler(log) as scheduler, Agent(log, cls.directory / f"{name}.db", receiver.url("/hook"), {
                "metrics.textfile": str(cls.collector / f"{name}.prom"), "notify.host": name, "silence night.table": "none"}) as agent:
            scheduler.cycle()
            if cycles > 1:
                scheduler.cycle_started()
            agent.wait_for("SELECT count(*) FROM cycle", cycles)
            wait_until(lambda: '"writer":"present"' in run("status", "--db", agent.database, "--format", "json").stdout.replace(" ", ""),
                       30, "who writes the log is not known")
            agent.stop()
        path.write_text(re.sub(r"(agent_up\{[^}]*\}) 0", r"\1 1", path.read_text()))   # the stop is none of the scenes
        return path.read_text()

    def setUp(self):
        if not promtool_path():
            self.skipTest("no promtool here (Debian: promtool, or prometheus before Debian 13)")

    def test_every_rule_can_fire_on_the_real_series_and_none_does_in_health(self):
        self.assertEqual(sorted(ALERT.findall(RULES.read_text() + ALERTS.read_text())), sorted(TROUBLES))
        fired = end_to_end(self.samples)
        self.assertEqual(fired["healthy"], set())
        self.assertEqual(fired["told"], set())
        for alert in TROUBLES:
            self.assertIn(alert, fired[alert], fired[alert])
        self.assertEqual(fired["IcebergOffloadAgentSilent"], {"IcebergOffloadAgentSilent"})
        self.assertEqual(fired["IcebergOffloadAgentStopped"], {"IcebergOffloadAgentStopped"})

    def known(self, expression):
        names = set(re.findall(r"iceberg_offload_agent_\w+", expression))
        real = set(re.findall(r"^(?:# TYPE )?(iceberg_offload_agent_\w+)", self.text, re.M))    # some only with a witness
        self.assertEqual(names - real, set(), f"{expression}: the agent writes no such metric")
        return names

    def test_the_rules_are_sound_and_name_only_what_the_agent_writes(self):
        for rules in (RULES, ALERTS):
            done = subprocess.run([promtool_path(), "check", "rules", str(rules)], capture_output=True, text=True, timeout=600, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.known("\n".join(line for line in rules.read_text().splitlines() if not line.startswith("#")))

    def test_no_alert_of_the_agent_is_told_by_the_rules_that_go_with_an_alertmanager(self):
        """Its alerts have these names (incident.h), and one incident must not page twice."""
        header = (ROOT / "include/incident.h").read_text()
        enumerators = re.search(r"enum alert \{(.*?)\bALERTS\b", header, re.S)[1]
        agents = {"IcebergOffload" + "".join(word.title() for word in name.split("_")) for name in re.findall(r"ALERT_(\w+)", enumerators)}
        self.assertEqual(len(agents), 11)
        self.assertFalse(agents & set(ALERT.findall(RULES.read_text())))
        self.assertLessEqual(set(ALERT.findall(ALERTS.read_text())), agents)

    def test_the_dashboard_is_sound_and_every_panel_asks_for_what_there_is(self):
        board = json.loads(DASHBOARD.read_text())
        self.assertGreaterEqual(board["schemaVersion"], 36)
        self.assertTrue(board["uid"] and board["title"])
        variables = {variable["name"]: variable for variable in board["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
        taken, rules, shown = set(), [query["expr"] for query in board["annotations"]["list"] if "expr" in query], set()
        shown |= self.known("\n".join(rules))
        for panel in board["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, f"{panel['title']} lies upon another")
            taken |= cells
            if panel["type"] == "row":
                continue
            self.assertTrue(panel["targets"], panel["title"])
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))
            for target in panel["targets"]:
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                used = set(re.findall(r"\$(?!__)(\w+)", target["expr"]))
                self.assertLessEqual(used, set(variables))
                shown |= self.known(target["expr"])
                rules.append(target["expr"].replace("$__rate_interval", "5m"))
        path = self.directory / "panels.yml"
        path.write_text(json.dumps({"groups": [{"name": "panels", "rules": [
            {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(rules)]}]}))
        done = subprocess.run([promtool_path(), "check", "rules", str(path)], capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        left_out = {name for name in re.findall(r"^# TYPE (\w+) ", self.text, re.M)} - {re.sub("_bucket$", "", name) for name in shown}
        self.assertLessEqual(left_out, {PREFIX + "up", PREFIX + "start_timestamp_seconds", PREFIX + "last_record_timestamp_seconds",
                                        PREFIX + "interval_seconds", PREFIX + "commits_total"})

    def panels(self):
        return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]

    def test_each_panel_says_what_it_shows_of_which_host_and_log(self):
        for panel in self.panels():
            with self.subTest(panel["title"]):
                self.assertGreater(len(panel["description"]), 30)
                for target in panel["targets"]:
                    summed = re.search(r"\b(sum|max)(?: by \(le\))? ?\(", target["expr"])
                    if not summed:
                        self.assertTrue(target["legendFormat"].startswith("{{instance}} {{log}}"), target["legendFormat"])
                for link in panel.get("links", []):
                    self.assertRegex(link["url"], r"^\$\{runbooks\}/[\w-]+\.md$")

    def test_what_is_drawn_as_a_threshold_is_what_the_agents_are_configured_to(self):
        drawn = set()
        for panel in self.panels():
            if panel["type"] == "timeseries":
                self.assertEqual(len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]), 1, panel["title"])
            named = {target["legendFormat"] for target in panel["targets"] if "threshold_seconds" in target["expr"] and panel["type"] == "timeseries"}
            self.assertEqual(named, {rule["matcher"]["options"] for rule in panel["fieldConfig"]["overrides"]} & {"warning", "critical"}, panel["title"])
            drawn |= set(re.findall(r'threshold="(\w+)"', "".join(target["expr"] for target in panel["targets"])))
        exported = set(re.findall(r'threshold_seconds\{[^}]*threshold="(\w+)"', self.text))
        self.assertEqual(drawn, {"lag_warning", "lag_critical", "cycle_slow", "cycle_too_slow", "late_warning"})
        self.assertEqual(exported - drawn, {"late_critical"})

    def test_no_rate_is_taken_over_less_than_a_cycle(self):
        """With a cycle in 15 minutes, the window of a rate over a minute is empty most of the time."""
        for panel in self.panels():
            for target in panel["targets"]:
                for window in re.findall(r"\[([^\]]+)\]", target["expr"]):
                    self.assertIn(window, ("1h", "$__rate_interval"), panel["title"])
                    if window == "$__rate_interval":
                        self.assertEqual(panel["interval"], "15m", panel["title"])

    def test_incidents_and_starts_are_annotations(self):
        board = json.loads(DASHBOARD.read_text())
        queries = {query["name"]: query for query in board["annotations"]["list"] if "expr" in query}
        self.assertIn(PREFIX + "open_incidents", queries["Incidents"]["expr"])
        self.assertIn("{{alert}}", queries["Incidents"]["titleFormat"])
        self.assertIn(PREFIX + "start_timestamp_seconds", queries["Agent started"]["expr"])
        self.assertTrue(all(link["title"] for link in board["links"]) and board["links"])

    def test_two_agents_share_a_directory(self):
        """Not one series is in both files; node_exporter, where it is installed, takes both."""
        one, two = (set(m[0] + m[1] for m in SERIES.findall((self.collector / f"{name}.prom").read_text())) for name in ("one", "two"))
        self.assertGreater(min(len(one), len(two)), 40)
        self.assertFalse(one & two)
        if not NODE_EXPORTER:
            self.skipTest("no node_exporter here (Debian: prometheus-node-exporter)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        exporter = subprocess.Popen([NODE_EXPORTER, "--collector.disable-defaults", "--collector.textfile",
                                     f"--collector.textfile.directory={self.collector}", f"--web.listen-address=127.0.0.1:{port}"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            page = []

            def asked():
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=600) as answer:
                        page.append(answer.read().decode())
                except OSError:
                    return False
                return True
            wait_until(asked, 20, "node_exporter does not answer")
        finally:
            exporter.kill()
            exporter.wait(10)
        self.assertIn("node_textfile_scrape_error 0", page[0])
        for series in one | two:
            if "_bucket" not in series:
                self.assertIn(re.match(r"\w+", series)[0], page[0])
        self.assertEqual(len(re.findall(r"^iceberg_offload_agent_alive_timestamp_seconds", page[0], re.M)), 2)


if __name__ == "__main__":
    unittest.main()
