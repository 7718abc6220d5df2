"""The tables: every figure with its spread in cost.txt, the main ones in the README."""
import re
import shutil

from footprint import REST
from goals import goals, tax_ns
from replay import REPLAY
from reports import REPORTS
from storm import SPIN, STORM
from traffic import LOADS, PING_PONG, TITLES

BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"
KIB_PER_MIB = 1024


def aligned(rows, words=1):
    """Lines of columns: the first ones, of words, to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if i < words else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        yield ("  " + "  ".join(cells)).rstrip()


def spread_text(spread, digits=3):
    if not spread:
        return "-"
    return f"{spread.median:.{digits}f} [{spread.least:.{digits}f} {spread.greatest:.{digits}f}]"


def value_text(value, form="{:,.0f}", scale=1):
    return "-" if value is None else form.format(value / scale)


def traffic_lines(samples, titles):
    names = [name for name in titles if samples.values(PING_PONG, name, "rate")]
    if not names:
        return
    yield "Healthy traffic: throughput kept, untraced = 1; median [least greatest] over the rounds"
    rows = [["", *(TITLES[load] for load in LOADS)]]
    rows += [[titles[name], *(spread_text(samples.ratio_spread(load, name, "rate")) for load in LOADS)]
             for name in names]
    yield from aligned(rows)
    base = ", ".join(f"{TITLES[load]} {value_text(samples.median(load, 'untraced', 'rate'))}/s" for load in LOADS)
    yield f"  untraced: {base}"
    yield ""
    yield "The load's own processor time an operation, ns more than untraced; medians"
    rows = [["", *(TITLES[load] for load in LOADS)]]
    rows += [[titles[name], *(value_text(tax_ns(samples, name, load)) for load in LOADS)] for name in names]
    yield from aligned(rows)
    base = ", ".join(f"{TITLES[load]} {value_text(samples.median(load, 'untraced', 'cpu_ns'))} ns" for load in LOADS)
    yield f"  untraced: {base}"
    yield ""


def failure_lines(samples, titles, load, heading):
    names = [name for name in titles if samples.values(load, name, "rate")]
    if not names:
        return
    yield heading
    rows = [["", "kept", "kept by processor time", "made/s", "events", "lost", "incidents told/made",
             "ECONNRESET told/made", "EPIPE told/made", "events an incident", "ns an event", "us an incident",
             "B an incident", "MiB before/in/after", "stop ms"]]
    for name in names:
        rows.append([titles[name], spread_text(samples.ratio_spread(load, name, "rate")),
                     spread_text(samples.kept_by_processor_time(load, name)),
                     value_text(samples.median(load, name, "rate")), *failure_cells(samples, load, name)])
    yield from aligned(rows)
    yield ""


def failure_cells(samples, load, name):
    def middle(metric, form="{:,.0f}", scale=1):
        return value_text(samples.median(load, name, metric), form, scale)

    def against(told, made):
        return f"{middle(told)}/{middle(made)}" if samples.median(load, name, told) is not None else "-"

    memory = [middle(f"{when}_kib", "{:.1f}", KIB_PER_MIB) for when in ("rest", "busy", "after")]
    is_measured = samples.median(load, name, "rest_kib") is not None
    return [middle("events"), middle("lost"), against("told_incidents", "operations"),
            against("told_ECONNRESET", "made_ECONNRESET"), against("told_EPIPE", "made_EPIPE"),
            middle("events_per_incident", "{:.1f}"), middle("ns_per_event"),
            middle("ns_per_incident", "{:.1f}", 1000), middle("bytes_per_incident"),
            "/".join(memory) if is_measured else "-",
            middle("stop_seconds", "{:,.0f}", 0.001) if is_measured else "-"]


def rest_lines(samples, titles):
    names = [name for name in titles if samples.values(REST, name, "ready_ms")]
    if not names:
        return
    yield "At rest"
    rows = [["", "start to ready, ms", "stop to exit, ms", "resident, MiB", "processor, %"]]
    for name in names:
        rows.append([titles[name], *(spread_text(samples.spread(REST, name, metric), 1)
                                     for metric in ("ready_ms", "stop_ms")),
                     value_text(samples.median(REST, name, "idle_kib"), "{:.1f}", KIB_PER_MIB),
                     value_text(samples.median(REST, name, "idle_percent"), "{:.3f}")])
    yield from aligned(rows)
    yield ""


def replay_lines(samples):
    forms = [form for form in ("json", "text") if samples.values(REPLAY, form, "ns_per_event")]
    if not forms:
        return
    yield "The collector by itself: records of a storm replayed through all its stages, no kernel"
    rows = [["", "ns an event", "us an incident", "allocations an event"]]
    for form in forms:
        rows.append([form, value_text(samples.median(REPLAY, form, "ns_per_event")),
                     value_text(samples.median(REPLAY, form, "ns_per_incident"), "{:.2f}", 1000),
                     value_text(samples.median(REPLAY, form, "allocations_per_event"), "{:.2f}")])
    yield from aligned(rows)
    yield ""


def report_lines(samples):
    names = [name for name in ("sqlite3", "summary", "json", "html") if samples.values(REPORTS, name, "seconds")]
    if not names:
        return
    incidents, size = (samples.median(REPORTS, names[0], metric) for metric in ("incidents", "bytes_per_incident"))
    yield f"Reports of {incidents:,.0f} incidents, {size:,.0f} bytes each; sqlite3 groups the same rows"
    rows = [["", "seconds", "of processor time", "greatest MiB"]]
    for name in names:
        rows.append([name, *(spread_text(samples.spread(REPORTS, name, metric), 2)
                             for metric in ("seconds", "cpu_seconds")),
                     value_text(samples.median(REPORTS, name, "greatest_kib"), "{:.0f}", KIB_PER_MIB)])
    yield from aligned(rows)
    yield ""


def verdict(goal):
    if goal.met is None:
        return "machine too noisy"
    return "met" if goal.met else "NOT MET"


def goal_lines(samples):
    yield "Goals"
    rows = [["", "goal", "measured", "", "floor"]]
    for goal in goals(samples):
        rows.append([goal.what, goal.wanted, goal.measured, verdict(goal), "" if goal.met else goal.floor])
    yield from aligned(rows, words=len(rows[0]))
    yield ""


def machine_lines(samples, facts):
    yield (f"{facts['date']}, {facts['processors']} x {facts['processor']}, kernel {facts['kernel']}; "
           f"{facts['hooks']}")
    yield f"{'; '.join(facts['versions'])}"
    if any(record["metric"] == "foreign_share" for record in samples.records):
        yield f"Other programs took {samples.foreign_share():.0%} of the processors meanwhile (median of the samples)"
    yield (f"{facts['seconds']} s, seed {facts['seed']}, load average at the end {facts['load_average']:.1f}"
           + (", quick" if facts["quick"] else ""))


def text(samples, titles, facts):
    storm_heading = ("Storm: connections reset as fast as all processors can; medians (processor time: the "
                     "tool's too)")
    spin_heading = "Spin: one program sends on a dead socket with MSG_NOSIGNAL as fast as it can; medians"
    lines = [*machine_lines(samples, facts), "", *goal_lines(samples), *traffic_lines(samples, titles),
             *failure_lines(samples, titles, STORM, storm_heading),
             *failure_lines(samples, titles, SPIN, spin_heading), *rest_lines(samples, titles),
             *replay_lines(samples), *report_lines(samples)]
    return "\n".join(lines).rstrip() + "\n"


def readme_rows(samples, titles):
    """The main figures, a tool a row."""
    def kept(load, name):
        spread = samples.kept(load, name)
        return f"{spread.median:.2f}" if spread else ""

    yield ("| | ping-pong kept | CPU a round trip | Redis kept | storm: generator keeps | lost | start to ready "
           "| memory at rest |")
    yield "|---|---|---|---|---|---|---|---|"
    for name in ("control", "pipetrace_inferred", "pipetrace_exact", "bpftrace", "tcpdump", "strace"):
        if not samples.values(PING_PONG, name, "rate"):
            continue
        lost = samples.median(STORM, name, "lost") if name not in ("control", "strace") else None
        cells = [titles[name], kept(PING_PONG, name), f"{tax_ns(samples, name):+,.0f} ns", kept("redis", name),
                 kept(STORM, name),
                 value_text(lost).replace("-", ""),
                 value_text(samples.median(REST, name, "ready_ms"), "{:.0f} ms").replace("-", ""),
                 value_text(samples.median(REST, name, "idle_kib"), "{:.0f} MiB", KIB_PER_MIB).replace("-", "")]
        yield "| " + " | ".join(cells) + " |"


def publish(samples, titles, facts, readme, picture):
    """Replace what stands between the marks in the README, and the picture beside it."""
    shown = readme.parent / "tests" / "bench" / "cost.svg"
    shutil.copyfile(picture, shown)
    place = f"{facts['processors']} processors, kernel {facts['kernel']}, {facts['date']}"
    how = "Medians of one run"
    if samples.is_shared():
        how += (f", by processor time, since other programs took {samples.foreign_share():.0%} of the "
                "machine\nmeanwhile (strace by the clock)")
    body = "\n".join([BEGIN, f"{how} ({place}); untraced = 1:", "",
                      *readme_rows(samples, titles), "",
                      "![what is kept of the throughput, by load and tool](tests/bench/cost.svg)", END])
    written = readme.read_text()
    replaced, count = re.subn(f"{BEGIN}.*?{END}", lambda _: body, written, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"bench: {readme} has no place between {BEGIN} and {END}")
    readme.write_text(replaced)
