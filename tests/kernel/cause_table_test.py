"""The table of causes fails on what is wrong, missing, stale, or unknown where nothing may be."""
import json
import os
import tempfile
import unittest
from pathlib import Path

import cause_table
from cause_table import MODES, Table

NAMES = ["one", "other"]


class Cells(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.program = Path(self.directory.name) / "program"
        self.program.touch()
        os.utime(self.program, (1, 1))
        self.table = Table(self.directory.name, self.program)

    def write(self, *, kernel="6.1.0", column="6.1", general=(), **cases):
        for mode in MODES:
            verdicts = {name: {"problems": [], "notes": [], **cases.get(name, {})} for name in NAMES}
            path = Path(self.directory.name) / f"{column}.{mode}.json"
            path.write_text(json.dumps({"kernel": kernel, "mode": mode, "cases": verdicts,
                                        "general": list(general)}))

    def row(self, names=None, column="6.1", mark=""):
        return self.table.rows([column], {"cause": names or NAMES}, mark)[1][1:]

    def test_right(self):
        self.write()
        self.assertEqual((self.row(), self.table.problems), (["right"] * 3, []))

    def test_wrong(self):
        self.write(other={"problems": ["bad"]})
        self.assertEqual(self.row(), ["WRONG"] * 3)
        self.assertEqual(len(self.table.problems), 3)

    def test_a_detail_and_a_verdict_that_cannot_be_known(self):
        self.write(one={"notes": [["packet", "unseen"]]})
        self.assertEqual(self.row(), ["right [1]"] * 3)
        self.write(one={"notes": [["confidence", "unsure"], ["packet", "unseen"]]})
        self.assertEqual(self.row(), ["cannot know [1,2]"] * 3)
        self.assertEqual(self.table.problems, [])

    def test_nothing_may_stay_unknown_in_full_mode_on_a_new_kernel(self):
        self.write(kernel="6.12.1", one={"notes": [["packet", "unseen"]]})
        self.row()
        self.assertEqual(self.table.problems, ["cause, 6.1 full: cannot know: unseen"])

    def test_but_for_a_peer_on_another_host(self):
        self.write(kernel="6.12.1", one={"notes": [["packet", "unseen"]]})
        self.row(mark=cause_table.REMOTE_MARK)
        self.assertEqual(self.table.problems, [])

    def test_missing_stale_and_empty(self):
        self.assertEqual(self.row(), ["missing"] * 3)
        self.assertEqual(len(self.table.problems), 3)
        self.write()
        self.assertEqual(self.row(["absent"]), ["EMPTY"] * 3)
        self.assertEqual(len(self.table.problems), 6)
        os.utime(self.program, (3, 3))
        os.utime(Path(self.directory.name) / "6.1.full.json", (2, 2))
        self.assertEqual(self.row(), ["missing", "right", "right"])

    def test_reasons_for_a_cause_or_a_kernel_not_run(self):
        self.write()
        self.assertEqual(self.row("seen elsewhere"), ["- [1]"] * 3)
        for mode in MODES:
            (Path(self.directory.name) / f"6.1.{mode}.json").write_text('{"not_run": "locked down"}')
        self.assertEqual(self.row(), ["cannot know [2]"] * 3)
        self.assertEqual(self.table.problems, [])

    def test_a_problem_beside_the_cases(self):
        self.write(general=["stray incident"])
        self.row()
        self.assertEqual(len(self.table.problems), 3)


if __name__ == "__main__":
    unittest.main()
