"""The cases are no mere form: without the programs that see the RST, or the SIGPIPE, they fail."""
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

from app_case import main

RESETS = "rst_received rst_packet rst_sent_active rst_sent_passive"
SIGPIPES = "sigpipe_generated sigpipe_delivered"
CASE_SECONDS = 50
# What a case says that finds no incident, or one that is not judged as it was.
TOLD_WRONG = re.compile(r"AssertionError: .*(no incident of|!=)")


class SwitchedOff(unittest.TestCase):
    def assert_fails(self, family, method, without):
        file = Path(__file__).with_name(f"{family}_test.py")
        done = subprocess.run([sys.executable, "-B", str(file), "-k", f".{method}"], check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=CASE_SECONDS,
                              env={**os.environ, "PIPETRACE_APPS_WITHOUT": without})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("FAILED (failures=1)", done.stderr)
        self.assertRegex(done.stderr, TOLD_WRONG)

    def test_openssh_without_resets(self):
        self.assert_fails("openssh", "test_scanner_resets_after_the_banner", RESETS)

    def test_tomcat_without_resets(self):
        self.assert_fails("tomcat", "test_client_leaves_or_dies_with_the_response_unread", RESETS)

    def test_redis_without_resets(self):
        self.assert_fails("redis", "test_a_client_that_never_reads", RESETS)

    def test_dpkg_deb_without_sigpipes(self):
        self.assert_fails("pipelines", "test_a_package_whose_contents_go_to_head", SIGPIPES)

    def test_python_without_sigpipes(self):
        self.assert_fails("pipelines", "test_python_that_prints_to_a_closed_head", SIGPIPES)


if __name__ == "__main__":
    main()
