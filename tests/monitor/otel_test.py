"""The example for an OpenTelemetry Collector against lines that `pipetrace serve` really leaves. No collector runs
here: what its operators name, parse and map is looked up in the lines."""
import datetime
import json
import re
import sys
from pathlib import Path

import own_places

own_places.enter()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "live"))

import live  # noqa: E402
import yaml  # noqa: E402

EXAMPLE = live.ROOT / "packaging/otel/collector.yaml"
SCHEMA = json.loads((live.ROOT / "tests/schema/incident.schema.json").read_text())
# Of the log data model; a mapping's keys are these alone.
SEVERITIES = {f"{name}{number}" for name in ("trace", "debug", "info", "warn", "error", "fatal")
              for number in ("", "2", "3", "4")}
OPERATORS = {"json_parser": set(), "copy": {"from", "to"}, "move": {"from", "to"}, "add": {"field", "value"}}
STEP = re.compile(r'\.?([a-z_]+)|\["([^"]+)"\]')


def steps(field):
    """attributes.a["b.c"] -> ["attributes", "a", "b.c"]."""
    found = [plain or quoted for plain, quoted in STEP.findall(field)]
    assert "".join(m.group(0) for m in STEP.finditer(field)) == field, f"{field} is no field"
    return found


class Entry:
    """A log record on its way through the operators."""

    def __init__(self, line):
        self.value = {"body": line, "attributes": {}, "resource": {}}

    def holder(self, field):
        *above, last = steps(field)
        place = self.value
        for step in above:
            place = place[step]
        return place, last

    def get(self, field):
        place, last = self.holder(field)
        return place[last]

    def set(self, field, value):
        place, last = self.holder(field)
        place[last] = value

    def apply(self, operator):
        condition = operator.get("if")
        if condition and self.get(re.fullmatch(r"(\S+) != nil", condition).group(1)) is None:
            return
        kind = operator["type"]
        if kind == "json_parser":
            self.set("attributes", json.loads(self.get("body")))
        elif kind == "add":
            self.set(operator["field"], operator["value"])
        else:
            self.set(operator["to"], self.get(operator["from"]))
            if kind == "move":
                place, last = self.holder(operator["from"])
                del place[last]


class CollectorTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.example = yaml.safe_load(EXAMPLE.read_text())
        self.receiver = self.example["receivers"]["filelog/pipetrace"]

    def lines(self):
        """Of incidents with and without a peer, an error, a RST."""
        path = self.directory / "incidents.json"
        tracer = self.trace("serve", "-o", path)
        pids = {live.provoke(name)["victim"]["pid"] for name in ("classic", "unread_close", "refused", "pipe_closed")}

        def told():
            lines = path.read_text().splitlines() if path.exists() else []
            return lines if pids <= {json.loads(line)["process"]["pid"] for line in lines} else None
        lines = live.wait_for(told, live.INCIDENT_SECONDS, "a line for each")
        self.stop(tracer)
        return lines

    def test_every_operator_finds_what_it_names(self):
        for operator in self.receiver["operators"]:
            self.assertLessEqual(OPERATORS[operator["type"]], set(operator))
        ids = [operator["id"] for operator in self.receiver["operators"]]
        self.assertEqual(len(set(ids)), len(ids))
        for line in self.lines():
            entry, incident = Entry(line), json.loads(line)
            for operator in self.receiver["operators"]:
                entry.apply(operator)  # a field that is missing raises
            record = entry.value
            self.assertEqual(record["body"], incident["verdict"]["summary"])
            self.assertEqual(record["resource"], {"host.name": incident["host"]["name"], "service.name": "pipetrace",
                                                  "os.version": incident["host"]["kernel"]})
            self.assertEqual(record["attributes"]["process.pid"], incident["process"]["pid"])
            self.assertEqual(record["attributes"]["errors"], incident["errors"])
            self.assertEqual("container.id" in record["attributes"], incident["process"]["container"] is not None)

    def test_its_time_and_severity_are_read(self):
        parser = self.receiver["operators"][0]
        timestamp, severity = parser["timestamp"], parser["severity"]
        self.assertEqual((timestamp["layout_type"], timestamp["location"]), ("strptime", "UTC"))
        self.assertTrue(timestamp["layout"].endswith("Z"))  # a letter of its own, so that the zone is `location`
        for line in self.lines():
            entry = Entry(line)
            entry.apply(parser)
            told = entry.get(timestamp["parse_from"])
            read = datetime.datetime.strptime(told, timestamp["layout"]).replace(tzinfo=datetime.timezone.utc)
            self.assertEqual(read, datetime.datetime.fromisoformat(told.replace("Z", "+00:00")))
            self.assertIn(entry.get(severity["parse_from"]), severity["mapping"].values())
        self.assertEqual(set(severity["mapping"].values()), self.severities())
        self.assertLessEqual(set(severity["mapping"]), SEVERITIES)

    @staticmethod
    def severities():
        return set(SCHEMA["properties"]["verdict"]["properties"]["severity"]["enum"])

    def test_its_pipelines_name_what_is_there(self):
        for pipeline in self.example["service"]["pipelines"].values():
            for part, names in pipeline.items():
                self.assertLessEqual(set(names), set(self.example[part]))
        self.assertLessEqual(set(self.example["service"]["extensions"]), set(self.example["extensions"]))
        self.assertIn(self.receiver["storage"], self.example["service"]["extensions"])
        scrape, = self.example["receivers"]["prometheus/pipetrace"]["config"]["scrape_configs"]
        self.assertEqual(scrape["job_name"], "pipetrace")
        command = re.search(r"--metrics (\S+) -o (\S+)", EXAMPLE.read_text())
        self.assertEqual(scrape["static_configs"], [{"targets": [command.group(1)]}])
        self.assertEqual(self.receiver["include"], [command.group(2)])


if __name__ == "__main__":
    live.main()
