"""Write the table of causes: each on every kernel in every mode, right, "cannot know", or wrong.

Reads what check_incidents.py left in BUILD/cause_verdicts for the kernels' machines, the
pairs of machines and the running kernel; writes BUILD/cause_table.md. Fails where a cell is
wrong or empty without a reason, and where full mode on 6.12 or newer, both ends on one host,
leaves anything unknown.
Usage: cause_table.py BUILD
"""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cases"))

from cases import BY_NAME, CASES  # noqa: E402
from coverage import cases_of, causes_of_contract  # noqa: E402
from judge import SKIPPED  # noqa: E402
from limits import kernel_version  # noqa: E402
from remote_cases import REMOTE  # noqa: E402

MODES = ("full", "kprobe", "tracepoint")
KERNELS = ("5.10", "6.1", "6.12", "newest")
ONE_HOST = (*KERNELS, "arm64", "running")
TWO_HOSTS = tuple(f"{kernel}.remote" for kernel in KERNELS)
# From here on full mode is to leave nothing unknown.
COMPLETE_SINCE = (6, 12)
# What decides the verdict; other facts are details of a verdict that is right.
DECISIVE = ("cause", "confidence", "incident")
REMOTE_MARK = " (two hosts)"

HEAD = """# Causes

`right`: every provoker of the cause that began after readiness was told as it was. A number in
brackets: so it was, but for a detail that cannot be known there. `cannot know`: the verdict itself
says so. `-`: not provoked there. The reasons stand below.
"""


def begins(name):
    """The first kernel that the case is run on."""
    return BY_NAME[name].since if name in BY_NAME else (0, 0)


class Footnotes:
    """Reasons, numbered in the order of their first use."""

    def __init__(self):
        self.reasons = []

    def number(self, reason):
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1

    def marks(self, reasons):
        return " [" + ",".join(str(n) for n in sorted({self.number(r) for r in reasons})) + "]"


class Table:
    """Cells out of verdict files; collects what is wrong."""

    def __init__(self, directory, program):
        self.directory, self.program = Path(directory), Path(program)
        self.footnotes = Footnotes()
        self.problems = []

    def verdicts(self, column, mode):
        """What was judged there; a problem if it was not, or before the program was last built."""
        path = self.directory / f"{column}.{mode}.json"
        where = f"{column} {mode}"
        if not path.exists():
            self.problems.append(f"{where}: not judged, {path} is missing")
            return None
        if path.stat().st_mtime < self.program.stat().st_mtime:
            self.problems.append(f"{where}: judged before {self.program} was built; run it again")
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        self.problems += [f"{where}: {problem}" for problem in document.get("general", [])]
        return document

    def cell(self, where, document, names):
        """One cell: all cases of `names`, or the reason why there is none."""
        if document is None:
            return "missing"
        if isinstance(names, str):
            return "-" + self.footnotes.marks([names])
        if "not_run" in document:
            return "cannot know" + self.footnotes.marks([document["not_run"]])
        names = [name for name in names if begins(name) <= kernel_version(document["kernel"])]
        judged = [document["cases"][name] for name in names if name in document["cases"]]
        if len(judged) < len(names) or not names:
            self.problems.append(f"{where}: no provoker was run, or not all ({', '.join(names) or 'none'})")
            return "EMPTY"
        if any(verdict["problems"] for verdict in judged):
            self.problems.append(f"{where}: wrong")
            return "WRONG"
        notes = [note for verdict in judged for note in verdict["notes"]]
        if not notes:
            return "right"
        self.demand_completeness(where, document, notes)
        decisive = any(field in DECISIVE for field, _ in notes)
        return ("cannot know" if decisive else "right") + self.footnotes.marks(r for _, r in notes)

    def demand_completeness(self, where, document, notes):
        """Full mode on a new kernel sees both ends of one host: there nothing may stay unknown."""
        both_here = not where.endswith(REMOTE_MARK)
        new = kernel_version(document["kernel"]) >= COMPLETE_SINCE
        if both_here and new and document["mode"] == "full":
            self.problems += [f"{where}: cannot know: {reason}" for _, reason in dict.fromkeys(map(tuple, notes))
                              if reason != SKIPPED]

    def rows(self, columns, groups, mark=""):
        """Markdown lines: a row a group of cases, a column a kernel and mode."""
        documents = {(column, mode): self.verdicts(column, mode) for column in columns for mode in MODES}
        lines = [["", *(f"{column.removesuffix('.remote')} {mode}" for column, mode in documents)]]
        for title, names in groups.items():
            cells = [self.cell(f"{title}, {column} {mode}{mark}", document, names)
                     for (column, mode), document in documents.items()]
            lines.append([title, *cells])
        return lines


def markdown(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |\n"
                   for line in lines)


def groups_of_one_host():
    """{title of a row: names of its cases, or the reason why it has none}."""
    groups = {cause: [case.name for case in cases_of(cause)] for cause in causes_of_contract()}
    return {**groups, "no incident": [case.name for case in CASES if not case.cause]}


def remote_cases_by_title():
    return {f"{case.name.removeprefix('remote_')}: {case.cause[0] if case.cause else 'no incident'}":
            [case.name] for case in REMOTE}


def write_table(build):
    """Write the table; return the problems."""
    table = Table(build / "cause_verdicts", build / "pipetrace")
    one_host = table.rows(ONE_HOST, groups_of_one_host())
    two_hosts = table.rows(TWO_HOSTS, remote_cases_by_title(), REMOTE_MARK)
    text = (f"{HEAD}\n## Both ends on one host\n\n{markdown(one_host)}\n"
            f"## The peer on another host, which is not traced\n\n"
            f"What the peer did, and what may be said of it from here.\n\n{markdown(two_hosts)}\n")
    text += "".join(f"[{number}] {reason}\n" for number, reason in enumerate(table.footnotes.reasons, 1))
    (build / "cause_table.md").write_text(text, encoding="utf-8")
    print(text)
    return table.problems


def main():
    problems = write_table(Path(sys.argv[1]))
    for problem in problems:
        print(f"FAIL: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
