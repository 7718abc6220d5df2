"""Judge one case's incidents against the truth that the program told. Pure: no files, no output."""
import json
from datetime import datetime, timedelta
from pathlib import Path

# Socket clocks are jiffies: 4 ms each at HZ=250, one at either end of an interval.
JIFFY_SLACK_US = 20_000
# Lifetime up to which a connection of no bytes that was reset is nobody's fault for sure.
HEALTH_CHECK_US_MAX = 5_000
DEFAULT_TTL = 64
UNSTATED_BYTES = ("connect", "getsockopt")
# What these ask for lies in the program's memory; of io_uring's it is known where the request is found.
VECTOR_CALLS = ("writev", "readv", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg", "io_uring_enter")
# io_uring's requests: their call's descriptor is the ring.
UNNAMED_DESCRIPTOR = ("io_uring_enter",)
URING_WORKER = "iou-wrk-"


def endpoint_name(text):
    """A v4-mapped address may be written either way."""
    return text.replace("[::ffff:", "").replace("]", "") if text and "::ffff:" in text else text


def load_validator(schema_path):
    """The schema's validator, or None where jsonschema is not installed (in the virtual machines)."""
    try:
        import jsonschema
    except ImportError:
        return None
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def revisions_in_order(incidents):
    """Group by id, keeping the order of printing."""
    groups = {}
    for incident in incidents:
        groups.setdefault(incident["id"], []).append(incident)
    return groups


# No limit of a mode or kernel: it can come to any case, where a machine is slow.
SKIPPED = "the kernel skipped a hook while the story ran (a program may not interrupt itself): counted as lost"


class Judge:
    """Collects what is wrong (problems) and what could not be known (notes: field, reason) of one case."""

    def __init__(self, case, truth, limits):
        self.case, self.truth, self.limits = case, truth, limits
        self.skipped = False  # the tracer says that the kernel skipped hooks
        self.problems, self.notes = [], []

    def limit(self, field, errno=None):
        for limit in self.limits:
            if limit.field == field and limit.errno in (None, errno):
                return limit
        return None

    def excused(self, field, errno=None):
        limit = self.limit(field, errno)
        if limit and limit.reason not in [reason for _, reason in self.notes]:
            self.notes.append((field, limit.reason))
        return limit is not None

    def expect(self, what, actual, *allowed):
        if actual not in allowed:
            wanted = allowed[0] if len(allowed) == 1 else f"one of {allowed}"
            self.problems.append(f"{what} is {actual!r}, expected {wanted!r}")

    def expected_errors(self):
        truth = self.truth
        fatal = [{**truth["fatal"], "errno": "EPIPE"}] if truth["fatal"] and self.case.errors else []
        return [*truth["errors"], *fatal]

    def errors(self, incident):
        expected, actual = self.expected_errors(), list(incident["errors"])
        told = [(error["errno"], error["syscall"], error["count"]) for error in actual]
        wanted = [(call["errno"], call["syscall"], call["count"]) for call in expected]
        while expected:
            call = expected.pop(0)
            if actual and actual[0]["errno"] == call["errno"]:
                self.error(call, actual.pop(0))
            elif not self.excused("missing", call["errno"]):
                self.problems.append(f"errors are {told}, expected {wanted}")
                return
        if actual:
            self.problems.append(f"errors are {told}, expected only {wanted}")

    def error(self, call, error):
        name = f"errors[{call['errno']}]"
        inferred = error["inferred"]
        if inferred and not self.excused("call", call["errno"]):
            self.problems.append(f"{name} is inferred: {error}")
        unknown = (None,) if inferred else ()
        guessed = self.limit("call", call["errno"]).allowed if self.limit("call", call["errno"]) and inferred else ()
        self.expect(f"{name}.syscall", error["syscall"], call["syscall"], *unknown, *guessed)
        unnamed = (None,) if call["syscall"] in UNNAMED_DESCRIPTOR else unknown
        self.expect(f"{name}.fd", error["fd"], call["fd"], *unnamed)
        if call["tid"] is not None:
            self.expect(f"{name}.tid", error["tid"], call["tid"], *unknown)
        elif not inferred:
            self.expect(f"{name}.thread begins", (error.get("thread") or "")[:len(URING_WORKER)], URING_WORKER)
        if call["syscall"] not in UNSTATED_BYTES:
            vague = (None,) if call["syscall"] in VECTOR_CALLS else unknown
            self.expect(f"{name}.bytes", error["bytes"], call["bytes"], *vague)
        if error["count"] != call["count"] and not self.excused("count", call["errno"]):
            self.expect(f"{name}.count", error["count"], call["count"])
        if self.case.thread and not inferred:
            self.expect(f"{name}.thread", error.get("thread"), self.case.thread)

    def sigpipe(self, incident):
        limit = self.limit("sigpipe")
        if limit and incident["sigpipe"] in limit.allowed:
            self.excused("sigpipe")
        else:
            self.expect("sigpipe", incident["sigpipe"], self.truth["sigpipe"])

    def endpoint(self, incident):
        endpoint = incident["endpoint"]
        self.expect("endpoint.kind", endpoint["kind"], self.case.kind)
        for end in ("local", "remote"):
            if self.truth[end] and endpoint.get(end) is None and self.excused("name"):
                continue
            # An unnamed end of a unix socket is null.
            if self.truth[end] or self.case.kind == "unix":
                self.expect(f"endpoint.{end}", endpoint_name(endpoint.get(end)),
                            endpoint_name(self.truth[end]))
        calls = [call for call in self.expected_errors() if call["fd"] is not None]
        seen = [error for error in incident["errors"] if not error["inferred"]]
        if calls and seen:
            unnamed = (None,) if calls[0]["syscall"] in UNNAMED_DESCRIPTOR else ()
            self.expect("endpoint.fd", endpoint["fd"], calls[0]["fd"], *unnamed)
        if self.case.idle:
            self.idle(endpoint.get("idle_us"))

    def idle(self, idle_us):
        low = self.truth["idle_min_us"] - JIFFY_SLACK_US
        high = self.truth["idle_max_us"] + JIFFY_SLACK_US
        if idle_us is None or not low <= idle_us <= high:
            self.problems.append(f"endpoint.idle_us is {idle_us}, expected {low} to {high}")

    def rst(self, incident):
        rst = incident["rst"]
        if self.case.role == "origin":
            self.sent_rst(rst)
        elif self.case.rst is None:
            self.expect("rst", rst, None)
        elif rst is None:
            self.problems.append("rst is null")
        else:
            self.expect("rst.direction", rst["direction"], "received")
            self.expect("rst.state", rst["state"], self.case.rst)
            self.packet(rst)
        limit = self.limit("first_close")
        if limit and incident["first_close"] in (limit.allowed or (None,)):
            self.excused("first_close")
        else:
            self.expect("first_close", incident["first_close"], *self.case.first_close)

    def sent_rst(self, rst):
        if rst is None:
            self.problems.append("rst is null")
            return
        self.expect("rst.direction", rst["direction"], "sent")
        self.expect("rst.state", rst["state"], self.case.rst)
        self.expect("rst.flags", rst["flags"], self.case.flags)
        self.expect("rst.seq", rst["seq"], self.truth["reset_seq"])
        if not rst["why"]:
            self.problems.append("rst.why is not told")

    def packet(self, rst):
        """The RST's own packet, and the handshake's TTL beside it: one host, so the default of 64."""
        if rst["seq"] is None and self.excused("packet"):
            return
        self.expect("rst.seq is a number", isinstance(rst["seq"], int), True)
        self.expect("rst.ttl", rst["ttl"], self.case.ttl)
        # A bare RST answers a segment; an abort and a refusal acknowledge as well.
        implied = "RST" if self.case.rst == "CLOSE_WAIT" else "RST|ACK"
        wanted = self.case.flags or implied
        self.expect("rst.flags", rst["flags"], *((wanted,) if isinstance(wanted, str) else wanted))
        handshake_seen = self.case.when == "live" and self.case.rst != "SYN_SENT"
        self.expect("rst.handshake_ttl", rst["handshake_ttl"], DEFAULT_TTL if handshake_seen else None)

    def peer(self, incident):
        peer = incident["peer"]
        if self.case.peer is None:
            self.expect("peer", peer, None)
            return
        if peer is None:
            if not self.excused("peer"):
                self.problems.append(f"peer is null, expected {self.truth['peer']}")
            return
        self.expect("peer.pid", peer["pid"], self.truth["peer"]["pid"])
        self.expect("peer.comm", peer["comm"], self.truth["peer"]["comm"])
        if self.limit("peer") and peer.get("action") not in self.case.action:
            self.excused("peer")
        else:
            self.expect("peer.action", peer.get("action"), *self.case.action)
        unread = peer.get("unread_bytes")
        tells_unread = self.case.action == ("close",) or self.case.kind == "unix"
        if self.truth["unread"] is not None and tells_unread and not (unread is None and self.excused("unread")):
            self.expect("peer.unread_bytes", unread, self.truth["unread"])

    def verdict(self, incident):
        verdict = incident["verdict"]
        limit = self.limit("cause")
        if limit and verdict["cause"] in limit.allowed:
            self.excused("cause")
        else:
            self.right_cause(incident, verdict)
        named = {rival["cause"] for rival in verdict["rejected"] if rival["because"].strip()}
        if not named >= set(self.case.rejected) - {verdict["cause"]}:
            self.problems.append(f"verdict.rejected names {named}, expected {self.case.rejected}")
        if not (self.limit("peer") and incident["peer"] is None):
            self.confidence(verdict["confidence"])
        if not verdict["advice"].strip():
            self.problems.append("verdict.advice is empty")
        steps = len(incident["timeline"])
        if verdict["confidence"] == "certain" and not verdict["evidence"]:
            self.problems.append("a certain verdict without evidence")
        if any(index >= steps for index in verdict["evidence"]):
            self.problems.append(f"evidence {verdict['evidence']} points outside a timeline of {steps}")

    def right_cause(self, incident, verdict):
        """The cause, and what goes with it alone."""
        self.expect("verdict.cause", verdict["cause"], *self.case.cause)
        age_us = incident["endpoint"].get("age_us")
        if self.case.severity == ("benign",) and self.case.kind == "tcp" and self.case.role == "victim" and (
                age_us is None or age_us > HEALTH_CHECK_US_MAX):
            self.expect("verdict.severity", verdict["severity"], "benign", "fault")
        else:
            self.expect("verdict.severity", verdict["severity"], *self.case.severity)
        for words in self.case.says:
            if words not in verdict["summary"]:
                self.problems.append(f"verdict.summary does not say {words!r}: {verdict['summary']}")

    def confidence(self, told):
        limit = self.limit("confidence")
        if limit and told in limit.allowed:
            self.excused("confidence")
        else:
            self.expect("verdict.confidence", told, *self.case.confidence)

    def timeline(self, incident):
        times = [step["t_us"] for step in incident["timeline"]]
        if times != sorted(times):
            self.problems.append(f"timeline is not in order of time: {times}")
        events = [step["event"] for step in incident["timeline"]]
        wanted = list(self.case.timeline)
        if self.truth["sigpipe"] in ("killed", "handled", "blocked", "ignored"):
            wanted.append("sigpipe_generated")
        for event in dict.fromkeys(wanted):
            if event not in events and not self.excused("timeline"):
                self.problems.append(f"timeline has no {event}: {events}")
        fins = [step for step in incident["timeline"] if step["event"] == "fin_received"]
        from_state = [step for step in fins if step.get("detail", {}).get("read_from_state")]
        if self.case.fin_from_state and not from_state:
            self.problems.append(f"the FIN is not marked as read from the socket's state: {fins}")
        if not self.case.fin_from_state and from_state:
            self.problems.append(f"a FIN of this trace is marked as read from state: {fins}")

    def moment(self, incident, began, ended):
        slack = timedelta(seconds=1)
        at = datetime.fromisoformat(incident["time"].replace("Z", "+00:00"))
        if not datetime.fromisoformat(began) - slack <= at <= datetime.fromisoformat(ended) + slack:
            self.problems.append(f"time {incident['time']} lies outside {began} to {ended}")

    def identity(self, incident, kernel):
        victim = {"pid": None, "comm": None} if self.case.nobody else self.truth["victim"]
        self.expect("role", incident["role"], self.case.role)
        self.expect("process.pid", incident["process"]["pid"], victim["pid"])
        self.expect("process.comm", incident["process"]["comm"], victim["comm"])
        self.expect("host.kernel", incident["host"]["kernel"], kernel)
        self.expect("lost", incident["lost"], 0)

    def lossy(self, incident, kernel):
        """Where a hook was skipped less is known, and nothing may be certain or invented."""
        self.notes.append(("confidence", SKIPPED))
        incident = {**incident, "lost": 0}
        self.identity(incident, kernel)
        self.expect("verdict.confidence", incident["verdict"]["confidence"], "likely", "unknown")
        self.expect("verdict.cause", incident["verdict"]["cause"], *self.case.cause, "peer_reset", "unknown")

    def incident(self, incident, result, kernel):
        if incident["lost"] > 0 and self.skipped:
            self.lossy(incident, kernel)
            return
        self.identity(incident, kernel)
        self.moment(incident, result["began"], result["ended"])
        for part in (self.errors, self.sigpipe, self.endpoint, self.rst, self.peer, self.verdict,
                     self.timeline):
            part(incident)

    def revisions(self, groups):
        for lines in groups.values():
            numbers = [line["revision"] for line in lines]
            if numbers != list(range(len(numbers))):
                self.problems.append(f"revisions are {numbers}")

    def others(self, incidents):
        """Nobody else has failed, but the peer where the case says so."""
        of_peer = [line for line in incidents if self.truth["peer"] and self.case.peer_cause and
                   line["process"]["pid"] == self.truth["peer"]["pid"]]
        for line in incidents:
            if line not in of_peer:
                self.problems.append(f"{line['process']} is blamed ({line['verdict']['cause']})")
        if self.case.peer_cause:
            self.expect("number of incidents of the peer", len(of_peer), 1)
        for line in of_peer:
            self.expect("verdict.cause of the peer", line["verdict"]["cause"], *self.case.peer_cause)

    def case_result(self, result, kernel):
        """Judge everything that was printed about this case."""
        groups = revisions_in_order(result["incidents"])
        self.revisions(groups)
        last = [lines[-1] for lines in groups.values()]
        pid = None if self.case.nobody else self.truth["victim"]["pid"]
        own = [line for line in last if line["process"]["pid"] == pid]
        self.others([line for line in last if line not in own])
        if not self.case.cause:
            self.expect("number of incidents", len(own), 0)
        elif not own and self.excused("incident"):
            return
        elif len(own) == 1:
            self.incident(own[0], result, kernel)
        else:
            self.problems.append(f"{len(own)} incidents of the victim, expected 1: "
                                 f"{[line['verdict']['cause'] for line in own]}")
