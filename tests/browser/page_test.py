"""The HTML page as a person uses it: shown, filtered, sorted, opened, and all of it by keyboard."""
from selenium.webdriver.common.keys import Keys

import page
from page import KEPT, PageTest, kept

NEWEST_FIRST = [incident["id"] for incident in sorted(KEPT, key=lambda each: each["time"], reverse=True)]
# Hand-checked against the incident's own timeline: the classic story on loopback, where both ends are seen.
CLASSIC_LADDER = [
    ("connected", "arrow data", "kernel", "wire"),
    ("closed", "arrow call", "peer", "far"),
    ("fin_received", "arrow fin", "far", "kernel"),
    ("data_sent", "arrow data", "kernel", "far"),
    ("rst_sent", "arrow rst", "far", "wire"),
    ("rst_received", "arrow rst", "wire", "kernel"),
    ("sigpipe_generated", "arrow signal", "kernel", "process"),
    ("call_failed", "arrow call", "process", "kernel"),
    ("call_failed", "arrow error", "kernel", "process"),
    ("sigpipe_delivered", "mark signal", "process", None),
    ("process_exited", "mark end", "process", None),
]
DRAWN = """return [...document.querySelectorAll('.ladder .step')].flatMap(step =>
  [...step.querySelectorAll('.arrow, .mark')].map(part => [step.dataset.event, part.getAttribute('class'),
    part.dataset.from ?? part.dataset.at, part.dataset.to ?? null]))"""


class Shown(PageTest):
    def test_renders_without_a_word_in_the_console(self):
        browser = self.open()
        self.assertEqual(browser.driver.title, "Broken pipes")
        self.assertEqual(browser.texts("h1"), ["Broken pipes"])
        self.assertEqual(browser.rows(), NEWEST_FIRST)
        self.assertEqual(browser.texts("#count"), [f"{len(KEPT)} incidents"])
        self.assert_quiet()

    def test_figures_and_charts_count_what_is_there(self):
        browser = self.open()
        severities = [incident["verdict"]["severity"] for incident in KEPT]
        figures = browser.texts("#figures dd")
        self.assertEqual([int(text) for text in figures[:4]],
                         [len(KEPT), *(severities.count(name) for name in ("fault", "warning", "benign"))])
        causes = [incident["verdict"]["cause"] for incident in KEPT]
        numbers = [int(text) for text in browser.texts("#over-time .number")]
        self.assertEqual(numbers, sorted((causes.count(cause) for cause in set(causes)), reverse=True)[:len(numbers)])
        self.assertTrue(browser.run("return [...document.querySelectorAll('.strip path')]"
                                    ".every(path => path.getAttribute('d').length > 0)"))

    def test_says_what_was_lost_and_what_is_not_shown(self):
        path = page.make_page(self.directory / "lossy.html", KEPT, numbers="1234567,36")
        browser = self.open(path)
        said = browser.texts("#notices li")
        self.assertIn("20 of 1,234,567 incidents, the latest", said[0])
        self.assertIn("37 events of 120,037 were lost (call_failed 36, recording 1)", said[1])
        self.assertEqual(said[2], "The clock of db1 is 3.2 s ahead of web1's.")
        self.assertEqual(len(said), 3)
        self.open()
        self.assertFalse(browser.one("#notices").is_displayed())

    def test_no_incident_at_all(self):
        path = page.make_page(self.directory / "empty.html", [])
        browser = self.open(path)
        self.assertEqual(browser.texts("#empty"), ["No incident was recorded."])
        self.assertFalse(browser.one("#summary").is_displayed())
        self.assert_quiet(path)

    def test_the_highest_revision_holds(self):
        first = kept("forged_reset")
        second = {**first, "revision": 1, "verdict": {**first["verdict"], "summary": "Told once more."}}
        path = page.make_page(self.directory / "revised.html", [kept("no_socket"), second, first])
        browser = self.open(path)
        self.assertEqual(len(browser.rows()), 2)
        self.open_incident(first)
        self.assertEqual(browser.texts(".summary"), ["Told once more."])

    def test_a_damaged_part_is_named_and_harms_no_other(self):
        path = self.directory / "damaged.html"
        hurt = kept("forged_reset")["verdict"]["summary"]
        text = self.page.read_text(encoding="utf-8")
        details = text.index('class="details"')
        path.write_text(text[:details] + text[details:].replace(f'"{hurt}"', f'"{hurt}'), encoding="utf-8")
        browser = self.open(path)
        self.assertEqual(len(browser.rows()), len(KEPT))
        self.open_incident(kept("forged_reset"))
        self.assertEqual(browser.texts(".beneath"), ["This incident’s part of the page is damaged."])
        self.open_incident(kept("firewall_reset"))
        self.assertEqual(len(browser.all(".ladder")), 1)


class Listed(PageTest):
    def found(self, query):
        self.browser.type_filter(query)
        return set(self.browser.rows())

    def test_filters(self):
        browser = self.open()
        by = lambda wanted: {incident["id"] for incident in KEPT if wanted(incident)}
        errnos = lambda incident: {error["errno"] for error in incident["errors"]}
        self.assertEqual(self.found("cause:forged_reset"), {kept("forged_reset")["id"]})
        self.assertEqual(self.found("errno:econnreset"), by(lambda each: "ECONNRESET" in errnos(each)))
        self.assertEqual(self.found("victim killed"), by(
            lambda each: each["process"]["comm"] == "victim" and each["sigpipe"] == "killed"
            or "victim" in each["verdict"]["summary"] and "killed" in each["verdict"]["summary"]))
        self.assertEqual(self.found('process:"se"'), set())
        self.assertEqual(self.found("process:se"), by(lambda each: "se" in (each["process"]["comm"] or "")))
        self.assertIn("No incident matches", (self.found("nosuchthing"), browser.texts("#empty"))[1][0])
        self.assertEqual(self.found(""), set(NEWEST_FIRST))
        self.assert_quiet()

    def test_a_burst_is_told_once_until_it_is_asked_for(self):
        browser = self.open(folded=True)
        burst = next(each["burst"]["id"] for each in KEPT if each["burst"])
        alike = [each["id"] for each in KEPT if each["burst"] and each["burst"]["id"] == burst]
        self.assertEqual(len(alike), 3)
        newest, *others = [each for each in NEWEST_FIRST if each in alike]
        self.assertEqual(browser.rows(), [each for each in NEWEST_FIRST if each not in others])
        self.assertEqual(browser.texts(".alike"), ["and 2 alike"])
        self.assertEqual(browser.texts("#count"), [f"{len(KEPT)} incidents"])
        browser.one(".alike").click()
        self.assertEqual(browser.rows(), [newest, *others])
        browser.type_filter("")
        browser.one("#fold").click()
        self.assertEqual(browser.rows(), NEWEST_FIRST)
        self.open(fragment="#" + others[0], folded=True)
        self.assertIn(others[0], browser.rows())
        self.assertEqual(len(browser.all(".beneath")), 1)
        self.assert_quiet()

    def test_severity_boxes(self):
        browser = self.open()
        browser.one("#severities input[value=fault]").click()
        self.assertEqual(set(browser.rows()),
                         {each["id"] for each in KEPT if each["verdict"]["severity"] != "fault"})
        self.assertIn(f"of {len(KEPT)} incidents", browser.texts("#count")[0])

    def test_a_chart_row_filters_by_what_it_shows(self):
        browser = self.open()
        browser.one("#over-time .bar-row").click()
        self.assertEqual(set(browser.rows()),
                         {each["id"] for each in KEPT if each["verdict"]["cause"] == "write_after_peer_close"})

    def test_sorts(self):
        browser = self.open()
        gravity = {"fault": 0, "warning": 1, "benign": 2}
        keys = {"time": lambda each: each["time"],
                "severity": lambda each: (gravity[each["verdict"]["severity"]], each["time"]),
                "cause": lambda each: (each["verdict"]["cause"], each["time"])}
        for column, key in keys.items():
            expected = [each["id"] for each in sorted(KEPT, key=key)]
            for direction, order in (("ascending", expected), ("descending", expected[::-1])):
                browser.one(f".sort[data-column={column}]").click()
                self.assertEqual(browser.rows(), order, (column, direction))
                self.assertEqual(browser.one(f"th.c-{column}").get_attribute("aria-sort"), direction)

    def test_zone(self):
        browser = self.open()
        incident = next(each for each in KEPT if each["id"] == NEWEST_FIRST[0])
        clock, hours = incident["time"][11:23], int(incident["time"][11:13])
        self.assertIn(f"{(hours + 1) % 24:02}{clock[2:]}", browser.opener(incident["id"]).text)
        self.assertIn("UTC+1", browser.texts("#scope")[0])
        self.open_incident(incident)
        browser.one("input[name=zone][value=utc]").click()
        self.assertIn(clock, browser.opener(incident["id"]).text)
        self.assertIn(f"{incident['time'][11:26]} UTC", browser.texts(".place")[0])


class Opened(PageTest):
    def test_the_ladder_draws_each_step(self):
        browser = self.open()
        self.open_incident(kept("write_after_peer_close"))
        self.assertEqual([tuple(part) for part in browser.run(DRAWN)], CLASSIC_LADDER)
        self.assertEqual(browser.texts(".lane-head")[1:3], ["its kernel", "peer's kernel"])
        evidence = browser.run("return [...document.querySelectorAll('.step')]"
                               ".flatMap((step, i) => step.classList.contains('evidence') ? [i] : [])")
        self.assertEqual(evidence, kept("write_after_peer_close")["verdict"]["evidence"])

    def test_a_reset_whose_sender_nobody_saw_comes_from_the_wire(self):
        browser = self.open()
        self.open_incident(kept("forged_reset"))
        drawn = [tuple(part) for part in browser.run(DRAWN)]
        self.assertIn(("rst_received", "arrow rst", "wire", "kernel"), drawn)
        self.assertNotIn("far", {lane for part in drawn for lane in part[2:]})

    def test_a_peer_on_another_host_is_placed_there(self):
        far = kept("write_after_peer_close")
        far = {**far, "peer": {**far["peer"], "host": "db1"}}
        path = page.make_page(self.directory / "far.html", [far])
        browser = self.open(path)
        peer = f"{far['peer']['comm']}[{far['peer']['pid']}]"
        self.assertEqual(browser.texts(".lane-head")[2:], ["kernel of db1", f"{peer} on db1"])
        self.assertEqual(browser.texts(".c-peer")[1:], [f"{peer} on db1"])

    def test_the_only_incident_is_open(self):
        path = page.make_page(self.directory / "one.html", [kept("no_socket")])
        browser = self.open(path)
        self.assertEqual(browser.texts(".beneath .summary"), [kept("no_socket")["verdict"]["summary"]])
        self.assertEqual(browser.texts(".axis span"), ["02:30:57.276"])

    def test_a_pipe_has_three_lanes(self):
        browser = self.open()
        self.open_incident(kept("pipe_reader_closed", "tee"))
        self.assertEqual(len(browser.all(".lane-head")), 3)
        self.assertEqual(browser.texts(".lane-head")[1], "the pipe")

    def test_every_kind_of_incident_is_told_in_full(self):
        browser = self.open()
        for incident in KEPT:
            self.open_incident(incident)
            verdict = incident["verdict"]
            self.assertEqual(browser.texts(".beneath .summary"), [verdict["summary"]])
            self.assertEqual(browser.texts(".beneath .advice p"), [verdict["advice"].replace("`", "")])
            self.assertEqual(len(browser.all(".beneath .step")), len(incident["timeline"]))
            self.assertEqual(browser.texts(".beneath .rivals dd"),
                             [rival["because"] for rival in verdict["rejected"]])
            self.open_incident(incident)
            self.assertEqual(browser.all(".beneath"), [])
        self.assert_quiet()

    def test_a_chain_is_followed_to_its_root(self):
        browser = self.open()
        leaf, root = kept("pipe_reader_died", "yes"), kept("pipe_reader_closed", "tee")
        self.open_incident(leaf)
        links = browser.all(".beneath .chain a")
        self.assertIn("tee", links[0].text)
        links[0].click()
        browser.wait("return document.querySelectorAll('.beneath').length === 2")
        self.assertEqual(browser.focused(), root["id"])
        self.assertEqual(browser.opener(root["id"]).get_attribute("aria-expanded"), "true")

    def test_a_link_opens_its_incident(self):
        incident = kept("firewall_reset")
        browser = self.open(fragment="#" + incident["id"])
        self.assertEqual(browser.texts(".beneath .summary"), [incident["verdict"]["summary"]])


class ByKeyboard(PageTest):
    def test_the_whole_path(self):
        browser = self.open()
        browser.press("/")
        self.assertEqual(browser.focused(), "filter")
        browser.press("write_after", Keys.ARROW_DOWN)
        expected = [each["id"] for each in sorted(KEPT, key=lambda each: each["time"], reverse=True)
                    if "write_after" in each["verdict"]["cause"]]
        self.assertEqual((browser.rows(), browser.focused()), (expected, expected[0]))
        browser.press(Keys.ARROW_DOWN)
        self.assertEqual(browser.focused(), expected[1])
        browser.press(Keys.ENTER)
        self.assertEqual(browser.opener(expected[1]).get_attribute("aria-expanded"), "true")
        self.assertEqual(len(browser.all(".beneath .ladder")), 1)
        browser.press(Keys.TAB)
        self.assertTrue(browser.run("return document.activeElement.closest('.beneath') !== null"))
        browser.press(Keys.ESCAPE)
        self.assertEqual((browser.all(".beneath"), browser.focused()), ([], expected[1]))
        browser.press(Keys.END)
        self.assertEqual(browser.focused(), expected[-1])
        browser.press("/", Keys.ESCAPE)
        self.assertEqual(set(browser.rows()), set(NEWEST_FIRST))

    def test_the_focus_goes_everywhere_in_order_and_is_seen(self):
        browser = self.open()
        met = []
        for _ in range(80):
            browser.press(Keys.TAB)
            here = browser.run("""const e = document.activeElement, s = getComputedStyle(e);
                const shown = e.matches('input') ? e.nextElementSibling : e;
                const style = e.matches('.choice input') ? getComputedStyle(shown) : s;
                return [e.id === "fold" ? e.id : e.className || e.id || e.name || e.tagName, style.outlineStyle, e.tagName]""")
            if here[2] == "BODY":
                break
            met.append(here)
        self.assertEqual([each for each in met if each[1] == "none"], [])
        order = [name for name, _, _ in met]
        places = [order.index(name) for name in ("skip", "bar-row", "filter", "severity", "fold", "zone", "sort", "opener")]
        self.assertEqual(places, sorted(places))
        self.assertEqual(order.count("opener"), 1, "one stop for the list; arrows move within")


if __name__ == "__main__":
    page.main()
