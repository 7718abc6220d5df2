"""The stack that the programs' chains of calls take: kernels up to 6.1 give all functions of a chain 512 bytes
together (check_max_stack_depth()), of which only a virtual machine with such a kernel would tell otherwise.

Usage: stack_test.py BPF_OBJECT
"""
import struct
import sys
import unittest
from functools import lru_cache
from pathlib import Path

OBJECT = sys.argv[1]

CHAIN_BYTES_MAX = 512
# What a function takes is rounded up to as much; one that takes none counts too.
GRAIN_BYTES = 32
FRAME = 10  # the register
SYMTAB, REL = 2, 9
CALL_RELOCATION = 10  # R_BPF_64_32
FUNCTION, SECTION = 2, 3
LOADS, STORES, MOVE, ADD = (0x61, 0x69, 0x71, 0x79), (0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b), 0xbf, 0x07
ALU_CLASSES = (0x04, 0x07)


class Sections:
    """Of a 64-bit little-endian ELF file."""

    def __init__(self, data):
        self.data = data
        offset, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
        self.headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + 64 * i) for i in range(count)]

    def body(self, index):
        header = self.headers[index]
        return self.data[header[4]:header[4] + header[5]]

    def of_type(self, wanted):
        return [i for i, header in enumerate(self.headers) if header[1] == wanted]


class Functions:
    """{(section, offset): [name, bytes of stack, callees]}"""

    def __init__(self, sections):
        self.sections = sections
        table = sections.of_type(SYMTAB)[0]
        names = sections.body(sections.headers[table][6])
        self.symbols = list(struct.iter_unpack("<IBBHQQ", sections.body(table)))
        self.found = {}
        for name, kind, _, section, value, size in self.symbols:
            if kind & 15 == FUNCTION:
                text = names[name:names.index(b"\0", name)].decode()
                code = sections.body(section)[value:value + size]
                self.found[section, value] = [text, self.frame_bytes(code), set()]
        for index in sections.of_type(REL):
            self.add_calls(sections.headers[index][7], sections.body(index))

    @staticmethod
    def frame_bytes(code):
        """The deepest that is addressed: by an access from the frame's top, or by a pointer made from it."""
        deepest, copies = 0, set()
        for operation, registers, offset, number in struct.iter_unpack("<BBhi", code):
            to, of = registers & 15, registers >> 4
            if operation in STORES and to == FRAME or operation in LOADS and of == FRAME:
                deepest = min(deepest, offset)
            if operation == MOVE and of == FRAME:
                copies.add(to)
            elif operation == ADD and to in copies:
                deepest = min(deepest, number)
                copies.discard(to)
            elif operation & 7 in ALU_CLASSES or operation in LOADS:
                copies.discard(to)
        return max(1, (-deepest + GRAIN_BYTES - 1) // GRAIN_BYTES) * GRAIN_BYTES

    def add_calls(self, section, relocations):
        code = self.sections.body(section)
        for place, info in struct.iter_unpack("<QQ", relocations):
            symbol = self.symbols[info >> 32]
            if info & 0xffffffff != CALL_RELOCATION:
                continue
            target = symbol[4]
            if symbol[1] & 15 == SECTION:
                target = (struct.unpack_from("<i", code, place + 4)[0] + 1) * 8
            caller = max(key for key in self.found if key[0] == section and key[1] <= place)
            self.found[caller][2].add((symbol[3], target))


class StackTest(unittest.TestCase):
    def test_no_chain_of_calls_takes_more_than_there_is(self):
        functions = Functions(Sections(Path(OBJECT).read_bytes())).found

        @lru_cache(None)
        def deepest(key):
            name, own, callees = functions[key]
            below, names = max(map(deepest, sorted(callees)), default=(0, ()))
            return own + below, (f"{name} {own}", *names)

        chains = sorted(map(deepest, functions), reverse=True)
        print(f"\nthe longest of {len(chains)}: {chains[0][0]} bytes, {' > '.join(chains[0][1])}")
        self.assertGreater(max(len(names) for _, names in chains), 3, "calls are not seen")
        self.assertEqual([chain for chain in chains if chain[0] > CHAIN_BYTES_MAX], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
