"""Shell pipelines: who really let go of a pipe where several programs held, or had opened, its read end."""
import sys

import live
from live import LiveTest

READER_OF_ITS_CHILD = """
import os, subprocess
child = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
print(os.getpid(), flush=True)
child.stdout.read(5)
child.stdout.close()
child.wait()
"""

# The shell that forks a pipeline closes its own copies of the pipe afterwards, on a busy machine after the subshell has
# ended.
SUBSHELL = """
holds() { for fd in /proc/$$/fd/*; do [[ $fd -ef /proc/self/fd/0 ]] && return; done; return 1; }
begin() { echo $BASHPID > $OUT; while holds; do :; done; }
"""


class Pipelines(LiveTest):
    def told_in_bash(self, script):
        """Told of a script whose $OUT takes process ids, with these."""
        out = self.directory / "pids"
        told = self.told_of("bash", "-c", f"{SUBSHELL}OUT={out}; {script}")
        return told, [int(word) for word in out.read_text().split()]

    def assert_closed_by(self, incident, pid, action):
        self.assertEqual(incident["verdict"]["cause"], "pipe_reader_closed")
        self.assertEqual((incident["peer"]["pid"], incident["peer"]["action"]), (pid, action))

    def test_a_subshell_that_closes_what_its_program_had_read_from(self):
        for program in ("head -1", "sh -c 'read line'"):  # the first closes its own copy, the second does not
            told, (subshell,) = self.told_in_bash(
                f"yes | {{ begin; {program} > /dev/null; exec <&-; sleep 0.1; }}")
            self.assertEqual(list(told), ["yes"])
            self.assert_closed_by(told["yes"], subshell, "close")

    def test_a_subshell_that_reads_on_and_exits(self):
        told, (subshell,) = self.told_in_bash("yes | { begin; head -1 > /dev/null; echo; }")
        self.assert_closed_by(told["yes"], subshell, "exit")

    def test_the_last_reader_is_not_known_where_it_only_closes(self):
        """Only a hook on the pipe's release sees it; without one nobody else is named in its stead."""
        told, (subshell,) = self.told_in_bash("yes | { begin; read line; exec <&-; sleep 0.1; }")
        if told["yes"]["peer"] is None:
            self.assertEqual(told["yes"]["verdict"]["confidence"], "likely")
        else:
            self.assert_closed_by(told["yes"], subshell, "close")

    def test_a_reader_that_has_opened_the_pipe_twice(self):
        """The name in /dev opens the pipe that is standard input already."""
        told = self.told_of("bash", "-c", "yes | tail -c +1 /dev/stdin | head -c1 > /dev/null")
        self.assertEqual(set(told), {"tail", "yes"})
        self.assertEqual(told["yes"]["verdict"]["cause"], "pipe_reader_died")
        self.assertEqual(told["yes"]["peer"]["pid"], told["tail"]["process"]["pid"])
        self.assertEqual(told["yes"]["caused_by"], told["tail"]["id"])

    def test_a_subshell_passes_on_how_its_pipeline_ended(self):
        told = self.told_of("bash", "-c", "(yes | sed -u p) | (cat | tee /dev/null) | head -1")
        self.assertEqual(set(told), {"tee", "cat", "sed", "yes"})
        self.assertEqual((told["sed"]["peer"]["comm"], told["sed"]["peer"]["action"]), ("bash", "exit"))
        causes = {name: told[name]["caused_by"] for name in told}
        self.assertEqual(causes, {"tee": None, "cat": told["tee"]["id"], "sed": told["tee"]["id"],
                                  "yes": told["sed"]["id"]})
        self.assertEqual({incident["verdict"]["severity"] for incident in told.values()}, {"benign"})

    def test_a_program_that_reads_its_child_and_closes(self):
        told, (reader,) = self.told_in_bash(f"{sys.executable} -c '{READER_OF_ITS_CHILD}' > $OUT")
        self.assert_closed_by(told["yes"], reader, "close")


if __name__ == "__main__":
    live.main()
