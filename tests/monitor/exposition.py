"""What /metrics says: fetched, checked by promtool, and as numbers by name and labels."""
import re
import subprocess
import urllib.request

SERIES_MAX = 2000
SECONDS = 10
LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def fetch(url):
    # No proxy of the environment's: it is this host that is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=SECONDS) as answer:
        return answer.read()


def promtool(*arguments, text=None, **options):
    return subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, timeout=60,
                          check=False, **options)


def complaints(text):
    """What `promtool check metrics` has to say of it; nothing where all is well."""
    done = promtool("check", "metrics", text=text)
    said = (done.stdout + done.stderr).decode(errors="replace")
    return said if said or done.returncode == 0 else f"promtool: status {done.returncode}"


def unescape(value):
    return re.sub(r'\\[\\"n]', lambda found: ESCAPES[found.group()], value)


class Exposition:
    """{(name, ((label, value), ...)): number}; strict: a line that it does not understand raises."""

    def __init__(self, text):
        self.series = {}
        for line in text.decode("utf-8").split("\n"):
            if not line or line.startswith("#"):
                continue
            found = LINE.match(line)
            if not found:
                raise ValueError(f"no sample: {line!r}")
            key = (found[1], self._labels(found[2] or ""))
            if key in self.series:
                raise ValueError(f"twice: {line!r}")
            self.series[key] = float(found[3])

    @staticmethod
    def _labels(text):
        labels, at = [], 0
        while at < len(text):
            found = LABEL.match(text, at)
            if not found:
                raise ValueError(f"no labels: {text!r}")
            labels.append((found[1], unescape(found[2])))
            at = found.end()
        return tuple(sorted(labels))

    def names(self):
        return {name for name, _ in self.series}

    def value(self, name, **labels):
        return self.series[name, tuple(sorted(labels.items()))]

    def by(self, name, *labels):
        """{the labels' values: sum}, of all series of that name that are not 0."""
        sums = {}
        for (series, pairs), number in self.series.items():
            if series == name and number != 0:
                key = tuple(dict(pairs).get(label, "") for label in labels)
                sums[key if len(labels) > 1 else key[0]] = sums.get(key if len(labels) > 1 else key[0], 0) + number
        return sums


def scrape(url):
    return Exposition(fetch(url))
