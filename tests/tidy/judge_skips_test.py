"""Shows that a test which did not run is excused only by something that this machine lacks."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
import judge_skips  # noqa: E402

RESULTS = """<testsuite>
  <testcase name="ran" status="run"><system-out>fine</system-out></testcase>
  <testcase name="left" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
    <system-out>skipped: needs root: hooks</system-out></testcase>
</testsuite>"""


class Judge(unittest.TestCase):
    def setUp(self):
        self.present = dict(judge_skips.PRESENT)
        judge_skips.PRESENT.update({"root": lambda: True, "kprobes": lambda: False})

    def tearDown(self):
        judge_skips.PRESENT.update(self.present)

    def judge(self, status, output):
        return judge_skips.judge([("other", "run", ""), ("test", status, output)])

    def test_ran(self):
        self.assertEqual(self.judge("run", ""), ([], [], 2))
        self.assertEqual(self.judge("fail", ""), ([], [], 2))

    def test_lacking_is_excused(self):
        complaints, excused, _ = self.judge("notrun", "skipped: needs kprobes: not built in\n")
        self.assertEqual((complaints, len(excused)), ([], 1))

    def test_present_unknown_or_silent_is_not(self):
        for status, output in (
            ("notrun", "skipped: needs root: why\n"),
            ("notrun", "skipped: needs moonlight: why\n"),
            ("notrun", ""),
            ("disabled", "skipped: needs kprobes: why\n"),
        ):
            complaints, excused, _ = self.judge(status, output)
            self.assertEqual((len(complaints), excused), (1, []), output)

    def test_no_test_ran(self):
        self.assertEqual(len(judge_skips.judge([])[0]), 1)

    def test_reads_what_ctest_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.xml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(RESULTS)
            cases = list(judge_skips.read_cases(path))
        self.assertEqual([case[:2] for case in cases], [("ran", "run"), ("left", "notrun")])
        self.assertIn("needs root", cases[1][2])


if __name__ == "__main__":
    unittest.main()
