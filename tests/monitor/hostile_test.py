"""A hundred thousand names that processes may give themselves: what Prometheus is told of them."""
import os
import subprocess
import unittest

import exposition
from exposition import Exposition

NAMES = 100_000


class HostileNames(unittest.TestCase):
    def test_names(self):
        text = subprocess.run([os.environ["HOSTILE_NAMES"]], stdout=subprocess.PIPE, timeout=60, check=True).stdout
        self.assertEqual(exposition.complaints(text), "")
        found = Exposition(text)
        self.assertLessEqual(len(found.series), exposition.SERIES_MAX)
        named = found.by("pipetrace_process_incidents_total", "process", "container")
        self.assertEqual(sum(named.values()), NAMES, "each is counted")
        self.assertGreater(len(named), 500)
        self.assertGreater(named["other", "other"], NAMES / 2)
        for label in {part for pair in named for part in pair}:
            self.assertTrue(label.isprintable(), repr(label))
            self.assertLessEqual(len(label.encode()), 128)
        self.assertTrue(any('"' in process for process, _ in named), "quotes are kept")
        self.assertTrue(any("\\x0a" in process for process, _ in named), "a newline is shown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
