"""Every cause of the contract has a provoker and a case; every provoker is used by a case."""
import unittest
from pathlib import Path

from cases import CASES
from coverage import cases_of, causes_of_contract
from remote_cases import REMOTE

PROVOKERS = Path(__file__).resolve().parent.parent / "provokers"


class Coverage(unittest.TestCase):
    def test_every_cause_has_a_case(self):
        for cause in causes_of_contract():
            with self.subTest(cause):
                self.assertTrue(cases_of(cause))

    def test_every_case_names_a_cause_of_the_contract(self):
        for case in [*CASES, *REMOTE]:
            with self.subTest(case.name):
                self.assertLessEqual(set(case.cause), set(causes_of_contract()))

    def test_every_provoker_is_used(self):
        programs = {case.program for case in [*CASES, *REMOTE]}
        mains = {path.stem for path in PROVOKERS.glob("*.c") if "\nint main(" in path.read_text()}
        self.assertEqual(mains, programs - {"python"})

    def test_names_are_their_own(self):
        names = [case.name for case in [*CASES, *REMOTE]]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
