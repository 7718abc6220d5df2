"""What reaches a terminal: nothing raw from processes, colour only there, 80 columns, signs of life."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import live
from live import LiveTest, provoke
from pseudo_terminal import COLUMNS, ESCAPE, TerminalTest

EVIL = b"\x1b[31mevil"
INVALID = b"\xff\xfeodd"
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def fail_as(name):
    """Let a process of that name meet a broken pipe; return its truth."""
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("named_victim.py")), name.hex()],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                          timeout=live.COMMAND_SECONDS)
    return json.loads(done.stdout)


class OnATerminal(TerminalTest):
    def test_names_are_escaped(self):
        terminal = self.terminal("--kind", "pipe")
        fail_as(EVIL)
        self.assertTrue(terminal.read_until(rb"evil", live.INCIDENT_SECONDS), terminal.seen)
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn(EVIL, terminal.seen)

    def test_colour_is_for_terminals_that_want_it(self):
        coloured, plain = self.terminal("--comm", "victim"), self.terminal("--comm", "victim", NO_COLOR="1")
        provoke("classic")
        for terminal in (coloured, plain):
            self.assertTrue(terminal.read_until(rb"Advice", live.INCIDENT_SECONDS), terminal.seen)
            self.assertEqual(terminal.end(), 0)
        self.assertRegex(coloured.seen, COLOUR)
        self.assertNotRegex(plain.seen, COLOUR)

    def test_80_columns(self):
        terminal = self.terminal("--comm", "victim", NO_COLOR="1")
        provoke("classic", "--sigpipe", "ignore")
        provoke("unread_close", "--ipv6")
        self.assertTrue(terminal.read_until(rb"peer_closed_unread_data", live.INCIDENT_SECONDS))
        self.assertEqual(terminal.end(), 0)
        text = ESCAPE.sub(b"", terminal.seen).decode()
        # The readiness line is one line by contract, whatever its length.
        long = [line for line in re.split(r"[\r\n]+", text)
                if len(line) > COLUMNS and not line.startswith("pipetrace: tracing")]
        self.assertEqual(long, [])

    def test_a_status_line_while_nothing_happens(self):
        terminal = self.terminal("--comm", "nobody-has-it")
        length = len(terminal.seen)
        self.assertTrue(terminal.read_until(rb"(?s)tracing.*\r[^\n]*\S", 5), terminal.seen)
        self.assertGreater(len(terminal.seen), length)
        self.assertEqual(terminal.end(), 0)


class NotOnATerminal(LiveTest):
    def test_text_into_a_pipe_has_no_escapes_at_all(self):
        tracer = self.trace("--kind", "pipe", env={**os.environ, "TERM": "xterm-256color"})
        fail_as(EVIL)
        self.assertTrue(tracer.wait_line("evil", live.INCIDENT_SECONDS), tracer.lines)
        self.stop(tracer)
        self.assertNotIn("\x1b", "".join(tracer.lines) + tracer.stderr())

    def test_json_keeps_the_name(self):
        tracer = self.trace("--json", "--kind", "pipe")
        incident = self.incident_of(tracer, fail_as(EVIL))
        self.assertEqual(incident["process"]["comm"], EVIL.decode())
        self.stop(tracer)
        self.assertNotIn("\x1b", "".join(tracer.lines), "a raw escape inside JSON")

    def test_json_stays_utf8(self):
        out = self.directory / "incidents"
        tracer = self.trace("--json", "--kind", "pipe", "-o", out)
        victim = fail_as(INVALID)["victim"]["pid"]
        live.wait_for(lambda: out.read_bytes().endswith(b"\n"), live.INCIDENT_SECONDS, "a line")
        self.stop(tracer)
        incidents = [json.loads(line) for line in out.read_bytes().decode("utf-8").splitlines()]
        names = [found["process"]["comm"] for found in incidents if found["process"]["pid"] == victim]
        self.assertEqual(len(set(names)), 1)
        self.assertIn("odd", names[0])


if __name__ == "__main__":
    live.main()
