"""Shows that every tidy rule catches its violation, names its line, and lets clean code pass."""

import os
import tempfile
import unittest

import c_text
import tidy

CLEAN = {
    "CMakeLists.txt": "add_subdirectory(bpf)\nadd_subdirectory(userspace)\nadd_subdirectory(tests)\n",
    "tests/CMakeLists.txt": "add_subdirectory(unit)\nadd_subdirectory(p)\n",
    "bpf/CMakeLists.txt": "set(bpf_sources\n  tcp.bpf.c\n)\n",
    "bpf/tcp.bpf.c": '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "maps.bpf.h"\n',
    "userspace/CMakeLists.txt": "add_executable(pipetrace main.cpp)\nadd_subdirectory(diagnose)\n",
    "userspace/diagnose/CMakeLists.txt": "pipetrace_library(diagnose SOURCES diagnoser.cpp)\n",
    "userspace/diagnose/diagnoser.cpp": '#include <vector>\n#include "model/incident.h"\nint f() { return 1; }\n',
}


def complaints(**changed):
    """Violations of the clean tree with these files (PATH with __ for /) laid over it."""
    texts = dict(CLEAN)
    texts.update({path.replace("__", "/"): text for path, text in changed.items()})
    return tidy.check_tree(texts)


def with_file(path, text):
    return complaints(**{path: text})


def function_of(lines):
    return "int f()\n{\n" + "  g();\n" * (lines - 3) + "}\n"


class Includes(unittest.TestCase):
    def expect(self, path, include, message):
        found = with_file(path, f"\n#include {include}\n")
        self.assertTrue(any(line.startswith(f"{path}:2: ") and message in line for line in found), found)

    def test_clean_tree_passes(self):
        self.assertEqual(complaints(), [])

    def test_against_the_flow(self):
        self.expect("userspace/diagnose/a.h", '"correlate/correlator.h"', "may not include")
        self.expect("userspace/model/a.h", '"render/text_renderer.h"', "may not include")
        self.expect("userspace/cli/a.h", '"app/pipeline.h"', "may not include")
        self.expect("userspace/main.cpp", '"model/event.h"', "may not include")

    def test_pure_folders_see_no_system(self):
        self.expect("userspace/correlate/a.h", "<unistd.h>", "is pure")
        self.expect("userspace/advise/a.h", "<fcntl.h>", "is pure")
        self.expect("userspace/advise/a.h", '"diagnose/diagnoser.h"', "may not include")
        self.expect("userspace/model/a.h", "<sys/socket.h>", "is pure")

    def test_libraries(self):
        self.expect("userspace/app/a.h", "<bpf/libbpf.h>", "library bpf")
        self.expect("userspace/app/a.h", "<CLI/CLI.hpp>", "library CLI")
        self.expect("userspace/correlate/a.h", "<nlohmann/json.hpp>", "library nlohmann")
        self.expect("userspace/app/a.h", "<toml++/toml.h>", "library toml++")
        self.expect("userspace/app/a.h", '"pipetrace.skel.h"', "only source may")

    def test_abi_and_kernel_side(self):
        self.expect("userspace/render/a.h", '"pipetrace_abi.h"', "may not include")
        self.expect("userspace/source/a.h", '"maps.bpf.h"', "never reaches C++")
        self.expect("tests/unit/a.h", '"../../bpf/maps.bpf.h"', "never reaches C++")
        self.expect("bpf/maps.bpf.h", "<stdio.h>", "kernel side may not")

    def test_unknown_folder(self):
        self.expect("userspace/misc/a.h", "<vector>", "not in the table")

    def test_allowed(self):
        for path, include in (
            ("userspace/source/a.h", '"pipetrace.skel.h"'),
            ("userspace/source/a.h", "<bpf/libbpf.h>"),
            ("userspace/decode/a.h", '"pipetrace_abi.h"'),
            ("userspace/cli/a.h", "<CLI/CLI.hpp>"),
            ("userspace/main.cpp", '"app/pipeline.h"'),
            ("userspace/app/a.h", '"correlate/correlator.h"'),
        ):
            self.assertEqual(with_file(path, f"#include {include}\n"), [], path)

    def test_include_in_a_comment_is_none(self):
        self.assertEqual(with_file("userspace/model/a.h", '// #include "app/pipeline.h"\n'), [])


class Lengths(unittest.TestCase):
    def expect(self, path, text, message):
        found = with_file(path, text)
        self.assertEqual(len(found), 1, found)
        self.assertIn(message, found[0])

    def test_file(self):
        self.assertEqual(with_file("bpf/a.bpf.h", "int a;\n" * 400), [])
        self.expect("bpf/a.bpf.h", "int a;\n" * 401, "401 lines, 400 at most")
        self.expect("bootstrap", "#!/bin/bash\n" + "true\n" * 400, "401 lines")

    def test_c_function(self):
        self.assertEqual(with_file("bpf/a.bpf.h", function_of(60)), [])
        self.expect("bpf/a.bpf.h", "\n\n" + function_of(61), "a.bpf.h:3: function f has 61 lines")

    def test_function_in_class_in_namespace(self):
        text = "namespace a {\nclass B {\n" + function_of(61) + "};\n}\n"
        self.expect("bpf/a.bpf.h", text, ":3: function f has 61 lines")

    def test_python_and_shell_function(self):
        self.expect("a.py", "def f():\n" + "    g()\n" * 60, "function f has 61 lines")
        self.expect("b", "#!/bin/bash\nf() {\n" + "  true\n" * 59 + "}\n", "b:2: function f has 61 lines")

    def test_script_function(self):
        call = "  if (a) {\n  }\n"
        self.assertEqual(list(tidy.check_lengths("a.js", "function f() {\n" + call * 29 + "}\n")), [])
        found = list(tidy.check_lengths("a.js", "\nasync function f(b = {}) {\n" + call * 30 + "}\n"))
        self.assertEqual(found, [(2, "function f has 62 lines, 60 at most")])

    def test_unpaired_braces(self):
        self.expect("bpf/a.bpf.h", "int f() {\n", "do not pair up")

    def measured(self, text):
        found, balanced = c_text.functions(text)
        self.assertTrue(balanced)
        return found

    def test_what_is_a_function(self):
        self.assertEqual(self.measured("struct a { int b; };\nenum class c : int { d };\n"), [])
        self.assertEqual(self.measured("int a[] = { f(1), 2 };\nstd::map<int, int> m{{1, 2}};\n"), [])
        self.assertEqual(self.measured("static struct a *f(int x)\n{\n}\n"), [("f", 1, 3)])
        self.assertEqual(self.measured("auto f() -> std::vector<int> {\n}\n"), [("f", 1, 2)])
        self.assertEqual(self.measured("A::A(int x) : x_(x) {\n}\n"), [("A::A", 1, 2)])
        self.assertEqual(self.measured('SEC("a")\nint BPF_PROG(pt_a, int b)\n{\n}\n')[0][1:], (1, 4))
        self.assertEqual(self.measured("void f() {\n  if (a) {\n  }\n}\n"), [("f", 1, 4)])
        self.assertEqual(len(self.measured("const R r[] = {\n {1, [](int x) {\n }},\n};\n")), 1)

    def test_braces_in_literals_do_not_count(self):
        text = "int f() {\n  g(\"}\", '}', R\"x(}\")x\"); // }\n  int a = 1'000; /* }\n */\n}\n#define B {\n"
        self.assertEqual(self.measured(text), [("f", 1, 5)])


class Wording(unittest.TestCase):
    def test_file_names(self):
        for name in ("string_utils.h", "common.h", "task-helpers.py", "hook_manager.h", "proc_info.h"):
            self.assertEqual(len(with_file(f"tests/{name}", "")), 1, name)
        for name in ("database.h", "peer_closed_unread_data_scenario.h"):
            self.assertEqual(with_file(f"tests/{name}", ""), [], name)

    def test_phrases(self):
        # Put together here, so that this file holds none of them.
        for words in (
            ("http://deb", ".debian.org/x"),
            ("security", ".debian.org"),
            ("registry.npm", "js.org"),
            ("node", "source.com"),
            ("see issue ", "#2"),
            ("as the ", "session asked"),
            ("a helper ", "agent"),
            ("// TO", "DO later"),
            ("// FIX", "ME"),
        ):
            found = with_file("README.md", "fine\n" + "".join(words) + "\n")
            self.assertEqual(len(found), 1, (words, found))
            self.assertTrue(found[0].startswith("README.md:2: "), found)

    def test_ordinary_words_pass(self):
        self.assertEqual(with_file("README.md", "Debian's own packages; a session leader; todo list\n"), [])


class Built(unittest.TestCase):
    def test_source_that_no_list_names(self):
        found = with_file("userspace/diagnose/orphan.cpp", "")
        self.assertEqual(len(found), 1, found)
        self.assertIn("never built", found[0])

    def test_a_part_of_a_page_that_no_list_names(self):
        for name in ("a.js", "a.css", "a.html"):
            self.assertEqual(len(with_file(f"userspace/render/html/{name}", "")), 1, name)

    def test_named_only_in_a_comment_or_as_part_of_a_name(self):
        lists = "pipetrace_library(diagnose SOURCES diagnoser.cpp my_orphan.cpp) # orphan.cpp\n"
        found = complaints(
            **{"userspace__diagnose__CMakeLists.txt": lists, "userspace__diagnose__orphan.cpp": ""}
        )
        self.assertEqual(len(found), 1, found)

    def test_named_from_another_folder(self):
        for lists, count in (("add_library(s ../schema/s.cpp)\n", 0), ("add_library(s s.cpp)\n", 1)):
            found = complaints(**{"tests__unit__CMakeLists.txt": lists, "tests__schema__s.cpp": ""})
            self.assertEqual(len(found), count, found)

    def test_folder_that_no_list_adds(self):
        found = with_file("tests/layout/CMakeLists.txt", "add_test(NAME a COMMAND b)\n")
        self.assertEqual(len(found), 1, found)
        self.assertIn("tests/layout/CMakeLists.txt:1: ", found[0])

    def test_named_by_stem_in_a_loop(self):
        loop = "foreach(name tcp pipe)\n  add_executable(${name} ${name}_a.c)\nendforeach()\n"
        self.assertEqual(complaints(**{"tests__p__CMakeLists.txt": loop, "tests__p__tcp_a.c": ""}), [])
        self.assertEqual(
            len(complaints(**{"tests__p__CMakeLists.txt": loop, "tests__p__unix_a.c": ""})), 1
        )


class ReadTree(unittest.TestCase):
    def test_skips_build_and_binaries(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "build"))
            os.makedirs(os.path.join(root, "bpf"))
            for path, content in (("build/a.c", b"x"), ("bpf/a.h", b"x"), ("bpf/b.o", b"\0")):
                with open(os.path.join(root, path), "wb") as file:
                    file.write(content)
            self.assertEqual(tidy.read_tree(root), {"bpf/a.h": "x"})


if __name__ == "__main__":
    unittest.main()
