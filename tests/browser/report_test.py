"""From the kernel to the browser: recorded, reported as a page, opened; also what names itself as markup."""
import signal
import subprocess
import sys
from pathlib import Path

import page

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))
import live  # noqa: E402

NAME = "<b>\"&'</script"  # 15 bytes: all that a process may call itself
NAMED_VICTIM = f"""
import ctypes, os, signal
ctypes.CDLL(None).prctl(15, {NAME!r}.encode())
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
reader, writer = os.pipe()
os.close(reader)
os.write(writer, b"x")
"""


class Report(page.PageTest):
    def recorded(self, *commands):
        """The page of a trace of these, and how they ended."""
        recording, path = self.directory / "trace.db", self.directory / "trace.html"
        tracer = live.Tracer([live.PIPETRACE, "record", "-o", recording])
        self.addCleanup(tracer.__exit__)
        self.assertTrue(tracer.wait_ready(live.READY_SECONDS), tracer.stderr())
        statuses = [subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                                   timeout=live.COMMAND_SECONDS).returncode for command in commands]
        tracer.stop()
        done = live.run("report", recording, "--html", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path, statuses

    def test_what_happened_is_on_the_page(self):
        path, statuses = self.recorded([sys.executable, "-c", NAMED_VICTIM], [live.PROVOKERS / "classic"])
        self.assertEqual(statuses[0], -signal.SIGPIPE)
        browser = self.open(path)
        browser.type_filter('process:"' + NAME.replace('"', '\\"') + '"')
        self.assertEqual(len(browser.rows()), 1, browser.texts("#list-rows"))
        browser.one(".opener").click()
        self.assertIn(NAME, browser.texts(".beneath .lane-head")[0])
        self.assertIn("killed by SIGPIPE", browser.texts(".beneath .step:last-child .what")[0])
        browser.type_filter("cause:write_after_peer_close process:victim")
        self.assertGreaterEqual(len(browser.rows()), 1)
        self.assertEqual(browser.texts("#footer td")[0], str(self.directory / "trace.db"))
        self.assert_quiet(path)
        self.assertEqual(browser.all("b"), [])


if __name__ == "__main__":
    live.needs("root", "btf")
    page.main()
