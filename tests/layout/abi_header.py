"""Reads the names of structs and fields out of the record header.

Usage: abi_header.py HEADER... OUTPUT. Writes WHOLE(struct) and FIELD(struct, field) lines for
print_layout.
"""

import re
import sys

STRUCT = re.compile(r"^struct (pt_\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DECLARATION = re.compile(r"(?:struct \w+|__[us]\d+|char)\s+(\w+)(?:\[\w+\])?(?: : (\d+))?$")


def structs(text):
    """Returns {struct: [(field, bits)]} in the header's order; bits is None where it is no bit-field.

    Raises ValueError on a field it cannot read.
    """
    found = {}
    for match in STRUCT.finditer(COMMENT.sub("", text)):
        fields = []
        for line in match.group(2).split(";"):
            line = line.strip()
            if not line:
                continue
            field = DECLARATION.match(line)
            if field is None:
                raise ValueError(f"struct {match.group(1)}: cannot read '{line}' "
                                 "(fixed-width fields only, one a declaration)")
            fields.append((field.group(1), int(field.group(2)) if field.group(2) else None))
        found[match.group(1)] = fields
    return found


def main():
    found = {}
    for path in sys.argv[1:-1]:
        with open(path, encoding="utf-8") as header:
            found |= structs(header.read())
    with open(sys.argv[-1], "w", encoding="utf-8") as output:
        for name, fields in found.items():
            output.write(f"WHOLE({name})\n")
            # The offset of a bit-field cannot be asked for; its neighbours' show where it lies.
            output.writelines(f"FIELD({name}, {field})\n" for field, bits in fields if bits is None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
