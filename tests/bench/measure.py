# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process costs: CPU, wall time and memory, of one that ends and of one that stays."""

import os
import subprocess
import tempfile
import time


def memory_kb(pid):
    """(anonymous, resident) of a living process."""
    found = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            name, _, value = line.partition(":")
            if name in ("RssAnon", "VmRSS"):
                found[name] = int(value.split()[0])
    return found.get("RssAnon", 0), found.get("VmRSS", 0)


def cpu_s(pid):
    """CPU of all its threads, from the scheduler's own count of nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def wakeups(pid):
    """Voluntary context switches of all its threads: how often it slept and was woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii", errors="replace") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    return total


def once(command, watch_memory=False):
    """Runs it to its end. Its output goes to a file: grep stops at the first match if nobody can read the rest."""
    peak = 0
    with tempfile.TemporaryFile() as output:
        begun = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.DEVNULL)
    while watch_memory:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, memory_kb(process.pid)[0])
        time.sleep(0.001)
    else:
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": time.monotonic() - begun, "anonymous_kb": peak,
            "resident_kb": usage.ru_maxrss, "exit": process.returncode}


def best(results):
    """Others load the machine: the least of several runs is nearest to what it costs."""
    return {"cpu_s": min(r["cpu_s"] for r in results), "wall_s": min(r["wall_s"] for r in results),
            "anonymous_kb": max(r["anonymous_kb"] for r in results), "resident_kb": max(r["resident_kb"] for r in results),
            "runs": len(results)}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]
