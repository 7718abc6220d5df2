"""Debian's headless Chromium on a page of the disk: what it shows, says and asks for."""
import base64
import json
import os
import shutil
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
WAIT_SECONDS = 60  # virtual machines may run beside
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars")
DESKTOP, PHONE = (1280, 900), (360, 800)


class Browser:
    """One Chromium with a profile of its own; ended, with its driver, by close()."""

    def __init__(self, zone="Europe/Berlin"):
        self.profile = tempfile.mkdtemp(prefix="pipetrace-browser-")
        options = Options()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={self.profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(DRIVER, env={**os.environ, "TZ": zone})
        self.driver = webdriver.Chrome(service=service, options=options)
        self.driver.set_page_load_timeout(WAIT_SECONDS)
        self.driver.set_script_timeout(WAIT_SECONDS)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def resize(self, size):
        width, height = size
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    def emulate(self, media="screen", scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, path, fragment=""):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(Path(path).resolve().as_uri() + fragment)
        self.wait("return document.getElementById('incidents') && !document.getElementById('incidents').hidden")

    def wait(self, script):
        return WebDriverWait(self.driver, WAIT_SECONDS, 0.02).until(lambda driver: driver.execute_script(script))

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        """The incident, else the id, else the kind of what has the focus."""
        return self.run("const e = document.activeElement;"
                        "return e.closest('[data-id]')?.dataset.id || e.id || e.tagName")

    def type_filter(self, query):
        field = self.one("#filter")
        field.clear()
        field.send_keys(query or " ", *([] if query else [Keys.BACKSPACE]))

    def rows(self):
        """Ids of the incidents in the list, from the top."""
        return self.run("return [...document.querySelectorAll('.incident-row')].map(row => row.dataset.id)")

    def opener(self, incident_id):
        return self.run("return [...document.querySelectorAll('.incident-row')]"
                        ".find(row => row.dataset.id === arguments[0]).querySelector('.opener')", incident_id)

    def complaints(self):
        """What the console got: errors, warnings, refusals of the page's policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses that were asked for."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def picture(self, path, whole=False):
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        Path(path).write_bytes(base64.b64decode(shot["data"]))
