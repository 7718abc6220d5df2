"""The alert rules: sound, each seen to fire and to stay silent, and none that its tests would not miss."""
import re
import tempfile
import unittest
from pathlib import Path

from exposition import promtool

PLACE = Path(__file__).resolve().parents[2] / "packaging/prometheus"
RULES, TESTS = PLACE / "pipetrace.rules.yml", PLACE / "pipetrace.rules.test.yml"
ALERT = re.compile(r"^      - alert: (\w+)\n(?:        .*\n|          .*\n)+", re.M)


def tests_of(name):
    """The file with the tests of one alert alone."""
    head, *tests = re.split(r"(?=^  - name:)", TESTS.read_text(), flags=re.M)
    return head + "".join(test for test in tests if f"alertname: {name}\n" in test)


class Rules(unittest.TestCase):
    def test_sound(self):
        for command in (("check", "rules", RULES), ("check", "config", PLACE / "scrape.yml"),
                        ("test", "rules", TESTS)):
            done = promtool(*command, cwd=PLACE)
            self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())

    def test_each_fires_and_is_silent(self):
        tests = TESTS.read_text()
        for name in ALERT.findall(RULES.read_text()):
            self.assertRegex(tests, rf"alertname: {name}\n        exp_alerts:\n          - exp_labels", name)
            self.assertRegex(tests, rf"alertname: {name}\n        exp_alerts: \[\]", name)

    def test_each_is_missed(self):
        """Without the alert, or where it fires at anything, its tests fail."""
        rules = RULES.read_text()
        found = list(ALERT.finditer(rules))
        self.assertEqual(len(found), rules.count("- alert:"))
        for alert in found:
            always = re.sub(r"        expr: (?:\|\n(?:          .*\n)+|.*\n)",
                            "        expr: max by (instance) ({__name__=~\".+\"}) > -1\n", alert[0])
            for changed in ("", always):
                with self.subTest(alert=alert[1], changed=changed), tempfile.TemporaryDirectory() as place:
                    (Path(place) / TESTS.name).write_text(tests_of(alert[1]))
                    text = rules[:alert.start()] + changed + rules[alert.end():]
                    (Path(place) / RULES.name).write_text(text)
                    self.assertNotEqual(promtool("test", "rules", TESTS.name, cwd=place).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
