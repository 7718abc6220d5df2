"""Which capabilities serve needs, which it keeps once it is ready, and what else it holds on to."""
import os
import stat
import subprocess
from pathlib import Path

import caps
import serving
from serving import ServeTest, fields_of, live

# As packaging/systemd/README.md says; locked memory counts before 5.11 only.
NEEDED = ("bpf", "perfmon", "sys_ptrace")
# Since 5.19 who holds a descriptor of a map may read it, whatever unprivileged_bpf_disabled says.
KERNEL = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
KEPT = ("sys_ptrace",) if KERNEL >= (5, 19) else ("sys_ptrace", "bpf")

O_CLOEXEC = 0o2000000
KINDS_OF_DESCRIPTORS = ("anon_inode:bpf", "anon_inode:btf", "anon_inode:[signalfd]")


def mask_of(names):
    return sum(1 << caps.NUMBERS[name] for name in names)


class Unprivileged(ServeTest):
    def test_with_only_these_a_failure_is_told_whole(self):
        tracer = self.serve_as_nobody(*NEEDED)
        pid = self.victim()
        process = self.told_of(tracer, pid)["process"]
        self.assertEqual(process["exe"], os.path.realpath(serving.PYTHON))
        self.assertEqual(process["uid"], serving.SOMEBODY)
        self.assertIsNotNone(process["cgroup"])
        self.stop(tracer)
        self.assertEqual(tracer.stderr().count("missing"), 0, tracer.stderr())

    def test_without_sys_ptrace_the_executable_is_not_known(self):
        tracer = self.serve_as_nobody("bpf", "perfmon")
        pid = self.victim()
        incident = self.told_of(tracer, pid)
        self.assertIsNone(incident["process"]["exe"])
        self.assertEqual(incident["verdict"]["cause"], "write_after_peer_close")
        self.assertIn("CAP_SYS_PTRACE is missing", tracer.stderr())
        self.stop(tracer)

    def test_without_one_of_the_others_it_says_which(self):
        program = self.program_for_all(live.PIPETRACE)
        for missing in ("bpf", "perfmon"):
            with self.subTest(missing):
                names = [name for name in NEEDED if name != missing]
                done = live.run("serve", "--recording", self.recording, cwd="/", program=program,
                                preexec_fn=lambda names=names: caps.become(live.NOBODY, names))
                self.assert_status(1, done)
                self.assertIn(f"CAP_{missing.upper()} is missing", done.stderr)
                self.assertIn("sudo", done.stderr)

    def test_its_own_user_may_not_look_into_it(self):
        tracer = self.serve_as_nobody(*NEEDED)
        for what in ("fd", "environ", "maps", "mem"):
            looked = subprocess.run([*live.as_nobody(), "cat" if what != "fd" else "ls",
                                     f"/proc/{tracer.process.pid}/{what}"], capture_output=True, text=True, check=False)
            self.assertIn("Permission denied", looked.stderr, what)
        self.stop(tracer)


class AfterStart(ServeTest):
    def assert_capabilities(self, tracer, bounding):
        threads = list(Path(f"/proc/{tracer.process.pid}/task").iterdir())
        self.assertGreaterEqual(len(threads), 3, "no thread writes the recording")
        for thread in threads:
            status = fields_of(thread / "status")
            for name, expected in (("CapEff", mask_of(KEPT)), ("CapPrm", mask_of(KEPT)), ("CapBnd", bounding),
                                   ("CapInh", 0), ("CapAmb", 0)):
                self.assertEqual(int(status[name], 16), expected, f"{name} of {thread}")
            self.assertEqual(status["NoNewPrivs"], "1", thread)
            self.assertEqual(status["Seccomp"], "2", thread)

    def test_root_keeps_only_what_it_needs(self):
        tracer = self.serve("-v")
        self.assert_capabilities(tracer, bounding=mask_of(KEPT))
        self.assertIn("keeps CAP_SYS_PTRACE", tracer.stderr())
        self.stop(tracer)

    def test_a_user_keeps_only_what_it_needs(self):
        tracer = self.serve_as_nobody(*NEEDED)
        # Without CAP_SETPCAP the bounding set stays as it was given.
        self.assert_capabilities(tracer, bounding=mask_of(NEEDED))
        self.stop(tracer)

    def test_open_files(self):
        stray_reader, stray_writer = os.pipe()
        tracer = self.serve("--metrics", "127.0.0.1:0", pass_fds=[stray_writer])
        os.close(stray_writer)
        os.set_blocking(stray_reader, False)
        self.assertEqual(os.read(stray_reader, 1), b"", "it holds its caller's pipe open")
        os.close(stray_reader)
        process = Path(f"/proc/{tracer.process.pid}")
        files = [str(self.recording) + suffix for suffix in ("", "-wal", "-shm")]
        for link in (process / "fd").iterdir():
            if int(link.name) <= 2:
                continue
            target = os.readlink(link)
            is_known = target.startswith((*KINDS_OF_DESCRIPTORS, "socket:", "anon_inode:[event")) or target in files
            self.assertTrue(is_known, f"descriptor {link.name} is {target}")
            flags = fields_of(process / "fdinfo" / link.name)["flags"]
            # What a library opened without it is never handed on all the same: nothing can be executed.
            if not target.startswith(("socket:", "anon_inode:[event")):
                self.assertTrue(int(flags, 8) & O_CLOEXEC, f"{target} is handed on by exec")
        self.stop(tracer)

    def test_what_it_makes_is_its_own(self):
        tracer = self.serve()
        process = Path(f"/proc/{tracer.process.pid}")
        self.assertEqual(fields_of(process / "status")["Umask"], "0077")
        limits = {line[:26].strip(): line[26:].split() for line in (process / "limits").read_text().splitlines()}
        self.assertEqual(limits["Max core file size"][:2], ["0", "0"])
        made = list(self.state.iterdir())
        self.assertIn(self.recording, made)
        for path in made:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        self.stop(tracer)

    def test_run_hands_on_what_its_caller_had(self):
        shown = self.directory / "status"
        done = live.run("run", "-q", "--", "sh", "-c", f"cat /proc/self/status > {shown}")
        self.assert_status(0, done)
        ours, theirs = fields_of("/proc/self/status"), fields_of(shown)
        for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp", "Umask"):
            self.assertEqual(theirs[name], ours[name], name)


if __name__ == "__main__":
    live.main()
