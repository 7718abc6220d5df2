"""The systemd unit: accepted by systemd, as tight as was reached, and its words as the program understands them."""
import json
import re
import subprocess
import unittest
from pathlib import Path

import capabilities_test
import serving
from serving import live

EXPOSURE_MAX = 2.0  # systemd's scale ends at 10; what is left is what the work needs
PACKAGING = serving.ROOT / "packaging/systemd"
BUILD = Path(live.PIPETRACE).resolve().parent


def capabilities_of(unit, name):
    return {word.lower().removeprefix("cap_") for line in unit.splitlines() if line.startswith(f"{name}=")
            for word in line.split("=", 1)[1].split()}


class UnitFile(live.LiveTest):
    def setUp(self):
        super().setUp()
        text = (PACKAGING / "pipetrace.service.in").read_text()
        self.text = text.replace("@program_directory@", str(BUILD))
        self.assertNotRegex(self.text, r"@\w+@")
        self.unit = self.directory / "pipetrace.service"
        self.unit.write_text(self.text)

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments, str(self.unit)], capture_output=True, text=True,
                              check=False, timeout=live.COMMAND_SECONDS)

    def test_systemd_takes_it(self):
        verified = self.analyze("verify", "--man=no")
        self.assertEqual((verified.returncode, verified.stderr, verified.stdout), (0, "", ""))

    def test_it_starts_what_was_installed_with_it(self):
        prefix = self.directory / "usr"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, timeout=live.COMMAND_SECONDS,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        unit = (prefix / "lib/systemd/system/pipetrace.service").read_text()
        self.assertEqual(unit, self.text.replace(str(BUILD), str(prefix / "bin")))
        self.assertTrue((prefix / "bin/pipetrace").is_file())

    def test_its_exposure(self):
        shown = self.analyze("security", "--offline=true", "--no-pager", "--json=short")
        exposed = {entry["json_field"] for entry in json.loads(shown.stdout)
                   if entry["exposure"] not in (None, "0.0", 0)}
        self.assertIn("CapabilityBoundingSet_CAP_BPF", exposed, "this reads the table wrongly")
        overall = self.analyze("security", "--offline=true", "--no-pager").stdout
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", overall)
        print(f"\nexposure {found[1]}")
        self.assertLessEqual(float(found[1]), EXPOSURE_MAX)

    def test_its_capabilities_are_those_that_are_tested(self):
        for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
            self.assertEqual(capabilities_of(self.text, name), set(capabilities_test.NEEDED))

    def test_the_program_takes_its_command_and_the_example(self):
        command = re.search(r"^ExecStart=(.*)$", self.text, re.M)[1].split()
        settings = "".join(line.removeprefix("# ") + "\n"
                           for line in (PACKAGING / "pipetrace.conf").read_text().splitlines()
                           if re.match(r"# [a-z-]+ = ", line))
        self.assertGreater(len(settings.splitlines()), 5)
        config = self.directory / "pipetrace.conf"
        # All of it is taken but the last line, whose place the message tells.
        config.write_text(settings + "no-such-setting = 1\n")
        config.chmod(0o644)
        done = live.run(*command[1:], "--config", config, program=command[0])
        self.assert_status(2, done)
        self.assertIn(f"{config}:{len(settings.splitlines()) + 1}: this line sets nothing", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
