#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds that the files of a room can be read one after the other. TAP on stdout.

    tests/check_cycles.py BUILD

Two graphs are looked at: which header includes which, and which object file below BUILD/obj needs symbols of which other one (nm says).
No headers may include one another in a cycle. In the rooms that ENFORCED names, object files that need one another in a cycle may be
two at most; for the other rooms a longer cycle is only told.
"""
import pathlib
import subprocess
import sys

import check_layers

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENFORCED = {"agent/core"}
FILES_MOST = 2


def cycles(graph):
    """The strongly connected components of {node: set of nodes} with more than one node or an edge to itself (Tarjan 1972)."""
    found, index, low, stack = [], {}, {}, []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            component = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(component) > 1 or node in graph.get(node, ()):
                found.append(sorted(component))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def include_graph():
    house = check_layers.House()
    graph = {}
    for path, _, _, target in house.includes():
        if target is not None:
            graph.setdefault(path.relative_to(ROOT).as_posix(), set()).add(target)
    return graph


def symbols(path):
    """(defined, needed) by an object file."""
    said = subprocess.run(["nm", "--extern-only", str(path)], capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in said.splitlines() if line]
    needed = {name for *_, kind, name in words if kind == "U"}
    return {name for *_, kind, name in words} - needed, needed


def link_graph(build, room):
    """The object files of a room: {name: names of those whose symbols it needs}. An object whose source is gone is left over."""
    objects = {path.name: symbols(path) for path in sorted((build / "obj" / room).glob("*.o"))
               if (ROOT / room / path.name).with_suffix(".c").is_file()}
    owner = {symbol: name for name, (defined, _) in objects.items() for symbol in defined}
    return {name: {owner[symbol] for symbol in needed if symbol in owner} - {name} for name, (_, needed) in objects.items()}


def explain(graph, component):
    """The edges within a component, a line each."""
    for node in component:
        inside = sorted(graph[node] & set(component))
        if inside:
            yield f"{node} -> {', '.join(inside)}"


def main(build):
    results = []
    graph = include_graph()
    results.append(("no headers include one another in a cycle", [line for component in cycles(graph)
                                                                  for line in explain(graph, component)]))
    told = []
    for room in sorted(check_layers.ROOMS):
        graph = link_graph(build, room)
        if room in ENFORCED and not graph:
            results.append((f"{room} was built", [f"no object file in {build / 'obj' / room}"]))
        long = [component for component in cycles(graph) if len(component) > FILES_MOST]
        lines = [line for component in long for line in explain(graph, component)]
        if room in ENFORCED:
            results.append((f"{room}: no cycle of more than {FILES_MOST} files", lines))
        else:
            told += [f"{room}: a cycle of {len(component)} files: {', '.join(component)}" for component in long]
    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
    for line in told:
        print(f"# {line}")
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
