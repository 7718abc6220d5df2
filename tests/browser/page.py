"""What the browser tests share: the kept incidents, pages made of them, and one browser for a test class."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from browser import DESKTOP, Browser

HERE = Path(__file__).resolve().parent
HTML_PAGE = os.environ.get("HTML_PAGE", str(HERE.parents[1] / "build/release/tests/browser/html_page"))
SECONDS = 30
KEPT = [json.loads(line) for line in (HERE / "incidents.jsonl").read_text(encoding="utf-8").splitlines()]


def kept(cause, comm=None):
    """The first kept incident of that cause (and program)."""
    return next(incident for incident in KEPT if incident["verdict"]["cause"] == cause
                and comm in (None, incident["process"]["comm"]))


def make_page(path, incidents, title="Broken pipes", numbers="0,0"):
    lines = "".join(json.dumps(incident, ensure_ascii=False, separators=(",", ":")) + "\n" for incident in incidents)
    with open(path, "wb") as out:
        subprocess.run([HTML_PAGE, title, numbers], input=lines.encode("utf-8", "surrogatepass"), stdout=out,
                       check=True, timeout=SECONDS)
    return path


class PageTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="pipetrace-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        cls.page = make_page(cls.directory / "kept.html", KEPT)

    def setUp(self):
        self.browser.resize(DESKTOP)
        self.browser.emulate()

    def open(self, path=None, fragment="", folded=False):
        self.browser.open(path or self.page, fragment)
        if not folded:
            self.browser.run("const box = document.getElementById('fold'); if (box.checked) box.click()")
        return self.browser

    def open_incident(self, incident):
        self.browser.opener(incident["id"]).click()

    def assert_quiet(self, path=None):
        """Nothing in the console, and nothing asked for but the page."""
        self.assertEqual(self.browser.complaints(), [])
        asked = [url.split("#")[0] for url in self.browser.requests() if not url.startswith("about:")]
        self.assertEqual(set(asked), {Path(path or self.page).resolve().as_uri()})


def main():
    unittest.main(verbosity=2, module="__main__")
