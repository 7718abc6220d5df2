"""Reads C and C++ text as far as the tidy rules need: includes, and how long functions are."""

import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# Comments and literals, longest construct first. A quote inside a number (1'000) is no literal.
OPAQUE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
TYPE_HEAD = re.compile(r"^(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:enum|class|struct|union)\b", re.DOTALL)
# What may stand between a parameter list and its body.
AFTER_PARAMETERS = re.compile(
    r"\)\s*(?:const|noexcept|override|final|mutable|constexpr|&&?|->\s*[\w:<>,\s*&]+|\s)*$"
)


def includes(text):
    """Yields (line number, '<' or '"', path) of each include directive."""
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start(2)) + 1, match.group(1), match.group(2)


def blank(match):
    """What a comment or literal leaves behind: its line breaks, and a mark that something was there."""
    text = match.group(0)
    return ("" if text.startswith(("//", "/*")) else '""') + "\n" * text.count("\n")


def bare_code(text):
    """The text without comments, literals and preprocessor lines; line numbers stay."""
    text = OPAQUE.sub(blank, text)
    return DIRECTIVE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def opens_function(head):
    """Whether a brace after `head` (what follows the last ; { or }) opens a function's body."""
    if ")" not in head or head.endswith("="):
        return False
    return bool(AFTER_PARAMETERS.search(head)) or not TYPE_HEAD.match(head)


def functions(text):
    """Returns ([(name, first line, lines)], balanced) for outermost functions, lambdas in tables too."""
    code = bare_code(text)
    found, open_braces = [], []
    head_start, inside = 0, 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group(0)
        if mark == "{":
            head = code[head_start:at]
            is_function = inside == 0 and opens_function(head.strip())
            first = code.count("\n", 0, head_start + len(head) - len(head.lstrip())) + 1
            open_braces.append((is_function, head, first))
            inside += is_function
        elif mark == "}":
            if not open_braces:
                return found, False
            is_function, head, first = open_braces.pop()
            inside -= is_function
            if is_function:
                found.append((name_of(head), first, code.count("\n", 0, at) + 2 - first))
        head_start = at + 1
    return found, not open_braces


def name_of(head):
    """A function's name for messages; a BPF_PROG or TEST is named by its first argument."""
    match = re.search(r"([\w:~]+)\s*\(\s*(\w*)", head)
    if not match:
        return "lambda"
    name, argument = match.groups()
    return f"{name}({argument})" if re.fullmatch(r"[A-Z][A-Z0-9_]+", name) else name
