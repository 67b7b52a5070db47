# SPDX-License-Identifier: GPL-2.0-or-later
"""One incident or one healthy year: simulated, replayed by the agent, judged by Prometheus, compared."""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "lib")]

from promtool import firing_times                                   # noqa: E402
from simulator.flow import incidents as flow                       # noqa: E402
from simulator.incidents import KINDS as SCHEDULER_KINDS           # noqa: E402
from simulator.simulator import write_healthy, write_incident       # noqa: E402

CRITICAL_ALERTS = {"IcebergOffload" + name for name in
                   ("ConsecutiveFailures", "LagCritical", "CycleTooSlow", "WatermarkStale", "SchedulerDown")}
HELD_OUT_FROM = 2000          # thresholds may be tuned on smaller seeds; on these, only how far ahead a drift is looked for was
WORKERS = 2
KINDS = {**SCHEDULER_KINDS, **flow.KINDS}      # those of the Prefect flow begin with flow_
FLOW_DAYS = 30                # a healthy "year" of the flow is a month: it says as much as a year of the scheduler

# The log does not show a SIGKILL: what the agent learns from the kernel within milliseconds, replay cannot know.
UNSEEN_DEATHS = ("killed_waiting", "killed_in_cycle", "flow_killed_waiting", "flow_killed_in_cycle")
# Trouble for which the critical page itself must come before the first critical alert, not only the first page.
CRITICAL_FIRST = ("table_fails", "clickhouse_down", "exception_burst", "table_timeout", "cycle_1200", "hang_in_run",
                  "hang_between_runs", "stall_one", "stall_all", "table_skipped", "flow_table_fails", "flow_clickhouse_down",
                  "flow_cycle_1200", "flow_hang_in_run", "flow_stall_one", "flow_layer_left_out")


@dataclass(frozen=True)
class Target:
    """Times to beat, in seconds: what Prometheus needs as meant, and the agent's limits for its warning and critical."""
    prometheus: str
    warning_s: float = None
    critical_s: float = None
    since: str = "onset_ms"


MINUTE = 60
TARGETS = {
    "table_fails": Target("15-16 min, critical 20 min", 15 * MINUTE, 15 * MINUTE),
    "clickhouse_down": Target("15-16 min, critical 20 min", 15 * MINUTE, 15 * MINUTE),
    "exception_burst": Target("15-16 min, critical 20 min", 15 * MINUTE, 15 * MINUTE),
    "table_timeout": Target("completion + 2 min", 300, 600),
    "flapping": Target("never as meant"),
    "table_skipped": Target("30 min, critical 35 min", 20 * MINUTE, 30 * MINUTE),
    "cycle_400": Target("400 s + 10 min", 300),
    "cycle_1200": Target("1,200 s + 2 min", 300, 600),
    "volume_spike": Target("420 s + 10 min", 300),
    "slow_drift": Target("first > 300 s + 10 min", 0),
    "stall_one": Target("65 min", 30 * MINUTE, 45 * MINUTE),
    "stall_all": Target("65 min", 30 * MINUTE, 45 * MINUTE),
    "throughput_drop": Target("never as meant"),
    "killed_waiting": Target("death + 5-10 min", 60, 120, "promised_ms"),
    "killed_in_cycle": Target("death + 5-10 min", 300, 600),
    "stopped": Target("death + 5-10 min", 60, 120, "promised_ms"),
    "crash_loop": Target("death + 5-10 min, if ever"),
    "hang_in_run": Target("lag: critical 35 min after the last success", 300, 600),
    "hang_between_runs": Target("lag: critical 35 min after the last success", 60, 120),
}
# The same bars on the flow. Its slots are cron's, so its promise is the next slot; a paused deployment is what a stopped scheduler was.
FLOW_BARS = {"layer_left_out": "table_skipped", "server_down": "hang_between_runs", "deployment_paused": "hang_between_runs"}
TARGETS |= {kind: TARGETS[FLOW_BARS.get(name, name)] for kind in flow.KINDS for name in [kind.removeprefix(flow.PREFIX)]}
SLACK_S = 30                  # a slot's own lateness, and the runs before the one that matters


def to_ms(text):
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def replay(agent, log, until_ms, *options):
    """The agent's notifications over a log, times in Unix ms."""
    until = datetime.fromtimestamp(until_ms / 1000, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    done = subprocess.run([agent, "replay", "--tz", "UTC", "--format", "json", "--until", until, *options, str(log)],
                          capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"agent replay: exit {done.returncode}: {done.stderr.strip()[:500]}")
    notifications = [json.loads(line) for line in done.stdout.splitlines() if line]
    for notification in notifications:
        notification["at_ms"] = to_ms(notification["time"])
        notification["prometheus_ms"] = to_ms(notification.get("prometheus_time"))
    return notifications


def run_incident(job):
    agent, kind, seed = job
    with tempfile.TemporaryDirectory(prefix="lead-") as directory:
        log = Path(directory, "scheduler.log")
        options = []
        if kind in flow.KINDS:
            truth, series, options = flow.write_incident(log, kind, seed)
        else:
            truth, series = write_incident(log, kind, seed)
        notifications = replay(agent, log, truth["until_ms"], *options) if agent else []
    return {"truth": truth, "series": series, "notifications": notifications}


def run_year(job):
    agent, seed, days, of_flow = job
    with tempfile.TemporaryDirectory(prefix="lead-") as directory:
        log = Path(directory, "scheduler.log")
        choices, options = flow.write_healthy(log, seed, FLOW_DAYS) if of_flow else (write_healthy(log, seed, days), [])
        choices["of_flow"] = of_flow
        notifications = replay(agent, log, choices["until_ms"], *options) if agent else []
    fired = [n for n in notifications if n["status"] == "firing"]
    choices["criticals"] = [brief(n) for n in fired if n["severity"] == "critical"]
    choices["warnings"] = [brief(n) for n in fired if n["severity"] == "warning"]
    return choices


def brief(notification):
    return {k: notification.get(k) for k in ("time", "alert", "table", "summary")}


def first(values):
    values = [v for v in values if v is not None]
    return min(values) if values else None


def judge(run, prometheus):
    """What one incident comes to. Times in ms; leads in seconds, positive where the agent was first."""
    truth = run["truth"]
    begin_ms = min(truth["begin_ms"], truth["onset_ms"])
    fired = [n for n in run["notifications"] if n["status"] == "firing"]
    during = [n for n in fired if n["at_ms"] >= begin_ms]
    expected = [n for n in during if n["alert"] in truth["expects"]]
    page = first(n["at_ms"] for n in expected)
    critical = first(n["at_ms"] for n in expected if n["severity"] == "critical")
    by_alert = {alert: min(times.values()) for alert, times in prometheus.items()}
    earliest = first(by_alert.values())
    earliest_critical = first(at for alert, at in by_alert.items() if alert in CRITICAL_ALERTS)
    since = truth[TARGETS[truth["kind"]].since]
    incidents = {n["incident"] for n in expected}
    resolved = {n["incident"] for n in run["notifications"] if n["status"] == "resolved"}
    return {
        "kind": truth["kind"], "seed": truth["seed"],
        "caught": page is not None and (truth["severity"] != "critical" or critical is not None),
        "resolved": bool(incidents) and incidents <= resolved,
        "warning_s": seconds(since, page), "critical_s": seconds(since, critical),
        "lead_earliest_s": seconds(page, earliest), "lead_critical_s": seconds(page, earliest_critical),
        "critical_lead_s": seconds(critical, earliest_critical),
        "prometheus_critical_s": seconds(truth["onset_ms"], earliest_critical),
        "prometheus": {alert: seconds(truth["onset_ms"], at) for alert, at in by_alert.items()},
        "before": [brief(n) for n in fired if n["at_ms"] < begin_ms],
        "others": sorted({n["alert"] for n in during} - set(truth["expects"])),
        "pages": len(during), "model": model_errors(run, prometheus),
    }


def seconds(start_ms, end_ms):
    return None if start_ms is None or end_ms is None else round((end_ms - start_ms) / 1000, 3)


def model_errors(run, prometheus):
    """Where the agent's model of an alert can be compared: {alert: promtool's firing minus the model's, in seconds}."""
    errors = {}
    for n in run["notifications"]:
        times = prometheus.get(n["alert"])
        if n["prometheus_ms"] is None or not times:
            continue
        at = first(times.get(table) for table in n["tables"]) if n["tables"] else None
        errors[n["alert"]] = seconds(n["prometheus_ms"], at or min(times.values()))
    return errors


def measure_incidents(agent, jobs):
    """jobs: (kind, seed) pairs."""
    with ProcessPoolExecutor(WORKERS) as pool:
        runs = list(pool.map(run_incident, [(agent, kind, seed) for kind, seed in jobs]))
    return [judge(run, times) for run, times in zip(runs, firing_times([run["series"] for run in runs]))]


def measure_years(agent, seeds, days=365, of_flow=False):
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(run_year, [(agent, seed, days, of_flow) for seed in seeds]))


def spread(incidents, first_seed, kinds=None):
    """So many incidents, over all kinds in turn: (kind, seed)."""
    kinds = list(kinds or KINDS)
    return [(kinds[i % len(kinds)], first_seed + i // len(kinds)) for i in range(incidents)]
