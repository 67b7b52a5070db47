# SPDX-License-Identifier: GPL-2.0-or-later
"""The ground truth of a scene, from the facts of its run."""


def onset(scene, facts):
    """The first wrong event or the last right one, as the alerts count; (time, what it is)."""
    begin, tables = scene.begin_us, scene.affected
    how = scene.onset
    if how == "failed":
        return facts.first("failed", since=begin, tables=tables), "the first failure"
    if how == "run":
        return facts.first("ok", since=begin, tables=tables), "the first wrong run"
    if how == "last_rows":
        rows = [f for f in facts.of("ok", before=begin, tables=tables) if f.value]
        return min(max(f.us for f in rows if f.table == t) for t in tables), "the last run with rows"
    if how == "last_ok":
        return facts.of("ok", before=begin, tables=tables)[-1].us, "the last success"
    if how == "death":
        return begin, "the scheduler's end"
    if how == "promise":
        return promise(scene, facts), "the promised run"
    if how == "cycle":
        started = [f.us for f in facts.of("cycle") if f.us <= begin]
        if scene.fates:
            return started[-1], "the start of the run that hangs"
        return facts.first("cycle", since=begin), "the start of the first slow cycle"
    if how == "cycle_above_300":
        return next(start for start, end in facts.cycles(begin) if end - start > 300e6), "the start of the first cycle > 300 s"
    raise ValueError(how)


def promise(scene, facts):
    """The run that the log promised before the scheduler ended, if it ended while waiting."""
    said = facts.of("promise", "cycle", before=scene.begin_us)
    return said[-1].value if said and said[-1].kind == "promise" else None


def recovered(scene, facts):
    """The end of the first cycle that was right again."""
    return facts.first("cycle_end", since=scene.end_us)


def ms(us):
    return None if us is None else us // 1000


def ground_truth(scene, facts):
    onset_us, onset_is = onset(scene, facts)
    promised = promise(scene, facts) if scene.onset in ("death", "promise") else None
    return {
        "kind": scene.kind, "seed": scene.seed, "interval_minutes": scene.interval_minutes,
        "tables": [t.name for t in scene.tables], "affected": scene.affected,
        "history_from_ms": ms(scene.start_us), "begin_ms": ms(scene.begin_us),
        "onset_ms": ms(onset_us), "onset_is": onset_is, "promised_ms": ms(promised),
        "death_ms": ms(scene.begin_us) if scene.fates and scene.fates[0].how != "hang" else None,
        "end_ms": ms(scene.end_us), "recovered_ms": ms(recovered(scene, facts)), "until_ms": ms(scene.until_us),
        "expects": ["IcebergOffload" + name for name in scene.expects], "severity": scene.severity,
    }
