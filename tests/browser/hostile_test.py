"""Names that processes give themselves: shown as they are, and never part of the page."""
import copy

import page
from browser import PHONE
from page import PageTest, kept

NAMES = [
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>", "<!--<script>", "-->", "]]>",
    "\u2028alert(3)\u2029", "\u202egnp.exe\u202c", "two\nlines\ttab\x1b[31m", "\"'`${alert(4)}\\", "&lt;b&gt;",
    "<b>bold</b>", "e" + "\u0301" * 10_000, "long" * 4_000, "javascript:alert(5)", "\0nul", "\ufeff\u200b",
    "constructor", "__proto__", "@TITLE@ @INCIDENTS@ %s {}",
]
# What of them a person is to read, where that is not the name itself.
SHOWN = {
    "\u2028alert(3)\u2029": "\\u2028alert(3)\\u2029", "\u202egnp.exe\u202c": "\\u202egnp.exe\\u202c",
    "two\nlines\ttab\x1b[31m": "two\\x0alines\\x09tab\\x1b[31m", "\0nul": "\\x00nul", "\ufeff\u200b": "\\ufeff\\u200b",
}


def named(name, number):
    """A whole incident in which everything that a process can choose bears that name."""
    incident = copy.deepcopy(kept("write_after_peer_close"))
    incident["id"] = f"hostile-{number} {name[:40]}"
    incident["host"]["name"] = name
    incident["process"].update(comm=name, exe=name, cgroup=name, container=name, cmdline=[name, name])
    incident["peer"].update(comm=name, exe=name, host=name)
    incident["endpoint"].update(local=name, remote=name)
    incident["errors"][0]["thread"] = name
    incident["verdict"].update(summary=f"{name} closed", advice=name)
    incident["verdict"]["rejected"] = [{"cause": name, "because": name}]
    incident["timeline"].append({"t_us": 9, "event": name, "side": "local", "detail": {name: name, "comm": name}})
    return incident


class Hostile(PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.incidents = [named(name, i) for i, name in enumerate(NAMES)]
        cls.page = page.make_page(cls.directory / "hostile.html", cls.incidents, title=NAMES[0])

    def kinds(self):
        return set(self.browser.run("return [...document.querySelectorAll('*')].map(e => e.localName)"))

    def test_nothing_runs_and_nothing_is_added(self):
        browser = self.open()
        self.assertEqual(browser.driver.title, NAMES[0])
        self.assertEqual(len(browser.rows()), len(NAMES))
        scripts = browser.run("return [...document.scripts].map(script => script.className + script.type)")
        self.assertEqual((scripts[-2:], set(scripts[:-2])),
                         (["contextapplication/json", "module"], {"detailsapplication/json"}))
        browser.run("document.querySelectorAll('.opener').forEach(opener => opener.click())")
        self.assertEqual(len(browser.all(".beneath .ladder")), len(NAMES))
        self.assertEqual(self.kinds() & {"img", "b", "iframe", "object", "embed"}, set())
        self.assertEqual(browser.run("return document.querySelectorAll('[onerror],[onclick],[onload],[style*=url]').length"), 0)
        self.assertEqual(browser.run("return [...document.querySelectorAll('a')].map(a => a.protocol)"
                                     ".filter(protocol => protocol !== 'file:')"), [])
        self.assert_quiet()  # an alert would have made the driver fail as well

    def test_names_are_read_as_they_are(self):
        browser = self.open()
        for incident, name in zip(self.incidents, NAMES):
            if len(name) > 100:
                continue
            shown = SHOWN.get(name, name)
            self.open_incident(incident)
            self.assertEqual(browser.texts(".beneath .summary"), [f"{shown} closed"])
            self.assertEqual(browser.texts(".beneath .lane-head")[0], f"{shown}[{incident['process']['pid']}]")
            self.assertIn(shown, browser.texts(".beneath .step:last-child .what")[0])
            self.open_incident(incident)
        self.assert_quiet()

    def test_heaps_and_lengths_stay_within_their_place(self):
        browser = self.open()
        browser.run("document.querySelectorAll('.opener').forEach(opener => opener.click())")
        for size in (page.DESKTOP, PHONE):
            browser.resize(size)
            self.assertEqual(browser.run("return document.documentElement.scrollWidth"), size[0])
            heights = browser.run("return [...document.querySelectorAll('.incident-row')].map(row => row.offsetHeight)")
            self.assertLess(max(heights), 200)

    def test_each_name_can_be_filtered_by(self):
        browser = self.open()
        browser.run("document.querySelectorAll('#by-process .bar-row')[0].click()")
        for name in ("<script>alert(1)</script>", "\"'`${alert(4)}\\", "constructor"):
            wanted = [each["id"] for each in self.incidents if each["process"]["comm"] == name]
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            browser.type_filter(f'process:"{quoted}"')
            self.assertEqual(browser.rows(), wanted)
        self.assert_quiet()


if __name__ == "__main__":
    page.main()
