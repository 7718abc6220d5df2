"""Checks the source tree: include direction, lengths, names, wording, files that nobody builds.

Usage: tidy.py SOURCE_DIR. Prints one line a violation; exit status 1 if there is any.
"""

import ast
import os
import re
import sys

import c_text
import layers
import wording

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache"}
# Not written by hand here: the licence, recorded kernels, expected output.
UNMEASURED = re.compile(r"^(?:LICENSE$|tests/(?:golden|kernel_data)/)")
C_SUFFIXES = (".c", ".h", ".cpp")
BUILT_SUFFIXES = (".c", ".cpp", ".js", ".css", ".html")


def read_tree(root):
    """Returns {path below root: text} of all text files."""
    texts = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(set(names) - SKIPPED_FOLDERS):  # .git is a file in a worktree
            full = os.path.join(folder, name)
            if os.path.islink(full):
                continue
            with open(full, "rb") as file:
                content = file.read()
            if b"\0" not in content:
                path = os.path.relpath(full, root).replace(os.sep, "/")
                texts[path] = content.decode("utf-8", errors="replace")
    return texts


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(text):
    for match in re.finditer(r"^(\w+)\(\) \{.*?^\}", text, re.MULTILINE | re.DOTALL):
        yield match.group(1), text.count("\n", 0, match.start()) + 1, match.group(0).count("\n") + 1


def script_functions(text):
    """Of JavaScript, whose functions stand at the left margin here."""
    for match in re.finditer(r"^(?:async )?function (\w+)\(.*?^\}", text, re.MULTILINE | re.DOTALL):
        yield match.group(1), text.count("\n", 0, match.start()) + 1, match.group(0).count("\n") + 1


def check_lengths(path, text):
    """Yields (line, message) where a file or a function is too long to read at once."""
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield 1, f"{lines} lines, {FILE_LINES_MAX} at most"
    functions = []
    if path.endswith(C_SUFFIXES):
        functions, balanced = c_text.functions(text)
        if not balanced:
            yield 1, "braces do not pair up outside of #if, so functions cannot be measured"
    elif path.endswith(".py"):
        functions = python_functions(text)
    elif path.endswith(".js"):
        functions = script_functions(text)
    elif text.startswith("#!") and "sh" in text.split("\n", 1)[0]:
        functions = shell_functions(text)
    for name, line, length in functions:
        if length > FUNCTION_LINES_MAX:
            yield line, f"function {name} has {length} lines, {FUNCTION_LINES_MAX} at most"


def named_sources(folder, lists):
    """Yields the paths of the C and C++ files that one CMakeLists.txt names, in full or in a loop."""
    lists = re.sub(r"#.*", "", lists)
    words = re.findall(r"[^\s()\"]+", lists)
    # A loop's variable with the rest of the name after it: ${name}_test.cpp.
    endings = set(re.findall(r"\$\{\w+\}([\w.]*\.(?:c|cpp))\b", lists))
    for word in words:
        for ending in {""} | endings:
            yield os.path.normpath(os.path.join(folder, word + ending))


def check_built(texts):
    """Yields (path, message) for each source that no CMakeLists.txt names."""
    named = set()
    for path, text in texts.items():
        if os.path.basename(path) == "CMakeLists.txt":
            named.update(named_sources(os.path.dirname(path), text))
    for path in texts:
        if path.endswith(BUILT_SUFFIXES) and path not in named:
            yield path, "no CMakeLists.txt names this file: it is never built"


def check_folders(texts):
    """Yields (path, message) for each CMakeLists.txt that the folder above does not bring in."""
    for path in texts:
        folder, name = os.path.split(path)
        if name != "CMakeLists.txt" or not folder:
            continue
        above, own = os.path.split(folder)
        lists = texts.get(os.path.join(above, "CMakeLists.txt"), "")
        if not re.search(rf"^\s*add_subdirectory\({re.escape(own)}\)", lists, re.MULTILINE):
            yield path, "the CMakeLists.txt above does not add this folder: nothing in it is built"


def check_tree(texts):
    """Returns all violations as 'path:line: message'."""
    unbuilt = [*check_built(texts), *check_folders(texts)]
    found = [f"{path}:1: {message}" for path, message in unbuilt]
    for path, text in texts.items():
        name_complaint = wording.check_name(path)
        if name_complaint:
            found.append(f"{path}:1: {name_complaint}")
        complaints = list(wording.check_text(text))
        if not UNMEASURED.match(path):
            complaints += check_lengths(path, text)
        if path.endswith(C_SUFFIXES):
            complaints += layers.check(path, text)
        found += [f"{path}:{line}: {message}" for line, message in complaints]
    return found


def main():
    texts = read_tree(sys.argv[1])
    sources = sum(path.endswith(C_SUFFIXES) for path in texts)
    if sources == 0:
        print(f"{sys.argv[1]}: no C or C++ source found here: wrong folder?")
        return 1
    found = check_tree(texts)
    print("\n".join(found + [f"{len(texts)} files read, {sources} of them C or C++: {len(found)} violations"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
