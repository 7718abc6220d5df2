"""Which cases show a cause, for the table of causes and for the test that none lacks one."""
import json
from pathlib import Path

from cases import CASES

SCHEMA = Path(__file__).resolve().parent.parent / "schema" / "incident.schema.json"


def causes_of_contract():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema["properties"]["verdict"]["properties"]["cause"]["enum"]


def cases_of(cause):
    """The cases that must be told as this cause: those begun after readiness, if there is one."""
    named = [case for case in CASES if case.cause[:1] == (cause,)]
    return [case for case in named if case.when == "live"] or named
