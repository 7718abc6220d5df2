"""How the HTML page looks where it is read: on a phone, in the dark, on paper, and to a screen reader."""
import base64

import page
from browser import DESKTOP, PHONE
from page import KEPT, PageTest, kept

CONTRAST_MIN = 4.5
# Every text that is shown, with the contrast of its colour to what is painted behind it.
CONTRASTS = """
const channel = (value) => (value /= 255, value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
    if (a > 0) return [r, g, b];
  }
  return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('.unseen, script')) continue;
  const style = getComputedStyle(element);
  const [a, b] = [light(numbers(element.closest('svg') ? style.fill : style.color)), light(behind(element))];
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.slice(0, 40)]);
}
return found;"""


class Looks(PageTest):
    def open_all(self):
        self.browser.run("document.querySelectorAll('.opener[aria-expanded=false]').forEach(each => each.click())")
        self.assertEqual(len(self.browser.all(".beneath .ladder")), len(KEPT))

    def test_a_phone_needs_no_sideways_scrolling(self):
        browser = self.open()
        browser.resize(PHONE)
        self.open_all()
        self.assertEqual(browser.run("return document.documentElement.scrollWidth"), PHONE[0])
        beyond = browser.run("""return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() &&
            !e.closest('.unseen, .skip, .recordings, svg, pre') && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.outerHTML.slice(0, 80))""")
        self.assertEqual(beyond, [])
        small = browser.run("""return [...document.querySelectorAll('.opener, .sort, .choice label, .bar-row, #more')]
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.className)""")
        self.assertEqual(small, [])

    def test_contrast_in_both_schemes(self):
        browser = self.open()
        self.open_all()
        grounds = []
        for scheme in ("light", "dark"):
            browser.emulate(scheme=scheme)
            contrasts = browser.run(CONTRASTS)
            self.assertGreater(len(contrasts), 500)
            self.assertEqual([each for each in contrasts if each[0] < CONTRAST_MIN][:8], [], scheme)
            grounds.append(browser.run("return getComputedStyle(document.body).backgroundColor"))
        self.assertNotEqual(*grounds)

    def test_severity_has_a_word_and_a_mark_of_its_own(self):
        browser = self.open()
        shown = set(browser.texts(".incident-row .c-severity .glyph"))
        self.assertEqual(len(shown), 3)
        for text in browser.texts(".incident-row .c-severity"):
            self.assertRegex(text, "fault|warning|benign")

    def test_paper_shows_what_is_open_in_full_and_no_controls(self):
        browser = self.open()
        self.open_incident(kept("retransmission_timeout"))
        browser.emulate(media="print", scheme="dark")
        self.assertFalse(browser.one("#tools").is_displayed())
        self.assertTrue(browser.one(".beneath .ladder").is_displayed())
        self.assertEqual(browser.run("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
        cut = browser.run("""return [...document.querySelectorAll('.beneath *')].filter(e => e.checkVisibility() &&
            ['auto', 'scroll'].includes(getComputedStyle(e).overflowY)).map(e => e.className)""")
        self.assertEqual(cut, [])
        self.assertEqual([each for each in browser.run(CONTRASTS) if each[0] < CONTRAST_MIN], [])
        pdf = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
        self.assertTrue(pdf.startswith(b"%PDF-"))
        self.assertGreater(pdf.count(b"/Type /Page\n"), 1)

    def test_a_screen_reader_finds_landmarks_tables_and_names(self):
        browser = self.open()
        self.open_incident(kept("write_after_peer_close"))
        for size in (DESKTOP, PHONE):
            browser.resize(size)
            nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
            shown = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes
                     if not node["ignored"]]
            roles = [role for role, _ in shown]
            for landmark in ("main", "banner", "contentinfo", "search"):
                self.assertEqual(roles.count(landmark), 1, landmark)
            self.assertEqual(roles.count("columnheader") >= 6, True, size)
            self.assertIn(("table", "Incidents"), shown)
            self.assertGreaterEqual(roles.count("row"), len(KEPT) + 1)
            unnamed = [each for each in shown if each[0] in ("button", "link", "textbox", "searchbox", "checkbox",
                                                             "radio", "table") and not each[1].strip()]
            self.assertEqual(unnamed, [])
            self.assertIn(("checkbox", "fault"), [(role, name.strip(" ▲")) for role, name in shown])

    def test_headings_go_down_one_step_at_a_time(self):
        browser = self.open()
        self.open_incident(kept("write_after_peer_close"))
        levels = [int(name[1]) for name in browser.run(
            "return [...document.querySelectorAll('h1, h2, h3, h4, h5')].filter(e => e.checkVisibility()).map(e => e.localName)")]
        self.assertEqual(levels[0], 1)
        self.assertEqual([pair for pair in zip(levels, levels[1:]) if pair[1] > pair[0] + 1], [])


if __name__ == "__main__":
    page.main()
