"""Every provoker, untraced, must do what its case says: the tests' own foundation.

Usage: provokers_test.py DIRECTORY-OF-PROVOKERS
"""
import os
import platform
import sys

import actors
from cases import CASES
from limits import kernel_version
from truth import truth_problems

# Programs that always move to a network namespace of their own.
OWN_NETNS = ("filtered", "forged", "forgotten")


def main():
    failed = skipped = 0
    kernel = kernel_version(platform.release())
    for case in (case for case in CASES if case.since <= kernel):
        if ("--netns" in case.arguments or case.program in OWN_NETNS) and os.geteuid() != 0:
            print(f"skip {case.name}: a network namespace needs root")
            skipped += 1
            continue
        try:
            problems = truth_problems(case, actors.start(case, sys.argv[1]).finish())
        except actors.Failed as error:
            problems = [str(error)]
        print("FAIL" if problems else "ok  ", case.name, *problems)
        failed += bool(problems)
    print(f"{len(CASES)} cases, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
