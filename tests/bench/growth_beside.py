# SPDX-License-Identifier: GPL-2.0-or-later
"""What growth_tables.py measures besides tables: many webhooks, many logs on one host, and what is watched while nothing happens."""

import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import measure
from lib.receiver import Receiver
from lib.scheduler import WallClock
from lib.warehouse import ClickHouse, Warehouse
from live import TABLE, good_cycles, running
from serve import serving
from simulator.voice import Voice

PLAIN = {"log.timezone": "UTC", "detect.lag_warning": "1d", "detect.lag_critical": "2d", "schedule.late_warning": "1d",
         "schedule.late_critical": "2d", "detect.cycle_slow": "2h", "detect.cycle_too_slow": "3h"}
WATCHDOG_US = 60_000_000               # WatchdogSec=60 of the unit


def told(agent, place, webhooks, is_deaf):
    """How long after the line the last webhook has the page, but for one that never answers; and the memory."""
    with tempfile.TemporaryDirectory(prefix="webhooks.", dir=place) as directory, Receiver() as receiver:
        if is_deaf:
            receiver.plan("/0", "never")
        chosen = {**PLAIN, "detect.failures_warning": "1"}
        chosen.update({f"webhook w{i}.url": receiver.url(f"/{i}") for i in range(webhooks)})
        with running(agent, Path(directory), chosen) as (process, voice, _, _):
            voice.cycle_started(1)
            voice.run_started("a")
            time.sleep(0.4)
            begun, cpu = time.monotonic(), measure.cpu_s(process.pid)
            voice.run_failed("a", 1, "boom", 1.0)
            while sum(1 for i in range(1, webhooks) if receiver.at(f"/{i}")) < webhooks - 1 and time.monotonic() < begun + 60:
                time.sleep(0.005)
            last = max((request.monotonic for i in range(1, webhooks) for request in receiver.at(f"/{i}")), default=begun + 60)
            found = {"told_ms": (last - begun) * 1e3, "told_cpu_ms": (measure.cpu_s(process.pid) - cpu) * 1e3,
                     "own_mb": measure.memory_kb(process.pid)[0] / 1024, "threads": len(os.listdir(f"/proc/{process.pid}/task"))}
            receiver.release()
    return found


def by_webhooks(agents, place, options):
    rows = [{"webhooks": options.webhooks, "deaf": int(is_deaf), "agent": agent} for agent in agents for is_deaf in (False, True)]
    for turn in range(options.rounds):
        for row in rows:
            found = told(row["agent"], place, options.webhooks, row["deaf"])
            row.update({name: min(value, row.get(name, value)) for name, value in found.items()})
            print(f"  {options.webhooks} webhooks, {row['deaf']} deaf, round {turn + 1}: {found['told_ms']:.0f} ms ({row['agent']})", flush=True)
    return rows


def webhooks_targets(rows, agents):
    """The deaf one is waited for for 10 s."""
    well, deaf = (row for row in rows if row["agent"] == agents[-1])
    yield "one of the webhooks is deaf: ms until the others have it", deaf["told_ms"], well["told_ms"] * 2 + 300
    yield "one of the webhooks is deaf: own MB", deaf["own_mb"], well["own_mb"] + 1


def shares_mb(pid):
    """(own, shared) memory: what would be free without the process, and what others use as well."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as rollup:
        for line in list(rollup)[1:]:
            name, _, value = line.partition(":")
            found[name] = int(value.split()[0])
    return ((found["Private_Clean"] + found["Private_Dirty"]) / 1024, (found["Shared_Clean"] + found["Shared_Dirty"]) / 1024)


def instance(stack, agent, directory):
    """As the template unit starts one: its own configuration and state directory, a manager that is told, and a watchdog."""
    (directory / "agent.conf").write_text(f"[log]\npath = {directory}/log\n[webhook oncall]\nurl = http://127.0.0.1:9/\n")
    ready = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    ready.bind(str(directory / "ready"))
    ready.settimeout(60)
    log = os.open(directory / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    stack.callback(os.close, log)
    voice = Voice(lambda text: os.write(log, text.encode()), WallClock)
    voice.started()
    good_cycles(voice)
    voice.next_run(datetime.now() + timedelta(seconds=3600), 3600)
    process = subprocess.Popen([agent, "run", "--config", str(directory / "agent.conf")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "NOTIFY_SOCKET": str(directory / "ready"),
                                                               "STATE_DIRECTORY": str(directory), "WATCHDOG_USEC": str(WATCHDOG_US)})
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    while b"READY=1" not in ready.recv(4096):
        pass
    return process.pid


def by_logs(agents, place, options):
    """So many agents on one host, each with a log of its own, and nothing to do."""
    rows = []
    for agent in agents:
        with ExitStack() as stack:
            pids = []
            for _ in range(options.logs):
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="logs.", dir=place)))
                pids.append(instance(stack, agent, directory))
            time.sleep(min(3, options.idle))
            before, cpu = sum(map(measure.wakeups, pids)), sum(map(measure.cpu_s, pids))
            time.sleep(options.idle)
            shares = [shares_mb(pid) for pid in pids]
            rows.append({"agent": agent, "logs": options.logs, "own_mb": sum(own for own, _ in shares) / len(pids),
                         "anonymous_mb": sum(measure.memory_kb(pid)[0] for pid in pids) / 1024 / len(pids),
                         "shared_mb": sum(shared for _, shared in shares) / len(pids),
                         "wakeups_a_minute": (sum(map(measure.wakeups, pids)) - before) * 60 / options.idle / len(pids),
                         "cpu_ms_a_minute": (sum(map(measure.cpu_s, pids)) - cpu) * 1e3 * 60 / options.idle / len(pids)})
    return rows


def logs_targets(rows, agents):
    row = next(row for row in rows if row["agent"] == agents[-1])
    yield f"{row['logs']} logs: anonymous MB of each agent", row["anonymous_mb"], 4
    yield f"{row['logs']} logs: wake-ups a minute of each agent", row["wakeups_a_minute"], 60


@contextmanager
def watching(directory):
    """Settings for three probes and two witnesses, all of which answer."""
    clickhouse = ClickHouse()
    Warehouse(directory / "warehouse").commit(f"cold.{TABLE}", 1000)
    try:
        yield {"iceberg.warehouse": directory / "warehouse", "iceberg.table": "cold.{table}", "source.url": clickhouse.url,
               "probe clickhouse.url": clickhouse.url, "probe spark.url": clickhouse.url, "probe postgres.url": clickhouse.url}
    finally:
        clickhouse.close()


def by_idle(agents, place, options):
    """An agent alone, beside one with `agent serve`, three probes and two witnesses, both waiting for the next cycle."""
    rows = []
    for agent in agents:
        with ExitStack() as stack:
            one, other = (Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idle.", dir=place))) for _ in range(2))
            settings = stack.enter_context(watching(other))
            found = []
            for directory, chosen in ((one, {}), (other, settings)):
                process, voice, database, _ = stack.enter_context(running(agent, directory, chosen))
                voice.started()
                good_cycles(voice)
                voice.next_run(datetime.now() + timedelta(seconds=3600), 3600)
                found.append([process.pid])
            found[1] += [stack.enter_context(serving(agent, database))[0]]
            time.sleep(min(5, options.idle))
            before = [[measure.wakeups(pid) for pid in pids] for pids in found]
            time.sleep(options.idle)
            for pids, counts, name in zip(found, before, ("alone", "with serve, probes, witnesses")):
                woken = [(measure.wakeups(pid) - count) * 60 / options.idle for pid, count in zip(pids, counts)]
                own = [measure.memory_kb(pid)[0] / 1024 for pid in pids]
                rows.append({"agent": agent, "what": name, "wakeups_a_minute": sum(woken), "own_mb": sum(own),
                             "serve_wakeups": sum(woken[1:]), "serve_mb": sum(own[1:])})
    return rows


def idle_targets(rows, agents):
    alone, full = (row for row in rows if row["agent"] == agents[-1])
    yield "idle: wake-ups a minute more than alone", full["wakeups_a_minute"] - alone["wakeups_a_minute"], 2
    yield "idle: own MB more than alone", full["own_mb"] - alone["own_mb"], 2
