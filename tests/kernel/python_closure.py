"""Compile the standard library modules that a few imports need, for the VM.

Run by the interpreter that goes into the VM. Prints one line a file,
`kind<TAB>source<TAB>path in the VM`; compiled modules are written to STAGE.
Usage: python_closure.py STAGE MODULE...
"""
import importlib
import importlib.util
import marshal
import sys
from pathlib import Path

# hashlib and shutil do without these, and their libraries are large.
LEFT_OUT = {"_hashlib": None, "_ssl": None, "_bz2": None, "_lzma": None}
# Imported on first use, so an import closure does not show them.
LAZY = ["encodings.idna", "encodings.ascii", "encodings.latin_1", "shutil", "traceback"]


def unchecked_pyc(code):
    """A .pyc that the interpreter takes without looking for its source."""
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)


def main():
    stage = Path(sys.argv[1])
    sys.modules.update(LEFT_OUT)
    for name in [*sys.argv[2:], *LAZY]:
        importlib.import_module(name)
    print("file", sys.executable, sys.executable, sep="\t")
    # The interpreter looks for this directory to find its own prefix.
    print("dir", "-", Path(importlib.util.__file__).parents[1] / "lib-dynload", sep="\t")
    for name, module in sorted(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if not origin or name == "__main__":
            continue
        if origin.endswith(".py"):
            code = module.__spec__.loader.get_code(module.__spec__.name)
            compiled = stage / (module.__spec__.name + ".pyc")
            compiled.write_bytes(unchecked_pyc(code))
            print("file", compiled, origin + "c", sep="\t")
        else:
            print("file", origin, origin, sep="\t")


if __name__ == "__main__":
    main()
