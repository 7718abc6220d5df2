"""Every provoker, untraced, must do what its case says: the tests' own foundation.

Usage: provokers_test.py DIRECTORY-OF-PROVOKERS
"""
import os
import sys

import actors
from cases import CASES


def told(truth):
    """What the program was told, the call that killed it included."""
    calls = [*truth["errors"], *([{**truth["fatal"], "errno": "EPIPE"}] if truth["fatal"] else [])]
    return tuple((call["errno"], call["syscall"], call["count"]) for call in calls)


def problems_of(case, truth):
    problems = []
    if told(truth) != case.errors:
        problems.append(f"errors {told(truth)}, expected {case.errors}")
    if truth["sigpipe"] != case.sigpipe:
        problems.append(f"sigpipe {truth['sigpipe']}, expected {case.sigpipe}")
    if truth["victim"]["comm"] != case.comm:
        problems.append(f"victim {truth['victim']}, expected {case.comm}")
    if case.peer and not truth["peer"]:
        problems.append("no peer")
    if case.program == "unread_close" and not truth["unread"]:
        problems.append("nothing lay unread")
    return problems


def main():
    failed = skipped = 0
    for case in CASES:
        if "--netns" in case.arguments and os.geteuid() != 0:
            print(f"skip {case.name}: a network namespace needs root")
            skipped += 1
            continue
        try:
            problems = problems_of(case, actors.start(case, sys.argv[1]).finish())
        except actors.Failed as error:
            problems = [str(error)]
        print("FAIL" if problems else "ok  ", case.name, *problems)
        failed += bool(problems)
    print(f"{len(CASES)} cases, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
