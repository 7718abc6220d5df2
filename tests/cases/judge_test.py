"""The judge itself: it takes a right incident of every case, and objects to each wrong one."""
import copy
import unittest
from datetime import datetime, timezone
from pathlib import Path

from cases import BY_NAME, CASES
from judge import Judge, load_validator
from limits import kernel_version, limits_of
from remote_cases import REMOTE, REMOTE_BY_NAME

SCHEMA = Path(__file__).resolve().parent.parent / "schema" / "incident.schema.json"
KERNEL = "6.12.1-test"
FD, VICTIM, PEER = 7, 100, 200


def flags_of(case):
    if isinstance(case.flags, tuple):
        return case.flags[0]
    return case.flags or ("RST" if case.rst == "CLOSE_WAIT" else "RST|ACK")


def truth_of(case):
    calls = [{"errno": errno, "syscall": syscall, "count": count, "fd": FD, "tid": VICTIM, "bytes": 5}
             for errno, syscall, count in case.errors]
    fatal = calls.pop() if case.sigpipe == "killed" else None
    return {"victim": {"pid": VICTIM, "tid": VICTIM, "comm": case.comm},
            "peer": {"pid": PEER, "tid": PEER, "comm": "peer"}, "errors": calls,
            "fatal": {**fatal, "errno": None} if fatal else None, "sigpipe": case.sigpipe,
            "local": "pipe:[9]" if case.kind == "pipe" else "127.0.0.1:1000",
            "remote": None if case.kind == "pipe" else "127.0.0.1:2000",
            "reset_seq": 1 if case.role == "origin" else None,
            "unread": 10 if case.program in ("unread_close", "unix_closed") else None,
            "idle_min_us": 50_000, "idle_max_us": 51_000}


def events_of(case):
    events = [*case.timeline, "call_failed"]
    if case.sigpipe not in ("none", "suppressed"):
        events.append("sigpipe_generated")
    if case.fin_from_state and "fin_received" not in events:
        events.append("fin_received")
    marked = {"read_from_state": True} if case.fin_from_state else {}
    return [{"t_us": index, "event": event, "side": "local",
             "detail": marked if event == "fin_received" else {}}
            for index, event in enumerate(dict.fromkeys(events))]


def rst_of(case):
    if case.role == "origin":
        return {"direction": "sent", "state": case.rst, "seq": 1, "why": "a reason", "flags": case.flags}
    if case.rst is None:
        return None
    handshake_seen = case.when == "live" and case.rst != "SYN_SENT"
    return {"direction": "received", "state": case.rst, "seq": 1, "ttl": case.ttl,
            "handshake_ttl": 64 if handshake_seen else None,
            "flags": flags_of(case)}


def right_incident(case, truth):
    errors = [{"errno": errno, "syscall": syscall, "fd": FD, "tid": VICTIM, "thread": case.thread,
               "bytes": 5, "count": count, "inferred": False} for errno, syscall, count in case.errors]
    peer = {"pid": PEER, "comm": "peer", "action": case.action[0] if case.action else None,
            "unread_bytes": truth["unread"]}
    return {"schema": "pipetrace.incident/1", "id": "a", "revision": 0,
            "time": datetime.now(timezone.utc).isoformat(), "role": case.role,
            "host": {"name": "h", "boot_id": "b", "kernel": KERNEL},
            "process": {"pid": None, "comm": None} if case.nobody else {"pid": VICTIM, "comm": case.comm},
            "endpoint": {"kind": case.kind, "fd": FD, "local": truth["local"],
                         "remote": truth["remote"], "age_us": 1000, "idle_us": 50_500},
            "errors": errors, "sigpipe": case.sigpipe,
            "rst": rst_of(case),
            "first_close": case.first_close[0], "peer": peer if case.peer else None,
            "verdict": {"cause": case.cause[0], "confidence": case.confidence[0],
                        "severity": case.severity[0], "summary": " ".join(["s", *case.says]), "advice": "a",
                        "evidence": [0],
                        "rejected": [{"cause": cause, "because": "b"} for cause in case.rejected]},
            "timeline": events_of(case), "caused_by": None, "lost": 0}


def right_incidents(case):
    incidents = [right_incident(case, truth_of(case))] if case.cause else []
    if case.peer_cause:
        incidents.append(copy.deepcopy(incidents[0]))
        incidents[1].update(id="b", process={"pid": PEER, "comm": "peer"})
        incidents[1]["verdict"]["cause"] = case.peer_cause[0]
    return incidents


def judged(case, incidents, mode="full", kernel=KERNEL, skipped=False):
    now = datetime.now(timezone.utc).isoformat()
    judge = Judge(case, truth_of(case), limits_of(case, mode, kernel_version(kernel)))
    judge.skipped = skipped
    judge.case_result({"incidents": incidents, "began": now, "ended": now}, KERNEL)
    return judge


class RightIncidents(unittest.TestCase):
    def test_every_case_accepts_what_it_asks_for(self):
        validator = load_validator(SCHEMA)
        for case in [*CASES, *REMOTE]:
            with self.subTest(case.name):
                incidents = right_incidents(case)
                self.assertEqual(judged(case, incidents).problems, [])
                if validator:
                    self.assertEqual([e.message for i in incidents for e in validator.iter_errors(i)], [])

    def test_a_skipped_hook_excuses_what_is_less_sure_and_nothing_wrong(self):
        case = BY_NAME["forgotten_idle"]
        for cause, confidence, wrong in (("peer_reset", "likely", 0), ("idle_connection_reset", "certain", 1),
                                         ("forged_reset", "likely", 1)):
            incidents = right_incidents(case)
            incidents[-1]["lost"] = 1
            incidents[-1]["verdict"].update(cause=cause, confidence=confidence)
            self.assertEqual(len(judged(case, incidents, skipped=True).problems), wrong)
            self.assertTrue(judged(case, incidents).problems)

    def test_the_last_revision_holds(self):
        case = BY_NAME["classic_ignore"]
        first = right_incident(case, truth_of(case))
        last = {**copy.deepcopy(first), "revision": 1}
        first["errors"] = []
        self.assertEqual(judged(case, [first, last]).problems, [])


def change(path, value):
    def apply(incident):
        *way, key = path
        for step in way:
            incident = incident[step]
        incident[key] = value
    return apply


WRONG = [
    change(["role"], "origin"), change(["process", "pid"], PEER), change(["process", "comm"], "writer"),
    change(["sigpipe"], "killed"), change(["first_close"], "local"), change(["rst"], None),
    change(["rst", "seq"], None), change(["rst", "ttl"], None), change(["rst", "handshake_ttl"], None),
    change(["rst", "handshake_ttl"], 63), change(["rst", "flags"], "RST|ACK"),
    change(["rst", "state"], "ESTABLISHED"), change(["peer"], None), change(["peer", "pid"], VICTIM),
    change(["peer", "action"], "exit"), change(["verdict", "cause"], "close_race"),
    change(["verdict", "confidence"], "likely"), change(["verdict", "severity"], "benign"),
    change(["verdict", "evidence"], []), change(["verdict", "evidence"], [99]),
    change(["errors"], []), change(["errors", 0, "errno"], "ECONNRESET"),
    change(["errors", 0, "syscall"], None), change(["errors", 0, "count"], 2),
    change(["errors", 0, "inferred"], True), change(["errors", 0, "fd"], 8),
    change(["endpoint", "local"], "127.0.0.1:1"), change(["endpoint", "idle_us"], 0),
    change(["endpoint", "idle_us"], None), change(["timeline"], []), change(["lost"], 1),
    change(["revision"], 1), change(["time"], "2001-01-01T00:00:00Z"),
    change(["timeline", 0, "t_us"], 1000), change(["timeline", 0, "detail"], {"read_from_state": True}),
    change(["host", "kernel"], "5.10.0"),
]


WRONG_OF_REMOTE = [
    change(["peer"], {"pid": PEER, "comm": "peer", "action": "close"}),
    change(["verdict", "cause"], "peer_closed_unread_data"), change(["verdict", "confidence"], "certain"),
    change(["verdict", "rejected"], []), change(["rst", "ttl"], 33), change(["rst", "flags"], "RST"),
]


WRONG_OF_UNIX = [
    change(["peer", "unread_bytes"], 0), change(["peer", "unread_bytes"], None), change(["peer", "pid"], VICTIM),
    change(["peer", "action"], "exit"), change(["endpoint", "local"], None), change(["endpoint", "remote"], "/x"),
    change(["endpoint", "kind"], "tcp"), change(["first_close"], None), change(["sigpipe"], "none"),
    change(["timeline"], []), change(["verdict", "cause"], "unix_peer_closed"), change(["rst"], {"state": "CLOSE"}),
]


WRONG_OF_ORIGIN = [
    change(["role"], "victim"), change(["process"], {"pid": None, "comm": None}),
    change(["rst", "direction"], "received"), change(["rst", "state"], "CLOSE"), change(["rst", "why"], None),
    change(["rst", "seq"], None), change(["rst", "seq"], 2),
    change(["peer"], {"pid": PEER, "comm": "peer", "action": "close"}),
    change(["verdict", "cause"], "no_socket"), change(["verdict", "severity"], "fault"),
]


class WrongIncidents(unittest.TestCase):
    def test_a_sent_rst_is_judged(self):
        case = BY_NAME["origin_unread"]
        for number, wrong in enumerate(WRONG_OF_ORIGIN):
            with self.subTest(number):
                incident = right_incident(case, truth_of(case))
                wrong(incident)
                self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_nobody_is_named_for_a_socket_that_is_not_there(self):
        case = BY_NAME["origin_syn"]
        incident = right_incident(case, truth_of(case))
        incident["process"] = {"pid": VICTIM, "comm": case.comm}
        self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_each_wrong_fact_of_a_unix_socket_is_a_problem(self):
        case = BY_NAME["unix_unread_recv"]
        for number, wrong in enumerate(WRONG_OF_UNIX):
            with self.subTest(number):
                incident = right_incident(case, truth_of(case))
                wrong(incident)
                self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_claims_about_another_host_are_problems(self):
        case = REMOTE_BY_NAME["remote_unread"]
        for number, wrong in enumerate(WRONG_OF_REMOTE):
            with self.subTest(number):
                incident = right_incident(case, truth_of(case))
                wrong(incident)
                self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_each_wrong_field_is_a_problem(self):
        case = BY_NAME["classic_ignore"]
        for number, wrong in enumerate(WRONG):
            with self.subTest(number):
                incident = right_incident(case, truth_of(case))
                wrong(incident)
                self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_none_and_two_are_problems(self):
        case = BY_NAME["classic_ignore"]
        one = right_incident(case, truth_of(case))
        self.assertNotEqual(judged(case, []).problems, [])
        self.assertNotEqual(judged(case, [one, {**one, "id": "b"}]).problems, [])

    def test_what_the_summary_must_say_is_demanded(self):
        case = BY_NAME["user_timeout"]
        incident = right_incident(case, truth_of(case))
        incident["verdict"]["summary"] = "s"
        self.assertNotEqual(judged(case, [incident]).problems, [])

    def test_the_peer_fails_where_the_case_says_so_and_only_there(self):
        case = BY_NAME["destroyed_server"]
        own, of_peer = right_incidents(case)
        self.assertNotEqual(judged(case, [own]).problems, [])
        of_peer["verdict"]["cause"] = "local_abort"
        self.assertNotEqual(judged(case, [own, of_peer]).problems, [])
        self.assertNotEqual(judged(BY_NAME["linger0"], right_incidents(case)).problems, [])

    def test_blaming_a_healthy_program_is_a_problem(self):
        incident = right_incident(BY_NAME["classic_ignore"], truth_of(BY_NAME["classic_ignore"]))
        self.assertNotEqual(judged(BY_NAME["innocent"], [incident]).problems, [])


class Limits(unittest.TestCase):
    def setUp(self):
        self.case = BY_NAME["classic_nosignal"]
        self.blind = right_incident(self.case, truth_of(self.case))
        self.blind.update(errors=[], sigpipe=None)

    def test_a_limit_is_named_where_it_is_used(self):
        judge = judged(self.case, [self.blind], "tracepoint", "6.1.0")
        self.assertEqual(judge.problems, [])
        self.assertTrue(judge.notes)

    def test_no_incident_is_taken_only_where_no_call_is_seen(self):
        case = BY_NAME["seqpacket_close"]
        self.assertEqual(judged(case, [], "tracepoint", "6.1.0").problems, [])
        self.assertTrue(judged(case, [], "tracepoint", "6.12.0").problems)
        self.assertTrue(judged(case, [], "kprobe", "6.1.0").problems)

    def test_an_incident_that_cannot_be_is_not_demanded(self):
        late = BY_NAME["origin_late"]
        blind = judged(late, [], "tracepoint", "6.1.0")
        self.assertEqual(blind.problems, [])
        self.assertEqual([field for field, _ in blind.notes], ["incident"])
        self.assertTrue(judged(late, [], "tracepoint", "6.12.0").problems)
        self.assertTrue(judged(BY_NAME["origin_unread"], [], "tracepoint", "6.1.0").problems)

    def test_what_can_be_known_is_demanded(self):
        self.assertTrue(judged(self.case, [self.blind], "tracepoint", "6.12.0").problems)
        self.assertTrue(judged(self.case, [self.blind], "full", "6.1.0").problems)


if __name__ == "__main__":
    unittest.main()
