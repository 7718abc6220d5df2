"""Whether a program did what its case says: what it noted itself, held against the table."""


def told(truth):
    """What the program was told, the call that killed it included."""
    calls = [*truth["errors"], *([{**truth["fatal"], "errno": "EPIPE"}] if truth["fatal"] else [])]
    return tuple((call["errno"], call["syscall"], call["count"]) for call in calls)


def truth_problems(case, truth):
    problems = []
    if told(truth) != case.errors:
        problems.append(f"errors {told(truth)}, expected {case.errors}")
    if truth["sigpipe"] != case.sigpipe:
        problems.append(f"sigpipe {truth['sigpipe']}, expected {case.sigpipe}")
    if truth["victim"]["comm"] != case.comm:
        problems.append(f"victim {truth['victim']}, expected {case.comm}")
    if case.peer and not truth["peer"]:
        problems.append("no peer")
    if case.role == "origin" and truth["reset_seq"] is None:
        problems.append("no RST was received")
    if case.program == "unread_close" and not truth["unread"]:
        problems.append("nothing lay unread")
    return problems
