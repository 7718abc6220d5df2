"""Every provoker, untraced, must do what its case says: the tests' own foundation.

Usage: provokers_test.py DIRECTORY-OF-PROVOKERS
"""
import os
import platform
import sys

import actors
from case import needs_root
from cases import CASES
from limits import kernel_version
from truth import truth_problems

def main():
    failed = skipped = 0
    kernel = kernel_version(platform.release())
    cases = [case for case in CASES if case.since <= kernel]
    waiting = {case.name: actors.start(case, sys.argv[1]) for case in cases
               if case.slow and not (needs_root(case) and os.geteuid() != 0)}
    for case in sorted(cases, key=lambda case: case.slow):
        if needs_root(case) and os.geteuid() != 0:
            print(f"skip {case.name}: it needs root")
            skipped += 1
            continue
        try:
            actor = waiting.get(case.name) or actors.start(case, sys.argv[1])
            problems = truth_problems(case, actor.finish())
        except actors.Failed as error:
            problems = [str(error)]
        print("FAIL" if problems else "ok  ", case.name, *problems)
        failed += bool(problems)
    print(f"{len(CASES)} cases, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
