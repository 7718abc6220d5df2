"""The record header as C, as C++ and as the kernel programs' type information must agree.

Usage: layout_test.py BPFTOOL BPF_OBJECT C_LAYOUT CXX_LAYOUT HEADER...
"""

import json
import re
import subprocess
import sys
import unittest

import abi_header

BPFTOOL, BPF_OBJECT, C_LAYOUT, CXX_LAYOUT, *HEADERS = sys.argv[1:]


def compiled(program):
    """Returns {(struct, field): (offset, size)}; the field "." is the whole."""
    result = subprocess.run([program], capture_output=True, text=True, check=True, timeout=30)
    layout = {}
    for line in result.stdout.splitlines():
        struct, field, offset, size = line.split()
        layout[struct, field] = (int(offset), int(size))
    return layout


class TypeInformation:
    """The types of a BPF object, as bpftool prints them."""

    def __init__(self):
        result = subprocess.run([BPFTOOL, "-j", "btf", "dump", "file", BPF_OBJECT],
                                capture_output=True, text=True, check=True, timeout=30)
        self.types = {one["id"]: one for one in json.loads(result.stdout)["types"]}

    def size(self, number):
        one = self.types[number]
        if one["kind"] == "ARRAY":
            return one["nr_elems"] * self.size(one["type_id"])
        if "size" in one:
            return one["size"]
        return self.size(one["type_id"])  # typedef, const, volatile

    def layout(self):
        found = {}
        for one in self.types.values():
            if one["kind"] != "STRUCT" or not one["name"].startswith("pt_"):
                continue
            found[one["name"], "."] = (0, one["size"])
            for member in one["members"]:
                if member.get("bitfield_size"):
                    continue
                offset = member["bits_offset"] // 8
                found[one["name"], member["name"]] = (offset, self.size(member["type_id"]))
        return found


class LayoutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = compiled(C_LAYOUT)
        cls.cxx = compiled(CXX_LAYOUT)
        cls.bpf = TypeInformation().layout()
        cls.header = ""
        for path in HEADERS:
            with open(path, encoding="utf-8") as header:
                cls.header += header.read()
        cls.structs = abi_header.structs(cls.header)

    def test_every_struct_of_the_header_is_compared(self):
        declared = re.findall(r"^struct (\w+) \{", self.header, re.MULTILINE)
        self.assertEqual(sorted(declared), sorted(self.structs))
        self.assertGreaterEqual(len(declared), 20)

    def test_every_kind_of_record_is_a_struct(self):
        kinds = re.findall(r"^\tPT_(\w+) = \d+,", self.header, re.MULTILINE)
        for kind in kinds:
            if kind != "RECORD_KIND_COUNT":
                self.assertIn(f"pt_{kind.lower()}", self.structs)

    def test_c_and_cxx_agree(self):
        self.assertEqual(self.c, self.cxx)

    def test_the_kernel_programs_agree(self):
        missing = sorted(name for name in self.structs if (name, ".") not in self.bpf)
        self.assertEqual(missing, [], "not in the object's type information: see maps.bpf.c")
        ours = {key: place for key, place in self.bpf.items() if key[0] in self.structs}
        differing = {key: (ours.get(key), self.c.get(key)) for key in ours.keys() | self.c.keys()
                     if ours.get(key) != self.c.get(key)}
        self.assertEqual(differing, {}, "(offset, size): the object's and the header's")

    def test_nothing_is_padded_silently(self):
        for name, fields in self.structs.items():
            end_bits = 0
            for field, bits in fields:
                if bits is not None:
                    end_bits += bits
                    continue
                end = (end_bits + 7) // 8
                offset, size = self.c[name, field]
                self.assertEqual(offset, end, f"hole before {name}.{field}")
                end_bits = (end + size) * 8
            self.assertEqual(self.c[name, "."][1] * 8, end_bits, f"hole at the end of {name}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
