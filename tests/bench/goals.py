"""The goals, each beside what was measured and, where it is not met, the floor: what cannot be gone below."""
from dataclasses import dataclass
from typing import Optional

from footprint import REST
from replay import REPLAY
from storm import SPIN, STORM
from traffic import LOADS, PING_PONG, TITLES

INFERRED, EXACT = "pipetrace_inferred", "pipetrace_exact"
EMPTY = "empty_exact"
DRAIN = "drain_only"
KIB_PER_MIB = 1024
FLOORS = {EMPTY: "empty programs", DRAIN: "records read and thrown away"}


@dataclass
class Goal:
    what: str
    wanted: str
    measured: str
    met: Optional[bool]  # None: not measured, or not sharply enough to say
    floor: str = ""
    timed: bool = False  # wall-clock time decides, so that other programs on the machine can spoil it


def ratio_text(spread):
    return f"{spread.median:.3f} ({spread.least:.3f} to {spread.greatest:.3f})"


def tax_ns(samples, tool, load=PING_PONG):
    """Processor time of one operation that the untraced one does not take."""
    traced, base = samples.median(load, tool, "cpu_ns"), samples.median(load, "untraced", "cpu_ns")
    return None if traced is None or base is None else traced - base


def noise_ns(samples):
    """How far two untraced runs of one round differ, at the median."""
    first = samples.values(PING_PONG, "untraced", "cpu_ns")
    again = samples.values(PING_PONG, "control", "cpu_ns")
    differences = sorted(abs(again[number] - first[number]) for number in first if number in again)
    return differences[len(differences) // 2] if differences else 0


def kept_goal(samples, load, tool, limit):
    """By the clock, and by processor time where other programs leave too little of the machine."""
    kept, spent = samples.ratio_spread(load, tool, "rate"), samples.kept_by_processor_time(load, tool)
    measured, met = ratio_text(kept), kept.median >= limit
    floors = [(name, kept_text(samples, load, name)) for name in (EMPTY, DRAIN)]
    floor = "; ".join(f"{FLOORS[name]} {text}" for name, text in floors if text)
    if spent:
        measured += f", by processor time {spent.median:.3f}"
        if samples.is_shared():
            met = spent.median >= limit
    return Goal(f"{load}, {tool.rsplit('_', 1)[1]}: generator keeps", f">= {limit:.2f}", measured, met, floor)


def kept_text(samples, load, tool):
    kept, spent = samples.ratio_spread(load, tool, "rate"), samples.kept_by_processor_time(load, tool)
    if not kept:
        return ""
    return f"{kept.median:.3f}" + (f" (by processor time {spent.median:.3f})" if spent else "")


def inferred_traffic(samples):
    """By processor time, which other programs spoil less. Against the control: the median of their ratio
    must not be above 1 by more than its own spread allows."""
    for load in LOADS:
        spread = samples.ratio_spread(load, INFERRED, "cpu_ns", "control")
        if not spread:
            continue
        low, high = spread.interval()
        empty = samples.ratio_spread(load, "empty_inferred", "cpu_ns", "control")
        yield Goal(f"inferred: {TITLES[load]}", "processor time as the untraced control's",
                   f"{spread.median:.3f} of it, 95 % between {low:.3f} and {high:.3f}", low <= 1,
                   f"empty programs {empty.median:.3f}" if empty else "")


def exact_tax(samples):
    own, empty, dump = (tax_ns(samples, tool) for tool in (EXACT, EMPTY, "tcpdump"))
    if own is None:
        return
    noise = noise_ns(samples)
    sharp = empty > noise
    yield Goal("exact: tax on a round trip", "<= 1.25 x empty programs on the same hooks",
               f"{own:.0f} ns, empty programs {empty:.0f} ns (untraced runs differ by {noise:.0f} ns)",
               own <= 1.25 * empty if sharp else None if own > noise else True,
               f"{empty:.0f} ns")
    kept, other = (samples.ratio_spread(PING_PONG, tool, "rate").median for tool in (EXACT, "tcpdump"))
    yield Goal("exact: ping-pong kept", "more than tcpdump leaves", f"{kept:.3f}, tcpdump {other:.3f}", kept > other,
               timed=True)


def total(samples, load, tool, metric):
    return sum(samples.values(load, tool, metric).values())


def storm_goals(samples):
    for tool in (EXACT, INFERRED):
        made = total(samples, STORM, tool, "operations")
        if not made:
            continue
        mode = tool.rsplit("_", 1)[1]
        lost = total(samples, STORM, tool, "lost")
        yield Goal(f"storm, {mode}: events lost", "0", f"{lost:,} of {total(samples, STORM, tool, 'events') + lost:,}",
                   lost == 0)
        told = total(samples, STORM, tool, "told_incidents")
        yield Goal(f"storm, {mode}: incidents told in JSON", "each", f"{told:,} of {made:,}", told == made)
        if tool == EXACT:
            yield from exact_counts(samples, STORM, ("ECONNRESET", "EPIPE"))
        yield kept_goal(samples, STORM, tool, 0.85)
    rings = samples.values(STORM, EXACT, "ring_bytes")
    if rings:
        yield Goal("storm: ring", "<= 4 MiB", f"{max(rings.values()) / 2**20:g} MiB", max(rings.values()) <= 4 << 20)


def exact_counts(samples, load, errnos):
    for errno in errnos:
        made, told = (total(samples, load, EXACT, f"{kind}_{errno}") for kind in ("made", "told"))
        yield Goal(f"{load}, exact: {errno} counted", "as the generator counts", f"{told:,} of {made:,}", told == made)


def spin_goals(samples):
    if not samples.values(SPIN, EXACT, "rate"):
        return
    yield from exact_counts(samples, SPIN, ("EPIPE",))
    lost = total(samples, SPIN, EXACT, "lost")
    yield Goal("spin, exact: events lost", "0", f"{lost:,}", lost == 0)
    yield kept_goal(samples, SPIN, EXACT, 0.8)


def collector_goals(samples):
    drained = samples.median(STORM, DRAIN, "ns_per_event")
    floors = {"ns_per_event": f"records read and thrown away {drained:,.0f} ns"} if drained is not None else {}
    for what, load, tool, metric, limit, unit in (
            ("collector in the storm, an event", STORM, EXACT, "ns_per_event", 300, "ns"),
            ("collector in the storm, a JSON incident", STORM, EXACT, "ns_per_incident", 5000, "ns"),
            ("collector by itself, an event", REPLAY, "json", "ns_per_event", 300, "ns"),
            ("collector by itself, a JSON incident", REPLAY, "json", "ns_per_incident", 5000, "ns"),
            ("collector by itself, allocations an event", REPLAY, "json", "allocations_per_event", 0, "")):
        value = samples.median(load, tool, metric)
        if value is not None:
            digits = 0 if value >= 100 else 2
            yield Goal(what, f"<= {limit:,} {unit}".rstrip(), f"{value:,.{digits}f} {unit}".rstrip(), value <= limit,
                       floors.get(metric, "") if load == STORM else "")


def rest_goals(samples):
    minimal = samples.spread(REST, "minimal_loader", "ready_ms")
    for tool in (INFERRED, EXACT):
        mode = tool.rsplit("_", 1)[1]
        floor = samples.spread(REST, f"plain_loader_{mode}", "ready_ms")
        ready = samples.spread(REST, tool, "ready_ms")
        if ready and floor:
            times = ready.median / floor.median
            one = f"; a loader of one program {minimal.median:.0f} ms" if minimal else ""
            yield Goal(f"{mode}: start to readiness", "<= 1.5 x a plain skeleton loader of the same programs",
                       f"{ready.median:.0f} ms, {times:.2f} x{one}", times <= 1.5, f"{floor.median:.0f} ms",
                       timed=True)
            stop = samples.spread(REST, tool, "stop_ms")
            yield Goal(f"{mode}: stop to exit", "<= 50 ms", f"{stop.median:.0f} ms (at most {stop.greatest:.0f})",
                       stop.median <= 50)
        idle = samples.median(REST, tool, "idle_percent")
        if idle is not None:
            kib = samples.median(REST, tool, "idle_kib")
            events = total(samples, REST, tool, "idle_events")
            busy = f", while {events:,} events of other programs came" if events else ""
            for what, limit, text, is_met in (
                    ("processor time", "<= 0.05 %", f"{idle:.3f} %", idle <= 0.05),
                    ("memory", "<= 12 MiB", f"{kib / KIB_PER_MIB:.1f} MiB", kib <= 12 * KIB_PER_MIB)):
                yield Goal(f"{mode}: idle {what}", limit, text + busy, is_met or (None if busy else False))
    busy = samples.values(STORM, EXACT, "busy_kib")
    if busy:
        rest, after = (max(samples.values(STORM, EXACT, metric).values()) for metric in ("rest_kib", "after_kib"))
        most = max(busy.values())
        yield Goal("memory in the storm", "<= 64 MiB", f"{most / KIB_PER_MIB:.1f} MiB", most <= 64 * KIB_PER_MIB)
        yield Goal("memory after the storm", "<= 12 MiB again",
                   f"{after / KIB_PER_MIB:.1f} MiB (before {rest / KIB_PER_MIB:.1f})", after <= 12 * KIB_PER_MIB)


def goals(samples):
    found = []
    for part in (inferred_traffic, exact_tax, storm_goals, spin_goals, collector_goals, rest_goals):
        found += part(samples)
    if samples.is_shared():
        for goal in found:
            # What fails where others ran too may be theirs; what holds there holds.
            if goal.timed and not goal.met:
                goal.met = None
    return found
